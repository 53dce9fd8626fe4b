/* reply.c: filling reply slots, holding what is not durable yet, and letting blocked connections go on.
 *
 * A connection that was refused more commands (too many in flight) is put on the shard's resume list once half of them
 * have been answered; the loop lets it parse on, never this place, because a visitor may be running it.
 *
 * Too many is also when their replies would be too many bytes together. Nobody knows that before, so the largest of the
 * latest replies is taken as a guess: a larger one raises it at once, smaller ones lower it by an eighth each. */
#include "shards/reply.h"

#include "shards/fanout.h"
#include "shards/route.h"
#include "shards/shard.h"
#include "shards/shard_log.h"

static void reply_note_size(struct conn *conn, size_t bytes) {
    uint32_t guess = conn->reply_bytes_guess - conn->reply_bytes_guess / 8;
    conn->reply_bytes_guess = bytes <= guess ? guess : bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX;
}

bool reply_may_take(const struct conn *conn) {
    uint64_t outstanding = reply_order_outstanding(&conn->order);
    return outstanding == 0 || (outstanding < ROUTE_IN_FLIGHT_MAX && !conn_is_behind_barrier(conn) &&
                                outstanding * conn->reply_bytes_guess < ROUTE_IN_FLIGHT_BYTES);
}

void reply_check_resume(struct conn *conn) {
    struct shard *shard = conn->host->ctx;
    if (conn->is_blocked && !conn->close_asap && !link_is_linked(&conn->paused_link) &&
        reply_order_outstanding(&conn->order) <= ROUTE_IN_FLIGHT_MAX / 2 && reply_may_take(conn))
        link_push_back(&shard->resume, &conn->paused_link);
}

bool reply_may_send_early(const struct conn_host *host) {
    const struct shard *shard = host->ctx;
    return shard->log == NULL || (shard->engine.effects.len == 0 && !shard_needs_log_flush(shard));
}

void reply_deliver_merged(struct shard *shard, struct conn *conn, uint64_t slot, struct bytes reply,
                          const struct reply_source *sources, unsigned source_count) {
    uint32_t promises = 0;
    reply_note_size(conn, reply.len);
    for (unsigned i = 0; i < source_count; i++) {
        if (sources[i].ticket && promises_must_hold(&shard->promises, sources[i].from, sources[i].ticket)) {
            promises_add(&shard->promises, sources[i].from, sources[i].ticket, conn, slot);
            promises++;
        }
    }
    if (reply_order_fill(&conn->order, slot, reply, promises, &conn->out) && !conn->close_asap)
        conn_has_output(conn);
    reply_check_resume(conn);
    conn_release(conn);
}

void reply_deliver(struct shard *shard, const struct reply_to *to, struct bytes reply, unsigned from,
                   uint64_t ticket) {
    dcheck(to->coordinator == shard->index);
    if (to->fanout) {
        fanout_collect(shard, to->fanout, to->part, reply, from, ticket);
        return;
    }
    struct reply_source source = {from, ticket};
    reply_deliver_merged(shard, to->conn, to->slot, reply, &source, ticket ? 1 : 0);
}
