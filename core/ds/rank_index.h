/* rank_index.h: finds the elements of a ranking by name.
 *
 * A hash table of words: an element's address and 16 bits of its name's hash. It owns its table, not the elements.
 * Thread: the owner's. Every function that takes a hash takes rank_index_hash of the name.
 *
 * Scanning goes in order of hashes, so a cursor is a place in that order: an element that is there all the time is given
 * exactly once, whatever is added, removed, and grown meanwhile. */
#pragma once

#include "core/base/keyhash.h"
#include "core/ds/ranked.h"

struct rank_segment;

struct rank_index {
    struct rank_segment *
        *directory;       /* 2^depth references; a segment of depth d stands there 2^(depth - d) times */
    size_t directory_len; /* 2^depth; less only while it is being freed */
    size_t count;
    size_t bytes; /* of the directory and the segments */
    uint64_t seed;
    unsigned depth;
};

struct rank_index_visitor {
    void (*visit)(void *ctx, struct ranked *e);
    void *ctx;
};

void rank_index_init(struct rank_index *ix, uint64_t seed);
void rank_index_deinit(struct rank_index *ix);

static inline uint64_t rank_index_hash(const struct rank_index *ix, struct bytes name) {
    return keyhash_hash(name, ix->seed);
}

/* The element with this name, or NULL. */
struct ranked *rank_index_find(const struct rank_index *ix, struct bytes name, uint64_t hash);

/* Adds an element whose name is not there yet. */
void rank_index_add(struct rank_index *ix, struct ranked *e, uint64_t hash);

/* Removes an element that is there. */
void rank_index_remove(struct rank_index *ix, const struct ranked *e, uint64_t hash);

/* Visits about `count` elements from `cursor` on (0: the beginning); gives the cursor to go on with, 0 at the end. Cursors
 * are below 2^48. The visitor must not change the index. */
uint64_t rank_index_scan(const struct rank_index *ix, uint64_t cursor, size_t count,
                         struct rank_index_visitor visitor);

/* Frees about `segments_max` segments; true when the table is gone. Nothing else may be done with it in between. */
bool rank_index_free_step(struct rank_index *ix, size_t segments_max);

/* Verifies every invariant; a bug if one is broken. */
void rank_index_check(const struct rank_index *ix);

/* Prints the segments and their sizes to stderr. */
void rank_index_dump(const struct rank_index *ix);
