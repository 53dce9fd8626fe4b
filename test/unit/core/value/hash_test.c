/* Hashes of both forms against a naive twin, which is a list of fields. */
#include "core/value/hash.h"

#include "core/base/mem.h"
#include "core/ds/listpack.h"
#include "core/value/digest.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { TWIN_MAX = 200, TEXT_MAX = 300 };

struct twin_row {
    char field[TEXT_MAX];
    char value[TEXT_MAX];
    size_t field_len;
    size_t value_len;
    int64_t expire_ms;
    unsigned seen;
};

struct twin {
    struct twin_row rows[TWIN_MAX];
    size_t count;
};

static struct bytes field_of(const struct twin_row *row) {
    return bytes_of(row->field, row->field_len);
}

static struct bytes value_of(const struct twin_row *row) {
    return bytes_of(row->value, row->value_len);
}

static struct twin_row *twin_find(struct twin *twin, struct bytes field) {
    for (size_t i = 0; i < twin->count; i++)
        if (bytes_equal(field_of(&twin->rows[i]), field))
            return &twin->rows[i];
    return NULL;
}

static void twin_put(struct twin *twin, struct bytes field, struct bytes value, int64_t expire_ms) {
    struct twin_row *row = twin_find(twin, field);
    if (row == NULL) {
        row = &twin->rows[twin->count++];
        *row = (struct twin_row){.field_len = field.len, .expire_ms = HASH_NO_EXPIRE};
        memcpy(row->field, field.ptr, field.len);
    }
    row->value_len = value.len;
    memcpy(row->value, value.ptr, value.len);
    if (expire_ms != HASH_KEEP_EXPIRE)
        row->expire_ms = expire_ms;
}

static void twin_remove(struct twin *twin, struct twin_row *row) {
    *row = twin->rows[--twin->count];
}

static void expect_item(const struct twin_row *row, const struct hash_item *item) {
    cr_assert_not_null(row);
    cr_assert(bytes_equal(value_of(row), item->value));
    cr_assert_eq(row->expire_ms, item->expire_ms);
}

static void note_item(void *ctx, const struct hash_item *item) {
    struct twin_row *row = twin_find(ctx, item->field);
    expect_item(row, item);
    row->seen++;
}

static void expect_seen(struct twin *twin, bool is_once) {
    for (size_t i = 0; i < twin->count; i++) {
        cr_assert_geq(twin->rows[i].seen, 1);
        cr_assert(!is_once || twin->rows[i].seen == 1);
        twin->rows[i].seen = 0;
    }
}

static int64_t twin_due_ms(const struct twin *twin) {
    int64_t due_ms = HASH_NO_EXPIRE;
    for (size_t i = 0; i < twin->count; i++) {
        int64_t ms = twin->rows[i].expire_ms;
        if (ms != HASH_NO_EXPIRE && (due_ms == HASH_NO_EXPIRE || ms < due_ms))
            due_ms = ms;
    }
    return due_ms;
}

static void expect_same(const struct entry *e, struct twin *twin, struct rng *rng) {
    struct hash_item item;
    struct hash_walk walk = hash_walk_begin(e);
    uint64_t cursor = 0;
    hash_check(e);
    entry_check(e);
    cr_assert_eq(hash_count(e), twin->count);
    while (hash_walk_next(&walk, &item))
        note_item(twin, &item);
    expect_seen(twin, true);
    do
        cursor = hash_scan(e, cursor, 3, (struct hash_visitor){note_item, twin});
    while (cursor != 0);
    expect_seen(twin, false);
    for (size_t i = 0; i < twin->count; i++) {
        cr_assert(hash_find(e, field_of(&twin->rows[i]), &item));
        expect_item(&twin->rows[i], &item);
    }
    int64_t due_ms = entry_parts_due_ms(e);
    int64_t wanted_ms = twin_due_ms(twin);
    cr_assert_eq(due_ms == HASH_NO_EXPIRE, wanted_ms == HASH_NO_EXPIRE);
    cr_assert_leq(due_ms, wanted_ms);
    if (twin->count > 0) {
        hash_draw_distinct(e, twin->count, rng, (struct hash_visitor){note_item, twin});
        expect_seen(twin, true);
    }
}

static struct bytes random_text(char *room, struct rng *rng, size_t len_max) {
    static const uint64_t few = 40;
    if (rng_below(rng, 3) == 0)
        return bytes_of(room, (size_t)snprintf(room, TEXT_MAX, "%d", (int)rng_below(rng, few) - 5));
    size_t len = rng_below(rng, len_max + 1);
    int letter = 'a' + (int)rng_below(rng, 3);
    memset(room, letter, len);
    return bytes_of(room, len);
}

static int64_t random_expire(struct rng *rng, int64_t now_ms, bool may_keep) {
    uint64_t die = rng_below(rng, 4);
    if (die == 0 && may_keep)
        return HASH_KEEP_EXPIRE;
    return die == 1 ? now_ms + 1 + (int64_t)rng_below(rng, 50) : HASH_NO_EXPIRE;
}

struct due_note {
    struct twin *twin;
    int64_t now_ms;
};

static void note_due(void *ctx, const struct hash_item *item) {
    struct due_note *note = ctx;
    struct twin_row *row = twin_find(note->twin, item->field);
    expect_item(row, item);
    cr_assert_leq(row->expire_ms, note->now_ms);
    cr_assert_neq(row->expire_ms, HASH_NO_EXPIRE);
    twin_remove(note->twin, row);
}

static struct entry *model_step(struct entry *e, struct twin *twin, struct rng *rng,
                                const struct hash_limits *limits, int64_t *now_ms, bool has_times) {
    char field_room[TEXT_MAX];
    char value_room[TEXT_MAX];
    struct bytes field = random_text(field_room, rng, 20);
    struct bytes value = random_text(value_room, rng, rng_below(rng, 50) == 0 ? 250 : 25);
    struct twin_row *row = twin_find(twin, field);
    switch (rng_below(rng, 12)) {
    case 0:
    case 1:
        cr_assert_eq(hash_remove(e, field), row != NULL);
        if (row != NULL)
            twin_remove(twin, row);
        break;
    case 2: {
        int64_t expire_ms = has_times ? random_expire(rng, *now_ms, false) : HASH_NO_EXPIRE;
        cr_assert_eq(hash_set_expire(e, field, expire_ms), row != NULL);
        if (row != NULL)
            row->expire_ms = expire_ms;
        break;
    }
    case 3: {
        *now_ms += 3;
        struct due_note note = {twin, *now_ms};
        while (!hash_remove_due(e, *now_ms, 2, (struct hash_visitor){note_due, &note}))
            ;
        int64_t due_ms = twin_due_ms(twin);
        cr_assert(due_ms == HASH_NO_EXPIRE || due_ms > *now_ms);
        break;
    }
    case 4: {
        struct entry *copy = entry_dup(e, BYTES_LIT("copy"));
        struct digest one = {{0}};
        struct digest other = {{0}};
        cr_assert_str_eq(entry_encoding_name(copy), entry_encoding_name(e));
        digest_put_value(&one, e);
        digest_put_value(&other, copy);
        cr_assert_arr_eq(one.of, other.of, sizeof one.of);
        entry_free(e);
        return copy;
    }
    default: {
        if (twin->count >= TWIN_MAX)
            break;
        int64_t expire_ms = has_times ? random_expire(rng, *now_ms, true) : HASH_NO_EXPIRE;
        enum hash_result result = hash_put(e, limits, field, value, expire_ms);
        cr_assert_eq(result, row == NULL ? HASH_ADDED : HASH_REPLACED);
        twin_put(twin, field, value, expire_ms);
    }
    }
    return e;
}

static void model_run(uint64_t seed, size_t fields_max, bool has_times) {
    static struct twin twin;
    struct rng rng;
    int64_t now_ms = 1000;
    struct hash_limits limits = {.fields_max = fields_max, .string_bytes_max = 64, .seed = seed};
    struct entry *e = hash_new_entry(BYTES_LIT("h"));
    twin.count = 0;
    rng_init(&rng, seed);
    for (int i = 0; i < 600; i++) {
        e = model_step(e, &twin, &rng, &limits, &now_ms, has_times);
        expect_same(e, &twin, &rng);
        cr_assert(has_times || !hash_is_timed(e));
    }
    entry_free(e);
}

Test(hash, both_forms_do_what_a_list_of_fields_does) {
    uint64_t seed = (uint64_t)time(NULL);
    fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
    static const size_t limits[] = {0, 1, 10, 1000};
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        for (uint64_t round = 0; round < 4; round++) {
            model_run(seed + round, limits[i], false);
            model_run(seed + round, limits[i], true);
        }
    }
}

Test(hash, a_listpack_of_rows_with_times_is_in_the_order_of_redis) {
    struct hash_limits limits = {.fields_max = 100, .string_bytes_max = 64};
    struct entry *e = hash_new_entry(BYTES_LIT("h"));
    static const struct {
        const char *field;
        int64_t expire_ms;
    } puts[] = {{"a", HASH_NO_EXPIRE}, {"b", 50}, {"c", 20}, {"d", HASH_NO_EXPIRE}, {"e", 50}, {"f", 10}};
    for (size_t i = 0; i < COUNT_OF(puts); i++)
        cr_assert_eq(hash_put(e, &limits, bytes_cstr(puts[i].field), BYTES_LIT("v"), puts[i].expire_ms),
                     HASH_ADDED);
    char order[COUNT_OF(puts) + 1] = "";
    struct hash_walk walk = hash_walk_begin(e);
    struct hash_item item;
    for (size_t i = 0; hash_walk_next(&walk, &item); i++)
        order[i] = item.field.ptr[0];
    cr_assert_str_eq(order, "fcebad");
    cr_assert_eq(entry_parts_due_ms(e), 10);
    cr_assert_not_null(hash_listpack(e));
    cr_assert_eq(listpack_count(hash_listpack(e)), 3 * COUNT_OF(puts));
    entry_free(e);
}

struct drawn {
    unsigned times[30];
};

static void note_drawn(void *ctx, const struct hash_item *item) {
    struct drawn *drawn = ctx;
    int64_t number;
    cr_assert(num_parse_int(bytes_of(item->field.ptr + 1, item->field.len - 1), &number));
    drawn->times[number]++;
}

/* Every field as often as every other, within five standard deviations. */
static void expect_fair(size_t fields_max, size_t wanted, bool is_distinct) {
    enum { FIELDS = 30, ROUNDS = 6000 };
    struct hash_limits limits = {.fields_max = fields_max, .string_bytes_max = 64, .seed = 5};
    struct entry *e = hash_new_entry(BYTES_LIT("h"));
    struct drawn drawn = {{0}};
    struct rng rng;
    rng_init(&rng, 11);
    for (int i = 0; i < FIELDS; i++) {
        char text[8];
        struct bytes field = bytes_of(text, (size_t)snprintf(text, sizeof text, "f%d", i));
        cr_assert_eq(hash_put(e, &limits, field, BYTES_LIT("v"), HASH_NO_EXPIRE), HASH_ADDED);
    }
    for (int i = 0; i < ROUNDS; i++) {
        struct hash_visitor visitor = {note_drawn, &drawn};
        if (is_distinct)
            hash_draw_distinct(e, wanted, &rng, visitor);
        else
            hash_draw(e, wanted, &rng, visitor);
    }
    double p = (double)wanted / FIELDS;
    double mean = ROUNDS * p;
    for (int i = 0; i < FIELDS; i++)
        cr_assert_lt(fabs(drawn.times[i] - mean), 5 * sqrt(mean), "field %d: %u times, %f wanted", i,
                     drawn.times[i], mean);
    entry_free(e);
}

Test(hash, every_field_is_drawn_as_often_as_every_other) {
    static const size_t limits[] = {0, 1000};
    static const size_t wanted[] = {1, 3, 9, 12, 25};
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        for (size_t j = 0; j < COUNT_OF(wanted); j++) {
            expect_fair(limits[i], wanted[j], false);
            expect_fair(limits[i], wanted[j], true);
        }
    }
}

#if BASALT_HOSTILE
Test(hash, without_memory_for_a_long_value_nothing_changes) {
    static char text[100000];
    struct hash_limits limits = {.fields_max = 10, .string_bytes_max = 64, .seed = 1};
    struct entry *e = hash_new_entry(BYTES_LIT("h"));
    struct hash_item item;
    cr_assert_eq(hash_put(e, &limits, BYTES_LIT("a"), BYTES_LIT("1"), HASH_NO_EXPIRE), HASH_ADDED);
    for (int is_table = 0; is_table < 2; is_table++) {
        mem_fail_nth(1);
        cr_assert_eq(hash_put(e, &limits, BYTES_LIT("b"), bytes_of(text, sizeof text), HASH_NO_EXPIRE),
                     HASH_NO_MEMORY);
        cr_assert_eq(hash_put(e, &limits, BYTES_LIT("a"), BYTES_LIT("1"), HASH_NO_EXPIRE), HASH_REPLACED);
        mem_fail_nth(1);
        cr_assert_eq(hash_put(e, &limits, BYTES_LIT("a"), bytes_of(text, sizeof text), HASH_NO_EXPIRE),
                     HASH_NO_MEMORY);
        mem_fail_nth(0);
        cr_assert(hash_find(e, BYTES_LIT("a"), &item));
        cr_assert(bytes_equal(item.value, BYTES_LIT("1")));
        cr_assert_eq(hash_count(e), 1);
        hash_check(e);
    }
    entry_free(e);
}
#endif

Test(hash, a_large_hash_is_freed_in_steps) {
    struct hash_limits limits = {.fields_max = 0, .string_bytes_max = 64, .seed = 1};
    struct entry *e = hash_new_entry(BYTES_LIT("h"));
    char text[24];
    for (int i = 0; i < 20000; i++) {
        struct bytes field = bytes_of(text, (size_t)snprintf(text, sizeof text, "field:%d", i));
        cr_assert_eq(hash_put(e, &limits, field, field, HASH_NO_EXPIRE), HASH_ADDED);
    }
    size_t pieces = entry_pieces(e);
    size_t steps = 1;
    cr_assert_gt(pieces, 500);
    while (!entry_free_step(e, 50))
        steps++;
    cr_assert_geq(steps, pieces / 100);
}
