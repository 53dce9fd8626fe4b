/* Sets of all encodings against a naive twin, which is a list of texts. */
#include "core/value/set.h"

#include "core/base/mem.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { TWIN_MAX = 120, TEXT_MAX = 200 };

struct twin {
    char texts[TWIN_MAX][TEXT_MAX];
    size_t lens[TWIN_MAX];
    bool is_seen[TWIN_MAX];
    size_t count;
};

static struct set_rules small_rules(void) {
    return (struct set_rules){.intset_max = 10, .listpack_max = 20, .listpack_value_max = 30, .seed = 9};
}

static size_t twin_find(const struct twin *twin, struct bytes text) {
    size_t i = 0;
    while (i < twin->count && !bytes_equal(bytes_of(twin->texts[i], twin->lens[i]), text))
        i++;
    return i;
}

static void note_seen(const struct set_member *member, void *ctx) {
    struct twin *twin = ctx;
    char scratch[NUM_INT_TEXT_MAX];
    size_t at = twin_find(twin, set_member_bytes(member, scratch));
    cr_assert_lt(at, twin->count);
    cr_assert_not(twin->is_seen[at]);
    twin->is_seen[at] = true;
}

static void expect_all_seen(struct twin *twin) {
    for (size_t i = 0; i < twin->count; i++)
        cr_assert(twin->is_seen[i]);
    memset(twin->is_seen, 0, sizeof(twin->is_seen));
}

static void expect_same(struct set set, struct twin *twin, struct rng *rng) {
    struct set_iter iter = {0};
    struct set_member member;
    char scratch[NUM_INT_TEXT_MAX];
    uint64_t cursor = 0;
    set_check(set);
    cr_assert_eq(set_count(set), twin->count);
    while (set_next(set, &iter, &member))
        note_seen(&member, twin);
    expect_all_seen(twin);
    do
        cursor = set_scan(set, cursor, (struct set_visitor){note_seen, twin});
    while (cursor != 0);
    expect_all_seen(twin);
    if (twin->count > 0) {
        member = set_random(set, rng);
        cr_assert_lt(twin_find(twin, set_member_bytes(&member, scratch)), twin->count);
    }
}

static struct set_member draw(struct rng *rng, char *room, bool has_texts) {
    int64_t number = (int64_t)rng_below(rng, 60) - 30;
    size_t kind = rng_below(rng, has_texts ? 3 : 2);
    if (kind == 0)
        return set_member_number(number);
    size_t len = (size_t)snprintf(room, TEXT_MAX, kind == 1 ? "%lld" : "t%lld", (long long)number);
    if (kind == 2 && number == 7) {
        memset(room, 'l', TEXT_MAX);
        len = TEXT_MAX;
    }
    return set_member_text(bytes_of(room, kind == 2 && number == 8 ? 0 : len));
}

static void run_model(struct rng *rng, const struct set_rules *rules, bool has_texts, bool *seen_encodings) {
    struct twin *twin = calloc(1, sizeof *twin);
    char room[TEXT_MAX];
    char scratch[NUM_INT_TEXT_MAX];
    struct set_member first = set_member_number(1);
    struct set set = set_new(&first, 1, rules);
    for (int round = 0; round < 600; round++) {
        struct set_member member = draw(rng, room, has_texts);
        struct bytes text = set_member_bytes(&member, scratch);
        size_t at = twin_find(twin, text);
        cr_assert_eq(set_has(set, &member), at < twin->count);
        if (rng_below(rng, 5) < 3) {
            cr_assert_eq(set_add(&set, &member, rules), at < twin->count ? SET_PRESENT : SET_ADDED);
            if (at == twin->count) {
                memcpy(twin->texts[at], text.ptr, text.len);
                twin->lens[at] = text.len;
                twin->count++;
            }
        } else {
            cr_assert_eq(set_remove(&set, &member), at < twin->count);
            if (at < twin->count) {
                twin->count--;
                memcpy(twin->texts[at], twin->texts[twin->count], TEXT_MAX);
                twin->lens[at] = twin->lens[twin->count];
            }
        }
        if (rng_below(rng, 100) == 0)
            set_settle(&set, rules);
        seen_encodings[set.encoding] = true;
        expect_same(set, twin, rng);
        if (round % 100 == 0) {
            struct set copy = {set_ops.dup(set.object, (uint8_t)set.encoding), set.encoding};
            expect_same(copy, twin, rng);
            cr_assert_geq(set_ops.bytes(copy.object, (uint8_t)copy.encoding), 8);
            while (!set_ops.free_step(copy.object, (uint8_t)copy.encoding, 2))
                continue;
        }
    }
    set_free(set);
    free(twin);
}

Test(set, does_as_the_naive_twin_in_every_encoding) {
    struct rng rng;
    uint64_t seed = (uint64_t)time(NULL);
    struct set_rules rules = small_rules();
    bool seen_encodings[3] = {false, false, false};
    printf("seed %llu\n", (unsigned long long)seed);
    rng_init(&rng, seed);
    for (int run = 0; run < 40; run++)
        run_model(&rng, &rules, run % 2 == 0, seen_encodings);
    for (int i = 0; i < 3; i++)
        cr_assert(seen_encodings[i]);
}

static enum set_added add_text(struct set *set, const char *text, const struct set_rules *rules) {
    struct set_member member = set_member_text(bytes_cstr(text));
    return set_add(set, &member, rules);
}

Test(set, encodings_change_at_the_thresholds) {
    struct set_rules rules = small_rules();
    struct set_member first = set_member_number(0);
    struct set_member word = set_member_text(BYTES_LIT("a"));
    char text[32];
    struct set set = set_new(&first, 1, &rules);
    for (int i = 0; i < 10; i++) {
        snprintf(text, sizeof(text), "%d", i);
        must(add_text(&set, text, &rules) == SET_ADDED);
    }
    cr_assert_eq(set.encoding, SET_INTSET);
    must(add_text(&set, "5", &rules) == SET_PRESENT);
    cr_assert_eq(set.encoding, SET_INTSET);
    must(add_text(&set, "10", &rules) == SET_ADDED);
    cr_assert_eq(set.encoding, SET_TABLE);
    set_settle(&set, &rules);
    cr_assert_eq(set.encoding, SET_TABLE);
    must(set_remove(&set, &first));
    set_settle(&set, &rules);
    cr_assert_eq(set.encoding, SET_INTSET);
    must(add_text(&set, "a", &rules) == SET_ADDED);
    cr_assert_eq(set.encoding, SET_LISTPACK);
    must(add_text(&set, "a member that is longer than 30", &rules) == SET_ADDED);
    cr_assert_eq(set.encoding, SET_TABLE);
    set_free(set);
    cr_assert_eq((set = set_new(&word, 20, &rules)).encoding, SET_LISTPACK);
    set_expect(&set, 21, &rules);
    cr_assert_eq(set.encoding, SET_TABLE);
    set_free(set);
    cr_assert_eq((set = set_new(&first, 11, &rules)).encoding, SET_LISTPACK);
    set_free(set);
    cr_assert_eq((set = set_new(&first, 21, &rules)).encoding, SET_TABLE);
    set_free(set);
}

Test(set, nothing_changes_when_there_is_no_memory_for_a_long_member) {
    struct set_rules rules = small_rules();
    struct set_member first = set_member_number(0);
    struct set set = set_new(&first, 1, &rules);
    char text[TEXT_MAX + 1];
    memset(text, 'x', TEXT_MAX);
    text[TEXT_MAX] = '\0';
    must(set_add(&set, &first, &rules) == SET_ADDED);
    mem_fail_nth(1);
    cr_assert_eq(add_text(&set, text, &rules), SET_NO_MEMORY);
    set_check(set);
    cr_assert_eq(set_count(set), 1);
    cr_assert(set_has(set, &first));
    cr_assert_eq(add_text(&set, text, &rules), SET_ADDED);
    set_free(set);
}
