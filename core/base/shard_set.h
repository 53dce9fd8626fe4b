/* shard_set.h: a set of shards, by number, as a bitmap of fixed size: participants of a transaction, destinations of a
 * flush. A value, copied freely. */
#pragma once

#include "core/base/attr.h"

#include <stdbool.h>
#include <stdint.h>

enum { SHARDS_MAX = 256, SHARD_SET_WORDS = SHARDS_MAX / 64 };

struct shard_set {
    uint64_t words[SHARD_SET_WORDS];
};

static inline void shard_set_add(struct shard_set *set, unsigned shard) {
    dcheck(shard < SHARDS_MAX);
    set->words[shard / 64] |= (uint64_t)1 << (shard % 64);
}

static inline void shard_set_remove(struct shard_set *set, unsigned shard) {
    set->words[shard / 64] &= ~((uint64_t)1 << (shard % 64));
}

static inline bool shard_set_has(const struct shard_set *set, unsigned shard) {
    return (set->words[shard / 64] >> (shard % 64)) & 1;
}

static inline unsigned shard_set_count(const struct shard_set *set) {
    unsigned n = 0;
    for (unsigned w = 0; w < SHARD_SET_WORDS; w++)
        n += (unsigned)__builtin_popcountll(set->words[w]);
    return n;
}

static inline bool shard_set_is_empty(const struct shard_set *set) {
    for (unsigned w = 0; w < SHARD_SET_WORDS; w++)
        if (set->words[w])
            return false;
    return true;
}

/* The first member >= from, or SHARDS_MAX. */
static inline unsigned shard_set_next(const struct shard_set *set, unsigned from) {
    for (unsigned w = from / 64; w < SHARD_SET_WORDS; w++) {
        uint64_t bits = set->words[w];
        if (w == from / 64)
            bits &= ~(uint64_t)0 << (from % 64);
        if (bits)
            return w * 64 + (unsigned)__builtin_ctzll(bits);
    }
    return SHARDS_MAX;
}
