/* Rankings against a sorted array: every operation, every kind of probe, random and ordered input, equal scores. */
#include "core/ds/ranking.h"

#include "core/base/rng.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- the naive twin: an array in order ---- */

struct twin_element {
    double score;
    char name[24];
};

struct twin {
    struct twin_element *all;
    size_t count;
};

static int twin_order(const struct twin_element *a, double score, const char *name) {
    if (a->score != score)
        return a->score < score ? -1 : 1;
    return strcmp(a->name, name);
}

static size_t twin_place(const struct twin *t, double score, const char *name) {
    size_t at = 0;
    size_t high = t->count;
    while (at < high) {
        size_t middle = (at + high) / 2;
        if (twin_order(&t->all[middle], score, name) < 0)
            at = middle + 1;
        else
            high = middle;
    }
    return at;
}

static void twin_put(struct twin *t, double score, const char *name) {
    size_t at = twin_place(t, score, name);
    memmove(t->all + at + 1, t->all + at, (t->count - at) * sizeof(*t->all));
    t->all[at].score = score;
    snprintf(t->all[at].name, sizeof t->all[at].name, "%s", name);
    t->count++;
}

static void twin_cut(struct twin *t, size_t at, size_t count) {
    memmove(t->all + at, t->all + at + count, (t->count - at - count) * sizeof(*t->all));
    t->count -= count;
}

/* ---- comparing ---- */

static void compare(const struct ranking *r, const struct twin *t) {
    cr_assert_eq(ranking_count(r), t->count);
    struct rank_cursor c = rank_tree_at(&r->tree, 0);
    for (size_t i = 0; i < t->count; i++, rank_cursor_next(&c)) {
        const struct ranked *e = rank_cursor_get(&c);
        cr_assert_not_null(e);
        cr_assert(bytes_equal(ranked_name(e), bytes_cstr(t->all[i].name)), "rank %zu", i);
        cr_assert(e->score == t->all[i].score);
    }
    cr_assert_null(rank_cursor_get(&c));
    cr_assert_null(rank_cursor_get(&(struct rank_cursor){NULL, 0}));
    c = rank_tree_at(&r->tree, t->count - 1);
    for (size_t i = t->count; i-- > 0; rank_cursor_prev(&c))
        cr_assert(bytes_equal(ranked_name(rank_cursor_get(&c)), bytes_cstr(t->all[i].name)));
    cr_assert(t->count == 0 || c.leaf == NULL);
}

static size_t find(const struct ranking *r, enum rank_side side, double score, const char *name) {
    struct rank_probe probe = {.side = side, .score = score, .name = bytes_cstr(name)};
    return rank_tree_find(&r->tree, &probe);
}

static void compare_probes(const struct ranking *r, const struct twin *t, double score, const char *name) {
    size_t want[4] = {0, 0, 0, 0};
    for (size_t i = 0; i < t->count; i++) {
        int order = twin_order(&t->all[i], score, name);
        want[0] += t->all[i].score < score;
        want[1] += t->all[i].score <= score;
        want[2] += order < 0;
        want[3] += order <= 0;
    }
    cr_assert_eq(find(r, RANK_BEFORE_SCORE, score, name), want[0]);
    cr_assert_eq(find(r, RANK_AFTER_SCORE, score, name), want[1]);
    cr_assert_eq(find(r, RANK_BEFORE_MEMBER, score, name), want[2]);
    cr_assert_eq(find(r, RANK_AFTER_MEMBER, score, name), want[3]);
}

/* ---- the model test ---- */

enum { STEPS = 40000, NAMES = 3000, CHECK_EVERY = 500 };

static double any_score(struct rng *rng, unsigned kind) {
    static const double edges[] = {0.0,       -0.0,   1e308,   -1e308, INFINITY,
                                   -INFINITY, 5e-324, -5e-324, 1,      1.0000000000000002};
    switch (kind % 5) {
    case 0: return (double)(int64_t)rng_below(rng, 100) - 50; /* many are equal */
    case 1: return rng_unit(rng);
    case 2: return edges[rng_below(rng, COUNT_OF(edges))];
    case 3: return ldexp(rng_unit(rng) - 0.5, (int)rng_below(rng, 600) - 300);
    default: return 7;
    }
}

static void step(struct ranking *r, struct twin *t, struct rng *rng, unsigned kind, bool is_growing) {
    char name[24];
    snprintf(name, sizeof name, "m%llu", (unsigned long long)rng_below(rng, NAMES));
    double score = any_score(rng, kind == 5 ? (unsigned)rng_below(rng, 5) : kind);
    struct ranked *e = ranking_find(r, bytes_cstr(name));
    if (e != NULL) {
        size_t at = twin_place(t, e->score, name);
        cr_assert(at < t->count && strcmp(t->all[at].name, name) == 0);
        cr_assert_eq(rank_tree_rank(&r->tree, e), at);
        if (is_growing ? rng_below(rng, 4) != 0 : rng_below(rng, 4) == 0) {
            double near = rng_below(rng, 2) ? score : nextafter(e->score, 0);
            twin_cut(t, at, 1);
            twin_put(t, near, name);
            ranking_rescore(r, e, near);
        } else {
            twin_cut(t, at, 1);
            ranking_remove(r, e);
        }
    } else if (is_growing || rng_below(rng, 4) == 0) {
        cr_assert(ranking_add(r, bytes_cstr(name), score));
        twin_put(t, score, name);
    } else if (t->count > 0) {
        size_t from = rng_below(rng, t->count);
        size_t count = rng_below(rng, t->count - from + 1) / (1 + rng_below(rng, 100));
        ranking_remove_range(r, from, count);
        twin_cut(t, from, count);
    }
}

Test(ranking, behaves_like_a_sorted_array) {
    struct twin t = {calloc(NAMES + 1, sizeof(*t.all)), 0};
    for (unsigned kind = 0; kind < 6; kind++) {
        uint64_t seed = 100 + kind;
        cr_log_info("seed %llu", (unsigned long long)seed);
        struct rng rng;
        rng_init(&rng, seed);
        struct ranking *r = ranking_new(seed);
        t.count = 0;
        for (unsigned i = 0; i < STEPS; i++) {
            step(r, &t, &rng, kind, i % 10000 < 7000);
            if (i % CHECK_EVERY == 0 || i < 300) {
                ranking_check(r);
                char name[24];
                snprintf(name, sizeof name, "m%llu", (unsigned long long)rng_below(&rng, NAMES));
                compare_probes(r, &t, any_score(&rng, kind), name);
                if (t.count > 0) {
                    const struct twin_element *some = &t.all[rng_below(&rng, t.count)];
                    compare_probes(r, &t, some->score, some->name);
                }
            }
            if (i % 5000 == 0)
                compare(r, &t);
        }
        struct ranking *copy = ranking_dup(r);
        ranking_check(copy);
        compare(copy, &t);
        ranking_free(copy);
        ranking_remove_range(r, 0, t.count);
        ranking_check(r);
        ranking_free(r);
    }
    free(t.all);
}

/* ---- order of input ---- */

static struct ranking *filled(size_t count, double direction) {
    struct ranking *r = ranking_new(1);
    for (size_t i = 0; i < count; i++) {
        char name[24];
        snprintf(name, sizeof name, "%08zu", i);
        cr_assert(ranking_add(r, bytes_cstr(name), direction * (double)i));
    }
    ranking_check(r);
    return r;
}

Test(ranking, input_in_order_fills_leaves_to_the_brim) {
    for (int direction = -1; direction <= 1; direction++) {
        struct ranking *r = filled(100000, direction);
        double per_element = (double)r->tree.bytes / 100000;
        cr_expect_leq(per_element, 10.0, "direction %d: %.2f", direction, per_element);
        ranking_free(r);
    }
}

Test(ranking, names_are_found_in_order_where_scores_are_equal) {
    struct ranking *r = filled(10000, 0);
    cr_assert_eq(find(r, RANK_BEFORE_NAME, 0, "00005000"), 5000);
    cr_assert_eq(find(r, RANK_AFTER_NAME, 0, "00005000"), 5001);
    cr_assert_eq(find(r, RANK_BEFORE_NAME, 0, ""), 0);
    cr_assert_eq(find(r, RANK_AFTER_NAME, 0, "z"), 10000);
    ranking_free(r);
}

Test(ranking, an_element_takes_at_most_60_bytes) {
    struct rng rng;
    rng_init(&rng, 4);
    struct ranking *r = ranking_new(9);
    enum { COUNT = 200000 };
    for (size_t i = 0; i < COUNT; i++) {
        char name[24];
        snprintf(name, sizeof name, "member:%09zu", i);
        cr_assert(ranking_add(r, bytes_of(name, 16), rng_unit(&rng)));
        if (i >= 1000 && (i & (i - 1)) == 0)
            cr_expect_leq((double)ranking_bytes(r) / (double)(i + 1), 64.0, "%zu", i);
    }
    cr_expect_leq((double)ranking_bytes(r) / COUNT, 60.0, "%.2f", (double)ranking_bytes(r) / COUNT);
    ranking_free(r);
}

Test(ranking, freeing_goes_in_steps_of_the_asked_size) {
    struct ranking *r = filled(50000, 1);
    size_t steps = 1;
    while (!ranking_free_step(r, 1000))
        steps++;
    cr_assert_geq(steps, 40);
    cr_assert_leq(steps, 80);
}

Test(ranking, names_of_every_length_come_back) {
    struct ranking *r = ranking_new(2);
    static char text[70000];
    static const size_t lens[] = {0, 1, 6, 7, 8, 22, 23, 24, 253, 254, 255, 256, 257, 65535, 65536, 70000};
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < COUNT_OF(lens); i++)
        cr_assert(ranking_add(r, bytes_of(text, lens[i]), 0));
    ranking_check(r);
    for (size_t i = 0; i < COUNT_OF(lens); i++) {
        struct ranked *e = ranking_find(r, bytes_of(text, lens[i]));
        cr_assert_not_null(e);
        cr_assert_eq(ranked_name(e).len, lens[i]);
        cr_assert_eq(rank_tree_rank(&r->tree, e), i);
    }
    ranking_free(r);
}
