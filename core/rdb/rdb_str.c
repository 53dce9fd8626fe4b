/* rdb_str.c: strings. A body is one string.
 *
 * A string that fits a step is written in one go, compressed where that pays. A longer one is written as it is, a piece at
 * a time: LZF takes about 2 ms for a mebibyte, which is more than one step of a shard's background work may take. */
#include "core/rdb/rdb_types.h"
#include "core/value/str.h"

static enum rdb_type str_type_of(const struct entry *e, enum rdb_reach reach) {
    (void)e;
    (void)reach;
    return RDB_STRING;
}

static bool str_save_step(struct rdb_saver *saver, struct rdb_writer *w, size_t bytes_max) {
    char scratch[NUM_INT_TEXT_MAX];
    struct bytes text = str_view(saver->entry, scratch);
    if (text.len <= bytes_max) {
        rdb_writer_string(w, text);
        return true;
    }
    if (!saver->is_begun)
        rdb_writer_length(w, text.len);
    saver->is_begun = true;
    size_t left = text.len - saver->at.bytes;
    size_t now = left < bytes_max ? left : bytes_max;
    rdb_writer_raw(w, text.ptr + saver->at.bytes, now);
    saver->at.bytes += now;
    return now == left;
}

static struct entry *str_load(struct rdb_reader *r, enum rdb_type type, const struct rdb_load *how,
                              enum rdb_loaded *result_out) {
    (void)type;
    struct rdb_text text;
    rdb_reader_string(r, &text);
    struct entry *e = rdb_reader_is_broken(r) ? NULL : entry_new_str(how->key, text.bytes, how->expire_ms);
    if (e == NULL)
        *result_out = rdb_reader_is_broken(r) ? RDB_LOAD_BROKEN : RDB_LOAD_NO_MEMORY;
    rdb_text_deinit(&text);
    return e;
}

const struct rdb_type_ops rdb_str_ops = {str_type_of, str_save_step, str_load};
