/* sched.h: which shard runs next: coroutines under a seeded scheduler. It defines the hooks of shards/yield.h.
 *
 * A task is a shard's thread. At a yield point it may lose the processor, for a moment or, more rarely, for long, as a
 * thread does that the kernel has put aside in the middle of something. How often is drawn from the seed, too: bugs of
 * different kinds show at different rates. */
#pragma once

#include "core/base/rng.h"
#include "core/io/io_sim.h"

#include <stdbool.h>

enum { SCHED_TASKS_MAX = 16 };

struct coro;

struct sched_task {
    struct coro *coro;
    const struct io *io;
    bool is_asleep;         /* in the kernel: goes on when its io has something */
    uint64_t stalled_until; /* a step */
};

struct sched {
    struct io_sim *sim;
    struct rng rng;
    uint64_t step;
    unsigned switch_one_in; /* yield points at which somebody else runs */
    unsigned stall_one_in;  /* yield points at which the task is put aside for long */
    unsigned stall_steps_max;
    bool has_exited; /* a task has ended the process */
    unsigned count;
    struct sched_task tasks[SCHED_TASKS_MAX];
};

/* Draws the rates from the seed. */
void sched_init(struct sched *sched, struct io_sim *sim, uint64_t seed);

/* Adds a task that sleeps in `io`. */
void sched_add(struct sched *sched, const struct io *io, void (*body)(void *ctx), void *ctx);

/* Runs some task for a while. False: all are over, or one has ended the process. */
bool sched_step(struct sched *sched);

/* Drops all tasks, wherever they stand. */
void sched_drop(struct sched *sched);

/* The scheduler whose tasks run; hooks called outside of tasks act on it. NULL: none. */
void sched_use(struct sched *sched);
