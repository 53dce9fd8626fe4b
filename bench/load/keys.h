/* keys.h: which key comes next. One source per thread. */
#pragma once

#include "bench/load/options.h"
#include "core/base/rng.h"

struct keys {
    enum key_dist dist;
    uint64_t min;
    uint64_t count;
    uint64_t cursor; /* sequential */
    struct rng rng;
    double zipf_theta;
    double zipf_alpha;
    double zipf_zeta;
    double zipf_eta;
    double zipf_half;
};

/* Keys for `o`; `first` is where a sequential walk begins, `seed` sets the random ones. */
void keys_init(struct keys *k, const struct options *o, uint64_t first, uint64_t seed);

/* A key number in [o->key_min, o->key_min + o->keys). */
uint64_t keys_next(struct keys *k);
