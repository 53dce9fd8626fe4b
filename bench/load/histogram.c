/* histogram.c: log-linear buckets.
 *
 * Values below HISTOGRAM_SUB have a bucket each. A value whose highest bit is bit b >= HISTOGRAM_SUB_BITS belongs to
 * octave b - HISTOGRAM_SUB_BITS + 1; the HISTOGRAM_SUB_BITS bits behind the highest one choose the bucket in it. */
#include "bench/load/histogram.h"

static uint32_t bucket_of(uint64_t ns) {
    if (ns < HISTOGRAM_SUB)
        return (uint32_t)ns;
    uint32_t shift = 63U - (uint32_t)__builtin_clzll(ns) - HISTOGRAM_SUB_BITS;
    if (shift >= HISTOGRAM_OCTAVES)
        return HISTOGRAM_BUCKETS - 1;
    return (shift + 1) * HISTOGRAM_SUB + (uint32_t)(ns >> shift) - HISTOGRAM_SUB;
}

/* The largest value of a bucket. */
static uint64_t bucket_top(uint32_t bucket) {
    if (bucket < HISTOGRAM_SUB)
        return bucket;
    uint32_t shift = bucket / HISTOGRAM_SUB - 1;
    uint64_t mantissa = bucket % HISTOGRAM_SUB + HISTOGRAM_SUB;
    return ((mantissa + 1) << shift) - 1;
}

void histogram_add(struct histogram *h, uint64_t ns, uint64_t count) {
    h->counts[bucket_of(ns)] += count;
    h->total += count;
    h->sum_ns += (double)ns * (double)count;
    if (ns > h->max_ns)
        h->max_ns = ns;
}

void histogram_merge(struct histogram *h, const struct histogram *from) {
    for (uint32_t b = 0; b < HISTOGRAM_BUCKETS; b++)
        h->counts[b] += from->counts[b];
    h->total += from->total;
    h->sum_ns += from->sum_ns;
    if (from->max_ns > h->max_ns)
        h->max_ns = from->max_ns;
}

uint64_t histogram_percentile(const struct histogram *h, double fraction) {
    uint64_t wanted = (uint64_t)(fraction * (double)h->total + 0.5);
    if (wanted < 1)
        wanted = 1;
    uint64_t seen = 0;
    for (uint32_t b = 0; b < HISTOGRAM_BUCKETS; b++) {
        seen += h->counts[b];
        if (seen >= wanted && seen > 0)
            return bucket_top(b) < h->max_ns ? bucket_top(b) : h->max_ns;
    }
    return h->max_ns;
}
