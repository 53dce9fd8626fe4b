/* rank_index.c: a hash table of words in segments.
 *
 * The problem: from a name to its element, for ten elements or a hundred millions, with few bytes beyond the 8 of an
 * address, no pause when it grows, and a scan that survives growth.
 *
 * The structure is an extendible hash table. The directory's entry for the first `depth` bits of a hash names the segment
 * that holds it; a segment of depth d holds all hashes that share their first d bits. The next 16 bits are an element's
 * *tag*, kept in the word beside its address, so that neighbours are told apart without looking at them.
 *
 *   directory, depth 2          segment: used, cap, depth, words
 *   00 ──┐
 *   01 ──┴──> depth 1           [ tag|address, 0, tag|address, tag|address, ... ]
 *   10 ─────> depth 2             home of a tag = tag * cap / 65536
 *   11 ─────> depth 2
 *
 * Inside a segment: open addressing, words in order of tags (Robin Hood), so a search for what is not there ends where
 * its place would be. A segment grows through the sizes of segment_sizes[], which are the allocator's, by a fifth
 * or so each time, without looking at an element: order of tags is order of homes. The largest is split in two instead,
 * which needs one more bit of each hash and is the only time when names are hashed again.
 *
 * I1  In circular order from a home, words stand in ascending order of tags, without a gap between a home and its word.
 * I2  used <= cap * 7 / 8, so there is always a gap.
 * I3  A word's segment is the one that its hash's first bits name; its tag is the next 16 bits.
 * I4  A segment of depth d stands in 2^(depth - d) neighbouring places of the directory.
 * I5  bytes is the sum of mem_good_size over the directory and all segments.
 *
 * Segments become smaller when most of their elements are gone; they are never joined again: an emptied segment is 64
 * bytes, and a set that shrinks to nothing is deleted by its owner.
 *
 * Why not a table that doubles: its spike of memory and its pause. Why not chains: 8 bytes more for each element.
 * Cost: some 10 bytes for each element; one or two cache lines and one element for a search. */
#include "core/ds/rank_index.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    TAG_BITS = 16,
    DEPTH_MAX = 48, /* that many equal bits are no accident */
    HEADER_BYTES = 8,
    PREFETCH_AHEAD = 8,
    DIRECTORY_SHARE = 16, /* directory entries freed count as this share of a segment */
};

struct rank_segment {
    uint16_t used;
    uint16_t cap;
    uint8_t depth;
    uint8_t size; /* position in segment_sizes */
    uint64_t words[];
};

_Static_assert(sizeof(struct rank_segment) == HEADER_BYTES, "the header is one word");

static const uint16_t segment_sizes[] = {64,  96,  128,  160,  192,  224,  256,  320,  384,  448,  512, 640,
                                         768, 896, 1024, 1280, 1536, 1792, 2048, 2560, 3072, 3584, 4096};

static struct rank_segment *segment_new(struct rank_index *ix, unsigned size, unsigned depth) {
    struct rank_segment *s = mem_zalloc(segment_sizes[size]);
    s->cap = (uint16_t)((segment_sizes[size] - HEADER_BYTES) / sizeof(uint64_t));
    s->size = (uint8_t)size;
    s->depth = (uint8_t)depth;
    ix->bytes += mem_good_size(segment_sizes[size]);
    return s;
}

static void segment_free(struct rank_index *ix, struct rank_segment *s) {
    ix->bytes -= mem_good_size(segment_sizes[s->size]);
    mem_free(s);
}

/* I2 */
static unsigned segment_used_max(unsigned cap) {
    return cap * 7 / 8;
}

/* The smallest size with some room beyond `used` words. */
static unsigned size_for(unsigned used) {
    unsigned size = 0;
    while (size + 1 < COUNT_OF(segment_sizes) && (segment_sizes[size] / 8u - 1) * 13 / 16 < used + 1)
        size++;
    return size;
}

static unsigned segment_tag(uint64_t hash, unsigned depth) {
    return (unsigned)(hash << depth >> (64 - TAG_BITS));
}

static unsigned segment_home(const struct rank_segment *s, unsigned tag) {
    return tag * s->cap >> TAG_BITS;
}

static unsigned segment_next(const struct rank_segment *s, unsigned at) {
    return at + 1 == s->cap ? 0 : at + 1;
}

/* How far the word at `at` stands behind its home. */
static unsigned segment_distance(const struct rank_segment *s, unsigned at, uint64_t word) {
    unsigned home = segment_home(s, ranked_word_tag(word));
    return at >= home ? at - home : at + s->cap - home;
}

/* Puts a word behind all of smaller or equal tags (I1); there must be a gap. */
static void segment_put(struct rank_segment *s, uint64_t word) {
    unsigned tag = ranked_word_tag(word);
    unsigned at = segment_home(s, tag);
    for (unsigned distance = 0; s->words[at] != 0; distance++, at = segment_next(s, at)) {
        unsigned other = segment_distance(s, at, s->words[at]);
        if (other < distance || (other == distance && ranked_word_tag(s->words[at]) > tag))
            break;
    }
    while (word != 0) {
        uint64_t moved = s->words[at];
        s->words[at] = word;
        word = moved;
        at = segment_next(s, at);
    }
    s->used++;
}

static struct rank_segment **directory_at(const struct rank_index *ix, uint64_t hash) {
    return &ix->directory[ix->depth == 0 ? 0 : hash >> (64 - ix->depth)];
}

/* The first of the directory's places for the hash's segment, and their number (I4). */
static struct rank_segment **directory_range(const struct rank_index *ix, uint64_t hash, size_t *len_out) {
    struct rank_segment **at = directory_at(ix, hash);
    *len_out = (size_t)1 << (ix->depth - (*at)->depth);
    size_t first = (size_t)(at - ix->directory) & ~(*len_out - 1);
    return ix->directory + first;
}

void rank_index_init(struct rank_index *ix, uint64_t seed) {
    *ix = (struct rank_index){.seed = seed, .directory_len = 1};
    ix->directory = mem_alloc(sizeof(*ix->directory));
    ix->bytes = mem_good_size(sizeof(*ix->directory));
    ix->directory[0] = segment_new(ix, 0, 0);
}

void rank_index_deinit(struct rank_index *ix) {
    while (!rank_index_free_step(ix, SIZE_MAX))
        continue;
}

bool rank_index_free_step(struct rank_index *ix, size_t segments_max) {
    size_t places = 0;
    while (ix->directory_len > 0 && segments_max > 0) {
        struct rank_segment *s = ix->directory[--ix->directory_len];
        if (ix->directory_len == 0 || ix->directory[ix->directory_len - 1] != s) {
            segment_free(ix, s);
            segments_max--;
        } else if (++places % DIRECTORY_SHARE == 0) {
            segments_max--;
        }
    }
    if (ix->directory_len > 0)
        return false;
    mem_free(ix->directory);
    ix->directory = NULL;
    ix->count = 0;
    ix->bytes = 0;
    return true;
}

/* ---- looking ---- */

/* The place of the first word with this tag that names `name`, or -1. */
static int segment_find(const struct rank_segment *s, unsigned tag, struct bytes name) {
    unsigned at = segment_home(s, tag);
    for (unsigned distance = 0; s->words[at] != 0; distance++, at = segment_next(s, at)) {
        uint64_t word = s->words[at];
        if (ranked_word_tag(word) == tag) {
            if (LIKELY(bytes_equal(ranked_name(ranked_of_word(word)), name)))
                return (int)at;
        } else if (segment_distance(s, at, word) < distance) {
            break;
        }
    }
    return -1;
}

struct ranked *rank_index_find(const struct rank_index *ix, struct bytes name, uint64_t hash) {
    const struct rank_segment *s = *directory_at(ix, hash);
    int at = segment_find(s, segment_tag(hash, s->depth), name);
    return at < 0 ? NULL : ranked_of_word(s->words[at]);
}

/* Words of a segment from `tag` on, in order of tags; a circular walk that leaves out those that have wrapped around
 * until it has wrapped around itself. */
struct segment_walk {
    const struct rank_segment *s;
    unsigned tag;
    unsigned at;
    bool is_wrapped;
};

/* The next word, or 0. */
static uint64_t segment_walk_next(struct segment_walk *w) {
    for (;;) {
        if (w->at == w->s->cap) {
            if (w->is_wrapped)
                return 0;
            w->is_wrapped = true;
            w->at = 0;
        }
        unsigned at = w->at++;
        uint64_t word = w->s->words[at];
        bool has_wrapped = word != 0 && segment_home(w->s, ranked_word_tag(word)) > at;
        if (w->is_wrapped && !has_wrapped)
            return 0;
        if (word != 0 && has_wrapped == w->is_wrapped && ranked_word_tag(word) >= w->tag)
            return word;
    }
}

uint64_t rank_index_scan(const struct rank_index *ix, uint64_t cursor, size_t count,
                         struct rank_index_visitor visitor) {
    uint64_t hash = cursor << TAG_BITS; /* the smallest hash not seen yet */
    size_t seen = 0;
    for (;;) {
        const struct rank_segment *s = *directory_at(ix, hash);
        unsigned tag = segment_tag(hash, s->depth);
        uint64_t first_hash = s->depth == 0 ? 0 : hash >> (64 - s->depth) << (64 - s->depth);
        struct segment_walk walk = {s, tag, segment_home(s, tag), false};
        unsigned last_tag = tag;
        for (uint64_t word; (word = segment_walk_next(&walk)) != 0;) {
            unsigned word_tag = ranked_word_tag(word);
            if (seen >= count && word_tag != last_tag)
                return (first_hash | (uint64_t)word_tag << (64 - TAG_BITS - s->depth)) >> TAG_BITS;
            last_tag = word_tag;
            visitor.visit(visitor.ctx, ranked_of_word(word));
            seen++;
        }
        uint64_t width = s->depth == 0 ? 0 : (uint64_t)1 << (64 - s->depth);
        hash = first_hash + width;
        if (hash == 0)
            return 0;
        if (seen >= count)
            return hash >> TAG_BITS;
    }
}

/* ---- changing ---- */

/* Puts a segment of another size in the place of the hash's; words keep their tags. */
static struct rank_segment *segment_resize(struct rank_index *ix, uint64_t hash, unsigned size) {
    size_t places;
    struct rank_segment **range = directory_range(ix, hash, &places);
    struct rank_segment *old = *range;
    struct rank_segment *s = segment_new(ix, size, old->depth);
    for (unsigned i = 0; i < old->cap; i++)
        if (old->words[i] != 0)
            segment_put(s, old->words[i]);
    segment_free(ix, old);
    for (size_t i = 0; i < places; i++)
        range[i] = s;
    return s;
}

static void directory_double(struct rank_index *ix) {
    size_t len = ix->directory_len;
    ix->bytes -= mem_good_size(len * sizeof(*ix->directory));
    ix->directory = mem_realloc(ix->directory, 2 * len * sizeof(*ix->directory));
    ix->bytes += mem_good_size(2 * len * sizeof(*ix->directory));
    for (size_t i = len; i-- > 0;)
        ix->directory[2 * i] = ix->directory[2 * i + 1] = ix->directory[i];
    ix->directory_len = 2 * len;
    ix->depth++;
}

/* Makes two segments, one bit deeper, out of the hash's. */
static void segment_split(struct rank_index *ix, uint64_t hash) {
    must((*directory_at(ix, hash))->depth < DEPTH_MAX);
    if ((*directory_at(ix, hash))->depth == ix->depth)
        directory_double(ix);
    size_t places;
    struct rank_segment **range = directory_range(ix, hash, &places);
    struct rank_segment *old = *range;
    unsigned depth = old->depth + 1u;
    unsigned upper = 0;
    for (unsigned i = 0; i < old->cap; i++)
        upper += (unsigned)(old->words[i] >> 63);
    struct rank_segment *halves[2] = {segment_new(ix, size_for(old->used - upper), depth),
                                      segment_new(ix, size_for(upper), depth)};
    for (unsigned i = 0; i < old->cap; i++) {
        if (i + PREFETCH_AHEAD < old->cap)
            __builtin_prefetch(ranked_of_word(old->words[i + PREFETCH_AHEAD]));
        if (old->words[i] == 0)
            continue;
        struct ranked *e = ranked_of_word(old->words[i]);
        uint64_t h = rank_index_hash(ix, ranked_name(e));
        segment_put(halves[old->words[i] >> 63], ranked_word(e, segment_tag(h, depth)));
    }
    segment_free(ix, old);
    for (size_t i = 0; i < places; i++)
        range[i] = halves[i >= places / 2];
}

void rank_index_add(struct rank_index *ix, struct ranked *e, uint64_t hash) {
    struct rank_segment *s = *directory_at(ix, hash);
    while (UNLIKELY(s->used >= segment_used_max(s->cap))) {
        if (s->size + 1u < COUNT_OF(segment_sizes)) {
            s = segment_resize(ix, hash, s->size + 1u);
        } else {
            segment_split(ix, hash);
            s = *directory_at(ix, hash);
        }
    }
    segment_put(s, ranked_word(e, segment_tag(hash, s->depth)));
    ix->count++;
}

void rank_index_remove(struct rank_index *ix, const struct ranked *e, uint64_t hash) {
    struct rank_segment *s = *directory_at(ix, hash);
    uint64_t word = ranked_word(e, segment_tag(hash, s->depth));
    unsigned at = segment_home(s, ranked_word_tag(word));
    for (unsigned steps = 0; s->words[at] != word; steps++, at = segment_next(s, at))
        must(steps < s->cap);
    for (;;) { /* those behind it move up, until one is at home (I1) */
        unsigned next = segment_next(s, at);
        uint64_t moved = s->words[next];
        if (moved == 0 || segment_distance(s, next, moved) == 0)
            break;
        s->words[at] = moved;
        at = next;
    }
    s->words[at] = 0;
    s->used--;
    ix->count--;
    if (UNLIKELY(s->used < s->cap / 4 && s->size > 0))
        segment_resize(ix, hash, size_for(s->used));
}

/* ---- trust ---- */

static void segment_check(const struct rank_index *ix, const struct rank_segment *s, uint64_t first_hash) {
    unsigned used = 0;
    must(s->cap == segment_sizes[s->size] / 8 - 1);
    for (unsigned at = 0; at < s->cap; at++) {
        uint64_t word = s->words[at];
        if (word == 0)
            continue;
        used++;
        uint64_t hash = rank_index_hash(ix, ranked_name(ranked_of_word(word)));
        must(ranked_word_tag(word) == segment_tag(hash, s->depth)); /* I3 */
        must(s->depth == 0 || hash >> (64 - s->depth) == first_hash >> (64 - s->depth));
        unsigned distance = segment_distance(s, at, word);
        unsigned before = at == 0 ? s->cap - 1u : at - 1;
        if (distance == 0)
            continue;
        must(s->words[before] != 0); /* I1 */
        unsigned before_distance = segment_distance(s, before, s->words[before]);
        must(before_distance + 1 >= distance);
        must(before_distance + 1 > distance || ranked_word_tag(s->words[before]) <= ranked_word_tag(word));
    }
    must(used == s->used);
    must(used <= segment_used_max(s->cap)); /* I2 */
}

void rank_index_check(const struct rank_index *ix) {
    must(ix->directory_len == (size_t)1 << ix->depth);
    size_t count = 0;
    size_t bytes = mem_good_size(ix->directory_len * sizeof(*ix->directory));
    for (size_t i = 0; i < ix->directory_len;) {
        const struct rank_segment *s = ix->directory[i];
        must(s->depth <= ix->depth);
        size_t places = (size_t)1 << (ix->depth - s->depth);
        must(i % places == 0); /* I4 */
        for (size_t j = 0; j < places; j++)
            must(ix->directory[i + j] == s);
        segment_check(ix, s, ix->depth == 0 ? 0 : (uint64_t)i << (64 - ix->depth));
        count += s->used;
        bytes += mem_good_size(segment_sizes[s->size]);
        i += places;
    }
    must(count == ix->count);
    must(bytes == ix->bytes); /* I5 */
}

void rank_index_dump(const struct rank_index *ix) {
    fprintf(stderr, "rank_index: %zu elements, %zu bytes, depth %u\n", ix->count, ix->bytes, ix->depth);
    for (size_t i = 0; i < ix->directory_len; i++)
        if (i == 0 || ix->directory[i] != ix->directory[i - 1])
            fprintf(stderr, "  %zu: depth %u, %u of %u\n", i, ix->directory[i]->depth, ix->directory[i]->used,
                    ix->directory[i]->cap);
}
