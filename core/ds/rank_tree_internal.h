/* rank_tree_internal.h: what the files of rank_tree share. */
#pragma once

#include "core/ds/rank_tree.h"

/* A node: its children are leaves or nodes, all on one level. */
struct rank_node {
    uint64_t count;
    void *children[RANK_NODE_MAX];
    uint64_t sizes[RANK_NODE_MAX];        /* elements below each child */
    double scores[RANK_NODE_MAX];         /* of the first element below each child */
    struct ranked *firsts[RANK_NODE_MAX]; /* that element */
};

/* The way from the root to a leaf: nodes, and which child was taken. */
struct rank_path {
    struct {
        struct rank_node *node;
        unsigned at;
    } steps[RANK_DEPTH_MAX];
    struct rank_leaf *leaf;
    unsigned at;
};

/* A score as an integer of the same order; -0 and 0 are the same. */
static inline uint64_t rank_tree__ordered(double score) {
    double plain = score + 0.0;
    uint64_t bits;
    memcpy(&bits, &plain, sizeof(bits));
    return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

/* The 16 bits that say roughly where a score lies in the leaf. */
static inline uint64_t rank_tree__rough(const struct rank_leaf *leaf, double score) {
    uint64_t ordered = rank_tree__ordered(score);
    if (ordered <= leaf->base)
        return 0;
    uint64_t rough = (ordered - leaf->base) >> leaf->shift;
    return rough < 0xffff ? rough : 0xffff;
}

/* Chooses base and shift for what is in the leaf now. */
void rank_tree__refresh(struct rank_leaf *leaf);

/* Goes down to the probe; the number of elements before it is written to *rank_out. Path->at may be the leaf's count. */
void rank_tree__descend(const struct rank_tree *t, const struct rank_probe *probe, struct rank_path *path,
                        size_t *rank_out);

/* Goes down to the element of a rank below the count. */
void rank_tree__descend_rank(const struct rank_tree *t, size_t rank, struct rank_path *path);

/* The first element of the path's leaf is another one now. */
void rank_tree__fix_first(const struct rank_tree *t, const struct rank_path *path);

/* Takes `count` words out of the path's leaf, from path->at on, and joins or frees what has become small. */
void rank_tree__cut(struct rank_tree *t, struct rank_path *path, unsigned count);

static inline struct rank_probe rank_tree__probe_of(const struct ranked *e, enum rank_side side) {
    return (struct rank_probe){.side = side, .score = e->score, .name = ranked_name(e)};
}
