/* Listpacks: bytes that stock Redis wrote, a model test against an array of strings, and damage that must be noticed. */
#include "core/ds/listpack.h"

#include "core/base/mem.h"
#include "core/base/rng.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct bytes text_at(const unsigned char *at, char scratch[NUM_INT_TEXT_MAX]) {
    cr_assert_not_null(at);
    return listpack_get(at, scratch);
}

static void assert_element(const unsigned char *lp, int64_t index, const char *want) {
    char scratch[NUM_INT_TEXT_MAX];
    struct bytes got = text_at(listpack_at(lp, index), scratch);
    cr_assert(bytes_equal(got, bytes_cstr(want)), "[%lld] is '%.*s', not '%s'", (long long)index,
              (int)got.len, got.ptr, want);
}

static unsigned char *listpack_of(const char *const *texts, size_t count) {
    unsigned char *lp = listpack_new(0);
    for (size_t i = 0; i < count; i++)
        lp = listpack_append(lp, bytes_cstr(texts[i]));
    return lp;
}

/* What Redis 7.0 writes into DUMP for a list of these elements. */
static const char *const edge_texts[] = {"a",
                                         "",
                                         "0",
                                         "127",
                                         "128",
                                         "-1",
                                         "-4096",
                                         "4095",
                                         "4096",
                                         "-4097",
                                         "-32768",
                                         "32767",
                                         "32768",
                                         "-32769",
                                         "-8388608",
                                         "8388607",
                                         "8388608",
                                         "2147483647",
                                         "-2147483648",
                                         "2147483648",
                                         "9223372036854775807",
                                         "-9223372036854775808",
                                         "9223372036854775808",
                                         "-0",
                                         "01",
                                         "+1",
                                         " 1",
                                         "1.0",
                                         "xxx"};
static const char edge_hex[] =
    "9f0000001d00816102800100017f01c08002dfff02d00002cfff02f1001003f1ffef03f1008003f1ff7f03f200800004f2ff7fff"
    "04f200008004f2"
    "ffff7f04f30000800005f3ffffff7f05f30000008005f4000000800000000009f4ffffffffffffff7f09f4000000000000008009"
    "93393232333337"
    "3230333638353437373538303814822d300382303103822b31038220310383312e30048378787804ff";

Test(listpack, the_bytes_are_those_of_redis) {
    unsigned char *lp = listpack_of(edge_texts, COUNT_OF(edge_texts));
    char hex[2 * 256 + 1];
    for (size_t i = 0; i < listpack_bytes(lp); i++)
        snprintf(hex + 2 * i, 3, "%02x", lp[i]);
    cr_assert_str_eq(hex, edge_hex);
    listpack_check(lp);
    for (size_t i = 0; i < COUNT_OF(edge_texts); i++)
        assert_element(lp, (int64_t)i, edge_texts[i]);
    listpack_free(lp);
}

Test(listpack, numbers_given_as_numbers_are_written_like_their_texts) {
    unsigned char *lp = listpack_new(0), *same = listpack_new(0), *third = listpack_new(0);
    for (size_t i = 0; i < COUNT_OF(edge_texts); i++) {
        int64_t number;
        if (!num_parse_int(bytes_cstr(edge_texts[i]), &number))
            continue;
        lp = listpack_append(lp, bytes_cstr(edge_texts[i]));
        same = listpack_append_int(same, number);
        unsigned char *at = NULL;
        third = listpack_insert_int(third, &at, 1);
        third = listpack_replace_int(third, &at, number);
        int64_t read;
        cr_assert(listpack_get_int(at, &read));
        cr_assert_eq(read, number);
    }
    cr_assert_eq(listpack_bytes(lp), listpack_bytes(same));
    cr_assert_arr_eq(lp, same, listpack_bytes(lp));
    cr_assert_arr_eq(lp, third, listpack_bytes(lp));
    listpack_free(lp);
    listpack_free(same);
    listpack_free(third);
}

Test(listpack, the_lengths_before_and_behind_grow_where_those_of_redis_do) {
    static const struct {
        size_t len;
        size_t bytes;
        const char *first; /* 11 bytes */
        const char *last;  /* 6 bytes */
    } golden[] = {
        {63, 72, "\x48\x00\x00\x00\x01\x00\xbf\x78\x78\x78\x78", "\x78\x78\x78\x78\x40\xff"},
        {64, 74, "\x4a\x00\x00\x00\x01\x00\xe0\x40\x78\x78\x78", "\x78\x78\x78\x78\x42\xff"},
        {125, 135, "\x87\x00\x00\x00\x01\x00\xe0\x7d\x78\x78\x78", "\x78\x78\x78\x78\x7f\xff"},
        {126, 137, "\x89\x00\x00\x00\x01\x00\xe0\x7e\x78\x78\x78", "\x78\x78\x78\x01\x80\xff"},
        {4095, 4106, "\x0a\x10\x00\x00\x01\x00\xef\xff\x78\x78\x78", "\x78\x78\x78\x20\x81\xff"},
        {4096, 4110, "\x0e\x10\x00\x00\x01\x00\xf0\x00\x10\x00\x00", "\x78\x78\x78\x20\x85\xff"},
        {16377, 16391, "\x07\x40\x00\x00\x01\x00\xf0\xf9\x3f\x00\x00", "\x78\x78\x78\x7f\xfe\xff"},
        {16378, 16393, "\x09\x40\x00\x00\x01\x00\xf0\xfa\x3f\x00\x00", "\x78\x78\x00\xff\xff\xff"},
        {2097145, 2097160, "\x08\x00\x20\x00\x01\x00\xf0\xf9\xff\x1f\x00", "\x78\x78\x7f\xff\xfe\xff"},
        {2097146, 2097162, "\x0a\x00\x20\x00\x01\x00\xf0\xfa\xff\x1f\x00", "\x78\x00\xff\xff\xff\xff"},
    };
    for (size_t i = 0; i < COUNT_OF(golden); i++) {
        char *text = mem_alloc(golden[i].len);
        memset(text, 'x', golden[i].len);
        unsigned char *lp = listpack_append(listpack_new(0), bytes_of(text, golden[i].len));
        cr_assert_eq(listpack_bytes(lp), golden[i].bytes, "%zu", golden[i].len);
        cr_assert_arr_eq(lp, golden[i].first, 11, "%zu", golden[i].len);
        cr_assert_arr_eq(lp + golden[i].bytes - 6, golden[i].last, 6, "%zu", golden[i].len);
        listpack_check(lp);
        cr_assert(listpack_equals(listpack_last(lp), bytes_of(text, golden[i].len)));
        mem_free(text);
        listpack_free(lp);
    }
}

Test(listpack, an_empty_one_has_no_places) {
    unsigned char *lp = listpack_new(100);
    listpack_check(lp);
    cr_assert_eq(listpack_bytes(lp), LISTPACK_EMPTY_BYTES);
    cr_assert_eq(listpack_count(lp), 0);
    cr_assert_null(listpack_first(lp));
    cr_assert_null(listpack_last(lp));
    cr_assert_null(listpack_at(lp, 0));
    cr_assert_null(listpack_at(lp, -1));
    cr_assert_geq(mem_usable(lp), 100);
    lp = listpack_remove_range(lp, 0, 5);
    lp = listpack_shrink(lp);
    cr_assert_lt(mem_usable(lp), 100);
    listpack_free(lp);
}

Test(listpack, finding_compares_texts_and_numbers_and_skips) {
    static const char *const texts[] = {"name", "12", "12", "name", "", "x", "age", "-5"};
    unsigned char *lp = listpack_of(texts, COUNT_OF(texts));
    unsigned char *first = listpack_first(lp);
    cr_assert_eq(listpack_find(lp, first, BYTES_LIT("12"), 0), listpack_at(lp, 1));
    cr_assert_eq(listpack_find(lp, first, BYTES_LIT("12"), 1), listpack_at(lp, 2));
    cr_assert_eq(listpack_find(lp, first, BYTES_LIT("name"), 1), listpack_at(lp, 0));
    cr_assert_eq(listpack_find(lp, listpack_at(lp, 1), BYTES_LIT("name"), 0), listpack_at(lp, 3));
    cr_assert_eq(listpack_find(lp, first, BYTES_LIT(""), 0), listpack_at(lp, 4));
    cr_assert_eq(listpack_find(lp, first, BYTES_LIT("-5"), 0), listpack_at(lp, 7));
    cr_assert_null(listpack_find(lp, first, BYTES_LIT("-5"), 1));
    cr_assert_null(listpack_find(lp, first, BYTES_LIT("012"), 0));
    cr_assert_null(listpack_find(lp, first, BYTES_LIT("nam"), 0));
    cr_assert(listpack_equals(listpack_at(lp, 1), BYTES_LIT("12")));
    cr_assert_not(listpack_equals(listpack_at(lp, 1), BYTES_LIT("+12")));
    listpack_free(lp);
}

Test(listpack, a_number_that_a_stranger_wrote_too_wide_or_as_text_is_found) {
    /* 7 as 64-bit integer, then "7" as a string. */
    static const unsigned char raw[] = {20, 0, 0, 0, 2, 0, 0xf4, 7,   0, 0,
                                        0,  0, 0, 0, 0, 9, 0x81, '7', 2, 0xff};
    cr_assert(listpack_is_sound(raw, sizeof raw));
    cr_assert(listpack_equals(listpack_at(raw, 0), BYTES_LIT("7")));
    cr_assert(listpack_equals(listpack_at(raw, 1), BYTES_LIT("7")));
}

Test(listpack, more_elements_than_the_header_can_tell_are_counted) {
    unsigned char *lp = listpack_new(200000);
    for (int i = 0; i < 65534; i++)
        lp = listpack_append_int(lp, i & 63);
    cr_assert_eq(listpack_count(lp), 65534);
    for (int i = 65534; i < 70000; i++)
        lp = listpack_append_int(lp, i & 63);
    listpack_check(lp);
    cr_assert_eq(listpack_count(lp), 70000);
    assert_element(lp, 69999, "47");
    assert_element(lp, -70000, "0");
    cr_assert_null(listpack_at(lp, 70000));
    cr_assert_null(listpack_at(lp, -70001));
    lp = listpack_remove_range(lp, 10, 69000);
    listpack_check(lp);
    cr_assert_eq(listpack_count(lp), 1000);
    cr_assert_eq(lp[4] | lp[5] << 8, 1000, "a short listpack has a known count again");
    listpack_free(lp);
}

Test(listpack, a_block_that_is_mostly_empty_is_given_back) {
    unsigned char *lp = listpack_new(0);
    for (int i = 0; i < 1000; i++)
        lp = listpack_append(lp, BYTES_LIT("sixteen bytes...."));
    size_t full = mem_usable(lp);
    lp = listpack_remove_range(lp, 0, 900);
    cr_assert_lt(mem_usable(lp), full / 2);
    cr_assert_eq(listpack_count(lp), 100);
    listpack_check(lp);
    listpack_free(lp);
}

Test(listpack, the_limit_is_told_before_it_is_reached) {
    unsigned char *lp = listpack_new(0);
    cr_assert(listpack_fits(lp, 1000, 10));
    cr_assert(listpack_fits(lp, LISTPACK_BYTES_MAX - 1000, 1));
    cr_assert_not(listpack_fits(lp, LISTPACK_BYTES_MAX, 1));
    cr_assert_not(listpack_fits(lp, SIZE_MAX, 1));
    cr_assert_not(listpack_fits(lp, 1, SIZE_MAX));
    listpack_free(lp);
}

Test(listpack, any_damage_to_a_byte_is_refused_or_leaves_a_sound_listpack) {
    const uint64_t seed = 2024;
    struct rng rng;
    rng_init(&rng, seed);
    unsigned char *lp = listpack_of(edge_texts, COUNT_OF(edge_texts));
    char big[300];
    memset(big, 'b', sizeof big);
    lp = listpack_append(lp, bytes_of(big, sizeof big));
    size_t size = listpack_bytes(lp);
    size_t refused = 0, rounds = 200000;
    for (size_t round = 0; round < rounds; round++) {
        size_t len = rng_below(&rng, 4) ? size : (size_t)rng_below(&rng, size);
        unsigned char *copy =
            mem_alloc(len ? len : 1); /* exactly as long, so that a read beyond the end shows */
        memcpy(copy, lp, len);
        for (uint64_t n = 1 + rng_below(&rng, 3); n > 0 && len > 0; n--)
            copy[rng_below(&rng, len)] = (unsigned char)rng_next(&rng);
        if (!listpack_is_sound(copy, len)) {
            refused++;
        } else {
            size_t forward = 0, backward = 0;
            for (const unsigned char *at = listpack_first(copy); at; at = listpack_next(copy, at)) {
                char scratch[NUM_INT_TEXT_MAX];
                struct bytes text = listpack_get(at, scratch);
                cr_assert(listpack_equals(at, text), "seed %llu round %zu", (unsigned long long)seed, round);
                forward++;
            }
            for (const unsigned char *at = listpack_last(copy); at; at = listpack_prev(copy, at))
                backward++;
            cr_assert_eq(forward, backward);
            cr_assert_eq(forward, listpack_count(copy));
        }
        mem_free(copy);
    }
    cr_assert_gt(refused, rounds / 4, "%zu", refused);
    cr_assert_lt(refused, rounds, "damage to text alone is accepted");
    listpack_free(lp);
}

/* ---- model: an array of texts ---- */

enum { MODEL_MAX = 400, TEXT_MAX = 20000 };

struct model {
    char *texts[MODEL_MAX];
    size_t lens[MODEL_MAX];
    size_t count;
};

static void model_insert(struct model *m, size_t index, struct bytes text) {
    memmove(m->texts + index + 1, m->texts + index, (m->count - index) * sizeof m->texts[0]);
    memmove(m->lens + index + 1, m->lens + index, (m->count - index) * sizeof m->lens[0]);
    m->texts[index] = mem_alloc(text.len ? text.len : 1);
    if (text.len)
        memcpy(m->texts[index], text.ptr, text.len);
    m->lens[index] = text.len;
    m->count++;
}

static void model_remove(struct model *m, size_t index) {
    mem_free(m->texts[index]);
    m->count--;
    memmove(m->texts + index, m->texts + index + 1, (m->count - index) * sizeof m->texts[0]);
    memmove(m->lens + index, m->lens + index + 1, (m->count - index) * sizeof m->lens[0]);
}

static struct bytes random_text(struct rng *rng, char *buffer) {
    uint64_t kind = rng_below(rng, 10);
    if (kind < 5) {
        int64_t number = (int64_t)(rng_next(rng) >> rng_below(rng, 64));
        return bytes_of(buffer, num_from_int(buffer, rng_below(rng, 2) ? number : -number));
    }
    size_t len = (size_t)rng_below(rng, kind < 8 ? 70 : kind == 8 ? 200 : 5000);
    if (kind == 9 && rng_below(rng, 10) == 0)
        len = (size_t)rng_below(rng, TEXT_MAX);
    memset(buffer, (int)('a' + rng_below(rng, 26)), len);
    return bytes_of(buffer, len);
}

static void assert_same(const unsigned char *lp, const struct model *m, struct rng *rng) {
    listpack_check(lp);
    cr_assert_eq(listpack_count(lp), m->count);
    size_t i = 0;
    char scratch[NUM_INT_TEXT_MAX];
    for (const unsigned char *at = listpack_first(lp); at; at = listpack_next(lp, at), i++)
        cr_assert(bytes_equal(listpack_get(at, scratch), bytes_of(m->texts[i], m->lens[i])));
    cr_assert_eq(i, m->count);
    for (const unsigned char *at = listpack_last(lp); at; at = listpack_prev(lp, at)) {
        i--;
        cr_assert(listpack_equals(at, bytes_of(m->texts[i], m->lens[i])));
    }
    cr_assert_eq(i, 0);
    if (m->count) {
        size_t index = (size_t)rng_below(rng, m->count);
        struct bytes want = bytes_of(m->texts[index], m->lens[index]);
        cr_assert(listpack_equals(listpack_at(lp, (int64_t)index), want));
        cr_assert(listpack_equals(listpack_at(lp, (int64_t)index - (int64_t)m->count), want));
    }
}

static unsigned char *step_insert(unsigned char *lp, struct model *m, struct rng *rng, struct bytes text) {
    uint64_t where = rng_below(rng, 3);
    if (where == 0) {
        model_insert(m, m->count, text);
        return listpack_append(lp, text);
    }
    if (where == 1) {
        model_insert(m, 0, text);
        return listpack_prepend(lp, text);
    }
    size_t index = (size_t)rng_below(rng, m->count + 1);
    unsigned char *at = listpack_at(lp, (int64_t)index);
    cr_assert_eq(at == NULL, index == m->count);
    model_insert(m, index, text);
    lp = listpack_insert(lp, &at, text);
    cr_assert(listpack_equals(at, text));
    return lp;
}

static unsigned char *step_remove(unsigned char *lp, struct model *m, struct rng *rng) {
    if (m->count == 0)
        return lp;
    size_t index = (size_t)rng_below(rng, m->count),
           count = (size_t)rng_below(rng, rng_below(rng, 8) ? 3 : MODEL_MAX);
    unsigned char *at = listpack_at(lp, (int64_t)index);
    lp = listpack_remove(lp, &at, count);
    for (size_t i = 0; i < count && index < m->count; i++)
        model_remove(m, index);
    cr_assert_eq(at, listpack_at(lp, (int64_t)index));
    return lp;
}

static unsigned char *step_join(unsigned char *lp, struct model *m, struct rng *rng, char *buffer) {
    unsigned char *other = listpack_new(0);
    for (uint64_t n = rng_below(rng, 5); n > 0; n--) {
        struct bytes text = random_text(rng, buffer);
        other = listpack_append(other, text);
        model_insert(m, m->count, text);
    }
    lp = listpack_join(lp, other);
    listpack_free(other);
    return lp;
}

Test(listpack, random_changes_agree_with_an_array, .timeout = 60) {
    static char buffer[TEXT_MAX];
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct rng rng;
        rng_init(&rng, seed);
        struct model m = {.count = 0};
        unsigned char *lp = listpack_new((size_t)rng_below(&rng, 200));
        for (int step = 0; step < 1500; step++) {
            uint64_t what = rng_below(&rng, 20);
            struct bytes text = random_text(&rng, buffer);
            if (what < 9 && m.count < MODEL_MAX - 10) {
                lp = step_insert(lp, &m, &rng, text);
            } else if (what < 13) {
                lp = step_remove(lp, &m, &rng);
            } else if (what < 18 && m.count > 0) {
                size_t index = (size_t)rng_below(&rng, m.count);
                unsigned char *at = listpack_at(lp, (int64_t)index);
                lp = listpack_replace(lp, &at, text);
                cr_assert(listpack_equals(at, text));
                model_remove(&m, index);
                model_insert(&m, index, text);
            } else if (what == 18 && m.count < MODEL_MAX - 10) {
                lp = step_join(lp, &m, &rng, buffer);
            } else if (what == 19) {
                unsigned char *copy = listpack_dup(lp);
                listpack_free(lp);
                lp = listpack_shrink(copy);
            }
            assert_same(lp, &m, &rng);
        }
        while (m.count)
            model_remove(&m, 0);
        listpack_free(lp);
        cr_log_info("seed %llu done", (unsigned long long)seed);
    }
}
