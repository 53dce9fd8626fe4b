/* intset.c: numbers side by side, each as wide as the widest needs.
 *
 * I1  Numbers ascend strictly.
 * I2  The width is 2, 4 or 8, and every number fits it. A number that does not widens all; it is then smaller or larger
 *     than all others, so it goes to one of the ends.
 *
 * A tree or a table would cost at least a pointer per number, for a set of some hundred numbers of two bytes. Moving half
 * of 512 numbers of 8 bytes is two kilobytes: some 50 nanoseconds. */
#include "core/ds/intset.h"

#include "core/base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are copied as they stand in memory");

static size_t width_of(const unsigned char *is) {
    uint32_t width;
    memcpy(&width, is, sizeof(width));
    return width;
}

size_t intset_count(const unsigned char *is) {
    uint32_t count;
    memcpy(&count, is + 4, sizeof(count));
    return count;
}

static void set_header(unsigned char *is, size_t width, size_t count) {
    uint32_t header[2] = {(uint32_t)width, (uint32_t)count};
    memcpy(is, header, sizeof(header));
}

static size_t width_needed(int64_t value) {
    if (value >= INT16_MIN && value <= INT16_MAX)
        return 2;
    return value >= INT32_MIN && value <= INT32_MAX ? 4 : 8;
}

static int64_t read_number(const unsigned char *is, size_t width, size_t place) {
    const unsigned char *at = is + INTSET_HEADER_BYTES + place * width;
    int64_t wide;
    int32_t middle;
    int16_t narrow;
    if (width == 2) {
        memcpy(&narrow, at, sizeof(narrow));
        return narrow;
    }
    if (width == 4) {
        memcpy(&middle, at, sizeof(middle));
        return middle;
    }
    memcpy(&wide, at, sizeof(wide));
    return wide;
}

static void write_number(unsigned char *is, size_t width, size_t place, int64_t value) {
    memcpy(is + INTSET_HEADER_BYTES + place * width, &value,
           width); /* little endian: the low bytes come first */
}

unsigned char *intset_new(void) {
    unsigned char *is = mem_alloc(INTSET_HEADER_BYTES);
    set_header(is, 2, 0);
    return is;
}

unsigned char *intset_dup(const unsigned char *is) {
    unsigned char *copy = mem_alloc(intset_bytes(is));
    memcpy(copy, is, intset_bytes(is));
    return copy;
}

void intset_free(unsigned char *is) {
    mem_free(is);
}

size_t intset_bytes(const unsigned char *is) {
    return INTSET_HEADER_BYTES + intset_count(is) * width_of(is);
}

int64_t intset_at(const unsigned char *is, size_t place) {
    dcheck(place < intset_count(is));
    return read_number(is, width_of(is), place);
}

bool intset_find(const unsigned char *is, int64_t value, size_t *place_out) {
    size_t width = width_of(is);
    size_t count = intset_count(is);
    size_t first = 0;
    if (width_needed(value) > width) { /* I2: beyond one of the ends */
        *place_out = value < 0 ? 0 : count;
        return false;
    }
    /* Appending in ascending order is common: ids, days. */
    if (count > 0 && value > read_number(is, width, count - 1)) {
        *place_out = count;
        return false;
    }
    for (size_t left = count; left > 0;) { /* no branch depends on the numbers */
        size_t half = left / 2;
        bool is_behind = read_number(is, width, first + half) < value;
        first = is_behind ? first + half + 1 : first;
        left = is_behind ? left - half - 1 : half;
    }
    *place_out = first;
    return first < count && read_number(is, width, first) == value;
}

/* Makes room for one more number of `width` at `place`, widening all if need be. */
static unsigned char *open_gap(unsigned char *is, size_t width, size_t place) {
    size_t count = intset_count(is);
    size_t old_width = width_of(is);
    must(count < INTSET_COUNT_MAX);
    is = mem_realloc(is, INTSET_HEADER_BYTES + (count + 1) * width);
    if (width == old_width) {
        unsigned char *at = is + INTSET_HEADER_BYTES + place * width;
        memmove(at + width, at, (count - place) * width);
    } else {
        for (size_t i = count;
             i-- > 0;) /* from the end: a number moves to where only itself and later ones were */
            write_number(is, width, i < place ? i : i + 1, read_number(is, old_width, i));
    }
    set_header(is, width, count + 1);
    return is;
}

unsigned char *intset_add(unsigned char *is, int64_t value, bool *is_added_out) {
    size_t place;
    *is_added_out = !intset_find(is, value, &place);
    if (!*is_added_out)
        return is;
    size_t width = width_of(is);
    size_t needed = width_needed(value);
    is = open_gap(is, needed > width ? needed : width, place);
    write_number(is, width_of(is), place, value);
    return is;
}

unsigned char *intset_remove_at(unsigned char *is, size_t place) {
    size_t width = width_of(is);
    size_t count = intset_count(is);
    dcheck(place < count);
    unsigned char *at = is + INTSET_HEADER_BYTES + place * width;
    memmove(at, at + width, (count - place - 1) * width);
    set_header(is, width, count - 1);
    return mem_realloc(is, INTSET_HEADER_BYTES + (count - 1) * width);
}

bool intset_is_sound(const unsigned char *is, size_t size) {
    if (size < INTSET_HEADER_BYTES)
        return false;
    size_t width = width_of(is);
    size_t count = intset_count(is);
    if ((width != 2 && width != 4 && width != 8) || count > INTSET_COUNT_MAX ||
        size != INTSET_HEADER_BYTES + count * width)
        return false;
    for (size_t i = 1; i < count; i++)
        if (read_number(is, width, i - 1) >= read_number(is, width, i))
            return false;
    return true;
}

void intset_check(const unsigned char *is) {
    must(intset_is_sound(is, intset_bytes(is))); /* I1 I2 */
    must(mem_usable(is) >= intset_bytes(is));
}

void intset_dump(const unsigned char *is) {
    fprintf(stderr, "intset %p: %zu numbers of %zu bytes:", (const void *)is, intset_count(is), width_of(is));
    for (size_t i = 0; i < intset_count(is); i++)
        fprintf(stderr, " %" PRId64, intset_at(is, i));
    fputc('\n', stderr);
}
