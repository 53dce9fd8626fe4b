/* cmd_debug.c: the subcommands of DEBUG that are about the server; those about single keys are in core/cmd.
 *
 * A subcommand with a row of its own in commands.def never comes here; the others are told apart by the table below. Words
 * that are unknown, or have the wrong number of arguments, get one and the same error, as in Redis. */
#include "core/base/keyhash.h"
#include "core/base/mem.h"
#include "core/cmd/cmd.h"
#include "core/ds/glob.h"
#include "core/value/digest.h"
#include "shards/cmd_debug_state.h"
#include "shards/gather.h"
#include "shards/parked.h"
#include "shards/route.h"
#include "shards/server.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { DEBUG_TEXT_MAX = 64, DEBUG_SCAN_KEYS = 1000 };

/* A copy with a NUL, cut to DEBUG_TEXT_MAX. */
static const char *debug_text(struct bytes word, char text[DEBUG_TEXT_MAX]) {
    size_t len = word.len < DEBUG_TEXT_MAX - 1 ? word.len : DEBUG_TEXT_MAX - 1;
    if (len)
        memcpy(text, word.ptr, len);
    text[len] = '\0';
    return text;
}

static void debug_finish_ok(struct shard *shard, struct gather *gather, struct resp_out *out) {
    (void)shard;
    (void)gather;
    resp_ok(out);
}

/* ---- SLEEP: every shard stops, as the one thread of Redis does ---- */

static void debug_sleep_ask(struct shard *shard, const void *question, void *answer) {
    (void)shard;
    (void)answer;
    struct timespec left = *(const struct timespec *)question;
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

static const struct gather_how debug_sleep_how = {
    .ask = debug_sleep_ask, .finish = debug_finish_ok, .needs_thread = true, .free_question = mem_free};

static void debug_sleep(struct exec *x) {
    char text[DEBUG_TEXT_MAX];
    double s = strtod(debug_text(x->argv[2], text), NULL);
    if (!(s > 0))
        s = 0;
    struct timespec *how_long = mem_alloc(sizeof *how_long);
    how_long->tv_sec = (time_t)s;
    how_long->tv_nsec = (long)((s - (double)how_long->tv_sec) * 1e9);
    gather_start(x, &debug_sleep_how, how_long);
}

/* ---- DIGEST ---- */

struct debug_db_digest {
    struct digest keys; /* combined without order */
    uint64_t count;
};

struct debug_digest_answer {
    struct debug_db_digest *dbs;
};

struct debug_walk {
    struct debug_db_digest *db;
    int64_t now_ms;
};

static void debug_digest_visit(void *ctx, struct entry *e, uint64_t hash) {
    struct debug_walk *walk = ctx;
    struct digest one = {{0}};
    (void)hash;
    if (entry_is_expired(e, walk->now_ms))
        return;
    digest_mix(&one, entry_key(e));
    digest_put_value(&one, e);
    digest_xor(&walk->db->keys, bytes_of(one.of, sizeof one.of));
    walk->db->count++;
}

static void debug_digest_ask(struct shard *shard, const void *question, void *answer) {
    struct debug_digest_answer *a = answer;
    struct engine *engine = &shard->engine;
    (void)question;
    a->dbs = mem_zalloc((size_t)engine->db_count * sizeof *a->dbs);
    for (int db = 0; db < engine->db_count; db++) {
        const struct keyspace *ks = engine_find_db(engine, db);
        struct debug_walk walk = {&a->dbs[db], engine->now_ms};
        struct keyspace_visitor visitor = {debug_digest_visit, &walk};
        for (uint64_t at = 0; ks && at < KEYSPACE_POSITION_END;)
            at = keyspace_scan(ks, at, DEBUG_SCAN_KEYS, visitor);
    }
}

/* The number of each database that has keys is mixed in, in their order; the keys of all shards then without order. */
static void debug_digest_finish(struct shard *shard, struct gather *gather, struct resp_out *out) {
    struct digest sum = {{0}};
    char hex[SHA1_HEX_BYTES];
    for (int db = 0; db < shard->engine.db_count; db++) {
        uint8_t number[4] = {(uint8_t)(db >> 24), (uint8_t)(db >> 16), (uint8_t)(db >> 8), (uint8_t)db};
        uint64_t count = 0;
        for (unsigned s = 0; s < gather_count(gather); s++)
            count += ((struct debug_digest_answer *)gather_answer(gather, s))->dbs[db].count;
        if (count == 0)
            continue;
        digest_mix(&sum, bytes_of(number, sizeof number));
        for (unsigned s = 0; s < gather_count(gather); s++) {
            const struct debug_digest_answer *a = gather_answer(gather, s);
            for (int i = 0; i < SHA1_DIGEST_BYTES; i++)
                sum.of[i] ^= a->dbs[db].keys.of[i];
        }
    }
    digest_hex(&sum, hex);
    resp_simple(out, bytes_of(hex, sizeof hex));
    for (unsigned s = 0; s < gather_count(gather); s++)
        mem_free(((struct debug_digest_answer *)gather_answer(gather, s))->dbs);
}

static const struct gather_how debug_digest_how = {.answer_bytes = sizeof(struct debug_digest_answer),
                                                   .ask = debug_digest_ask,
                                                   .finish = debug_digest_finish};

static void debug_digest(struct exec *x) {
    gather_start(x, &debug_digest_how, NULL);
}

/* ---- POPULATE: each shard makes the keys that are its own ---- */

struct debug_populate {
    uint64_t count;
    size_t value_bytes; /* 0: as long as the text */
    int db;
    size_t prefix_len;
    char prefix[];
};

static void debug_populate_one(struct shard *shard, const struct debug_populate *p, uint64_t number,
                               struct buf *key, struct buf *value) {
    struct keyspace *ks;
    key->len = p->prefix_len;
    buf_printf(key, ":%" PRIu64, number);
    if (shard_of_key(shard->server, buf_bytes(key)) != shard->index)
        return;
    ks = engine_get_db(&shard->engine, p->db);
    uint64_t hash = keyhash_hash(buf_bytes(key), shard->engine.hash_seed);
    if (keyspace_find(ks, buf_bytes(key), hash))
        return;
    value->len = 0;
    buf_printf(value, "value:%" PRIu64, number);
    if (p->value_bytes > value->len) {
        size_t more = p->value_bytes - value->len;
        memset(buf_room(value, more), 0, more);
        buf_commit(value, more);
    } else if (p->value_bytes) {
        value->len = p->value_bytes;
    }
    struct entry *e = entry_new_str(buf_bytes(key), buf_bytes(value), ENTRY_NO_EXPIRE);
    if (e)
        keyspace_put(ks, hash, e);
}

static void debug_populate_ask(struct shard *shard, const void *question, void *answer) {
    const struct debug_populate *p = question;
    struct buf key;
    struct buf value;
    (void)answer;
    buf_init(&key);
    buf_init(&value);
    buf_put(&key, p->prefix, p->prefix_len);
    for (uint64_t i = 0; i < p->count; i++)
        debug_populate_one(shard, p, i, &key, &value);
    buf_deinit(&key);
    buf_deinit(&value);
}

static const struct gather_how debug_populate_how = {
    .ask = debug_populate_ask, .finish = debug_finish_ok, .free_question = mem_free};

static void debug_populate(struct exec *x) {
    int64_t count;
    int64_t value_bytes = 0;
    struct bytes prefix = x->argc > 3 ? x->argv[3] : BYTES_LIT("key");
    if (!num_parse_int(x->argv[2], &count) || count < 0 ||
        (x->argc > 4 && (!num_parse_int(x->argv[4], &value_bytes) || value_bytes < 0)) ||
        (uint64_t)value_bytes > x->engine->config->proto_max_bulk_len) {
        resp_err(x->out, REPLY_ERR_NOT_POSITIVE);
        return;
    }
    struct debug_populate *p = mem_alloc(sizeof *p + prefix.len);
    *p = (struct debug_populate){
        .count = (uint64_t)count, .value_bytes = (size_t)value_bytes, .db = x->db, .prefix_len = prefix.len};
    if (prefix.len)
        memcpy(p->prefix, prefix.ptr, prefix.len);
    gather_start(x, &debug_populate_how, p);
}

/* ---- PROTOCOL: a reply of each kind, for tests of clients ---- */

static void debug_put_numbers(struct resp_out *out, bool is_map) {
    for (int i = 0; i < 3; i++) {
        resp_int(out, i);
        if (is_map)
            resp_bool(out, i == 1);
    }
}

/* Two replies in one, so they go past the check that a handler writes exactly one. */
static void debug_protocol_late(struct exec *x, bool is_push) {
    struct resp_out out;
    struct parked *parked = parked_defer(x);
    resp_out_init(&out, &parked->reply, parked->request.proto);
    if (is_push) {
        resp_push(&out, 2);
        resp_bulk_cstr(&out, "server-cpu-usage");
        resp_int(&out, 42);
        resp_bulk_cstr(&out, "Some real reply following the push reply");
    } else {
        if (out.proto >= 3) {
            resp_attribute(&out, 1);
            resp_bulk_cstr(&out, "key-popularity");
            resp_array(&out, 2);
            resp_bulk_cstr(&out, "key:123");
            resp_int(&out, 90);
        }
        resp_bulk_cstr(&out, "Some real reply following the attribute");
    }
    parked_answer(x->host, parked);
}

static void debug_protocol(struct exec *x) {
    struct bytes kind = x->argv[2];
    if (bytes_is_word(kind, "string")) {
        resp_bulk_cstr(x->out, "Hello World");
    } else if (bytes_is_word(kind, "integer")) {
        resp_int(x->out, 12345);
    } else if (bytes_is_word(kind, "double")) {
        if (x->out->proto >= 3)
            BUF_PUT_LIT(x->out->buf, ",3.141\r\n");
        else
            resp_bulk_cstr(x->out, "3.141");
    } else if (bytes_is_word(kind, "bignum")) {
        resp_bignum(x->out, BYTES_LIT("1234567999999999999999999999999999999"));
    } else if (bytes_is_word(kind, "null")) {
        resp_null(x->out);
    } else if (bytes_is_word(kind, "array")) {
        resp_array(x->out, 3);
        debug_put_numbers(x->out, false);
    } else if (bytes_is_word(kind, "set")) {
        resp_set(x->out, 3);
        debug_put_numbers(x->out, false);
    } else if (bytes_is_word(kind, "map")) {
        resp_map(x->out, 3);
        debug_put_numbers(x->out, true);
    } else if (bytes_is_word(kind, "attrib")) {
        debug_protocol_late(x, false);
    } else if (bytes_is_word(kind, "push") && x->out->proto >= 3) {
        debug_protocol_late(x, true);
    } else if (bytes_is_word(kind, "push")) {
        resp_errorf(x->out, "ERR RESP2 is not supported by this command");
    } else if (bytes_is_word(kind, "verbatim")) {
        resp_verbatim(x->out, "txt", BYTES_LIT("This is a verbatim\nstring"));
    } else if (bytes_is_word(kind, "true") || bytes_is_word(kind, "false")) {
        resp_bool(x->out, bytes_is_word(kind, "true"));
    } else {
        resp_errorf(x->out, "ERR Wrong protocol type name. Please use one of the following: string|integer|"
                            "double|bignum|null|array|set|map|attrib|push|verbatim|true|false");
    }
}

/* ---- PAUSE-CRON: no periodic work ---- */

static void debug_pause_cron_ask(struct shard *shard, const void *question, void *answer) {
    (void)answer;
    shard->is_cron_paused = *(const bool *)question;
}

static const struct gather_how debug_pause_cron_how = {
    .ask = debug_pause_cron_ask, .finish = debug_finish_ok, .free_question = mem_free};

static void debug_pause_cron(struct exec *x) {
    int64_t wanted;
    if (!cmd_arg_int(x, 2, &wanted))
        return;
    bool *is_paused = mem_alloc(sizeof *is_paused);
    *is_paused = wanted != 0;
    gather_start(x, &debug_pause_cron_how, is_paused);
}

/* ---- STRINGMATCH-TEST: patterns and texts of random bytes, many of them special ones ---- */

enum { DEBUG_MATCHES = 200000, DEBUG_MATCH_BYTES = 32 };

static struct bytes debug_random_text(struct rng *rng, char *text) {
    static const char special[] = "*?[]^-\\ab";
    size_t len = rng_below(rng, DEBUG_MATCH_BYTES);
    for (size_t i = 0; i < len; i++)
        text[i] = rng_below(rng, 4) ? special[rng_below(rng, sizeof special - 1)] : (char)rng_below(rng, 256);
    return bytes_of(text, len);
}

static void debug_stringmatch(struct exec *x) {
    char pattern[DEBUG_MATCH_BYTES], text[DEBUG_MATCH_BYTES];
    uint64_t matches = 0;
    for (int i = 0; i < DEBUG_MATCHES; i++)
        matches += glob_match(debug_random_text(&x->engine->rng, pattern),
                              debug_random_text(&x->engine->rng, text), (enum glob_flags)0);
    const struct shard *shard = x->host;
    logger_say(&shard->server->logger, LOGLEVEL_NOTICE, "DEBUG STRINGMATCH-TEST: %" PRIu64 " matches",
               matches);
    resp_simple(x->out, BYTES_LIT("Apparently Redis did not crash: test passed"));
}

/* ---- small ones ---- */

static void debug_change_repl_id(struct exec *x) {
    const struct shard *shard = x->host;
    server_make_id(shard->server->repl_id);
    resp_ok(x->out);
}

ATTR_NORETURN static void debug_oom(struct exec *x) {
    (void)x;
    mem_free(mem_alloc(SIZE_MAX / 2));
    abort();
}

static void debug_error(struct exec *x) {
    resp_error(x->out, x->argv[2]);
}

static void debug_log(struct exec *x) {
    const struct shard *shard = x->host;
    logger_say(&shard->server->logger, LOGLEVEL_WARNING, "DEBUG LOG: %.*s", (int)x->argv[2].len,
               x->argv[2].ptr);
    resp_ok(x->out);
}

ATTR_NORETURN static void debug_segfault(struct exec *x) {
    (void)x;
    raise(SIGSEGV);
    abort();
}

ATTR_NORETURN static void debug_panic(struct exec *x) {
    const struct shard *shard = x->host;
    logger_say(&shard->server->logger, LOGLEVEL_WARNING, "Told to crash by DEBUG PANIC");
    abort();
}

static void debug_assert(struct exec *x) {
    must(x->argc == 0);
}

static void debug_help(struct exec *x) {
    static const char *const lines[] = {
        "ASSERT",
        "    Crash by a failed assertion.",
        "CHANGE-REPL-ID",
        "    Give this server's history a new name.",
        "DIGEST",
        "    Give a digest of all data.",
        "DIGEST-VALUE <key> [<key> ...]",
        "    Give a digest of the value of each key.",
        "ERROR <text>",
        "    Answer with an error reply.",
        "LOADAOF",
        "    Put the log on the disk, forget all data, and load it from the log.",
        "LOCKS",
        "    Tell which keys are lent to transactions, and who waits for them.",
        "LOG <message>",
        "    Write a message to the server's log.",
        "OBJECT <key>",
        "    Describe the representation of a key's value.",
        "OOM",
        "    Crash by running out of memory.",
        "PANIC",
        "    Crash by abort.",
        "PAUSE-CRON <0|1>",
        "    Stop periodic work on clients and expired keys, or let it go on.",
        "POPULATE <count> [<prefix>] [<size>]",
        "    Make keys named <prefix>:<number>, unless they exist; they are neither logged nor replicated.",
        "PROTOCOL <type>",
        "    Answer with a reply of a type: string, integer, double, bignum, null, array, set, map,",
        "    attrib, push, verbatim, true, false.",
        "RELOAD [NOFLUSH MERGE]",
        "    Encode every value as a snapshot would, and put what is decoded in its place.",
        "SEGFAULT",
        "    Crash by an invalid access.",
        "SET-ACTIVE-EXPIRE <0|1>",
        "    Turn the search for expired keys off or on.",
        "SHARDS",
        "    Tell what each shard is doing, and check its locks.",
        "SLEEP <seconds>",
        "    Stop all shards for so long; decimals allowed.",
        "STRINGMATCH-TEST",
        "    Match random patterns with random texts.",
    };
    cmd_reply_help(x, "DEBUG", lines, COUNT_OF(lines));
}

static const struct {
    const char *word;
    int argc_min;
    int argc_max;
    void (*run)(struct exec *x);
} debug_words[] = {
    {"assert", 2, 2, debug_assert},
    {"change-repl-id", 2, 2, debug_change_repl_id},
    {"digest", 2, 2, debug_digest},
    {"error", 3, 3, debug_error},
    {"help", 2, 2, debug_help},
    {"loadaof", 2, 2, reload_begin},
    {"locks", 2, 2, cmd_debug_state_locks},
    {"log", 3, 3, debug_log},
    {"oom", 2, 2, debug_oom},
    {"panic", 2, 2, debug_panic},
    {"pause-cron", 3, 3, debug_pause_cron},
    {"populate", 3, 5, debug_populate},
    {"protocol", 3, 3, debug_protocol},
    {"segfault", 2, 2, debug_segfault},
    {"shards", 2, 2, cmd_debug_state_shards},
    {"sleep", 3, 3, debug_sleep},
    {"stringmatch-test", 2, 2, debug_stringmatch},
};

void cmd_debug(struct exec *x) {
    struct bytes word = x->argv[1];
    for (size_t i = 0; i < COUNT_OF(debug_words); i++) {
        if (bytes_is_word(word, debug_words[i].word) && x->argc >= debug_words[i].argc_min &&
            x->argc <= debug_words[i].argc_max) {
            debug_words[i].run(x);
            return;
        }
    }
    char text[DEBUG_TEXT_MAX];
    resp_errorf(x->out, "ERR unknown subcommand or wrong number of arguments for '%s'. Try DEBUG HELP.",
                debug_text(word, text));
}
