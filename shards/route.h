/* route.h: from a parsed command to the shard or shards that run it.
 *
 * Routing switches on the scope column of commands.def and on nothing else. A command whose key is owned here, on a
 * connection that has routed nothing elsewhere this turn, runs at once; everything else goes into batches. Once a
 * connection has routed anything to another shard in a turn, its later local commands go through the local inbox too, in
 * the same flush, instead of overtaking it. */
#pragma once

#include "net/conn.h"
#include "shards/request.h"

enum {
    ROUTE_IN_FLIGHT_MAX = 1024, /* commands of one connection whose replies have not left */
    ROUTE_IN_FLIGHT_BYTES =
        32 << 20, /* replies expected of commands under way, beyond which no more are taken */
    ROUTE_TURN_OUTPUT_BYTES = 8 << 20, /* output that one connection's commands may pile up in one turn */
    ROUTE_PREFETCH_MIN = 4,            /* commands in a window from which entries are prefetched too */
    ROUTE_SCRATCH_KEEP_BYTES = 64 * 1024,
};

struct shard;

/* conn_host.on_peek: finds the commands and owners of a window, and begins to fetch what the local ones will touch. */
void route_peek(struct conn *conn, struct conn_window *window);

/* conn_host.on_command: routes one command; false when the connection has too much under way. */
bool route_command(struct conn *conn, const struct conn_request *request);

/* The number of the next transaction that this shard coordinates; unique in the server. */
uint64_t shard_next_txn_id(struct shard *shard);
