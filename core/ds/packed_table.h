/* packed_table.h: a hash table of many small items, packed: the large form of sets and hashes.
 *
 * An *item* is a field (any bytes, unique in the table), in a table made with values also a value, and perhaps a time at
 * which it expires (unix milliseconds). Items live some dozen to a *node*, one small block; there is no allocation and no
 * pointer per item, unless it is longer than PACKED_INLINE_MAX bytes: then it has a block of its own. The table grows and
 * shrinks by one node at a time: no pause, no doubling. A 16-byte field costs about 23 bytes in all.
 *
 * Expiry: the table stores and sorts out times, but never looks at a clock: an item whose time has passed is found,
 * counted and visited like any other until packed_table_expire_step removes it or its owner does.
 *
 * A struct packed_at is where an item stands, and a struct packed_item what it says; both are void after any change of the
 * table, except where a function says that it gives the new place. Views in a packed_item point into the table.
 *
 * Limits: field and value up to 2^32-1 bytes each. Cost: find, add, change, remove O(1), touching two to three cache lines
 * beside the directory. Memory: packed_table_bytes() is exact by mem_usable's measure, and O(1). What a stranger chooses the
 * size of (an item with a block of its own) may fail with PACKED_NO_MEMORY and then nothing has changed; everything else is
 * small and cannot fail. Thread: one at a time; the table may move from one thread to another. */
#pragma once

#include "core/base/bytes.h"
#include "core/base/rng.h"

enum {
    PACKED_INLINE_MAX = 120, /* longest field + value that is stored inside a node */
};

/* The time of an item that does not expire: later than all others. */
#define PACKED_NO_EXPIRE INT64_MAX

struct packed_table;

/* Where an item stands; void after any change of the table. */
struct packed_at {
    size_t node;
    uint32_t slot;
};

/* What an item says; the views point into the table. */
struct packed_item {
    struct bytes field;
    struct bytes value; /* empty in a table without values */
    int64_t expire_ms;  /* or PACKED_NO_EXPIRE */
};

enum packed_result {
    PACKED_ADDED,     /* the item is new */
    PACKED_PRESENT,   /* there was one with this field; it has not been changed */
    PACKED_NO_MEMORY, /* no memory for a long item; nothing has been changed */
};

/* A callback and what it is given. It must not change the table. */
struct packed_visitor {
    void (*visit)(const struct packed_item *item, void *ctx);
    void *ctx;
};

/* ---- making and freeing ---- */

/* Gives an empty table. `seed` is secret, and best another one for each table: items that are copied from one table into
 * another of the same seed in scan order arrive in the worst order. */
struct packed_table *packed_table_new(bool has_values, uint64_t seed);

/* Takes the table; NULL is allowed. */
void packed_table_free(struct packed_table *t);

/* Frees about `pieces_max` allocations; true when the table itself is gone, else call it again and do nothing else. */
bool packed_table_free_step(struct packed_table *t, size_t pieces_max);

/* Gives a deep copy, same seed. */
struct packed_table *packed_table_dup(const struct packed_table *t);

/* ---- measuring ---- */

size_t packed_table_count(const struct packed_table *t);

/* Bytes by mem_usable's measure; O(1). */
size_t packed_table_bytes(const struct packed_table *t);

/* Number of allocations; O(1). */
size_t packed_table_pieces(const struct packed_table *t);

/* ---- single items ---- */

/* True and where, if there is an item with this field. */
bool packed_table_find(const struct packed_table *t, struct bytes field, struct packed_at *at_out);

/* Starts loading what a search for `field` will read, without waiting: the directory's place (stage 0), the node (1), and the
 * item (2), each a while after the one before. For many searches at once, whose waits for memory then overlap. */
void packed_table_prefetch(const struct packed_table *t, struct bytes field, unsigned stage);

/* What the item says. */
struct packed_item packed_table_get(const struct packed_table *t, struct packed_at at);

/* Adds an item that does not expire, copying field and value (ignored in a table without values), unless there is one with
 * this field. *at_out is the new or the present item's place; not written for PACKED_NO_MEMORY. */
enum packed_result packed_table_add(struct packed_table *t, struct bytes field, struct bytes value,
                                    struct packed_at *at_out) ATTR_MUST_USE;

/* Copies another value into the item (not from a view into this table); its expiry stays. *at is its place afterwards.
 * False: no memory; nothing has been changed. */
bool packed_table_set_value(struct packed_table *t, struct packed_at *at, struct bytes value) ATTR_MUST_USE;

/* Gives the item another time, or PACKED_NO_EXPIRE. *at is its place afterwards. */
void packed_table_set_expire(struct packed_table *t, struct packed_at *at, int64_t expire_ms);

/* Removes the item. */
void packed_table_remove(struct packed_table *t, struct packed_at at);

/* Removes the item with this field; false if there is none. */
bool packed_table_remove_field(struct packed_table *t, struct bytes field);

/* ---- many items ---- */

/* An item, each with the same probability; the table must not be empty. */
struct packed_at packed_table_random(const struct packed_table *t, struct rng *rng);

/* The item behind *at in the table's own order; start with PACKED_AT_START. False at the end. Any change of the table voids
 * the place, so collect first and change afterwards. The order suits copying into another table (unlike scan order). */
#define PACKED_AT_START ((struct packed_at){0, UINT32_MAX})
bool packed_table_next(const struct packed_table *t, struct packed_at *at);

/* Visits the items of one step of a scan and gives the cursor of the next step, 0 at the end; start with 0. Every item that
 * is there from the first to the last step is visited at least once, whatever else is added and removed in between, and
 * any number is a good cursor. A step visits some dozen items, or none. */
uint64_t packed_table_scan(const struct packed_table *t, uint64_t cursor, struct packed_visitor visitor);

/* ---- expiry ---- */

/* How many items have a time. */
size_t packed_table_expiring(const struct packed_table *t);

/* No item expires before this time (a lower bound of the earliest, PACKED_NO_EXPIRE when there is none). O(1). It becomes
 * exact by packed_table_expire_step. */
int64_t packed_table_expire_hint(const struct packed_table *t);

/* Removes items whose time is not later than `now_ms`, showing each to the visitor before it goes, until about `items_max`
 * are gone. True: there are none left (the hint is later than now_ms then). It looks only at parts of the table in which
 * something is due, some hundred items each. */
bool packed_table_expire_step(struct packed_table *t, int64_t now_ms, size_t items_max,
                              struct packed_visitor visitor);

/* ---- trust ---- */

/* Verifies every invariant, O(n); a bug if one is broken. */
void packed_table_check(const struct packed_table *t);

/* Prints shape and fill to stderr. */
void packed_table_dump(const struct packed_table *t);
