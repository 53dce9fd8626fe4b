/* hash_internal.h: the listpack form of hashes, for hash.c and its neighbours.
 *
 * A *row* is a field with what belongs to it: two elements, or three when the listpack is timed. A row is named by the place
 * of its field. */
#pragma once

#include "core/ds/listpack.h"
#include "core/value/hash.h"

enum { HASH_ROW_FOREVER = 0 /* the third element of a row that does not expire */ };

static inline bool hash__is_table(uint8_t encoding) {
    return (encoding & ~VALUE_ENCODING_TIMED) == HASH_TABLE;
}

static inline size_t hash__width(bool is_timed) {
    return is_timed ? 3 : 2;
}

/* Reads the row; gives the place behind it, or NULL at the end. */
unsigned char *hash__row_read(const unsigned char *lp, unsigned char *row, bool is_timed,
                              struct hash_item *item_out);

/* The row with this field, or NULL. */
unsigned char *hash__row_find(const unsigned char *lp, bool is_timed, struct bytes field);

/* The expiry of the row that expires first, or HASH_NO_EXPIRE. */
int64_t hash__rows_due_ms(const unsigned char *lp);

/* Adds a row, where its expiry wants it. The listpack takes and gives as in listpack.h, here and below. */
unsigned char *hash__row_add(unsigned char *lp, bool is_timed, struct bytes field, struct bytes value,
                             int64_t expire_ms) ATTR_MUST_USE;

unsigned char *hash__row_remove(unsigned char *lp, bool is_timed, unsigned char *row) ATTR_MUST_USE;

/* Gives the row another value, and moves it if it gets another expiry. */
unsigned char *hash__row_change(unsigned char *lp, bool is_timed, unsigned char *row, struct bytes field,
                                struct bytes value, int64_t expire_ms) ATTR_MUST_USE;

/* Moves the row to where another expiry wants it. */
unsigned char *hash__row_set_expire(unsigned char *lp, unsigned char *row, int64_t expire_ms) ATTR_MUST_USE;

/* Gives every row a third element. */
unsigned char *hash__rows_make_timed(unsigned char *lp) ATTR_MUST_USE;

/* Verifies the rows; a bug if they are not what they should be. */
void hash__rows_check(const unsigned char *lp, bool is_timed);
