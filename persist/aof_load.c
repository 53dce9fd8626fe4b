/* aof_load.c: effects back into keys.
 *
 * A payload is parsed where the reader has put it, and the handlers copy what they keep: no allocation besides the
 * entries. Effects are taken in windows: a few are parsed and looked up in the table of commands, the places of their keys
 * in the keyspace are prefetched, then they run; so that the cache misses of a window overlap.
 *
 * An effect that answers an error was not an effect when it was written, or met another state than then: the data would
 * silently differ, so loading ends there. */
#include "persist/aof_load.h"

#include "core/base/keyhash.h"
#include "core/resp/resp_parse.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    AOF_PROGRESS_BYTES = 8 << 20,
    AOF_REPLY_KEEP_BYTES = 64 * 1024,
    AOF_WINDOW = 16,
    AOF_WINDOW_ARGC_MAX = 8, /* effects with more arguments run alone */
};

/* An effect that is ready to run. */
struct aof_effect {
    const struct command *command;
    const struct bytes *argv;
    int argc;
    int db;
    uint64_t hash; /* of its first key; 0: unknown */
};

struct aof_loader {
    struct engine *engine;
    struct resp_parser parser;
    struct buf reply;
    int db;
    unsigned count; /* effects in the window */
    struct aof_effect window[AOF_WINDOW];
    struct bytes args[AOF_WINDOW][AOF_WINDOW_ARGC_MAX];
    char *why;
    size_t why_size;
};

static const struct resp_limits aof_limits = {
    .bulk_max_bytes = INT64_MAX,
    .args_max = INT32_MAX,
    .inline_max_bytes = 64 * 1024,
    .authenticated = true,
};

static enum err aof_refuse(struct aof_loader *l, const char *what, struct bytes detail) {
    snprintf(l->why, l->why_size, "%s: %.*s", what, (int)(detail.len < 128 ? detail.len : 128),
             detail.len ? detail.ptr : "");
    return ERR_CORRUPT;
}

static enum err aof_select(struct aof_loader *l) {
    int64_t db;
    if (l->parser.argc != 2 || !num_parse_int(l->parser.argv[1], &db) || db < 0)
        return aof_refuse(l, "a SELECT without a database", BYTES_LIT("SELECT"));
    if (db >= l->engine->db_count)
        return aof_refuse(l, "a database beyond the number of databases configured", l->parser.argv[1]);
    l->db = (int)db;
    return ERR_OK;
}

static enum err aof_run(struct aof_loader *l, const struct aof_effect *effect) {
    struct resp_out out;
    buf_clear(&l->reply, AOF_REPLY_KEEP_BYTES);
    resp_out_init(&out, &l->reply, 2);
    struct exec x = {
        .engine = l->engine,
        .command = effect->command,
        .argc = effect->argc,
        .argv = effect->argv,
        .out = &out,
        .db = effect->db,
        .first_key_hash = effect->hash,
        .has_first_key_hash = effect->hash != 0,
    };
    exec_run(&x);
    if (out.errors != 0)
        return aof_refuse(l, "an effect cannot be repeated, it answers", buf_bytes(&l->reply));
    return ERR_OK;
}

/* What is replayed is not counted: it was, when it happened. */
static enum err aof_run_window(struct aof_loader *l) {
    enum err e = ERR_OK;
    struct engine_stats stats = l->engine->stats;
    for (unsigned i = 0; i < l->count; i++) {
        const struct keyspace *ks = l->window[i].hash ? engine_find_db(l->engine, l->window[i].db) : NULL;
        if (ks)
            __builtin_prefetch(keyspace_probable(ks, l->window[i].hash));
    }
    for (unsigned i = 0; i < l->count && e == ERR_OK; i++)
        e = aof_run(l, &l->window[i]);
    l->engine->stats = stats;
    l->count = 0;
    return e;
}

/* Puts the effect that was parsed into the window; runs it when that is full, or cannot hold it. */
static enum err aof_take(struct aof_loader *l) {
    const struct bytes *argv = l->parser.argv;
    int argc = l->parser.argc;
    if (bytes_is_word(argv[0], "SELECT"))
        return aof_select(l);
    struct aof_effect effect = {.command = command_find(argc, argv), .argv = argv, .argc = argc, .db = l->db};
    const struct command *command = effect.command;
    if (l->db < 0)
        return aof_refuse(l, "a payload without a database", argv[0]);
    if (!command || !(command->flags & (CMD_WRITE | CMD_MAY_REPLICATE)) || !command_arity_ok(command, argc))
        return aof_refuse(l, "no effect that this version knows", argv[0]);
    if (argc > AOF_WINDOW_ARGC_MAX) {
        enum err e = aof_run_window(l);
        l->window[l->count++] = effect;
        return e == ERR_OK ? aof_run_window(l) : e;
    }
    struct bytes *args = l->args[l->count];
    memcpy(args, argv, (size_t)argc * sizeof *args);
    effect.argv = args;
    if (argc > 1 && command->keyspec_count && command->keys[0].first == 1) {
        effect.hash = keyhash_hash(args[1], l->engine->hash_seed);
        const struct keyspace *ks = engine_find_db(l->engine, l->db);
        if (ks)
            keyspace_prefetch(ks, effect.hash);
    }
    l->window[l->count++] = effect;
    return l->count == AOF_WINDOW ? aof_run_window(l) : ERR_OK;
}

/* Each payload selects its database itself. */
static enum err aof_load_payload(struct aof_loader *l, struct bytes payload, uint64_t *effects) {
    l->db = -1;
    while (payload.len > 0) {
        size_t used;
        if (resp_parse(&l->parser, &aof_limits, payload, &used) != RESP_COMMAND || l->parser.argc == 0)
            return aof_refuse(l, "a payload that is not made of commands", payload);
        if (payload.ptr[0] != '*')
            return aof_refuse(l, "a payload that is not made of arrays", payload);
        enum err e = aof_take(l);
        if (e != ERR_OK)
            return e;
        payload = bytes_of(payload.ptr + used, payload.len - used);
        ++*effects;
    }
    return aof_run_window(l);
}

static enum err aof_load_frames(struct aof_loader *l, struct segment_reader *r, uint64_t end,
                                void (*on_progress)(void *ctx, uint64_t offset), void *ctx,
                                struct aof_load_stats *stats) {
    uint64_t told = r->next;
    while (r->next < end) {
        enum err fault;
        enum segment_read found = segment_reader_next(r, false, &fault);
        if (found == SEGMENT_READ_FAULT)
            return fault;
        if (found != SEGMENT_READ_FRAME)
            return aof_refuse(l, "the file has changed while it was being loaded", BYTES_NONE);
        fault = aof_load_payload(l, r->payload, &stats->effects);
        if (fault != ERR_OK)
            return fault;
        stats->frames++;
        if (on_progress && r->next - told >= AOF_PROGRESS_BYTES) {
            told = r->next;
            on_progress(ctx, told);
        }
    }
    return ERR_OK;
}

enum err aof_load(struct segment_reader *r, uint64_t end, struct engine *engine,
                  void (*on_progress)(void *ctx, uint64_t offset), void *ctx,
                  struct aof_load_stats *stats_out, char *why, size_t why_size) {
    struct aof_loader l = {.engine = engine, .why = why, .why_size = why_size};
    bool effects_on = engine->effects_on;
    bool is_replaying = engine->is_replaying;
    *stats_out = (struct aof_load_stats){0};
    resp_parser_init(&l.parser);
    buf_init(&l.reply);
    engine->effects_on = false;
    engine->is_replaying = true;
    segment_reader_seek(r, r->first);
    enum err e = aof_load_frames(&l, r, end, on_progress, ctx, stats_out);
    stats_out->bytes = r->next - r->first;
    engine->effects_on = effects_on;
    engine->is_replaying = is_replaying;
    resp_parser_deinit(&l.parser);
    buf_deinit(&l.reply);
    if (e != ERR_OK && e != ERR_CORRUPT)
        snprintf(why, why_size, "cannot be read: %s", err_text(e));
    else if (e == ERR_CORRUPT) {
        char where[64];
        size_t len = strlen(why);
        snprintf(where, sizeof where, " (in the frame at offset %" PRIu64 ")", r->at);
        snprintf(why + len, why_size - len, "%s", where);
    }
    return e;
}
