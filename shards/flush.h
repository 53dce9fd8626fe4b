/* flush.h: what a shard sends at the end of a turn.
 *
 * While the turn routes commands, each goes into the batch for its destination. flush_push then makes all of them
 * visible: first the batches that need no order, then, under the order locks of all their destinations, those of
 * connections and commands that have several (rule R1 of order_lock.h). Last, the targets are looked at: a sleeping one
 * is visited or woken.
 *
 * Owner: the shard, on its own thread (a visitor never routes). */
#pragma once

#include "core/base/shard_set.h"
#include "shards/message.h"

struct batch;
struct request;

struct flush {
    struct batch **to;           /* per shard: the batch being filled, or NULL */
    struct shard_set filled;     /* shards with a batch */
    struct shard_set ordered;    /* of these, the ones whose batch needs the order locks */
    struct shard_set to_look_at; /* shards that were sent something since the last look */
    struct batch *free;          /* spare batches */
    unsigned free_count;
    uint64_t outstanding; /* batches that have not come back */
};

void flush_init(struct flush *flush, unsigned shard_count);
void flush_deinit(struct flush *flush, unsigned shard_count);

/* Puts a request into the batch for `to`. */
void flush_add(struct shard *shard, unsigned to, const struct request *request);

/* The batch for `to` belongs to a flush with several destinations. */
static inline void flush_order(struct flush *flush, unsigned to) {
    shard_set_add(&flush->ordered, to);
}

/* Pushes all batches. */
void flush_push(struct shard *shard);

/* Visits or wakes the sleeping ones among the shards that were sent something. */
void flush_look(struct shard *shard);

/* Keeps an emptied batch for later turns. */
void flush_give_back(struct flush *flush, struct batch *batch);
