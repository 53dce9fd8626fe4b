/* lives_sim.c: a server with a log lives and dies, again and again: its process is killed, or its machine loses power, at
 * any moment, also inside a turn; then it starts again, perhaps with another number of shards. All works of shards_sim go
 * on over several lives, and after each start the data is judged by what clients had been told (work.crashed).
 *
 *     lives_sim [--must-fail] [SEEDS [FIRST]]      prints the seed of a failing run; give 1 and that seed to replay it
 *
 * SIM_WORK in the environment names the only work that is done.
 *
 * In some lives the disk misbehaves: an fsync fails, there is no room, nothing completes for a while. Some starts are
 * followed by another crash at once: the second recovery must find what the first one did. */
#include "test/sim/world/seeds.h"
#include "test/sim/world/world.h"

#include <stdlib.h>
#include <string.h>

enum { LIVES_MAX = 5, LIVES_STEPS_MAX = 40000 };

static void lives_add_works(struct world *w) {
    unsigned count = 0;
    while (world_works[count])
        count++;
    const char *only =
        getenv("SIM_WORK"); /* the name of one work: a bug that is known to hurt it is found sooner */
    for (unsigned k = 0; only && k < count; k++)
        if (strcmp(world_works[k]->name, only) == 0)
            world_add_work(w, world_works[k], 500);
    unsigned wanted = only ? 0 : 1 + (unsigned)rng_below(&w->rng, 4);
    for (unsigned i = 0; i < wanted; i++) {
        const struct work *work = world_works[rng_below(&w->rng, count)];
        bool is_double = false;
        for (unsigned k = 0; k < w->work_count; k++)
            is_double = is_double || w->works[k] == work;
        if (!is_double)
            world_add_work(w, work, 500);
    }
}

/* Something that may go wrong with the disk during a life. */
static void lives_break_disk(struct world *w) {
    struct io_sim_faults *faults = io_sim_faults(w->sim, 0);
    switch (rng_below(&w->rng, 4)) {
    case 0: faults->fail_fsyncs = 1; return;
    case 1: faults->fail_writes = 1; return;
    case 2: faults->capacity_bytes = 1 + rng_below(&w->rng, 20000); return;
    default: faults->stall_until_ns = io_sim_now_ns(w->sim) + (int64_t)rng_below(&w->rng, 5000000000); return;
    }
}

static void lives_live(struct world *w) {
    uint64_t steps = rng_below(&w->rng, LIVES_STEPS_MAX);
    bool is_faulty = rng_below(&w->rng, 3) == 0;
    uint64_t breaks_at = rng_below(&w->rng, steps + 1);
    w->is_disk_broken = is_faulty;
    uint64_t mends_at = breaks_at + rng_below(&w->rng, steps + 1);
    for (uint64_t i = 0; i < steps && !w->has_failed && !w->sched.has_exited && !world_is_done(w); i++) {
        if (is_faulty && i == breaks_at)
            lives_break_disk(w);
        if (is_faulty && i == mends_at)
            io_sim_faults(w->sim, 0)->capacity_bytes = 0;
        world_step(w);
    }
    *io_sim_faults(w->sim, 0) = (struct io_sim_faults){0};
}

/* The next start; sometimes a second one behind it. */
static bool lives_start_again(struct world *w) {
    struct node_options options = w->options;
    if (rng_below(&w->rng, 3) == 0)
        options.shards = 1 + (unsigned)rng_below(&w->rng, 5);
    if (!world_start_again(w, &options))
        return false;
    if (rng_below(&w->rng, 4) != 0)
        return true;
    uint64_t before = world_digest(w);
    int64_t died_ns = w->died_ns;
    node_kill(&w->node, rng_below(&w->rng, 2));
    if (rng_below(&w->rng, 3) == 0)
        options.shards = 1 + (unsigned)rng_below(&w->rng, 5);
    bool is_up = world_start_again(w, &options);
    w->died_ns = died_ns;
    if (is_up && world_digest(w) != before)
        world_fail(w, "the second start finds other data than the first");
    return is_up;
}

static bool lives_one(uint64_t seed) {
    static const unsigned step_ns[] = {1000, 20000, 500000};
    struct rng rng;
    struct world w;
    rng_init(&rng, seed ^ 0x11fe5);
    struct node_options options = {
        .shards = 1 + (unsigned)rng_below(&rng, 5),
        .is_visiting_on = rng_below(&rng, 4) != 0,
        .has_log = true,
        .appendfsync = rng_below(&rng, 2) ? APPENDFSYNC_ALWAYS : APPENDFSYNC_EVERYSEC,
        .is_ticking_fast = rng_below(&rng, 3) == 0,
    };
    must(world_open(&w, seed, &options));
    w.step_ns_max = step_ns[rng_below(&rng, COUNT_OF(step_ns))];
    lives_add_works(&w);
    unsigned lives = 2 + (unsigned)rng_below(&rng, LIVES_MAX - 1);
    for (unsigned life = 1; life < lives && !w.has_failed; life++) {
        lives_live(&w);
        if (w.has_failed)
            break;
        world_die(&w, !w.sched.has_exited && rng_below(&rng, 2));
        lives_start_again(&w);
    }
    if (!w.has_failed)
        world_die(&w, true);
    if (w.has_failed)
        return false;
    world_close(&w);
    return true;
}

int main(int argc, char **argv) {
    return seeds_main(argc, argv,
                      &(struct seeds_how){.one = lives_one, .count = 200, .per_child = 10, .leaks = true});
}
