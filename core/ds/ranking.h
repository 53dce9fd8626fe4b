/* ranking.h: names with scores, found by name, by score and by rank: what a large sorted set is.
 *
 * A ranking owns its elements (ranked.h), a tree of them in order (rank_tree.h) and an index by name (rank_index.h). Read the
 * tree and the index as you like; change them through the functions below only.
 * Thread: the owner's. Scores are never NaN. */
#pragma once

#include "core/ds/rank_index.h"
#include "core/ds/rank_tree.h"

struct ranking {
    struct rank_tree tree;
    struct rank_index index;
    size_t element_bytes; /* of the elements' blocks */
};

/* Gives an empty ranking; `seed` is that of its hashes. */
struct ranking *ranking_new(uint64_t seed);

/* Takes it, and its elements. */
void ranking_free(struct ranking *r);

/* Frees about `pieces_max` pieces; true when all of it is gone. Nothing else may be done with it in between. */
bool ranking_free_step(struct ranking *r, size_t pieces_max);

/* Gives a deep copy. */
struct ranking *ranking_dup(const struct ranking *r);

static inline size_t ranking_count(const struct ranking *r) {
    return r->tree.count;
}

/* Bytes it occupies, all in. O(1). */
size_t ranking_bytes(const struct ranking *r);

/* The element, or NULL. */
struct ranked *ranking_find(const struct ranking *r, struct bytes name);

/* Adds a name that is not there. False: no memory for a long name, nothing changed. */
bool ranking_add(struct ranking *r, struct bytes name, double score) ATTR_MUST_USE;

/* Gives an element of this ranking another score. */
void ranking_rescore(struct ranking *r, struct ranked *e, double score);

/* Takes an element of this ranking. */
void ranking_remove(struct ranking *r, struct ranked *e);

/* Takes the elements of ranks from .. from + count - 1. */
void ranking_remove_range(struct ranking *r, size_t from, size_t count);

/* Verifies every invariant; a bug if one is broken. */
void ranking_check(const struct ranking *r);
void ranking_dump(const struct ranking *r);
