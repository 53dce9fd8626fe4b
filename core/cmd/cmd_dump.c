/* cmd_dump.c: DUMP and RESTORE: a whole value as one argument.
 *
 * RESTORE's effect is itself with an absolute time and REPLACE, so that it stands alone. Its options are checked in the
 * order of Redis: words, then whether the key is free, then the time, then the payload.
 *
 * A payload is never trusted: `sanitize-dump-payload` has no say here (core/rdb). */
#include "core/cmd/cmd_dump.h"
#include "core/cmd/opts.h"
#include "core/rdb/rdb_dump.h"

/* DUMP key */
void cmd_dump(struct exec *x) {
    struct key_view kv;
    struct buf dump;
    if (!key_open_read(x, x->argv[1], &kv)) {
        resp_null(x->out);
        return;
    }
    buf_init(&dump);
    rdb_dump(kv.entry, RDB_FOR_ALL, x->engine->config->rdbcompression, &dump);
    resp_bulk(x->out, buf_bytes(&dump));
    buf_deinit(&dump);
}

enum {
    RESTORE_REPLACE = OPT_OWN,
    RESTORE_ABSTTL = OPT_OWN << 1,
    RESTORE_IDLETIME = OPT_OWN << 2,
    RESTORE_FREQ = OPT_OWN << 3,
    FREQ_MAX = 255,
};

struct restore {
    struct opts opts;
    int64_t idle_seconds; /* -1: not given */
    int64_t frequency;    /* -1: not given */
    int64_t expire_ms;
};

/* False: an error was replied. The value of a later word is looked at only when those before it are right. */
static bool read_words(struct exec *x, struct restore *how) {
    static const struct opt options[] = {
        {"replace", RESTORE_REPLACE, 0, false},
        {"absttl", RESTORE_ABSTTL, 0, false},
        {"idletime", RESTORE_IDLETIME, RESTORE_FREQ, true},
        {"freq", RESTORE_FREQ, RESTORE_IDLETIME, true},
    };
    bool is_parsed = opts_parse(x, 4, options, COUNT_OF(options), &how->opts);
    how->idle_seconds = how->frequency = -1;
    if (how->opts.seen & RESTORE_IDLETIME) {
        if (!cmd_arg_int(x, opts_value_at(&how->opts, RESTORE_IDLETIME), &how->idle_seconds))
            return false;
        if (how->idle_seconds < 0) {
            resp_errorf(x->out, "ERR Invalid IDLETIME value, must be >= 0");
            return false;
        }
    }
    if (how->opts.seen & RESTORE_FREQ) {
        if (!cmd_arg_int(x, opts_value_at(&how->opts, RESTORE_FREQ), &how->frequency))
            return false;
        if (how->frequency < 0 || how->frequency > FREQ_MAX) {
            resp_errorf(x->out, "ERR Invalid FREQ value, must be >= 0 and <= 255");
            return false;
        }
    }
    if (!is_parsed)
        resp_err(x->out, REPLY_ERR_SYNTAX);
    return is_parsed;
}

/* argv[2], 0 for none; false: an error was replied. */
static bool read_time(struct exec *x, struct restore *how) {
    int64_t time;
    how->expire_ms = ENTRY_NO_EXPIRE;
    if (!cmd_arg_int(x, 2, &time))
        return false;
    if (time < 0) {
        resp_err(x->out, REPLY_ERR_TTL_INVALID);
        return false;
    }
    if (time == 0)
        return true;
    if (!(how->opts.seen & RESTORE_ABSTTL) && !num_add(time, x->engine->now_ms, &time)) {
        opts_reply_expire_error(x);
        return false;
    }
    how->expire_ms = time;
    return true;
}

struct rdb_rules cmd_dump_rules(struct exec *x) {
    const struct config *config = x->engine->config;
    return (struct rdb_rules){
        .list = {.max_listpack_size = config->list_max_listpack_size,
                 .compress_depth = config->list_compress_depth},
        .set = {.intset_max = (size_t)config->set_max_intset_entries,
                .listpack_max = (size_t)config->set_max_listpack_entries,
                .listpack_value_max = (size_t)config->set_max_listpack_value,
                .seed = x->engine->hash_seed ^ rng_next(&x->engine->rng)},
        .zset = {.entries_max = (size_t)config->zset_max_listpack_entries,
                 .value_max = (size_t)config->zset_max_listpack_value,
                 .seed = x->engine->hash_seed},
        .hash = {.fields_max = (size_t)config->hash_max_listpack_entries,
                 .string_bytes_max = (size_t)config->hash_max_listpack_value,
                 .seed = x->engine->hash_seed ^ rng_next(&x->engine->rng)},
    };
}

/* Gives the entry that argv[3] describes; NULL: an error was replied. */
static struct entry *read_payload(struct exec *x, const struct restore *how) {
    if (!rdb_dump_is_whole(x->argv[3])) {
        resp_err(x->out, REPLY_ERR_DUMP_PAYLOAD);
        return NULL;
    }
    struct rdb_rules rules = cmd_dump_rules(x);
    struct rdb_load load = {.key = x->argv[1], .expire_ms = how->expire_ms, .rules = &rules};
    enum rdb_loaded result;
    struct entry *e = rdb_undump(x->argv[3], &load, &result);
    if (result == RDB_LOAD_NO_MEMORY)
        cmd_reply_no_memory(x);
    else if (result != RDB_LOADED)
        resp_err(x->out, REPLY_ERR_DUMP_FORMAT);
    return e;
}

/* The access bits that IDLETIME and FREQ ask for, where the policy keeps such. */
static void set_access(struct exec *x, struct entry *e, const struct restore *how) {
    int64_t now_ms = x->engine->now_ms;
    if (evict_policy_is_lfu(x->engine->evict.policy)) {
        if (how->frequency >= 0)
            entry_set_lru(e, evict_from_frequency((uint8_t)how->frequency, now_ms));
    } else if (how->idle_seconds >= 0) {
        int64_t idle_ms;
        if (!num_mul(how->idle_seconds, 1000, &idle_ms))
            idle_ms = INT64_MAX;
        entry_set_lru(e, evict_from_idle(idle_ms, now_ms));
    }
}

/* RESTORE key 0|ms payload ABSTTL REPLACE [IDLETIME s | FREQ n] */
static void put_effect(struct key_view *kv, const struct restore *how) {
    struct exec *x = kv->x;
    char time[NUM_INT_TEXT_MAX];
    int64_t expire_ms = how->expire_ms == ENTRY_NO_EXPIRE ? 0 : how->expire_ms;
    struct bytes argv[8] = {BYTES_LIT("RESTORE"),
                            kv->key,
                            bytes_of(time, num_from_int(time, expire_ms)),
                            x->argv[3],
                            BYTES_LIT("ABSTTL"),
                            BYTES_LIT("REPLACE")};
    int argc = 6;
    uint32_t access = how->opts.seen & (RESTORE_IDLETIME | RESTORE_FREQ);
    if (access != 0) {
        int at = opts_value_at(&how->opts, access);
        argv[argc++] = x->argv[at - 1];
        argv[argc++] = x->argv[at];
    }
    effect_put(kv, argc, argv);
}

/* RESTORE key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency] */
void cmd_restore(struct exec *x) {
    struct restore how;
    struct key_view kv;
    if (!read_words(x, &how))
        return;
    bool is_taken = key_open_write(x, x->argv[1], &kv);
    if (is_taken && !(how.opts.seen & RESTORE_REPLACE)) {
        resp_err(x->out, REPLY_ERR_BUSYKEY);
        return;
    }
    if (!read_time(x, &how))
        return;
    struct entry *e = read_payload(x, &how);
    if (e == NULL)
        return;
    resp_ok(x->out);
    if (entry_is_expired(e, x->engine->now_ms) && !x->engine->is_replaying) {
        entry_free(e);
        if (is_taken)
            cmd_delete(&kv);
        return;
    }
    key_put(&kv, e);
    set_access(x, kv.entry, &how);
    put_effect(&kv, &how);
    exec_event(&kv, EVENT_GENERIC, "restore");
}
