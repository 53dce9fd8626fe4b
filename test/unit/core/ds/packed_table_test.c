/* The packed table against a naive twin: an array of items that is searched from end to end. */
#include "core/base/keyhash.h"
#include "core/base/mem.h"
#include "core/base/num.h"
#include "core/ds/packed_node.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { TWIN_MAX = 400, FIELD_MAX = 200, VALUE_MAX = 300 };

struct twin_item {
    char field[FIELD_MAX];
    size_t field_len;
    char value[VALUE_MAX];
    size_t value_len;
    int64_t expire_ms;
    bool is_seen;
};

struct twin {
    struct twin_item items[TWIN_MAX];
    size_t count;
};

static struct rng seeded(void) {
    struct rng rng;
    uint64_t seed = (uint64_t)time(NULL);
    printf("seed %llu\n", (unsigned long long)seed);
    rng_init(&rng, seed);
    return rng;
}

static struct twin_item *twin_find(struct twin *twin, struct bytes field) {
    for (size_t i = 0; i < twin->count; i++)
        if (bytes_equal(bytes_of(twin->items[i].field, twin->items[i].field_len), field))
            return &twin->items[i];
    return NULL;
}

static void twin_remove(struct twin *twin, struct twin_item *item) {
    *item = twin->items[--twin->count];
}

/* A field out of `kinds` possible ones; a few of them are long. */
static struct bytes make_field(struct rng *rng, char *room, unsigned kinds) {
    unsigned kind = (unsigned)rng_below(rng, kinds);
    size_t len = (size_t)snprintf(room, FIELD_MAX, "f%u", kind);
    size_t extra = kind % 13 == 0 ? 130 : kind % 7;
    memset(room + len, 'x', extra);
    return bytes_of(room, kind == 0 ? 0 : len + extra);
}

static struct bytes make_value(struct rng *rng, char *room) {
    size_t len = rng_below(rng, 8) == 0 ? rng_below(rng, VALUE_MAX) : rng_below(rng, 12);
    memset(room, 'a' + (int)rng_below(rng, 26), len);
    return bytes_of(room, len);
}

static void expect_same(const struct packed_table *t, struct twin *twin, bool has_values) {
    struct packed_at at = PACKED_AT_START;
    size_t seen = 0;
    packed_table_check(t);
    cr_assert_eq(packed_table_count(t), twin->count);
    while (packed_table_next(t, &at)) {
        struct packed_item item = packed_table_get(t, at);
        struct twin_item *same = twin_find(twin, item.field);
        cr_assert_not_null(same);
        cr_assert_eq(item.expire_ms, same->expire_ms);
        cr_assert(bytes_equal(item.value, bytes_of(same->value, has_values ? same->value_len : 0)));
        seen++;
    }
    cr_assert_eq(seen, twin->count);
}

struct expiry_check {
    struct twin *twin;
    int64_t now_ms;
};

static void visit_expired(const struct packed_item *item, void *ctx) {
    struct expiry_check *check = ctx;
    struct twin_item *same = twin_find(check->twin, item->field);
    cr_assert_not_null(same);
    cr_assert_leq(same->expire_ms, check->now_ms);
    twin_remove(check->twin, same);
}

static void step_add(struct packed_table *t, struct twin *twin, struct bytes field, struct bytes value) {
    struct packed_at at;
    enum packed_result result = packed_table_add(t, field, value, &at);
    struct twin_item *same = twin_find(twin, field);
    cr_assert_eq(result, same != NULL ? PACKED_PRESENT : PACKED_ADDED);
    cr_assert(bytes_equal(packed_table_get(t, at).field, field));
    if (same == NULL) {
        same = &twin->items[twin->count++];
        memcpy(same->field, field.ptr, field.len);
        memcpy(same->value, value.ptr, value.len);
        same->field_len = field.len;
        same->value_len = value.len;
        same->expire_ms = PACKED_NO_EXPIRE;
    }
}

static void step_change(struct packed_table *t, struct twin *twin, struct bytes field, struct bytes value,
                        bool has_values, int64_t expire_ms) {
    struct packed_at at;
    struct twin_item *same = twin_find(twin, field);
    cr_assert_eq(packed_table_find(t, field, &at), same != NULL);
    if (same == NULL)
        return;
    if (has_values && expire_ms % 2 == 0) {
        cr_assert(packed_table_set_value(t, &at, value));
        memcpy(same->value, value.ptr, value.len);
        same->value_len = value.len;
    } else {
        packed_table_set_expire(t, &at, expire_ms);
        same->expire_ms = expire_ms;
    }
    cr_assert(bytes_equal(packed_table_get(t, at).field, field));
}

static void step_expire(struct packed_table *t, struct twin *twin, int64_t now_ms, size_t items_max) {
    struct expiry_check check = {twin, now_ms};
    size_t before = twin->count;
    bool is_done =
        packed_table_expire_step(t, now_ms, items_max, (struct packed_visitor){visit_expired, &check});
    cr_assert_leq(before - twin->count, items_max);
    if (!is_done)
        return;
    cr_assert_gt(packed_table_expire_hint(t), now_ms);
    for (size_t i = 0; i < twin->count; i++)
        cr_assert_gt(twin->items[i].expire_ms, now_ms);
}

static void run_model(bool has_values, int rounds) {
    struct rng rng = seeded();
    struct packed_table *t = packed_table_new(has_values, 7);
    struct twin *twin = calloc(1, sizeof *twin);
    char field_room[FIELD_MAX];
    char value_room[VALUE_MAX];
    int64_t now_ms = 1000;
    for (int round = 0; round < rounds; round++) {
        bool is_filling = round / 1500 % 2 == 0; /* to several hundred items, and down to none */
        struct bytes field = make_field(&rng, field_room, TWIN_MAX);
        struct bytes value = make_value(&rng, value_room);
        switch (rng_below(&rng, is_filling ? 5 : 8)) {
        case 0:
        case 1: step_add(t, twin, field, value); break;
        case 2: {
            struct twin_item *same = twin_find(twin, field);
            cr_assert_eq(packed_table_remove_field(t, field), same != NULL);
            if (same != NULL)
                twin_remove(twin, same);
            break;
        }
        case 3:
            step_change(t, twin, field, value, has_values,
                        rng_below(&rng, 4) == 0 ? PACKED_NO_EXPIRE : now_ms + (int64_t)rng_below(&rng, 900));
            break;
        case 4: step_expire(t, twin, now_ms += 3, 1 + rng_below(&rng, 5)); break;
        default:
            if (twin->count > 0) {
                struct packed_at at = packed_table_random(t, &rng);
                twin_remove(twin, twin_find(twin, packed_table_get(t, at).field));
                packed_table_remove(t, at);
            }
        }
        if (round % 8 == 0 || twin->count < 30)
            expect_same(t, twin, has_values);
        if (round % 500 == 0) {
            struct packed_table *copy = packed_table_dup(t);
            packed_table_check(copy);
            expect_same(copy, twin, has_values);
            while (!packed_table_free_step(copy, 1 + rng_below(&rng, 20)))
                continue;
        }
    }
    packed_table_free(t);
    free(twin);
}

Test(packed_table, does_as_the_naive_twin_with_values, .timeout = 120) {
    run_model(true, 12000);
}

Test(packed_table, does_as_the_naive_twin_without_values, .timeout = 120) {
    run_model(false, 12000);
}

/* ---- scanning ---- */

enum { SCAN_STAYING = 3000 };

/* Fields are not NUL-terminated. */
static size_t number_of(struct bytes field) {
    int64_t number;
    must(num_parse_int(bytes_of(field.ptr + 1, field.len - 1), &number));
    return (size_t)number;
}

static void visit_staying(const struct packed_item *item, void *ctx) {
    unsigned *visits = ctx;
    if (item->field.len > 0 && item->field.ptr[0] == 's')
        visits[number_of(item->field)]++;
}

static struct bytes numbered(char *room, char kind, unsigned number) {
    return bytes_of(room, (size_t)snprintf(room, 24, "%c%u", kind, number));
}

static void add(struct packed_table *t, struct bytes field) {
    struct packed_at at;
    must(packed_table_add(t, field, BYTES_NONE, &at) == PACKED_ADDED);
}

Test(packed_table, scan_visits_whatever_stays_while_the_table_grows_and_shrinks) {
    struct rng rng = seeded();
    for (int change = -1; change <= 1; change++) {
        struct packed_table *t = packed_table_new(false, rng_next(&rng));
        unsigned *visits = calloc(SCAN_STAYING, sizeof *visits);
        unsigned others = change < 0 ? 40000 : 0;
        unsigned steps = 0;
        uint64_t cursor = 0;
        char room[24];
        for (unsigned i = 0; i < SCAN_STAYING; i++)
            add(t, numbered(room, 's', i));
        for (unsigned i = 0; i < others; i++)
            add(t, numbered(room, 'o', i));
        do {
            cursor = packed_table_scan(t, cursor, (struct packed_visitor){visit_staying, visits});
            cr_assert_lt(cursor, UINT64_C(1) << 20, "cursors stay small");
            for (int i = 0; i < 20 && change > 0; i++)
                add(t, numbered(room, 'o', others++));
            for (int i = 0; i < 40 && change < 0 && others > 0; i++)
                must(packed_table_remove_field(t, numbered(room, 'o', --others)));
            cr_assert_lt(++steps, 100000u);
        } while (cursor != 0);
        for (unsigned i = 0; i < SCAN_STAYING; i++)
            cr_assert(change == 0 ? visits[i] == 1 : visits[i] >= 1, "change %d, item %u: %u visits", change,
                      i, visits[i]);
        free(visits);
        packed_table_free(t);
    }
}

Test(packed_table, any_number_is_a_good_cursor) {
    struct rng rng = seeded();
    struct packed_table *t = packed_table_new(false, 1);
    unsigned visits[SCAN_STAYING] = {0};
    char room[24];
    for (unsigned i = 0; i < 500; i++)
        add(t, numbered(room, 's', i));
    for (int round = 0; round < 2000; round++) {
        uint64_t cursor = rng_next(&rng) >> rng_below(&rng, 64);
        for (int steps = 0; cursor != 0; steps++) {
            cursor = packed_table_scan(t, cursor, (struct packed_visitor){visit_staying, visits});
            cr_assert_lt(steps, 100);
        }
    }
    packed_table_free(t);
}

/* ---- chance ---- */

Test(packed_table, random_items_are_equally_likely) {
    enum { ITEMS = 100, DRAWS = 200000 };
    struct rng rng;
    rng_init(&rng, 42);
    struct packed_table *t = packed_table_new(false, 3);
    unsigned draws[ITEMS] = {0};
    char room[24];
    for (unsigned i = 0; i < ITEMS; i++)
        add(t, numbered(room, 's', i));
    for (int i = 0; i < DRAWS; i++) {
        struct bytes field = packed_table_get(t, packed_table_random(t, &rng)).field;
        draws[number_of(field)]++;
    }
    for (int i = 0; i < ITEMS; i++) /* 2000 expected, deviation 45 */
        cr_assert(draws[i] > 1775 && draws[i] < 2225, "item %d: %u", i, draws[i]);
    packed_table_free(t);
}

/* ---- memory ---- */

Test(packed_table, a_member_of_16_bytes_costs_at_most_25_bytes) {
    enum { ITEMS = 200000 };
    struct packed_table *t = packed_table_new(false, 5);
    char room[24];
    for (unsigned i = 0; i < ITEMS; i++) {
        snprintf(room, sizeof(room), "member:%09u", i);
        add(t, bytes_of(room, 16));
    }
    packed_table_check(t);
    printf("%.2f bytes a member\n", (double)packed_table_bytes(t) / ITEMS);
    cr_assert_leq(packed_table_bytes(t), ITEMS * 25);
    packed_table_free(t);
}

Test(packed_table, nothing_changes_when_there_is_no_memory_for_a_long_item) {
    struct packed_table *t = packed_table_new(true, 5);
    static char text[5000];
    struct bytes value = bytes_of(text, sizeof(text));
    struct packed_at at;
    memset(text, 'v', sizeof(text));
    mem_fail_nth(1);
    cr_assert_eq(packed_table_add(t, BYTES_LIT("f"), value, &at), PACKED_NO_MEMORY);
    packed_table_check(t);
    cr_assert_eq(packed_table_count(t), 0);
    cr_assert_eq(packed_table_add(t, BYTES_LIT("f"), BYTES_LIT("short"), &at), PACKED_ADDED);
    mem_fail_nth(1);
    cr_assert_not(packed_table_set_value(t, &at, value));
    packed_table_check(t);
    cr_assert(bytes_equal(packed_table_get(t, at).value, BYTES_LIT("short")));
    cr_assert(packed_table_set_value(t, &at, value));
    cr_assert(bytes_equal(packed_table_get(t, at).value, value));
    packed_table_check(t);
    packed_table_free(t);
}

/* ---- a node that somebody who knows the seed has filled ---- */

Test(packed_table, a_node_may_outgrow_narrow_offsets_and_come_back) {
    struct packed_node *n = NULL;
    unsigned char record[1 + 24];
    char *field = (char *)record + 1;
    enum { ITEMS = 4000 };
    record[0] = 20;
    for (unsigned i = 0; i < ITEMS; i++) {
        snprintf(field, 24, "member-%013u", i);
        n = packed_node_add(n, (uint8_t)i, record, 21);
    }
    packed_node_check(n, false);
    cr_assert_eq(packed_node_width(n), 4);
    for (unsigned i = 0; i < ITEMS; i++) {
        snprintf(field, 24, "member-%013u", i);
        int slot = packed_node_find(n, (uint8_t)i, bytes_of(field, 20), false);
        cr_assert_neq(slot, PACKED_NODE_NO_SLOT);
        n = packed_node_remove(n, (size_t)slot, false);
        if (i % 512 == 0)
            packed_node_check(n, false);
        if (i == ITEMS - 100)
            cr_assert_eq(packed_node_width(n), 2);
    }
    cr_assert_null(n);
}
