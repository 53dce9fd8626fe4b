/* histogram_test.c: histograms against the sorted values themselves. */
#include "shards/histogram.h"

#include "core/base/rng.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { VALUES = 5000 };

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

Test(histogram, buckets_of_ascending_values_ascend_and_hold_them) {
    unsigned before = 0;
    for (uint64_t value = 0; value < 1000000; value += 1 + value / 50) {
        unsigned bucket = histogram_bucket(value);
        cr_assert(bucket >= before && bucket < HISTOGRAM_BUCKETS, "value %lu", (unsigned long)value);
        cr_assert(histogram_bucket_end(bucket) >= value);
        cr_assert(bucket == 0 || histogram_bucket_end(bucket - 1) < value);
        before = bucket;
    }
}

Test(histogram, a_bucket_tells_its_values_within_a_sixteenth) {
    for (unsigned bucket = HISTOGRAM_SUB; bucket + 1 < HISTOGRAM_BUCKETS; bucket++) {
        uint64_t first = histogram_bucket_end(bucket - 1) + 1;
        uint64_t last = histogram_bucket_end(bucket);
        cr_assert(last >= first && (last - first) * 16 <= first, "bucket %u", bucket);
    }
}

Test(histogram, the_largest_values_share_the_last_bucket) {
    cr_assert_eq(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
    cr_assert_eq(histogram_bucket(UINT64_C(1) << 60), HISTOGRAM_BUCKETS - 1);
}

Test(histogram, percentiles_are_those_of_the_sorted_values_and_never_too_small) {
    static const double percents[] = {0, 1, 25, 50, 75, 90, 99, 99.9, 100};
    struct rng rng;
    uint64_t seed = 20261122;
    uint64_t *values = malloc(VALUES * sizeof *values);
    struct histogram *h = calloc(1, sizeof *h);
    rng_init(&rng, seed);
    for (int i = 0; i < VALUES; i++) {
        values[i] = rng_below(&rng, UINT64_C(1) << (1 + rng_below(&rng, 39)));
        histogram_add(h, values[i]);
    }
    qsort(values, VALUES, sizeof *values, compare);
    cr_assert_eq(histogram_count(h), VALUES);
    for (size_t i = 0; i < sizeof percents / sizeof percents[0]; i++) {
        size_t rank = (size_t)(percents[i] / 100 * VALUES + 0.5);
        uint64_t exact = values[rank < 1 ? 0 : rank - 1];
        uint64_t found = histogram_percentile(h, percents[i]);
        cr_assert(found >= exact && found - exact <= exact / 16 + 1, "seed %lu, p%g: %lu for %lu",
                  (unsigned long)seed, percents[i], (unsigned long)found, (unsigned long)exact);
    }
    free(values);
    free(h);
}

Test(histogram, merging_is_as_adding_everything_to_one) {
    struct histogram *parts = calloc(3, sizeof *parts);
    for (uint64_t i = 0; i < 1000; i++) {
        histogram_add(&parts[i % 2], i * i);
        histogram_add(&parts[2], i * i);
    }
    histogram_merge(&parts[0], &parts[1]);
    cr_assert_eq(memcmp(&parts[0], &parts[2], sizeof parts[0]), 0);
    free(parts);
}

Test(histogram, counts_stick_at_their_largest_value) {
    struct histogram *h = calloc(2, sizeof *h);
    h[0].counts[3] = h[1].counts[3] = UINT32_MAX;
    histogram_add(h, 3);
    cr_assert_eq(h[0].counts[3], UINT32_MAX);
    histogram_merge(&h[0], &h[1]);
    cr_assert_eq(h[0].counts[3], UINT32_MAX);
    free(h);
}

Test(histogram, counting_up_to_a_limit_grows_with_it) {
    struct histogram *h = calloc(1, sizeof *h);
    for (uint64_t i = 0; i < 1000; i++)
        histogram_add(h, i);
    cr_assert_eq(histogram_count_to(h, 9), 10);
    cr_assert_eq(histogram_count_to(h, UINT64_MAX), 1000);
    uint64_t before = 0;
    for (uint64_t limit = 0; limit < 1100; limit++) {
        uint64_t count = histogram_count_to(h, limit);
        cr_assert(count >= before && count <= limit + 1);
        before = count;
    }
    free(h);
}

Test(histogram, an_empty_one_has_percentile_zero) {
    struct histogram *h = calloc(1, sizeof *h);
    cr_assert_eq(histogram_percentile(h, 50), 0);
    free(h);
}
