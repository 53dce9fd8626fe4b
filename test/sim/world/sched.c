/* sched.c: choosing among tasks.
 *
 * A step is one stretch of a task from one yield to the next. Tasks in the middle of a turn may always be chosen; one that
 * sleeps only when its io has something for it, and if nobody is in the middle of a turn, time moves on to that moment.
 * Time may move on while a task is in the middle of a turn, too: it was put aside for long. */
#include "test/sim/world/sched.h"

#include "core/base/attr.h"
#include "shards/yield.h"
#include "test/sim/world/coro.h"

static const int64_t SCHED_ALONE_NS = 100000;

static struct sched *sched_active;
static struct sched_task *sched_running; /* NULL outside of tasks */

void sched_use(struct sched *sched) {
    sched_active = sched;
}

static unsigned sched_draw(struct rng *rng, const unsigned *choices, unsigned count) {
    return choices[rng_below(rng, count)];
}

void sched_init(struct sched *sched, struct io_sim *sim, uint64_t seed) {
    static const unsigned switches[] = {1, 2, 3, 8, 30, 200};
    static const unsigned stalls[] = {20, 60, 200, 1000, 100000};
    static const unsigned lengths[] = {10, 40, 150, 600, 3000};
    *sched = (struct sched){.sim = sim};
    rng_init(&sched->rng, seed ^ 0x5c4ed);
    sched->switch_one_in = sched_draw(&sched->rng, switches, COUNT_OF(switches));
    sched->stall_one_in = sched_draw(&sched->rng, stalls, COUNT_OF(stalls));
    sched->stall_steps_max = sched_draw(&sched->rng, lengths, COUNT_OF(lengths));
    if (sched->stall_one_in < sched->stall_steps_max / 5) /* else nothing gets done */
        sched->stall_one_in = sched->stall_steps_max / 5;
}

void sched_add(struct sched *sched, const struct io *io, void (*body)(void *ctx), void *ctx) {
    must(sched->count < SCHED_TASKS_MAX);
    sched->tasks[sched->count++] = (struct sched_task){.coro = coro_new(body, ctx), .io = io};
}

void sched_drop(struct sched *sched) {
    for (unsigned i = 0; i < sched->count; i++)
        coro_free(sched->tasks[i].coro);
    sched->count = 0;
}

static void sched_run(struct sched_task *task) {
    task->is_asleep = false;
    sched_running = task;
    coro_resume(task->coro);
    sched_running = NULL;
}

/* A task in the middle of a turn, NULL if there is none; *are_any_out: there are some, but they may be put aside. */
static struct sched_task *sched_choose_awake(struct sched *sched, bool *are_any_out) {
    struct sched_task *chosen = NULL;
    unsigned seen = 0;
    *are_any_out = false;
    for (unsigned i = 0; i < sched->count; i++) {
        struct sched_task *task = &sched->tasks[i];
        if (task->is_asleep || coro_is_over(task->coro))
            continue;
        *are_any_out = true;
        if (task->stalled_until <= sched->step && rng_below(&sched->rng, ++seen) == 0)
            chosen = task;
    }
    return chosen;
}

/* The task of an io that has something; time may move on. NULL: nobody's. */
static struct sched_task *sched_choose_by_io(struct sched *sched) {
    const struct io *io = io_sim_step(sched->sim);
    for (unsigned i = 0; io && i < sched->count; i++)
        if (sched->tasks[i].io == io && !coro_is_over(sched->tasks[i].coro))
            return &sched->tasks[i];
    return NULL;
}

bool sched_step(struct sched *sched) {
    bool are_any_awake;
    bool is_over = true;
    sched->step++;
    if (sched->has_exited)
        return false;
    for (unsigned i = 0; i < sched->count; i++)
        is_over = is_over && coro_is_over(sched->tasks[i].coro);
    if (is_over)
        return false;
    struct sched_task *task = sched_choose_awake(sched, &are_any_awake);
    if (!task || rng_below(&sched->rng, 4) == 0) {
        struct sched_task *other = sched_choose_by_io(sched);
        if (other && other->is_asleep && other->stalled_until <= sched->step)
            task = other;
    }
    if (task)
        sched_run(task);
    return true;
}

/* ---- hooks ---- */

void yield_point(void) {
    if (!sched_running)
        return;
    struct sched *sched = sched_active;
    if (rng_below(&sched->rng, sched->stall_one_in) == 0)
        sched_running->stalled_until = sched->step + rng_below(&sched->rng, sched->stall_steps_max);
    else if (rng_below(&sched->rng, sched->switch_one_in) != 0)
        return;
    coro_yield();
}

void yield_spin(void) {
    must(sched_running != NULL); /* outside of tasks there is nobody to wait for */
    coro_yield();
}

void yield_sleep(void) {
    if (!sched_running) {
        io_sim_advance(sched_active->sim, SCHED_ALONE_NS);
        return;
    }
    sched_running->is_asleep = true;
    coro_yield();
}

uint64_t yield_random(void) {
    return rng_next(&sched_active->rng);
}

void yield_exit(void) {
    sched_active->has_exited = true;
    must(sched_running != NULL);
    for (;;) {
        sched_running->is_asleep = true;
        sched_running->io = NULL; /* nothing wakes it any more */
        coro_yield();
    }
}
