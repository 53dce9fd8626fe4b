/* order_lock.h: the tiny lock that makes a flush with several destinations visible everywhere at once.
 *
 * Each inbox has one. A flush in which one connection's commands, or one command, have more than one destination takes
 * the locks of all those destinations in ascending order of shards, pushes, and releases them (rule R1). Everybody else
 * only looks: a single push waits while the lock is held, and a shard waits for its own lock before it takes its inbox
 * (rule R2).
 *
 * Forbidden interleaving, with clients X (commands a1 to shard 1, a2 to shard 2) and Y (b1, b2): shard 1 sees a1 b1 while
 * shard 2 sees b2 a2. With the locks both inboxes hold X's and Y's pair in the same order. Without the look of R2, a
 * single command pushed in between would be seen after X's part on one shard, and a later one of the same client before
 * X's part on the other.
 *
 * No deadlock: locks are taken in one order, and nothing is waited for while holding but other locks of that order. A
 * holder only pushes (tens of nanoseconds each), so waiters spin; but a holder that the system has taken off its
 * processor stays away for milliseconds, and comes back the later the more others spin where it should run. So a waiter
 * spins for some microseconds, longer than any holder on a processor takes, and then yields its own with each look. That
 * cannot be a futex: a holder would have to look for sleepers at each release, which costs everybody a fence for what
 * happens only where shards share processors. */
#pragma once

#include "core/base/attr.h"
#include "shards/yield.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

enum { ORDER_LOCK_SPINS = 100 };

struct order_lock {
    _Alignas(CACHE_LINE_BYTES) atomic_bool is_held;
};

static inline void order_lock_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static inline void order_lock_wait(struct order_lock *lock) {
    for (int spins = 0; UNLIKELY(atomic_load_explicit(&lock->is_held, memory_order_acquire)); spins++) {
        if (spins < ORDER_LOCK_SPINS)
            order_lock_pause();
        else
            sched_yield();
        YIELD_SPIN();
    }
}

static inline void order_lock_take(struct order_lock *lock) {
    while (atomic_exchange_explicit(&lock->is_held, true, memory_order_seq_cst))
        order_lock_wait(lock);
}

static inline void order_lock_release(struct order_lock *lock) {
    dcheck(atomic_load_explicit(&lock->is_held, memory_order_relaxed));
    atomic_store_explicit(&lock->is_held, false, memory_order_seq_cst);
}
