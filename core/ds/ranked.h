/* ranked.h: one element of a ranking: a score and a name, in one block.
 *
 *   offset  bytes  field
 *        0      8  score, a double, never NaN
 *        8      1  length of the name; 255: the length stands in the next 8 bytes
 *        9         the name
 *
 * Elements are in order of score, and of names, bytewise, where scores are equal. -0 and 0 are equal scores.
 * The block never moves: the tree of scores and the index of names both point at it. Its address has 16 bits to spare,
 * which those two use. */
#pragma once

#include "core/base/mem.h"

#include "core/base/bytes.h"

enum {
    RANKED_LONG = 255,      /* first length byte of a long name */
    RANKED_TRY_BYTES = 256, /* names from this size on are allocated with a chance to refuse */
    RANKED_ADDRESS_BITS = 48,
};

struct ranked {
    double score;
    unsigned char text[];
};

static inline struct bytes ranked_name(const struct ranked *e) {
    if (LIKELY(e->text[0] != RANKED_LONG))
        return bytes_of(e->text + 1, e->text[0]);
    uint64_t len;
    memcpy(&len, e->text + 1, sizeof(len));
    return bytes_of(e->text + 9, len);
}

/* Bytes of the block of an element whose name has `len` bytes. */
static inline size_t ranked_block_bytes(size_t len) {
    return mem_good_size(sizeof(struct ranked) + (len < RANKED_LONG ? 1 : 9) + len);
}

static inline size_t ranked_bytes(const struct ranked *e) {
    return ranked_block_bytes(ranked_name(e).len);
}

/* Gives an element; NULL when there is no memory for a long name. */
static inline struct ranked *ranked_new(struct bytes name, double score) {
    size_t bytes = ranked_block_bytes(name.len);
    struct ranked *e = name.len < RANKED_TRY_BYTES ? mem_alloc(bytes) : mem_try_alloc(bytes);
    if (UNLIKELY(e == NULL))
        return NULL;
    must((uintptr_t)e >> RANKED_ADDRESS_BITS == 0);
    e->score = score;
    unsigned char *at = e->text;
    if (LIKELY(name.len < RANKED_LONG)) {
        *at++ = (unsigned char)name.len;
    } else {
        uint64_t len = name.len;
        *at++ = RANKED_LONG;
        memcpy(at, &len, sizeof(len));
        at += sizeof(len);
    }
    if (name.len != 0)
        memcpy(at, name.ptr, name.len);
    return e;
}

/* The element's address and 16 bits beside it, in one word. */
static inline uint64_t ranked_word(const struct ranked *e, uint64_t tag) {
    return tag << RANKED_ADDRESS_BITS | (uint64_t)(uintptr_t)e;
}

static inline struct ranked *ranked_of_word(uint64_t word) {
    return (struct ranked *)(uintptr_t)(word & (((uint64_t)1 << RANKED_ADDRESS_BITS) - 1));
}

static inline unsigned ranked_word_tag(uint64_t word) {
    return (unsigned)(word >> RANKED_ADDRESS_BITS);
}
