/* Entries of every shape, built, changed, copied and renamed, compared with what they were made of. */
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/value/entry.h"
#include "core/value/str.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <time.h>

static struct bytes filled(char *room, size_t len, char with) {
    memset(room, with, len);
    return bytes_of(room, len);
}

static void expect_str(const struct entry *e, struct bytes key, struct bytes value, int64_t expire_ms) {
    char scratch[NUM_INT_TEXT_MAX];
    entry_check(e);
    cr_assert(bytes_equal(entry_key(e), key));
    cr_assert(bytes_equal(str_view(e, scratch), value));
    cr_assert_eq(str_len(e), value.len);
    cr_assert_eq(entry_expire_ms(e), expire_ms);
    cr_assert_eq(entry_type(e), VALUE_STRING);
}

static const size_t key_lengths[] = {0, 1, 16, 254, 255, 256, 1000, 65534, 65535, 65536, 100000};
static const size_t value_lengths[] = {0, 1, 20, 44, 45, 254, 255, 256, 1023, 1024, 1025, 5000, 100000};

Test(entry, holds_keys_and_values_of_any_length) {
    char *key_room = mem_alloc(100000);
    char *value_room = mem_alloc(100000);
    for (size_t k = 0; k < COUNT_OF(key_lengths); k++) {
        for (size_t v = 0; v < COUNT_OF(value_lengths); v++) {
            struct bytes key = filled(key_room, key_lengths[k], 'k');
            struct bytes value = filled(value_room, value_lengths[v], 'v');
            struct entry *e = entry_new_str(key, value, ENTRY_NO_EXPIRE);
            expect_str(e, key, value, ENTRY_NO_EXPIRE);
            entry_set_lru(e, 0xabcdef);
            e = entry_set_expire(e, 77);
            expect_str(e, key, value, 77);
            e = entry_set_expire(e, 78);
            struct entry *copy = entry_dup(e, BYTES_LIT("other"));
            e = entry_set_expire(e, ENTRY_NO_EXPIRE);
            expect_str(e, key, value, ENTRY_NO_EXPIRE);
            cr_assert_eq(entry_lru(e), 0xabcdefu);
            e = entry_rekey(e, BYTES_LIT("renamed to something"));
            expect_str(e, BYTES_LIT("renamed to something"), value, ENTRY_NO_EXPIRE);
            cr_assert_eq(entry_lru(e), 0xabcdefu);
            entry_free(e);
            expect_str(copy, BYTES_LIT("other"), value, 78);
            entry_free(copy);
        }
    }
    mem_free(key_room);
    mem_free(value_room);
}

Test(entry, names_encodings_as_redis_does) {
    char room[2000];
    static const struct {
        const char *text;
        const char *name;
    } rows[] = {
        {"", "embstr"},
        {"0", "int"},
        {"-1", "int"},
        {"9223372036854775807", "int"},
        {"-9223372036854775808", "int"},
        {"9223372036854775808", "embstr"},
        {"01", "embstr"},
        {"-0", "embstr"},
        {"+1", "embstr"},
        {"1 ", "embstr"},
        {"3.0", "embstr"},
        {"123456789012345678901", "embstr"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct entry *e = entry_new_str(BYTES_LIT("k"), bytes_cstr(rows[i].text), ENTRY_NO_EXPIRE);
        cr_assert_str_eq(entry_encoding_name(e), rows[i].name, "%s", rows[i].text);
        expect_str(e, BYTES_LIT("k"), bytes_cstr(rows[i].text), ENTRY_NO_EXPIRE);
        entry_free(e);
    }
    static const struct {
        size_t len;
        const char *name;
    } lengths[] = {{44, "embstr"}, {45, "raw"}, {1024, "raw"}, {1025, "raw"}};
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        struct entry *e = entry_new_str(BYTES_LIT("k"), filled(room, lengths[i].len, 'x'), ENTRY_NO_EXPIRE);
        cr_assert_str_eq(entry_encoding_name(e), lengths[i].name);
        entry_free(e);
    }
    struct entry *e = entry_new_str(BYTES_LIT("k"), BYTES_LIT("12"), ENTRY_NO_EXPIRE);
    e = str_append(e, BYTES_LIT("3"));
    cr_assert_str_eq(entry_encoding_name(e), "raw");
    e = str_replace(e, BYTES_LIT("123"));
    cr_assert_str_eq(entry_encoding_name(e), "int");
    entry_free(e);
}

Test(entry, a_short_key_and_value_take_64_bytes) {
    struct entry *e =
        entry_new_str(BYTES_LIT("key:000000000001"), BYTES_LIT("vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv"), 5);
    cr_assert_eq(entry_bytes(e), 64);
    entry_free(e);
}

Test(entry, overwriting_with_the_same_size_keeps_the_block) {
    char room[600];
    for (size_t len = 0; len < sizeof(room); len += 7) {
        struct entry *e = entry_new_str(BYTES_LIT("key"), filled(room, len, 'a'), 9);
        struct entry *now = str_replace(e, filled(room, len, 'b'));
        cr_assert_eq(now, e);
        expect_str(now, BYTES_LIT("key"), filled(room, len, 'b'), 9);
        entry_free(now);
    }
    struct entry *counter = entry_new_int(BYTES_LIT("n"), 1, ENTRY_NO_EXPIRE);
    cr_assert_eq(str_set_int(counter, INT64_MIN), counter);
    expect_str(counter, BYTES_LIT("n"), BYTES_LIT("-9223372036854775808"), ENTRY_NO_EXPIRE);
    entry_free(counter);
}

Test(entry, adopts_a_block_without_copying) {
    char *block = mem_alloc(5000);
    filled(block, 5000, 'z');
    struct entry *e = entry_new_big(BYTES_LIT("k"), block, 5000, ENTRY_NO_EXPIRE);
    char scratch[NUM_INT_TEXT_MAX];
    cr_assert_eq(str_view(e, scratch).ptr, block);
    cr_assert_eq(entry_pieces(e), 2);
    cr_assert_geq(entry_bytes(e), 5000);
    entry_free(e);
}

/* The twin of a string value: a flat array. */
struct twin {
    char text[20000];
    size_t len;
};

static struct entry *random_change(struct entry *e, struct twin *twin, struct rng *rng) {
    char room[3000];
    size_t len = rng_below(rng, 4) ? rng_below(rng, 60) : rng_below(rng, sizeof(room));
    filled(room, len, (char)('a' + rng_below(rng, 26)));
    switch (rng_below(rng, 6)) {
    case 0:
        memcpy(twin->text, room, len);
        twin->len = len;
        return str_replace(e, bytes_of(room, len));
    case 1: {
        int64_t number = (int64_t)rng_next(rng) >> rng_below(rng, 64);
        twin->len = num_from_int(twin->text, number);
        return str_set_int(e, number);
    }
    case 2:
        if (twin->len + len > sizeof(twin->text))
            return e;
        memcpy(twin->text + twin->len, room, len);
        twin->len += len;
        return str_append(e, bytes_of(room, len));
    case 3: {
        size_t offset = rng_below(rng, 1500);
        if (len > 0) {
            if (offset > twin->len)
                memset(twin->text + twin->len, 0, offset - twin->len);
            memcpy(twin->text + offset, room, len);
            if (offset + len > twin->len)
                twin->len = offset + len;
        }
        return str_set_range(e, offset, bytes_of(room, len));
    }
    case 4: {
        size_t min_len = rng_below(rng, 1500);
        size_t now;
        char *text = str_mutable(&e, min_len, &now);
        if (min_len > twin->len) {
            memset(twin->text + twin->len, 0, min_len - twin->len);
            twin->len = min_len;
        }
        cr_assert_eq(now, twin->len);
        if (now > 0) {
            size_t at = rng_below(rng, now);
            text[at] = twin->text[at] = 'M';
        }
        return e;
    }
    default: {
        struct bytes number = bytes_of(twin->text, num_from_int(twin->text, (int64_t)rng_below(rng, 1000)));
        twin->len = number.len;
        return str_replace(e, number);
    }
    }
}

Test(entry, strings_follow_a_flat_array_through_random_changes) {
    uint64_t seed = (uint64_t)time(NULL);
    fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
    struct rng rng;
    rng_init(&rng, seed);
    for (int round = 0; round < 200; round++) {
        struct twin twin = {.len = 0};
        struct bytes key = round % 2 ? BYTES_LIT("k") : BYTES_LIT("a somewhat longer key than the others");
        int64_t expire_ms = round % 3 ? ENTRY_NO_EXPIRE : 12345;
        struct entry *e = entry_new_str(key, BYTES_NONE, expire_ms);
        for (int step = 0; step < 100; step++) {
            e = random_change(e, &twin, &rng);
            expect_str(e, key, bytes_of(twin.text, twin.len), expire_ms);
            if (rng_below(&rng, 8) == 0) {
                expire_ms = rng_below(&rng, 2) ? ENTRY_NO_EXPIRE : (int64_t)rng_below(&rng, 1000);
                e = entry_set_expire(e, expire_ms);
                expect_str(e, key, bytes_of(twin.text, twin.len), expire_ms);
            }
        }
        entry_free(e);
    }
}

Test(entry, a_change_that_finds_no_memory_changes_nothing) {
    char room[4000];
    filled(room, sizeof(room), 'x');
    struct bytes large = bytes_of(room, sizeof(room));
    for (size_t start = 0; start < 3; start++) {
        static const size_t lengths[] = {1, 300, 2000};
        struct bytes was = start ? bytes_of(room, lengths[start]) : BYTES_LIT("7");
        struct entry *e = entry_new_str(BYTES_LIT("k"), was, 5);
        size_t bytes = entry_bytes(e);
        size_t len;
        mem_fail_nth(1);
        cr_assert_null(str_append(e, large));
        mem_fail_nth(1);
        cr_assert_null(str_set_range(e, 9000, BYTES_LIT("y")));
        mem_fail_nth(1);
        cr_assert_null(str_mutable(&e, 9000, &len));
        cr_assert_eq(len, was.len);
        mem_fail_nth(1);
        cr_assert_null(str_replace(e, large));
        if (was.len > ENTRY_INLINE_MAX) {
            mem_fail_nth(1);
            cr_assert_null(entry_dup(e, BYTES_LIT("copy")));
        }
        mem_fail_nth(0);
        expect_str(e, BYTES_LIT("k"), was, 5);
        cr_assert_eq(entry_bytes(e), bytes);
        entry_free(e);
    }
    mem_fail_nth(1);
    cr_assert_null(entry_new_str(BYTES_LIT("k"), large, ENTRY_NO_EXPIRE));
    mem_fail_nth(0);
}
