/* cmd_hash.c: hashes field by field: HSET and its relatives, HGET, HMGET, HDEL, HLEN, HSTRLEN, HEXISTS, and numbers.
 *
 * Effects are the commands themselves, except where a clock or arithmetic has a say: HINCRBYFLOAT is logged as the field it
 * makes, with the time it has. A field that has expired but is still there is taken away, with an HDEL of its own, before
 * a number is added to it; a replay, whose clock is another, then starts from the same nothing. */
#include "core/cmd/cmd_hash.h"

#include "core/base/mem.h"

#include <math.h>

enum { CMD_HASH_EFFECT_WORDS = 2 /* name and key */ };

struct hash_limits cmd_hash_limits(const struct key_view *kv) {
    const struct config *config = kv->x->engine->config;
    return (struct hash_limits){
        .fields_max = (size_t)config->hash_max_listpack_entries,
        .string_bytes_max = (size_t)config->hash_max_listpack_value,
        .seed = kv->hash, /* secret as the seed that it was made with is, and another one for every key */
    };
}

/* ---- shared: fields that have expired, effects ---- */

bool cmd_hash_find_one(struct key_view *kv, struct bytes field, enum cmd_hash_access access,
                       size_t *expired_out, struct hash_item *item_out) {
    if (kv->entry == NULL || !hash_find(kv->entry, field, item_out))
        return false;
    if (LIKELY(!field_expiry_is_past(kv->x->engine, item_out->expire_ms)))
        return true;
    if (access == CMD_HASH_READ) {
        if (!field_expiry_reader_may_delete(kv))
            return false;
        key_edit(kv);
    }
    field_expiry_remove(kv, field);
    ++*expired_out;
    return false;
}

bool cmd_hash_find(struct key_view *kv, struct bytes field, enum cmd_hash_access access,
                   struct hash_item *item_out) {
    size_t expired = 0;
    bool is_there = cmd_hash_find_one(kv, field, access, &expired, item_out);
    if (UNLIKELY(expired > 0))
        cmd_hash_settle(kv, true, NULL);
    return is_there;
}

void cmd_hash_settle(struct key_view *kv, bool has_expired, const char *event) {
    if (kv->entry != NULL)
        key_swap(kv, kv->entry);
    if (has_expired)
        exec_event(kv, EVENT_HASH, "hexpired");
    if (event != NULL)
        exec_event(kv, EVENT_HASH, event);
    if (kv->entry == NULL || hash_count(kv->entry) > 0)
        return;
    key_delete(kv);
    exec_event(kv, EVENT_GENERIC, "del");
}

void cmd_hash_effect_begin(struct cmd_hash_effect *effect, struct key_view *kv, const char *name,
                           size_t count) {
    effect->argv = mem_alloc((CMD_HASH_EFFECT_WORDS + count) * sizeof *effect->argv);
    effect->argc = 0;
    cmd_hash_effect_add(effect, bytes_cstr(name));
    cmd_hash_effect_add(effect, kv->key);
}

void cmd_hash_effect_end(struct cmd_hash_effect *effect, struct key_view *kv, bool is_wanted) {
    if (is_wanted)
        effect_put(kv, effect->argc, effect->argv);
    mem_free(effect->argv);
}

/* ---- setting ---- */

size_t cmd_hash_put_pairs(struct key_view *kv, const struct cmd_hash_pairs *pairs, int64_t expire_ms,
                          size_t *added_out) {
    struct hash_limits limits = cmd_hash_limits(kv);
    struct entry *e = kv->entry != NULL ? kv->entry : hash_new_entry(kv->key);
    size_t done = 0;
    *added_out = 0;
    hash_expect(e, &limits, pairs->count);
    for (; done < pairs->count; done++) {
        const struct bytes *pair = &kv->x->argv[pairs->first + 2 * (int)done];
        enum hash_result result = hash_put(e, &limits, pair[0], pair[1], expire_ms);
        if (UNLIKELY(result == HASH_NO_MEMORY))
            break;
        *added_out += result == HASH_ADDED;
    }
    if (kv->entry != NULL)
        key_swap(kv, e);
    else if (LIKELY(done > 0))
        key_put(kv, e);
    else
        entry_free(e);
    return done;
}

/* HSET and HMSET. What was set before memory ended stays, and is logged. */
static void set_pairs(struct exec *x, bool is_count_replied) {
    struct key_view kv;
    size_t added;
    if (x->argc % 2 != 0) {
        cmd_reply_arity(x);
        return;
    }
    (void)key_open_write(x, x->argv[1], &kv);
    if (!key_check_type(&kv, VALUE_HASH))
        return;
    struct cmd_hash_pairs pairs = {2, (size_t)(x->argc - 2) / 2};
    size_t done = cmd_hash_put_pairs(&kv, &pairs, HASH_NO_EXPIRE, &added);
    if (UNLIKELY(done < pairs.count))
        cmd_reply_no_memory(x);
    else if (is_count_replied)
        resp_int(x->out, (int64_t)added);
    else
        resp_ok(x->out);
    if (UNLIKELY(done == 0))
        return;
    effect_put(&kv, 2 + 2 * (int)done, x->argv);
    exec_event(&kv, EVENT_HASH, "hset");
}

/* HSET key field value [field value ...] */
void cmd_hset(struct exec *x) {
    set_pairs(x, true);
}

/* HMSET key field value [field value ...] */
void cmd_hmset(struct exec *x) {
    set_pairs(x, false);
}

/* Sets one field of an open hash, which is made when there is none. False: no memory, the error was replied. */
static bool put_one(struct key_view *kv, struct bytes field, struct bytes value, int64_t expire_ms) {
    struct hash_limits limits = cmd_hash_limits(kv);
    struct entry *e = kv->entry != NULL ? kv->entry : hash_new_entry(kv->key);
    bool is_put = hash_put(e, &limits, field, value, expire_ms) != HASH_NO_MEMORY;
    if (kv->entry != NULL)
        key_swap(kv, e);
    else if (LIKELY(is_put))
        key_put(kv, e);
    else
        entry_free(e);
    if (UNLIKELY(!is_put))
        cmd_reply_no_memory(kv->x);
    return is_put;
}

/* HSETNX key field value */
void cmd_hsetnx(struct exec *x) {
    struct key_view kv;
    struct hash_item item;
    (void)key_open_write(x, x->argv[1], &kv);
    if (!key_check_type(&kv, VALUE_HASH))
        return;
    if (cmd_hash_find(&kv, x->argv[2], CMD_HASH_WRITE, &item)) {
        resp_int(x->out, 0);
        return;
    }
    if (!put_one(&kv, x->argv[2], x->argv[3], HASH_NO_EXPIRE))
        return;
    resp_int(x->out, 1);
    effect_put_same(&kv);
    exec_event(&kv, EVENT_HASH, "hset");
}

/* ---- numbers ---- */

/* HINCRBY key field increment */
void cmd_hincrby(struct exec *x) {
    struct key_view kv;
    struct hash_item item;
    int64_t by;
    int64_t value = 0;
    if (!cmd_arg_int(x, 3, &by))
        return;
    (void)key_open_write(x, x->argv[1], &kv);
    if (!key_check_type(&kv, VALUE_HASH))
        return;
    if (cmd_hash_find(&kv, x->argv[2], CMD_HASH_WRITE, &item) && !num_parse_int(item.value, &value)) {
        resp_err(x->out, REPLY_ERR_HASH_NOT_INT);
        return;
    }
    if (!num_add(value, by, &value)) {
        resp_err(x->out, REPLY_ERR_INCR_OVERFLOW);
        return;
    }
    char text[NUM_INT_TEXT_MAX];
    if (!put_one(&kv, x->argv[2], bytes_of(text, num_from_int(text, value)), HASH_KEEP_EXPIRE))
        return;
    resp_int(x->out, value);
    effect_put_same(&kv);
    exec_event(&kv, EVENT_HASH, "hincrby");
}

/* The field as it is now: HSET key field value, or HSETEX with its time. */
static void effect_field(struct key_view *kv, struct bytes field, struct bytes value, int64_t expire_ms) {
    char text[NUM_INT_TEXT_MAX];
    if (expire_ms == HASH_NO_EXPIRE) {
        struct bytes argv[4] = {BYTES_LIT("HSET"), kv->key, field, value};
        effect_put(kv, 4, argv);
        return;
    }
    struct bytes argv[8] = {BYTES_LIT("HSETEX"),
                            kv->key,
                            BYTES_LIT("PXAT"),
                            BYTES_NONE,
                            BYTES_LIT("FIELDS"),
                            BYTES_LIT("1"),
                            field,
                            value};
    argv[3] = bytes_of(text, num_from_int(text, expire_ms));
    effect_put(kv, 8, argv);
}

/* HINCRBYFLOAT key field increment */
void cmd_hincrbyfloat(struct exec *x) {
    struct key_view kv;
    struct hash_item item;
    long double by;
    long double value = 0;
    if (!num_parse_longdouble(x->argv[3], &by)) {
        resp_err(x->out, REPLY_ERR_NOT_FLOAT);
        return;
    }
    if (!isfinite(by)) {
        resp_err(x->out, REPLY_ERR_NAN_OR_INF);
        return;
    }
    (void)key_open_write(x, x->argv[1], &kv);
    if (!key_check_type(&kv, VALUE_HASH))
        return;
    bool is_there = cmd_hash_find(&kv, x->argv[2], CMD_HASH_WRITE, &item);
    if (is_there && !num_parse_longdouble(item.value, &value)) {
        resp_err(x->out, REPLY_ERR_HASH_NOT_FLOAT);
        return;
    }
    int64_t expire_ms = is_there ? item.expire_ms : HASH_NO_EXPIRE;
    value += by;
    if (!isfinite(value)) {
        resp_err(x->out, REPLY_ERR_INCR_NAN);
        return;
    }
    char text[NUM_DOUBLE_TEXT_MAX];
    struct bytes result = bytes_of(text, num_from_longdouble(text, value));
    if (!put_one(&kv, x->argv[2], result, HASH_KEEP_EXPIRE))
        return;
    resp_bulk(x->out, result);
    effect_field(&kv, x->argv[2], result, expire_ms);
    exec_event(&kv, EVENT_HASH, "hincrbyfloat");
}

/* ---- looking ---- */

/* HGET key field */
void cmd_hget(struct exec *x) {
    struct key_view kv;
    struct hash_item item;
    (void)key_open_read(x, x->argv[1], &kv);
    if (!key_check_type(&kv, VALUE_HASH))
        return;
    if (cmd_hash_find(&kv, x->argv[2], CMD_HASH_READ, &item))
        resp_bulk(x->out, item.value);
    else
        resp_null(x->out);
}

/* HMGET key field [field ...] */
void cmd_hmget(struct exec *x) {
    struct key_view kv;
    struct hash_item item;
    size_t expired = 0;
    (void)key_open_read(x, x->argv[1], &kv);
    if (!key_check_type(&kv, VALUE_HASH))
        return;
    resp_array(x->out, (size_t)x->argc - 2);
    for (int i = 2; i < x->argc; i++) {
        if (cmd_hash_find_one(&kv, x->argv[i], CMD_HASH_READ, &expired, &item))
            resp_bulk(x->out, item.value);
        else
            resp_null(x->out);
    }
    if (UNLIKELY(expired > 0))
        cmd_hash_settle(&kv, true, NULL);
}

/* HSTRLEN key field */
void cmd_hstrlen(struct exec *x) {
    struct key_view kv;
    struct hash_item item;
    (void)key_open_read(x, x->argv[1], &kv);
    if (key_check_type(&kv, VALUE_HASH))
        resp_int(x->out, cmd_hash_find(&kv, x->argv[2], CMD_HASH_READ, &item) ? (int64_t)item.value.len : 0);
}

/* HEXISTS key field */
void cmd_hexists(struct exec *x) {
    struct key_view kv;
    struct hash_item item;
    (void)key_open_read(x, x->argv[1], &kv);
    if (key_check_type(&kv, VALUE_HASH))
        resp_int(x->out, cmd_hash_find(&kv, x->argv[2], CMD_HASH_READ, &item) ? 1 : 0);
}

/* HLEN key: fields that have expired and are still there count, as in Redis. */
void cmd_hlen(struct exec *x) {
    struct key_view kv;
    bool is_there = key_open_read(x, x->argv[1], &kv);
    if (key_check_type(&kv, VALUE_HASH))
        resp_int(x->out, is_there ? (int64_t)hash_count(kv.entry) : 0);
}

/* ---- deleting ---- */

/* HDEL key field [field ...]: a field that has expired and is still there counts, as in Redis. */
void cmd_hdel(struct exec *x) {
    struct key_view kv;
    int64_t removed = 0;
    bool is_there = key_open_write(x, x->argv[1], &kv);
    if (!key_check_type(&kv, VALUE_HASH))
        return;
    for (int i = 2; is_there && i < x->argc; i++)
        removed += hash_remove(kv.entry, x->argv[i]);
    resp_int(x->out, removed);
    if (removed == 0)
        return;
    effect_put_same(&kv);
    cmd_hash_settle(&kv, false, "hdel");
}
