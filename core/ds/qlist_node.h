/* qlist_node.h: one node of a qlist, for qlist*.c only: some elements of a long list in one block of memory.
 *
 * A node is 16 bytes in its span's array; it owns its block. Three kinds:
 *
 *   PACKED   a listpack that begins `gap` bytes behind the block's beginning
 *   PLAIN    one element too long for a listpack: its length in 8 bytes, then its bytes
 *   LZF      a listpack, compressed: its length and the compressed length in 4 bytes each, then the compressed bytes
 *
 * Functions that change a node keep the sum of all blocks in *used true, which is the list's. */
#pragma once

#include "core/ds/listpack.h"

enum qlist_kind { QLIST_PACKED, QLIST_PLAIN, QLIST_LZF };

enum qlist_end { QLIST_HEAD, QLIST_TAIL };

/* How much goes into one node. */
struct qlist_limits {
    size_t bytes_max; /* longest listpack; a longer element gets a plain node */
    size_t count_max; /* most elements */
    size_t depth;     /* nodes at each end that are never compressed; 0: none is */
};

struct qlist_node {
    unsigned char *block;
    uint32_t count; /* elements */
    uint32_t kind : 2;
    uint32_t gap : 30;
};

/* Gives a packed node that takes a listpack of at least one element. */
struct qlist_node qlist_node_of(unsigned char *lp, size_t *used);

/* Gives a packed node of one element, in a block of `capacity` bytes or what it needs, with all spare room at `end`. */
struct qlist_node qlist_node_new(struct bytes value, enum qlist_end end, size_t capacity, size_t *used);

/* Gives a plain node; false: there is no memory. */
bool qlist_node_new_plain(struct bytes value, size_t *used, struct qlist_node *node_out) ATTR_MUST_USE;

void qlist_node_free(struct qlist_node *node, size_t *used);

/* Gives a copy. */
struct qlist_node qlist_node_dup(const struct qlist_node *node, size_t *used);

/* True if it is a packed node that may take another element of `len` bytes. */
bool qlist_node_allows(const struct qlist_node *node, const struct qlist_limits *limits, size_t len);

/* Adds and removes at an end, usually without moving the other elements. Packed nodes only; the one element of a node is
 * not removed like this. The block grows to `block_max` bytes, and beyond only if it must. */
void qlist_node_push(struct qlist_node *node, enum qlist_end end, struct bytes value, size_t block_max,
                     size_t *used);
void qlist_node_pop(struct qlist_node *node, enum qlist_end end, size_t *used);

/* The listpack of a packed node. */
static inline unsigned char *qlist_node_packed(const struct qlist_node *node) {
    dcheck(node->kind == QLIST_PACKED);
    return node->block + node->gap;
}

/* The element of a plain node. */
struct bytes qlist_node_plain(const struct qlist_node *node);

/* An LZF node's compressed bytes; *bytes_out: the length of its listpack. */
struct bytes qlist_node_lzf(const struct qlist_node *node, size_t *bytes_out);

/* To change a packed node by the listpack's functions: hands its listpack out, beginning its block, and puts the changed
 * one back, which must not be empty. */
unsigned char *qlist_node_take(struct qlist_node *node, size_t *used);
void qlist_node_put(struct qlist_node *node, unsigned char *lp, size_t *used);

/* Packed to LZF where that gains something; other nodes stay. */
void qlist_node_compress(struct qlist_node *node, size_t *used);

/* LZF to packed; other nodes stay. */
void qlist_node_expand(struct qlist_node *node, size_t *used);

/* Gives the listpack of an LZF node in a block of its own. */
unsigned char *qlist_node_expanded(const struct qlist_node *node);

/* Verifies the node; a bug if it is broken. */
void qlist_node_check(const struct qlist_node *node);
