/* keyspace_scan.c: walking the table in hash order, and choosing at random.
 *
 * The walk. Buckets are in hash order within a segment, and segments within the directory, so a position in the
 * order of hashes means the same before and after any growth, split, shrink or merge: no state is kept between
 * calls, and a key is returned once however often the table changes meanwhile. (Walking a doubling table needs
 * reversed bits and returns keys twice.) The unit is a home bucket: all entries whose home it is, wherever they
 * stand, are visited together. After it the walk stands at the first hash of the next home bucket; as 16 bits of place
 * below at most 24 bits of prefix make the border, 40 bits of position tell it exactly.
 * A call may begin in the middle of a bucket, because the segment has another number of buckets now. What is before the
 * position is skipped then: it was visited or came later, and neither is owed.
 *
 * Choosing. A random hash names a segment with the probability of its range, 2^-depth. It is accepted with
 * probability slots * 2^depth / bound, where bound is at least the largest such product, and then one of its slots
 * is drawn. All places have the same probability; empty ones are drawn again. */
#include "core/keyspace/keyspace_internal.h"

enum {
    KEYSPACE_CHOICES_MAX = 512,        /* draws until a segment with entries is searched for instead */
    KEYSPACE_EMPTY_PER_ENTRY_MAX = 10, /* buckets seen per entry asked for */
};

struct keyspace_walk {
    struct keyspace_visitor visitor;
    uint64_t position;
    size_t visited;
};

static void walk_visit(void *ctx, struct entry *e, uint64_t hash) {
    struct keyspace_walk *walk = ctx;
    if (keyspace_position(hash) < walk->position)
        return;
    walk->visited++;
    walk->visitor.visit(walk->visitor.ctx, e, hash);
}

uint64_t keyspace_scan(const struct keyspace *ks, uint64_t position, size_t count,
                       struct keyspace_visitor visitor) {
    struct keyspace_walk walk = {visitor, position, 0};
    size_t buckets_max =
        count < SIZE_MAX / KEYSPACE_EMPTY_PER_ENTRY_MAX ? count * KEYSPACE_EMPTY_PER_ENTRY_MAX : SIZE_MAX;
    size_t buckets = 0;
    if (position >= KEYSPACE_POSITION_END)
        return KEYSPACE_POSITION_END;
    uint64_t hash = position << (64 - KEYSPACE_POSITION_BITS);
    do {
        struct directory_spot spot = directory_open(&ks->directory, hash);
        const struct segment *s = &spot.segment;
        uint32_t home = segment_home(segment_place(hash, s->depth), s->bucket_count);
        segment_each_at_home(s, home, &ks->env, walk_visit, &walk);

        uint64_t begin = s->depth ? hash >> (64 - s->depth) << (64 - s->depth) : 0;
        if (home + 1 < s->bucket_count)
            hash = begin +
                   ((uint64_t)segment_first_place(home + 1, s->bucket_count) << (64 - SEGMENT_PLACE_BITS) >>
                    s->depth);
        else
            hash = directory_next_hash(&spot, hash);
        buckets++;
    } while (hash != 0 && walk.visited < count && buckets < buckets_max);
    return hash == 0 ? KEYSPACE_POSITION_END : keyspace_position(hash);
}

/* Some entry of a segment, each with the same probability, or NULL if it has none (that expires). A word may be marked
 * for a part of its entry only: then the next one that expires itself is taken. */
static struct entry *choose_in(const struct segment *s, struct rng *rng, bool expiring) {
    uint32_t candidates = expiring ? s->info->expiring : s->info->used;
    if (candidates == 0)
        return NULL;
    uint64_t nth = rng_below(rng, candidates);
    struct entry *first = NULL;
    for (uint32_t i = 0; i < segment_choice_count(s); i++) {
        uint64_t word = segment_choice(s, i);
        if (word == 0 || (expiring && !bucket_word_expiring(word)))
            continue;
        struct entry *e = bucket_word_entry(word);
        bool is_passed = nth > 0;
        nth -= is_passed;
        if ((is_passed && first != NULL) || (expiring && !entry_has_expire(e)))
            continue;
        if (!is_passed)
            return e;
        first = e;
    }
    return first;
}

/* The next segment in hash order, starting anywhere, that has what is wanted. There is one. */
static struct entry *choose_by_search(const struct keyspace *ks, struct rng *rng, bool expiring) {
    uint64_t hash = rng_next(rng);
    for (;;) {
        struct directory_spot spot = directory_open(&ks->directory, hash);
        struct entry *e = choose_in(&spot.segment, rng, expiring);
        if (e)
            return e;
        hash = directory_next_hash(&spot, hash);
    }
}

/* True with probability weight * 2^depth / (bound * 2^depth_max). */
static bool accept(struct rng *rng, uint32_t weight, uint32_t depth, uint64_t bound, uint32_t depth_max) {
    return rng_below(rng, bound << (depth_max - depth)) < weight;
}

struct entry *keyspace_random(const struct keyspace *ks, struct rng *rng) {
    if (ks->count == 0)
        return NULL;
    uint32_t depth_max = directory_depth(&ks->directory);
    for (uint32_t draw = 0; depth_max > 0 && draw < KEYSPACE_CHOICES_MAX; draw++) {
        struct directory_spot spot = directory_open(&ks->directory, rng_next(rng));
        const struct segment *s = &spot.segment;
        uint32_t slots = segment_choice_count(s);
        if (!accept(rng, slots, s->depth, SEGMENT_SLOTS_MAX, depth_max))
            continue;
        uint64_t word = segment_choice(s, (uint32_t)rng_below(rng, slots));
        if (word != 0)
            return bucket_word_entry(word);
    }
    return choose_by_search(ks, rng, false);
}

struct entry *keyspace_random_expiring(const struct keyspace *ks, struct rng *rng) {
    enum { DRAWS_MAX = 32 };
    if (ks->expiring == 0)
        return NULL;
    uint32_t depth_max = directory_depth(&ks->directory);
    for (uint32_t draw = 0; depth_max > 0 && draw < DRAWS_MAX; draw++) {
        struct directory_spot spot = directory_open(&ks->directory, rng_next(rng));
        const struct segment *s = &spot.segment;
        if (!accept(rng, s->info->expiring, s->depth, SEGMENT_SLOTS_MAX, depth_max))
            continue;
        struct entry *e = choose_in(s, rng, true);
        if (e)
            return e;
    }
    return choose_by_search(ks, rng, true);
}

struct keyspace_wanted {
    uint64_t hash;
    struct entry *found;
};

static void wanted_visit(void *ctx, struct entry *e, uint64_t hash) {
    struct keyspace_wanted *wanted = ctx;
    if (hash == wanted->hash)
        wanted->found = e;
}

struct entry *keyspace__find_hash(const struct keyspace *ks, uint64_t hash) {
    struct directory_spot spot = directory_open(&ks->directory, hash);
    const struct segment *s = &spot.segment;
    struct keyspace_wanted wanted = {hash, NULL};
    segment_each_at_home(s, segment_home(segment_place(hash, s->depth), s->bucket_count), &ks->env,
                         wanted_visit, &wanted);
    return wanted.found;
}
