/* cmd_ttl.c: times to live.
 *
 * An entry keeps its deadline as a unix time in milliseconds. All commands that set one come down to set_deadline, and
 * their effect is PEXPIREAT, or DEL where the deadline has passed already (not while a log is being replayed: the log says
 * itself when the key went). */
#include "core/cmd/opts.h"

/* What NX, XX, GT and LT say about the new deadline. A key without one counts as living for ever. */
static bool is_wanted(uint32_t seen, int64_t old_ms, int64_t new_ms) {
    bool has_old = old_ms != ENTRY_NO_EXPIRE;
    if ((seen & OPT_NX) && has_old)
        return false;
    if ((seen & OPT_XX) && !has_old)
        return false;
    if ((seen & OPT_GT) && (!has_old || new_ms <= old_ms))
        return false;
    if ((seen & OPT_LT) && has_old && new_ms >= old_ms)
        return false;
    return true;
}

/* NX, XX, GT, LT from argv[3] on. False: an error was replied. */
static bool read_conditions(struct exec *x, uint32_t *seen_out) {
    static const struct opt options[] = {
        {"nx", OPT_NX, 0, false},
        {"xx", OPT_XX, 0, false},
        {"gt", OPT_GT, 0, false},
        {"lt", OPT_LT, 0, false},
    };
    struct opts opts;
    *seen_out = 0;
    if (!opts_parse(x, 3, options, COUNT_OF(options), &opts)) {
        struct bytes word = x->argv[opts.stopped_at];
        resp_errorf(x->out, "ERR Unsupported option %.*s", word.len > 256 ? 256 : (int)word.len, word.ptr);
        return false;
    }
    *seen_out = opts.seen;
    if ((opts.seen & OPT_NX) && (opts.seen & (OPT_XX | OPT_GT | OPT_LT))) {
        resp_err(x->out, REPLY_ERR_EXPIRE_NX_OTHERS);
        return false;
    }
    if ((opts.seen & OPT_GT) && (opts.seen & OPT_LT)) {
        resp_err(x->out, REPLY_ERR_EXPIRE_GT_LT);
        return false;
    }
    return true;
}

static void set_deadline(struct key_view *kv, int64_t when_ms) {
    struct engine *engine = kv->x->engine;
    if (when_ms <= engine->now_ms && !engine->is_replaying) {
        cmd_delete(kv);
        return;
    }
    when_ms = when_ms < 0 ? 0 : when_ms; /* -1 would mean none */
    cmd_set_expire(kv, when_ms);
    cmd_effect_expire(kv, when_ms);
    exec_event(kv, EVENT_GENERIC, "expire");
}

/* argv[2] in units of `unit_ms` milliseconds, counted from base_ms. */
static void expire_from(struct exec *x, int64_t base_ms, int64_t unit_ms) {
    uint32_t seen;
    int64_t when_ms;
    struct key_view kv;
    if (!read_conditions(x, &seen) || !cmd_arg_int(x, 2, &when_ms))
        return;
    if (!num_mul(when_ms, unit_ms, &when_ms) || !num_add(when_ms, base_ms, &when_ms)) {
        opts_reply_expire_error(x);
        return;
    }
    if (!key_open_write(x, x->argv[1], &kv) || !is_wanted(seen, cmd_expire_ms(&kv), when_ms)) {
        resp_int(x->out, 0);
        return;
    }
    set_deadline(&kv, when_ms);
    resp_int(x->out, 1);
}

/* EXPIRE key seconds [NX | XX | GT | LT] */
void cmd_expire(struct exec *x) {
    expire_from(x, x->engine->now_ms, 1000);
}

/* PEXPIRE key milliseconds [NX | XX | GT | LT] */
void cmd_pexpire(struct exec *x) {
    expire_from(x, x->engine->now_ms, 1);
}

/* EXPIREAT key unix-seconds [NX | XX | GT | LT] */
void cmd_expireat(struct exec *x) {
    expire_from(x, 0, 1000);
}

/* PEXPIREAT key unix-milliseconds [NX | XX | GT | LT] */
void cmd_pexpireat(struct exec *x) {
    expire_from(x, 0, 1);
}

/* Replies the deadline, less base_ms but not below 0, in units of unit_ms, rounded; -2: no key, -1: no deadline. */
static void reply_deadline(struct exec *x, int64_t base_ms, int64_t unit_ms) {
    struct key_view kv;
    if (!cmd_open_untouched(x, x->argv[1], &kv)) {
        resp_int(x->out, -2);
        return;
    }
    int64_t expire_ms = cmd_expire_ms(&kv);
    if (expire_ms == ENTRY_NO_EXPIRE) {
        resp_int(x->out, -1);
        return;
    }
    int64_t left_ms = expire_ms > base_ms ? expire_ms - base_ms : 0;
    resp_int(x->out, left_ms / unit_ms + (left_ms % unit_ms * 2 >= unit_ms && unit_ms > 1 ? 1 : 0));
}

/* TTL key */
void cmd_ttl(struct exec *x) {
    reply_deadline(x, x->engine->now_ms, 1000);
}

/* PTTL key */
void cmd_pttl(struct exec *x) {
    reply_deadline(x, x->engine->now_ms, 1);
}

/* EXPIRETIME key */
void cmd_expiretime(struct exec *x) {
    reply_deadline(x, 0, 1000);
}

/* PEXPIRETIME key */
void cmd_pexpiretime(struct exec *x) {
    reply_deadline(x, 0, 1);
}

/* PERSIST key */
void cmd_persist(struct exec *x) {
    struct key_view kv;
    if (!key_open_write(x, x->argv[1], &kv) || !entry_has_expire(kv.entry)) {
        resp_int(x->out, 0);
        return;
    }
    cmd_set_expire(&kv, ENTRY_NO_EXPIRE);
    cmd_effect_persist(&kv);
    exec_event(&kv, EVENT_GENERIC, "persist");
    resp_int(x->out, 1);
}
