/* shards_sim.c: several shards of the real server in one thread, interleaved by a seeded scheduler, in a simulated
 * network, with several workloads at once.
 *
 *     shards_sim [--must-fail] [SEEDS [FIRST]]      prints the seed of a failing run; give 1 and that seed to replay it
 *
 * At the end of each run nothing may be under way or locked, the engines' books must balance, and the server must come to
 * its orderly end, sometimes while clients still send. */
#include "test/sim/world/seeds.h"
#include "test/sim/world/world.h"

enum { SHARDS_STEPS_MAX = 6000000, SHARDS_SETTLE_STEPS = 200000, SHARDS_QUIET_STEPS = 2000 };

static void shards_add_works(struct world *w) {
    unsigned count = 0;
    while (world_works[count])
        count++;
    if (rng_below(&w->rng, 4) == 0) { /* the order of messages is what breaks most easily */
        world_add_work(w, &work_cause, 60);
        world_add_work(w, &work_registers, 60);
        return;
    }
    unsigned wanted = 1 + (unsigned)rng_below(&w->rng, 3);
    for (unsigned i = 0; i < wanted; i++) {
        const struct work *work = world_works[rng_below(&w->rng, count)];
        bool is_double = false;
        for (unsigned k = 0; k < w->work_count; k++)
            is_double = is_double || w->works[k] == work;
        if (!is_double && (work->bears_relaxed || !w->options.is_order_relaxed))
            world_add_work(w, work, 10 + (unsigned)rng_below(&w->rng, 60));
    }
    if (w->work_count == 0)
        world_add_work(w, world_works[0], 40);
}

/* Runs until nothing is under way. */
static void shards_settle(struct world *w) {
    unsigned quiet = 0; /* steps in a row: bytes of clients that have left may still arrive */
    for (unsigned i = 0; i < SHARDS_SETTLE_STEPS && quiet < SHARDS_QUIET_STEPS && !w->has_failed; i++) {
        world_step_server(w);
        quiet = node_is_quiet(&w->node) ? quiet + 1 : 0;
    }
    if (quiet < SHARDS_QUIET_STEPS)
        world_fail(w, "something is under way for ever");
    else
        node_check(&w->node);
}

static void shards_stop(struct world *w) {
    node_ask_stop(&w->node);
    w->node.is_up = false;
    for (unsigned i = 0; world_step_server(w); i++) {
        if (i == SHARDS_STEPS_MAX) {
            world_fail(w, "the server does not stop");
            return;
        }
    }
}

static bool shards_one(uint64_t seed) {
    struct rng rng;
    struct world w;
    rng_init(&rng, seed ^ 0x09710115);
    struct node_options options = {
        .shards = 1 + (unsigned)rng_below(&rng, 5),
        .is_visiting_on = rng_below(&rng, 4) != 0,
        .is_order_relaxed = rng_below(&rng, 6) == 0,
    };
    must(world_open(&w, seed, &options));
    shards_add_works(&w);
    w.leave_one_in = rng_below(&rng, 3) == 0 ? 3 + (unsigned)rng_below(&rng, 30) : 0;
    bool is_cut_short = rng_below(&rng, 6) == 0;
    uint64_t steps = is_cut_short ? rng_below(&rng, 20000) : SHARDS_STEPS_MAX;
    while (!world_is_done(&w) && !w.has_failed && w.step < steps)
        world_step(&w);
    if (!w.has_failed && !is_cut_short) {
        if (!world_is_done(&w))
            world_fail(&w, "clients wait for ever");
        else
            shards_settle(&w);
    }
    if (!w.has_failed)
        shards_stop(&w);
    if (w.has_failed)
        return false; /* what is half done cannot be freed in order */
    node_close(&w.node);
    world_close(&w);
    return true;
}

int main(int argc, char **argv) {
    return seeds_main(argc, argv, &(struct seeds_how){.one = shards_one, .count = 300, .per_child = 50});
}
