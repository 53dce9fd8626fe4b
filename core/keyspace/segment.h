/* segment.h: up to 64 buckets that together hold all entries of one range of hashes.
 *
 * A segment of depth d holds the hashes that share their first d bits. The next 16 bits are an entry's *place* in the
 * segment, and place * bucket_count / 65536 is the number of its home bucket: buckets are in hash order, whatever their
 * number. A segment grows through the sizes of segment_sizes[] and is then split in two (directory.h).
 *
 * Changes that take or return buckets may move the buckets of *other* segments (bucket_pool.h): hold one working copy at a
 * time, or none that matters.
 *
 * A struct segment is a working copy on the stack; the truth is a 64-bit reference in the directory, which holds all a search
 * needs, and a struct segment_info beside it for all the rest. */
#pragma once

#include "core/keyspace/bucket_pool.h"

enum {
    SEGMENT_BUCKETS_MAX = 64,
    SEGMENT_SLOTS_MAX = SEGMENT_BUCKETS_MAX * BUCKET_SLOTS,
    SEGMENT_PLACE_BITS = 16,
    /* From so many buckets on, a bucket's share of places is at most 2^BUCKET_FRAGMENT_BITS wide, so that number of bucket and
     * fragment together give the place. */
    SEGMENT_KNOWN_PLACE_MIN = 1 << (SEGMENT_PLACE_BITS - BUCKET_FRAGMENT_BITS),
};

/* Entries that found no room within reach; happens with bad hash functions only. */
struct segment_stash {
    uint32_t count;
    uint32_t cap;
    struct entry *entries[];
};

struct segment_info {
    int64_t visit_ms; /* when active expiry must look here; INT64_MAX without words marked expiring */
    struct segment_stash *stash;
    uint32_t used; /* entries, those in the stash included */
    uint32_t expiring;
    uint32_t removed; /* since the last rebuild */
    uint32_t block;   /* of the pool, where the buckets stand */
};

struct segment {
    struct bucket *buckets;
    uint32_t bucket_count;
    uint32_t depth;
    uint64_t first_hash; /* the smallest hash of its range; names it in the pool */
    struct segment_info *info;
};

/* What segments share: how to hash a key when they must, and where buckets come from. */
struct segment_env {
    uint64_t (*hash)(struct bytes key, uint64_t seed);
    uint64_t seed;
    struct bucket_pool pool;
};

/* Where an entry stands: in a bucket, or, when bucket is NULL, in the stash. */
struct segment_site {
    struct bucket *bucket;
    uint32_t slot;
    bool found;
};

/* A bucket that is always empty: what a segment without memory shows. */
extern const struct bucket segment_empty_bucket;

/* The reference: bits 6..47 address of the buckets, bits 0..5 their number less one, bits 56..61 the depth. */
static inline uint64_t segment_ref(const struct bucket *buckets, uint32_t bucket_count, uint32_t depth) {
    return (uint64_t)(uintptr_t)buckets | (bucket_count - 1) | (uint64_t)depth << 56;
}

static inline struct bucket *segment_ref_buckets(uint64_t ref) {
    return (struct bucket *)(uintptr_t)(ref & UINT64_C(0x0000ffffffffffc0));
}

static inline uint32_t segment_ref_bucket_count(uint64_t ref) {
    return (uint32_t)(ref & 63) + 1;
}

static inline uint32_t segment_ref_depth(uint64_t ref) {
    return (uint32_t)(ref >> 56);
}

static inline uint64_t segment_ref_empty(uint32_t depth) {
    return segment_ref(&segment_empty_bucket, 1, depth);
}

static inline bool segment_is_empty(const struct segment *s) {
    return s->buckets == &segment_empty_bucket;
}

static inline uint32_t segment_place(uint64_t hash, uint32_t depth) {
    return (uint32_t)(hash << depth >> (64 - SEGMENT_PLACE_BITS));
}

static inline uint32_t segment_home(uint32_t place, uint32_t bucket_count) {
    return place * bucket_count >> SEGMENT_PLACE_BITS;
}

/* The first place whose home is `bucket`, or a later one. */
static inline uint32_t segment_first_place(uint32_t bucket, uint32_t bucket_count) {
    return ((bucket << SEGMENT_PLACE_BITS) + bucket_count - 1) / bucket_count;
}

/* The entry with the key among those whose home is `home`, but which do not stand there. NULL if it is in neither bucket
 * nor stash; `stash` may be NULL. */
struct entry *segment_find_strayed(const struct bucket *buckets, uint32_t bucket_count, uint32_t home,
                                   uint32_t place, struct bytes key);

/* The same in the stash. */
struct entry *segment_find_stashed(const struct segment_stash *stash, struct bytes key);

/* Where an entry stands. By its key, or, when `identity` is not NULL, by its address, which is not followed. */
struct segment_site segment_locate(const struct segment *s, uint64_t hash, struct bytes key,
                                   const struct entry *identity);

/* The word at a site: the entry and whether it counts as expiring. */
uint64_t segment_site_word(const struct segment *s, struct segment_site site);

/* Puts another entry of the same hash at a site; counts are settled. */
void segment_replace(struct segment *s, struct segment_site site, struct entry *e);

/* Adds an entry whose key is not there. False if the segment should grow first; never false after `force`. */
bool segment_add(struct segment *s, uint64_t hash, struct entry *e, bool force);

/* Takes the entry at a site out of the segment. */
struct entry *segment_remove(struct segment *s, struct segment_site site);

/* The number of buckets for `used` entries with a little room; at most SEGMENT_BUCKETS_MAX. */
uint32_t segment_fitting(uint32_t used);

/* The next larger number of buckets, or 0 if there is none. */
uint32_t segment_next_size(uint32_t bucket_count);

/* True if a segment that refused an entry is full enough to gain by growing or splitting. */
bool segment_can_gain(const struct segment *s);

/* Gives the segment another number of buckets, or, with the same number, everybody home who can be. */
void segment_rebuild(struct segment *s, uint32_t bucket_count, struct segment_env *env);

/* Divides a segment by the next bit of the hashes. `low` and `high` come with depth and an info of their own each, and
 * take over the entries; s is void afterwards. */
void segment_split(const struct segment *s, struct segment *low, struct segment *high,
                   struct segment_env *env);

/* Moves all entries of `from`, which is void afterwards, to `s`, which has been given its new depth already. */
void segment_merge(struct segment *s, const struct segment *from, struct segment_env *env);

/* Frees the buckets and the stash, not the entries; the segment is empty afterwards. */
void segment_drop(struct segment *s, struct segment_env *env);

/* Places to choose from at random, and the word at one of them (0: empty). */
uint32_t segment_choice_count(const struct segment *s);
uint64_t segment_choice(const struct segment *s, uint32_t index);

static inline struct segment_site segment_site_of_choice(const struct segment *s, uint32_t index) {
    uint32_t slots = s->bucket_count * BUCKET_SLOTS;
    if (index >= slots)
        return (struct segment_site){NULL, index - slots, true};
    return (struct segment_site){&s->buckets[index / BUCKET_SLOTS], index % BUCKET_SLOTS, true};
}

/* Starts loading all entries, or the expiring ones. */
void segment_prefetch(const struct segment *s, bool expiring_only);

/* Calls `visit` for each entry whose home is `home`. */
void segment_each_at_home(const struct segment *s, uint32_t home, const struct segment_env *env,
                          void (*visit)(void *ctx, struct entry *e, uint64_t hash), void *ctx);

/* Bytes of buckets and stash. */
size_t segment_bytes(const struct segment *s);

void segment_check(const struct segment *s, const struct segment_env *env);
