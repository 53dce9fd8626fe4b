/* Replies are counted wherever the stream is cut. The benchmark programs are no libraries: their sources are included. */
#include "bench/load/reply.c"

#include <criterion/criterion.h>

#include <string.h>

struct sample {
    const char *text;
    uint64_t replies;
    uint64_t errors;
    uint64_t nils;
};

static const struct sample samples[] = {
    {"+OK\r\n", 1, 0, 0},
    {"+PONG\r\n:-5\r\n,1.5\r\n#t\r\n(123\r\n", 5, 0, 0},
    {"$3\r\nxxx\r\n$0\r\n\r\n$-1\r\n_\r\n", 4, 0, 2},
    {"$11\r\n+OK\r\n$5\r\n*3\r\n", 1, 0, 0},
    {"*0\r\n*-1\r\n*2\r\n$1\r\na\r\n:1\r\n", 3, 0, 1},
    {"*2\r\n*2\r\n:1\r\n*1\r\n+a\r\n%1\r\n+k\r\n~2\r\n:1\r\n:2\r\n+OK\r\n", 2, 0, 0},
    {"-ERR no 7\r\n+OK\r\n!5\r\nERR x\r\n*1\r\n-WRONG\r\n", 4, 3, 0},
    {"|1\r\n+key\r\n:9\r\n$2\r\nab\r\n=5\r\ntxt:a\r\n", 2, 0, 0},
};

static struct reply_counts feed_cut(const char *text, size_t len, size_t first, size_t step) {
    struct reply_state state = {.type = 0};
    struct reply_counts counts = {.replies = 0};
    uint64_t sum = reply_feed(&state, text, first, &counts);
    for (size_t at = first; at < len; at += step)
        sum += reply_feed(&state, text + at, len - at < step ? len - at : step, &counts);
    cr_assert_eq(sum, counts.replies, "the returned numbers add up to the count");
    cr_assert(state.pending == 0 && state.type == 0 && state.skip == 0, "the stream ends between replies");
    return counts;
}

Test(reply, counts_replies_errors_and_nils_wherever_the_stream_is_cut) {
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        size_t len = strlen(samples[i].text);
        for (size_t first = 0; first <= len; first++)
            for (size_t step = 1; step <= len; step++) {
                struct reply_counts counts = feed_cut(samples[i].text, len, first, step);
                cr_assert_eq(counts.replies, samples[i].replies, "sample %zu cut at %zu by %zu", i, first,
                             step);
                cr_assert_eq(counts.errors, samples[i].errors, "sample %zu cut at %zu by %zu", i, first,
                             step);
                cr_assert_eq(counts.nils, samples[i].nils, "sample %zu cut at %zu by %zu", i, first, step);
            }
    }
}

Test(reply, keeps_the_text_of_the_first_error) {
    const char *text = "+OK\r\n-ERR first one\r\n-ERR second\r\n";
    struct reply_counts counts = feed_cut(text, strlen(text), 9, 3);
    cr_assert_eq(counts.first_error_len, strlen("ERR first one"));
    cr_assert_eq(memcmp(counts.first_error, "ERR first one", counts.first_error_len), 0);
}
