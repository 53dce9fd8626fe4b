/* cmd.c: the handlers' common parts.
 *
 * Effects are written here in the form the log prefers: whatever a client said about time has become an absolute unix
 * time in milliseconds, and conditions are gone, because they were met. */
#include "core/cmd/cmd.h"

#include "core/cmd/cmd_stream.h"

#include "core/rdb/rdb_dump.h"

#include <limits.h>
#include <math.h>

bool cmd_arg_int_or(struct exec *x, int i, int64_t *value_out, enum reply_err err) {
    if (LIKELY(num_parse_int(x->argv[i], value_out)))
        return true;
    *value_out = 0;
    resp_err(x->out, err);
    return false;
}

bool cmd_arg_int(struct exec *x, int i, int64_t *value_out) {
    return cmd_arg_int_or(x, i, value_out, REPLY_ERR_NOT_INT);
}

bool cmd_db_exists(struct exec *x, int64_t db) {
    if (db >= 0 && db < x->engine->db_count)
        return true;
    resp_err(x->out, REPLY_ERR_DB_INDEX);
    return false;
}

bool cmd_arg_db(struct exec *x, int i, int *db_out) {
    int64_t value;
    *db_out = 0;
    if (!cmd_arg_int(x, i, &value))
        return false;
    if (value < INT_MIN || value > INT_MAX) {
        resp_errorf(x->out, "ERR value is out of range, value must between %d and %d", INT_MIN, INT_MAX);
        return false;
    }
    *db_out = (int)value;
    return cmd_db_exists(x, value);
}

bool cmd_arg_deadline(struct exec *x, int i, int64_t *deadline_ms_out) {
    long double seconds;
    *deadline_ms_out = x->block_deadline_ms;
    if (!num_parse_longdouble(x->argv[i], &seconds)) {
        resp_err(x->out, REPLY_ERR_TIMEOUT_FLOAT);
        return false;
    }
    long double ms = ceill(seconds * 1000);
    if (ms < 0) {
        resp_err(x->out, REPLY_ERR_TIMEOUT_NEGATIVE);
        return false;
    }
    if (ms > (long double)(INT64_MAX - x->engine->now_ms)) {
        resp_err(x->out, REPLY_ERR_TIMEOUT_RANGE);
        return false;
    }
    if (!x->is_block_retry)
        *deadline_ms_out = ms > 0 ? x->engine->now_ms + (int64_t)ms : 0;
    return true;
}

void cmd_reply_str(struct exec *x, const struct entry *e) {
    char scratch[NUM_INT_TEXT_MAX];
    resp_bulk(x->out, str_view(e, scratch));
}

void cmd_reply_arity(struct exec *x) {
    resp_errorf(x->out, "ERR wrong number of arguments for '%s' command", x->command->fullname);
}

void cmd_reply_no_memory(struct exec *x) {
    resp_err(x->out, REPLY_ERR_OOM);
}

void cmd_reply_help(struct exec *x, const char *name, const char *const *lines, size_t count) {
    resp_array(x->out, count + 3);
    struct buf title;
    buf_init(&title);
    buf_printf(&title, "%s <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", name);
    resp_simple(x->out, buf_bytes(&title));
    buf_deinit(&title);
    for (size_t i = 0; i < count; i++)
        resp_simple(x->out, bytes_cstr(lines[i]));
    RESP_SIMPLE_LIT(x->out, "HELP");
    RESP_SIMPLE_LIT(x->out, "    Prints this help.");
}

void cmd_container(struct exec *x) {
    if (x->argc < 2) {
        cmd_reply_arity(x);
        return;
    }
    char name[32];
    size_t len = 0;
    for (const char *p = x->command->name; *p != '\0' && len < sizeof(name) - 1; p++)
        name[len++] = (char)(*p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p);
    name[len] = '\0';
    int shown = x->argv[1].len > 128 ? 128 : (int)x->argv[1].len;
    resp_errorf(x->out, "ERR unknown subcommand '%.*s'. Try %s HELP.", shown, x->argv[1].ptr, name);
}

/* ---- keys ---- */

bool cmd_open_counted(struct exec *x, struct bytes key, struct key_view *kv_out) {
    if (key_open_write(x, key, kv_out)) {
        x->engine->stats.hits++;
        return true;
    }
    x->engine->stats.misses++;
    exec_event(kv_out, EVENT_KEY_MISS, "keymiss");
    return false;
}

bool cmd_open_untouched(struct exec *x, struct bytes key, struct key_view *kv_out) {
    bool was_no_touch = x->is_no_touch;
    x->is_no_touch = true;
    bool is_there = key_open_read(x, key, kv_out);
    x->is_no_touch = was_no_touch;
    return is_there;
}

bool cmd_str_try_store(struct key_view *kv, struct bytes value, int64_t expire_ms) {
    struct entry *e;
    if (kv->entry != NULL && entry_type(kv->entry) == VALUE_STRING) {
        e = str_replace(kv->entry, value);
        if (UNLIKELY(e == NULL))
            return false;
        if (UNLIKELY(entry_expire_ms(e) != expire_ms))
            e = entry_set_expire(e, expire_ms);
        key_swap(kv, e);
    } else {
        e = entry_new_str(kv->key, value, expire_ms);
        if (UNLIKELY(e == NULL))
            return false;
        key_put(kv, e);
    }
    return true;
}

bool cmd_str_store(struct key_view *kv, struct bytes value, int64_t expire_ms) {
    if (LIKELY(cmd_str_try_store(kv, value, expire_ms)))
        return true;
    cmd_reply_no_memory(kv->x);
    return false;
}

bool cmd_str_swap(struct key_view *kv, struct entry *now) {
    if (UNLIKELY(now == NULL)) {
        cmd_reply_no_memory(kv->x);
        return false;
    }
    key_swap(kv, now);
    return true;
}

bool cmd_str_fits(struct exec *x, uint64_t offset, uint64_t len) {
    uint64_t max = x->engine->config->proto_max_bulk_len;
    if (LIKELY(offset <= max && len <= max - offset))
        return true;
    resp_err(x->out, REPLY_ERR_STR_TOO_BIG);
    return false;
}

void cmd_set_expire(struct key_view *kv, int64_t expire_ms) {
    key_swap(kv, entry_set_expire(kv->entry, expire_ms));
}

void cmd_delete(struct key_view *kv) {
    key_delete(kv);
    effect_put_del(kv);
    exec_event(kv, EVENT_GENERIC, "del");
}

/* ---- effects ---- */

void cmd_effect_set(struct key_view *kv, struct bytes value, int64_t expire_ms) {
    char text[NUM_INT_TEXT_MAX];
    struct bytes argv[5] = {BYTES_LIT("SET"), kv->key, value, BYTES_LIT("PXAT"), BYTES_NONE};
    if (expire_ms == ENTRY_NO_EXPIRE) {
        effect_put(kv, 3, argv);
        return;
    }
    argv[4] = bytes_of(text, num_from_int(text, expire_ms));
    effect_put(kv, 5, argv);
}

void cmd_effect_set_keepttl(struct key_view *kv, struct bytes value) {
    struct bytes argv[4] = {BYTES_LIT("SET"), kv->key, value, BYTES_LIT("KEEPTTL")};
    effect_put(kv, 4, argv);
}

void cmd_effect_expire(struct key_view *kv, int64_t expire_ms) {
    char text[NUM_INT_TEXT_MAX];
    struct bytes argv[3] = {BYTES_LIT("PEXPIREAT"), kv->key, BYTES_NONE};
    argv[2] = bytes_of(text, num_from_int(text, expire_ms));
    effect_put(kv, 3, argv);
}

void cmd_effect_persist(struct key_view *kv) {
    struct bytes argv[2] = {BYTES_LIT("PERSIST"), kv->key};
    effect_put(kv, 2, argv);
}

void cmd_effect_whole(struct key_view *kv) {
    must(kv->entry != NULL);
    int64_t expire_ms = entry_expire_ms(kv->entry);
    if (entry_type(kv->entry) == VALUE_STRING) {
        char scratch[NUM_INT_TEXT_MAX];
        cmd_effect_set(kv, str_view(kv->entry, scratch), expire_ms);
        return;
    }
    if (!kv->x->engine->effects_on) { /* only counted: no dump for nothing */
        effect_put(kv, 0, NULL);
        return;
    }
    struct buf dump;
    char time[NUM_INT_TEXT_MAX];
    buf_init(&dump);
    rdb_dump(kv->entry, RDB_FOR_US, true, &dump);
    struct bytes argv[6] = {BYTES_LIT("RESTORE"),
                            kv->key,
                            bytes_of(time, num_from_int(time, expire_ms == ENTRY_NO_EXPIRE ? 0 : expire_ms)),
                            buf_bytes(&dump),
                            BYTES_LIT("ABSTTL"),
                            BYTES_LIT("REPLACE")};
    effect_put(kv, 6, argv);
    buf_deinit(&dump);
    if (entry_type(kv->entry) == VALUE_STREAM)
        cmd_stream_effect_idmp(kv); /* payloads have no room for it */
}
