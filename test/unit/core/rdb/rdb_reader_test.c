/* What the writer writes, the reader reads; what is cut short or claims too much breaks the reader and does no harm. */
#include "core/rdb/rdb_reader.h"

#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/rdb/rdb_writer.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

static struct buf out;
static struct rdb_writer w;

static void start(bool is_compressing) {
    buf_clear(&out, SIZE_MAX);
    rdb_writer_init(&w, &out, is_compressing);
}

static void expect_bytes(const char *hex) {
    char text[128] = "";
    size_t at = 0;
    for (size_t i = 0; i < out.len && at < sizeof text - 3; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%02x", (unsigned char)out.ptr[i]);
    cr_expect_str_eq(text, hex);
}

Test(rdb_reader, lengths_have_the_shortest_of_four_shapes) {
    static const struct {
        uint64_t length;
        const char *hex;
    } rows[] = {
        {0, "00"},
        {63, "3f"},
        {64, "4040"},
        {16383, "7fff"},
        {16384, "8000004000"},
        {UINT32_MAX, "80ffffffff"},
        {UINT64_C(1) << 32, "810000000100000000"},
        {UINT64_MAX, "81ffffffffffffffff"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct rdb_reader r;
        start(false);
        rdb_writer_length(&w, rows[i].length);
        expect_bytes(rows[i].hex);
        rdb_reader_init(&r, buf_bytes(&out));
        cr_expect_eq(rdb_reader_length(&r), rows[i].length);
        cr_expect_not(rdb_reader_is_broken(&r));
        cr_expect_eq(rdb_reader_left(&r), 0);
    }
    buf_deinit(&out);
}

Test(rdb_reader, strings_that_are_small_numbers_are_written_as_such) {
    static const struct {
        const char *text;
        const char *hex;
    } rows[] = {
        {"0", "c000"},
        {"-128", "c080"},
        {"128", "c18000"},
        {"-32768", "c10080"},
        {"32768", "c200800000"},
        {"-2147483648", "c200000080"},
        {"2147483648", "0a32313437343833363438"},
        {"01", "023031"},
        {"", "00"},
        {"-", "012d"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct rdb_reader r;
        struct rdb_text text;
        start(true);
        rdb_writer_string(&w, bytes_cstr(rows[i].text));
        expect_bytes(rows[i].hex);
        rdb_reader_init(&r, buf_bytes(&out));
        rdb_reader_string(&r, &text);
        cr_expect(bytes_equal(text.bytes, bytes_cstr(rows[i].text)), "%s", rows[i].text);
        cr_expect_not(rdb_reader_is_broken(&r));
        rdb_text_deinit(&text);
    }
    buf_deinit(&out);
}

Test(rdb_reader, long_strings_come_back_packed_or_not) {
    struct rng rng;
    rng_init(&rng, 7);
    for (int round = 0; round < 300; round++) {
        char text[3000];
        size_t len = rng_below(&rng, sizeof text);
        uint64_t letters = 1 + rng_below(&rng, 200);
        for (size_t i = 0; i < len; i++)
            text[i] = (char)('A' + rng_below(&rng, letters));
        struct rdb_reader r;
        struct rdb_text back;
        start(round % 2 == 0);
        rdb_writer_string(&w, bytes_of(text, len));
        cr_expect_leq(out.len, len + 5);
        rdb_reader_init(&r, buf_bytes(&out));
        rdb_reader_string(&r, &back);
        cr_expect(bytes_equal(back.bytes, bytes_of(text, len)));
        cr_expect_eq(rdb_reader_left(&r), 0);
        rdb_text_deinit(&back);
        for (size_t cut = 0; cut < out.len; cut += 1 + out.len / 40) {
            rdb_reader_init(&r, bytes_of(out.ptr, cut));
            rdb_reader_string(&r, &back);
            cr_expect(rdb_reader_is_broken(&r));
            cr_expect_eq(back.bytes.len, 0);
            rdb_text_deinit(&back);
        }
    }
    buf_deinit(&out);
}

Test(rdb_reader, doubles_come_back_bit_by_bit) {
    static const double values[] = {0, -0.0, 1.5, -1e300, 5e-324};
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        struct rdb_reader r;
        start(false);
        rdb_writer_double(&w, values[i]);
        rdb_reader_init(&r, buf_bytes(&out));
        double back = rdb_reader_double(&r);
        cr_expect(memcmp(&back, &values[i], sizeof back) == 0);
    }
    struct rdb_reader r;
    rdb_reader_init(&r, BYTES_LIT("\xff\xfe\xfd\0031.5"));
    cr_expect(isinf(rdb_reader_double_text(&r)) && !rdb_reader_is_broken(&r));
    cr_expect(rdb_reader_double_text(&r) > 0);
    cr_expect(isnan(rdb_reader_double_text(&r)));
    cr_expect_eq(rdb_reader_double_text(&r), 1.5);
    cr_expect_not(rdb_reader_is_broken(&r));
    buf_deinit(&out);
}

Test(rdb_reader, claims_beyond_what_is_there_break_it_without_asking_for_memory) {
    const struct bytes lies[] = {
        BYTES_LIT("\x80\xff\xff\xff\xff"), /* a string of 4 GiB */
        BYTES_LIT("\x81\xff\xff\xff\xff\xff\xff\xff\xff"),
        BYTES_LIT("\xc3\x05\x80\x40\x00\x00\x00"
                  "abcde"), /* 5 packed bytes that claim to be a gibibyte */
        BYTES_LIT("\xc3\x05\x00"
                  "abcde"),                                /* an empty string, packed */
        BYTES_LIT("\xc4\x05"),                             /* no such encoding */
        BYTES_LIT("\x82\x05\x05\x05\x05\x05\x05\x05\x05"), /* no such length */
        BYTES_LIT("\xc3\xc0\x05\x05"),                     /* an encoding where a length must be */
        BYTES_LIT(""),
    };
    for (size_t i = 0; i < COUNT_OF(lies); i++) {
        struct rdb_reader r;
        struct rdb_text text;
        rdb_reader_init(&r, lies[i]);
        rdb_reader_string(&r, &text);
        cr_expect(rdb_reader_is_broken(&r), "row %zu", i);
        cr_expect_eq(text.bytes.len, 0);
        cr_expect_eq(rdb_reader_u64(&r), 0, "a broken reader reads zeros");
        rdb_text_deinit(&text);
    }
    struct rdb_reader r;
    rdb_reader_init(&r, BYTES_LIT("\x0a"
                                  "aaaaaaaaa"));
    cr_expect_eq(rdb_reader_count(&r, 1), 0, "ten elements need ten bytes");
    cr_expect(rdb_reader_is_broken(&r));
}
