/* cmd_scan.c: walking over keys: SCAN, KEYS, RANDOMKEY.
 *
 * Each shard walks its own part of a database, in ascending order of positions (upper bits of the keys' hashes). A
 * cursor is position * ENGINE_CURSOR_SHARDS + shard: a walk goes through the shards one after another, and needs no state
 * in the server; 0 begins with the first shard, and is the answer when the last is through. A table that grows or shrinks
 * meanwhile keeps its entries' positions, so a key that is there all the time is given exactly once.
 *
 * Expired keys are passed over and not deleted: these commands only read. */
#include "core/cmd/opts.h"
#include "core/ds/glob.h"

enum { SCAN_MATCH = OPT_OWN, SCAN_COUNT = OPT_OWN << 1, SCAN_TYPE = OPT_OWN << 2, SCAN_RANDOM_TRIES = 100 };

struct scan {
    const struct engine *engine;
    struct bytes pattern; /* ptr NULL: any */
    struct bytes type;    /* ptr NULL: any */
    struct resp_out *out;
    size_t found;
};

static void scan_visit(void *ctx, struct entry *e, uint64_t hash) {
    struct scan *scan = ctx;
    (void)hash;
    struct bytes key = entry_key(e);
    if (scan->pattern.ptr != NULL && !glob_match(scan->pattern, key, GLOB_CASE))
        return;
    if (scan->type.ptr != NULL && !bytes_is_word(scan->type, value_type_name(entry_type(e))))
        return;
    if (entry_is_expired(e, scan->engine->now_ms))
        return;
    resp_bulk(scan->out, key);
    scan->found++;
}

/* A pattern that matches everything costs nothing. */
static struct bytes scan_pattern(struct bytes pattern) {
    return bytes_equal(pattern, BYTES_LIT("*")) ? BYTES_NONE : pattern.ptr == NULL ? BYTES_LIT("") : pattern;
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

/* Reads a cursor as generously as Redis does: nothing is 0, a sign is allowed and wraps. */
static bool read_cursor(struct bytes text, uint64_t *cursor_out) {
    bool has_sign = text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+');
    uint64_t value = 0;
    *cursor_out = 0;
    for (size_t i = has_sign ? 1 : 0; i < text.len; i++) {
        unsigned digit = (unsigned char)text.ptr[i] - (unsigned)'0';
        if (digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, digit, &value))
            return false;
    }
    *cursor_out = has_sign && text.ptr[0] == '-' ? -value : value;
    return !has_sign || text.len > 1;
}

/* SCAN cursor [MATCH pattern] [COUNT count] [TYPE type] */
void cmd_scan(struct exec *x) {
    static const struct opt options[] = {
        {"match", SCAN_MATCH, 0, true},
        {"count", SCAN_COUNT, 0, true},
        {"type", SCAN_TYPE, 0, true},
    };
    uint64_t cursor;
    int64_t count = 10;
    struct opts opts;
    if (!read_cursor(x->argv[1], &cursor)) {
        resp_err(x->out, REPLY_ERR_CURSOR);
        return;
    }
    bool is_parsed = opts_parse(x, 2, options, COUNT_OF(options), &opts);
    if ((opts.seen & SCAN_COUNT) && !cmd_arg_int(x, opts_value_at(&opts, SCAN_COUNT), &count))
        return;
    if (count < 1 || !is_parsed) {
        resp_err(x->out, REPLY_ERR_SYNTAX);
        return;
    }
    struct buf keys;
    struct resp_out keys_out;
    buf_init(&keys);
    resp_out_init(&keys_out, &keys, x->out->proto);
    struct scan scan = {.engine = x->engine, .out = &keys_out};
    if (opts.seen & SCAN_MATCH)
        scan.pattern = scan_pattern(opts_value(x, &opts, SCAN_MATCH));
    if (opts.seen & SCAN_TYPE)
        scan.type = opts_value(x, &opts, SCAN_TYPE);
    uint64_t next = scan_step(x, &scan, cursor / ENGINE_CURSOR_SHARDS, (size_t)count);
    char text[NUM_INT_TEXT_MAX];
    resp_array(x->out, 2);
    resp_bulk(x->out, bytes_of(text, num_from_uint(text, next)));
    resp_array(x->out, scan.found);
    resp_raw(x->out, buf_bytes(&keys));
    buf_deinit(&keys);
}

/* KEYS pattern */
void cmd_keys(struct exec *x) {
    struct scan scan = {.engine = x->engine, .out = x->out, .pattern = scan_pattern(x->argv[1])};
    struct keyspace *ks = engine_find_db(x->engine, x->db);
    size_t mark = resp_defer(x->out);
    if (ks != NULL)
        (void)keyspace_scan(ks, 0, SIZE_MAX, (struct keyspace_visitor){scan_visit, &scan});
    resp_defer_array(x->out, mark, scan.found);
}

/* RANDOMKEY. As one part of several: an array of the number of keys here and the key, so that each key of the whole
 * database is as likely as any other. */
void cmd_randomkey(struct exec *x) {
    struct keyspace *ks = engine_find_db(x->engine, x->db);
    struct entry *e = NULL;
    for (int i = 0; ks != NULL && i < SCAN_RANDOM_TRIES; i++) {
        e = keyspace_random(ks, &x->engine->rng);
        if (e == NULL || !entry_is_expired(e, x->engine->now_ms))
            break;
        e = NULL;
    }
    if (x->is_parts) {
        resp_array(x->out, 2);
        resp_int(x->out, e == NULL ? 0 : (int64_t)keyspace_count(ks));
    }
    if (e == NULL)
        resp_null(x->out);
    else
        resp_bulk(x->out, entry_key(e));
}
