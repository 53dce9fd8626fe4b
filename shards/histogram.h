/* histogram.h: how often something took how long, kept in so little room that every command can have its own.
 *
 * Values are counted in buckets whose width grows with the value: 16 of them to each doubling, so a bucket tells its
 * values within 1/16. Adding is one increment. The unit is the caller's; commands are measured in ticks (cycles.h). */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
    HISTOGRAM_SUB_BITS = 4,
    HISTOGRAM_SUB = 1 << HISTOGRAM_SUB_BITS,
    HISTOGRAM_OCTAVES = 40, /* doublings told apart; larger values count in the last bucket */
    HISTOGRAM_BUCKETS = (HISTOGRAM_OCTAVES + 1) * HISTOGRAM_SUB,
};

struct histogram {
    uint32_t counts[HISTOGRAM_BUCKETS]; /* each sticks at its largest value */
};

/* The bucket of a value: below 16 one for each value; then 16 for each doubling. */
static inline unsigned histogram_bucket(uint64_t value) {
    if (value < HISTOGRAM_SUB)
        return (unsigned)value;
    unsigned octave = 63 - (unsigned)__builtin_clzll(value) - HISTOGRAM_SUB_BITS;
    if (octave >= HISTOGRAM_OCTAVES)
        return HISTOGRAM_BUCKETS - 1;
    return (octave + 1) * HISTOGRAM_SUB + (unsigned)((value >> octave) & (HISTOGRAM_SUB - 1));
}

static inline void histogram_add(struct histogram *h, uint64_t value) {
    uint32_t *count = &h->counts[histogram_bucket(value)];
    *count += *count != UINT32_MAX;
}

/* The largest value of a bucket. */
uint64_t histogram_bucket_end(unsigned bucket);

/* Adds the counts of `other`. */
void histogram_merge(struct histogram *h, const struct histogram *other);

uint64_t histogram_count(const struct histogram *h);

/* The value (end of its bucket) below or at which `percent` of all lie; 0 when there are none. */
uint64_t histogram_percentile(const struct histogram *h, double percent);

/* How many values are at most `limit`, by the ends of their buckets. */
uint64_t histogram_count_to(const struct histogram *h, uint64_t limit);
