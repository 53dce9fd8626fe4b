/* hash.c: one hash, two forms.
 *
 * Objects of a few fields want to be compact, hashes of a million fields want to be found in; so a hash begins as a listpack
 * (hash_listpack.c) and becomes a packed table (core/ds/packed_table.h) when it outgrows the limits, which are Redis's. Here
 * each operation chooses by the encoding in the entry, and hashes pass from one form to the other.
 *
 * Which form a hash has is in the entry's encoding, so the object is just the listpack or the table: an object of five
 * fields is one block.
 *
 *   I1  An encoding without VALUE_ENCODING_TIMED has no field with an expiry.
 *   I2  The listpack of a timed hash has rows of three elements, of any other rows of two.
 *
 * Making a table first and filling it afterwards means that a failure leaves the hash as it was. */
#include "core/value/hash_internal.h"

#include "core/base/mem.h"
#include "core/ds/packed_table.h"
#include "core/value/digest.h"

#include <stdio.h>

static bool is_table(const struct entry *e) {
    return hash__is_table(entry_object_encoding(e));
}

static unsigned char *rows_of(const struct entry *e) {
    dcheck(!is_table(e));
    return entry_object(e);
}

static struct packed_table *table_of(const struct entry *e) {
    dcheck(is_table(e));
    return entry_object(e);
}

static void set_rows(struct entry *e, unsigned char *lp) {
    entry_set_object(e, entry_object_encoding(e), lp);
}

static int64_t from_packed(int64_t expire_ms) {
    return expire_ms == PACKED_NO_EXPIRE ? HASH_NO_EXPIRE : expire_ms;
}

static int64_t to_packed(int64_t expire_ms) {
    return expire_ms == HASH_NO_EXPIRE ? PACKED_NO_EXPIRE : expire_ms;
}

static void item_of(const struct packed_item *packed, struct hash_item *item_out) {
    item_out->field = packed->field;
    item_out->value = packed->value;
    item_out->expire_ms = from_packed(packed->expire_ms);
}

/* ---- making, passing from form to form ---- */

struct entry *hash_new_entry(struct bytes key) {
    return entry_new_object(key, VALUE_HASH, HASH_LISTPACK, listpack_new(0));
}

struct entry *hash_new_from_listpack(struct bytes key, unsigned char *lp, bool is_timed) {
    return entry_new_object(key, VALUE_HASH, is_timed ? HASH_LISTPACK_TIMED : HASH_LISTPACK, lp);
}

/* True unless there was no memory for a long string. */
static bool table_put_new(struct packed_table *t, struct bytes field, struct bytes value, int64_t expire_ms) {
    struct packed_at at;
    if (packed_table_add(t, field, value, &at) == PACKED_NO_MEMORY)
        return false;
    if (expire_ms != HASH_NO_EXPIRE)
        packed_table_set_expire(t, &at, to_packed(expire_ms));
    return true;
}

/* Makes the listpack a table. False: no memory, the hash is as it was. */
static bool become_table(struct entry *e, const struct hash_limits *limits) {
    struct packed_table *t = packed_table_new(true, limits->seed);
    struct hash_walk walk = hash_walk_begin(e);
    struct hash_item item;
    while (hash_walk_next(&walk, &item)) {
        if (!table_put_new(t, item.field, item.value, item.expire_ms)) {
            packed_table_free(t);
            return false;
        }
    }
    listpack_free(rows_of(e));
    entry_set_object(e, hash_is_timed(e) ? HASH_TABLE_TIMED : HASH_TABLE, t);
    return true;
}

void hash_expect(struct entry *e, const struct hash_limits *limits, size_t fields) {
    if (UNLIKELY(fields > limits->fields_max) && !is_table(e))
        (void)become_table(e, limits); /* if that fails, hash_put tries again and says so */
}

void hash_make_timed(struct entry *e) {
    if (hash_is_timed(e))
        return;
    if (is_table(e))
        entry_set_object(e, HASH_TABLE_TIMED, table_of(e));
    else
        entry_set_object(e, HASH_LISTPACK_TIMED, hash__rows_make_timed(rows_of(e))); /* I2 */
}

/* ---- looking ---- */

size_t hash_count(const struct entry *e) {
    if (is_table(e))
        return packed_table_count(table_of(e));
    return listpack_count(rows_of(e)) / hash__width(hash_is_timed(e));
}

bool hash_find(const struct entry *e, struct bytes field, struct hash_item *item_out) {
    if (is_table(e)) {
        struct packed_at at;
        if (!packed_table_find(table_of(e), field, &at))
            return false;
        struct packed_item packed = packed_table_get(table_of(e), at);
        item_of(&packed, item_out);
        return true;
    }
    unsigned char *row = hash__row_find(rows_of(e), hash_is_timed(e), field);
    if (row == NULL)
        return false;
    hash__row_read(rows_of(e), row, hash_is_timed(e), item_out);
    return true;
}

const unsigned char *hash_listpack(const struct entry *e) {
    return is_table(e) ? NULL : rows_of(e);
}

/* ---- changing ---- */

static enum hash_result table_put(struct entry *e, struct bytes field, struct bytes value,
                                  int64_t expire_ms) {
    struct packed_table *t = table_of(e);
    struct packed_at at;
    enum packed_result result = packed_table_add(t, field, value, &at);
    if (result == PACKED_NO_MEMORY || (result == PACKED_PRESENT && !packed_table_set_value(t, &at, value)))
        return HASH_NO_MEMORY;
    /* Without times in the table there is nothing to keep and nothing to take away. */
    if (expire_ms != HASH_KEEP_EXPIRE && hash_is_timed(e) &&
        (result == PACKED_PRESENT || expire_ms != HASH_NO_EXPIRE))
        packed_table_set_expire(t, &at, to_packed(expire_ms));
    return result == PACKED_PRESENT ? HASH_REPLACED : HASH_ADDED;
}

/* Whether field and value may stand in the listpack as the row `row` (NULL: a new one). */
static bool rows_may_take(const struct entry *e, const struct hash_limits *limits, const unsigned char *row,
                          struct bytes field, struct bytes value) {
    return field.len <= limits->string_bytes_max && value.len <= limits->string_bytes_max &&
           (row != NULL || hash_count(e) < limits->fields_max) &&
           listpack_fits(rows_of(e), field.len + value.len, hash__width(true));
}

enum hash_result hash_put(struct entry *e, const struct hash_limits *limits, struct bytes field,
                          struct bytes value, int64_t expire_ms) {
    if (UNLIKELY(expire_ms >= 0))
        hash_make_timed(e); /* I1 */
    if (is_table(e))
        return table_put(e, field, value, expire_ms);
    bool is_timed = hash_is_timed(e);
    unsigned char *lp = rows_of(e);
    unsigned char *row = hash__row_find(lp, is_timed, field);
    if (UNLIKELY(!rows_may_take(e, limits, row, field, value)))
        return become_table(e, limits) ? table_put(e, field, value, expire_ms) : HASH_NO_MEMORY;
    if (row != NULL) {
        set_rows(e, hash__row_change(lp, is_timed, row, field, value, expire_ms));
        return HASH_REPLACED;
    }
    set_rows(e, hash__row_add(lp, is_timed, field, value, expire_ms < 0 ? HASH_NO_EXPIRE : expire_ms));
    return HASH_ADDED;
}

bool hash_set_expire(struct entry *e, struct bytes field, int64_t expire_ms) {
    if (expire_ms != HASH_NO_EXPIRE)
        hash_make_timed(e); /* I1 */
    if (is_table(e)) {
        struct packed_at at;
        if (!packed_table_find(table_of(e), field, &at))
            return false;
        packed_table_set_expire(table_of(e), &at, to_packed(expire_ms));
        return true;
    }
    unsigned char *row = hash__row_find(rows_of(e), hash_is_timed(e), field);
    if (row == NULL)
        return false;
    if (hash_is_timed(e))
        set_rows(e, hash__row_set_expire(rows_of(e), row, expire_ms));
    return true;
}

bool hash_remove(struct entry *e, struct bytes field) {
    if (is_table(e))
        return packed_table_remove_field(table_of(e), field);
    unsigned char *row = hash__row_find(rows_of(e), hash_is_timed(e), field);
    if (row == NULL)
        return false;
    set_rows(e, hash__row_remove(rows_of(e), hash_is_timed(e), row));
    return true;
}

static void show_packed(const struct packed_item *packed, void *ctx) {
    const struct hash_visitor *visitor = ctx;
    struct hash_item item;
    item_of(packed, &item);
    visitor->visit(visitor->ctx, &item);
}

static bool rows_remove_due(struct entry *e, int64_t now_ms, size_t max, struct hash_visitor visitor) {
    unsigned char *lp = rows_of(e);
    unsigned char *row = listpack_first(lp);
    size_t due = 0;
    struct hash_item item;
    while (row != NULL && due < max) {
        row = hash__row_read(lp, row, true, &item);
        if (item.expire_ms == HASH_NO_EXPIRE || item.expire_ms > now_ms)
            break;
        visitor.visit(visitor.ctx, &item);
        due++;
    }
    if (due > 0)
        set_rows(e, listpack_remove_range(lp, 0, due * hash__width(true)));
    int64_t next_ms = hash__rows_due_ms(rows_of(e));
    return next_ms == HASH_NO_EXPIRE || next_ms > now_ms;
}

bool hash_remove_due(struct entry *e, int64_t now_ms, size_t max, struct hash_visitor visitor) {
    if (!hash_is_timed(e))
        return true;
    if (!is_table(e))
        return rows_remove_due(e, now_ms, max, visitor);
    return packed_table_expire_step(table_of(e), now_ms, max, (struct packed_visitor){show_packed, &visitor});
}

/* ---- walking ---- */

struct hash_walk hash_walk_begin(const struct entry *e) {
    struct hash_walk walk = {.entry = e};
    if (is_table(e)) {
        walk.node = PACKED_AT_START.node;
        walk.slot = PACKED_AT_START.slot;
    } else {
        walk.place = listpack_first(rows_of(e));
    }
    return walk;
}

bool hash_walk_next(struct hash_walk *walk, struct hash_item *item_out) {
    const struct entry *e = walk->entry;
    if (is_table(e)) {
        struct packed_at at = {walk->node, walk->slot};
        if (!packed_table_next(table_of(e), &at))
            return false;
        walk->node = at.node;
        walk->slot = at.slot;
        struct packed_item packed = packed_table_get(table_of(e), at);
        item_of(&packed, item_out);
        return true;
    }
    if (walk->place == NULL)
        return false;
    walk->place = hash__row_read(rows_of(e), walk->place, hash_is_timed(e), item_out);
    return true;
}

struct counting_visitor {
    struct hash_visitor visitor;
    size_t visited;
};

static void show_and_count(const struct packed_item *packed, void *ctx) {
    struct counting_visitor *counting = ctx;
    counting->visited++;
    show_packed(packed, &counting->visitor);
}

uint64_t hash_scan(const struct entry *e, uint64_t cursor, size_t count, struct hash_visitor visitor) {
    if (is_table(e)) {
        struct counting_visitor counting = {visitor, 0};
        size_t steps = 0; /* some steps may find nothing */
        do {
            cursor =
                packed_table_scan(table_of(e), cursor, (struct packed_visitor){show_and_count, &counting});
            steps++;
        } while (cursor != 0 && counting.visited < count && steps / 10 < count);
        return cursor;
    }
    struct hash_walk walk = hash_walk_begin(e);
    struct hash_item item;
    while (hash_walk_next(&walk, &item))
        visitor.visit(visitor.ctx, &item);
    return 0;
}

/* ---- what entries ask for ---- */

static void hash_object_free(void *object, uint8_t encoding) {
    if (hash__is_table(encoding))
        packed_table_free(object);
    else
        listpack_free(object);
}

static bool hash_object_free_step(void *object, uint8_t encoding, size_t pieces_max) {
    if (hash__is_table(encoding))
        return packed_table_free_step(object, pieces_max);
    listpack_free(object);
    return true;
}

static size_t hash_object_bytes(const void *object, uint8_t encoding) {
    return hash__is_table(encoding) ? packed_table_bytes(object) : mem_usable(object);
}

static size_t hash_object_pieces(const void *object, uint8_t encoding) {
    return hash__is_table(encoding) ? packed_table_pieces(object) : 1;
}

static int64_t hash_object_due_ms(const void *object, uint8_t encoding) {
    if (!hash__is_table(encoding))
        return hash__rows_due_ms(object);
    return packed_table_expiring(object) == 0 ? VALUE_NEVER_DUE : packed_table_expire_hint(object);
}

static void hash_object_prefetch(const void *object, uint8_t encoding, struct bytes element, unsigned stage) {
    if (hash__is_table(encoding)) {
        packed_table_prefetch(object, element, stage);
    } else if (stage == 0) {
        __builtin_prefetch(object);
        __builtin_prefetch((const char *)object + CACHE_LINE_BYTES); /* most are of two lines */
    }
}

static void *hash_object_dup(const void *object, uint8_t encoding) {
    return hash__is_table(encoding) ? (void *)packed_table_dup(object) : (void *)listpack_dup(object);
}

static const char *hash_object_encoding_name(const void *object, uint8_t encoding) {
    (void)object;
    if (hash__is_table(encoding))
        return "hashtable";
    return encoding == HASH_LISTPACK ? "listpack" : "listpackex";
}

static void digest_item(struct digest *digest, const struct hash_item *item) {
    struct digest one = {{0}};
    digest_mix(&one, item->field);
    digest_mix(&one, item->value);
    if (item->expire_ms != HASH_NO_EXPIRE)
        digest_xor(&one, BYTES_LIT("!!hexpire!!"));
    digest_xor(digest, bytes_of(one.of, sizeof one.of));
}

static void digest_packed(const struct packed_item *packed, void *ctx) {
    struct hash_item item;
    item_of(packed, &item);
    digest_item(ctx, &item);
}

static void hash_object_digest(const void *object, uint8_t encoding, struct digest *digest) {
    struct hash_item item;
    if (hash__is_table(encoding)) {
        struct packed_at at = PACKED_AT_START;
        while (packed_table_next(object, &at)) {
            struct packed_item packed = packed_table_get(object, at);
            digest_packed(&packed, digest);
        }
        return;
    }
    for (unsigned char *row = listpack_first(object); row != NULL;) {
        row = hash__row_read(object, row, encoding == HASH_LISTPACK_TIMED, &item);
        digest_item(digest, &item);
    }
}

const struct value_ops hash_ops = {
    .free = hash_object_free,
    .free_step = hash_object_free_step,
    .bytes = hash_object_bytes,
    .pieces = hash_object_pieces,
    .due_ms = hash_object_due_ms,
    .prefetch = hash_object_prefetch,
    .dup = hash_object_dup,
    .encoding_name = hash_object_encoding_name,
    .digest = hash_object_digest,
};

/* ---- trust ---- */

void hash_check(const struct entry *e) {
    must(entry_type(e) == VALUE_HASH);
    if (!is_table(e)) {
        hash__rows_check(rows_of(e), hash_is_timed(e)); /* I2 */
        return;
    }
    packed_table_check(table_of(e));
    must(hash_is_timed(e) || packed_table_expiring(table_of(e)) == 0); /* I1 */
}

void hash_dump(const struct entry *e) {
    struct hash_walk walk = hash_walk_begin(e);
    struct hash_item item;
    fprintf(stderr, "hash (%s), %zu fields\n", entry_encoding_name(e), hash_count(e));
    while (hash_walk_next(&walk, &item))
        fprintf(stderr, "  %.*s = %.*s, expires %lld\n", (int)item.field.len, item.field.ptr,
                (int)item.value.len, item.value.ptr, (long long)item.expire_ms);
}
