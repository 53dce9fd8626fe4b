/* The request parser: what each kind of input gives, and that it gives the same however it is cut. */
#include "core/resp/resp_parse.h"

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/base/rng.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const struct resp_limits normal = {
    .bulk_max_bytes = 512 << 20,
    .args_max = 1 << 20,
    .inline_max_bytes = 64 << 10,
    .query_max_bytes = 0,
    .authenticated = true,
};

/* ---- A reader that writes down what it sees ---- */

static void note_command(struct buf *notes, const struct resp_parser *p) {
    buf_put_char(notes, '[');
    for (int i = 0; i < p->argc; i++) {
        if (i)
            buf_put_char(notes, '|');
        buf_put_bytes(notes, p->argv[i]);
    }
    buf_put_char(notes, ']');
}

/* Reads commands from the front of `data` until more is needed or an error comes. Each call of the parser sees a fresh
 * copy of exactly the bytes it may see. Returns how many bytes were consumed. */
static size_t read_commands(struct resp_parser *p, const struct resp_limits *limits, struct bytes data,
                            struct buf *notes, enum resp_status *status_out) {
    size_t consumed = 0;
    for (;;) {
        size_t len = data.len - consumed;
        char *copy = mem_alloc(len ? len : 1);
        if (len)
            memcpy(copy, data.ptr + consumed, len);
        size_t used;
        enum resp_status status = resp_parse(p, limits, bytes_of(copy, len), &used);
        *status_out = status;
        if (status == RESP_COMMAND) {
            cr_assert_gt(used, 0);
            cr_assert_leq(used, len);
            cr_assert_not(resp_parser_is_midway(p));
            note_command(notes, p);
            consumed += used;
        } else {
            cr_assert_eq(used, 0);
            cr_assert_eq(p->argc, 0);
            if (status == RESP_MORE)
                cr_assert_gt(p->need_bytes, len);
        }
        mem_free(copy);
        if (status != RESP_COMMAND)
            return consumed;
    }
}

/* The same for input that arrives in pieces whose lengths `next_piece` chooses. */
static void read_pieces(const struct resp_limits *limits, struct bytes data, struct rng *rng,
                        uint64_t piece_max, struct buf *notes) {
    struct resp_parser p;
    resp_parser_init(&p);
    size_t consumed = 0;
    enum resp_status status = RESP_MORE;
    for (size_t arrived = 0; arrived < data.len && status != RESP_ERROR;) {
        size_t piece = piece_max == 1 ? 1 : (size_t)(1 + rng_below(rng, piece_max));
        arrived += piece < data.len - arrived ? piece : data.len - arrived;
        consumed +=
            read_commands(&p, limits, bytes_of(data.ptr + consumed, arrived - consumed), notes, &status);
    }
    if (status == RESP_ERROR)
        buf_printf(notes, "!%s%s", p.is_silent ? "(silent) " : "", p.error);
    else if (consumed < data.len)
        buf_printf(notes, "...%zu", data.len - consumed);
    resp_parser_deinit(&p);
}

static void assert_reads_as(const struct resp_limits *limits, struct bytes data, const char *want) {
    struct rng rng;
    rng_init(&rng, 1);
    static const uint64_t piece_maxes[] = {UINT64_MAX / 2, 1, 3, 7};
    for (size_t i = 0; i < COUNT_OF(piece_maxes); i++) {
        struct buf notes;
        buf_init(&notes);
        read_pieces(limits, data, &rng, piece_maxes[i], &notes);
        buf_put_char(&notes, '\0');
        cr_assert_str_eq(notes.ptr, want, "pieces up to %llu of '%.*s': got %s, want %s",
                         (unsigned long long)piece_maxes[i], (int)data.len, data.ptr, notes.ptr, want);
        buf_deinit(&notes);
    }
}

struct reading {
    const char *in;
    const char *want;
};

static void assert_readings(const struct resp_limits *limits, const struct reading *readings, size_t count) {
    for (size_t i = 0; i < count; i++)
        assert_reads_as(limits, bytes_cstr(readings[i].in), readings[i].want);
}

#define PROTO "!Protocol error: "

/* ---- Arrays ---- */

Test(resp_parse, arrays_of_bulk_strings_become_commands) {
    static const struct reading readings[] = {
        {"*1\r\n$4\r\nPING\r\n", "[PING]"},
        {"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$10\r\n0123456789\r\n", "[SET|k|0123456789]"},
        {"*2\r\n$0\r\n\r\n$0\r\n\r\n", "[|]"},
        {"*1\r\n$2\r\n\r\n\r\n*1\r\n$1\r\na\r\n", "[\r\n][a]"},
        {"*0\r\n*-1\r\n*-7\r\n*1\r\n$1\r\nx\r\n", "[][][][x]"},
        {"*1\r\n$4\r\nPING\r\nPING\r\n*1\r\n$4\r\nPING\r\n", "[PING][PING][PING]"},
        {"*2\r\n$1\r\n*\r\n$1\r\n$\r\n", "[*|$]"},
    };
    assert_readings(&normal, readings, COUNT_OF(readings));
}

Test(resp_parse, unfinished_arrays_wait) {
    static const struct reading readings[] = {
        {"*", "...1"},          {"*1", "...2"},           {"*1\r", "...3"},
        {"*1\r\n", "...4"},     {"*1\r\n$", "...5"},      {"*1\r\n$4", "...6"},
        {"*1\r\n$4\r", "...7"}, {"*1\r\n$4\r\n", "...8"}, {"*1\r\n$4\r\nPING", "...12"},
        {"*1\r\nx", "...5"},    {"*1x", "...3"},          {"*1\r\n$4\r\nPING\r", "...13"},
    };
    assert_readings(&normal, readings, COUNT_OF(readings));
}

Test(resp_parse, broken_arrays_give_the_error_texts_of_redis) {
    static const struct reading readings[] = {
        {"*\r\n", PROTO "invalid multibulk length"},
        {"*x\r\n", PROTO "invalid multibulk length"},
        {"*1x\r\n", PROTO "invalid multibulk length"},
        {"* 1\r\n", PROTO "invalid multibulk length"},
        {"*+1\r\n", PROTO "invalid multibulk length"},
        {"*01\r\n", PROTO "invalid multibulk length"},
        {"*-0\r\n", PROTO "invalid multibulk length"},
        {"*00\r\n", PROTO "invalid multibulk length"},
        {"*1048577\r\n", PROTO "invalid multibulk length"},
        {"*2147483648\r\n", PROTO "invalid multibulk length"},
        {"*9223372036854775807\r\n", PROTO "invalid multibulk length"},
        {"*9223372036854775808\r\n", PROTO "invalid multibulk length"},
        {"*99999999999999999999999\r\n", PROTO "invalid multibulk length"},
        {"*1\r\n:1\r\n", PROTO "expected '$', got ':'"},
        {"*1\r\n\r\n", PROTO "expected '$', got ' '"},
        {"*2\r\n$1\r\na\r\nxyz\r\n", PROTO "expected '$', got 'x'"},
        {"*1\r\n$\r\n", PROTO "invalid bulk length"},
        {"*1\r\n$-1\r\n", PROTO "invalid bulk length"},
        {"*1\r\n$x\r\n", PROTO "invalid bulk length"},
        {"*1\r\n$1x\r\n", PROTO "invalid bulk length"},
        {"*1\r\n$03\r\n", PROTO "invalid bulk length"},
        {"*1\r\n$536870913\r\n", PROTO "invalid bulk length"},
        {"*1\r\n$9223372036854775807\r\n", PROTO "invalid bulk length"},
        {"*1\r\n$99999999999999999999\r\n", PROTO "invalid bulk length"},
        {"*1\r\n$4\r\nPING\r\n*x\r\n", "[PING]" PROTO "invalid multibulk length"},
    };
    assert_readings(&normal, readings, COUNT_OF(readings));
}

Test(resp_parse, lengths_at_the_limit_are_taken_and_beyond_it_refused) {
    struct resp_limits limits = normal;
    limits.bulk_max_bytes = 5;
    limits.args_max = 2;
    static const struct reading readings[] = {
        {"*2\r\n$5\r\nabcde\r\n$1\r\na\r\n", "[abcde|a]"},
        {"*1\r\n$6\r\n", PROTO "invalid bulk length"},
        {"*3\r\n", PROTO "invalid multibulk length"},
    };
    assert_readings(&limits, readings, COUNT_OF(readings));
}

Test(resp_parse, strangers_may_send_ten_short_arguments) {
    struct resp_limits limits = normal;
    limits.authenticated = false;
    static const struct reading readings[] = {
        {"*10\r\n", "...5"},
        {"*11\r\n", PROTO "unauthenticated multibulk length"},
        {"*1\r\n$16384\r\n", "...12"},
        {"*1\r\n$16385\r\n", PROTO "unauthenticated bulk length"},
        {"*1\r\n$536870913\r\n", PROTO "invalid bulk length"},
    };
    assert_readings(&limits, readings, COUNT_OF(readings));
}

/* ---- Inline commands ---- */

Test(resp_parse, inline_lines_are_split_at_blanks) {
    static const struct reading readings[] = {
        {"PING\r\n", "[PING]"},
        {"PING\n", "[PING]"},
        {"\r\n\n", "[][]"},
        {"  \t \r\n", "[]"},
        {" SET  key\tvalue \r\n", "[SET|key|value]"},
        {"a\vb \vc\r\n", "[a\vb|c]"},
        {"a\rb\r\n", "[a|b]"},
        {"PING", "...4"},
        {"get *\r\n", "[get|*]"},
    };
    assert_readings(&normal, readings, COUNT_OF(readings));
}

Test(resp_parse, inline_quotes_follow_the_rules_of_redis) {
    static const struct reading readings[] = {
        {"\"a b\" c\n", "[a b|c]"},
        {"'a b' c\n", "[a b|c]"},
        {"\"\" ''\n", "[|]"},
        {"x\"y z\"\n", "[xy z]"},
        {"x'y'\n", "[xy]"},
        {"\"\\n\\r\\t\\b\\a\\\\\\\"\\q\"\n", "[\n\r\t\b\a\\\"q]"},
        {"\"\\x41\\x7a\\x4A\"\n", "[AzJ]"},
        {"\"\\x4\\xzz\"\n", "[x4xzz]"},
        {"'\\x41\\n\\''\n", "[\\x41\\n']"},
        {"\"it's\" 'say \"x\"'\n", "[it's|say \"x\"]"},
        {"\"a\"\r\n", "[a]"},
        {"plain \"q\" plain\n", "[plain|q|plain]"},
        {"\\x41 \\n\n", "[\\x41|\\n]"},
        {"\"a\"b\n", PROTO "unbalanced quotes in request"},
        {"'a'b\n", PROTO "unbalanced quotes in request"},
        {"\"a\"\"b\"\n", PROTO "unbalanced quotes in request"},
        {"\"a\n", PROTO "unbalanced quotes in request"},
        {"'a\n", PROTO "unbalanced quotes in request"},
        {"a\"\n", PROTO "unbalanced quotes in request"},
        {"\"a\\\n", PROTO "unbalanced quotes in request"},
        {"\"a\\\"\n", PROTO "unbalanced quotes in request"},
        {"'a\\'\n", PROTO "unbalanced quotes in request"},
    };
    assert_readings(&normal, readings, COUNT_OF(readings));
}

Test(resp_parse, zero_bytes_are_bytes_like_others) {
    assert_reads_as(&normal, BYTES_LIT("*1\r\n$3\r\na\0b\r\n"), "[a"); /* the notes end at the zero byte */
    struct resp_parser p;
    resp_parser_init(&p);
    size_t used;
    cr_assert_eq(resp_parse(&p, &normal, BYTES_LIT("a\0b \"\\x00\"\n"), &used), RESP_COMMAND);
    cr_assert_eq(p.argc, 2);
    cr_assert(bytes_equal(p.argv[0], BYTES_LIT("a\0b")));
    cr_assert(bytes_equal(p.argv[1], BYTES_LIT("\0")));
    resp_parser_deinit(&p);
}

/* ---- Limits on lines and commands ---- */

/* A text of `len` times `c`, followed by `tail`. */
static struct bytes line_of(struct buf *b, const char *head, size_t len, char c, const char *tail) {
    buf_clear(b, SIZE_MAX);
    buf_put_bytes(b, bytes_cstr(head));
    memset(buf_room(b, len), c, len);
    buf_commit(b, len);
    buf_put_bytes(b, bytes_cstr(tail));
    return buf_bytes(b);
}

Test(resp_parse, a_line_longer_than_the_limit_is_an_error_however_it_is_cut) {
    struct resp_limits limits = normal;
    limits.inline_max_bytes = 100;
    struct buf b;
    buf_init(&b);
    assert_reads_as(&limits, line_of(&b, "", 100, ' ', "\n"), "[]");
    assert_reads_as(&limits, line_of(&b, "", 100, ' ', ""), "...100");
    assert_reads_as(&limits, line_of(&b, "", 101, ' ', "\n"), PROTO "too big inline request");
    assert_reads_as(&limits, line_of(&b, "", 101, ' ', ""), PROTO "too big inline request");
    assert_reads_as(&limits, line_of(&b, "*", 99, '1', "\r\n"), PROTO "invalid multibulk length");
    assert_reads_as(&limits, line_of(&b, "*", 100, '1', "\r\n"), PROTO "too big mbulk count string");
    assert_reads_as(&limits, line_of(&b, "*1\r\n$", 99, '1', "\r\n"), PROTO "invalid bulk length");
    assert_reads_as(&limits, line_of(&b, "*1\r\n$", 100, '1', "\r\n"), PROTO "too big bulk count string");
    assert_reads_as(&limits, line_of(&b, "*1\r\n", 101, 'x', "\r\n"), PROTO "too big bulk count string");
    buf_deinit(&b);
}

Test(resp_parse, a_command_beyond_the_query_limit_ends_without_a_reply) {
    struct resp_limits limits = normal;
    limits.query_max_bytes = 20;
    static const struct reading readings[] = {
        {"*1\r\n$9\r\n123456789\r\n", "[123456789]"}, /* 19 bytes */
        {"*1\r\n$10\r\n0123456789\r\n", "!(silent) Protocol error: query buffer limit exceeded"},
        {"*1\r\n$1000\r\n", "!(silent) Protocol error: query buffer limit exceeded"},
        {"0123456789012345678\n", "[0123456789012345678]"},
        {"01234567890123456789\n", "!(silent) Protocol error: query buffer limit exceeded"},
    };
    assert_readings(&limits, readings, COUNT_OF(readings));
}

/* ---- Hints, state and memory ---- */

Test(resp_parse, need_bytes_tells_the_length_that_completes_the_current_argument) {
    static const struct {
        const char *in;
        size_t need;
    } cases[] = {
        {"", 1}, {"*", 2}, {"*2\r\n", 5}, {"*2\r\n$1000\r\n", 11 + 1000 + 2}, {"*2\r\n$3\r\nab", 8 + 3 + 2},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct resp_parser p;
        resp_parser_init(&p);
        size_t used;
        cr_assert_eq(resp_parse(&p, &normal, bytes_cstr(cases[i].in), &used), RESP_MORE);
        cr_assert_eq(p.need_bytes, cases[i].need, "%s: %zu", cases[i].in, p.need_bytes);
        resp_parser_deinit(&p);
    }
}

Test(resp_parse, an_error_is_final) {
    struct resp_parser p;
    resp_parser_init(&p);
    size_t used;
    cr_assert_eq(resp_parse(&p, &normal, BYTES_LIT("*x\r\n"), &used), RESP_ERROR);
    cr_assert_eq(resp_parse(&p, &normal, BYTES_LIT("PING\r\n"), &used), RESP_ERROR);
    cr_assert_str_eq(p.error, "Protocol error: invalid multibulk length");
    resp_parser_deinit(&p);
}

Test(resp_parse, an_announced_count_costs_no_memory) {
    struct resp_parser p;
    resp_parser_init(&p);
    struct resp_limits limits = normal;
    limits.args_max = INT64_MAX;
    size_t used;
    cr_assert_eq(resp_parse(&p, &limits, BYTES_LIT("*2147483647\r\n$1\r\na\r\n"), &used), RESP_MORE);
    cr_assert_leq(resp_parser_memory(&p), 1024);
    resp_parser_deinit(&p);
}

static void put_args(struct buf *b, size_t count) {
    buf_printf(b, "*%zu\r\n", count);
    for (size_t i = 0; i < count; i++)
        BUF_PUT_LIT(b, "$1\r\nx\r\n");
}

Test(resp_parse, memory_of_a_huge_command_is_given_back_after_small_ones) {
    struct resp_parser p;
    resp_parser_init(&p);
    struct buf b;
    buf_init(&b);
    put_args(&b, 100000);
    size_t used;
    cr_assert_eq(resp_parse(&p, &normal, buf_bytes(&b), &used), RESP_COMMAND);
    cr_assert_eq(p.argc, 100000);
    cr_assert_gt(resp_parser_memory(&p), 100000 * sizeof(struct bytes));
    cr_assert_eq(resp_parse(&p, &normal, BYTES_LIT("PING\r\n"), &used), RESP_COMMAND);
    cr_assert_eq(resp_parse(&p, &normal, BYTES_LIT("PING\r\n"), &used), RESP_COMMAND);
    cr_assert_leq(resp_parser_memory(&p), 1024);
    cr_assert_eq(resp_parse(&p, &normal, BYTES_LIT("PING 'a b'\r\n"), &used), RESP_COMMAND);
    resp_parser_trim(&p);
    cr_assert_eq(resp_parser_memory(&p), 0);
    buf_deinit(&b);
    resp_parser_deinit(&p);
}

Test(resp_parse, trimming_leaves_an_unfinished_command_alone) {
    struct resp_parser p;
    resp_parser_init(&p);
    struct bytes whole = BYTES_LIT("*2\r\n$1\r\na\r\n$1\r\nb\r\n");
    size_t used;
    cr_assert_eq(resp_parse(&p, &normal, bytes_of(whole.ptr, 12), &used), RESP_MORE);
    cr_assert(resp_parser_is_midway(&p));
    resp_parser_trim(&p);
    cr_assert_eq(resp_parse(&p, &normal, whole, &used), RESP_COMMAND);
    cr_assert_eq(p.argc, 2);
    cr_assert(bytes_equal(p.argv[0], BYTES_LIT("a")));
    resp_parser_deinit(&p);
}

/* Quadratic behaviour would make these run for minutes. */
Test(resp_parse, a_command_that_arrives_byte_by_byte_is_not_scanned_again, .timeout = 20) {
    struct buf b;
    buf_init(&b);
    static const struct {
        size_t args;
        size_t bulk_bytes;
        size_t line_bytes;
    } cases[] = {{200000, 0, 0}, {0, 2000000, 0}, {0, 0, 3900000}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct resp_limits limits = normal;
        limits.inline_max_bytes = 4000000;
        buf_clear(&b, SIZE_MAX);
        if (cases[i].args)
            put_args(&b, cases[i].args);
        else if (cases[i].bulk_bytes) {
            buf_printf(&b, "*1\r\n$%zu\r\n", cases[i].bulk_bytes);
            memset(buf_room(&b, cases[i].bulk_bytes), 'x', cases[i].bulk_bytes);
            buf_commit(&b, cases[i].bulk_bytes);
            BUF_PUT_LIT(&b, "\r\n");
        } else
            line_of(&b, "", cases[i].line_bytes, ' ', "\n");
        struct resp_parser p;
        resp_parser_init(&p);
        size_t used = 0;
        for (size_t len = 1; len < b.len; len++)
            if (resp_parse(&p, &limits, bytes_of(b.ptr, len), &used) != RESP_MORE)
                cr_assert_fail("complete after %zu of %zu bytes", len, b.len);
        cr_assert_eq(resp_parse(&p, &limits, buf_bytes(&b), &used), RESP_COMMAND);
        cr_assert_eq(used, b.len);
        resp_parser_deinit(&p);
    }
    buf_deinit(&b);
}

/* ---- Property: the cuts do not matter ---- */

static void put_random_command(struct buf *b, struct rng *rng) {
    static const char inline_bytes[] = "ab \"'\\x4\tn\r\v$*";
    static const char *const fragments[] = {"*",  "$", "\r\n", "*1\r\n", "$3\r\n",
                                            "-1", "0", "\r",   "\n",     "*2\r\n$1\r\na\r\n"};
    uint64_t kind = rng_below(rng, 20);
    if (kind < 12) {
        size_t argc = (size_t)rng_below(rng, 12);
        buf_printf(b, "*%zu\r\n", argc);
        for (size_t i = 0; i < argc; i++) {
            size_t len = (size_t)rng_below(rng, rng_below(rng, 10) ? 8 : 300);
            buf_printf(b, "$%zu\r\n", len);
            for (size_t j = 0; j < len; j++)
                buf_put_char(b, (char)rng_below(rng, 256));
            BUF_PUT_LIT(b, "\r\n");
        }
    } else if (kind < 18) {
        for (size_t len = (size_t)rng_below(rng, 20); len; len--)
            buf_put_char(b, inline_bytes[rng_below(rng, sizeof inline_bytes - 1)]);
        BUF_PUT_LIT(b, "\r\n");
    } else {
        buf_put_bytes(b, bytes_cstr(fragments[rng_below(rng, COUNT_OF(fragments))]));
    }
}

Test(resp_parse, whole_input_and_pieces_give_the_same_commands) {
    const uint64_t seed = 20240607;
    struct rng rng;
    rng_init(&rng, seed);
    struct buf input, whole, pieces;
    buf_init(&input);
    buf_init(&whole);
    buf_init(&pieces);
    struct resp_limits limits = normal;
    for (int round = 0; round < 4000; round++) {
        limits.inline_max_bytes = rng_below(&rng, 4) ? 64 << 10 : 8;
        limits.authenticated = rng_below(&rng, 4) != 0;
        buf_clear(&input, SIZE_MAX);
        buf_clear(&whole, SIZE_MAX);
        for (uint64_t commands = 1 + rng_below(&rng, 4); commands; commands--)
            put_random_command(&input, &rng);
        read_pieces(&limits, buf_bytes(&input), &rng, UINT64_MAX / 2, &whole);
        static const uint64_t piece_maxes[] = {1, 2, 5, 50};
        for (size_t i = 0; i < COUNT_OF(piece_maxes); i++) {
            buf_clear(&pieces, SIZE_MAX);
            read_pieces(&limits, buf_bytes(&input), &rng, piece_maxes[i], &pieces);
            cr_assert(bytes_equal(buf_bytes(&whole), buf_bytes(&pieces)),
                      "seed %llu round %d pieces up to %llu", (unsigned long long)seed, round,
                      (unsigned long long)piece_maxes[i]);
        }
    }
    buf_deinit(&input);
    buf_deinit(&whole);
    buf_deinit(&pieces);
}
