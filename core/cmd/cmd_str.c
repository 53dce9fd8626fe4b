/* cmd_str.c: setting and getting one string: SET with all its options and the older commands that are cases of it.
 *
 * Everything that stores goes through set_key: it decides about conditions, answers the old value where asked for, stores,
 * logs `SET key value [PXAT ms|KEEPTTL]`, and tells the events "set" and "expire". A deadline that has already
 * passed is stored like any other; the key is then simply expired. */
#include "core/base/keyhash.h"
#include "core/cmd/opts.h"

enum { DIGEST_HEX_BYTES = 16 };

/* ---- conditions on the present value: IFEQ and its kin ---- */

/* XXH3 of the value, as 16 lower-case hexadecimal digits. */
static void digest_text(const struct entry *e, char text[DIGEST_HEX_BYTES]) {
    char scratch[NUM_INT_TEXT_MAX];
    uint64_t hash = keyhash_hash(str_view(e, scratch), 0);
    for (int i = DIGEST_HEX_BYTES - 1; i >= 0; i--, hash >>= 4)
        text[i] = "0123456789abcdef"[hash & 15];
}

/* Whether the value of the open key, which exists and is a string, meets the condition. False from the function: the
 * operand is no digest, the error was replied. */
static bool meets_condition(struct key_view *kv, uint32_t condition, struct bytes operand, bool *met_out) {
    *met_out = false;
    if (condition == OPT_IFEQ || condition == OPT_IFNE) {
        char scratch[NUM_INT_TEXT_MAX];
        *met_out = bytes_equal(str_view(kv->entry, scratch), operand) == (condition == OPT_IFEQ);
        return true;
    }
    if (operand.len != DIGEST_HEX_BYTES) {
        resp_error(kv->x->out, BYTES_LIT("ERR must be exactly 16 hexadecimal characters"));
        return false;
    }
    char text[DIGEST_HEX_BYTES];
    digest_text(kv->entry, text);
    *met_out = bytes_equal_nocase(bytes_of(text, sizeof(text)), operand) == (condition == OPT_IFDEQ);
    return true;
}

/* ---- storing ---- */

enum set_reply {
    SET_REPLY_OK,  /* OK, or null when a condition is not met */
    SET_REPLY_INT, /* 1 or 0 (SETNX) */
    SET_REPLY_OLD, /* the old value or null, whether it is set or not */
};

struct set_request {
    struct bytes key;
    struct bytes value;
    struct bytes operand; /* of the IF.. condition */
    uint32_t seen;        /* conditions and KEEPTTL */
    int64_t expire_ms;
    enum set_reply reply;
};

/* Decides whether to set. False from the function: an error was replied. */
static bool set_allowed(struct key_view *kv, const struct set_request *r, bool *allowed_out) {
    uint32_t condition = r->seen & OPT_IF;
    bool is_there = kv->entry != NULL;
    *allowed_out = !((r->seen & OPT_NX && is_there) || (r->seen & OPT_XX && !is_there));
    if (condition == 0)
        return true;
    if (!is_there) {
        *allowed_out = condition == OPT_IFNE || condition == OPT_IFDNE;
        return true;
    }
    return key_check_type(kv, VALUE_STRING) && meets_condition(kv, condition, r->operand, allowed_out);
}

static void set_key(struct exec *x, const struct set_request *r) {
    struct key_view kv;
    bool is_allowed;
    if (r->reply == SET_REPLY_OLD) {
        (void)cmd_open_counted(x, r->key, &kv);
        if (!key_check_type(&kv, VALUE_STRING))
            return;
    } else {
        (void)key_open_write(x, r->key, &kv);
    }
    if (!set_allowed(&kv, r, &is_allowed))
        return;

    size_t mark = resp_defer(x->out);
    if (r->reply == SET_REPLY_OLD && kv.entry != NULL)
        cmd_reply_str(x, kv.entry);
    else if (r->reply == SET_REPLY_OLD || (r->reply == SET_REPLY_OK && !is_allowed))
        resp_null(x->out);
    else if (r->reply == SET_REPLY_INT)
        resp_int(x->out, is_allowed ? 1 : 0);
    else
        resp_ok(x->out);
    if (!is_allowed)
        return;

    bool is_kept = (r->seen & OPT_KEEPTTL) != 0;
    if (UNLIKELY(!cmd_str_try_store(&kv, r->value, is_kept ? cmd_expire_ms(&kv) : r->expire_ms))) {
        resp_undo(x->out, mark);
        cmd_reply_no_memory(x);
        return;
    }
    if (is_kept)
        cmd_effect_set_keepttl(&kv, r->value);
    else
        cmd_effect_set(&kv, r->value, r->expire_ms);
    exec_event(&kv, EVENT_STRING, "set");
    if (r->expire_ms != ENTRY_NO_EXPIRE)
        exec_event(&kv, EVENT_GENERIC, "expire");
}

static struct set_request set_request_of(struct exec *x, int value_at) {
    return (struct set_request){.key = x->argv[1], .value = x->argv[value_at], .expire_ms = ENTRY_NO_EXPIRE};
}

/* SET key value [NX | XX | IFEQ value | IFNE value | IFDEQ digest | IFDNE digest] [GET]
 *     [EX seconds | PX milliseconds | EXAT seconds | PXAT milliseconds | KEEPTTL] */
void cmd_set(struct exec *x) {
    static const struct opt options[] = {
        OPT_ROWS_TIMES(OPT_KEEPTTL),
        {"keepttl", OPT_KEEPTTL, OPT_TIMES, false},
        {"nx", OPT_NX, OPT_XX | OPT_IF, false},
        {"xx", OPT_XX, OPT_NX | OPT_IF, false},
        {"get", OPT_GET, 0, false},
        {"ifeq", OPT_IFEQ, OPT_IF | OPT_NX | OPT_XX, true},
        {"ifne", OPT_IFNE, OPT_IF | OPT_NX | OPT_XX, true},
        {"ifdeq", OPT_IFDEQ, OPT_IF | OPT_NX | OPT_XX, true},
        {"ifdne", OPT_IFDNE, OPT_IF | OPT_NX | OPT_XX, true},
    };
    struct set_request r = set_request_of(x, 2);
    if (x->argc > 3) {
        struct opts opts;
        if (!opts_parse_or_reply(x, 3, options, COUNT_OF(options), &opts) ||
            !opts_expire(x, &opts, &r.expire_ms))
            return;
        r.seen = opts.seen;
        r.reply = opts.seen & OPT_GET ? SET_REPLY_OLD : SET_REPLY_OK;
        if (opts.seen & OPT_IF)
            r.operand = opts_value(x, &opts, opts.seen & OPT_IF);
    }
    set_key(x, &r);
}

/* SETNX key value */
void cmd_setnx(struct exec *x) {
    struct set_request r = set_request_of(x, 2);
    r.seen = OPT_NX;
    r.reply = SET_REPLY_INT;
    set_key(x, &r);
}

/* SETEX key seconds value */
void cmd_setex(struct exec *x) {
    struct set_request r = set_request_of(x, 3);
    if (opts_expire_at(x, 2, OPT_EX, &r.expire_ms))
        set_key(x, &r);
}

/* PSETEX key milliseconds value */
void cmd_psetex(struct exec *x) {
    struct set_request r = set_request_of(x, 3);
    if (opts_expire_at(x, 2, OPT_PX, &r.expire_ms))
        set_key(x, &r);
}

/* GETSET key value */
void cmd_getset(struct exec *x) {
    struct set_request r = set_request_of(x, 2);
    r.reply = SET_REPLY_OLD;
    set_key(x, &r);
}

/* ---- getting ---- */

/* GET key */
void cmd_get(struct exec *x) {
    struct key_view kv;
    if (!key_open_read(x, x->argv[1], &kv))
        resp_null(x->out);
    else if (key_check_type(&kv, VALUE_STRING))
        cmd_reply_str(x, kv.entry);
}

/* GETDEL key */
void cmd_getdel(struct exec *x) {
    struct key_view kv;
    if (!cmd_open_counted(x, x->argv[1], &kv)) {
        resp_null(x->out);
        return;
    }
    if (!key_check_type(&kv, VALUE_STRING))
        return;
    cmd_reply_str(x, kv.entry);
    cmd_delete(&kv);
}

/* GETEX key [EX seconds | PX milliseconds | EXAT seconds | PXAT milliseconds | PERSIST] */
void cmd_getex(struct exec *x) {
    static const struct opt options[] = {
        OPT_ROWS_TIMES(OPT_PERSIST),
        {"persist", OPT_PERSIST, OPT_TIMES, false},
    };
    struct opts opts;
    struct key_view kv;
    int64_t expire_ms;
    if (!opts_parse_or_reply(x, 2, options, COUNT_OF(options), &opts))
        return;
    if (!cmd_open_counted(x, x->argv[1], &kv)) {
        resp_null(x->out);
        return;
    }
    if (!key_check_type(&kv, VALUE_STRING) || !opts_expire(x, &opts, &expire_ms))
        return;
    cmd_reply_str(x, kv.entry);
    if (expire_ms != ENTRY_NO_EXPIRE && expire_ms <= x->engine->now_ms && !x->engine->is_replaying) {
        cmd_delete(&kv);
    } else if (expire_ms != ENTRY_NO_EXPIRE) {
        cmd_set_expire(&kv, expire_ms);
        cmd_effect_expire(&kv, expire_ms);
        exec_event(&kv, EVENT_GENERIC, "expire");
    } else if ((opts.seen & OPT_PERSIST) && entry_has_expire(kv.entry)) {
        cmd_set_expire(&kv, ENTRY_NO_EXPIRE);
        cmd_effect_persist(&kv);
        exec_event(&kv, EVENT_GENERIC, "persist");
    }
}

/* DIGEST key */
void cmd_digest(struct exec *x) {
    struct key_view kv;
    if (!key_open_read(x, x->argv[1], &kv)) {
        resp_null(x->out);
    } else if (key_check_type(&kv, VALUE_STRING)) {
        char text[DIGEST_HEX_BYTES];
        digest_text(kv.entry, text);
        resp_bulk(x->out, bytes_of(text, sizeof(text)));
    }
}

/* DELEX key [IFEQ value | IFNE value | IFDEQ digest | IFDNE digest] */
void cmd_delex(struct exec *x) {
    static const struct opt options[] = {
        {"ifeq", OPT_IFEQ, 0, true},
        {"ifne", OPT_IFNE, 0, true},
        {"ifdeq", OPT_IFDEQ, 0, true},
        {"ifdne", OPT_IFDNE, 0, true},
    };
    struct opts opts = {0};
    struct key_view kv;
    bool is_met = true;
    if (x->argc != 2 && x->argc != 4) {
        cmd_reply_arity(x);
        return;
    }
    bool is_there = key_open_write(x, x->argv[1], &kv);
    if (x->argc == 4 && !opts_parse(x, 2, options, COUNT_OF(options), &opts)) {
        resp_error(x->out, BYTES_LIT("ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE"));
        return;
    }
    if (is_there && x->argc == 4) {
        if (entry_type(kv.entry) != VALUE_STRING) {
            resp_error(x->out, BYTES_LIT("ERR Key should be of string type if conditions are specified"));
            return;
        }
        if (!meets_condition(&kv, opts.seen, x->argv[3], &is_met))
            return;
    }
    resp_int(x->out, is_there && is_met ? 1 : 0);
    if (is_there && is_met)
        cmd_delete(&kv);
}

/* DELIFEQ key value */
void cmd_delifeq(struct exec *x) {
    struct key_view kv;
    char scratch[NUM_INT_TEXT_MAX];
    bool is_there = key_open_write(x, x->argv[1], &kv);
    if (!key_check_type(&kv, VALUE_STRING))
        return;
    bool is_met = is_there && bytes_equal(str_view(kv.entry, scratch), x->argv[2]);
    resp_int(x->out, is_met ? 1 : 0);
    if (is_met)
        cmd_delete(&kv);
}
