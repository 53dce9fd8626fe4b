/* The ordered set against a sorted array. */
#include "core/base/bytes.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/ds/ordset.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <time.h>

enum { MODEL_MAX = 4000 };

struct thing {
    struct ordset_id id;
    uint64_t value;
};

static const struct ordset_type thing_type = {sizeof(struct thing), sizeof(struct ordset_id), NULL};

struct model {
    struct ordset set;
    size_t bytes;
    struct thing things[MODEL_MAX];
    size_t count;
};

static struct model *model_new(void) {
    struct model *m = mem_zalloc(sizeof(*m));
    ordset_init(&m->set, &thing_type, &m->bytes);
    return m;
}

static void model_free(struct model *m) {
    ordset_clear(&m->set);
    cr_assert_eq(m->bytes, 0);
    mem_free(m);
}

static bool id_before(struct ordset_id a, struct ordset_id b) {
    return a.high < b.high || (a.high == b.high && a.low < b.low);
}

/* The position of the first thing that is not before `id`. */
static size_t model_rank(const struct model *m, struct ordset_id id) {
    size_t at = 0;
    while (at < m->count && id_before(m->things[at].id, id))
        at++;
    return at;
}

static bool model_has(const struct model *m, size_t at, struct ordset_id id) {
    return at < m->count && m->things[at].id.high == id.high && m->things[at].id.low == id.low;
}

static void model_put(struct model *m, struct ordset_id id, uint64_t value) {
    size_t at = model_rank(m, id);
    struct thing thing = {id, value};
    if (model_has(m, at, id)) {
        struct thing *found = ordset_find(&m->set, &id);
        cr_assert_eq(found->value, m->things[at].value);
        found->value = m->things[at].value = value;
        return;
    }
    cr_assert_null(ordset_find(&m->set, &id));
    struct thing *added = ordset_add(&m->set, &thing, &thing);
    cr_assert(added->id.low == id.low && added->value == value);
    memmove(m->things + at + 1, m->things + at, (m->count - at) * sizeof(thing));
    m->things[at] = thing;
    m->count++;
}

static void model_remove(struct model *m, struct ordset_id id) {
    size_t at = model_rank(m, id);
    struct thing out = {{0, 0}, 0};
    bool was_there = ordset_remove(&m->set, &id, &out);
    cr_assert_eq(was_there, model_has(m, at, id));
    if (!was_there)
        return;
    cr_assert_eq(out.value, m->things[at].value);
    m->count--;
    memmove(m->things + at, m->things + at + 1, (m->count - at) * sizeof(out));
}

static void same(const struct thing *thing, const struct model *m, size_t at) {
    if (at >= m->count) {
        cr_assert_null(thing);
        return;
    }
    cr_assert_not_null(thing);
    cr_assert(thing->id.high == m->things[at].id.high && thing->id.low == m->things[at].id.low);
    cr_assert_eq(thing->value, m->things[at].value);
}

/* Looks for `id` in all ways and walks a little from there. */
static void model_look(const struct model *m, struct ordset_id id) {
    struct ordset_place place;
    size_t at = model_rank(m, id);
    same(ordset_seek_ge(&m->set, &id, &place), m, at);
    for (size_t i = at + 1; place.is_valid && i < at + 70; i++)
        same(ordset_next(&place), m, i);
    size_t le = model_has(m, at, id) ? at : at - 1; /* wraps when there is none */
    same(ordset_seek_le(&m->set, &id, &place), m, le);
    for (size_t i = le - 1; place.is_valid && i != le - 70; i--)
        same(ordset_prev(&place), m, i);
}

static void model_check(const struct model *m) {
    cr_assert_eq(ordset_check(&m->set), m->bytes);
    cr_assert_eq(m->set.count, m->count);
    struct ordset_place place;
    same(ordset_first(&m->set), m, 0);
    same(ordset_last(&m->set), m, m->count - 1);
    struct thing *thing = ordset_seek_first(&m->set, &place);
    for (size_t i = 0; i < m->count; i++, thing = ordset_next(&place))
        same(thing, m, i);
    cr_assert_null(thing);
    thing = ordset_seek_last(&m->set, &place);
    for (size_t i = m->count; i-- > 0; thing = ordset_prev(&place))
        same(thing, m, i);
    cr_assert_null(thing);
}

static struct rng seeded(void) {
    struct rng rng;
    uint64_t seed = (uint64_t)time(NULL);
    printf("seed %llu\n", (unsigned long long)seed);
    rng_init(&rng, seed);
    return rng;
}

Test(ordset, does_what_a_sorted_array_does_in_random_order) {
    struct rng rng = seeded();
    for (int round = 0; round < 12; round++) {
        struct model *m = model_new();
        uint64_t range = 1 + rng_below(&rng, 3000);
        for (int step = 0; step < 6000; step++) {
            /* Phases of growth and of decay. */
            bool is_growing = step / 1000 % 2 == 0;
            struct ordset_id id = {rng_below(&rng, 3), rng_below(&rng, range)};
            if (rng_below(&rng, 10) < (is_growing ? 7u : 2u) && m->count < MODEL_MAX)
                model_put(m, id, rng_next(&rng));
            else
                model_remove(m, id);
            if (step % 16 == 0)
                model_look(m, (struct ordset_id){rng_below(&rng, 4), rng_below(&rng, range + 2)});
            if (step % 100 == 0)
                model_check(m);
        }
        model_check(m);
        model_free(m);
    }
}

Test(ordset, does_what_a_sorted_array_does_for_a_queue) {
    struct rng rng = seeded();
    struct model *m = model_new();
    uint64_t next = 0;
    for (int step = 0; step < 20000; step++) {
        if (m->count < 3000 && (m->count == 0 || rng_below(&rng, 100) < (step < 10000 ? 60u : 45u)))
            model_put(m, (struct ordset_id){next / 7, next % 7}, next), next++;
        else if (rng_below(&rng, 8) != 0)
            model_remove(m, m->things[0].id);
        else
            model_remove(m, m->things[rng_below(&rng, m->count)].id);
        if (step % 200 == 0)
            model_check(m);
    }
    while (m->count > 0) {
        struct thing out;
        cr_assert(ordset_pop_last(&m->set, &out));
        m->count--;
        cr_assert_eq(out.value, m->things[m->count].value);
    }
    cr_assert_not(ordset_pop_last(&m->set, NULL));
    model_check(m);
    model_free(m);
}

Test(ordset, packs_ascending_items_densely_and_stays_small_when_thinned_out) {
    struct model *m = model_new();
    enum { COUNT = 3200 };
    for (uint64_t i = 0; i < COUNT; i++)
        model_put(m, (struct ordset_id){0, i}, i);
    model_check(m);
    cr_assert_lt(m->bytes, COUNT * sizeof(struct thing) * 12 / 10);
    /* Only every 16th item stays: two of each leaf. */
    for (uint64_t i = 0; i < COUNT; i++) {
        if (i % 16 != 0)
            model_remove(m, (struct ordset_id){0, i});
    }
    model_check(m);
    cr_assert_lt(m->bytes, COUNT / 16 * sizeof(struct thing) * 4);
    model_free(m);
}

struct named {
    struct bytes name;
    char text[8];
};

static int named_compare(const void *wanted, const void *key) {
    const struct named *named = *(struct named *const *)key;
    return bytes_compare(*(const struct bytes *)wanted, named->name);
}

static const struct ordset_type named_type = {sizeof(struct named *), sizeof(struct named *), named_compare};

Test(ordset, keeps_no_pointer_to_a_name_that_was_removed) {
    struct rng rng = seeded();
    struct ordset set;
    size_t bytes = 0;
    ordset_init(&set, &named_type, &bytes);
    for (int step = 0; step < 30000; step++) {
        char text[8];
        int len = snprintf(text, sizeof(text), "%u", (unsigned)rng_below(&rng, 2000));
        struct bytes name = bytes_of(text, (size_t)len);
        struct named *named;
        if (ordset_find(&set, &name) == NULL) {
            named = mem_alloc(sizeof(*named));
            memcpy(named->text, text, sizeof(text));
            named->name = bytes_of(named->text, (size_t)len);
            ordset_add(&set, &name, &named);
        } else {
            cr_assert(ordset_remove(&set, &name, &named));
            cr_assert(bytes_equal(named->name, name));
            mem_free(named);
        }
        if (step % 500 == 0)
            cr_assert_eq(ordset_check(&set), bytes);
    }
    struct named *named;
    while (ordset_pop_last(&set, &named))
        mem_free(named);
    cr_assert_eq(bytes, 0);
}
