/* bitops.h: strings as arrays of bits. Bit 0 is the most significant bit of the first byte, as SETBIT numbers them.
 *
 * Pure functions over borrowed memory; nothing is allocated. Positions and lengths of bits fit 64 bits because a string
 * has fewer than 2^60 bytes. */
#pragma once

#include "core/base/bytes.h"

enum bitops_op {
    BITOPS_AND,
    BITOPS_OR,
    BITOPS_XOR,
    BITOPS_NOT,   /* of the first source, which is the only one */
    BITOPS_DIFF,  /* in the first source, and in none of the others */
    BITOPS_DIFF1, /* in some of the others, and not in the first */
    BITOPS_ANDOR, /* in the first and in some of the others */
    BITOPS_ONE,   /* in exactly one source */
};

/* Number of set bits among the bits first .. last, which must lie in the string; 0 when last < first. */
uint64_t bitops_count(struct bytes s, uint64_t first, uint64_t last) ATTR_PURE;

/* Position of the first bit that equals `bit` among the bits first .. last, which must lie in the string; -1: none. */
int64_t bitops_find(struct bytes s, bool bit, uint64_t first, uint64_t last) ATTR_PURE;

/* The `width` (1 to 64) bits from position `at` on as an unsigned number; bits behind the string are 0. */
uint64_t bitops_get(struct bytes s, uint64_t at, unsigned width) ATTR_PURE;

/* Writes the low `width` (1 to 64) bits of value; they must lie in the string. */
void bitops_set(char *s, uint64_t at, unsigned width, uint64_t value);

/* Combines sources, each thought to be continued with zero bytes, into `len` bytes at dst, which is none of them. */
void bitops_combine(enum bitops_op op, const struct bytes *sources, size_t count, char *dst, size_t len);
