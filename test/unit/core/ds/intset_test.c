/* The intset against a naive twin: an unsorted array. */
#include "core/ds/intset.h"

#include "core/base/mem.h"
#include "core/base/rng.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { TWIN_MAX = 300 };

struct twin {
    int64_t numbers[TWIN_MAX];
    size_t count;
};

static size_t twin_find(const struct twin *twin, int64_t number) {
    size_t i = 0;
    while (i < twin->count && twin->numbers[i] != number)
        i++;
    return i;
}

static int64_t draw(struct rng *rng, int round) {
    static const int64_t edges[] = {INT16_MIN,
                                    INT16_MAX,
                                    INT16_MIN - 1,
                                    INT16_MAX + 1,
                                    INT32_MIN,
                                    INT32_MAX,
                                    INT32_MIN - INT64_C(1),
                                    INT32_MAX + INT64_C(1),
                                    INT64_MIN,
                                    INT64_MAX,
                                    0,
                                    -1};
    if (round > 2000 && rng_below(rng, 50) == 0)
        return edges[rng_below(rng, round < 4000 ? 6 : COUNT_OF(edges))];
    return (int64_t)rng_below(rng, 400) - 200;
}

static void expect_same(const unsigned char *is, const struct twin *twin) {
    intset_check(is);
    cr_assert_eq(intset_count(is), twin->count);
    for (size_t i = 0; i < twin->count; i++) {
        size_t place;
        cr_assert(intset_find(is, twin->numbers[i], &place));
        cr_assert_eq(intset_at(is, place), twin->numbers[i]);
    }
}

Test(intset, does_as_the_naive_twin) {
    struct rng rng;
    uint64_t seed = (uint64_t)time(NULL);
    struct twin twin = {.count = 0};
    unsigned char *is = intset_new();
    printf("seed %llu\n", (unsigned long long)seed);
    rng_init(&rng, seed);
    for (int round = 0; round < 8000; round++) {
        int64_t number = draw(&rng, round);
        size_t at = twin_find(&twin, number);
        size_t place;
        bool is_added;
        cr_assert_eq(intset_find(is, number, &place), at < twin.count);
        cr_assert_leq(place, twin.count);
        if (twin.count < TWIN_MAX && rng_below(&rng, 2) == 0) {
            is = intset_add(is, number, &is_added);
            cr_assert_eq(is_added, at == twin.count);
            if (is_added)
                twin.numbers[twin.count++] = number;
        } else if (at < twin.count) {
            is = intset_remove_at(is, place);
            twin.numbers[at] = twin.numbers[--twin.count];
        }
        expect_same(is, &twin);
    }
    unsigned char *copy = intset_dup(is);
    expect_same(copy, &twin);
    intset_free(copy);
    intset_free(is);
}

Test(intset, bytes_are_those_of_the_format) {
    static const unsigned char narrow[] = {2, 0, 0, 0, 3, 0, 0, 0, 0xff, 0xff, 1, 0, 0x34, 0x12};
    static const unsigned char wide[] = {4, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0, 0, 0, 1, 0};
    bool is_added;
    unsigned char *is = intset_new();
    is = intset_add(is, 0x1234, &is_added);
    is = intset_add(is, -1, &is_added);
    is = intset_add(is, 1, &is_added);
    cr_assert_eq(intset_bytes(is), sizeof(narrow));
    cr_assert_arr_eq(is, narrow, sizeof(narrow));
    intset_free(is);
    is = intset_new();
    is = intset_add(is, 5, &is_added);
    is = intset_add(is, 0x10000, &is_added);
    cr_assert_eq(intset_bytes(is), sizeof(wide));
    cr_assert_arr_eq(is, wide, sizeof(wide));
    intset_free(is);
}

Test(intset, what_is_not_sound_is_refused) {
    static const struct {
        unsigned char bytes[16];
        size_t size;
        bool is_sound;
    } rows[] = {
        {{2, 0, 0, 0, 0, 0, 0, 0}, 8, true},
        {{2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 2, 0}, 12, true},
        {{2, 0, 0, 0, 2, 0, 0, 0, 2, 0, 1, 0}, 12, false},
        {{2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 1, 0}, 12, false},
        {{2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 2, 0}, 11, false},
        {{2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 2, 0}, 13, false},
        {{3, 0, 0, 0, 0, 0, 0, 0}, 8, false},
        {{2, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}, 8, false},
        {{2, 0, 0, 0, 0, 0, 0}, 7, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        cr_assert_eq(intset_is_sound(rows[i].bytes, rows[i].size), rows[i].is_sound, "row %zu", i);
}
