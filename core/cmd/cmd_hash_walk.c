/* cmd_hash_walk.c: whole hashes: HGETALL, HKEYS, HVALS, HSCAN, HRANDFIELD.
 *
 * Walks pass over fields that have expired, so the length of a reply is known beforehand only for hashes without times; the
 * others' headers are written last. HRANDFIELD takes away what has expired before it draws, as Redis does, so that every
 * draw finds something. */
#include "core/cmd/cmd_hash.h"
#include "core/cmd/scan_args.h"

#include <inttypes.h>

enum {
    HASH_FIELDS = 1,
    HASH_VALUES = 2,
};

static void reply_item(struct resp_out *out, const struct hash_item *item, unsigned what) {
    if (what & HASH_FIELDS)
        resp_bulk(out, item->field);
    if (what & HASH_VALUES)
        resp_bulk(out, item->value);
}

/* Writes all fields that exist; gives their number. */
static size_t reply_items(struct exec *x, const struct entry *e, unsigned what) {
    struct hash_walk walk = hash_walk_begin(e);
    struct hash_item item;
    size_t count = 0;
    while (hash_walk_next(&walk, &item)) {
        if (field_expiry_is_past(x->engine, item.expire_ms))
            continue;
        reply_item(x->out, &item, what);
        count++;
    }
    return count;
}

static void reply_whole(struct exec *x, unsigned what) {
    struct key_view kv;
    bool is_map = what == (HASH_FIELDS | HASH_VALUES);
    bool is_there = key_open_read(x, x->argv[1], &kv);
    if (!key_check_type(&kv, VALUE_HASH))
        return;
    size_t mark = resp_defer(x->out);
    size_t count = is_there ? hash_count(kv.entry) : 0;
    if (is_there && hash_is_timed(kv.entry)) {
        count = reply_items(x, kv.entry, what);
        if (is_map)
            resp_defer_map(x->out, mark, count);
        else
            resp_defer_array(x->out, mark, count);
        return;
    }
    if (is_map)
        resp_map(x->out, count);
    else
        resp_array(x->out, count);
    if (is_there)
        must(reply_items(x, kv.entry, what) == count);
}

/* HGETALL key */
void cmd_hgetall(struct exec *x) {
    reply_whole(x, HASH_FIELDS | HASH_VALUES);
}

/* HKEYS key */
void cmd_hkeys(struct exec *x) {
    reply_whole(x, HASH_FIELDS);
}

/* HVALS key */
void cmd_hvals(struct exec *x) {
    reply_whole(x, HASH_VALUES);
}

/* ---- HSCAN ---- */

struct hash_scan {
    const struct engine *engine;
    const struct scan_args *args;
    struct resp_out *out;
    size_t found;
};

static void scan_item(void *ctx, const struct hash_item *item) {
    struct hash_scan *scan = ctx;
    if (field_expiry_is_past(scan->engine, item->expire_ms) || !scan_args_match(scan->args, item->field))
        return;
    reply_item(scan->out, item, scan->args->has_no_values ? HASH_FIELDS : HASH_FIELDS | HASH_VALUES);
    scan->found++;
}

/* HSCAN key cursor [MATCH pattern] [COUNT count] [NOVALUES] */
void cmd_hscan(struct exec *x) {
    struct key_view kv;
    struct scan_args args;
    if (!scan_args_cursor(x, 2, &args.cursor))
        return;
    bool is_there = key_open_read(x, x->argv[1], &kv);
    if (!is_there) {
        scan_args_reply(x, 0, 0);
        return;
    }
    if (!key_check_type(&kv, VALUE_HASH) || !scan_args_options(x, 3, true, &args))
        return;
    struct buf items;
    struct resp_out out;
    buf_init(&items);
    resp_out_init(&out, &items, x->out->proto);
    struct hash_scan scan = {.engine = x->engine, .args = &args, .out = &out};
    uint64_t next = hash_scan(kv.entry, args.cursor, args.count, (struct hash_visitor){scan_item, &scan});
    scan_args_reply(x, next, args.has_no_values ? scan.found : 2 * scan.found);
    resp_raw(x->out, buf_bytes(&items));
    buf_deinit(&items);
}

/* ---- HRANDFIELD ---- */

enum {
    /* More draws with repetition than this are refused: nobody can want the reply, and it would end the server's memory. */
    RANDOM_REPEATED_MAX = 1 << 28,
};

struct hash_drawing {
    struct resp_out *out;
    bool has_values;
};

static void draw_item(void *ctx, const struct hash_item *item) {
    const struct hash_drawing *drawing = ctx;
    if (drawing->has_values && drawing->out->proto >= 3)
        resp_array(drawing->out, 2);
    reply_item(drawing->out, item, drawing->has_values ? HASH_FIELDS | HASH_VALUES : HASH_FIELDS);
}

/* A hash that is drawn from: without expired fields. */
struct hash_urn {
    struct key_view kv;
    struct entry *hash; /* NULL: there is none, or it is empty */
    struct entry *copy; /* the same, if it had to be copied */
};

static void drop_item(void *ctx, const struct hash_item *item) {
    (void)ctx, (void)item;
}

/* Opens the hash and takes away what has expired; where that may not be deleted, from a copy. False: it is no hash, the
 * error was replied. */
static bool urn_open(struct exec *x, struct hash_urn *urn) {
    bool is_there = key_open_read(x, x->argv[1], &urn->kv);
    urn->hash = urn->copy = NULL;
    if (!key_check_type(&urn->kv, VALUE_HASH))
        return false;
    if (is_there && UNLIKELY(field_expiry_is_past(x->engine, entry_parts_due_ms(urn->kv.entry)))) {
        if (field_expiry_reader_may_delete(&urn->kv)) {
            key_edit(&urn->kv);
            field_expiry_purge(&urn->kv);
        } else {
            urn->copy = entry_dup(urn->kv.entry, urn->kv.key);
            (void)hash_remove_due(urn->copy, x->engine->now_ms, SIZE_MAX,
                                  (struct hash_visitor){drop_item, NULL});
        }
    }
    urn->hash = urn->copy != NULL ? urn->copy : urn->kv.entry;
    if (urn->hash != NULL && hash_count(urn->hash) == 0)
        urn->hash = NULL;
    return true;
}

static void urn_close(struct hash_urn *urn) {
    entry_free(urn->copy);
}

static void draw_counted(struct exec *x, const struct entry *hash, int64_t count, bool has_values) {
    if (hash == NULL || count == 0) {
        resp_array(x->out, 0);
        return;
    }
    size_t wanted = (size_t)(count < 0 ? -count : count);
    bool is_distinct = count > 0;
    if (!is_distinct && wanted > RANDOM_REPEATED_MAX) {
        resp_err(x->out, REPLY_ERR_VALUE_RANGE);
        return;
    }
    if (is_distinct && wanted > hash_count(hash))
        wanted = hash_count(hash);
    struct hash_drawing drawing = {x->out, has_values};
    struct hash_visitor visitor = {draw_item, &drawing};
    resp_array(x->out, has_values && x->out->proto < 3 ? 2 * wanted : wanted);
    if (is_distinct)
        hash_draw_distinct(hash, wanted, &x->engine->rng, visitor);
    else
        hash_draw(hash, wanted, &x->engine->rng, visitor);
}

/* HRANDFIELD key */
static void draw_one(struct exec *x) {
    struct hash_urn urn;
    struct hash_drawing drawing = {x->out, false};
    if (!urn_open(x, &urn))
        return;
    if (urn.hash != NULL)
        hash_draw(urn.hash, 1, &x->engine->rng, (struct hash_visitor){draw_item, &drawing});
    else
        resp_null(x->out);
    urn_close(&urn);
}

/* HRANDFIELD key [count [WITHVALUES]] */
void cmd_hrandfield(struct exec *x) {
    struct hash_urn urn;
    int64_t count;
    if (x->argc == 2) {
        draw_one(x);
        return;
    }
    if (!cmd_arg_int(x, 2, &count))
        return;
    if (count == INT64_MIN) {
        resp_errorf(x->out, "ERR value is out of range, value must between %" PRId64 " and %" PRId64,
                    -INT64_MAX, INT64_MAX);
        return;
    }
    bool has_values = x->argc == 4 && bytes_is_word(x->argv[3], "withvalues");
    if (x->argc > 3 && !has_values) {
        resp_err(x->out, REPLY_ERR_SYNTAX);
        return;
    }
    if (has_values && (count < -INT64_MAX / 2 || count > INT64_MAX / 2)) {
        resp_err(x->out, REPLY_ERR_VALUE_RANGE);
        return;
    }
    if (!urn_open(x, &urn))
        return;
    draw_counted(x, urn.hash, count, has_values);
    urn_close(&urn);
}
