/* rdb_zset.c: sorted sets.
 *
 *   RDB_ZSET           count, (member, score as text)
 *   RDB_ZSET_2         count, (member, score in binary)
 *   RDB_ZSET_ZIPLIST   a string, the ziplist of member, score
 *   RDB_ZSET_LISTPACK  a string, the listpack of member, score
 *
 * Written are the second, from the greatest score down as Redis does it, and the last. What is read goes in one by one: the
 * order of a stranger's elements is not believed, a member that comes twice is refused, and so is a score that is not a
 * number. */
#include "core/ds/listpack.h"
#include "core/rdb/rdb_old_blocks.h"
#include "core/rdb/rdb_types.h"

#include <math.h>

enum { ELEMENT_BYTES_MIN = 2 };

/* ---- saving ---- */

static enum rdb_type zset_type_of(const struct entry *e, enum rdb_reach reach) {
    (void)reach;
    return zset_of(e).encoding == ZSET_LISTPACK ? RDB_ZSET_LISTPACK : RDB_ZSET_2;
}

static void begin_walk(struct rdb_saver *saver, struct rdb_writer *w) {
    struct rdb_zset_cursor *at = &saver->at.zset;
    at->zset = zset_of(saver->entry);
    size_t count = zset_count(&at->zset);
    rdb_writer_length(w, count);
    zset_walk_begin(&at->walk, &at->zset, count - 1, true);
    saver->is_begun = true;
}

static bool zset_save_step(struct rdb_saver *saver, struct rdb_writer *w, size_t bytes_max) {
    if (saver->type == RDB_ZSET_LISTPACK) {
        struct zset zset = zset_of(saver->entry);
        rdb_writer_string(w, bytes_of(zset.object, listpack_bytes(zset.object)));
        return true;
    }
    size_t before = w->out->len;
    if (!saver->is_begun)
        begin_walk(saver, w);
    while (w->out->len - before < bytes_max) {
        if (!zset_walk_next(&saver->at.zset.walk))
            return true;
        rdb_writer_string(w, saver->at.zset.walk.name);
        rdb_writer_double(w, saver->at.zset.walk.score);
    }
    return false;
}

/* ---- loading ---- */

static void add_element(struct rdb_reader *r, struct zset *zset, const struct rdb_load *how,
                        struct bytes name, double score, enum rdb_loaded *result_out) {
    if (isnan(score))
        rdb_reader_break(r);
    if (rdb_reader_is_broken(r))
        return;
    struct zset_spot spot = zset_look(zset, name);
    if (spot.is_there)
        rdb_reader_break(r);
    else if (!zset_set(zset, &how->rules->zset, &spot, name, score))
        *result_out = RDB_LOAD_NO_MEMORY;
}

static struct zset load_elements(struct rdb_reader *r, enum rdb_type type, const struct rdb_load *how,
                                 enum rdb_loaded *result_out) {
    uint64_t count = rdb_reader_count(r, ELEMENT_BYTES_MIN);
    struct zset zset = zset_new(&how->rules->zset, (size_t)count, 0);
    for (uint64_t i = 0; i < count && !rdb_reader_is_broken(r) && *result_out == RDB_LOADED; i++) {
        struct rdb_text name;
        rdb_reader_string(r, &name);
        double score = type == RDB_ZSET ? rdb_reader_double_text(r) : rdb_reader_double(r);
        add_element(r, &zset, how, name.bytes, score, result_out);
        rdb_text_deinit(&name);
    }
    return zset;
}

/* The score that an element of a listpack is. */
static double score_of(struct rdb_reader *r, const unsigned char *at) {
    char scratch[NUM_INT_TEXT_MAX];
    int64_t integer;
    double score = 0;
    if (listpack_get_int(at, &integer))
        score = (double)integer;
    else if (!num_parse_double(listpack_get(at, scratch), &score))
        rdb_reader_break(r);
    return score;
}

/* The listpack or, if it is an older block, what it becomes; NULL when it is not sound. To be freed. */
static unsigned char *read_block(struct rdb_reader *r, enum rdb_type type) {
    struct rdb_text block;
    unsigned char *lp = NULL;
    rdb_reader_string(r, &block);
    if (!rdb_reader_is_broken(r)) {
        const unsigned char *bytes = (const unsigned char *)block.bytes.ptr;
        if (type == RDB_ZSET_ZIPLIST)
            lp = rdb_old_blocks_ziplist(block.bytes);
        else if (listpack_is_sound(bytes, block.bytes.len))
            lp = listpack_dup(bytes);
    }
    rdb_text_deinit(&block);
    if (lp == NULL || listpack_count(lp) % 2 != 0)
        rdb_reader_break(r);
    return lp;
}

static struct zset load_block(struct rdb_reader *r, enum rdb_type type, const struct rdb_load *how,
                              enum rdb_loaded *result_out) {
    unsigned char *lp = read_block(r, type);
    size_t count = rdb_reader_is_broken(r) ? 0 : listpack_count(lp) / 2;
    struct zset zset = zset_new(&how->rules->zset, count, 0);
    const unsigned char *at = count == 0 ? NULL : listpack_first(lp);
    for (; at != NULL && !rdb_reader_is_broken(r) && *result_out == RDB_LOADED;) {
        char scratch[NUM_INT_TEXT_MAX];
        struct bytes name = listpack_get(at, scratch);
        const unsigned char *score = listpack_next(lp, at);
        add_element(r, &zset, how, name, score_of(r, score), result_out);
        at = listpack_next(lp, score);
    }
    listpack_free(lp);
    return zset;
}

static struct entry *zset_load(struct rdb_reader *r, enum rdb_type type, const struct rdb_load *how,
                               enum rdb_loaded *result_out) {
    bool is_block = type == RDB_ZSET_ZIPLIST || type == RDB_ZSET_LISTPACK;
    struct zset zset =
        is_block ? load_block(r, type, how, result_out) : load_elements(r, type, how, result_out);
    if (rdb_reader_is_broken(r) || zset_count(&zset) == 0) {
        rdb_reader_break(r);
        zset_free(&zset);
        return NULL;
    }
    return entry_set_expire(zset_entry(how->key, &zset), how->expire_ms);
}

const struct rdb_type_ops rdb_zset_ops = {zset_type_of, zset_save_step, zset_load};
