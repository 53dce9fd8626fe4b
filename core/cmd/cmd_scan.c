/* cmd_scan.c: walking over keys: SCAN, KEYS, RANDOMKEY.
 *
 * Each shard walks its own part of a database, in ascending order of positions (upper bits of the keys' hashes). A
 * cursor is position * ENGINE_CURSOR_SHARDS + shard: a walk goes through the shards one after another, and needs no state
 * in the server; 0 begins with the first shard, and is the answer when the last is through. A table that grows or shrinks
 * meanwhile keeps its entries' positions, so a key that is there all the time is given exactly once.
 *
 * Expired keys are passed over. SCAN and RANDOMKEY delete those they have met, after the walk, because a visitor must not
 * change the table.
 *
 * KEYS answers small databases in one go. Of a large one it leaves the rest to the host, which goes on between other
 * commands: the same walk as SCAN's, with the same promise, so a key that is there all the time is listed exactly once. */
#include "core/base/mem.h"
#include "core/cmd/scan_args.h"
#include "core/ds/glob.h"

enum {
    SCAN_MATCH = OPT_OWN,
    SCAN_COUNT = OPT_OWN << 1,
    SCAN_TYPE = OPT_OWN << 2,
    SCAN_NOVALUES = OPT_OWN << 3,
    SCAN_RANDOM_TRIES = 10000,
    KEYS_STEP = 256,      /* keys looked at between two looks at the clock */
    KEYS_FIRST_STEPS = 4, /* steps that the command itself takes */
};

struct scan {
    const struct engine *engine;
    struct bytes pattern; /* ptr NULL: any */
    struct bytes type;    /* ptr NULL: any */
    struct resp_out *out;
    size_t found;
    struct buf *expired;    /* gets the expired keys, each behind its length; NULL: not wanted */
    struct exec_part *part; /* set: notes which of the keys expire soon */
};

static void scan_note_expired(struct buf *expired, struct bytes key) {
    buf_put(expired, (const char *)&key.len, sizeof key.len);
    buf_put_bytes(expired, key);
}

/* Deletes what scan_note_expired has noted, and empties the buffer. */
static void scan_delete_expired(struct exec *x, struct buf *expired) {
    for (size_t at = 0; at < expired->len;) {
        size_t len;
        memcpy(&len, expired->ptr + at, sizeof len);
        at += sizeof len;
        key_expire_due(x, bytes_of(expired->ptr + at, len));
        at += len;
    }
    expired->len = 0;
}

static void scan_visit(void *ctx, struct entry *e, uint64_t hash) {
    struct scan *scan = ctx;
    (void)hash;
    struct bytes key = entry_key(e);
    if (scan->pattern.ptr != NULL && !glob_match(scan->pattern, key, GLOB_CASE))
        return;
    if (scan->type.ptr != NULL && !bytes_is_word(scan->type, value_type_name(entry_type(e))))
        return;
    if (entry_is_expired(e, scan->engine->now_ms)) {
        if (scan->expired != NULL)
            scan_note_expired(scan->expired, key);
        return;
    }
    resp_bulk(scan->out, key);
    if (scan->part != NULL)
        exec_part_note(scan->part, e, scan->engine->now_ms);
    scan->found++;
}

/* Walks the database's part here from `position` on; gives the cursor to go on with. */
static uint64_t scan_step(struct exec *x, struct scan *scan, uint64_t position, size_t count) {
    const struct engine *engine = x->engine;
    struct keyspace *ks = engine_find_db(engine, x->db);
    struct keyspace_visitor visitor = {scan_visit, scan};
    if (ks != NULL && position < KEYSPACE_POSITION_END) {
        position = keyspace_scan(ks, position, count, visitor);
        if (position < KEYSPACE_POSITION_END)
            return position * ENGINE_CURSOR_SHARDS + engine->shard_index;
    }
    return engine->shard_index + 1 < engine->shard_count ? engine->shard_index + 1 : 0;
}

/* SCAN cursor [MATCH pattern] [COUNT count] [TYPE type] */
void cmd_scan(struct exec *x) {
    static const struct opt options[] = {
        {"match", SCAN_MATCH, 0, true},
        {"count", SCAN_COUNT, 0, true},
        {"type", SCAN_TYPE, 0, true},
        {"novalues", SCAN_NOVALUES, 0, false},
    };
    uint64_t cursor;
    int64_t count = 10;
    struct opts opts;
    if (!scan_args_cursor(x, 1, &cursor))
        return;
    bool is_parsed = opts_parse(x, 2, options, COUNT_OF(options), &opts);
    if ((opts.seen & SCAN_COUNT) && !cmd_arg_int(x, opts_value_at(&opts, SCAN_COUNT), &count))
        return;
    if (count < 1 || !is_parsed) {
        resp_err(x->out, REPLY_ERR_SYNTAX);
        return;
    }
    if (opts.seen & SCAN_NOVALUES) {
        resp_error(x->out, BYTES_LIT("ERR NOVALUES option can only be used in HSCAN"));
        return;
    }
    struct buf keys;
    struct buf expired;
    struct resp_out keys_out;
    buf_init(&keys);
    buf_init(&expired);
    resp_out_init(&keys_out, &keys, x->out->proto);
    struct scan scan = {.engine = x->engine, .out = &keys_out, .expired = &expired};
    if (opts.seen & SCAN_MATCH)
        scan.pattern = scan_args_pattern(opts_value(x, &opts, SCAN_MATCH));
    if (opts.seen & SCAN_TYPE)
        scan.type = opts_value(x, &opts, SCAN_TYPE);
    uint64_t next = scan_step(x, &scan, cursor / ENGINE_CURSOR_SHARDS, (size_t)count);
    scan_delete_expired(x, &expired);
    scan_args_reply(x, next, scan.found);
    resp_raw(x->out, buf_bytes(&keys));
    buf_deinit(&keys);
    buf_deinit(&expired);
}

/* ---- KEYS ---- */

struct keys_rest {
    struct exec_rest rest;
    int db;
    uint8_t proto;
    uint64_t position;
    size_t found;
    struct buf pattern;
    struct buf keys; /* the elements found so far, as they go into the reply */
};

static bool keys_step(struct engine *engine, struct exec_rest *rest, struct resp_out *out) {
    struct keys_rest *keys = CONTAINER_OF(rest, struct keys_rest, rest);
    struct keyspace *ks = engine_find_db(engine, keys->db);
    struct resp_out keys_out;
    resp_out_init(&keys_out, &keys->keys, keys->proto);
    struct scan scan = {.engine = engine,
                        .out = &keys_out,
                        .pattern = scan_args_pattern(buf_bytes(&keys->pattern)),
                        .part = &rest->part,
                        .found = keys->found};
    if (ks != NULL)
        keys->position =
            keyspace_scan(ks, keys->position, KEYS_STEP, (struct keyspace_visitor){scan_visit, &scan});
    keys->found = scan.found;
    if (ks != NULL && keys->position < KEYSPACE_POSITION_END)
        return false;
    resp_array(out, keys->found);
    resp_raw(out, buf_bytes(&keys->keys));
    return true;
}

static void keys_free(struct exec_rest *rest) {
    struct keys_rest *keys = CONTAINER_OF(rest, struct keys_rest, rest);
    buf_deinit(&keys->pattern);
    buf_deinit(&keys->keys);
    buf_deinit(&rest->part.soon);
    mem_free(keys);
}

/* KEYS pattern */
void cmd_keys(struct exec *x) {
    struct keys_rest *keys = mem_zalloc(sizeof *keys);
    keys->rest = (struct exec_rest){.step = keys_step, .free = keys_free};
    keys->db = x->db;
    keys->proto = x->out->proto;
    buf_init(&keys->pattern);
    buf_init(&keys->keys);
    buf_put_bytes(&keys->pattern, x->argv[1]);
    for (int i = 0; x->engine->ops.put_off == NULL || i < KEYS_FIRST_STEPS; i++) {
        if (keys_step(x->engine, &keys->rest, x->out)) {
            if (x->part != NULL) {
                *x->part = keys->rest.part;
                keys->rest.part = (struct exec_part){0};
            }
            keys_free(&keys->rest);
            return;
        }
    }
    x->engine->ops.put_off(x->engine->ops.ctx, x, &keys->rest);
}

/* RANDOMKEY. As one part of several: an array of the number of keys here and the key, so that each key of the whole
 * database is as likely as any other. */
void cmd_randomkey(struct exec *x) {
    struct keyspace *ks = engine_find_db(x->engine, x->db);
    struct entry *e = NULL;
    struct buf expired;
    buf_init(&expired);
    for (int i = 0; ks != NULL && i < SCAN_RANDOM_TRIES; i++) {
        e = keyspace_random(ks, &x->engine->rng);
        if (e == NULL || !entry_is_expired(e, x->engine->now_ms))
            break;
        scan_note_expired(&expired, entry_key(e));
        scan_delete_expired(x, &expired);
        e = NULL;
    }
    buf_deinit(&expired);
    if (x->part != NULL) {
        resp_array(x->out, 2);
        resp_int(x->out, e == NULL ? 0 : (int64_t)keyspace_count(ks));
    }
    if (e == NULL)
        resp_null(x->out);
    else
        resp_bulk(x->out, entry_key(e));
}
