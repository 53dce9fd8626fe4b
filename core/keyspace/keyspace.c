/* keyspace.c: single keys, and the books.
 *
 * The work is done below: bucket.h says how nine entries share a cache line, segment.c how some 500 share a range of
 * hashes, directory.c how ranges are found and divided. What is left is to decide when a segment grows, splits, shrinks or
 * merges, and to keep the sums.
 *
 * I1  count is the sum of the segments' used; expiring counts the entries that have an expiry, subexpiring those that have
 *     a part that expires; bytes is the sum of entry_bytes of all entries plus what keyspace_account has added.
 * I2  For every entry that is due some time its segment's visit_ms is at most that time plus EXPIRE_LATENESS_MS.
 *
 * A segment grows when it is 92 per cent full or when an entry finds no room within reach; it shrinks below
 * 45 per cent to some 70, so that it never swings. An entry that would not even gain by a split (thousands of equal
 * hashes) goes to the segment's stash.
 * Cost of a hit: the root and the ref (hot), one bucket, the entry. Longest single step: a split, some 500 keys hashed. */
#include "core/keyspace/keyspace_internal.h"

#include "core/base/keyhash.h"
#include "core/base/mem.h"
#include "core/keyspace/expire.h"
#include "core/value/entry_bin.h"

#include <stdio.h>

enum {
    KEYSPACE_SHRINK_PERCENT = 45,
    KEYSPACE_LATENESS_PER_ENTRY_MS = 2,
    KEYSPACE_MERGE_BELOW = 100, /* entries of a segment from which on its sibling is looked at */
};

struct keyspace *keyspace_new(const struct keyspace_options *options) {
    struct keyspace *ks = mem_zalloc(sizeof(*ks));
    ks->env.hash = options->hash ? options->hash : keyhash_hash;
    ks->env.seed = options->hash_seed;
    ks->bin = options->bin;
    directory_init(&ks->directory, &ks->env);
    return ks;
}

void keyspace_free(struct keyspace *ks) {
    if (!ks)
        return;
    while (!keyspace_clear_step(ks, SIZE_MAX))
        ;
    directory_deinit(&ks->directory, &ks->env);
    mem_free(ks);
}

uint64_t keyspace_hash(const struct keyspace *ks, struct bytes key) {
    return ks->env.hash(key, ks->env.seed);
}

/* The entry is not in its home bucket: looks behind it. */
static struct entry *keyspace_find_strayed(const struct keyspace *ks, struct bytes key, uint64_t hash,
                                           uint64_t ref, uint32_t place) {
    const struct bucket *buckets = segment_ref_buckets(ref);
    uint32_t bucket_count = segment_ref_bucket_count(ref);
    uint32_t home = segment_home(place, bucket_count);
    struct entry *e = segment_find_strayed(buckets, bucket_count, home, place, key);
    if (!e && bucket_reach(&buckets[home]) == BUCKET_REACH_STASH)
        e = segment_find_stashed(directory_open(&ks->directory, hash).segment.info->stash, key);
    return e;
}

struct entry *keyspace_find(const struct keyspace *ks, struct bytes key, uint64_t hash) {
    uint64_t ref = directory_ref(&ks->directory, hash);
    uint32_t place = segment_place(hash, segment_ref_depth(ref));
    const struct bucket *b = segment_ref_buckets(ref) + segment_home(place, segment_ref_bucket_count(ref));
    for (unsigned match = bucket_match(b, (uint8_t)place); match != 0; match &= match - 1) {
        uint64_t word = bucket_word(b, (unsigned)__builtin_ctz(match));
        if (word == 0 || (word >> 44 & 7) != (place >> 8 & 7))
            continue;
        struct entry *e = bucket_word_entry(word);
        if (LIKELY(bytes_equal(entry_key(e), key)))
            return e;
    }
    if (LIKELY(bucket_reach(b) == 0))
        return NULL;
    return keyspace_find_strayed(ks, key, hash, ref, place);
}

void keyspace_prefetch(const struct keyspace *ks, uint64_t hash) {
    uint64_t ref = directory_ref(&ks->directory, hash);
    uint32_t place = segment_place(hash, segment_ref_depth(ref));
    __builtin_prefetch(segment_ref_buckets(ref) + segment_home(place, segment_ref_bucket_count(ref)));
}

/* The first entry in the hash's home bucket whose fragment agrees: nearly always the right one. */
const struct entry *keyspace_probable(const struct keyspace *ks, uint64_t hash) {
    uint64_t ref = directory_ref(&ks->directory, hash);
    uint32_t place = segment_place(hash, segment_ref_depth(ref));
    const struct bucket *b = segment_ref_buckets(ref) + segment_home(place, segment_ref_bucket_count(ref));
    for (unsigned match = bucket_match(b, (uint8_t)place); match != 0; match &= match - 1) {
        uint64_t word = bucket_word(b, (unsigned)__builtin_ctz(match));
        if (word != 0 && (word >> 44 & 7) == (place >> 8 & 7))
            return bucket_word_entry(word);
    }
    return NULL;
}

void keyspace_prefetch_value(const struct entry *e) {
    enum { LINES_MAX = 17 }; /* an inline value of ENTRY_INLINE_MAX */
    if (e->val_len != ENTRY_VALUE_WIDE || entry_payload(e) != ENTRY_INLINE)
        return;
    const char *line = (const char *)e + CACHE_LINE_BYTES;
    for (int i = 0; i < LINES_MAX; i++, line += CACHE_LINE_BYTES)
        __builtin_prefetch(line);
}

void keyspace_prefetch_element(const struct entry *e, struct bytes element, unsigned stage) {
    if (entry_payload(e) != ENTRY_OBJECT)
        return;
    const struct value_ops *ops = value_ops(entry_type(e));
    if (ops->prefetch != NULL)
        ops->prefetch(entry_object(e), entry_object_encoding(e), element, stage);
}

void keyspace__note_expiry(struct keyspace *ks, const struct directory_spot *spot, int64_t due_ms) {
    if (due_ms == ENTRY_NO_EXPIRE)
        return;
    int64_t lateness_ms = (int64_t)spot->segment.info->used * KEYSPACE_LATENESS_PER_ENTRY_MS;
    if (lateness_ms > EXPIRE_LATENESS_MS)
        lateness_ms = EXPIRE_LATENESS_MS;
    int64_t visit_ms = due_ms < INT64_MAX - 1 - lateness_ms ? due_ms + lateness_ms : INT64_MAX - 1;
    directory_note_visit(&ks->directory, spot, visit_ms); /* I2 */
}

static bool has_parts_due(const struct entry *e) {
    return entry_parts_due_ms(e) != ENTRY_NO_EXPIRE;
}

/* Adds an entry whose key is not in the table, making room as needed. */
static void keyspace_insert(struct keyspace *ks, struct directory_spot *spot, uint64_t hash,
                            struct entry *e) {
    struct segment *s = &spot->segment;
    bool force = false;
    while (!segment_add(s, hash, e, force)) {
        uint32_t next = segment_is_empty(s) ? 1 : segment_next_size(s->bucket_count);
        if (!segment_is_empty(s) && !segment_can_gain(s)) {
            force = true;
        } else if (next != 0) {
            segment_rebuild(s, next, &ks->env);
            directory_close(&ks->directory, spot);
        } else if (directory_split(&ks->directory, spot, &ks->env)) {
            *spot = directory_open(&ks->directory, hash);
        } else {
            force = true;
        }
    }
    ks->count++;
    ks->expiring += entry_has_expire(e);
    ks->subexpiring += has_parts_due(e);
    ks->bytes += entry_bytes(e);
}

bool keyspace_put(struct keyspace *ks, uint64_t hash, struct entry *e) {
    struct directory_spot spot = directory_open(&ks->directory, hash);
    struct segment_site site = segment_locate(&spot.segment, hash, entry_key(e), NULL);
    struct entry *old = NULL;
    if (site.found) {
        old = bucket_word_entry(segment_site_word(&spot.segment, site));
        must(old != e);
        ks->bytes += entry_bytes(e) - entry_bytes(old);
        ks->expiring += (size_t)entry_has_expire(e) - (size_t)entry_has_expire(old);
        ks->subexpiring += (size_t)has_parts_due(e) - (size_t)has_parts_due(old);
        segment_replace(&spot.segment, site, e);
        entry_bin_put(ks->bin, old);
    } else {
        keyspace_insert(ks, &spot, hash, e);
    }
    keyspace__note_expiry(ks, &spot, entry_due_ms(e));
    return old != NULL;
}

struct entry *keyspace__remove(struct keyspace *ks, struct directory_spot *spot, struct segment_site site) {
    struct entry *e = segment_remove(&spot->segment, site);
    ks->count--;
    ks->expiring -= entry_has_expire(e);
    ks->subexpiring -= has_parts_due(e);
    ks->bytes -= entry_bytes(e);
    return e;
}

void keyspace__settle(struct keyspace *ks, struct directory_spot *spot, uint64_t hash) {
    struct segment *s = &spot->segment;
    uint32_t used = s->info->used;
    uint32_t slots = s->bucket_count * BUCKET_SLOTS;
    if (used == 0)
        segment_drop(s, &ks->env);
    else if (used * 100 < slots * KEYSPACE_SHRINK_PERCENT &&
             segment_fitting(used + used / 4) < s->bucket_count)
        segment_rebuild(s, segment_fitting(used + used / 4), &ks->env);
    else if (s->info->removed > slots)
        segment_rebuild(s, s->bucket_count, &ks->env);
    directory_close(&ks->directory, spot);
    if (used < KEYSPACE_MERGE_BELOW)
        directory_merge(&ks->directory, hash, &ks->env);
    if (ks->count == 0 && ks->directory.root_bits > 0) {
        directory_deinit(&ks->directory, &ks->env);
        directory_init(&ks->directory, &ks->env);
    }
}

struct entry *keyspace_take(struct keyspace *ks, struct bytes key, uint64_t hash) {
    struct directory_spot spot = directory_open(&ks->directory, hash);
    struct segment_site site = segment_locate(&spot.segment, hash, key, NULL);
    if (!site.found)
        return NULL;
    struct entry *e = keyspace__remove(ks, &spot, site);
    keyspace__settle(ks, &spot, hash);
    return e;
}

bool keyspace_delete(struct keyspace *ks, struct bytes key, uint64_t hash) {
    struct entry *e = keyspace_take(ks, key, hash);
    entry_bin_put(ks->bin, e);
    return e != NULL;
}

void keyspace_edit_end(struct keyspace *ks, const struct keyspace_edit *edit, struct entry *now) {
    ks->bytes += entry_bytes(now) - edit->bytes;
    int64_t expire_ms = entry_expire_ms(now);
    int64_t parts_due_ms = entry_parts_due_ms(now);
    if (LIKELY(now == edit->before && expire_ms == edit->expire_ms && parts_due_ms == edit->parts_due_ms))
        return;

    struct directory_spot spot = directory_open(&ks->directory, edit->hash);
    struct segment_site site = segment_locate(&spot.segment, edit->hash, BYTES_NONE, edit->before);
    must(site.found);
    segment_replace(&spot.segment, site, now);
    ks->expiring += (size_t)(expire_ms != ENTRY_NO_EXPIRE) - (size_t)(edit->expire_ms != ENTRY_NO_EXPIRE);
    ks->subexpiring +=
        (size_t)(parts_due_ms != ENTRY_NO_EXPIRE) - (size_t)(edit->parts_due_ms != ENTRY_NO_EXPIRE);
    keyspace__note_expiry(ks, &spot, entry_due_ms(now));
}

void keyspace_account(struct keyspace *ks, int64_t delta_bytes) {
    ks->bytes += (size_t)delta_bytes;
}

size_t keyspace_count(const struct keyspace *ks) {
    return ks->count;
}

size_t keyspace_expiring_count(const struct keyspace *ks) {
    return ks->expiring;
}

size_t keyspace_subexpiring_count(const struct keyspace *ks) {
    return ks->subexpiring;
}

size_t keyspace_bytes(const struct keyspace *ks) {
    return ks->bytes;
}

size_t keyspace_table_bytes(const struct keyspace *ks) {
    return mem_good_size(sizeof(*ks)) + ks->directory.bytes + bucket_pool_spare_bytes(&ks->env.pool);
}

/* Frees an entry that has left the table, or keeps it for the next step if it is large. */
static size_t keyspace_bury(struct keyspace *ks, struct entry *e, size_t pieces_max) {
    size_t pieces = entry_pieces(e);
    if (!entry_free_step(e, pieces_max))
        ks->dying = e;
    return pieces < pieces_max ? pieces : pieces_max;
}

bool keyspace_clear_step(struct keyspace *ks, size_t count_max) {
    size_t freed = 0;
    if (ks->dying) {
        if (!entry_free_step(ks->dying, count_max))
            return false;
        ks->dying = NULL;
        freed = 1;
    }
    while (ks->count > 0 && freed < count_max) {
        uint64_t hash = ks->clear_hash;
        struct directory_spot spot = directory_open(&ks->directory, hash);
        struct segment *s = &spot.segment;
        if (count_max - freed >= s->info->used)
            segment_prefetch(s, false);
        /* Removing brings another entry to a place only from places before it, which are empty, or from the stash's end. */
        for (uint32_t i = 0; i < segment_choice_count(s) && freed < count_max && !ks->dying;) {
            if (segment_choice(s, i) == 0)
                i++;
            else
                freed += keyspace_bury(ks, keyspace__remove(ks, &spot, segment_site_of_choice(s, i)),
                                       count_max - freed);
        }
        if (s->info->used == 0) {
            ks->clear_hash = directory_next_hash(&spot, hash);
            segment_drop(s, &ks->env);
            directory_close(&ks->directory, &spot);
        }
        if (ks->dying)
            return false;
    }
    if (ks->count > 0)
        return false;
    directory_deinit(&ks->directory, &ks->env);
    directory_init(&ks->directory, &ks->env);
    ks->clear_hash = 0;
    return true;
}

struct keyspace_sums {
    size_t count;
    size_t expiring;
    size_t subexpiring;
};

static void check_visit(void *ctx, struct entry *e, uint64_t hash) {
    struct keyspace_sums *sums = ctx;
    (void)hash;
    sums->count++;
    sums->expiring += entry_has_expire(e);
    sums->subexpiring += has_parts_due(e);
}

void keyspace_check(const struct keyspace *ks) {
    directory_check(&ks->directory, &ks->env);
    struct keyspace_sums sums = {0};
    keyspace_scan(ks, 0, SIZE_MAX, (struct keyspace_visitor){check_visit, &sums});
    must(sums.count == ks->count); /* I1 */
    must(sums.expiring == ks->expiring);
    must(sums.subexpiring == ks->subexpiring);
}

void keyspace_dump(const struct keyspace *ks) {
    uint32_t segments[SEGMENT_BUCKETS_MAX + 1] = {0};
    size_t used[SEGMENT_BUCKETS_MAX + 1] = {0};
    uint64_t hash = 0;
    do {
        struct directory_spot spot = directory_open(&ks->directory, hash);
        uint32_t size = segment_is_empty(&spot.segment) ? 0 : spot.segment.bucket_count;
        segments[size]++;
        used[size] += spot.segment.info->used;
        hash = directory_next_hash(&spot, hash);
    } while (hash != 0);
    fprintf(stderr, "keyspace: %zu entries, %zu expiring, %zu bytes, table %zu bytes, depth %u, 2^%u roots\n",
            ks->count, ks->expiring, ks->bytes, keyspace_table_bytes(ks), directory_depth(&ks->directory),
            ks->directory.root_bits);
    for (uint32_t size = 0; size <= SEGMENT_BUCKETS_MAX; size++)
        if (segments[size] > 0)
            fprintf(stderr, "  %7u segments of %2u buckets, load %.3f\n", segments[size], size,
                    size ? (double)used[size] / ((double)segments[size] * size * BUCKET_SLOTS) : 0.0);
}
