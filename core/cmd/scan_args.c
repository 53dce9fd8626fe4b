/* scan_args.c: reading the arguments of SCAN, HSCAN, SSCAN and ZSCAN.
 *
 * A cursor is a number without state behind it, so anything that reads as one is allowed. Where several options are wrong,
 * Redis complains about the first one from the left; a COUNT that stands before a wrong word is therefore judged first. */
#include "core/cmd/scan_args.h"

#include "core/ds/glob.h"

enum {
    SCAN_ARGS_MATCH = OPT_OWN,
    SCAN_ARGS_COUNT = OPT_OWN << 1,
    SCAN_ARGS_NOVALUES = OPT_OWN << 2,
};

bool scan_args_cursor(struct exec *x, int i, uint64_t *cursor_out) {
    struct bytes text = x->argv[i];
    bool has_sign = text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+');
    bool is_good = !has_sign || text.len > 1;
    uint64_t value = 0;
    for (size_t at = has_sign ? 1 : 0; at < text.len && is_good; at++) {
        unsigned digit = (unsigned char)text.ptr[at] - (unsigned)'0';
        is_good = digit <= 9 && !__builtin_mul_overflow(value, 10, &value) &&
                  !__builtin_add_overflow(value, digit, &value);
    }
    *cursor_out = is_good && has_sign && text.ptr[0] == '-' ? -value : value;
    if (!is_good)
        resp_err(x->out, REPLY_ERR_CURSOR);
    return is_good;
}

struct bytes scan_args_pattern(struct bytes pattern) {
    return bytes_equal(pattern, BYTES_LIT("*")) ? BYTES_NONE : pattern.ptr == NULL ? BYTES_LIT("") : pattern;
}

bool scan_args_options(struct exec *x, int from, bool may_no_values, struct scan_args *args) {
    static const struct opt options[] = {
        {"match", SCAN_ARGS_MATCH, 0, true},
        {"count", SCAN_ARGS_COUNT, 0, true},
        {"novalues", SCAN_ARGS_NOVALUES, 0, false},
    };
    struct opts opts;
    int64_t count = 10;
    bool is_parsed = opts_parse(x, from, options, COUNT_OF(options), &opts);
    args->pattern = BYTES_NONE;
    args->has_no_values = (opts.seen & SCAN_ARGS_NOVALUES) != 0;
    if ((opts.seen & SCAN_ARGS_COUNT) && !cmd_arg_int(x, opts_value_at(&opts, SCAN_ARGS_COUNT), &count))
        return false;
    if (count < 1 || !is_parsed) {
        resp_err(x->out, REPLY_ERR_SYNTAX);
        return false;
    }
    if (args->has_no_values && !may_no_values) {
        resp_error(x->out, BYTES_LIT("ERR NOVALUES option can only be used in HSCAN"));
        return false;
    }
    args->count = (size_t)count;
    if (opts.seen & SCAN_ARGS_MATCH)
        args->pattern = scan_args_pattern(opts_value(x, &opts, SCAN_ARGS_MATCH));
    return true;
}

bool scan_args_match(const struct scan_args *args, struct bytes text) {
    return args->pattern.ptr == NULL || glob_match(args->pattern, text, GLOB_CASE);
}

void scan_args_reply(struct exec *x, uint64_t cursor, size_t count) {
    char text[NUM_INT_TEXT_MAX];
    resp_array(x->out, 2);
    resp_bulk(x->out, bytes_of(text, num_from_uint(text, cursor)));
    resp_array(x->out, count);
}
