/* Fuzz target: the request parser and the reply reader on any bytes.
 *
 * The first two bytes choose limits and the lengths of pieces; the rest is input. Whole and cut input must give the same
 * commands, every view must lie inside the input, and the reply reader must agree with itself on every shorter part. */
#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/resp/resp_parse.h"
#include "core/resp/resp_read.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Appends what the parser says about `data`, presented in pieces of random lengths below `piece_max`. */
static void read_pieces(const struct resp_limits *limits, struct bytes data, uint64_t seed,
                        uint64_t piece_max, struct buf *notes) {
    struct resp_parser p;
    resp_parser_init(&p);
    struct rng rng;
    rng_init(&rng, seed);
    size_t consumed = 0, arrived = 0;
    for (;;) {
        /* An exact copy at a new address: a read outside, or of an old address, is a sanitizer's report. */
        size_t len = arrived - consumed;
        char *copy = mem_alloc(len + 1);
        if (len)
            memcpy(copy, data.ptr + consumed, len);
        copy = mem_realloc(copy, len ? len : 1);
        size_t used;
        enum resp_status status = resp_parse(&p, limits, bytes_of(copy, len), &used);
        if (status == RESP_COMMAND) {
            must(used > 0 && used <= len);
            buf_printf(notes, "%d:", p.argc);
            for (int i = 0; i < p.argc; i++) {
                buf_printf(notes, "%zu=", p.argv[i].len);
                buf_put_bytes(notes, p.argv[i]);
            }
            consumed += used;
        }
        mem_free(copy);
        if (status == RESP_ERROR) {
            buf_printf(notes, "!%s", p.error);
            break;
        }
        if (status == RESP_MORE) {
            must(p.need_bytes > len);
            if (arrived == data.len)
                break;
            size_t piece = (size_t)(1 + rng_below(&rng, piece_max));
            arrived += piece < data.len - arrived ? piece : data.len - arrived;
        }
    }
    resp_parser_deinit(&p);
}

static void check_replies(struct bytes data) {
    size_t whole = resp_reply_skip(data);
    if (whole == 0 || whole == RESP_REPLY_BROKEN)
        return;
    must(whole <= data.len);
    must(resp_reply_skip(bytes_of(data.ptr, whole)) == whole);
    must(resp_reply_skip(bytes_of(data.ptr, whole - 1)) == 0);
    must(resp_reply_skip(bytes_of(data.ptr, whole / 2)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2)
        return 0;
    struct resp_limits limits = {
        .bulk_max_bytes = data[0] & 1 ? 1 << 20 : 16,
        .args_max = data[0] & 2 ? 1 << 20 : 8,
        .inline_max_bytes = data[0] & 4 ? 64 << 10 : 32, /* never below a length line, as in the server */
        .query_max_bytes = 0,
        .authenticated = (data[0] & 8) != 0,
    };
    struct bytes input = bytes_of(data + 2, size - 2);
    struct buf whole, cut;
    buf_init(&whole);
    buf_init(&cut);
    read_pieces(&limits, input, 0, UINT64_MAX, &whole);
    read_pieces(&limits, input, 0, 1, &cut);
    must(bytes_equal(buf_bytes(&whole), buf_bytes(&cut)));
    buf_clear(&cut, SIZE_MAX);
    read_pieces(&limits, input, data[1], 1 + data[1], &cut);
    must(bytes_equal(buf_bytes(&whole), buf_bytes(&cut)));
    buf_deinit(&whole);
    buf_deinit(&cut);
    check_replies(input);
    return 0;
}
