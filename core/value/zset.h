/* zset.h: sorted sets: names with scores, in order of score, then name.
 *
 * Small ones are a listpack: name, score, name, score, in order (a score that is an integer is stored as one). From the
 * limits of the configuration on, a ranking (core/ds/ranking.h), which OBJECT ENCODING calls "skiplist", as Redis does.
 *
 * A struct zset is a working copy of what hangs on an entry: take one with zset_of, change it, and put it back with
 * zset_put_back before the entry is used again. Functions may change the encoding. An empty one may not stay in the
 * keyspace; that is the caller's to see to.
 * Thread: the owner's. Scores are never NaN. Ranks count from 0. */
#pragma once

#include "core/base/num.h"
#include "core/ds/ranking.h"
#include "core/value/entry.h"

enum zset_encoding {
    ZSET_LISTPACK,
    ZSET_RANKING,
};

struct zset {
    void *object; /* a listpack or a struct ranking, owned */
    enum zset_encoding encoding;
};

/* When a listpack becomes a ranking. */
struct zset_limits {
    size_t entries_max; /* zset-max-listpack-entries */
    size_t value_max;   /* zset-max-listpack-value: bytes of a name */
    uint64_t seed;      /* of the hashes of a ranking */
};

extern const struct value_ops zset_ops;

/* ---- making ---- */

/* Gives an empty one, in the encoding that fits `count` elements with names of up to `name_bytes`. */
struct zset zset_new(const struct zset_limits *limits, size_t count, size_t name_bytes);

/* Takes it. */
void zset_free(struct zset *z);

/* Gives an entry that takes it. */
struct entry *zset_entry(struct bytes key, const struct zset *z);

/* What hangs on the entry; both point at it until zset_put_back. */
struct zset zset_of(const struct entry *e);
void zset_put_back(struct entry *e, const struct zset *z);

/* Becomes a ranking if `count` elements are beyond the limits. */
void zset_prepare(struct zset *z, const struct zset_limits *limits, size_t count);

/* Becomes a listpack if it is within the limits. */
void zset_compact(struct zset *z, const struct zset_limits *limits);

/* ---- looking ---- */

size_t zset_count(const struct zset *z);

/* Where a name stands, for zset_set and zset_take; void after any change. */
struct zset_spot {
    bool is_there;
    double score;           /* when it is there */
    struct ranked *element; /* in a ranking */
    unsigned char *at;      /* in a listpack */
};

struct zset_spot zset_look(const struct zset *z, struct bytes name);

/* The rank of a name; false if it is not there. */
bool zset_rank(const struct zset *z, struct bytes name, size_t *rank_out, double *score_out);

/* The number of elements before the probe: the rank of the first behind it. */
size_t zset_find(const struct zset *z, const struct rank_probe *probe);

/* A walk over elements, forwards or backwards. The zset must not change meanwhile. */
struct zset_walk {
    struct bytes name; /* of the present element; valid until the next step */
    double score;
    /* its own */
    const struct zset *z;
    const unsigned char *at;
    struct rank_cursor cursor;
    bool is_backward;
    char scratch[NUM_INT_TEXT_MAX];
};

/* Begins in front of the element of this rank; zset_walk_next then gives it. */
void zset_walk_begin(struct zset_walk *w, const struct zset *z, size_t rank, bool is_backward);

/* Goes to the next element; false when there is none. */
bool zset_walk_next(struct zset_walk *w);

/* Visits about `count` elements from the cursor on, in no useful order; gives the cursor to go on with, 0 at the end. What is
 * there from the first call to the last is visited. A listpack is visited whole. */
struct zset_visitor {
    void (*visit)(void *ctx, struct bytes name, double score);
    void *ctx;
};
uint64_t zset_scan(const struct zset *z, uint64_t cursor, size_t count, struct zset_visitor visitor);

/* ---- changing ---- */

/* Gives `name` the score; `spot` is what zset_look has just said about it. False: no memory for a long name, nothing has
 * changed. */
bool zset_set(struct zset *z, const struct zset_limits *limits, const struct zset_spot *spot,
              struct bytes name, double score) ATTR_MUST_USE;

/* Removes the element of the spot, which must be there. */
void zset_take(struct zset *z, const struct zset_spot *spot);

/* Removes the elements of ranks from .. from + count - 1. */
void zset_remove_range(struct zset *z, size_t from, size_t count);

/* Verifies every invariant; a bug if one is broken. */
void zset_check(const struct zset *z);
