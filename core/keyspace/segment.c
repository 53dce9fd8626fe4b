/* segment.c: placing, finding, moving the entries of one segment.
 *
 * The problem: a table that never pauses to grow, wastes little at any number of keys, and answers a search from
 * one line of memory. Doubling tables are half empty just after they have grown. Here a table is many segments, each
 * of which grows alone, a large one by a sixteenth to an eighth, so that at most some 500 entries are moved at once, and 0.8 to
 * 0.92 of the places are used.
 *
 * Moving is cheap because it does not look at the entries: a bucket's number and an entry's 11-bit fragment give
 * its 16-bit place, and the place gives the home bucket for any number of buckets. Keys are read again only of
 * strangers (about one in ten), in small segments, and when a split needs one more bit of the hash.
 *
 * I1  An entry whose home is h stands in bucket h, in one of the reach(h) buckets behind it (the last one is followed by
 *     the first), or, if reach(h) is BUCKET_REACH_STASH, in the stash. So a search knows when to stop.
 * I2  In a bucket with k strangers, the last k places hold these and the places before hold only entries at home.
 * I3  A place is empty exactly if its word is 0; its tag is 0 then.
 * I4  info->used, info->expiring count the entries and the words marked expiring, stash included. A word is
 *     marked exactly if its entry, or a part of it, expires (entry_due_ms).
 * I5  A segment without memory shows segment_empty_bucket, which nobody writes to.
 *
 * Reach only rises while entries come and go; a rebuild after as many removals as there are places restores it.
 * The stash exists so that no hash function, however bad, can make an insertion fail.
 *
 * Why not chains, cuckoo or robin hood: chains cost pointers; cuckoo breaks hash order, on which scans rest; keeping
 * places sorted moves many lines per insertion. Cost: 1.1 to 1.3 lines per hit between 0.8 and 0.9 of full. */
#include "core/keyspace/segment.h"

#include "core/base/mem.h"

const struct bucket segment_empty_bucket = {{0}, 0, {0}};

/* Numbers of buckets: up to 28 those whose memory is exactly a size class of the allocator, then those of the pool. */
static const uint8_t segment_sizes[] = {1,  2,  3,  4,  5,  6,  7,  8,  10, 12, 14, 16,
                                        20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60, 64};

enum { SEGMENT_FULL_PERCENT = 92, SEGMENT_TINY_BUCKETS = 4 };

/* What is known of an entry on its way to another bucket. */
struct segment_item {
    uint64_t word;
    uint64_t hash; /* right in the bits that make up the place */
};

/* Entries that a segment takes before it should grow. */
static uint32_t segment_limit(uint32_t bucket_count) {
    uint32_t slots = bucket_count * BUCKET_SLOTS;
    return bucket_count <= SEGMENT_TINY_BUCKETS ? slots : slots * SEGMENT_FULL_PERCENT / 100;
}

uint32_t segment_fitting(uint32_t used) {
    for (size_t i = 0; i < COUNT_OF(segment_sizes); i++)
        if (segment_limit(segment_sizes[i]) >= used + used / 16)
            return segment_sizes[i];
    return SEGMENT_BUCKETS_MAX;
}

uint32_t segment_next_size(uint32_t bucket_count) {
    for (size_t i = 0; i < COUNT_OF(segment_sizes); i++)
        if (segment_sizes[i] > bucket_count)
            return segment_sizes[i];
    return 0;
}

static uint64_t hash_of(const struct segment_env *env, const struct entry *e) {
    return env->hash(entry_key(e), env->seed);
}

static uint32_t stash_count(const struct segment *s) {
    return s->info->stash ? s->info->stash->count : 0;
}

/* Buckets behind a home bucket that may hold its entries. */
static uint32_t stray_count(const struct bucket *home, uint32_t bucket_count) {
    uint32_t reach = bucket_reach(home);
    if (reach > BUCKET_REACH_MAX)
        reach = BUCKET_REACH_MAX;
    return reach < bucket_count ? reach : bucket_count - 1;
}

static uint32_t bucket_behind(uint32_t bucket, uint32_t distance, uint32_t bucket_count) {
    uint32_t at = bucket + distance;
    return at < bucket_count ? at : at - bucket_count;
}

/* The place among `candidates` that holds what is sought, or BUCKET_SLOTS. */
static inline unsigned match_slot(const struct bucket *b, unsigned candidates, uint32_t place,
                                  struct bytes key, const struct entry *identity) {
    for (; candidates != 0; candidates &= candidates - 1) {
        unsigned slot = (unsigned)__builtin_ctz(candidates);
        uint64_t word = bucket_word(b, slot);
        if (word == 0 || (word >> 44 & 7) != (place >> 8 & 7))
            continue;
        const struct entry *e = bucket_word_entry(word);
        if (identity ? e == identity : bytes_equal(entry_key(e), key))
            return slot;
    }
    return BUCKET_SLOTS;
}

static struct segment_site locate_strayed(const struct bucket *buckets, uint32_t bucket_count, uint32_t home,
                                          uint32_t place, struct bytes key, const struct entry *identity) {
    uint32_t behind = stray_count(&buckets[home], bucket_count);
    for (uint32_t d = 1; d <= behind; d++) {
        const struct bucket *b = &buckets[bucket_behind(home, d, bucket_count)];
        unsigned strangers = ~0u << (BUCKET_SLOTS - bucket_strangers(b)); /* I2 */
        unsigned slot = match_slot(b, bucket_match(b, (uint8_t)place) & strangers, place, key, identity);
        if (slot < BUCKET_SLOTS)
            return (struct segment_site){(struct bucket *)(uintptr_t)b, slot, true};
    }
    return (struct segment_site){NULL, 0, false};
}

struct entry *segment_find_strayed(const struct bucket *buckets, uint32_t bucket_count, uint32_t home,
                                   uint32_t place, struct bytes key) {
    struct segment_site site = locate_strayed(buckets, bucket_count, home, place, key, NULL);
    return site.found ? bucket_word_entry(bucket_word(site.bucket, site.slot)) : NULL;
}

struct entry *segment_find_stashed(const struct segment_stash *stash, struct bytes key) {
    for (uint32_t i = 0; stash && i < stash->count; i++)
        if (bytes_equal(entry_key(stash->entries[i]), key))
            return stash->entries[i];
    return NULL;
}

struct segment_site segment_locate(const struct segment *s, uint64_t hash, struct bytes key,
                                   const struct entry *identity) {
    uint32_t place = segment_place(hash, s->depth);
    uint32_t home = segment_home(place, s->bucket_count);
    struct bucket *b = &s->buckets[home];
    unsigned slot = match_slot(b, bucket_match(b, (uint8_t)place), place, key, identity);
    if (slot < BUCKET_SLOTS)
        return (struct segment_site){b, slot, true};
    struct segment_site site = locate_strayed(s->buckets, s->bucket_count, home, place, key, identity);
    if (site.found || bucket_reach(b) != BUCKET_REACH_STASH) /* I1 */
        return site;
    for (uint32_t i = 0; i < stash_count(s); i++) {
        const struct entry *e = s->info->stash->entries[i];
        if (identity ? e == identity : bytes_equal(entry_key(e), key))
            return (struct segment_site){NULL, i, true};
    }
    return (struct segment_site){NULL, 0, false};
}

uint64_t segment_site_word(const struct segment *s, struct segment_site site) {
    dcheck(site.found);
    return site.bucket ? bucket_word(site.bucket, site.slot)
                       : bucket_word_of(s->info->stash->entries[site.slot]);
}

/* The stashed entry that was replaced may be gone already, so nobody can say whether it was expiring: counts anew. */
static uint32_t count_expiring(const struct segment *s) {
    uint32_t expiring = 0;
    for (uint32_t i = 0; i < segment_choice_count(s); i++)
        expiring += bucket_word_expiring(segment_choice(s, i));
    return expiring;
}

void segment_replace(struct segment *s, struct segment_site site, struct entry *e) {
    struct segment_info *info = s->info;
    uint64_t word = bucket_word_of(e);
    if (site.bucket) {
        info->expiring -= bucket_word_expiring(bucket_word(site.bucket, site.slot));
        bucket_put(site.bucket, site.slot, word, bucket_fragment(site.bucket, site.slot));
        info->expiring += bucket_word_expiring(word);
    } else {
        info->stash->entries[site.slot] = e;
        info->expiring = count_expiring(s); /* I4 */
    }
    if (info->expiring == 0)
        info->visit_ms = INT64_MAX;
}

static void stash_push(struct segment_info *info, struct entry *e) {
    struct segment_stash *stash = info->stash;
    uint32_t count = stash ? stash->count : 0;
    if (!stash || count == stash->cap) {
        uint32_t cap = count ? count * 2 : 4;
        stash = mem_realloc(stash, sizeof(*stash) + cap * sizeof(stash->entries[0]));
        stash->cap = cap;
    }
    stash->entries[count] = e;
    stash->count = count + 1;
    info->stash = stash;
}

/* Puts an entry into the first bucket with room behind its home, or into the stash if it must be somewhere. */
static bool segment_stray(struct segment *s, uint64_t word, uint32_t place, bool force) {
    uint32_t home = segment_home(place, s->bucket_count);
    struct bucket *h = &s->buckets[home];
    for (uint32_t d = 1; d <= BUCKET_REACH_MAX && d < s->bucket_count; d++) {
        struct bucket *b = &s->buckets[bucket_behind(home, d, s->bucket_count)];
        if (!bucket_add_stranger(b, word, place))
            continue;
        if (bucket_reach(h) < d) /* I1 */
            bucket_set_reach(h, d);
        return true;
    }
    if (force) {
        stash_push(s->info, bucket_word_entry(word));
        bucket_set_reach(h, BUCKET_REACH_STASH); /* I1 */
    }
    return force;
}

bool segment_add(struct segment *s, uint64_t hash, struct entry *e, bool force) {
    if (segment_is_empty(s)) /* I5 */
        return false;
    if (!force && s->info->used >= segment_limit(s->bucket_count))
        return false;
    uint32_t place = segment_place(hash, s->depth);
    uint64_t word = bucket_word_of(e);
    struct bucket *home = &s->buckets[segment_home(place, s->bucket_count)];
    if (!bucket_add_native(home, word, place) && !segment_stray(s, word, place, force))
        return false;
    s->info->used++;
    s->info->expiring += bucket_word_expiring(word);
    return true;
}

bool segment_can_gain(const struct segment *s) {
    return s->info->used * 2 >= s->bucket_count * BUCKET_SLOTS;
}

struct entry *segment_remove(struct segment *s, struct segment_site site) {
    struct segment_info *info = s->info;
    uint64_t word = segment_site_word(s, site);
    if (site.bucket)
        bucket_remove(site.bucket, site.slot);
    else
        info->stash->entries[site.slot] = info->stash->entries[--info->stash->count];
    info->used--;
    info->removed++;
    info->expiring -= bucket_word_expiring(word);
    if (info->expiring == 0)
        info->visit_ms = INT64_MAX;
    return bucket_word_entry(word);
}

/* Lists the entries. With `whole` all hashes are computed from the keys, else only where the place is not known. */
static void segment_collect(const struct segment *s, struct segment_item *items,
                            const struct segment_env *env, bool whole) {
    enum { UNKNOWN_MAX = SEGMENT_SLOTS_MAX };
    uint16_t unknown[UNKNOWN_MAX];
    uint32_t unknown_count = 0;
    uint32_t count = 0;
    bool tells_place = !whole && s->bucket_count >= SEGMENT_KNOWN_PLACE_MIN;
    for (uint32_t at = 0; at < s->bucket_count; at++) {
        const struct bucket *b = &s->buckets[at];
        uint32_t first_place = segment_first_place(at, s->bucket_count);
        unsigned native_end = BUCKET_SLOTS - bucket_strangers(b);
        for (unsigned slot = 0; slot < BUCKET_SLOTS; slot++) {
            uint64_t word = bucket_word(b, slot);
            if (word == 0)
                continue;
            items[count] = (struct segment_item){word, 0};
            if (tells_place && slot < native_end) { /* I2 */
                uint32_t ahead =
                    (bucket_fragment(b, slot) - first_place) & ((1u << BUCKET_FRAGMENT_BITS) - 1);
                items[count].hash = (uint64_t)(first_place + ahead) << (64 - SEGMENT_PLACE_BITS) >> s->depth;
            } else {
                __builtin_prefetch(bucket_word_entry(word));
                unknown[unknown_count++] = (uint16_t)count;
            }
            count++;
        }
    }
    for (uint32_t i = 0; i < unknown_count; i++)
        items[unknown[i]].hash = hash_of(env, bucket_word_entry(items[unknown[i]].word));
    for (uint32_t i = 0; i < stash_count(s); i++) {
        uint64_t word = bucket_word_of(s->info->stash->entries[i]);
        items[count++] = (struct segment_item){word, hash_of(env, bucket_word_entry(word))};
    }
    must(count == s->info->used); /* I4 */
}

/* Gives an empty segment buckets and these entries. Those who can be at home are placed first. */
static void segment_fill(struct segment *s, uint32_t bucket_count, const struct segment_item *items,
                         uint32_t count, struct segment_env *env) {
    uint8_t fill[SEGMENT_BUCKETS_MAX] = {0};
    struct segment_info *info = s->info;
    s->buckets = bucket_pool_take(&env->pool, bucket_count, s->first_hash, &info->block);
    s->bucket_count = bucket_count;
    info->stash = NULL;
    info->used = count;
    info->expiring = 0;
    info->removed = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t place = segment_place(items[i].hash, s->depth);
        uint32_t home = segment_home(place, bucket_count);
        info->expiring += bucket_word_expiring(items[i].word);
        if (fill[home] < BUCKET_SLOTS)
            bucket_put(&s->buckets[home], fill[home], items[i].word, place);
        if (fill[home] <= BUCKET_SLOTS)
            fill[home]++;
    }
    /* The same again for those who found their home full: a home that overflowed is met in the same order. */
    uint8_t seen[SEGMENT_BUCKETS_MAX] = {0};
    for (uint32_t i = 0; i < count; i++) {
        uint32_t place = segment_place(items[i].hash, s->depth);
        uint32_t home = segment_home(place, bucket_count);
        if (fill[home] <= BUCKET_SLOTS)
            continue;
        if (seen[home] < BUCKET_SLOTS)
            seen[home]++;
        else
            segment_stray(s, items[i].word, place, true);
    }
    if (info->expiring == 0)
        info->visit_ms = INT64_MAX;
}

/* Room for the items of a segment: on the caller's stack, unless a stash has made it larger than any segment. */
static struct segment_item *items_begin(uint32_t count, struct segment_item *on_stack) {
    return count <= SEGMENT_SLOTS_MAX ? on_stack : mem_alloc(count * sizeof(struct segment_item));
}

static void items_end(struct segment_item *items, const struct segment_item *on_stack) {
    if (items != on_stack)
        mem_free(items);
}

void segment_drop(struct segment *s, struct segment_env *env) {
    if (!segment_is_empty(s))
        bucket_pool_put(&env->pool, s->bucket_count, s->buckets, s->info->block);
    mem_free(s->info->stash);
    *s->info = (struct segment_info){.visit_ms = INT64_MAX};
    s->buckets = (struct bucket *)(uintptr_t)&segment_empty_bucket;
    s->bucket_count = 1;
}

void segment_rebuild(struct segment *s, uint32_t bucket_count, struct segment_env *env) {
    struct segment_item on_stack[SEGMENT_SLOTS_MAX];
    uint32_t count = s->info->used;
    int64_t visit_ms = s->info->visit_ms;
    struct segment_item *items = items_begin(count, on_stack);
    segment_collect(s, items, env, false);
    segment_drop(s, env);
    s->info->visit_ms = visit_ms;
    segment_fill(s, bucket_count, items, count, env);
    items_end(items, on_stack);
}

void segment_split(const struct segment *s, struct segment *low, struct segment *high,
                   struct segment_env *env) {
    struct segment_item on_stack[SEGMENT_SLOTS_MAX];
    uint32_t count = s->info->used;
    int64_t visit_ms = s->info->visit_ms;
    struct segment_item *items = items_begin(count, on_stack);
    segment_collect(s, items, env, true);
    struct segment void_now = *s;
    segment_drop(&void_now, env);

    uint64_t bit = UINT64_C(1) << (63 - s->depth);
    uint32_t low_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct segment_item item = items[i];
        if (item.hash & bit)
            continue;
        items[i] = items[low_count];
        items[low_count++] = item;
    }
    low->info->visit_ms = high->info->visit_ms = visit_ms;
    segment_fill(low, segment_fitting(low_count), items, low_count, env);
    segment_fill(high, segment_fitting(count - low_count), items + low_count, count - low_count, env);
    items_end(items, on_stack);
}

void segment_merge(struct segment *s, const struct segment *from, struct segment_env *env) {
    struct segment_item on_stack[SEGMENT_SLOTS_MAX];
    uint32_t count = s->info->used + from->info->used;
    int64_t visit_ms = s->info->visit_ms < from->info->visit_ms ? s->info->visit_ms : from->info->visit_ms;
    must(count <= SEGMENT_SLOTS_MAX);
    segment_collect(s, on_stack, env, true);
    segment_collect(from, on_stack + s->info->used, env, true);
    struct segment void_now = *from;
    segment_drop(&void_now, env);
    segment_drop(s, env);
    s->info->visit_ms = visit_ms;
    segment_fill(s, segment_fitting(count), on_stack, count, env);
}

uint32_t segment_choice_count(const struct segment *s) {
    return s->bucket_count * BUCKET_SLOTS + stash_count(s);
}

uint64_t segment_choice(const struct segment *s, uint32_t index) {
    uint32_t slots = s->bucket_count * BUCKET_SLOTS;
    if (index < slots)
        return bucket_word(&s->buckets[index / BUCKET_SLOTS], index % BUCKET_SLOTS);
    return bucket_word_of(s->info->stash->entries[index - slots]);
}

void segment_prefetch(const struct segment *s, bool expiring_only) {
    for (uint32_t i = 0; i < s->bucket_count * BUCKET_SLOTS; i++) {
        uint64_t word = bucket_word(&s->buckets[i / BUCKET_SLOTS], i % BUCKET_SLOTS);
        if (word != 0 && (!expiring_only || bucket_word_expiring(word)))
            __builtin_prefetch(bucket_word_entry(word));
    }
}

void segment_each_at_home(const struct segment *s, uint32_t home, const struct segment_env *env,
                          void (*visit)(void *ctx, struct entry *e, uint64_t hash), void *ctx) {
    const struct bucket *h = &s->buckets[home];
    unsigned native_end = BUCKET_SLOTS - bucket_strangers(h);
    for (unsigned slot = 0; slot < native_end; slot++) {
        uint64_t word = bucket_word(h, slot);
        if (word != 0)
            visit(ctx, bucket_word_entry(word), hash_of(env, bucket_word_entry(word)));
    }
    uint32_t behind = stray_count(h, s->bucket_count);
    for (uint32_t d = 1; d <= behind; d++) {
        const struct bucket *b = &s->buckets[bucket_behind(home, d, s->bucket_count)];
        for (unsigned slot = BUCKET_SLOTS - bucket_strangers(b); slot < BUCKET_SLOTS; slot++) {
            struct entry *e = bucket_word_entry(bucket_word(b, slot));
            uint64_t hash = hash_of(env, e);
            if (segment_home(segment_place(hash, s->depth), s->bucket_count) == home)
                visit(ctx, e, hash);
        }
    }
    if (bucket_reach(h) != BUCKET_REACH_STASH)
        return;
    for (uint32_t i = 0; i < stash_count(s); i++) {
        struct entry *e = s->info->stash->entries[i];
        uint64_t hash = hash_of(env, e);
        if (segment_home(segment_place(hash, s->depth), s->bucket_count) == home)
            visit(ctx, e, hash);
    }
}

size_t segment_bytes(const struct segment *s) {
    size_t bytes = segment_is_empty(s) ? 0 : mem_good_size((size_t)s->bucket_count * sizeof(struct bucket));
    return bytes + (s->info->stash ? mem_usable(s->info->stash) : 0);
}

/* Checks one entry against where it stands; returns its home. */
static uint32_t check_entry(const struct segment *s, const struct segment_env *env, const struct entry *e) {
    uint64_t hash = hash_of(env, e);
    entry_check(e);
    must(s->depth == 0 || (hash ^ s->first_hash) >> (64 - s->depth) == 0);
    return segment_home(segment_place(hash, s->depth), s->bucket_count);
}

void segment_check(const struct segment *s, const struct segment_env *env) {
    if (s->bucket_count >= BUCKET_POOL_BLOCK_MIN) {
        must(s->buckets == bucket_pool_at(&env->pool, s->bucket_count, s->info->block));
        must(s->first_hash == bucket_pool_owner(&env->pool, s->bucket_count, s->info->block));
    }
    uint32_t used = 0;
    uint32_t expiring = 0;
    for (uint32_t at = 0; at < s->bucket_count; at++) {
        const struct bucket *b = &s->buckets[at];
        must(bucket_strangers(b) <= BUCKET_SLOTS);
        for (unsigned slot = 0; slot < BUCKET_SLOTS; slot++) {
            uint64_t word = bucket_word(b, slot);
            bool stranger = slot >= BUCKET_SLOTS - bucket_strangers(b);
            if (word == 0) {
                must(b->tags[slot] == 0); /* I3 */
                must(!stranger);          /* I2 */
                continue;
            }
            const struct entry *e = bucket_word_entry(word);
            uint32_t home = check_entry(s, env, e);
            uint32_t distance = at >= home ? at - home : at + s->bucket_count - home;
            uint32_t place = segment_place(hash_of(env, e), s->depth);
            must(bucket_fragment(b, slot) == (place & ((1u << BUCKET_FRAGMENT_BITS) - 1)));
            must(stranger == (distance != 0));                                        /* I2 */
            must(distance <= stray_count(&s->buckets[home], s->bucket_count));        /* I1 */
            must(bucket_word_expiring(word) == (entry_due_ms(e) != ENTRY_NO_EXPIRE)); /* I4 */
            used++;
            expiring += entry_due_ms(e) != ENTRY_NO_EXPIRE;
        }
    }
    for (uint32_t i = 0; i < stash_count(s); i++) {
        const struct entry *e = s->info->stash->entries[i];
        must(bucket_reach(&s->buckets[check_entry(s, env, e)]) == BUCKET_REACH_STASH); /* I1 */
        used++;
        expiring += entry_due_ms(e) != ENTRY_NO_EXPIRE;
    }
    must(used == s->info->used);         /* I4 */
    must(expiring == s->info->expiring); /* I4 */
    must(expiring > 0 || s->info->visit_ms == INT64_MAX);
    must(used == 0 || !segment_is_empty(s)); /* I5 */
}
