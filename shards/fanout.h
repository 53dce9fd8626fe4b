/* fanout.h: a one-phase command over several shards: parts that need nothing from each other.
 *
 * The coordinator cuts the command into one part per owner (MGET a b c: owner 1 runs "MGET a c", owner 2 "MGET b") and
 * sends them in one flush under the order locks, so that every shard sees it at the same place in the order. Each owner
 * runs the ordinary handler over its part. When all replies are in, they are merged as the command's row says.
 *
 * While parts are under way, owners read txn_id and participants, which are constant; everything else belongs to the
 * coordinator. */
#pragma once

#include "core/base/buf.h"
#include "core/base/shard_set.h"
#include "shards/request.h"

struct shard;

struct fanout {
    struct conn *conn;
    uint64_t slot;
    const struct command *command;
    uint64_t txn_id; /* names the transaction in the logs of its participants */
    struct shard_set participants;
    uint8_t proto;
    unsigned part_count;
    unsigned pending;
    struct fanout_part *parts;
    uint16_t *key_part; /* MERGE_KEYS: which part holds the n-th key */
    int key_count;
};

/* Routes a SCOPE_SPLIT command whose keys (argv positions in `keys`) have several owners. Takes the slot. */
void fanout_split(struct shard *shard, struct conn *conn, uint64_t slot, const struct request *request,
                  const struct command_keys *keys);

/* Routes a SCOPE_ALL command to every shard. Takes the slot. */
void fanout_all(struct shard *shard, struct conn *conn, uint64_t slot, const struct request *request);

/* A part's reply has come; the last one answers the command and frees the fan-out. */
void fanout_collect(struct shard *shard, struct fanout *fanout, unsigned part, struct bytes reply,
                    unsigned from, uint64_t ticket);
