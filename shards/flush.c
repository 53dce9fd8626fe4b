/* flush.c: pushing a turn's batches, and looking after their targets.
 *
 * Batches that need no lock go first, so that nothing is done under the locks but pushing. Each push that is made
 * without holding the target's lock waits while somebody else holds it (R2). */
#include "shards/flush.h"

#include "core/base/mem.h"
#include "shards/batch.h"
#include "shards/planted.h"
#include "shards/server.h"
#include "shards/visit.h"
#include "shards/yield.h"

enum { FLUSH_FREE_MAX = 64 };

void flush_init(struct flush *flush, unsigned shard_count) {
    *flush = (struct flush){0};
    flush->to = mem_zalloc(shard_count * sizeof(struct batch *));
}

void flush_deinit(struct flush *flush, unsigned shard_count) {
    for (unsigned i = 0; i < shard_count; i++)
        if (flush->to[i])
            batch_free(flush->to[i]);
    while (flush->free) {
        struct batch *batch = flush->free;
        flush->free = batch->next_free;
        batch_free(batch);
    }
    mem_free(flush->to);
}

void flush_add(struct shard *shard, unsigned to, const struct request *request) {
    struct flush *flush = &shard->flush;
    struct batch *batch = flush->to[to];
    if (!batch) {
        batch = flush->free;
        if (batch) {
            flush->free = batch->next_free;
            flush->free_count--;
        } else {
            batch = batch_new(shard->index);
        }
        batch->to = to;
        flush->to[to] = batch;
        shard_set_add(&flush->filled, to);
    }
    batch_add(batch, request);
    shard->stats.hops += to != shard->index;
}

static void flush_push_one(struct shard *shard, unsigned to) {
    struct flush *flush = &shard->flush;
    struct batch *batch = flush->to[to];
    flush->to[to] = NULL;
    flush->outstanding++;
    shard->stats.batches++;
    YIELD_POINT();
    inbox_push(shard->server->shards[to]->inbox, &batch->message);
    YIELD_POINT();
    shard_set_add(&flush->to_look_at, to);
}

static void flush_release(struct shard *shard, const struct shard_set *set) {
    for (unsigned to = shard_set_next(set, 0); to < SHARDS_MAX && !PLANTED(NO_ORDER_LOCK);
         to = shard_set_next(set, to + 1))
        order_lock_release(&shard->server->shards[to]->order);
}

/* R1: all order locks of the destinations, ascending; push; release. */
static void flush_push_ordered(struct shard *shard, const struct shard_set *set) {
    struct shard **shards = shard->server->shards;
    shard->stats.order_locks++;
    for (unsigned to = shard_set_next(set, 0); to < SHARDS_MAX && !PLANTED(NO_ORDER_LOCK);
         to = shard_set_next(set, to + 1))
        order_lock_take(&shards[to]->order);
    YIELD_POINT();
    for (unsigned to = shard_set_next(set, 0); to < SHARDS_MAX; to = shard_set_next(set, to + 1)) {
        flush_push_one(shard, to);
        PLANTED_PAUSE();
        if (PLANTED(EARLY_RELEASE) && to == shard_set_next(set, 0))
            flush_release(shard, set);
    }
    if (!PLANTED(EARLY_RELEASE))
        flush_release(shard, set);
}

void flush_push(struct shard *shard) {
    struct flush *flush = &shard->flush;
    if (shard_set_is_empty(&flush->filled))
        return;
    struct shard_set alone = flush->filled;
    struct shard_set ordered = flush->ordered;
    for (unsigned w = 0; w < SHARD_SET_WORDS; w++)
        alone.words[w] &= ~ordered.words[w];
    flush->filled = flush->ordered = (struct shard_set){{0}};
    for (unsigned to = shard_set_next(&alone, 0); to < SHARDS_MAX; to = shard_set_next(&alone, to + 1)) {
        if (!PLANTED(NO_LOOK))
            order_lock_wait(&shard->server->shards[to]->order); /* R2 */
        flush_push_one(shard, to);
    }
    if (!shard_set_is_empty(&ordered))
        flush_push_ordered(shard, &ordered);
}

void flush_look(struct shard *shard) {
    struct flush *flush = &shard->flush;
    while (!shard_set_is_empty(&flush->to_look_at)) { /* visited shards have sent something on */
        struct shard_set set = flush->to_look_at;
        flush->to_look_at = (struct shard_set){{0}};
        for (unsigned to = shard_set_next(&set, 0); to < SHARDS_MAX; to = shard_set_next(&set, to + 1))
            if (to != shard->index)
                visit(shard, shard->server->shards[to]);
    }
}

void flush_give_back(struct flush *flush, struct batch *batch) {
    must(flush->outstanding > 0);
    flush->outstanding--;
    if (flush->free_count >= FLUSH_FREE_MAX) {
        batch_free(batch);
        return;
    }
    batch->next_free = flush->free;
    flush->free = batch;
    flush->free_count++;
}
