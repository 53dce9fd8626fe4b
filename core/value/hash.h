/* hash.h: hash values: fields with values, each of which may expire by itself.
 *
 * Two forms: a listpack (field, value, field, value, ...) while a hash is small, a packed table when it has many fields
 * or long ones. From the first field with an expiry on both are *timed*: the listpack then holds triples (field, value,
 * expiry or 0) in ascending order of expiry, those without one at the end, which is Redis's order; the table keeps times
 * by itself. A hash never goes back to a form it has left.
 *
 * The functions take the entry that holds the hash and change its object in place; the entry does not move. Whoever changes
 * an entry that hangs in a table brackets the change as for any value (key_open_write, key_swap). They know no clock: a
 * field whose time has passed is found, counted and visited like any other until somebody removes it. An empty hash is the
 * caller's to delete.
 *
 * Strings given to a function are copied and must not lie inside the same hash. Views in a struct hash_item are valid until
 * the hash changes or the item is used again. Times are unix milliseconds.
 * Thread: the entry's. Memory: only a table's long strings are of a size that a client chooses; where there is no memory
 * for one, HASH_NO_MEMORY or false says so and nothing has changed. */
#pragma once

#include "core/base/num.h"
#include "core/base/rng.h"
#include "core/value/entry.h"

#define HASH_NO_EXPIRE   ENTRY_NO_EXPIRE
#define HASH_KEEP_EXPIRE INT64_C(-2) /* hash_put: as it was */

enum hash_encoding {
    HASH_LISTPACK,
    HASH_TABLE,
    HASH_LISTPACK_TIMED = HASH_LISTPACK | VALUE_ENCODING_TIMED,
    HASH_TABLE_TIMED = HASH_TABLE | VALUE_ENCODING_TIMED,
};

/* Up to where a hash stays a listpack, and what a table is made with. */
struct hash_limits {
    size_t fields_max;
    size_t string_bytes_max; /* of a field or a value */
    uint64_t seed;           /* secret, best another one for each hash */
};

struct hash_item {
    struct bytes field;
    struct bytes value;
    int64_t expire_ms; /* or HASH_NO_EXPIRE */
    char field_scratch[NUM_INT_TEXT_MAX];
    char value_scratch[NUM_INT_TEXT_MAX];
};

enum hash_result {
    HASH_ADDED,     /* the field is new */
    HASH_REPLACED,  /* it was there and has another value now */
    HASH_NO_MEMORY, /* nothing has changed */
};

extern const struct value_ops hash_ops;

/* ---- making ---- */

/* Gives an entry with an empty hash. */
struct entry *hash_new_entry(struct bytes key);

/* Gives an entry that takes a sound listpack without equal fields: pairs, or triples in order if it is timed. */
struct entry *hash_new_from_listpack(struct bytes key, unsigned char *lp, bool is_timed);

/* Makes the hash a table at once if it will have more than limits->fields_max fields. */
void hash_expect(struct entry *e, const struct hash_limits *limits, size_t fields);

/* ---- looking ---- */

size_t hash_count(const struct entry *e);

/* True if there is such a field; *item_out says what it holds. */
bool hash_find(const struct entry *e, struct bytes field, struct hash_item *item_out);

/* The listpack of a hash that is one (pairs, or triples if timed), else NULL; for saving it as it is. */
const unsigned char *hash_listpack(const struct entry *e);

/* True if a field expires, or did once. */
static inline bool hash_is_timed(const struct entry *e) {
    return entry_has_timed_parts(e);
}

/* ---- changing ---- */

/* Sets a field, with an expiry, HASH_NO_EXPIRE or HASH_KEEP_EXPIRE. */
enum hash_result hash_put(struct entry *e, const struct hash_limits *limits, struct bytes field,
                          struct bytes value, int64_t expire_ms) ATTR_MUST_USE;

/* Gives a field another expiry, or HASH_NO_EXPIRE; false if there is no such field. */
bool hash_set_expire(struct entry *e, struct bytes field, int64_t expire_ms);

/* Makes the hash timed, as setting an expiry does. */
void hash_make_timed(struct entry *e);

/* Removes a field; false if there is none. */
bool hash_remove(struct entry *e, struct bytes field);

struct hash_visitor {
    void (*visit)(void *ctx, const struct hash_item *item); /* must not change the hash */
    void *ctx;
};

/* Removes fields whose expiry is not later than now, showing each to the visitor before it goes, until about `max` are
 * gone. True when none is left that is due. */
bool hash_remove_due(struct entry *e, int64_t now_ms, size_t max, struct hash_visitor visitor);

/* ---- walking ---- */

/* Goes through all fields in the hash's own order, while it does not change:
 *     struct hash_walk walk = hash_walk_begin(e);
 *     while (hash_walk_next(&walk, &item)) ... */
struct hash_walk {
    const struct entry *entry;
    unsigned char *place; /* listpack: the element to come */
    size_t node;          /* table: the item seen last */
    uint32_t slot;
};

struct hash_walk hash_walk_begin(const struct entry *e);
bool hash_walk_next(struct hash_walk *walk, struct hash_item *item_out);

/* Visits about `count` fields and gives the cursor to go on with, 0 at the end; begin with 0. A field that is there all the
 * time is visited at least once, whatever else happens to the hash between two calls. A listpack is visited whole. */
uint64_t hash_scan(const struct entry *e, uint64_t cursor, size_t count, struct hash_visitor visitor);

/* Draws `count` fields, each time any with the same probability, and visits them in the order drawn. Not empty. */
void hash_draw(const struct entry *e, size_t count, struct rng *rng, struct hash_visitor visitor);

/* The same, but no field twice, and in any order; `count` is at most hash_count. */
void hash_draw_distinct(const struct entry *e, size_t count, struct rng *rng, struct hash_visitor visitor);

/* Verifies every invariant; a bug if one is broken. */
void hash_check(const struct entry *e);

/* Prints it to stderr. */
void hash_dump(const struct entry *e);
