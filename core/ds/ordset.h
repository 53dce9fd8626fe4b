/* ordset.h: an ordered set of small items of one size: the map from stream IDs to blocks of entries, the lists of
 * pending messages, the consumers of a group by name.
 *
 * An item is `item_bytes` bytes, of which the first `key_bytes` are its key. Keys are compared as stream IDs (two
 * native 64-bit numbers, the more significant one first), unless the type brings a function of its own: then the key of
 * an item is a pointer to something that begins with its name. No two items have the same key.
 *
 * A *place* (struct ordset_place) is a position in the set, to walk from it in both directions; it lies on the caller's
 * stack and is void after any change of the set, as is every pointer to an item. Items may be changed where they are,
 * but not their keys.
 *
 * Memory: the set owns its nodes, never what its items point to. It keeps no sum of its own: every allocation is added to
 * *bytes, which several sets of one owner share.
 * Thread: the owner's. Cost: every operation O(log n), a step of a walk O(1). */
#pragma once

#include "core/base/attr.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    ORDSET_HEIGHT_MAX = 20, /* levels of nodes; far beyond what fits into memory */
    ORDSET_NODE_ITEMS = 32, /* children of a full inner node; items of a full leaf at least */
    ORDSET_ITEM_BYTES_MAX = 64,
};

/* A 128-bit key, as a pattern: any two 64-bit numbers at the beginning of an item will do. */
struct ordset_id {
    uint64_t high;
    uint64_t low;
};

struct ordset_type {
    uint16_t item_bytes;
    uint16_t key_bytes; /* what stands at the beginning of an item */
    /* NULL: keys are struct ordset_id. Else keys are pointers, and this gives <0, 0, >0 as what `wanted` points to sorts
     * before, with or behind what the pointer at `key` points to. */
    int (*compare)(const void *wanted, const void *key);
};

struct ordset_node;

/* Read its fields through functions, except count. */
struct ordset {
    const struct ordset_type *type; /* borrowed, constant */
    struct ordset_node *root;       /* NULL while empty */
    size_t count;
    size_t *bytes;     /* borrowed: the sum that its memory is added to */
    uint16_t leaf_max; /* items of a full leaf: what fits into the allocator's block for ORDSET_NODE_ITEMS */
    uint8_t height;    /* levels; 0 while empty */
};

struct ordset_place {
    const struct ordset *set;
    struct ordset_node *nodes[ORDSET_HEIGHT_MAX]; /* [0] is the leaf */
    uint16_t at[ORDSET_HEIGHT_MAX];
    bool is_valid; /* it stands at an item */
};

/* An empty set. Borrows both pointers for its lifetime. */
void ordset_init(struct ordset *set, const struct ordset_type *type, size_t *bytes);

/* Frees all nodes; the set is empty and usable afterwards. Before it, the caller frees what items point to. */
void ordset_clear(struct ordset *set);

/* Frees up to `leaves_max` leaves from the end; true when the set is empty. */
bool ordset_clear_step(struct ordset *set, size_t leaves_max);

/* Nodes that the set consists of, roughly; O(1). */
size_t ordset_nodes(const struct ordset *set);

/* ---- looking ---- */

/* The item with this key, or NULL. */
void *ordset_find(const struct ordset *set, const void *wanted);

/* The smallest and the greatest item, or NULL. */
void *ordset_first(const struct ordset *set);
void *ordset_last(const struct ordset *set);

/* Goes to the first item that is not before `wanted` (ge), the last one that is not behind it (le), the smallest, the
 * greatest. Gives the item, or NULL when there is none: the place is then not valid. */
void *ordset_seek_ge(const struct ordset *set, const void *wanted, struct ordset_place *place_out);
void *ordset_seek_le(const struct ordset *set, const void *wanted, struct ordset_place *place_out);
void *ordset_seek_first(const struct ordset *set, struct ordset_place *place_out);
void *ordset_seek_last(const struct ordset *set, struct ordset_place *place_out);

/* Goes one item on or back from a valid place; NULL at the end: the place is then not valid. */
void *ordset_next(struct ordset_place *place);
void *ordset_prev(struct ordset_place *place);

/* The item at a valid place. */
void *ordset_item(const struct ordset_place *place);

/* ---- changing ---- */

/* Copies an item into the set and gives where it lies now. An item with this key must not be there. */
void *ordset_add(struct ordset *set, const void *wanted, const void *item);

/* Removes the item with this key and copies it to item_out (may be NULL); false when there is none. */
bool ordset_remove(struct ordset *set, const void *wanted, void *item_out);

/* Removes the greatest item, the cheapest one to remove; false when the set is empty. */
bool ordset_pop_last(struct ordset *set, void *item_out);

/* ---- inspection ---- */

/* Verifies every invariant; a bug if one is broken. Gives the bytes of all nodes. */
size_t ordset_check(const struct ordset *set);

/* Prints the shape to stderr, for debugging. */
void ordset_dump(const struct ordset *set);
