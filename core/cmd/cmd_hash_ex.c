/* cmd_hash_ex.c: fields and their times in one command: HGETEX, HSETEX, HGETDEL.
 *
 * HSETEX is logged as what it did: HSET where the fields have no time, HSETEX with an absolute one where they have. With a
 * time that has passed it sets nothing: the fields are deleted, as if they had been set and had expired at once. */
#include "core/cmd/cmd_hash_ttl.h"

#include <limits.h>

enum { HASH_EXPIRE_WORDS = OPT_TIMES | OPT_KEEPTTL | OPT_PERSIST };

/* The expiry option that a word is, or 0. */
static uint32_t expiry_word(struct bytes word) {
    static const struct {
        const char *word;
        uint32_t bit;
    } words[] = {{"ex", OPT_EX},     {"px", OPT_PX},           {"exat", OPT_EXAT},
                 {"pxat", OPT_PXAT}, {"keepttl", OPT_KEEPTTL}, {"persist", OPT_PERSIST}};
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (bytes_is_word(word, words[i].word))
            return words[i].bit;
    return 0;
}

/* ---- HGETEX, HGETDEL ---- */

/* Answers the field as it is; false: there is none. */
static bool reply_field(struct key_view *kv, struct bytes field, size_t *expired) {
    struct hash_item item;
    bool is_there = cmd_hash_find_one(kv, field, CMD_HASH_WRITE, expired, &item);
    if (is_there)
        resp_bulk(kv->x->out, item.value);
    else
        resp_null(kv->x->out);
    return is_there;
}

/* HGETEX key [EX seconds | PX milliseconds | EXAT seconds | PXAT milliseconds | PERSIST] FIELDS numfields field [field ...] */
void cmd_hgetex(struct exec *x) {
    struct key_view kv;
    struct cmd_hash_fields fields;
    struct cmd_hash_timing timing;
    int64_t expire_ms = HASH_NO_EXPIRE;
    size_t expired = 0;
    (void)key_open_write(x, x->argv[1], &kv);
    if (!key_check_type(&kv, VALUE_HASH))
        return;
    uint32_t option = expiry_word(x->argv[2]) & (OPT_TIMES | OPT_PERSIST);
    if ((option & OPT_TIMES) && !cmd_hash_expire_at(x, 3, option, &expire_ms))
        return;
    if (!cmd_hash_fields(x, option == 0 ? 2 : option == OPT_PERSIST ? 3 : 4, CMD_HASH_COUNT_ERROR, &fields))
        return;
    bool is_timing = option != 0 && kv.entry != NULL;
    resp_array(x->out, fields.count);
    if (is_timing)
        cmd_hash_timing_begin(&timing, &kv, expire_ms, 0, fields.count);
    for (size_t i = 0; i < fields.count; i++) {
        struct bytes field = x->argv[fields.first + (int)i];
        if (reply_field(&kv, field, is_timing ? &timing.expired : &expired) && is_timing)
            (void)cmd_hash_timing_put(&timing, field);
    }
    if (is_timing)
        cmd_hash_timing_end(&timing);
    else if (expired > 0)
        cmd_hash_settle(&kv, true, NULL);
}

/* HGETDEL key FIELDS numfields field [field ...] */
void cmd_hgetdel(struct exec *x) {
    struct key_view kv;
    struct cmd_hash_fields fields;
    struct cmd_hash_effect effect;
    size_t expired = 0;
    size_t removed = 0;
    (void)key_open_write(x, x->argv[1], &kv);
    if (!key_check_type(&kv, VALUE_HASH) || !cmd_hash_fields(x, 2, CMD_HASH_COUNT_ERROR, &fields))
        return;
    resp_array(x->out, fields.count);
    cmd_hash_effect_begin(&effect, &kv, "HDEL", fields.count);
    for (size_t i = 0; i < fields.count; i++) {
        struct bytes field = x->argv[fields.first + (int)i];
        if (!reply_field(&kv, field, &expired))
            continue;
        (void)hash_remove(kv.entry, field);
        cmd_hash_effect_add(&effect, field);
        removed++;
    }
    cmd_hash_effect_end(&effect, &kv, removed > 0);
    if (removed + expired > 0)
        cmd_hash_settle(&kv, expired > 0, removed > 0 ? "hdel" : NULL);
}

/* ---- HSETEX ---- */

enum {
    HSETEX_FNX = OPT_OWN,
    HSETEX_FXX = OPT_OWN << 1,
    HSETEX_CONDITIONS = HSETEX_FNX | HSETEX_FXX,
};

struct hsetex_request {
    uint32_t seen;
    int64_t expire_ms; /* or HASH_NO_EXPIRE, HASH_KEEP_EXPIRE */
    struct cmd_hash_pairs pairs;
};

/* Reads "FIELDS numfields field value ..." at argv[i], the last of the arguments. */
static bool hsetex_pairs(struct exec *x, int i, struct hsetex_request *r) {
    int64_t count;
    if (i + 1 >= x->argc) {
        cmd_reply_arity(x);
        return false;
    }
    if (!num_parse_int(x->argv[i + 1], &count) || count < 1 || count > INT_MAX) {
        resp_error(x->out, BYTES_LIT("ERR invalid number of fields"));
        return false;
    }
    if (2 * count != x->argc - i - 2) {
        cmd_reply_arity(x);
        return false;
    }
    r->pairs = (struct cmd_hash_pairs){i + 2, (size_t)count};
    return true;
}

/* Reads the option at argv[*i] and leaves *i at its last word. */
static bool hsetex_option(struct exec *x, int *i, struct hsetex_request *r) {
    struct bytes word = x->argv[*i];
    bool is_fnx = bytes_is_word(word, "fnx");
    uint32_t expiry = expiry_word(word) & (OPT_TIMES | OPT_KEEPTTL);
    if (is_fnx || bytes_is_word(word, "fxx")) {
        if (r->seen & HSETEX_CONDITIONS) {
            resp_error(x->out, BYTES_LIT("ERR Only one of FXX or FNX arguments can be specified"));
            return false;
        }
        r->seen |= is_fnx ? HSETEX_FNX : HSETEX_FXX;
        return true;
    }
    if (expiry == 0) {
        int shown = word.len > 128 ? 128 : (int)word.len;
        resp_errorf(x->out, "ERR unknown argument: %.*s", shown, word.ptr);
        return false;
    }
    if (r->seen & HASH_EXPIRE_WORDS) {
        resp_error(x->out,
                   BYTES_LIT("ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified"));
        return false;
    }
    r->seen |= expiry;
    if (expiry == OPT_KEEPTTL) {
        r->expire_ms = HASH_KEEP_EXPIRE;
        return true;
    }
    if (++*i >= x->argc) {
        cmd_reply_arity(x);
        return false;
    }
    return cmd_hash_expire_at(x, *i, expiry, &r->expire_ms);
}

static bool hsetex_parse(struct exec *x, struct hsetex_request *r) {
    *r = (struct hsetex_request){.expire_ms = HASH_NO_EXPIRE};
    for (int i = 2; i < x->argc; i++) {
        if (bytes_is_word(x->argv[i], "fields"))
            return hsetex_pairs(x, i, r);
        if (!hsetex_option(x, &i, r))
            return false;
    }
    cmd_reply_arity(x);
    return false;
}

/* Looks at all fields where their presence matters, and takes away those that have expired. True if the condition is met. */
static bool hsetex_look(struct key_view *kv, const struct hsetex_request *r, size_t *expired) {
    bool is_met = true;
    if ((r->seen & (HSETEX_CONDITIONS | OPT_KEEPTTL)) == 0)
        return true;
    for (size_t i = 0; i < r->pairs.count; i++) {
        struct hash_item item;
        struct bytes field = kv->x->argv[r->pairs.first + 2 * (int)i];
        bool is_there = cmd_hash_find_one(kv, field, CMD_HASH_WRITE, expired, &item);
        if ((r->seen & HSETEX_FNX && is_there) || (r->seen & HSETEX_FXX && !is_there))
            is_met = false;
    }
    return is_met;
}

/* HSET key field value ..., or HSETEX key PXAT ms|KEEPTTL FIELDS count field value ... */
static void hsetex_effect(struct key_view *kv, const struct hsetex_request *r, size_t pairs) {
    char time[NUM_INT_TEXT_MAX];
    char count[NUM_INT_TEXT_MAX];
    struct cmd_hash_effect effect;
    cmd_hash_effect_begin(&effect, kv, r->expire_ms == HASH_NO_EXPIRE ? "HSET" : "HSETEX", 4 + 2 * pairs);
    if (r->expire_ms == HASH_KEEP_EXPIRE) {
        cmd_hash_effect_add(&effect, BYTES_LIT("KEEPTTL"));
    } else if (r->expire_ms != HASH_NO_EXPIRE) {
        cmd_hash_effect_add(&effect, BYTES_LIT("PXAT"));
        cmd_hash_effect_add(&effect, bytes_of(time, num_from_int(time, r->expire_ms)));
    }
    if (r->expire_ms != HASH_NO_EXPIRE) {
        cmd_hash_effect_add(&effect, BYTES_LIT("FIELDS"));
        cmd_hash_effect_add(&effect, bytes_of(count, num_from_uint(count, pairs)));
    }
    for (size_t i = 0; i < 2 * pairs; i++)
        cmd_hash_effect_add(&effect, kv->x->argv[r->pairs.first + (int)i]);
    cmd_hash_effect_end(&effect, kv, true);
}

/* The time has passed: what would be set is deleted. */
static void hsetex_delete(struct key_view *kv, const struct hsetex_request *r) {
    struct cmd_hash_effect effect;
    size_t removed = 0;
    cmd_hash_effect_begin(&effect, kv, "HDEL", r->pairs.count);
    if (kv->entry != NULL)
        hash_make_timed(kv->entry); /* as a time that has not passed would */
    for (size_t i = 0; i < r->pairs.count && kv->entry != NULL; i++) {
        struct bytes field = kv->x->argv[r->pairs.first + 2 * (int)i];
        if (!hash_remove(kv->entry, field))
            continue;
        cmd_hash_effect_add(&effect, field);
        removed++;
    }
    cmd_hash_effect_end(&effect, kv, removed > 0);
    kv->x->engine->stats.expired_fields += r->pairs.count;
    resp_int(kv->x->out, 1);
    bool was_there = kv->entry != NULL;
    exec_event(kv, EVENT_HASH, "hset");
    cmd_hash_settle(kv, false, "hdel");
    if (!was_there)
        exec_event(kv, EVENT_GENERIC, "del");
}

/* HSETEX key [FNX | FXX] [EX seconds | PX milliseconds | EXAT seconds | PXAT milliseconds | KEEPTTL]
 *     FIELDS numfields field value [field value ...] */
void cmd_hsetex(struct exec *x) {
    struct key_view kv;
    struct hsetex_request r;
    size_t expired = 0;
    size_t added;
    if (!hsetex_parse(x, &r))
        return;
    (void)key_open_write(x, x->argv[1], &kv);
    if (!key_check_type(&kv, VALUE_HASH))
        return;
    if (!hsetex_look(&kv, &r, &expired)) {
        resp_int(x->out, 0);
        if (expired > 0)
            cmd_hash_settle(&kv, true, NULL);
        return;
    }
    if (expired > 0)
        exec_event(&kv, EVENT_HASH, "hexpired");
    bool is_time = (r.seen & OPT_TIMES) != 0;
    if (is_time && r.expire_ms <= x->engine->now_ms && !x->engine->is_replaying) {
        hsetex_delete(&kv, &r);
        return;
    }
    size_t done = cmd_hash_put_pairs(&kv, &r.pairs, r.expire_ms, &added);
    if (done < r.pairs.count)
        cmd_reply_no_memory(x);
    else
        resp_int(x->out, 1);
    if (done == 0) {
        cmd_hash_settle(&kv, false, NULL);
        return;
    }
    hsetex_effect(&kv, &r, done);
    exec_event(&kv, EVENT_HASH, "hset");
    if (is_time)
        exec_event(&kv, EVENT_HASH, "hexpire");
}
