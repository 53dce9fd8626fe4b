/* directory.h: which segment holds a hash.
 *
 *     roots, by the upper root_bits bits        table, by the next `bits` bits         segments
 *     +-------+-------+-----+                   +------+------+-----+------+
 *     | table | table | ... | ----------------> | ref  | ref  | ... | ref  | ------> 1 .. 64 buckets
 *     +-------+-------+-----+                   +------+------+-----+------+
 *                                               | info | info | ... | info |
 *
 * A segment that is less deep than its table's finest division occupies several neighbouring refs, all alike; the
 * first of them, the *leader*, also owns the info. The same holds for tables and roots. A search follows three
 * pointers, of which the first two lie in small, hot memory. The largest thing that is ever copied at once is a table of
 * 256 refs, or the roots, of which there is one for some 80,000 entries. */
#pragma once

#include "core/keyspace/segment.h"

enum {
    DIRECTORY_TABLE_BITS_MAX = 8,
    DIRECTORY_ROOT_BITS_MAX = 16,
    DIRECTORY_DEPTH_MAX = DIRECTORY_TABLE_BITS_MAX + DIRECTORY_ROOT_BITS_MAX,
};

struct directory_table {
    int64_t visit_ms; /* no later than the visit_ms of any segment in it */
    uint64_t refs[];  /* 1 << bits, and behind them as many struct segment_info */
};

struct directory_root {
    struct directory_table *table;
    uint8_t depth; /* bits of the hash that all entries of the table share */
    uint8_t bits;  /* 1 << bits refs */
};

struct directory {
    struct directory_root *roots; /* 1 << root_bits */
    uint32_t root_bits;
    uint32_t segments_at_depth[DIRECTORY_DEPTH_MAX + 1];
    size_t bytes;     /* of roots, tables and buckets */
    int64_t visit_ms; /* no later than the visit_ms of any table */
};

/* A segment opened for work: changes of `segment` are written back by directory_close. */
struct directory_spot {
    struct segment segment;
    uint32_t root;  /* index of the leading root */
    uint32_t first; /* index of the leading ref */
    uint32_t span;  /* number of refs */
};

/* An empty directory with a single empty segment. Sets up the pool of `env`, which must stay where it is. */
void directory_init(struct directory *d, struct segment_env *env);

/* Frees everything but the entries. */
void directory_deinit(struct directory *d, struct segment_env *env);

static inline const struct directory_root *directory_root(const struct directory *d, uint64_t hash) {
    return &d->roots[hash >> 1 >> (63 - d->root_bits)];
}

/* The reference of the segment of a hash, for searches. */
static inline uint64_t directory_ref(const struct directory *d, uint64_t hash) {
    const struct directory_root *r = directory_root(d, hash);
    return r->table->refs[hash << r->depth >> 1 >> (63 - r->bits)];
}

/* Opens the segment of a hash. Void after the next split, merge or fold. */
struct directory_spot directory_open(const struct directory *d, uint64_t hash);

/* Writes back where the segment's buckets are. */
void directory_close(struct directory *d, const struct directory_spot *spot);

/* Notes that the opened segment must be visited at that time or earlier. */
void directory_note_visit(struct directory *d, const struct directory_spot *spot, int64_t visit_ms);

/* Splits the opened segment; the spot is void afterwards. False if the directory is as deep as can be. */
bool directory_split(struct directory *d, const struct directory_spot *spot, struct segment_env *env);

/* Merges the segment of a hash with its sibling, if both are small, and folds tables that hold one segment only. */
void directory_merge(struct directory *d, uint64_t hash, struct segment_env *env);

/* The smallest hash behind the opened segment; 0 after the last segment. */
static inline uint64_t directory_next_hash(const struct directory_spot *spot, uint64_t hash) {
    uint32_t depth = spot->segment.depth;
    if (depth == 0)
        return 0;
    return ((hash >> (64 - depth)) + 1) << (64 - depth);
}

/* The smallest hash behind the table of a hash; 0 after the last table. */
static inline uint64_t directory_table_end(const struct directory_root *r, uint64_t hash) {
    if (r->depth == 0)
        return 0;
    return ((hash >> (64 - r->depth)) + 1) << (64 - r->depth);
}

/* Depth of the deepest segment. */
uint32_t directory_depth(const struct directory *d);

/* Computes the table's and the directory's visit_ms from the segments'. */
void directory_refresh_table(struct directory *d, uint64_t hash);
void directory_refresh(struct directory *d);

void directory_check(const struct directory *d, const struct segment_env *env);
