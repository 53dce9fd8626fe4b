/* timer_wheel.h: timers by the thousand, with O(1) add and remove.
 *
 * A timer is a struct timer_node inside the object it belongs to, added with an absolute deadline in ticks. What a tick is,
 * the caller decides (the server: a millisecond of its monotonic clock). Time moves only by timer_wheel_advance, which
 * takes the timers that are due off the wheel, in the order of their deadlines (equal ones in the order they were added), and
 * calls back for each. Pure structure: no clock, no memory of its own. One thread. */
#pragma once

#include "core/base/link.h"

#include <stdint.h>

#define TIMER_WHEEL_LEVELS 8
#define TIMER_WHEEL_SLOTS  64

/* No timer is set. */
#define TIMER_WHEEL_NEVER UINT64_MAX

struct timer_node {
    struct link link;
    uint64_t deadline;
    uint8_t level; /* the wheel's: where the node hangs */
    uint8_t slot;
};

struct timer_wheel {
    uint64_t now;
    uint64_t count;                        /* timers set */
    uint64_t occupied[TIMER_WHEEL_LEVELS]; /* bit s: slots[level][s] is not empty */
    struct link slots[TIMER_WHEEL_LEVELS][TIMER_WHEEL_SLOTS];
};

/* An empty wheel that stands at `now`. It must not move in memory afterwards. */
void timer_wheel_init(struct timer_wheel *wheel, uint64_t now);

/* A node that is on no wheel. */
void timer_node_init(struct timer_node *node);
bool timer_node_is_set(const struct timer_node *node);

/* Sets a timer, which must not be set. A deadline that is not in the future falls due at the next tick; one
 * beyond the tick 2^48 - 1 (9,000 years of milliseconds) is brought in to that. Borrows node until it fires or is removed. */
void timer_wheel_add(struct timer_wheel *wheel, struct timer_node *node, uint64_t deadline);

/* Unsets a timer; harmless if it is not set. */
void timer_wheel_remove(struct timer_wheel *wheel, struct timer_node *node);

/* Moves the wheel to `now` (not back) and calls `fire` for every timer due by then; the node is off the wheel by then.
 * `fire` may add and remove any timers, its own too; one added with a deadline up to `now` may fire in this same call
 * only if it lies ahead of the tick being handled. */
void timer_wheel_advance(struct timer_wheel *wheel, uint64_t now,
                         void (*fire)(void *ctx, struct timer_node *node), void *ctx);

/* A tick at which it is worth calling timer_wheel_advance: never later than the earliest deadline, possibly earlier, when
 * that is far ahead. TIMER_WHEEL_NEVER if no timer is set. */
uint64_t timer_wheel_next(const struct timer_wheel *wheel);

/* Verifies the invariants; aborts on a broken one. O(number of timers). */
void timer_wheel_check(const struct timer_wheel *wheel);
