/* rank_tree.h: the elements of a ranking in order; a B+ tree that counts.
 *
 * An element's *rank* is the number of elements before it. The tree finds places by score, by name, by rank, and tells the
 * rank of each, all in O(log n). It owns its nodes, not the elements (ranked.h), of which it holds the addresses.
 * Thread: the owner's. A *cursor* is a place in the tree, void after any change.
 *
 * Searching is by a *probe*: a place between elements, said in one of six ways. rank_tree_find gives the number of elements
 * before it, so the ends of every kind of range are two probes. */
#pragma once

#include "core/ds/ranked.h"

enum {
    RANK_LEAF_MAX = 60,
    RANK_NODE_MAX = 63,
    RANK_DEPTH_MAX = 12, /* levels of nodes above the leaves, at most */
    RANK_AHEAD = 6,      /* elements that a cursor fetches in advance */
};

enum rank_side {
    RANK_BEFORE_SCORE,  /* in front of all elements with this score */
    RANK_AFTER_SCORE,   /* behind all of them */
    RANK_BEFORE_MEMBER, /* in front of the element with this score and name, or where it would be */
    RANK_AFTER_MEMBER,  /* behind it */
    RANK_BEFORE_NAME,   /* in front of the name, whatever the scores: of use where all are equal */
    RANK_AFTER_NAME,    /* behind it */
};

struct rank_probe {
    enum rank_side side;
    double score;
    struct bytes name;
};

/* 512 bytes. The upper 16 bits of a word say roughly where its score lies between those of the leaf's ends. */
struct rank_leaf {
    struct rank_leaf *prev;
    struct rank_leaf *next;
    uint64_t base; /* of the rough scores; see rank_tree.c */
    uint16_t count;
    uint8_t shift;
    uint8_t misfits; /* words put beyond the ends since base and shift were chosen */
    uint64_t words[RANK_LEAF_MAX];
};

struct rank_node;

struct rank_tree {
    void *root; /* a leaf where depth is 0, else a node */
    struct rank_leaf *first;
    struct rank_leaf *last;
    size_t count;
    size_t bytes;   /* of leaves and nodes */
    unsigned depth; /* levels of nodes above the leaves */
};

struct rank_cursor {
    const struct rank_leaf *leaf; /* NULL: beyond an end */
    unsigned at;
};

void rank_tree_init(struct rank_tree *t);

/* Frees the nodes. */
void rank_tree_deinit(struct rank_tree *t);

/* ---- looking ---- */

/* The number of elements before the probe. */
size_t rank_tree_find(const struct rank_tree *t, const struct rank_probe *probe);

/* The rank of an element that is there. */
size_t rank_tree_rank(const struct rank_tree *t, const struct ranked *e);

/* The place of a rank; a cursor beyond the end where there are not so many. */
struct rank_cursor rank_tree_at(const struct rank_tree *t, size_t rank);

/* The element under the cursor, or NULL. */
static inline struct ranked *rank_cursor_get(const struct rank_cursor *c) {
    return c->leaf == NULL ? NULL : ranked_of_word(c->leaf->words[c->at]);
}

/* Moves the cursor, and asks the memory for what will be looked at soon. */
static inline void rank_cursor_next(struct rank_cursor *c) {
    if (LIKELY(c->at + 1 < c->leaf->count)) {
        c->at++;
        if (c->at + RANK_AHEAD < c->leaf->count)
            __builtin_prefetch(ranked_of_word(c->leaf->words[c->at + RANK_AHEAD]));
    } else {
        c->leaf = c->leaf->next;
        c->at = 0;
    }
}

static inline void rank_cursor_prev(struct rank_cursor *c) {
    if (LIKELY(c->at > 0)) {
        c->at--;
    } else {
        c->leaf = c->leaf->prev;
        c->at = c->leaf == NULL ? 0 : c->leaf->count - 1u;
    }
}

/* ---- changing ---- */

/* Adds an element; it must not be there. */
void rank_tree_add(struct rank_tree *t, struct ranked *e);

/* Removes an element that is there. */
void rank_tree_remove(struct rank_tree *t, const struct ranked *e);

/* Gives an element that is there another score, and its new place. */
void rank_tree_rescore(struct rank_tree *t, struct ranked *e, double score);

/* Removes the elements of ranks from .. from + count - 1, and gives each to `drop`. */
void rank_tree_remove_range(struct rank_tree *t, size_t from, size_t count,
                            void (*drop)(void *ctx, struct ranked *e), void *ctx);

/* Frees about `elements_max` elements from the end, and what held them; true when the tree is empty and gone. Nothing else
 * may be done with it in between. */
bool rank_tree_free_step(struct rank_tree *t, size_t elements_max);

/* Verifies every invariant; a bug if one is broken. */
void rank_tree_check(const struct rank_tree *t);

/* Prints the shape to stderr. */
void rank_tree_dump(const struct rank_tree *t);
