/* intset.h: a sorted array of different integers in one block; the small encoding of sets of integers.
 *
 * The bytes are those of Redis's intset, so that a dumped value is a copy of the block:
 *
 *   offset  bytes  field
 *        0      4  width of a number: 2, 4 or 8; little endian as all that follows
 *        4      4  number of numbers
 *        8  n * w  the numbers, signed, in ascending order
 *
 * The width is that of the widest number it has ever held. An intset is a mem_alloc block; functions that change it take
 * it and give where it is now. Places count from 0. Cost: finding O(log n), adding and removing O(n), by moving memory.
 * Limits: INTSET_COUNT_MAX numbers, the caller asks before it adds. Thread: the owner's. */
#pragma once

#include "core/base/attr.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    INTSET_COUNT_MAX = 1 << 30,
    INTSET_HEADER_BYTES = 8,
};

unsigned char *intset_new(void);

/* Gives a copy. */
unsigned char *intset_dup(const unsigned char *is);

/* Takes it. */
void intset_free(unsigned char *is);

/* Length of the bytes, header included. */
size_t intset_bytes(const unsigned char *is);

size_t intset_count(const unsigned char *is);

/* The number at a place, which must exist. */
int64_t intset_at(const unsigned char *is, size_t place);

/* True if the number is there. *place_out is where it is, or where it would be. */
bool intset_find(const unsigned char *is, int64_t value, size_t *place_out);

/* Adds a number; *is_added_out is false if it was there. */
unsigned char *intset_add(unsigned char *is, int64_t value, bool *is_added_out) ATTR_MUST_USE;

/* Removes the number at a place. */
unsigned char *intset_remove_at(unsigned char *is, size_t place) ATTR_MUST_USE;

/* True if `size` bytes from a stranger are a whole, sorted intset without duplicates. */
bool intset_is_sound(const unsigned char *is, size_t size);

/* Verifies the same of our own; a bug if it is broken. */
void intset_check(const unsigned char *is);

/* Prints it to stderr, for debugging. */
void intset_dump(const unsigned char *is);
