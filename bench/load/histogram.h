/* histogram.h: counts of durations, for percentiles, with bounded relative error and constant cost.
 *
 * Buckets are linear within each power of two: 64 per octave, so that a percentile is at most 1.6 % above the true
 * one. Values are nanoseconds, up to about 18 minutes; longer ones count as the longest. */
#pragma once

#include <stdint.h>

enum {
    HISTOGRAM_SUB_BITS = 6,
    HISTOGRAM_SUB = 1 << HISTOGRAM_SUB_BITS,
    HISTOGRAM_OCTAVES = 35,
    HISTOGRAM_BUCKETS = HISTOGRAM_SUB * (HISTOGRAM_OCTAVES + 1),
};

/* Zero-initialise. */
struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t total;
    uint64_t max_ns;
    double sum_ns;
};

/* Records `count` durations of `ns`. */
void histogram_add(struct histogram *h, uint64_t ns, uint64_t count);

/* Adds all of `from` to `h`. */
void histogram_merge(struct histogram *h, const struct histogram *from);

/* The duration that `fraction` (0 to 1) of the recorded ones do not exceed; 0 when empty. */
uint64_t histogram_percentile(const struct histogram *h, double fraction);
