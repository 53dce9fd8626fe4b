/* hash_listpack.c: small hashes as rows of a listpack.
 *
 * Most hashes are objects of a few fields. A listpack of them is one block of little more than the bytes themselves, and
 * searching all of it touches fewer cache lines than a table would.
 *
 * Times make a row longer by one element: 1 byte in a row that does not expire, up to 11 in one that does. Rows stand in
 * the order of their times, so the earliest is the first row's, what is due stands in front, and removing it is one move.
 *
 *   I1  The number of elements is a multiple of the width of a row, and no two rows have equal fields.
 *   I2  In a timed listpack the third elements are integers; they ascend, and all rows without a time stand at the end.
 *
 * Why not an index of the times beside the listpack: it would have to be moved with every change, and Redis's files have
 * this form. Cost: every change O(bytes). */
#include "core/value/hash_internal.h"

#include "core/base/mem.h"

enum { ROW_COPY_BYTES = 256 /* a longer value is copied to the heap while its row moves */ };

static int64_t expire_of(const unsigned char *place) {
    int64_t ms = HASH_ROW_FOREVER;
    must(place != NULL && listpack_get_int(place, &ms)); /* I2 */
    return ms == HASH_ROW_FOREVER ? HASH_NO_EXPIRE : ms;
}

/* The time as it is stored. Zero stands for none, so what expired at the epoch is stored as a millisecond later. */
static int64_t stored_expire(int64_t expire_ms) {
    if (expire_ms == HASH_NO_EXPIRE)
        return HASH_ROW_FOREVER;
    return expire_ms < 1 ? 1 : expire_ms;
}

unsigned char *hash__row_read(const unsigned char *lp, unsigned char *row, bool is_timed,
                              struct hash_item *item_out) {
    unsigned char *at = listpack_next(lp, row);
    item_out->field = listpack_get(row, item_out->field_scratch);
    item_out->value = listpack_get(at, item_out->value_scratch);
    item_out->expire_ms = HASH_NO_EXPIRE;
    if (is_timed) {
        at = listpack_next(lp, at);
        item_out->expire_ms = expire_of(at);
    }
    return listpack_next(lp, at);
}

unsigned char *hash__row_find(const unsigned char *lp, bool is_timed, struct bytes field) {
    unsigned char *first = listpack_first(lp);
    return first == NULL ? NULL : listpack_find(lp, first, field, hash__width(is_timed) - 1);
}

int64_t hash__rows_due_ms(const unsigned char *lp) {
    unsigned char *first = listpack_first(lp);
    if (first == NULL)
        return HASH_NO_EXPIRE;
    return expire_of(listpack_next(lp, listpack_next(lp, first)));
}

/* The first row that does not expire before `stored`, or NULL: a row with that time belongs in front of it. */
static unsigned char *place_for(const unsigned char *lp, int64_t stored) {
    unsigned char *row = stored == HASH_ROW_FOREVER ? NULL : listpack_first(lp);
    while (row != NULL) {
        unsigned char *last = listpack_next(lp, listpack_next(lp, row));
        int64_t expire_ms = expire_of(last);
        if (expire_ms == HASH_NO_EXPIRE || expire_ms >= stored)
            return row;
        row = listpack_next(lp, last);
    }
    return NULL;
}

unsigned char *hash__row_add(unsigned char *lp, bool is_timed, struct bytes field, struct bytes value,
                             int64_t expire_ms) {
    dcheck(is_timed || expire_ms == HASH_NO_EXPIRE);
    int64_t stored = stored_expire(expire_ms);
    unsigned char *at = is_timed ? place_for(lp, stored) : NULL;
    if (at == NULL) {
        lp = listpack_append(lp, field);
        lp = listpack_append(lp, value);
        return is_timed ? listpack_append_int(lp, stored) : lp;
    }
    lp = listpack_insert(lp, &at, field);
    at = listpack_next(lp, at);
    lp = listpack_insert(lp, &at, value);
    at = listpack_next(lp, at);
    return listpack_insert_int(lp, &at, stored);
}

unsigned char *hash__row_remove(unsigned char *lp, bool is_timed, unsigned char *row) {
    return listpack_remove(lp, &row, hash__width(is_timed));
}

unsigned char *hash__row_change(unsigned char *lp, bool is_timed, unsigned char *row, struct bytes field,
                                struct bytes value, int64_t expire_ms) {
    unsigned char *at = listpack_next(lp, row);
    if (is_timed && expire_ms != HASH_KEEP_EXPIRE && expire_of(listpack_next(lp, at)) != expire_ms) {
        lp = hash__row_remove(lp, true, row);
        return hash__row_add(lp, true, field, value, expire_ms);
    }
    return listpack_replace(lp, &at, value);
}

unsigned char *hash__row_set_expire(unsigned char *lp, unsigned char *row, int64_t expire_ms) {
    struct hash_item item;
    hash__row_read(lp, row, true, &item);
    char room[ROW_COPY_BYTES];
    size_t len = item.field.len + item.value.len;
    char *copy = len <= sizeof(room) ? room : mem_alloc(len);
    if (item.field.len > 0)
        memcpy(copy, item.field.ptr, item.field.len);
    if (item.value.len > 0)
        memcpy(copy + item.field.len, item.value.ptr, item.value.len);
    lp = hash__row_remove(lp, true, row);
    lp = hash__row_add(lp, true, bytes_of(copy, item.field.len),
                       bytes_of(copy + item.field.len, item.value.len), expire_ms);
    if (copy != room)
        mem_free(copy);
    return lp;
}

unsigned char *hash__rows_make_timed(unsigned char *lp) {
    unsigned char *timed = listpack_new(listpack_bytes(lp) + listpack_count(lp));
    struct hash_item item;
    for (unsigned char *row = listpack_first(lp); row != NULL;) {
        row = hash__row_read(lp, row, false, &item);
        timed = hash__row_add(timed, true, item.field, item.value, HASH_NO_EXPIRE);
    }
    listpack_free(lp);
    return listpack_shrink(timed);
}

void hash__rows_check(const unsigned char *lp, bool is_timed) {
    listpack_check(lp);
    must(listpack_count(lp) % hash__width(is_timed) == 0); /* I1 */
    int64_t last_ms = 0;
    bool is_forever = false;
    struct hash_item item;
    for (unsigned char *row = listpack_first(lp); row != NULL;) {
        must(hash__row_find(lp, is_timed, listpack_get(row, item.field_scratch)) == row); /* I1 */
        row = hash__row_read(lp, row, is_timed, &item);
        must(item.expire_ms == HASH_NO_EXPIRE || (!is_forever && item.expire_ms >= last_ms)); /* I2 */
        is_forever = is_forever || item.expire_ms == HASH_NO_EXPIRE;
        last_ms = item.expire_ms;
    }
}
