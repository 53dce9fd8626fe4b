/* listpack.h: a list of strings and integers in one block of bytes; the small encoding of lists, sets, hashes and sorted
 * sets, and the node of large lists and streams.
 *
 * The bytes are those of Redis's listpack format, so that a dumped value is a copy of the block:
 *
 *   offset  bytes  field
 *        0      4  total bytes, header and end included, little endian
 *        4      2  number of elements; 65535: unknown, count them
 *        6         elements: encoding and data, then the length of both, readable backwards
 *       end     1  0xff
 *
 * A string that is a canonical 64-bit integer is stored as one (1 to 9 bytes), whoever appends it.
 *
 * A listpack is a mem_alloc block. Functions that change it take it and give where it is now. A *place* is a pointer to
 * an element inside the block, void after any change; NULL: there is none (the end). Indexes count from 0, negative ones
 * from the end. Strings given to a function must not lie inside the same listpack.
 * Thread: the owner's. Limits: LISTPACK_BYTES_MAX, the caller asks listpack_fits before it adds. */
#pragma once

#include "core/base/bytes.h"
#include "core/base/num.h"

enum {
    LISTPACK_BYTES_MAX = 1 << 30, /* a listpack never grows beyond */
    LISTPACK_HEADER_BYTES = 6,
    LISTPACK_EMPTY_BYTES = 7,
    LISTPACK_ELEMENT_OVERHEAD_MAX = 10, /* bytes an element may take beyond its string */
};

/* Gives an empty listpack in a block with room for `capacity` bytes (0: none to spare). */
unsigned char *listpack_new(size_t capacity);

/* Gives a copy in a block without spare room. */
unsigned char *listpack_dup(const unsigned char *lp);

void listpack_free(unsigned char *lp);

/* Total bytes, header and end included. */
size_t listpack_bytes(const unsigned char *lp);

/* Elements; O(1) below 65535, else O(n). */
size_t listpack_count(const unsigned char *lp);

/* True if `bytes` more string bytes in `elements` more elements are sure to fit. */
bool listpack_fits(const unsigned char *lp, size_t bytes, size_t elements);

/* Gives the block without spare room. */
unsigned char *listpack_shrink(unsigned char *lp);

/* ---- looking ---- */

unsigned char *listpack_first(const unsigned char *lp);
unsigned char *listpack_last(const unsigned char *lp);
unsigned char *listpack_next(const unsigned char *lp, const unsigned char *at);
unsigned char *listpack_prev(const unsigned char *lp, const unsigned char *at);

/* The element with this index, from whichever end is nearer; NULL when out of range. */
unsigned char *listpack_at(const unsigned char *lp, int64_t index);

/* The element as a string. An integer is written to `scratch`; a string stays where it is: valid until a change. */
struct bytes listpack_get(const unsigned char *at, char scratch[NUM_INT_TEXT_MAX]);

/* True if the element is stored as an integer. */
bool listpack_get_int(const unsigned char *at, int64_t *value_out);

/* True if the element is this string. */
bool listpack_equals(const unsigned char *at, struct bytes value);

/* The first element equal to `value` at `from` or behind; between two looked at, `skip` elements are not. */
unsigned char *listpack_find(const unsigned char *lp, const unsigned char *from, struct bytes value,
                             size_t skip);

/* ---- changing ---- */

unsigned char *listpack_append(unsigned char *lp, struct bytes value) ATTR_MUST_USE;
unsigned char *listpack_append_int(unsigned char *lp, int64_t value) ATTR_MUST_USE;
unsigned char *listpack_prepend(unsigned char *lp, struct bytes value) ATTR_MUST_USE;

/* Puts an element in front of *at (NULL: at the end); *at is then the new element. */
unsigned char *listpack_insert(unsigned char *lp, unsigned char **at, struct bytes value) ATTR_MUST_USE;
unsigned char *listpack_insert_int(unsigned char *lp, unsigned char **at, int64_t value) ATTR_MUST_USE;

/* Puts another value in the element's place; *at is then that element. */
unsigned char *listpack_replace(unsigned char *lp, unsigned char **at, struct bytes value) ATTR_MUST_USE;
unsigned char *listpack_replace_int(unsigned char *lp, unsigned char **at, int64_t value) ATTR_MUST_USE;

/* Removes `count` elements from *at on (fewer if there are not so many); *at is then the one behind them, or NULL. */
unsigned char *listpack_remove(unsigned char *lp, unsigned char **at, size_t count) ATTR_MUST_USE;

/* Removes a range by index. */
unsigned char *listpack_remove_range(unsigned char *lp, int64_t index, size_t count) ATTR_MUST_USE;

/* Appends all elements of `other` behind those of `lp`. */
unsigned char *listpack_join(unsigned char *lp, const unsigned char *other) ATTR_MUST_USE;

/* ---- changing the ends where they are ----
 *
 * For a listpack that lies inside a larger block: nothing is allocated, and nothing moves but the six bytes of the
 * header. The caller knows the room in front and behind. */

/* Puts an element in front, if `room` bytes before lp are enough; gives where the listpack begins now, else NULL. */
unsigned char *listpack_extend_front(unsigned char *lp, size_t room, struct bytes value) ATTR_MUST_USE;

/* Puts an element at the end, if `room` bytes behind the listpack are enough; else answers false. */
bool listpack_extend_back(unsigned char *lp, size_t room, struct bytes value) ATTR_MUST_USE;

/* Removes the first element; gives where the listpack begins now. It must not be empty. */
unsigned char *listpack_cut_front(unsigned char *lp) ATTR_MUST_USE;

/* Removes the last element. It must not be empty. */
void listpack_cut_back(unsigned char *lp);

/* ---- trust ---- */

/* True if `size` bytes from a stranger are a whole, sound listpack (deep: every element is walked). */
bool listpack_is_sound(const unsigned char *lp, size_t size);

/* Verifies every invariant; a bug if one is broken. */
void listpack_check(const unsigned char *lp);

/* Prints the elements to stderr, for debugging. */
void listpack_dump(const unsigned char *lp);
