/* Values of all types: written in steps of any size and read back; and bodies that were damaged in every way that a seeded
 * generator thinks of, which must be refused or make a sound value. */
#include "core/rdb/rdb_value.h"

#include "core/base/mem.h"
#include "test/unit/core/rdb/rdb_samples.h"

static void save(const struct entry *e, enum rdb_reach reach, size_t step, struct buf *out) {
    struct rdb_writer w;
    struct rdb_saver saver;
    buf_clear(out, SIZE_MAX);
    rdb_writer_init(&w, out, true);
    rdb_saver_begin(&saver, e, reach);
    rdb_writer_byte(&w, saver.type);
    while (!rdb_saver_step(&saver, &w, step)) {
    }
}

static struct entry *load(struct bytes body, enum rdb_loaded *result) {
    struct rdb_reader r;
    struct rdb_load how = {.key = SAMPLE_KEY, .expire_ms = ENTRY_NO_EXPIRE, .rules = &sample_rules};
    rdb_reader_init(&r, body);
    struct entry *e = rdb_load_value(&r, rdb_reader_byte(&r), &how, result);
    cr_expect((e != NULL) == (*result == RDB_LOADED));
    return e;
}

Test(rdb_value, what_is_saved_in_any_steps_is_loaded_as_it_was) {
    struct rng rng;
    struct buf whole;
    struct buf stepwise;
    rng_init(&rng, 1);
    buf_init(&whole);
    buf_init(&stepwise);
    for (size_t s = 0; s < COUNT_OF(samples); s++) {
        for (int round = 0; round < 200; round++) {
            struct entry *e = samples[s].make(&rng);
            struct digest digest = sample_digest(e);
            save(e, RDB_FOR_US, SIZE_MAX, &whole);
            save(e, RDB_FOR_US, 400 + rng_below(&rng, 1000), &stepwise);
            cr_expect(bytes_equal(buf_bytes(&whole), buf_bytes(&stepwise)), "%s in steps", samples[s].name);
            enum rdb_loaded result;
            struct entry *back = load(buf_bytes(&whole), &result);
            cr_assert_not_null(back, "%s, round %d", samples[s].name, round);
            sample_check(back);
            struct digest again = sample_digest(back);
            cr_expect(memcmp(&again, &digest, sizeof digest) == 0, "%s, round %d", samples[s].name, round);
            cr_expect_str_eq(entry_encoding_name(back), entry_encoding_name(e));
            save(back, RDB_FOR_US, SIZE_MAX, &stepwise);
            if (samples[s].is_ordered)
                cr_expect(bytes_equal(buf_bytes(&whole), buf_bytes(&stepwise)), "%s, round %d: saved again",
                          samples[s].name, round);
            struct entry *third = load(buf_bytes(&stepwise), &result);
            cr_assert_not_null(third);
            entry_free(third);
            save(e, RDB_FOR_ALL, SIZE_MAX, &whole);
            third = load(buf_bytes(&whole), &result);
            cr_assert_not_null(third, "%s for all, round %d", samples[s].name, round);
            sample_check(third);
            entry_free(third);
            entry_free(e);
            entry_free(back);
        }
    }
    buf_deinit(&whole);
    buf_deinit(&stepwise);
}

Test(rdb_value, a_body_that_is_cut_short_is_refused) {
    struct rng rng;
    struct buf body;
    rng_init(&rng, 2);
    buf_init(&body);
    for (size_t s = 0; s < COUNT_OF(samples); s++) {
        for (int round = 0; round < 5; round++) {
            struct entry *e = samples[s].make(&rng);
            save(e, round % 2 ? RDB_FOR_ALL : RDB_FOR_US, SIZE_MAX, &body);
            for (size_t cut = 0; cut < body.len; cut += 1 + body.len / 500) {
                char *copy = mem_alloc(cut + 1);
                memcpy(copy, body.ptr, cut);
                enum rdb_loaded result;
                cr_expect_null(load(bytes_of(copy, cut), &result), "%s cut at %zu", samples[s].name, cut);
                mem_free(copy);
            }
            entry_free(e);
        }
    }
    buf_deinit(&body);
}

/* Changes some bytes, in the ways in which lengths and encodings go wrong. */
static void damage(struct rng *rng, char *bytes, size_t len) {
    uint64_t times = 1 + rng_below(rng, 4);
    for (uint64_t t = 0; t < times; t++) {
        size_t at = rng_below(rng, rng_below(rng, 2) && len > 20 ? 20 : len);
        switch (rng_below(rng, 5)) {
        case 0: bytes[at] ^= (char)(1 << rng_below(rng, 8)); break;
        case 1: bytes[at] = (char)rng_below(rng, 256); break;
        case 2: bytes[at] = (char)0xff; break;
        case 3: bytes[at] = (char)(bytes[at] + 1); break;
        default: { /* a piece from elsewhere */
            size_t from = rng_below(rng, len);
            size_t count = rng_below(rng, 8);
            for (size_t i = 0; i < count && at + i < len && from + i < len; i++)
                bytes[at + i] = bytes[from + i];
        }
        }
    }
}

Test(rdb_value, a_damaged_body_is_refused_or_makes_a_sound_value) {
    struct rng rng;
    struct buf body;
    rng_init(&rng, 3);
    buf_init(&body);
    for (size_t s = 0; s < COUNT_OF(samples); s++) {
        int loaded = 0;
        for (int round = 0; round < 40; round++) {
            struct entry *e = samples[s].make(&rng);
            save(e, round % 2 ? RDB_FOR_ALL : RDB_FOR_US, SIZE_MAX, &body);
            for (int i = 0; i < 100; i++) {
                char *copy = mem_alloc(body.len);
                memcpy(copy, body.ptr, body.len);
                damage(&rng, copy, body.len);
                enum rdb_loaded result;
                struct entry *back = load(bytes_of(copy, body.len), &result);
                if (back != NULL) {
                    sample_check(back);
                    (void)sample_digest(back);
                    entry_free(back);
                    loaded++;
                }
                mem_free(copy);
            }
            entry_free(e);
        }
        cr_expect_gt(loaded, 0, "%s: damage that is not noticed must happen, or nothing was tried",
                     samples[s].name);
        cr_expect_lt(loaded, 4000, "%s: some damage must be noticed", samples[s].name);
    }
    buf_deinit(&body);
}
