/* histogram.c: reading log-linear histograms.
 *
 * Bucket b < 16 holds the value b. Bucket b = 16 * (o + 1) + s holds the values whose highest bit is bit o + 4 and whose
 * next four bits are s: from (16 + s) << o to ((17 + s) << o) - 1. Exact quantiles would need every value; these are at
 * most 1/16 too large, never too small.
 *
 * I1  histogram_bucket is monotone, and histogram_bucket_end(histogram_bucket(v)) >= v but for the last bucket. */
#include "shards/histogram.h"

uint64_t histogram_bucket_end(unsigned bucket) {
    if (bucket < HISTOGRAM_SUB)
        return bucket;
    unsigned octave = bucket / HISTOGRAM_SUB - 1;
    uint64_t sub = bucket % HISTOGRAM_SUB;
    return ((HISTOGRAM_SUB + sub + 1) << octave) - 1;
}

void histogram_merge(struct histogram *h, const struct histogram *other) {
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        uint64_t sum = (uint64_t)h->counts[i] + other->counts[i];
        h->counts[i] = sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum;
    }
}

uint64_t histogram_count(const struct histogram *h) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        sum += h->counts[i];
    return sum;
}

uint64_t histogram_percentile(const struct histogram *h, double percent) {
    uint64_t total = histogram_count(h);
    if (total == 0)
        return 0;
    uint64_t wanted = (uint64_t)(percent / 100 * (double)total + 0.5);
    if (wanted < 1)
        wanted = 1;
    if (wanted > total)
        wanted = total;
    uint64_t seen = 0;
    unsigned i = 0;
    while ((seen += h->counts[i]) < wanted)
        i++;
    return histogram_bucket_end(i);
}

uint64_t histogram_count_to(const struct histogram *h, uint64_t limit) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS && histogram_bucket_end(i) <= limit; i++)
        sum += h->counts[i];
    return sum;
}
