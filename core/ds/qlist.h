/* qlist.h: a long list of strings: many elements in few blocks, cheap at both ends, with quick access by index.
 *
 * A qlist is a row of *nodes*, each a block that holds some hundred short elements as a listpack, or one long element
 * plainly. Nodes far from both ends may be kept compressed. What a node may hold is said by struct qlist_limits when the
 * list is made.
 *
 * Memory: every string given is copied. Thread: the owner's. Values handed out are valid until the list changes.
 * Cost: the ends O(1) amortised; by index O(nodes / 128 + elements of a node); everything in the middle besides that
 * O(bytes of a node). */
#pragma once

#include "core/ds/qlist_node.h"

struct qlist;

/* Gives an empty list. */
struct qlist *qlist_new(const struct qlist_limits *limits);

/* Takes the list; NULL is allowed. */
void qlist_free(struct qlist *q);

/* Frees about `pieces_max` nodes; true when the list itself is gone, else it must be called again. */
bool qlist_free_step(struct qlist *q, size_t pieces_max);

/* Gives a deep copy. */
struct qlist *qlist_dup(const struct qlist *q);

/* Elements, nodes, and bytes by mem_usable's measure. O(1). */
size_t qlist_count(const struct qlist *q);
size_t qlist_nodes(const struct qlist *q);
size_t qlist_bytes(const struct qlist *q);

/* ---- the ends ---- */

/* False: no memory for an element that long, nothing changed. */
bool qlist_push(struct qlist *q, enum qlist_end end, struct bytes value) ATTR_MUST_USE;

/* The first or last element of a list that is not empty. A number's text is written to `scratch`. */
struct bytes qlist_peek(const struct qlist *q, enum qlist_end end, char scratch[NUM_INT_TEXT_MAX]);

/* Removes one element; the list must not be empty. */
void qlist_pop(struct qlist *q, enum qlist_end end);

/* Takes a listpack and appends it as a node of its own, whatever its length; an empty one is freed. */
void qlist_append_listpack(struct qlist *q, unsigned char *lp);

/* The listpack that is the whole list, or NULL if the list is not one packed node. */
const unsigned char *qlist_only_listpack(const struct qlist *q);

/* Takes such a list, gives its listpack. */
unsigned char *qlist_into_listpack(struct qlist *q);

/* ---- anywhere ---- */

/* Puts an element in front of the one with this index (0 .. count). False: no memory, nothing changed. */
bool qlist_insert(struct qlist *q, size_t index, struct bytes value) ATTR_MUST_USE;

/* Puts another value in the place of the element with this index, which must exist. False as above. */
bool qlist_replace(struct qlist *q, size_t index, struct bytes value) ATTR_MUST_USE;

/* Removes `count` elements from `index` on; that many must be there. */
void qlist_remove(struct qlist *q, size_t index, size_t count);

/* Removes the first `limit` elements, from `end`, that equal `value`; returns how many. */
size_t qlist_remove_equal(struct qlist *q, enum qlist_end end, struct bytes value, size_t limit);

/* ---- walking ---- */

/* Goes over elements. Lives on the caller's stack; the list must not change meanwhile. */
struct qlist_iter {
    const struct qlist *q; /* NULL: over one listpack that belongs to no list */
    const struct qlist_span *span;
    uint32_t slot;
    bool is_plain;           /* the node is plain, and not given yet */
    bool is_backward;        /* towards the head */
    const unsigned char *lp; /* listpack of the node */
    const unsigned char *at; /* the next element in it; NULL: none left in this node */
    unsigned char *expanded; /* owned: the compressed node's listpack */
    struct bytes plain;
};

/* Begins at the element with this index, which must be below the count unless the list is empty; goes on towards the
 * tail, or the head. */
void qlist_iter_init(struct qlist_iter *it, const struct qlist *q, size_t index, bool is_backward);

/* The same over a single listpack. */
void qlist_iter_init_listpack(struct qlist_iter *it, const unsigned char *lp, size_t index, bool is_backward);

void qlist_iter_deinit(struct qlist_iter *it);

/* The next element; false behind the last. A number's text is written to `scratch`; the value is valid until the next
 * call. */
bool qlist_iter_next(struct qlist_iter *it, char scratch[NUM_INT_TEXT_MAX], struct bytes *value_out);

/* Steps to the next element and tells whether it equals `value`; false behind the last. */
bool qlist_iter_next_is(struct qlist_iter *it, struct bytes value, bool *is_equal_out);

/* A node as a file wants it. */
struct qlist_piece {
    bool is_plain;
    struct bytes data; /* the listpack, or the element, as it is or compressed */
    size_t lzf_of;     /* 0: as it is; else: it is LZF of that many bytes */
};

/* The node with this number (0 .. nodes - 1). O(nodes / 128). */
struct qlist_piece qlist_piece(const struct qlist *q, size_t number);

/* ---- */

/* Verifies every invariant; a bug if one is broken. */
void qlist_check(const struct qlist *q);

/* Prints nodes and sizes to stderr, for debugging. */
void qlist_dump(const struct qlist *q);
