/* cmd_harness.h: command handlers on an engine without a server, as tables of steps.
 *
 * A step is a command line, as a client would type it, with the reply, the effects and the events it must give. Replies
 * are compared byte by byte, with every CR LF written as one blank: "*2 :1 $1 a". Effects are written as their words,
 * with " | " between them; events as their names. NULL means: not looked at.
 *
 * After every step the effects are replayed into a second engine, which must then hold exactly the same data. So every
 * test of a writing command tests its effects too.
 *
 * Lines that begin with '@' steer the harness: "@clock ms" sets the time, "@db n" the database, "@proto n" the protocol,
 * "@policy n" the eviction policy, "@bulk bytes" proto-max-bulk-len. */
#pragma once

#include "core/base/mem.h"
#include "core/cmd/cmd.h"
#include "core/resp/resp_parse.h"
#include "core/value/digest.h"
#include "core/value/hash.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

/* A step may leave out what it does not look at. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

/* A test may bring a table of its own. Otherwise: commands about keys and databases live in this layer. Those about
 * connections and the server mostly live above; their references are weak, so that tests link without them. */
#ifndef HARNESS_HANDLERS
#define HARNESS_SCOPE_KEY
#define HARNESS_SCOPE_SPLIT
#define HARNESS_SCOPE_LEND
#define HARNESS_SCOPE_ALL
#define HARNESS_SCOPE_CONN                                              __attribute__((weak))
#define HARNESS_SCOPE_NODE                                              __attribute__((weak))
#define COMMAND(id, name, handler, arity, flags, scope, ...)            HARNESS_##scope exec_handler handler;
#define SUBCOMMAND(parent, id, name, handler, arity, flags, scope, ...) HARNESS_##scope exec_handler handler;
#include "core/command/commands.def"
#undef COMMAND
#undef SUBCOMMAND
#define COMMAND(id, name, handler, ...)            [COMMAND_##id] = handler,
#define SUBCOMMAND(parent, id, name, handler, ...) [COMMAND_##parent##_##id] = handler,
#endif

static exec_handler *const harness_handlers[COMMAND_COUNT] = {
#ifdef HARNESS_HANDLERS
    HARNESS_HANDLERS
#else
#include "core/command/commands.def"
#endif
};
#undef COMMAND
#undef SUBCOMMAND

enum { HARNESS_START_MS = 1000000 };

struct harness {
    struct config config;
    struct engine engine;
    struct engine twin; /* fed with effects only */
    struct buf reply;
    struct buf events;
    int db;
    int twin_db;
    uint8_t proto;
    uint64_t fail_nth; /* the n-th large allocation of the next command fails; 0: none */
};

struct step {
    const char *line;
    const char *reply;
    const char *effects;
    const char *events;
};

static void harness_on_event(void *ctx, int db, struct bytes key, unsigned event_class, const char *event) {
    struct harness *h = ctx;
    (void)db, (void)key, (void)event_class;
    if (h->events.len > 0)
        buf_put_char(&h->events, ' ');
    buf_put(&h->events, event, strlen(event));
}

static inline void harness_init(struct harness *h) {
    memset(h, 0, sizeof(*h));
    config_init_defaults(&h->config);
    engine_init(&h->engine, &h->config, 1, 0, 1, harness_handlers);
    engine_init(&h->twin, &h->config, 1, 0, 1, harness_handlers);
    h->engine.effects_on = true;
    h->engine.ops = (struct engine_ops){.ctx = h, .on_event = harness_on_event};
    h->twin.is_replaying = true;
    h->proto = 2;
    engine_set_clock(&h->engine, (int64_t)HARNESS_START_MS * 1000);
    engine_set_clock(&h->twin, (int64_t)HARNESS_START_MS * 1000);
}

static inline void harness_deinit(struct harness *h) {
    engine_deinit(&h->engine);
    engine_deinit(&h->twin);
    buf_deinit(&h->reply);
    buf_deinit(&h->events);
    config_deinit(&h->config);
}

/* Runs one command on an engine and appends its reply. */
static inline void harness_exec(struct engine *engine, int *db, uint8_t proto, int argc,
                                const struct bytes *argv, struct buf *reply) {
    struct resp_out out;
    resp_out_init(&out, reply, proto);
    const struct command *c = command_find(argc, argv);
    if (bytes_is_word(argv[0], "select")) { /* belongs to connections; effects contain it */
        int64_t index;
        must(num_parse_int(argv[1], &index));
        *db = (int)index;
        resp_ok(&out);
        return;
    }
    cr_assert_not_null(c, "unknown command %.*s", (int)argv[0].len, argv[0].ptr);
    if (!command_arity_ok(c, argc)) {
        resp_errorf(&out, "ERR wrong number of arguments for '%s' command", c->fullname);
        return;
    }
    struct exec x = {.engine = engine, .command = c, .argc = argc, .argv = argv, .out = &out, .db = *db};
    exec_run(&x);
}

/* Runs every command of `text` and appends the replies, or just the words with " | " between commands. */
static inline void harness_feed(struct engine *engine, int *db, uint8_t proto, struct bytes text,
                                struct buf *reply, struct buf *words) {
    struct resp_parser parser;
    struct resp_limits limits = {INT32_MAX, INT32_MAX, 1 << 20, 0, true};
    resp_parser_init(&parser);
    while (text.len > 0) {
        size_t used;
        enum resp_status status = resp_parse(&parser, &limits, text, &used);
        cr_assert_eq(status, RESP_COMMAND);
        if (words != NULL && words->len > 0)
            BUF_PUT_LIT(words, " | ");
        for (int i = 0; words != NULL && i < parser.argc; i++) {
            if (i > 0)
                buf_put_char(words, ' ');
            buf_put_bytes(words, parser.argv[i]);
        }
        harness_exec(engine, db, proto, parser.argc, parser.argv, reply);
        text = bytes_of(text.ptr + used, text.len - used);
    }
    resp_parser_deinit(&parser);
}

struct harness_compare {
    const struct engine *other;
    int db;
};

static void harness_compare_hash(const struct entry *e, const struct entry *twin) {
    struct hash_walk walk = hash_walk_begin(e);
    struct hash_item item;
    struct hash_item twin_item;
    hash_check(e);
    hash_check(twin);
    cr_assert_eq(hash_count(e), hash_count(twin), "replay: another number of fields");
    while (hash_walk_next(&walk, &item)) {
        cr_assert(hash_find(twin, item.field, &twin_item), "replay lost field %.*s", (int)item.field.len,
                  item.field.ptr);
        cr_assert(bytes_equal(item.value, twin_item.value), "replay differs in field %.*s",
                  (int)item.field.len, item.field.ptr);
        cr_assert_eq(item.expire_ms, twin_item.expire_ms, "replay: another time of field %.*s",
                     (int)item.field.len, item.field.ptr);
    }
}

static void harness_compare_visit(void *ctx, struct entry *e, uint64_t hash) {
    const struct harness_compare *c = ctx;
    const struct keyspace *ks = engine_find_db(c->other, c->db);
    struct bytes key = entry_key(e);
    struct entry *twin = ks == NULL ? NULL : keyspace_find(ks, key, hash);
    struct digest digest = {{0}};
    struct digest twin_digest = {{0}};
    cr_assert_not_null(twin, "replay lost key %.*s", (int)key.len, key.ptr);
    entry_check(e);
    cr_assert_eq(entry_type(e), entry_type(twin));
    digest_put_value(&digest, e);
    digest_put_value(&twin_digest, twin);
    cr_assert(memcmp(&digest, &twin_digest, sizeof digest) == 0, "replay differs in key %.*s", (int)key.len,
              key.ptr);
    if (entry_type(e) == VALUE_HASH)
        harness_compare_hash(e, twin);
    cr_assert_eq(entry_expire_ms(e), entry_expire_ms(twin), "replay: another deadline of %.*s", (int)key.len,
                 key.ptr);
}

static inline void harness_compare(struct harness *h) {
    for (int db = 0; db < h->engine.db_count; db++) {
        struct keyspace *ks = engine_find_db(&h->engine, db);
        struct keyspace *twin = engine_find_db(&h->twin, db);
        struct harness_compare c = {&h->twin, db};
        size_t count = ks == NULL ? 0 : keyspace_count(ks);
        cr_assert_eq(count, twin == NULL ? 0 : keyspace_count(twin), "replay: another number of keys in %d",
                     db);
        if (ks == NULL)
            continue;
        keyspace_check(ks);
        keyspace_scan(ks, 0, SIZE_MAX, (struct keyspace_visitor){harness_compare_visit, &c});
    }
}

/* The reply with every CR LF as one blank and none at the end, NUL-terminated, in h->reply. */
static inline const char *harness_flatten(struct buf *reply) {
    size_t to = 0;
    for (size_t i = 0; i < reply->len; i++) {
        bool is_line_end = reply->ptr[i] == '\r' && i + 1 < reply->len && reply->ptr[i + 1] == '\n';
        reply->ptr[to++] = is_line_end ? ' ' : reply->ptr[i];
        i += is_line_end ? 1 : 0;
    }
    reply->len = to > 0 && reply->ptr[to - 1] == ' ' ? to - 1 : to;
    buf_put_char(reply, '\0');
    return reply->ptr;
}

static inline bool harness_steer(struct harness *h, const char *line) {
    char word[32];
    long long value;
    if (line[0] != '@')
        return false;
    cr_assert_eq(sscanf(line, "@%31s %lld", word, &value), 2, "%s", line);
    if (strcmp(word, "clock") == 0)
        engine_set_clock(&h->engine, value * 1000);
    else if (strcmp(word, "db") == 0)
        h->db = (int)value;
    else if (strcmp(word, "proto") == 0)
        h->proto = (uint8_t)value;
    else if (strcmp(word, "policy") == 0)
        h->engine.evict.policy = (enum evict_policy)value;
    else if (strcmp(word, "bulk") == 0)
        h->config.proto_max_bulk_len = (uint64_t)value;
    else
        cr_assert_fail("what is %s?", word);
    return true;
}

/* Runs one line and gives its flattened reply, valid until the next. `effects` gets the words of the effects. */
static inline const char *harness_run(struct harness *h, const char *line, struct buf *effects) {
    struct buf text;
    struct buf ignored;
    buf_init(&text);
    buf_init(&ignored);
    buf_printf(&text, "%s\r\n", line);
    buf_clear(&h->reply, SIZE_MAX);
    buf_clear(&h->events, SIZE_MAX);
    buf_clear(&h->engine.effects, SIZE_MAX);
    h->engine.effects_db = h->db; /* spares the tests a SELECT */
    h->twin_db = h->db;
    int db = h->db;
    mem_fail_nth(h->fail_nth);
    harness_feed(&h->engine, &db, h->proto, buf_bytes(&text), &h->reply, NULL);
    mem_fail_nth(0);
    harness_feed(&h->twin, &h->twin_db, 2, buf_bytes(&h->engine.effects), &ignored, effects);
    cr_assert(ignored.len == 0 || memchr(ignored.ptr, '-', ignored.len) == NULL || ignored.ptr[0] != '-',
              "replay failed: %s: %.*s", line, (int)ignored.len, ignored.ptr);
    harness_compare(h);
    buf_deinit(&text);
    buf_deinit(&ignored);
    return harness_flatten(&h->reply);
}

static inline void harness_steps(struct harness *h, const struct step *steps, size_t count) {
    struct buf effects;
    buf_init(&effects);
    for (size_t i = 0; i < count; i++) {
        const struct step *s = &steps[i];
        if (harness_steer(h, s->line))
            continue;
        buf_clear(&effects, SIZE_MAX);
        const char *reply = harness_run(h, s->line, &effects);
        buf_put_char(&effects, '\0');
        buf_put_char(&h->events, '\0');
        if (s->reply != NULL)
            cr_expect(strcmp(reply, s->reply) == 0, "step %zu: %s\n   reply: %s\n    want: %s", i, s->line,
                      reply, s->reply);
        if (s->effects != NULL)
            cr_expect(strcmp(effects.ptr, s->effects) == 0, "step %zu: %s\n effects: %s\n    want: %s", i,
                      s->line, effects.ptr, s->effects);
        if (s->events != NULL)
            cr_expect(strcmp(h->events.ptr, s->events) == 0, "step %zu: %s\n  events: %s\n    want: %s", i,
                      s->line, h->events.ptr, s->events);
    }
    buf_deinit(&effects);
}

/* A test from one table of steps on a fresh engine. */
#define STEPS_TEST(suite, name, ...)                                                                         \
    Test(suite, name) {                                                                                      \
        static const struct step steps[] = {__VA_ARGS__};                                                    \
        struct harness h;                                                                                    \
        harness_init(&h);                                                                                    \
        harness_steps(&h, steps, COUNT_OF(steps));                                                           \
        harness_deinit(&h);                                                                                  \
    }
