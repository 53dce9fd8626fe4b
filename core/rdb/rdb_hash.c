/* rdb_hash.c: hashes.
 *
 *   RDB_HASH              count, (field, value)
 *   RDB_HASH_ZIPMAP       a string, the zipmap
 *   RDB_HASH_ZIPLIST      a string, the ziplist of field, value
 *   RDB_HASH_LISTPACK     a string, the listpack of field, value
 *   RDB_HASH_METADATA     earliest time, count, (time to live, field, value)
 *   RDB_HASH_LISTPACK_EX  earliest time, a string, the listpack of field, value, time or 0
 *
 * A time to live is 0 for none, else the time less the earliest, plus 1. Those with times came with Redis 7.4; a hash without
 * times is written in the forms of 7.0. Fields whose time has passed are loaded: to remove them is an event of its own,
 * with its effects.
 *
 * What is read goes in one by one, so that a field that comes twice is found and the encoding follows the rules in force. */
#include "core/ds/listpack.h"
#include "core/rdb/rdb_old_blocks.h"
#include "core/rdb/rdb_types.h"

enum { PAIR_BYTES_MIN = 2 };

#define EXPIRE_MS_MAX INT64_C(0xffffffffffff) /* the latest time that a field can have in Redis */

/* ---- saving ---- */

static enum rdb_type hash_type_of(const struct entry *e, enum rdb_reach reach) {
    (void)reach;
    if (hash_listpack(e) != NULL)
        return hash_is_timed(e) ? RDB_HASH_LISTPACK_EX : RDB_HASH_LISTPACK;
    return hash_is_timed(e) ? RDB_HASH_METADATA : RDB_HASH;
}

/* The time that all others are counted from: not later than any. 0: no field has one. */
static int64_t earliest_of(const struct entry *e) {
    struct hash_walk walk = hash_walk_begin(e);
    struct hash_item item;
    int64_t earliest = INT64_MAX;
    while (hash_walk_next(&walk, &item))
        if (item.expire_ms != HASH_NO_EXPIRE && item.expire_ms < earliest)
            earliest = item.expire_ms;
    return earliest == INT64_MAX ? 0 : earliest;
}

static bool save_listpack(struct rdb_saver *saver, struct rdb_writer *w) {
    const unsigned char *lp = hash_listpack(saver->entry);
    if (saver->type == RDB_HASH_LISTPACK_EX)
        rdb_writer_time(w, earliest_of(saver->entry));
    rdb_writer_string(w, bytes_of(lp, listpack_bytes(lp)));
    return true;
}

static void begin_walk(struct rdb_saver *saver, struct rdb_writer *w) {
    struct rdb_hash_cursor *at = &saver->at.hash;
    at->walk = hash_walk_begin(saver->entry);
    if (saver->type == RDB_HASH_METADATA) {
        at->earliest_ms = earliest_of(saver->entry);
        rdb_writer_time(w, at->earliest_ms);
    }
    rdb_writer_length(w, hash_count(saver->entry));
    saver->is_begun = true;
}

static bool hash_save_step(struct rdb_saver *saver, struct rdb_writer *w, size_t bytes_max) {
    if (saver->type == RDB_HASH_LISTPACK || saver->type == RDB_HASH_LISTPACK_EX)
        return save_listpack(saver, w);
    size_t before = w->out->len;
    if (!saver->is_begun)
        begin_walk(saver, w);
    while (w->out->len - before < bytes_max) {
        struct hash_item item;
        if (!hash_walk_next(&saver->at.hash.walk, &item))
            return true;
        if (saver->type == RDB_HASH_METADATA) {
            bool has_time = item.expire_ms != HASH_NO_EXPIRE;
            rdb_writer_length(w, has_time ? (uint64_t)(item.expire_ms - saver->at.hash.earliest_ms) + 1 : 0);
        }
        rdb_writer_string(w, item.field);
        rdb_writer_string(w, item.value);
    }
    return false;
}

/* ---- loading ---- */

static void put_pair(struct rdb_reader *r, struct entry *e, const struct rdb_load *how,
                     const struct hash_item *item, enum rdb_loaded *result_out) {
    if (rdb_reader_is_broken(r))
        return;
    switch (hash_put(e, &how->rules->hash, item->field, item->value, item->expire_ms)) {
    case HASH_ADDED: return;
    case HASH_REPLACED: rdb_reader_break(r); return;
    case HASH_NO_MEMORY: *result_out = RDB_LOAD_NO_MEMORY; return;
    }
}

/* Reads the time to live of a field. */
static int64_t read_time(struct rdb_reader *r, int64_t earliest_ms) {
    uint64_t left = rdb_reader_length(r);
    if (left == 0)
        return HASH_NO_EXPIRE;
    if (earliest_ms < 0 || earliest_ms > EXPIRE_MS_MAX || left > (uint64_t)EXPIRE_MS_MAX ||
        (int64_t)left - 1 > EXPIRE_MS_MAX - earliest_ms) {
        rdb_reader_break(r);
        return HASH_NO_EXPIRE;
    }
    return earliest_ms + (int64_t)left - 1;
}

static void load_pairs(struct rdb_reader *r, enum rdb_type type, struct entry *e, const struct rdb_load *how,
                       enum rdb_loaded *result_out) {
    int64_t earliest_ms = type == RDB_HASH_METADATA ? rdb_reader_time(r) : 0;
    uint64_t count = rdb_reader_count(r, PAIR_BYTES_MIN);
    hash_expect(e, &how->rules->hash, (size_t)count);
    for (uint64_t i = 0; i < count && !rdb_reader_is_broken(r) && *result_out == RDB_LOADED; i++) {
        struct rdb_text field;
        struct rdb_text value;
        struct hash_item item;
        item.expire_ms = type == RDB_HASH_METADATA ? read_time(r, earliest_ms) : HASH_NO_EXPIRE;
        rdb_reader_string(r, &field);
        rdb_reader_string(r, &value);
        item.field = field.bytes;
        item.value = value.bytes;
        put_pair(r, e, how, &item, result_out);
        rdb_text_deinit(&field);
        rdb_text_deinit(&value);
    }
}

/* The listpack or, if it is an older block, what it becomes; NULL when it is not sound. To be freed. */
static unsigned char *read_block(struct rdb_reader *r, enum rdb_type type) {
    struct rdb_text block;
    unsigned char *lp = NULL;
    rdb_reader_string(r, &block);
    if (!rdb_reader_is_broken(r)) {
        const unsigned char *bytes = (const unsigned char *)block.bytes.ptr;
        if (type == RDB_HASH_ZIPMAP)
            lp = rdb_old_blocks_zipmap(block.bytes);
        else if (type == RDB_HASH_ZIPLIST)
            lp = rdb_old_blocks_ziplist(block.bytes);
        else if (listpack_is_sound(bytes, block.bytes.len))
            lp = listpack_dup(bytes);
    }
    rdb_text_deinit(&block);
    if (lp == NULL)
        rdb_reader_break(r);
    return lp;
}

/* The time that an element of a listpack is. */
static int64_t time_of(struct rdb_reader *r, const unsigned char *at) {
    int64_t ms;
    if (!listpack_get_int(at, &ms) || ms < 0 || ms > EXPIRE_MS_MAX) {
        rdb_reader_break(r);
        return HASH_NO_EXPIRE;
    }
    return ms == 0 ? HASH_NO_EXPIRE : ms;
}

static void load_block(struct rdb_reader *r, enum rdb_type type, struct entry *e, const struct rdb_load *how,
                       enum rdb_loaded *result_out) {
    bool is_timed = type == RDB_HASH_LISTPACK_EX;
    if (is_timed)
        (void)rdb_reader_time(r); /* the earliest: found anew */
    unsigned char *lp = read_block(r, type);
    size_t per_field = is_timed ? 3 : 2;
    if (lp != NULL && listpack_count(lp) % per_field != 0)
        rdb_reader_break(r);
    const unsigned char *at = rdb_reader_is_broken(r) ? NULL : listpack_first(lp);
    while (at != NULL && !rdb_reader_is_broken(r) && *result_out == RDB_LOADED) {
        struct hash_item item;
        item.expire_ms = HASH_NO_EXPIRE;
        item.field = listpack_get(at, item.field_scratch);
        at = listpack_next(lp, at);
        item.value = listpack_get(at, item.value_scratch);
        at = listpack_next(lp, at);
        if (is_timed) {
            item.expire_ms = time_of(r, at);
            at = listpack_next(lp, at);
        }
        put_pair(r, e, how, &item, result_out);
    }
    listpack_free(lp);
}

static struct entry *hash_load(struct rdb_reader *r, enum rdb_type type, const struct rdb_load *how,
                               enum rdb_loaded *result_out) {
    struct entry *e = hash_new_entry(how->key);
    if (type == RDB_HASH_METADATA || type == RDB_HASH_LISTPACK_EX)
        hash_make_timed(e);
    if (type == RDB_HASH || type == RDB_HASH_METADATA)
        load_pairs(r, type, e, how, result_out);
    else
        load_block(r, type, e, how, result_out);
    if (!rdb_reader_is_broken(r) && hash_count(e) == 0)
        rdb_reader_break(r);
    return entry_set_expire(e, how->expire_ms);
}

const struct rdb_type_ops rdb_hash_ops = {hash_type_of, hash_save_step, hash_load};
