/* Finding the end of replies. */
#include "core/resp/resp_read.h"

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/base/rng.h"

#include <criterion/criterion.h>

/* The same on an exact copy, so that a sanitizer sees a read beyond the end. */
static size_t skip_copy(const char *ptr, size_t len) {
    char *copy = mem_alloc(len ? len : 1);
    if (len)
        memcpy(copy, ptr, len);
    size_t skipped = resp_reply_skip(bytes_of(copy, len));
    mem_free(copy);
    return skipped;
}

Test(resp_read, the_length_of_a_reply_is_found_and_every_shorter_part_is_incomplete) {
    static const char *const replies[] = {
        "+OK\r\n",
        "+\r\n",
        "-ERR x\r\n",
        ":-12\r\n",
        "$-1\r\n",
        "$0\r\n\r\n",
        "$4\r\n\r\n\r\n\r\n",
        "*-1\r\n",
        "*0\r\n",
        "*2\r\n$1\r\na\r\n:1\r\n",
        "*2\r\n*2\r\n:1\r\n:2\r\n*1\r\n*1\r\n+x\r\n",
        "_\r\n",
        "#t\r\n",
        ",3.14\r\n",
        ",inf\r\n",
        "(123456789012345678901234567890\r\n",
        "!5\r\nERR x\r\n",
        "=6\r\ntxt:hi\r\n",
        "%0\r\n",
        "%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n:2\r\n",
        "~2\r\n:1\r\n:2\r\n",
        ">2\r\n+message\r\n+x\r\n",
        "|1\r\n+ttl\r\n:3\r\n+OK\r\n",
        "*1\r\n|1\r\n+ttl\r\n:3\r\n:1\r\n",
        "*2\r\n%1\r\n+k\r\n~1\r\n$1\r\nx\r\n_\r\n",
    };
    for (size_t i = 0; i < COUNT_OF(replies); i++) {
        size_t len = strlen(replies[i]);
        for (size_t part = 0; part < len; part++)
            cr_assert_eq(skip_copy(replies[i], part), 0, "'%s' cut at %zu", replies[i], part);
        cr_assert_eq(skip_copy(replies[i], len), len, "'%s'", replies[i]);
        struct buf more;
        buf_init(&more);
        buf_put_bytes(&more, bytes_cstr(replies[i]));
        BUF_PUT_LIT(&more, "+next\r\n");
        cr_assert_eq(skip_copy(more.ptr, more.len), len, "'%s' and another", replies[i]);
        buf_deinit(&more);
    }
}

Test(resp_read, what_is_no_reply_is_told_apart_from_what_is_not_all_there) {
    static const char *const broken[] = {
        "x",       "\r\n",         "PING\r\n",     "+a\rb\r\n", "$-2\r\n", "$x\r\n",
        "$\r\n",   "$+1\r\n",      "$01\r\na\r\n", "*-2\r\n",   "%-1\r\n", "~-1\r\n",
        "=-1\r\n", "$1\r\nab\r\n", "$?\r\n",       "*?\r\n",    "*1\r\nx", "*9223372036854775808\r\n",
        "|-1\r\n", "$1\r\na\rb",
    };
    for (size_t i = 0; i < COUNT_OF(broken); i++)
        cr_assert_eq(skip_copy(broken[i], strlen(broken[i])), RESP_REPLY_BROKEN, "'%s'", broken[i]);
}

Test(resp_read, announced_lengths_beyond_the_input_cost_nothing, .timeout = 10) {
    static const char *const huge[] = {
        "*9223372036854775807\r\n",
        "%9223372036854775807\r\n",
        "$9223372036854775807\r\n",
        "*2\r\n*9223372036854775807\r\n*9223372036854775807\r\n",
        "%4611686018427387905\r\n%4611686018427387905\r\n%4611686018427387905\r\n",
    };
    for (size_t i = 0; i < COUNT_OF(huge); i++)
        cr_assert_eq(skip_copy(huge[i], strlen(huge[i])), 0, "'%s'", huge[i]);
}

Test(resp_read, deep_nesting_needs_no_stack) {
    struct buf b;
    buf_init(&b);
    for (int i = 0; i < 1000000; i++)
        BUF_PUT_LIT(&b, "*1\r\n");
    cr_assert_eq(resp_reply_skip(buf_bytes(&b)), 0);
    BUF_PUT_LIT(&b, ":1\r\n");
    cr_assert_eq(resp_reply_skip(buf_bytes(&b)), b.len);
    buf_deinit(&b);
}

/* Writes a random reply; `depth` bounds the nesting. */
static void put_random_reply(struct buf *b, struct rng *rng, int depth) {
    switch (rng_below(rng, depth > 0 ? 9 : 5)) {
    case 0: BUF_PUT_LIT(b, "+OK\r\n"); break;
    case 1: buf_printf(b, ":%d\r\n", (int)rng_below(rng, 1000)); break;
    case 2: BUF_PUT_LIT(b, "$-1\r\n"); break;
    case 3: BUF_PUT_LIT(b, "_\r\n"); break;
    case 4: {
        size_t len = (size_t)rng_below(rng, 20);
        buf_printf(b, "$%zu\r\n", len);
        for (; len; len--)
            buf_put_char(b, "\r\n*$ab"[rng_below(rng, 6)]);
        BUF_PUT_LIT(b, "\r\n");
        break;
    }
    case 5:
        BUF_PUT_LIT(b, "|1\r\n");
        for (int i = 0; i < 3; i++)
            put_random_reply(b, rng, depth - 1);
        break;
    default: {
        uint64_t kind = rng_below(rng, 3);
        size_t count = (size_t)rng_below(rng, 5);
        buf_printf(b, "%c%zu\r\n", "*~%"[kind], count);
        for (size_t i = 0; i < (kind == 2 ? 2 * count : count); i++)
            put_random_reply(b, rng, depth - 1);
    }
    }
}

Test(resp_read, a_stream_of_random_replies_is_cut_where_it_was_joined) {
    const uint64_t seed = 77;
    struct rng rng;
    rng_init(&rng, seed);
    struct buf b;
    buf_init(&b);
    for (int round = 0; round < 3000; round++) {
        buf_clear(&b, SIZE_MAX);
        put_random_reply(&b, &rng, 4);
        size_t first = b.len;
        put_random_reply(&b, &rng, 2);
        cr_assert_eq(skip_copy(b.ptr, b.len), first, "seed %llu round %d", (unsigned long long)seed, round);
        size_t part = (size_t)rng_below(&rng, first);
        cr_assert_eq(skip_copy(b.ptr, part), 0, "seed %llu round %d cut %zu", (unsigned long long)seed, round,
                     part);
    }
    buf_deinit(&b);
}

Test(resp_read, errors_are_recognised) {
    cr_assert(resp_reply_is_error(BYTES_LIT("-ERR\r\n")));
    cr_assert(resp_reply_is_error(BYTES_LIT("!3\r\nERR\r\n")));
    cr_assert_not(resp_reply_is_error(BYTES_LIT("+OK\r\n")));
    cr_assert_not(resp_reply_is_error(BYTES_NONE));
}
