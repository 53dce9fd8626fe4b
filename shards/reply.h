/* reply.h: replies arriving at the shard that coordinates their command. */
#pragma once

#include "core/base/bytes.h"
#include "shards/request.h"

struct conn_host;
struct shard;

/* A reply for `to` came from shard `from`, standing on log record `ticket` of it (0: none). Copies the bytes. */
void reply_deliver(struct shard *shard, const struct reply_to *to, struct bytes reply, unsigned from,
                   uint64_t ticket);

/* May the connection have one more command under way, as far as those under way are concerned? */
bool reply_may_take(const struct conn *conn);

/* Lets a connection that was refused commands go on, if nothing keeps it any more: no pause, not too many commands under
 * way. */
void reply_check_resume(struct conn *conn);

/* Output may leave in the middle of a turn unless effects of the turn are still to be written to the log. */
bool reply_may_send_early(const struct conn_host *host);

struct reply_source {
    unsigned from;
    uint64_t ticket;
};

/* The same for a reply that stands on several shards' logs. */
void reply_deliver_merged(struct shard *shard, struct conn *conn, uint64_t slot, struct bytes reply,
                          const struct reply_source *sources, unsigned source_count);
