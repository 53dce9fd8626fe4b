/* rdb_list.c: lists.
 *
 *   RDB_LIST              count, elements
 *   RDB_LIST_ZIPLIST      a string, the ziplist
 *   RDB_LIST_QUICKLIST    count, strings that are ziplists
 *   RDB_LIST_QUICKLIST_2  count, (kind of node, a string: one element, or a listpack)
 *
 * The last one is written, a listpack as its one node. A node that is compressed in memory is written as it is: RDB packs
 * strings the same way. */
#include "core/ds/listpack.h"
#include "core/rdb/rdb_old_blocks.h"
#include "core/rdb/rdb_types.h"

/* ---- saving ---- */

static enum rdb_type list_type_of(const struct entry *e, enum rdb_reach reach) {
    (void)e;
    (void)reach;
    return RDB_LIST_QUICKLIST_2;
}

static void write_piece(struct rdb_writer *w, const struct qlist_piece *piece) {
    rdb_writer_length(w, piece->is_plain ? RDB_NODE_PLAIN : RDB_NODE_PACKED);
    if (piece->lzf_of != 0)
        rdb_writer_packed(w, piece->data, piece->lzf_of);
    else
        rdb_writer_string(w, piece->data);
}

static bool list_save_step(struct rdb_saver *saver, struct rdb_writer *w, size_t bytes_max) {
    struct list list = list_of(saver->entry);
    size_t pieces = list_pieces(&list);
    size_t before = w->out->len;
    if (!saver->is_begun)
        rdb_writer_length(w, pieces);
    saver->is_begun = true;
    while (saver->at.piece < pieces && w->out->len - before < bytes_max) {
        struct qlist_piece piece = list_piece(&list, saver->at.piece++);
        write_piece(w, &piece);
    }
    return saver->at.piece == pieces;
}

/* ---- loading ---- */

static void push_element(struct rdb_reader *r, struct list *list, const struct rdb_load *how,
                         enum rdb_loaded *result_out) {
    struct rdb_text text;
    rdb_reader_string(r, &text);
    if (!rdb_reader_is_broken(r)) {
        list_grow(list, &how->rules->list, &text.bytes, 1);
        if (!list_push(list, LIST_TAIL, text.bytes))
            *result_out = RDB_LOAD_NO_MEMORY;
    }
    rdb_text_deinit(&text);
}

/* Appends the elements of a block: a ziplist or, if is_listpack, a listpack. Empty ones are passed over, as Redis does. */
static void append_block(struct rdb_reader *r, struct list *list, const struct rdb_load *how,
                         bool is_listpack) {
    struct rdb_text block;
    unsigned char *lp = NULL;
    rdb_reader_string(r, &block);
    if (!rdb_reader_is_broken(r)) {
        const unsigned char *bytes = (const unsigned char *)block.bytes.ptr;
        if (!is_listpack)
            lp = rdb_old_blocks_ziplist(block.bytes);
        else if (listpack_is_sound(bytes, block.bytes.len))
            lp = listpack_dup(bytes);
    }
    if (lp == NULL)
        rdb_reader_break(r);
    else if (listpack_count(lp) == 0)
        listpack_free(lp);
    else
        list_append_listpack(list, &how->rules->list, lp);
    rdb_text_deinit(&block);
}

static void load_part(struct rdb_reader *r, enum rdb_type type, struct list *list, const struct rdb_load *how,
                      enum rdb_loaded *result_out) {
    if (type == RDB_LIST) {
        push_element(r, list, how, result_out);
        return;
    }
    if (type != RDB_LIST_QUICKLIST_2) {
        append_block(r, list, how, false);
        return;
    }
    switch (rdb_reader_length(r)) {
    case RDB_NODE_PLAIN: push_element(r, list, how, result_out); return;
    case RDB_NODE_PACKED: append_block(r, list, how, true); return;
    default: rdb_reader_break(r); return;
    }
}

static struct entry *list_load(struct rdb_reader *r, enum rdb_type type, const struct rdb_load *how,
                               enum rdb_loaded *result_out) {
    struct list list = list_new();
    uint64_t parts = type == RDB_LIST_ZIPLIST ? 1 : rdb_reader_count(r, 1);
    for (uint64_t i = 0; i < parts && !rdb_reader_is_broken(r) && *result_out == RDB_LOADED; i++)
        load_part(r, type, &list, how, result_out);
    if (rdb_reader_is_broken(r) || list_count(&list) == 0) {
        rdb_reader_break(r);
        list_free(&list);
        return NULL;
    }
    list_settle(&list, &how->rules->list);
    return entry_set_expire(list_entry(&list, how->key), how->expire_ms);
}

const struct rdb_type_ops rdb_list_ops = {list_type_of, list_save_step, list_load};
