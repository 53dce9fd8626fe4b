/* Dumps of strings byte by byte as Redis 7.0 gives them, and dumps that are none. */
#include "core/rdb/rdb_dump.h"

#include "core/base/crc64.h"
#include "core/base/mem.h"
#include "core/value/str.h"

#include <criterion/criterion.h>
#include <endian.h>

static struct entry *undump(struct bytes dump, enum rdb_loaded *result) {
    struct rdb_load how = {.key = BYTES_LIT("k"), .expire_ms = ENTRY_NO_EXPIRE};
    return rdb_undump(dump, &how, result);
}

/* A frame around any bytes, with a true checksum. */
static struct bytes frame(struct buf *to, struct bytes content, unsigned version) {
    buf_clear(to, SIZE_MAX);
    buf_put_bytes(to, content);
    uint16_t v = htole16((uint16_t)version);
    buf_put(to, &v, sizeof v);
    uint64_t crc = htole64(crc64_feed(0, to->ptr, to->len));
    buf_put(to, &crc, sizeof crc);
    return buf_bytes(to);
}

Test(rdb_dump, strings_are_dumped_as_redis_does) {
    /* What DUMP answers in Redis 7.0.15. */
    static const struct {
        const char *value;
        const char *hex;
    } rows[] = {
        {"hello", "000568656c6c6f0a006372df766534200a"},
        {"", "00000a005d9b5c400f7fa2da"},
        {"17", "00c0110a00e40329453cf42b1c"},
        {"-129", "00c17fff0a001760822854808480"},
        {"70000", "00c2701101000a0001a408fe953095a5"},
        {"9223372036854775807", "0013393232333337323033363835343737353830370a003a657e9481e85f22"},
        {"3.14", "0004332e31340a008c75407d2acce82c"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf out;
        struct buf hex;
        buf_init(&out);
        buf_init(&hex);
        struct entry *e = entry_new_str(BYTES_LIT("k"), bytes_cstr(rows[i].value), ENTRY_NO_EXPIRE);
        rdb_dump(e, RDB_FOR_ALL, true, &out);
        for (size_t at = 0; at < out.len; at++)
            buf_printf(&hex, "%02x", (unsigned char)out.ptr[at]);
        cr_expect(bytes_equal(buf_bytes(&hex), bytes_cstr(rows[i].hex)), "%s: %.*s", rows[i].value,
                  (int)hex.len, hex.ptr);
        entry_free(e);
        buf_deinit(&out);
        buf_deinit(&hex);
    }
}

Test(rdb_dump, a_dump_makes_the_same_value_under_the_key_it_is_given) {
    static const char *const values[] = {
        "",       "1",
        "-70000", "9223372036854775807",
        "hello",  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        struct buf out;
        buf_init(&out);
        struct entry *e = entry_new_str(BYTES_LIT("old"), bytes_cstr(values[i]), 5);
        rdb_dump(e, RDB_FOR_ALL, true, &out);
        cr_expect(rdb_dump_is_whole(buf_bytes(&out)));
        enum rdb_loaded result;
        struct entry *back = undump(buf_bytes(&out), &result);
        cr_assert_not_null(back);
        char scratch[NUM_INT_TEXT_MAX];
        cr_expect(bytes_equal(str_view(back, scratch), bytes_cstr(values[i])));
        cr_expect(bytes_equal(entry_key(back), BYTES_LIT("k")));
        cr_expect_not(entry_has_expire(back));
        entry_free(e);
        entry_free(back);
        buf_deinit(&out);
    }
}

Test(rdb_dump, a_value_is_the_same_however_small_the_steps) {
    struct buf text;
    struct buf out;
    buf_init(&text);
    buf_init(&out);
    for (int i = 0; i < 5000; i++)
        buf_printf(&text, "%d ", i * i);
    struct entry *e = entry_new_str(BYTES_LIT("k"), buf_bytes(&text), ENTRY_NO_EXPIRE);
    for (size_t step = 1; step < 100000; step = step * 3 + 1) {
        struct rdb_writer w;
        struct rdb_saver saver;
        struct rdb_reader r;
        struct rdb_text back;
        buf_clear(&out, SIZE_MAX);
        rdb_writer_init(&w, &out, true);
        rdb_saver_begin(&saver, e, RDB_FOR_ALL);
        size_t before = 0;
        while (!rdb_saver_step(&saver, &w, step)) {
            cr_assert_leq(out.len - before, step + 16);
            before = out.len;
        }
        rdb_reader_init(&r, buf_bytes(&out));
        rdb_reader_string(&r, &back);
        cr_expect(bytes_equal(back.bytes, buf_bytes(&text)), "step %zu", step);
        rdb_text_deinit(&back);
    }
    entry_free(e);
    buf_deinit(&text);
    buf_deinit(&out);
}

Test(rdb_dump, what_is_damaged_or_newer_is_not_whole) {
    struct buf out;
    buf_init(&out);
    struct bytes good = frame(&out,
                              BYTES_LIT("\x00\x01"
                                        "a"),
                              RDB_VERSION_NEWEST);
    cr_expect(rdb_dump_is_whole(good));
    for (size_t i = 0; i < good.len; i++) {
        out.ptr[i] ^= 1;
        cr_expect_not(rdb_dump_is_whole(good), "byte %zu", i);
        out.ptr[i] ^= 1;
        cr_expect_not(rdb_dump_is_whole(bytes_of(good.ptr, i)), "cut at %zu", i);
    }
    cr_expect_not(rdb_dump_is_whole(frame(&out,
                                          BYTES_LIT("\x00\x01"
                                                    "a"),
                                          RDB_VERSION_NEWEST + 1)));
    buf_deinit(&out);
}

Test(rdb_dump, content_that_is_no_value_is_refused) {
    const struct {
        struct bytes content;
        enum rdb_loaded result;
    } rows[] = {
        {BYTES_LIT("\x00"), RDB_LOAD_BROKEN},
        {BYTES_LIT("\x00\x02"
                   "a"),
         RDB_LOAD_BROKEN},
        {BYTES_LIT("\x00\x01"
                   "ab"),
         RDB_LOAD_BROKEN},
        {BYTES_LIT("\x07\x01"), RDB_LOAD_UNKNOWN},
        {BYTES_LIT("\xff\x01"), RDB_LOAD_UNKNOWN},
    };
    struct buf out;
    buf_init(&out);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        enum rdb_loaded result;
        cr_expect_null(undump(frame(&out, rows[i].content, 10), &result));
        cr_expect_eq(result, rows[i].result, "row %zu", i);
    }
    buf_deinit(&out);
}
