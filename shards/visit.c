/* visit.c: acting for a sleeping shard instead of waking its thread (protocol: baton.h).
 *
 * A visitor runs the messages exactly as the owner would, rule R2 included. What they send on is noted in the target's
 * flush and looked after by the visitor, in a loop rather than by nested visits, so that the stack stays flat. What
 * needs the target's own thread (output for its sockets, its log's fsync) makes wants_owner true, and the visitor wakes
 * the thread once, after putting the baton down. */
#include "shards/visit.h"

#include "shards/server.h"
#include "shards/shard_log.h"
#include "shards/yield.h"

void visit_wake_owner(struct shard *shard, struct shard *target) {
    if (!atomic_exchange_explicit(&target->wants_owner, false, memory_order_acq_rel))
        return;
    shard->stats.wakes++;
    io_wake(target->io);
}

static void visit_act(struct shard *shard, struct shard *target) {
    shard->stats.visits++;
    shard_set_clock(target, shard->engine.now_us);
    shard_run_inbox(target);
    for (unsigned w = 0; w < SHARD_SET_WORDS; w++) {
        shard->flush.to_look_at.words[w] |= target->flush.to_look_at.words[w];
        target->flush.to_look_at.words[w] = 0;
    }
    if (!link_is_empty(&target->host.with_output) || !link_is_empty(&target->resume) ||
        shard_needs_log_flush(target) || jobs_are_due(target))
        atomic_store_explicit(&target->wants_owner, true, memory_order_release);
}

void visit(struct shard *shard, struct shard *target) {
    while (baton_is_free(&target->baton)) {
        YIELD_POINT();
        if (!atomic_load_explicit(&shard->server->is_visiting_on, memory_order_relaxed)) {
            shard->stats.wakes++;
            io_wake(target->io);
            return;
        }
        if (!baton_try_take(&target->baton, BATON_VISITOR))
            return; /* whoever took it looks at the inbox before putting it down for good */
        visit_act(shard, target);
        baton_put_down(&target->baton);
        visit_wake_owner(shard, target);
        if (inbox_is_empty(target->inbox))
            return;
    }
}
