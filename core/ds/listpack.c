/* listpack.c: one block of bytes instead of a structure of pointers.
 *
 * A small collection has so few elements that walking all of them costs less than one cache miss of a pointer
 * structure, and pointers would be most of its memory. So the elements stand one behind the other, each with as much
 * description as it needs (big letters are bits of the value or of the length):
 *
 *   first byte   what follows                      element
 *   0VVVVVVV     nothing                           integer 0..127
 *   10LLLLLL     L bytes                           string of 0..63 bytes
 *   110VVVVV     1 byte, the low bits              integer of 13 bits, two's complement
 *   1110LLLL     1 byte, the low bits; L bytes     string of up to 4095 bytes
 *   0xf0         4 bytes little endian; L bytes    string
 *   0xf1..0xf4   2, 3, 4, 8 bytes little endian    integer of that width, two's complement
 *   0xff         nothing                           the end of the listpack
 *
 * This description and the data together are the element's *body*. Behind it stands the body's length in 1 to 5 bytes
 * of 7 bits, most significant first, all but the first with the high bit set: whoever comes from the right reads bytes
 * until one has no high bit, and has walked back one element. How many bytes the length takes depends on the length
 * alone, so that going forward need not look at it:
 *
 *   body shorter than    128   16383   2097151   268435455
 *   length takes           1       2         3           4      else 5 bytes
 *
 * (The largest number that would fit each width goes to the next wider one, except for the first: the format's
 * inventors drew the line there, and every reader must draw the same one.)
 *
 *   I1  The total in the header is where the end byte stands, plus one; the block is at least that long.
 *   I2  The header's count is the number of elements, or LISTPACK_COUNT_UNKNOWN. A listpack so short that it must have
 *       fewer elements than the count can tell has a known count, after any change made here.
 *   I3  What is stored here as a string is not the text of a 64-bit integer, and integers take the narrowest form.
 *       Strangers' listpacks need not keep to that: comparing looks at the element's form, never trusts I3.
 *   I4  Every element's two lengths agree. Nothing is checked while walking: a stranger's block must have passed
 *       listpack_is_sound before anything else looks at it.
 *
 * Cost: reading from the ends O(1); by index, finding, any change but at the end O(bytes), as one walk and one memmove.
 * The block is grown to what is needed and not ahead: the allocator's size classes are steps of an eighth to a quarter, which
 * makes a row of appends amortised O(1). It is made smaller when more than half of it is unused. */
#include "core/ds/listpack.h"

#include "core/base/mem.h"

#include <stdio.h>

enum {
    LISTPACK_END = 0xff,
    LISTPACK_COUNT_UNKNOWN = 65535,
    LISTPACK_SHRINK_MIN = 64, /* smaller blocks are left as they are */

    STRING_6 = 0x80,
    INT_13 = 0xc0,
    STRING_12 = 0xe0,
    STRING_32 = 0xf0,
    INT_16,
    INT_24,
    INT_32,
    INT_64,
};

/* ---- header ---- */

static uint64_t load_le(const unsigned char *from, size_t bytes) {
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)from[i] << (8 * i);
    return value;
}

static void store_le(unsigned char *to, uint64_t value, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        to[i] = (unsigned char)(value >> (8 * i));
}

size_t listpack_bytes(const unsigned char *lp) {
    return (size_t)load_le(lp, 4);
}

static void set_bytes(unsigned char *lp, size_t bytes) {
    store_le(lp, bytes, 4);
}

static size_t stored_count(const unsigned char *lp) {
    return (size_t)load_le(lp + 4, 2);
}

static void set_count(unsigned char *lp, size_t count) {
    store_le(lp + 4, count < LISTPACK_COUNT_UNKNOWN ? count : LISTPACK_COUNT_UNKNOWN, 2);
}

/* ---- reading an element ---- */

/* Bytes of the description in front of the data; 0: no element begins like this. An integer is all description. */
static inline size_t head_bytes(unsigned char first) {
    static const uint8_t wide[16] = {5, 3, 4, 5, 9}; /* from STRING_32 on */
    if (first < INT_13)
        return 1;
    return first < STRING_32 ? 2 : wide[first - STRING_32];
}

static inline bool is_string(unsigned char first) {
    return (first & 0xc0) == STRING_6 || (first & 0xf0) == STRING_12 || first == STRING_32;
}

/* Bytes of description and data. */
static inline size_t body_bytes(const unsigned char *at) {
    unsigned char first = at[0];
    if (LIKELY(first < INT_13))
        return first < STRING_6 ? 1 : 1 + (size_t)(first & 63);
    if ((first & 0xf0) == STRING_12)
        return 2 + ((size_t)(first & 15) << 8 | at[1]);
    if (first == STRING_32)
        return 5 + (size_t)load_le(at + 1, 4);
    return head_bytes(first);
}

/* Bytes that the length behind a body takes. */
static inline size_t back_bytes(size_t body) {
    if (LIKELY(body < 128))
        return 1;
    return 2 + (size_t)(body >= 16383) + (size_t)(body >= 2097151) + (size_t)(body >= 268435455);
}

static inline size_t element_bytes(const unsigned char *at) {
    size_t body = body_bytes(at);
    return body + back_bytes(body);
}

/* The body's length that ends just before `end`; *bytes_out: how many bytes it takes. */
static size_t read_back(const unsigned char *end, size_t *bytes_out) {
    size_t body = 0;
    size_t bytes = 0;
    do {
        bytes++;
        body |= (size_t)(end[-(ptrdiff_t)bytes] & 127) << (7 * (bytes - 1));
    } while (bytes < 5 && end[-(ptrdiff_t)bytes] & 128);
    *bytes_out = bytes;
    return body;
}

/* An integer element's value. */
static int64_t read_int(const unsigned char *at) {
    unsigned char first = at[0];
    if (first < STRING_6)
        return first;
    uint64_t raw;
    unsigned bits;
    if (first < STRING_12) {
        raw = (uint64_t)(first & 31) << 8 | at[1];
        bits = 13;
    } else {
        size_t bytes = head_bytes(first) - 1;
        raw = load_le(at + 1, bytes);
        bits = (unsigned)bytes * 8;
    }
    uint64_t sign = UINT64_C(1) << (bits - 1);
    return (int64_t)((raw ^ sign) - sign);
}

struct bytes listpack_get(const unsigned char *at, char scratch[NUM_INT_TEXT_MAX]) {
    if (LIKELY((at[0] & 0xc0) == STRING_6))
        return bytes_of(at + 1, at[0] & 63);
    if (is_string(at[0])) {
        size_t head = head_bytes(at[0]);
        return bytes_of(at + head, body_bytes(at) - head);
    }
    return bytes_of(scratch, num_from_int(scratch, read_int(at)));
}

bool listpack_get_int(const unsigned char *at, int64_t *value_out) {
    *value_out = 0;
    if (is_string(at[0]))
        return false;
    *value_out = read_int(at);
    return true;
}

/* What an element is compared with: the text, and the number if it is one. */
struct needle {
    struct bytes text;
    bool is_int;
    int64_t number;
};

static struct needle needle_of(struct bytes text) {
    struct needle n = {.text = text};
    n.is_int = text.len < NUM_INT_TEXT_MAX && num_parse_int(text, &n.number);
    return n;
}

static inline bool is_match(const unsigned char *at, size_t body, const struct needle *n) {
    if (!is_string(at[0]))
        return n->is_int && read_int(at) == n->number;
    size_t head = head_bytes(at[0]);
    return body - head == n->text.len && (body == head || memcmp(at + head, n->text.ptr, n->text.len) == 0);
}

bool listpack_equals(const unsigned char *at, struct bytes value) {
    struct needle n = needle_of(value);
    return is_match(at, body_bytes(at), &n);
}

/* ---- walking ---- */

/* A place inside a block that the caller may change, from one that was only looked at. */
static inline unsigned char *place(const unsigned char *lp, size_t offset) {
    union {
        const unsigned char *in;
        unsigned char *out;
    } pun = {.in = lp};
    return pun.out + offset;
}

unsigned char *listpack_first(const unsigned char *lp) {
    return lp[LISTPACK_HEADER_BYTES] == LISTPACK_END ? NULL : place(lp, LISTPACK_HEADER_BYTES);
}

unsigned char *listpack_next(const unsigned char *lp, const unsigned char *at) {
    dcheck(at >= lp + LISTPACK_HEADER_BYTES && at < lp + listpack_bytes(lp) - 1);
    const unsigned char *next = at + element_bytes(at);
    return *next == LISTPACK_END ? NULL : place(lp, (size_t)(next - lp));
}

unsigned char *listpack_prev(const unsigned char *lp, const unsigned char *at) {
    dcheck(at >= lp + LISTPACK_HEADER_BYTES && at < lp + listpack_bytes(lp));
    if (at == lp + LISTPACK_HEADER_BYTES)
        return NULL;
    size_t back;
    size_t body = read_back(at, &back);
    return place(lp, (size_t)(at - lp) - back - body);
}

unsigned char *listpack_last(const unsigned char *lp) {
    return listpack_prev(lp, lp + listpack_bytes(lp) - 1);
}

size_t listpack_count(const unsigned char *lp) {
    size_t count = stored_count(lp);
    if (LIKELY(count != LISTPACK_COUNT_UNKNOWN))
        return count;
    count = 0;
    for (const unsigned char *at = lp + LISTPACK_HEADER_BYTES; *at != LISTPACK_END; at += element_bytes(at))
        count++;
    return count;
}

unsigned char *listpack_at(const unsigned char *lp, int64_t index) {
    size_t stored = stored_count(lp);
    if (LIKELY(stored != LISTPACK_COUNT_UNKNOWN)) {
        int64_t count = (int64_t)stored;
        if (index >= count || index < -count)
            return NULL;
        if (index >= 0 && index > count / 2)
            index -= count;
        else if (index < -(count / 2))
            index += count;
    }
    if (index < 0) {
        unsigned char *at = listpack_last(lp);
        for (; at != NULL && index < -1; index++)
            at = listpack_prev(lp, at);
        return at;
    }
    const unsigned char *at = lp + LISTPACK_HEADER_BYTES;
    for (; *at != LISTPACK_END && index > 0; index--)
        at += element_bytes(at);
    return *at == LISTPACK_END ? NULL : place(lp, (size_t)(at - lp));
}

unsigned char *listpack_find(const unsigned char *lp, const unsigned char *from, struct bytes value,
                             size_t skip) {
    struct needle n = needle_of(value);
    size_t to_skip = 0;
    for (const unsigned char *at = from; *at != LISTPACK_END;) {
        size_t body = body_bytes(at);
        if (to_skip > 0) {
            to_skip--;
        } else {
            if (is_match(at, body, &n))
                return place(lp, (size_t)(at - lp));
            to_skip = skip;
        }
        at += body + back_bytes(body);
    }
    return NULL;
}

/* ---- the block ---- */

unsigned char *listpack_new(size_t capacity) {
    must(capacity <= LISTPACK_BYTES_MAX);
    unsigned char *lp = mem_alloc(capacity > LISTPACK_EMPTY_BYTES ? capacity : LISTPACK_EMPTY_BYTES);
    set_bytes(lp, LISTPACK_EMPTY_BYTES);
    set_count(lp, 0);
    lp[LISTPACK_HEADER_BYTES] = LISTPACK_END;
    return lp;
}

unsigned char *listpack_dup(const unsigned char *lp) {
    size_t bytes = listpack_bytes(lp);
    unsigned char *copy = mem_alloc(bytes);
    memcpy(copy, lp, bytes);
    return copy;
}

void listpack_free(unsigned char *lp) {
    mem_free(lp);
}

bool listpack_fits(const unsigned char *lp, size_t bytes, size_t elements) {
    size_t left = LISTPACK_BYTES_MAX - listpack_bytes(lp);
    return bytes <= left && elements <= (left - bytes) / LISTPACK_ELEMENT_OVERHEAD_MAX;
}

unsigned char *listpack_shrink(unsigned char *lp) {
    size_t bytes = listpack_bytes(lp);
    return mem_good_size(bytes) < mem_usable(lp) ? mem_realloc(lp, bytes) : lp;
}

/* Makes what stands at `offset` and takes `old` bytes take `new` bytes; their content is left to the caller. */
static unsigned char *resize_at(unsigned char *lp, size_t offset, size_t old, size_t new) {
    size_t before = listpack_bytes(lp);
    size_t after = before - old + new;
    size_t tail = before - offset - old;
    if (new > old) {
        must(after <= LISTPACK_BYTES_MAX);
        if (after > mem_usable(lp))
            lp = mem_realloc(lp, after);
        memmove(lp + offset + new, lp + offset + old, tail);
    } else if (new < old) {
        memmove(lp + offset + new, lp + offset + old, tail);
        size_t usable = mem_usable(lp);
        if (usable > LISTPACK_SHRINK_MIN && after < usable / 2)
            lp = mem_realloc(lp, after);
    }
    set_bytes(lp, after); /* I1 */
    return lp;
}

/* Elements came or went; one takes at least two bytes, so that a short listpack with an unknown count is counted. */
static void change_count(unsigned char *lp, size_t added, size_t removed) {
    size_t count = stored_count(lp);
    if (LIKELY(count != LISTPACK_COUNT_UNKNOWN))
        set_count(lp, count + added - removed);
    else if (listpack_bytes(lp) < LISTPACK_EMPTY_BYTES + 2 * LISTPACK_COUNT_UNKNOWN)
        set_count(lp, listpack_count(lp)); /* I2 */
}

/* ---- writing an element ---- */

/* How a value is written. */
struct form {
    unsigned char kind; /* the first byte without bits of value or length; 0: an integer of 7 bits */
    int64_t number;
    struct bytes text;
    size_t body;
    size_t whole; /* with the length behind */
};

static struct form form_of_int(int64_t value) {
    struct form f = {.number = value};
    if (value >= 0 && value <= 127)
        f.body = 1;
    else if (value >= -4096 && value <= 4095)
        f.kind = INT_13, f.body = 2;
    else if (value >= INT16_MIN && value <= INT16_MAX)
        f.kind = INT_16, f.body = 3;
    else if (value >= -(1 << 23) && value < 1 << 23)
        f.kind = INT_24, f.body = 4;
    else if (value >= INT32_MIN && value <= INT32_MAX)
        f.kind = INT_32, f.body = 5;
    else
        f.kind = INT_64, f.body = 9;
    f.whole = f.body + 1;
    return f;
}

static struct form form_of(struct bytes value) {
    int64_t number;
    if (value.len < NUM_INT_TEXT_MAX && num_parse_int(value, &number))
        return form_of_int(number); /* I3 */
    must(value.len < LISTPACK_BYTES_MAX);
    struct form f = {.text = value};
    if (value.len < 64)
        f.kind = STRING_6, f.body = value.len + 1;
    else if (value.len < 4096)
        f.kind = STRING_12, f.body = value.len + 2;
    else
        f.kind = STRING_32, f.body = value.len + 5;
    f.whole = f.body + back_bytes(f.body);
    return f;
}

/* Writes the description; returns its bytes. An integer has nothing else. */
static size_t write_head(unsigned char *at, const struct form *f) {
    switch (f->kind) {
    case 0: at[0] = (unsigned char)f->number; return 1;
    case STRING_6: at[0] = (unsigned char)(STRING_6 | f->text.len); return 1;
    case INT_13:
        at[0] = (unsigned char)(INT_13 | (f->number >> 8 & 31));
        at[1] = (unsigned char)(f->number & 255);
        return 2;
    case STRING_12:
        at[0] = (unsigned char)(STRING_12 | f->text.len >> 8);
        at[1] = (unsigned char)(f->text.len & 255);
        return 2;
    case STRING_32:
        at[0] = STRING_32;
        store_le(at + 1, f->text.len, 4);
        return 5;
    default:
        at[0] = f->kind;
        store_le(at + 1, (uint64_t)f->number, f->body - 1);
        return f->body;
    }
}

static void write_element(unsigned char *at, const struct form *f) {
    size_t head = write_head(at, f);
    if (f->text.len > 0)
        memcpy(at + head, f->text.ptr, f->text.len);
    size_t back = f->whole - f->body;
    unsigned char *to = at + f->body;
    for (size_t i = 0; i < back; i++) { /* I4 */
        size_t bits = f->body >> (7 * (back - 1 - i)) & 127;
        to[i] = (unsigned char)(i == 0 ? bits : bits | 128);
    }
}

static unsigned char *insert_form(unsigned char *lp, size_t offset, const struct form *f) {
    lp = resize_at(lp, offset, 0, f->whole);
    write_element(lp + offset, f);
    change_count(lp, 1, 0);
    return lp;
}

static unsigned char *insert_at(unsigned char *lp, unsigned char **at, const struct form *f) {
    size_t offset = *at == NULL ? listpack_bytes(lp) - 1 : (size_t)(*at - lp);
    lp = insert_form(lp, offset, f);
    *at = lp + offset;
    return lp;
}

static unsigned char *replace_at(unsigned char *lp, unsigned char **at, const struct form *f) {
    size_t offset = (size_t)(*at - lp);
    lp = resize_at(lp, offset, element_bytes(*at), f->whole);
    write_element(lp + offset, f);
    *at = lp + offset;
    return lp;
}

unsigned char *listpack_append(unsigned char *lp, struct bytes value) {
    struct form f = form_of(value);
    return insert_form(lp, listpack_bytes(lp) - 1, &f);
}

unsigned char *listpack_append_int(unsigned char *lp, int64_t value) {
    struct form f = form_of_int(value);
    return insert_form(lp, listpack_bytes(lp) - 1, &f);
}

unsigned char *listpack_prepend(unsigned char *lp, struct bytes value) {
    struct form f = form_of(value);
    return insert_form(lp, LISTPACK_HEADER_BYTES, &f);
}

unsigned char *listpack_insert(unsigned char *lp, unsigned char **at, struct bytes value) {
    struct form f = form_of(value);
    return insert_at(lp, at, &f);
}

unsigned char *listpack_insert_int(unsigned char *lp, unsigned char **at, int64_t value) {
    struct form f = form_of_int(value);
    return insert_at(lp, at, &f);
}

unsigned char *listpack_replace(unsigned char *lp, unsigned char **at, struct bytes value) {
    struct form f = form_of(value);
    return replace_at(lp, at, &f);
}

unsigned char *listpack_replace_int(unsigned char *lp, unsigned char **at, int64_t value) {
    struct form f = form_of_int(value);
    return replace_at(lp, at, &f);
}

unsigned char *listpack_remove(unsigned char *lp, unsigned char **at, size_t count) {
    size_t offset = (size_t)(*at - lp);
    const unsigned char *end = *at;
    size_t removed = 0;
    for (; removed < count && *end != LISTPACK_END; removed++)
        end += element_bytes(end);
    lp = resize_at(lp, offset, (size_t)(end - *at), 0);
    change_count(lp, 0, removed);
    *at = lp[offset] == LISTPACK_END ? NULL : lp + offset;
    return lp;
}

unsigned char *listpack_remove_range(unsigned char *lp, int64_t index, size_t count) {
    unsigned char *at = listpack_at(lp, index);
    return at == NULL || count == 0 ? lp : listpack_remove(lp, &at, count);
}

unsigned char *listpack_join(unsigned char *lp, const unsigned char *other) {
    size_t added = listpack_bytes(other) - LISTPACK_EMPTY_BYTES;
    size_t offset = listpack_bytes(lp) - 1;
    lp = resize_at(lp, offset, 0, added);
    memcpy(lp + offset, other + LISTPACK_HEADER_BYTES, added);
    if (stored_count(other) == LISTPACK_COUNT_UNKNOWN)
        set_count(lp, LISTPACK_COUNT_UNKNOWN);
    change_count(lp, stored_count(other), 0);
    return lp;
}

/* ---- changing the ends where they are ---- */

unsigned char *listpack_extend_front(unsigned char *lp, size_t room, struct bytes value) {
    struct form f = form_of(value);
    if (f.whole > room)
        return NULL;
    size_t bytes = listpack_bytes(lp) + f.whole;
    must(bytes <= LISTPACK_BYTES_MAX);
    memmove(lp - f.whole, lp, LISTPACK_HEADER_BYTES);
    lp -= f.whole;
    write_element(lp + LISTPACK_HEADER_BYTES, &f);
    set_bytes(lp, bytes);
    change_count(lp, 1, 0);
    return lp;
}

bool listpack_extend_back(unsigned char *lp, size_t room, struct bytes value) {
    struct form f = form_of(value);
    if (f.whole > room)
        return false;
    size_t bytes = listpack_bytes(lp);
    must(bytes + f.whole <= LISTPACK_BYTES_MAX);
    write_element(lp + bytes - 1, &f);
    lp[bytes + f.whole - 1] = LISTPACK_END;
    set_bytes(lp, bytes + f.whole);
    change_count(lp, 1, 0);
    return true;
}

unsigned char *listpack_cut_front(unsigned char *lp) {
    dcheck(lp[LISTPACK_HEADER_BYTES] != LISTPACK_END);
    size_t bytes = listpack_bytes(lp);
    size_t cut = element_bytes(lp + LISTPACK_HEADER_BYTES);
    memmove(lp + cut, lp, LISTPACK_HEADER_BYTES);
    lp += cut;
    set_bytes(lp, bytes - cut);
    change_count(lp, 0, 1);
    return lp;
}

void listpack_cut_back(unsigned char *lp) {
    dcheck(lp[LISTPACK_HEADER_BYTES] != LISTPACK_END);
    size_t end = listpack_bytes(lp) - 1;
    size_t back;
    size_t body = read_back(lp + end, &back);
    end -= body + back;
    lp[end] = LISTPACK_END;
    set_bytes(lp, end + 1);
    change_count(lp, 0, 1);
}

/* ---- trust ---- */

bool listpack_is_sound(const unsigned char *lp, size_t size) {
    if (size < LISTPACK_EMPTY_BYTES || size > LISTPACK_BYTES_MAX || listpack_bytes(lp) != size)
        return false;
    if (lp[size - 1] != LISTPACK_END)
        return false;
    size_t count = 0;
    for (size_t at = LISTPACK_HEADER_BYTES; at < size - 1; count++) {
        size_t left = size - 1 - at;
        size_t head = head_bytes(lp[at]);
        if (head == 0 || head > left)
            return false;
        size_t body = body_bytes(lp + at);
        if (body > left || back_bytes(body) > left - body)
            return false;
        at += body + back_bytes(body);
        size_t back;
        if (read_back(lp + at, &back) != body || back != back_bytes(body))
            return false;
    }
    return stored_count(lp) == LISTPACK_COUNT_UNKNOWN || stored_count(lp) == count;
}

void listpack_check(const unsigned char *lp) {
    must(listpack_is_sound(lp, listpack_bytes(lp)));
}

void listpack_dump(const unsigned char *lp) {
    fprintf(stderr, "listpack of %zu bytes, %zu elements\n", listpack_bytes(lp), listpack_count(lp));
    size_t index = 0;
    for (const unsigned char *at = listpack_first(lp); at != NULL; at = listpack_next(lp, at)) {
        char scratch[NUM_INT_TEXT_MAX];
        struct bytes value = listpack_get(at, scratch);
        fprintf(stderr, "  %zu at %td, %s: %.*s\n", index++, at - lp, is_string(at[0]) ? "string" : "integer",
                (int)value.len, value.ptr);
    }
}
