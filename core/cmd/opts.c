/* opts.c: reading options against a table.
 *
 * Redis's commands parse their options by hand, each in its own loop. They agree on so much that a table says it shorter
 * and cannot forget an exclusion. Checks of the values stay with the commands: what a number means differs.
 *
 * Expiry times: a relative time becomes absolute by the command's clock, seconds become milliseconds, and both steps
 * are checked, because a client may send any 64-bit number. */
#include "core/cmd/opts.h"

static const struct opt *find_row(const struct opt *table, size_t count, struct bytes word) {
    for (size_t i = 0; i < count; i++) {
        if (bytes_is_word(word, table[i].word))
            return &table[i];
    }
    return NULL;
}

bool opts_parse(struct exec *x, int from, const struct opt *table, size_t count, struct opts *opts_out) {
    opts_out->seen = 0;
    for (int i = from; i < x->argc; i++) {
        const struct opt *row = find_row(table, count, x->argv[i]);
        opts_out->stopped_at = i;
        if (row == NULL || (opts_out->seen & row->excludes) != 0 || (row->has_value && i + 1 >= x->argc))
            return false;
        opts_out->seen |= row->bit;
        if (row->has_value)
            opts_out->value_at[__builtin_ctz(row->bit)] = ++i;
    }
    return true;
}

bool opts_parse_or_reply(struct exec *x, int from, const struct opt *table, size_t count,
                         struct opts *opts_out) {
    if (LIKELY(opts_parse(x, from, table, count, opts_out)))
        return true;
    resp_err(x->out, REPLY_ERR_SYNTAX);
    return false;
}

int opts_value_at(const struct opts *opts, uint32_t bit) {
    must(opts->seen & bit);
    return opts->value_at[__builtin_ctz(bit)];
}

struct bytes opts_value(const struct exec *x, const struct opts *opts, uint32_t bit) {
    return x->argv[opts_value_at(opts, bit)];
}

void opts_reply_expire_error(struct exec *x) {
    resp_errorf(x->out, "ERR invalid expire time in '%s' command", x->command->fullname);
}

bool opts_expire_at(struct exec *x, int i, uint32_t bit, int64_t *expire_ms_out) {
    int64_t time;
    *expire_ms_out = ENTRY_NO_EXPIRE;
    if (!cmd_arg_int(x, i, &time))
        return false;
    bool is_seconds = bit == OPT_EX || bit == OPT_EXAT;
    bool is_relative = bit == OPT_EX || bit == OPT_PX;
    bool is_good = time > 0 && (!is_seconds || num_mul(time, 1000, &time)) &&
                   (!is_relative || num_add(time, x->engine->now_ms, &time));
    if (!is_good) {
        opts_reply_expire_error(x);
        return false;
    }
    *expire_ms_out = time;
    return true;
}

bool opts_expire(struct exec *x, const struct opts *opts, int64_t *expire_ms_out) {
    uint32_t bit = opts->seen & OPT_TIMES;
    *expire_ms_out = ENTRY_NO_EXPIRE;
    return bit == 0 || opts_expire_at(x, opts_value_at(opts, bit), bit, expire_ms_out);
}
