/* cmd_object.c: looking inside a key: OBJECT, MEMORY USAGE, and the parts of DEBUG that are about one key.
 *
 * None of these counts as an access. */
#include "core/base/mem.h"
#include "core/cmd/opts.h"
#include "core/rdb/rdb_value.h"
#include "core/value/digest.h"

#include <limits.h>

/* Opens argv[2]; false: there is no such key and null was replied. */
static bool open_or_null(struct exec *x, struct key_view *kv_out) {
    if (key_open_quiet(x, x->argv[2], kv_out))
        return true;
    resp_null(x->out);
    return false;
}

/* OBJECT ENCODING key */
void cmd_object_encoding(struct exec *x) {
    struct key_view kv;
    if (open_or_null(x, &kv))
        resp_bulk_cstr(x->out, entry_encoding_name(kv.entry));
}

/* OBJECT FREQ key */
void cmd_object_freq(struct exec *x) {
    struct key_view kv;
    if (!open_or_null(x, &kv))
        return;
    if (evict_policy_is_lfu(x->engine->evict.policy))
        resp_int(x->out, evict_frequency(kv.entry, &x->engine->evict));
    else
        resp_error(x->out,
                   BYTES_LIT("ERR An LFU maxmemory policy is not selected, access frequency not tracked. "
                             "Please note that when switching between policies at runtime LRU and LFU data "
                             "will take some time to adjust."));
}

/* OBJECT IDLETIME key */
void cmd_object_idletime(struct exec *x) {
    struct key_view kv;
    if (!open_or_null(x, &kv))
        return;
    if (!evict_policy_is_lfu(x->engine->evict.policy))
        resp_int(x->out, evict_idle_ms(kv.entry, x->engine->now_ms) / 1000);
    else
        resp_error(x->out,
                   BYTES_LIT("ERR An LFU maxmemory policy is selected, idle time not tracked. Please note "
                             "that when switching between policies at runtime LRU and LFU data will take "
                             "some time to adjust."));
}

/* Redis shares its small integers, unless a policy needs each value's own access time, and tells so here. */
static int64_t reference_count(const struct exec *x, const struct entry *e) {
    enum { SHARED_INTS = 10000 };
    enum evict_policy policy = x->engine->evict.policy;
    bool has_own_times =
        policy == EVICT_ALLKEYS_LRU || policy == EVICT_VOLATILE_LRU || evict_policy_is_lfu(policy);
    int64_t value;
    bool is_small_int = entry_type(e) == VALUE_STRING && entry_payload(e) == ENTRY_INT &&
                        str_int(e, &value) && value >= 0 && value < SHARED_INTS;
    bool is_shared = is_small_int && (x->engine->config->maxmemory == 0 || !has_own_times);
    return is_shared ? INT_MAX : 1;
}

/* OBJECT REFCOUNT key */
void cmd_object_refcount(struct exec *x) {
    struct key_view kv;
    if (open_or_null(x, &kv))
        resp_int(x->out, reference_count(x, kv.entry));
}

/* OBJECT HELP */
void cmd_object_help(struct exec *x) {
    static const char *const lines[] = {
        "ENCODING <key>", "    The representation of the value at <key>.",
        "FREQ <key>",     "    The access counter of <key>, under an LFU policy.",
        "IDLETIME <key>", "    Seconds since <key> was last accessed, not under an LFU policy.",
        "REFCOUNT <key>", "    How many holders the value at <key> has.",
    };
    cmd_reply_help(x, "OBJECT", lines, COUNT_OF(lines));
}

/* MEMORY USAGE key [SAMPLES count]. Sizes are kept as running sums, so nothing needs to be sampled. */
void cmd_memory_usage(struct exec *x) {
    enum { USAGE_SAMPLES = OPT_OWN };
    static const struct opt options[] = {{"samples", USAGE_SAMPLES, 0, true}};
    struct key_view kv;
    struct opts opts;
    int64_t samples = 0;
    if (!opts_parse_or_reply(x, 3, options, COUNT_OF(options), &opts))
        return;
    if ((opts.seen & USAGE_SAMPLES) && !cmd_arg_int(x, opts_value_at(&opts, USAGE_SAMPLES), &samples))
        return;
    if (samples < 0)
        resp_err(x->out, REPLY_ERR_SYNTAX);
    else if (key_open_peek(x, x->argv[2], &kv))
        resp_int(x->out, (int64_t)entry_bytes(kv.entry));
    else
        resp_null(x->out);
}

/* MEMORY PURGE */
void cmd_memory_purge(struct exec *x) {
    mem_purge();
    resp_ok(x->out);
}

/* ---- DEBUG ---- */

/* Bytes of the value's body in a snapshot. */
static size_t serialized_bytes(const struct exec *x, const struct entry *e) {
    struct rdb_writer w;
    struct rdb_saver saver;
    struct buf body;
    size_t bytes = 0;
    bool is_done = false;
    buf_init(&body);
    rdb_writer_init(&w, &body, x->engine->config->rdbcompression);
    rdb_saver_begin(&saver, e, RDB_FOR_ALL);
    while (!is_done) {
        is_done = rdb_saver_step(&saver, &w, SIZE_MAX);
        bytes += body.len;
        buf_clear(&body, SIZE_MAX);
    }
    buf_deinit(&body);
    return bytes;
}

/* DEBUG OBJECT key */
void cmd_debug_object(struct exec *x) {
    struct key_view kv;
    if (!key_open_peek(x, x->argv[2], &kv)) {
        resp_err(x->out, REPLY_ERR_NO_KEY);
        return;
    }
    struct buf text;
    buf_init(&text);
    int64_t idle_seconds =
        evict_policy_is_lfu(x->engine->evict.policy) ? 0 : evict_idle_ms(kv.entry, x->engine->now_ms) / 1000;
    buf_printf(&text,
               "Value at:%p refcount:%lld encoding:%s serializedlength:%zu lru:%u lru_seconds_idle:%lld",
               (const void *)kv.entry, (long long)reference_count(x, kv.entry), entry_encoding_name(kv.entry),
               serialized_bytes(x, kv.entry), entry_lru(kv.entry), (long long)idle_seconds);
    resp_simple(x->out, buf_bytes(&text));
    buf_deinit(&text);
}

/* DEBUG DIGEST-VALUE [key ...] */
void cmd_debug_digest_value(struct exec *x) {
    resp_array(x->out, (size_t)x->argc - 2);
    for (int i = 2; i < x->argc; i++) {
        struct key_view kv;
        struct digest digest = {{0}};
        char hex[SHA1_HEX_BYTES];
        if (key_open_peek(x, x->argv[i], &kv))
            digest_put_value(&digest, kv.entry);
        digest_hex(&digest, hex);
        resp_simple(x->out, bytes_of(hex, sizeof(hex)));
    }
}
