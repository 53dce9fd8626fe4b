/* baton.h: the right to act as a shard.
 *
 * A shard's own thread holds its baton while awake and puts it down before it sleeps. A sender that has pushed to a
 * sleeping shard takes the baton (one compare-and-swap), runs the inbox on the shard's behalf and puts it down again:
 * a *visit*, which costs far less than waking the thread. "The owner's thread" in every contract of this project means:
 * whoever holds the baton.
 *
 * The protocol, where "empty" is a look at the inbox:
 *
 *   owner sleeps:  put_down; full fence; if not empty and try_take: stay awake; else sleep in the kernel
 *   owner wakes:   take (waits for a visitor to finish)
 *   sender:        push; full fence; if free and try_take: { run the inbox; put_down; full fence; again if not empty }
 *
 * Lost wake-up, the forbidden interleaving: the owner (or a visitor) looks at the inbox, finds it empty, and puts the
 * baton down; the sender pushes and finds the baton held; nobody runs the message. The look comes *after* the put-down,
 * both sides fence between their store and their load, so at least one of them sees the other's.
 */
#pragma once

#include "core/base/attr.h"
#include "shards/yield.h"

#include <stdatomic.h>
#include <stdbool.h>

enum baton_state { BATON_OWNER, BATON_FREE, BATON_VISITOR };

struct baton {
    _Alignas(CACHE_LINE_BYTES) atomic_int state;
};

static inline void baton_init(struct baton *baton) {
    atomic_init(&baton->state, BATON_OWNER);
}

/* A full fence. ThreadSanitizer knows none, so its builds use a read-modify-write of the state, which orders as much on
 * the machines they run on. */
static inline void baton_fence(struct baton *baton) {
#if defined(__SANITIZE_THREAD__)
    atomic_fetch_add_explicit(&baton->state, 0, memory_order_seq_cst);
#else
    (void)baton;
    atomic_thread_fence(memory_order_seq_cst);
#endif
}

/* For senders, after a push: is the shard asleep and unvisited? Fences. */
static inline bool baton_is_free(struct baton *baton) {
    baton_fence(baton);
    return atomic_load_explicit(&baton->state, memory_order_acquire) == BATON_FREE;
}

/* Takes a free baton; false when somebody else has it. */
static inline bool baton_try_take(struct baton *baton, enum baton_state as) {
    int expected = BATON_FREE;
    return atomic_compare_exchange_strong_explicit(&baton->state, &expected, (int)as, memory_order_seq_cst,
                                                   memory_order_relaxed);
}

/* Puts it down and fences: what the caller looks at next is newer than the put-down. */
static inline void baton_put_down(struct baton *baton) {
    atomic_store_explicit(&baton->state, BATON_FREE, memory_order_release);
    baton_fence(baton);
    YIELD_POINT();
}

/* True when the caller's thread, acting as `as`, may act for the shard; for checks. */
static inline bool baton_is_held(struct baton *baton) {
    return atomic_load_explicit(&baton->state, memory_order_relaxed) != BATON_FREE;
}

/* The owner's thread takes its baton back, waiting for a visitor to leave. */
void baton_take_back(struct baton *baton);
