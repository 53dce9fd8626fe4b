/* locks.h: key locks of one shard: who waits for which key, first in first out.
 *
 * Only transactions over several shards lock keys, from the moment the owner lends them until they come back; normally
 * the table is empty and a command pays for one comparison (locks_are_none). A waiter asks for all its keys at once and
 * stands in each key's queue from then on; it is ready when it is at the head of all of them. A waiter without keys is a
 * *barrier*: it is ready when nothing older stands anywhere, and everything newer waits behind it (FLUSHALL, SWAPDB).
 *
 * Locks are known by the key's 64-bit hash, whatever the database: two keys that collide merely wait for each other.
 *
 * Deadlock is impossible: waiters of different shards enter in the same order everywhere (order_lock.h), so each waits
 * for older ones only. Owner: whoever acts as the shard. */
#pragma once

#include "core/base/buf.h"
#include "core/base/link.h"

#include <stdbool.h>
#include <stdint.h>

struct shard;
struct key_lock;
struct lock_waiter;

/* One place in one key's queue. */
struct lock_place {
    struct link link;
    struct lock_waiter *waiter;
    struct key_lock *lock;
};

struct lock_waiter {
    /* Called, on the shard, when all places are at the head; the waiter holds its keys until locks_leave. */
    void (*on_ready)(struct shard *shard, struct lock_waiter *waiter);
    struct lock_place *places; /* place_count, made by locks_enter */
    unsigned place_count;
    unsigned waiting; /* places that are not at the head */
    bool is_barrier;
    bool is_running;  /* on_ready was called */
    struct link link; /* on the ready list, or behind a barrier */
    uint64_t *hashes; /* wanted keys; only while behind a barrier */
    int64_t entered_ms;
};

struct locks {
    struct key_lock **buckets;
    unsigned bucket_count;
    unsigned count;     /* locked keys */
    unsigned waiters;   /* waiters that have entered and not left */
    struct link ready;  /* waiters whose on_ready is due */
    struct link behind; /* waiters behind the pending barrier, the barrier first */
};

void locks_init(struct locks *locks);
void locks_deinit(struct locks *locks);

static inline bool locks_are_none(const struct locks *locks) {
    return __builtin_expect(locks->waiters == 0, 1);
}

/* True when a command on this key must wait. */
bool locks_is_locked(const struct locks *locks, uint64_t hash);

/* Enters the queues of all keys (doubles in `hashes` are dropped). on_ready is called by the next locks_run_ready, at the
 * earliest. With count 0 the waiter is a barrier. */
void locks_enter(struct locks *locks, struct lock_waiter *waiter, const uint64_t *hashes, unsigned count,
                 int64_t now_ms);

/* A ready waiter gives up its places; others may become ready. */
void locks_leave(struct locks *locks, struct lock_waiter *waiter);

/* Calls on_ready of everybody who has become ready, in order, until there is none. */
void locks_run_ready(struct shard *shard, struct locks *locks);

/* Appends a line per locked key, and one for a pending barrier: the key's hash, how many stand in its queue, and for how
 * long the first has. */
void locks_describe(const struct locks *locks, int64_t now_ms, struct buf *text);

/* Verifies the queues; must() on damage. */
void locks_check(const struct locks *locks);
