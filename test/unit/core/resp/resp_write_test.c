/* Replies on the wire, in both protocol versions. */
#include "core/resp/resp_write.h"

#include "core/resp/resp_read.h"

#include <criterion/criterion.h>
#include <math.h>

/* A writer whose output is compared with a text after each step. */
struct page {
    struct buf buf;
    struct resp_out out;
};

static void page_open(struct page *page, uint8_t proto) {
    buf_init(&page->buf);
    resp_out_init(&page->out, &page->buf, proto);
}

static void page_close(struct page *page) {
    buf_deinit(&page->buf);
}

/* What was written since the last call is `want`, and it is `replies` whole replies. */
static void assert_written(struct page *page, struct bytes want, size_t replies) {
    struct bytes got = buf_bytes(&page->buf);
    cr_assert(bytes_equal(got, want), "got '%.*s', want '%.*s'", (int)got.len, got.ptr, (int)want.len,
              want.ptr);
    for (; replies; replies--) {
        size_t len = resp_reply_skip(got);
        cr_assert(len != 0 && len != RESP_REPLY_BROKEN, "no reply: '%.*s'", (int)got.len, got.ptr);
        got = bytes_of(got.ptr + len, got.len - len);
    }
    cr_assert_eq(got.len, 0);
    buf_clear(&page->buf, SIZE_MAX);
}

#define WRITTEN(page, text, replies) assert_written(page, BYTES_LIT(text), replies)

Test(resp_write, simple_things_look_the_same_in_both_versions) {
    for (uint8_t proto = 2; proto <= 3; proto++) {
        struct page page;
        page_open(&page, proto);
        struct resp_out *o = &page.out;
        resp_ok(o);
        resp_simple(o, BYTES_LIT("PONG"));
        RESP_SIMPLE_LIT(o, "QUEUED");
        WRITTEN(&page, "+OK\r\n+PONG\r\n+QUEUED\r\n", 3);
        resp_int(o, 0);
        resp_int(o, 9);
        resp_int(o, 10);
        resp_int(o, -1);
        resp_int(o, INT64_MAX);
        resp_int(o, INT64_MIN);
        WRITTEN(&page, ":0\r\n:9\r\n:10\r\n:-1\r\n:9223372036854775807\r\n:-9223372036854775808\r\n", 6);
        resp_bulk(o, BYTES_NONE);
        resp_bulk(o, BYTES_LIT("a\r\nb"));
        resp_bulk_cstr(o, "0123456789");
        resp_bulk_int(o, -12);
        resp_bulk_longdouble(o, 3.5L);
        WRITTEN(&page, "$0\r\n\r\n$4\r\na\r\nb\r\n$10\r\n0123456789\r\n$3\r\n-12\r\n$3\r\n3.5\r\n", 5);
        memcpy(resp_bulk_room(o, 3), "xyz", 3);
        resp_raw(o, BYTES_LIT(":1\r\n"));
        WRITTEN(&page, "$3\r\nxyz\r\n:1\r\n", 2);
        resp_array(o, 0);
        resp_array(o, 12);
        cr_assert(bytes_equal(buf_bytes(&page.buf), BYTES_LIT("*0\r\n*12\r\n")));
        page_close(&page);
    }
}

Test(resp_write, resp2_says_everything_with_five_types) {
    struct page page;
    page_open(&page, 2);
    struct resp_out *o = &page.out;
    resp_null(o);
    resp_null_array(o);
    resp_bool(o, true);
    resp_bool(o, false);
    WRITTEN(&page, "$-1\r\n*-1\r\n:1\r\n:0\r\n", 4);
    resp_double(o, 0.1);
    resp_double(o, INFINITY);
    resp_bignum(o, BYTES_LIT("12345678901234567890"));
    resp_verbatim(o, "txt", BYTES_LIT("hi"));
    WRITTEN(&page, "$3\r\n0.1\r\n$3\r\ninf\r\n$20\r\n12345678901234567890\r\n$2\r\nhi\r\n", 4);
    resp_map(o, 1);
    resp_ok(o);
    resp_ok(o);
    resp_set(o, 1);
    resp_ok(o);
    resp_push(o, 1);
    resp_ok(o);
    WRITTEN(&page, "*2\r\n+OK\r\n+OK\r\n*1\r\n+OK\r\n*1\r\n+OK\r\n", 3);
    page_close(&page);
}

Test(resp_write, resp3_has_a_type_for_each) {
    struct page page;
    page_open(&page, 3);
    struct resp_out *o = &page.out;
    resp_null(o);
    resp_null_array(o);
    resp_bool(o, true);
    resp_bool(o, false);
    WRITTEN(&page, "_\r\n_\r\n#t\r\n#f\r\n", 4);
    resp_double(o, 3);
    resp_double(o, -INFINITY);
    resp_bignum(o, BYTES_LIT("12345678901234567890"));
    resp_verbatim(o, "txt", BYTES_LIT("hi"));
    WRITTEN(&page, ",3\r\n,-inf\r\n(12345678901234567890\r\n=6\r\ntxt:hi\r\n", 4);
    resp_map(o, 1);
    resp_ok(o);
    resp_ok(o);
    resp_set(o, 1);
    resp_ok(o);
    resp_push(o, 1);
    resp_ok(o);
    resp_attribute(o, 1);
    resp_ok(o);
    resp_ok(o);
    resp_int(o, 1);
    WRITTEN(&page, "%1\r\n+OK\r\n+OK\r\n~1\r\n+OK\r\n>1\r\n+OK\r\n|1\r\n+OK\r\n+OK\r\n:1\r\n", 4);
    page_close(&page);
}

Test(resp_write, lines_cannot_be_broken_by_what_they_quote) {
    struct page page;
    page_open(&page, 2);
    struct resp_out *o = &page.out;
    resp_simple(o, BYTES_LIT("a\r\n+b\r\n"));
    resp_error(o, BYTES_LIT("ERR x\r\n:1\n\r\n"));
    resp_errorf(o, "ERR unknown '%.*s'", 4, "\r\nab");
    WRITTEN(&page, "+a  +b\r\n-ERR x  :1\r\n-ERR unknown '  ab'\r\n", 3);
    resp_error(o, BYTES_LIT("\r\n"));
    WRITTEN(&page, "-\r\n", 1);
    page_close(&page);
}

Test(resp_write, errors_are_counted_and_their_code_words_remembered) {
    static const struct {
        const char *text;
        const char *code;
    } cases[] = {
        {"WRONGTYPE Operation", "WRONGTYPE"},
        {"ERR x", "ERR"},
        {"oneword", "ERR"},
        {"ABCDEFGHIJKLMNOPQRSTUVWXYZABCD is 30 long", "ABCDEFGHIJKLMNOPQRSTUVWXYZABCD"},
        {"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDE is 31 long", "ERR"},
        {" leading", ""},
    };
    struct page page;
    page_open(&page, 3);
    cr_assert_str_eq(page.out.error_code, "");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        resp_error(&page.out, bytes_cstr(cases[i].text));
        cr_assert_eq(page.out.errors, i + 1);
        cr_assert_str_eq(page.out.error_code, cases[i].code);
    }
    buf_clear(&page.buf, 0);
    resp_err(&page.out, REPLY_ERR_SYNTAX);
    WRITTEN(&page, "-ERR syntax error\r\n", 1);
    page_close(&page);
}

Test(resp_write, long_formatted_errors_are_whole) {
    struct page page;
    page_open(&page, 2);
    char text[1000];
    memset(text, 'x', sizeof text);
    resp_errorf(&page.out, "ERR %.*s", (int)sizeof text, text);
    cr_assert_eq(page.buf.len, 5 + sizeof text + 2);
    page_close(&page);
}

Test(resp_write, every_fixed_error_is_one_line_that_begins_with_a_code_word) {
    for (int e = 0; e < REPLY_ERR_COUNT; e++) {
        struct page page;
        page_open(&page, 2);
        resp_err(&page.out, (enum reply_err)e);
        size_t code_len = strlen(page.out.error_code);
        cr_assert_geq(code_len, 2, "row %d", e);
        for (size_t i = 0; i < code_len; i++)
            cr_assert(page.out.error_code[i] >= 'A' && page.out.error_code[i] <= 'Z', "row %d", e);
        cr_assert_eq(page.buf.len, reply_err_text((enum reply_err)e).len + 3, "row %d", e);
        cr_assert_eq(resp_reply_skip(buf_bytes(&page.buf)), page.buf.len);
        page_close(&page);
    }
}

/* ---- Deferred headers ---- */

Test(resp_write, a_deferred_header_gets_in_front_of_what_follows_its_mark) {
    static const size_t counts[] = {0, 1, 9, 10, 99, 100, 12345};
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        struct page page, plain;
        page_open(&page, 2);
        page_open(&plain, 2);
        resp_ok(&page.out);
        resp_ok(&plain.out);
        size_t mark = resp_defer(&page.out);
        resp_array(&plain.out, counts[i]);
        for (size_t j = 0; j < counts[i]; j++) {
            resp_int(&page.out, (int64_t)j);
            resp_int(&plain.out, (int64_t)j);
        }
        resp_defer_array(&page.out, mark, counts[i]);
        assert_written(&page, buf_bytes(&plain.buf), 2);
        page_close(&page);
        page_close(&plain);
    }
}

Test(resp_write, deferred_headers_nest_and_follow_the_protocol_version) {
    static const char *const want[] = {"*2\r\n*1\r\n:1\r\n*0\r\n", "%1\r\n~1\r\n:1\r\n*0\r\n"};
    for (uint8_t proto = 2; proto <= 3; proto++) {
        struct page page;
        page_open(&page, proto);
        struct resp_out *o = &page.out;
        size_t outer = resp_defer(o);
        size_t inner = resp_defer(o);
        resp_int(o, 1);
        resp_defer_set(o, inner, 1);
        inner = resp_defer(o);
        resp_defer_array(o, inner, 0);
        resp_defer_map(o, outer, 1);
        assert_written(&page, bytes_cstr(want[proto - 2]), 1);
        page_close(&page);
    }
}

Test(resp_write, what_was_written_since_a_mark_can_be_taken_back) {
    struct page page;
    page_open(&page, 2);
    resp_ok(&page.out);
    size_t mark = resp_defer(&page.out);
    resp_bulk_cstr(&page.out, "half of an answer");
    resp_undo(&page.out, mark);
    resp_err(&page.out, REPLY_ERR_NO_KEY);
    WRITTEN(&page, "+OK\r\n-ERR no such key\r\n", 2);
    page_close(&page);
}
