/* bucket.h: nine places of the table in one cache line.
 *
 *   offset  bytes
 *        0      9  tags       the lower 8 bits of each place's fragment, 0 where the place is empty
 *        9      1  control    bits 0..3 reach, bits 4..7 number of strangers
 *       10     54  words      nine words of 48 bits, little endian, 0 where the place is empty:
 *                             bits 0..43 address / 16, bits 44..46 upper bits of the fragment, bit 47 expiring
 *
 * The *fragment* is the lower 11 bits of an entry's 16-bit place in its segment's range of hashes (segment.h). A search
 * looks at an entry's memory only if all 11 agree, that is, wrongly about once in 200 searches.
 * A *stranger* is an entry whose home is another bucket that was full. Strangers stand in the last places, entries at
 * home anywhere before them. *Reach* says how many buckets behind this one may hold entries whose home is here; 15 means
 * that some may be in the segment's stash as well.
 *
 * Unaligned and overlapping loads are deliberate: a word is read as the upper part of the eight bytes that end with
 * it, which never leaves the bucket. */
#pragma once

#include "core/value/entry.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum {
    BUCKET_SLOTS = 9,
    BUCKET_REACH_MAX = 14,
    BUCKET_REACH_STASH = 15,
    BUCKET_FRAGMENT_BITS = 11,
};

struct bucket {
    _Alignas(CACHE_LINE_BYTES) uint8_t tags[BUCKET_SLOTS];
    uint8_t control;
    uint8_t words[BUCKET_SLOTS * 6];
};

_Static_assert(sizeof(struct bucket) == CACHE_LINE_BYTES, "a bucket is one cache line");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words are read as little endian integers");

#define BUCKET_WORD_ENTRY    ((UINT64_C(1) << 44) - 1)
#define BUCKET_WORD_EXPIRING (UINT64_C(1) << 47)

/* The word of an entry: its address, and whether it or a part of it expires; the fragment is added by bucket_put. */
static inline uint64_t bucket_word_of(const struct entry *e) {
    uintptr_t address = (uintptr_t)e;
    must((address & ~(uintptr_t)(BUCKET_WORD_ENTRY << 4)) == 0);
    return (uint64_t)address >> 4 | (entry_due_ms(e) != ENTRY_NO_EXPIRE ? BUCKET_WORD_EXPIRING : 0);
}

static inline struct entry *bucket_word_entry(uint64_t word) {
    return (struct entry *)(uintptr_t)((word & BUCKET_WORD_ENTRY) << 4);
}

static inline bool bucket_word_expiring(uint64_t word) {
    return (word & BUCKET_WORD_EXPIRING) != 0;
}

static inline uint64_t bucket_word(const struct bucket *b, unsigned slot) {
    uint64_t wide;
    memcpy(&wide, (const char *)b + 8 + (size_t)slot * 6, sizeof(wide));
    return wide >> 16;
}

static inline unsigned bucket_fragment(const struct bucket *b, unsigned slot) {
    return b->tags[slot] | (unsigned)(bucket_word(b, slot) >> 44 & 7) << 8;
}

/* Overwrites a place. */
static inline void bucket_put(struct bucket *b, unsigned slot, uint64_t word, unsigned fragment) {
    word = (word & (BUCKET_WORD_ENTRY | BUCKET_WORD_EXPIRING)) | (uint64_t)(fragment >> 8 & 7) << 44;
    memcpy(b->words + (size_t)slot * 6, &word, 6);
    b->tags[slot] = (uint8_t)fragment;
}

static inline void bucket_clear(struct bucket *b, unsigned slot) {
    memset(b->words + (size_t)slot * 6, 0, 6);
    b->tags[slot] = 0;
}

static inline unsigned bucket_reach(const struct bucket *b) {
    return b->control & 15;
}

static inline unsigned bucket_strangers(const struct bucket *b) {
    return b->control >> 4;
}

static inline void bucket_set_reach(struct bucket *b, unsigned reach) {
    b->control = (uint8_t)((b->control & 0xf0) | reach);
}

static inline void bucket_set_strangers(struct bucket *b, unsigned strangers) {
    b->control = (uint8_t)((b->control & 0x0f) | strangers << 4);
}

/* The places whose tag is `tag`, a bit each. Empty ones may be among them for tag 0. */
static inline unsigned bucket_match(const struct bucket *b, uint8_t tag) {
#ifdef __SSE2__
    __m128i line = _mm_load_si128((const __m128i *)(const void *)b);
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(line, _mm_set1_epi8((char)tag))) &
           ((1u << BUCKET_SLOTS) - 1);
#else
    unsigned match = 0;
    for (unsigned slot = 0; slot < BUCKET_SLOTS; slot++)
        match |= (unsigned)(b->tags[slot] == tag) << slot;
    return match;
#endif
}

/* An empty place among those of entries at home, or BUCKET_SLOTS if there is none. */
static inline unsigned bucket_free_slot(const struct bucket *b) {
    unsigned slot = 0;
    unsigned end = BUCKET_SLOTS - bucket_strangers(b);
    while (slot < end && bucket_word(b, slot) != 0)
        slot++;
    return slot < end ? slot : BUCKET_SLOTS;
}

/* Puts an entry at home here; false if the bucket is full. */
static inline bool bucket_add_native(struct bucket *b, uint64_t word, unsigned fragment) {
    unsigned slot = bucket_free_slot(b);
    if (slot == BUCKET_SLOTS)
        return false;
    bucket_put(b, slot, word, fragment);
    return true;
}

/* Puts a stranger here; false if the bucket is full. */
static inline bool bucket_add_stranger(struct bucket *b, uint64_t word, unsigned fragment) {
    unsigned slot = bucket_free_slot(b);
    if (slot == BUCKET_SLOTS)
        return false;
    unsigned border = BUCKET_SLOTS - 1 - bucket_strangers(b);
    if (slot != border) /* who is at home there moves to the empty place */
        bucket_put(b, slot, bucket_word(b, border), bucket_fragment(b, border));
    bucket_put(b, border, word, fragment);
    bucket_set_strangers(b, bucket_strangers(b) + 1);
    return true;
}

/* Empties a place. If a stranger stood there, the first stranger moves into it: whoever looks at the places in ascending
 * order has seen that one already. */
static inline void bucket_remove(struct bucket *b, unsigned slot) {
    unsigned strangers = bucket_strangers(b);
    unsigned first = BUCKET_SLOTS - strangers;
    if (slot >= first) {
        if (slot != first)
            bucket_put(b, slot, bucket_word(b, first), bucket_fragment(b, first));
        bucket_set_strangers(b, strangers - 1);
        slot = first;
    }
    bucket_clear(b, slot);
}
