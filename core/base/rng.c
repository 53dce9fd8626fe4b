/* rng.c: xoshiro256** (Blackman and Vigna, public domain algorithm), seeded through splitmix64.
 *
 * rng_below multiplies a 64-bit draw into 128 bits and keeps the high half; its bias (bound / 2^64) is far below
 * anything we could notice. */
#include "core/base/rng.h"

static uint64_t rng_splitmix(uint64_t *x) {
    uint64_t z = (*x += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t rng_rotl(uint64_t x, int k) {
    return (x << k) | (x >> (64 - k));
}

void rng_init(struct rng *r, uint64_t seed) {
    for (int i = 0; i < 4; i++)
        r->state[i] = rng_splitmix(&seed);
}

uint64_t rng_next(struct rng *r) {
    uint64_t *s = r->state;
    uint64_t result = rng_rotl(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rng_rotl(s[3], 45);
    return result;
}

uint64_t rng_below(struct rng *r, uint64_t bound) {
    __extension__ typedef unsigned __int128 wide;
    return (uint64_t)(((wide)rng_next(r) * bound) >> 64);
}

double rng_unit(struct rng *r) {
    return (double)(rng_next(r) >> 11) * 0x1.0p-53;
}
