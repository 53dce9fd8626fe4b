/* Percentiles against a sorted list. */
#include "bench/load/histogram.c"

#include "core/base/rng.h"

#include <criterion/criterion.h>

#include <stdlib.h>

enum { COUNT = 20000 };

static int by_value(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

Test(histogram, percentiles_are_at_most_two_per_cent_above_the_sorted_truth) {
    static uint64_t values[COUNT];
    static struct histogram h, part;
    struct rng rng;
    rng_init(&rng, 42);
    for (size_t i = 0; i < COUNT; i++) {
        values[i] = rng_next(&rng) >> (28 + rng_below(&rng, 36)); /* all magnitudes */
        histogram_add(i % 2 ? &h : &part, values[i], 1);
    }
    histogram_merge(&h, &part);
    qsort(values, COUNT, sizeof *values, by_value);
    cr_assert_eq(h.total, COUNT);
    cr_assert_eq(h.max_ns, values[COUNT - 1]);
    const double fractions[] = {0.0001, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999};
    for (size_t i = 0; i < sizeof fractions / sizeof *fractions; i++) {
        uint64_t truth = values[(size_t)(fractions[i] * COUNT + 0.5) - 1];
        uint64_t got = histogram_percentile(&h, fractions[i]);
        cr_assert(got >= truth && (double)got <= (double)truth * 1.02 + 1, "fraction %g: %lu for %lu",
                  fractions[i], (unsigned long)got, (unsigned long)truth);
    }
    cr_assert_eq(histogram_percentile(&h, 1), h.max_ns);
}

Test(histogram, every_bucket_holds_its_own_top) {
    for (uint32_t b = 0; b < HISTOGRAM_BUCKETS; b++)
        cr_assert_eq(bucket_of(bucket_top(b)), b);
}

Test(histogram, an_absurd_duration_counts_as_the_longest) {
    static struct histogram h;
    histogram_add(&h, UINT64_MAX, 1);
    cr_assert_eq(h.counts[HISTOGRAM_BUCKETS - 1], 1);
}
