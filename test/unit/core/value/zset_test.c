/* Sorted sets: both encodings against a naive twin, and when one becomes the other. */
#include "core/value/zset.h"

#include "core/base/rng.h"
#include "core/ds/listpack.h"
#include "core/value/digest.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

static const struct zset_limits small = {.entries_max = 128, .value_max = 64, .seed = 5};
static const struct zset_limits tiny = {.entries_max = 8, .value_max = 12, .seed = 5};

static void put(struct zset *z, const struct zset_limits *limits, const char *name, double score) {
    struct zset_spot spot = zset_look(z, bytes_cstr(name));
    cr_assert(zset_set(z, limits, &spot, bytes_cstr(name), score));
}

/* ---- the naive twin: scores by number of name ---- */

enum { NAMES = 40 };

struct twin {
    bool is_there[NAMES];
    double score[NAMES];
    size_t count;
};

static void name_of(unsigned n, char name[16]) {
    snprintf(name, 16, n % 3 == 0 ? "%u" : "n%u", n); /* some are numbers */
}

static size_t twin_rank(const struct twin *t, unsigned n) {
    size_t rank = 0;
    char mine[16];
    char other[16];
    name_of(n, mine);
    for (unsigned i = 0; i < NAMES; i++) {
        name_of(i, other);
        rank += t->is_there[i] &&
                (t->score[i] < t->score[n] || (t->score[i] == t->score[n] && strcmp(other, mine) < 0));
    }
    return rank;
}

static void compare(const struct zset *z, const struct twin *t) {
    zset_check(z);
    cr_assert_eq(zset_count(z), t->count);
    for (unsigned n = 0; n < NAMES; n++) {
        char name[16];
        name_of(n, name);
        struct zset_spot spot = zset_look(z, bytes_cstr(name));
        cr_assert_eq(spot.is_there, t->is_there[n]);
        size_t rank;
        double score;
        cr_assert_eq(zset_rank(z, bytes_cstr(name), &rank, &score), t->is_there[n]);
        if (!t->is_there[n])
            continue;
        cr_assert(spot.score == t->score[n] && score == t->score[n]);
        cr_assert_eq(rank, twin_rank(t, n));
        struct zset_walk w;
        for (int back = 0; back <= 1; back++) {
            zset_walk_begin(&w, z, rank, back);
            cr_assert(zset_walk_next(&w));
            cr_assert(bytes_equal(w.name, bytes_cstr(name)));
        }
    }
    size_t seen = 0;
    struct zset_walk w;
    zset_walk_begin(&w, z, t->count - 1, true);
    while (zset_walk_next(&w))
        seen++;
    cr_assert_eq(seen, t->count);
}

static void step(struct zset *z, const struct zset_limits *limits, struct twin *t, struct rng *rng) {
    static const double scores[] = {0,    1,  1, 2.5, -3, 1e300, INFINITY, -INFINITY, 4611686018427387904.0,
                                    5e18, 0.1};
    unsigned n = (unsigned)rng_below(rng, NAMES);
    char name[16];
    name_of(n, name);
    struct zset_spot spot = zset_look(z, bytes_cstr(name));
    switch (rng_below(rng, 8)) {
    case 0:
        if (!spot.is_there)
            return;
        zset_take(z, &spot);
        t->is_there[n] = false;
        t->count--;
        return;
    case 1: {
        size_t from = rng_below(rng, t->count + 1);
        size_t count = rng_below(rng, t->count - from + 1) / 4;
        bool is_gone[NAMES];
        for (unsigned i = 0; i < NAMES; i++) {
            size_t rank = t->is_there[i] ? twin_rank(t, i) : SIZE_MAX;
            is_gone[i] = rank >= from && rank < from + count;
        }
        for (unsigned i = 0; i < NAMES; i++)
            t->is_there[i] = t->is_there[i] && !is_gone[i];
        zset_remove_range(z, from, count);
        t->count -= count;
        return;
    }
    default: {
        double score = scores[rng_below(rng, COUNT_OF(scores))];
        cr_assert(zset_set(z, limits, &spot, bytes_cstr(name), score));
        t->count += !t->is_there[n];
        t->is_there[n] = true;
        t->score[n] = score;
    }
    }
}

Test(zset, both_encodings_behave_like_a_table) {
    for (uint64_t seed = 1; seed <= 6; seed++) {
        cr_log_info("seed %llu", (unsigned long long)seed);
        const struct zset_limits *limits = seed % 2 == 0 ? &small : &tiny;
        struct rng rng;
        rng_init(&rng, seed);
        struct twin t = {.count = 0};
        struct zset z = zset_new(limits, 0, 0);
        for (int i = 0; i < 1500; i++) {
            step(&z, limits, &t, &rng);
            compare(&z, &t);
        }
        void *copy_object = zset_ops.dup(z.object, (uint8_t)z.encoding);
        struct zset copy = {copy_object, z.encoding};
        compare(&copy, &t);
        struct digest digests[2] = {{{0}}, {{0}}};
        zset_ops.digest(z.object, (uint8_t)z.encoding, &digests[0]);
        zset_compact(&copy, &small);
        cr_assert_eq(copy.encoding, ZSET_LISTPACK);
        compare(&copy, &t);
        zset_ops.digest(copy.object, (uint8_t)copy.encoding, &digests[1]);
        cr_assert_arr_eq(digests[0].of, digests[1].of, sizeof digests[0].of);
        zset_free(&copy);
        zset_free(&z);
    }
}

Test(zset, a_listpack_becomes_a_ranking_at_the_limits) {
    struct zset z = zset_new(&small, 1, 64);
    char name[80];
    for (unsigned i = 0; i < 128; i++) {
        snprintf(name, sizeof name, "%u", i);
        put(&z, &small, name, i);
    }
    cr_assert_eq(z.encoding, ZSET_LISTPACK);
    put(&z, &small, "5", 77);
    cr_assert_eq(z.encoding, ZSET_LISTPACK);
    put(&z, &small, "new", 1);
    cr_assert_eq(z.encoding, ZSET_RANKING);
    zset_check(&z);
    zset_free(&z);
    z = zset_new(&small, 1, 1);
    memset(name, 'x', 65);
    name[64] = '\0';
    put(&z, &small, name, 1);
    cr_assert_eq(z.encoding, ZSET_LISTPACK);
    name[64] = 'x';
    name[65] = '\0';
    put(&z, &small, name, 1);
    cr_assert_eq(z.encoding, ZSET_RANKING);
    zset_compact(&z, &small);
    cr_assert_eq(z.encoding, ZSET_RANKING);
    zset_free(&z);
    z = zset_new(&small, 129, 1);
    cr_assert_eq(z.encoding, ZSET_RANKING);
    zset_free(&z);
}

Test(zset, a_listpack_holds_pairs_as_redis_writes_them) {
    struct zset z = zset_new(&small, 1, 1);
    put(&z, &small, "b", 1.5);
    put(&z, &small, "a", 2);
    put(&z, &small, "inf", -INFINITY);
    put(&z, &small, "zero", -0.0);
    static const char *const want[] = {"inf", "-inf", "zero", "0", "b", "1.5", "a", "2"};
    const unsigned char *lp = z.object;
    const unsigned char *at = listpack_first(lp);
    for (size_t i = 0; i < COUNT_OF(want); i++, at = listpack_next(lp, at))
        cr_assert(listpack_equals(at, bytes_cstr(want[i])), "%s", want[i]);
    cr_assert_null(at);
    zset_free(&z);
}

static void count_visit(void *ctx, struct bytes name, double score) {
    (void)name, (void)score;
    ++*(size_t *)ctx;
}

Test(zset, a_scan_visits_everything) {
    for (unsigned size = 10; size <= 5000; size *= 5) {
        struct zset z = zset_new(&small, 1, 1);
        char name[16];
        for (unsigned i = 0; i < size; i++) {
            snprintf(name, sizeof name, "%u", i);
            put(&z, &small, name, 0);
        }
        size_t seen = 0;
        uint64_t cursor = 0;
        size_t steps = 0;
        do {
            cursor = zset_scan(&z, cursor, 10, (struct zset_visitor){count_visit, &seen});
            steps++;
        } while (cursor != 0);
        cr_assert_eq(seen, size);
        cr_assert(z.encoding == ZSET_LISTPACK ? steps == 1 : steps > size / 15);
        zset_free(&z);
    }
}

Test(zset, a_long_name_may_be_refused) {
    struct zset z = zset_new(&small, 1, 1);
    static char name[5000];
    memset(name, 'x', sizeof name - 1);
    struct zset_spot spot = zset_look(&z, bytes_cstr(name));
    mem_fail_nth(1);
    bool is_set = zset_set(&z, &small, &spot, bytes_cstr(name), 1);
    mem_fail_nth(0);
    cr_assert(is_set || zset_count(&z) == 0);
    cr_assert_eq(zset_look(&z, bytes_cstr(name)).is_there, is_set);
    zset_check(&z);
    zset_free(&z);
}
