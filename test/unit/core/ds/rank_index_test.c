/* The index of names: a scan gives what is there all the time, exactly once, whatever happens meanwhile. */
#include "core/ds/rank_index.h"

#include "core/base/rng.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum { STABLE = 2000, PASSING = 20000 };

static struct ranked *stable[STABLE];
static struct ranked *passing[PASSING];

static struct ranked *element(const char *kind, unsigned n) {
    char name[32];
    snprintf(name, sizeof name, "%s%u", kind, n);
    return ranked_new(bytes_cstr(name), n);
}

static void add(struct rank_index *ix, struct ranked *e) {
    rank_index_add(ix, e, rank_index_hash(ix, ranked_name(e)));
}

static void take(struct rank_index *ix, struct ranked *e) {
    rank_index_remove(ix, e, rank_index_hash(ix, ranked_name(e)));
    mem_free(e);
}

static void count_visit(void *ctx, struct ranked *e) {
    unsigned *seen = ctx;
    if (ranked_name(e).ptr[0] == 's')
        seen[(size_t)e->score]++;
}

/* Adds and removes elements that come and go. */
static void churn(struct rank_index *ix, struct rng *rng, unsigned times, unsigned range) {
    for (unsigned i = 0; i < times; i++) {
        unsigned n = (unsigned)rng_below(rng, range);
        if (passing[n] == NULL) {
            passing[n] = element("p", n);
            add(ix, passing[n]);
        } else {
            take(ix, passing[n]);
            passing[n] = NULL;
        }
    }
}

Test(rank_index, a_scan_gives_what_stays_exactly_once) {
    static const size_t counts[] = {1, 10, 100, 1000};
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct rng rng;
        rng_init(&rng, seed);
        struct rank_index ix;
        rank_index_init(&ix, seed);
        unsigned stable_count = seed % 2 == 0 ? STABLE : 60;
        for (unsigned i = 0; i < stable_count; i++)
            add(&ix, stable[i] = element("s", i));
        unsigned seen[STABLE] = {0};
        uint64_t cursor = 0;
        do {
            cursor = rank_index_scan(&ix, cursor, counts[seed % 4],
                                     (struct rank_index_visitor){count_visit, seen});
            cr_assert_lt(cursor, (uint64_t)1 << 48);
            churn(&ix, &rng, 300, rng_below(&rng, 3) == 0 ? PASSING : PASSING / 16);
        } while (cursor != 0);
        rank_index_check(&ix);
        for (unsigned i = 0; i < stable_count; i++)
            cr_assert_eq(seen[i], 1, "seed %llu: %u came %u times", (unsigned long long)seed, i, seen[i]);
        for (unsigned i = 0; i < PASSING; i++)
            if (passing[i] != NULL) {
                take(&ix, passing[i]);
                passing[i] = NULL;
            }
        rank_index_check(&ix);
        for (unsigned i = 0; i < stable_count; i++)
            take(&ix, stable[i]);
        rank_index_check(&ix);
        cr_assert_eq(ix.count, 0);
        rank_index_deinit(&ix);
    }
}

Test(rank_index, finds_all_and_nothing_else_while_it_grows_and_shrinks) {
    struct rank_index ix;
    rank_index_init(&ix, 3);
    for (unsigned i = 0; i < PASSING; i++) {
        struct ranked *e = passing[i] = element("p", i);
        struct bytes name = ranked_name(e);
        uint64_t hash = rank_index_hash(&ix, name);
        cr_assert_null(rank_index_find(&ix, name, hash));
        rank_index_add(&ix, e, hash);
        cr_assert_eq(rank_index_find(&ix, name, hash), e);
        if (i < 600 || i % 1000 == 0)
            rank_index_check(&ix);
    }
    cr_expect_leq((double)ix.bytes / PASSING, 14.0);
    for (unsigned i = 0; i < PASSING; i++) {
        struct bytes name = ranked_name(passing[i]);
        uint64_t hash = rank_index_hash(&ix, name);
        cr_assert_eq(rank_index_find(&ix, name, hash), passing[i]);
        rank_index_remove(&ix, passing[i], hash);
        cr_assert_null(rank_index_find(&ix, name, hash));
        mem_free(passing[i]);
        if (i > PASSING - 600 || i % 1000 == 0)
            rank_index_check(&ix);
    }
    rank_index_deinit(&ix);
}
