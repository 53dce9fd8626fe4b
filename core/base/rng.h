/* rng.h: seeded random numbers (splitmix64 seeding xoshiro256**). Not for secrets. One per shard, so that the
 * simulator replays a run from its seed. */
#pragma once

#include <stdint.h>

struct rng {
    uint64_t state[4];
};

void rng_init(struct rng *r, uint64_t seed);

/* Uniform over all 64-bit values. */
uint64_t rng_next(struct rng *r);

/* Uniform in [0, bound); bound > 0. */
uint64_t rng_below(struct rng *r, uint64_t bound);

/* Uniform in [0, 1). */
double rng_unit(struct rng *r);
