/* cmd_str_multi.c: strings of several keys at once.
 *
 * MGET and MSET are split: every owner runs them over its own keys. MSETNX and MSETEX look at all keys before they write
 * the first, so they run over lent keys. Effects are one SET for each key, whoever owns it. */
#include "core/cmd/opts.h"

#include <limits.h>

/* MGET key [key ...] */
void cmd_mget(struct exec *x) {
    resp_array(x->out, (size_t)x->argc - 1);
    for (int i = 1; i < x->argc; i++) {
        struct key_view kv;
        if (key_open_read(x, x->argv[i], &kv) && entry_type(kv.entry) == VALUE_STRING)
            cmd_reply_str(x, kv.entry);
        else
            resp_null(x->out);
    }
}

/* Sets argv[first], argv[first + 1] and so on for `pairs` pairs; an expiry of ENTRY_NO_EXPIRE is none. False: an error
 * was replied; the pairs before it are set. */
static bool set_pairs(struct exec *x, int first, int64_t pairs, int64_t expire_ms, bool is_kept) {
    for (int64_t i = 0; i < pairs; i++) {
        struct key_view kv;
        struct bytes value = x->argv[first + 2 * i + 1];
        (void)key_open_write(x, x->argv[first + 2 * i], &kv);
        if (!cmd_str_store(&kv, value, is_kept ? cmd_expire_ms(&kv) : expire_ms))
            return false;
        if (is_kept)
            cmd_effect_set_keepttl(&kv, value);
        else
            cmd_effect_set(&kv, value, expire_ms);
        exec_event(&kv, EVENT_STRING, "set");
        if (expire_ms != ENTRY_NO_EXPIRE)
            exec_event(&kv, EVENT_GENERIC, "expire");
    }
    return true;
}

/* How many of the pairs' keys exist. */
static int64_t count_present(struct exec *x, int first, int64_t pairs) {
    int64_t count = 0;
    for (int64_t i = 0; i < pairs; i++) {
        struct key_view kv;
        if (key_open_write(x, x->argv[first + 2 * i], &kv))
            count++;
    }
    return count;
}

/* MSET key value [key value ...] */
void cmd_mset(struct exec *x) {
    if (x->argc % 2 == 0)
        cmd_reply_arity(x);
    else if (set_pairs(x, 1, x->argc / 2, ENTRY_NO_EXPIRE, false))
        resp_ok(x->out);
}

/* MSETNX key value [key value ...] */
void cmd_msetnx(struct exec *x) {
    if (x->argc % 2 == 0)
        cmd_reply_arity(x);
    else if (count_present(x, 1, x->argc / 2) > 0)
        resp_int(x->out, 0);
    else if (set_pairs(x, 1, x->argc / 2, ENTRY_NO_EXPIRE, false))
        resp_int(x->out, 1);
}

/* MSETEX numkeys key value [key value ...] [NX | XX]
 *     [EX seconds | PX milliseconds | EXAT seconds | PXAT milliseconds | KEEPTTL] */
void cmd_msetex(struct exec *x) {
    static const struct opt options[] = {
        OPT_ROWS_TIMES(OPT_KEEPTTL),
        {"keepttl", OPT_KEEPTTL, OPT_TIMES, false},
        {"nx", OPT_NX, OPT_XX, false},
        {"xx", OPT_XX, OPT_NX, false},
    };
    int64_t pairs;
    int64_t expire_ms;
    struct opts opts;
    if (!num_parse_int(x->argv[1], &pairs) || pairs < 1 || pairs > INT_MAX) {
        resp_error(x->out, BYTES_LIT("ERR invalid numkeys value"));
        return;
    }
    if (pairs > (x->argc - 2) / 2) {
        resp_error(x->out, BYTES_LIT("ERR wrong number of key-value pairs"));
        return;
    }
    if (!opts_parse_or_reply(x, 2 + 2 * (int)pairs, options, COUNT_OF(options), &opts) ||
        !opts_expire(x, &opts, &expire_ms))
        return;
    int64_t present = opts.seen & (OPT_NX | OPT_XX) ? count_present(x, 2, pairs) : 0;
    if (((opts.seen & OPT_NX) && present > 0) || ((opts.seen & OPT_XX) && present < pairs))
        resp_int(x->out, 0);
    else if (set_pairs(x, 2, pairs, expire_ms, (opts.seen & OPT_KEEPTTL) != 0))
        resp_int(x->out, 1);
}
