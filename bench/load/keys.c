/* keys.c: uniform, sequential and Zipf-distributed key numbers.
 *
 * Zipf: rank i is drawn with probability proportional to 1 / i^theta, by the closed-form approximate inversion of
 * Gray and others ("Quickly generating billion-record synthetic databases", 1994), which benchmarks of key-value
 * stores commonly use: one power per draw, one sum over all keys at the start. It needs theta below 1 or above 1;
 * exactly 1 is moved a little. The most popular key has the lowest number: servers hash keys, so neighbours in number
 * are not neighbours in their tables. */
#include "bench/load/keys.h"

#include <math.h>

static double zeta(uint64_t n, double theta) {
    double sum = 0;
    for (uint64_t i = 1; i <= n; i++)
        sum += pow((double)i, -theta);
    return sum;
}

void keys_init(struct keys *k, const struct options *o, uint64_t first, uint64_t seed) {
    *k = (struct keys){.dist = o->key_dist, .min = o->key_min, .count = o->keys, .cursor = first % o->keys};
    rng_init(&k->rng, seed);
    if (k->dist != KEY_ZIPF)
        return;
    double theta = fabs(o->zipf_exponent - 1) < 1e-3 ? 0.999 : o->zipf_exponent;
    k->zipf_theta = theta;
    k->zipf_alpha = 1 / (1 - theta);
    k->zipf_zeta = zeta(k->count, theta);
    k->zipf_half = 1 + pow(0.5, theta);
    k->zipf_eta = (1 - pow(2 / (double)k->count, 1 - theta)) / (1 - zeta(2, theta) / k->zipf_zeta);
}

static uint64_t zipf_rank(struct keys *k) {
    double u = rng_unit(&k->rng);
    double uz = u * k->zipf_zeta;
    if (uz < 1 || k->count == 1)
        return 0;
    if (uz < k->zipf_half || k->count == 2)
        return 1;
    double rank = (double)k->count * pow(k->zipf_eta * u - k->zipf_eta + 1, k->zipf_alpha);
    return rank < (double)k->count ? (uint64_t)rank : k->count - 1;
}

uint64_t keys_next(struct keys *k) {
    uint64_t key;
    switch (k->dist) {
    case KEY_UNIFORM: return k->min + rng_below(&k->rng, k->count);
    case KEY_ZIPF: return k->min + zipf_rank(k);
    case KEY_SEQUENTIAL:
        key = k->cursor;
        k->cursor = key + 1 == k->count ? 0 : key + 1;
        return k->min + key;
    }
    return k->min;
}
