/* cmd_hash_ttl.c: times to live of fields: HEXPIRE and its relatives, HTTL and its relatives, HPERSIST.
 *
 * Whatever a client says, the effect is HPEXPIREAT with unix milliseconds and the fields that got the time; conditions are
 * gone, because they were met. A time that has passed already deletes the fields, and the effect is HDEL.
 *
 * A field that has expired and is still there gets no new time: it does not exist. (Redis revives it.) */
#include "core/cmd/cmd_hash_ttl.h"

enum { EFFECT_WORDS = 3 /* time, FIELDS, the number of fields */ };

/* Latest time of a field: Redis keeps two bits of its 48 for itself. */
#define HASH_EXPIRE_MAX_MS ((INT64_C(1) << 46) - 1)

/* ---- arguments ---- */

bool cmd_hash_fields(struct exec *x, int at, const char *count_error, struct cmd_hash_fields *fields_out) {
    int64_t count;
    *fields_out = (struct cmd_hash_fields){0};
    if (at + 1 >= x->argc) {
        cmd_reply_arity(x);
        return false;
    }
    if (!bytes_is_word(x->argv[at], "fields")) {
        resp_error(x->out,
                   BYTES_LIT("ERR Mandatory argument FIELDS is missing or not at the right position"));
        return false;
    }
    if (!num_parse_int(x->argv[at + 1], &count) || count < 1) {
        resp_error(x->out, bytes_cstr(count_error));
        return false;
    }
    if (count != x->argc - at - 2) {
        resp_error(x->out, BYTES_LIT("ERR The `numfields` parameter must match the number of arguments"));
        return false;
    }
    *fields_out = (struct cmd_hash_fields){at + 2, (size_t)count};
    return true;
}

bool cmd_hash_expire_at(struct exec *x, int i, uint32_t bit, int64_t *expire_ms_out) {
    bool is_seconds = bit == OPT_EX || bit == OPT_EXAT;
    int64_t base_ms = bit == OPT_EX || bit == OPT_PX ? x->engine->now_ms : 0;
    int64_t time;
    *expire_ms_out = HASH_NO_EXPIRE;
    if (!cmd_arg_int(x, i, &time))
        return false;
    if (time < 0) {
        resp_error(x->out, BYTES_LIT("ERR invalid expire time, must be >= 0"));
        return false;
    }
    if ((is_seconds && !num_mul(time, 1000, &time)) || time > HASH_EXPIRE_MAX_MS - base_ms) {
        opts_reply_expire_error(x);
        return false;
    }
    *expire_ms_out = time + base_ms;
    return true;
}

/* ---- giving times ---- */

void cmd_hash_timing_begin(struct cmd_hash_timing *timing, struct key_view *kv, int64_t expire_ms,
                           uint32_t condition, size_t count) {
    const struct engine *engine = kv->x->engine;
    bool is_time = expire_ms != HASH_NO_EXPIRE;
    *timing = (struct cmd_hash_timing){.kv = kv, .expire_ms = expire_ms, .condition = condition};
    timing->is_past = is_time && expire_ms <= engine->now_ms && !engine->is_replaying;
    const char *name = timing->is_past ? "HDEL" : is_time ? "HPEXPIREAT" : "HPERSIST";
    cmd_hash_effect_begin(&timing->effect, kv, name, count + EFFECT_WORDS);
    if (is_time)
        hash_make_timed(kv->entry);
    if (timing->is_past)
        return;
    if (is_time)
        cmd_hash_effect_add(&timing->effect, BYTES_NONE); /* written at the end, as the number is */
    cmd_hash_effect_add(&timing->effect, BYTES_LIT("FIELDS"));
    timing->count_at = (size_t)timing->effect.argc;
    cmd_hash_effect_add(&timing->effect, BYTES_NONE);
}

static bool is_condition_met(const struct cmd_hash_timing *timing, int64_t present_ms) {
    bool has_none = present_ms == HASH_NO_EXPIRE;
    if (timing->expire_ms == HASH_NO_EXPIRE)
        return !has_none;
    switch (timing->condition) {
    case OPT_NX: return has_none;
    case OPT_XX: return !has_none;
    case OPT_GT: return !has_none && timing->expire_ms > present_ms;
    case OPT_LT: return has_none || timing->expire_ms < present_ms;
    default: return true;
    }
}

enum cmd_hash_timed cmd_hash_timing_put(struct cmd_hash_timing *timing, struct bytes field) {
    struct key_view *kv = timing->kv;
    struct hash_item item;
    if (!cmd_hash_find_one(kv, field, CMD_HASH_WRITE, &timing->expired, &item))
        return CMD_HASH_NO_FIELD;
    if (!is_condition_met(timing, item.expire_ms))
        return CMD_HASH_NOT_MET;
    if (timing->is_past) {
        (void)hash_remove(kv->entry, field);
        kv->x->engine->stats.expired_fields++;
    } else {
        (void)hash_set_expire(kv->entry, field, timing->expire_ms);
    }
    cmd_hash_effect_add(&timing->effect, field);
    timing->changed++;
    return timing->is_past ? CMD_HASH_DELETED : CMD_HASH_TIMED;
}

void cmd_hash_timing_end(struct cmd_hash_timing *timing) {
    char time[NUM_INT_TEXT_MAX];
    char count[NUM_INT_TEXT_MAX];
    bool is_time = timing->expire_ms != HASH_NO_EXPIRE;
    const char *event = timing->is_past ? "hdel" : is_time ? "hexpire" : "hpersist";
    if (!timing->is_past)
        timing->effect.argv[timing->count_at] = bytes_of(count, num_from_uint(count, timing->changed));
    if (!timing->is_past && is_time)
        timing->effect.argv[2] = bytes_of(time, num_from_int(time, timing->expire_ms));
    cmd_hash_effect_end(&timing->effect, timing->kv, timing->changed > 0);
    cmd_hash_settle(timing->kv, timing->expired > 0, timing->changed > 0 ? event : NULL);
}

/* HEXPIRE and its relatives: key time [NX | XX | GT | LT] FIELDS numfields field [field ...] */
static void expire_fields(struct exec *x, uint32_t unit) {
    static const struct {
        const char *word;
        uint32_t bit;
    } conditions[] = {{"nx", OPT_NX}, {"xx", OPT_XX}, {"gt", OPT_GT}, {"lt", OPT_LT}};
    struct key_view kv;
    struct cmd_hash_fields fields;
    int64_t expire_ms;
    uint32_t condition = 0;
    bool is_there = key_open_write(x, x->argv[1], &kv);
    if (!key_check_type(&kv, VALUE_HASH) || !cmd_hash_expire_at(x, 2, unit, &expire_ms))
        return;
    for (size_t i = 0; i < COUNT_OF(conditions); i++)
        if (bytes_is_word(x->argv[3], conditions[i].word))
            condition = conditions[i].bit;
    if (!cmd_hash_fields(x, condition != 0 ? 4 : 3, "ERR Parameter `numFields` should be greater than 0",
                         &fields))
        return;
    resp_array(x->out, fields.count);
    if (!is_there) {
        for (size_t i = 0; i < fields.count; i++)
            resp_int(x->out, CMD_HASH_NO_FIELD);
        return;
    }
    struct cmd_hash_timing timing;
    cmd_hash_timing_begin(&timing, &kv, expire_ms, condition, fields.count);
    for (size_t i = 0; i < fields.count; i++)
        resp_int(x->out, cmd_hash_timing_put(&timing, x->argv[fields.first + (int)i]));
    cmd_hash_timing_end(&timing);
}

void cmd_hexpire(struct exec *x) {
    expire_fields(x, OPT_EX);
}

void cmd_hpexpire(struct exec *x) {
    expire_fields(x, OPT_PX);
}

void cmd_hexpireat(struct exec *x) {
    expire_fields(x, OPT_EXAT);
}

void cmd_hpexpireat(struct exec *x) {
    expire_fields(x, OPT_PXAT);
}

/* ---- asking ---- */

enum { HASH_TTL_NONE = -1, HASH_TTL_NO_FIELD = -2 };

/* HTTL and its relatives: key FIELDS numfields field [field ...]. Answers the time since base_ms, in units, rounded up. */
static void reply_times(struct exec *x, int64_t base_ms, int64_t unit_ms) {
    struct key_view kv;
    struct cmd_hash_fields fields;
    struct hash_item item;
    bool is_there = key_open_read(x, x->argv[1], &kv);
    if (!key_check_type(&kv, VALUE_HASH) || !cmd_hash_fields(x, 2, CMD_HASH_COUNT_ERROR, &fields))
        return;
    resp_array(x->out, fields.count);
    for (size_t i = 0; i < fields.count; i++) {
        if (!is_there || !hash_find(kv.entry, x->argv[fields.first + (int)i], &item) ||
            field_expiry_is_past(x->engine, item.expire_ms))
            resp_int(x->out, HASH_TTL_NO_FIELD);
        else if (item.expire_ms == HASH_NO_EXPIRE)
            resp_int(x->out, HASH_TTL_NONE);
        else
            resp_int(x->out, (item.expire_ms - base_ms + unit_ms - 1) / unit_ms);
    }
}

void cmd_httl(struct exec *x) {
    reply_times(x, x->engine->now_ms, 1000);
}

void cmd_hpttl(struct exec *x) {
    reply_times(x, x->engine->now_ms, 1);
}

void cmd_hexpiretime(struct exec *x) {
    reply_times(x, 0, 1000);
}

void cmd_hpexpiretime(struct exec *x) {
    reply_times(x, 0, 1);
}

/* ---- taking away ---- */

/* HPERSIST key FIELDS numfields field [field ...] */
void cmd_hpersist(struct exec *x) {
    struct key_view kv;
    struct cmd_hash_fields fields;
    struct cmd_hash_timing timing;
    bool is_there = key_open_write(x, x->argv[1], &kv);
    if (!key_check_type(&kv, VALUE_HASH) || !cmd_hash_fields(x, 2, CMD_HASH_COUNT_ERROR, &fields))
        return;
    resp_array(x->out, fields.count);
    if (is_there)
        cmd_hash_timing_begin(&timing, &kv, HASH_NO_EXPIRE, 0, fields.count);
    for (size_t i = 0; i < fields.count; i++) {
        enum cmd_hash_timed outcome =
            is_there ? cmd_hash_timing_put(&timing, x->argv[fields.first + (int)i]) : CMD_HASH_NO_FIELD;
        resp_int(x->out, outcome == CMD_HASH_NOT_MET ? HASH_TTL_NONE : outcome);
    }
    if (is_there)
        cmd_hash_timing_end(&timing);
}
