/* bitops.c: counting, finding, packing and combining bits.
 *
 * Counting and finding treat the ragged ends bit by byte mask and the middle eight bytes at a time. Packed integers may
 * straddle nine bytes, so they are moved through a 128-bit window. Combining works in blocks that stay in the first-level
 * cache: per block the sources are folded one after another, in plain loops over bytes that the compiler turns into
 * vector code; a source that ends in the block is padded into a small buffer first. */
#include "core/ds/bitops.h"

__extension__ typedef unsigned __int128 bitops_window;

/* ---- counting ---- */

static uint64_t popcount_word(uint64_t v) {
    v -= v >> 1 & UINT64_C(0x5555555555555555);
    v = (v & UINT64_C(0x3333333333333333)) + (v >> 2 & UINT64_C(0x3333333333333333));
    v = (v + (v >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return v * UINT64_C(0x0101010101010101) >> 56;
}

static uint64_t popcount_bytes(const char *p, size_t len) {
    uint64_t count = 0;
    uint64_t word;
    for (; len >= sizeof(word); p += sizeof(word), len -= sizeof(word)) {
        memcpy(&word, p, sizeof(word));
        count += popcount_word(word);
    }
    word = 0;
    memcpy(&word, p, len);
    return count + popcount_word(word);
}

/* The byte at `index` with only the bits first .. last of the string left. */
static unsigned masked_byte(struct bytes s, uint64_t index, uint64_t first, uint64_t last) {
    unsigned byte = (unsigned char)s.ptr[index];
    if (index == first / 8)
        byte &= 0xffu >> (first & 7);
    if (index == last / 8)
        byte &= (0xff00u >> ((last & 7) + 1)) & 0xff;
    return byte;
}

uint64_t bitops_count(struct bytes s, uint64_t first, uint64_t last) {
    if (last < first)
        return 0;
    must(last / 8 < s.len);
    uint64_t first_byte = first / 8;
    uint64_t last_byte = last / 8;
    uint64_t count = popcount_word(masked_byte(s, first_byte, first, last));
    if (last_byte == first_byte)
        return count;
    count += popcount_word(masked_byte(s, last_byte, first, last));
    return count + popcount_bytes(s.ptr + first_byte + 1, last_byte - first_byte - 1);
}

/* ---- finding ---- */

int64_t bitops_find(struct bytes s, bool bit, uint64_t first, uint64_t last) {
    if (last < first)
        return -1;
    must(last / 8 < s.len);
    unsigned flip = bit ? 0 : 0xff; /* look for a set bit in the flipped string */
    uint64_t flip_word = bit ? 0 : UINT64_MAX;
    uint64_t index = first / 8;
    while (index <= last / 8) {
        uint64_t word;
        bool is_whole = index != first / 8 && index + sizeof(word) <= last / 8;
        if (is_whole) {
            memcpy(&word, s.ptr + index, sizeof(word));
            if (word == flip_word) {
                index += sizeof(word);
                continue;
            }
        }
        unsigned byte = (unsigned char)s.ptr[index] ^ flip;
        if (index == first / 8)
            byte &= 0xffu >> (first & 7);
        if (index == last / 8)
            byte &= (0xff00u >> ((last & 7) + 1)) & 0xff;
        if (byte != 0)
            return (int64_t)(index * 8) + __builtin_clz(byte) - (int)(sizeof(byte) * 8 - 8);
        index++;
    }
    return -1;
}

/* ---- packed integers ---- */

static uint64_t low_bits(unsigned width) {
    return width == 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
}

uint64_t bitops_get(struct bytes s, uint64_t at, unsigned width) {
    must(width >= 1 && width <= 64);
    uint64_t last = at + width - 1;
    bitops_window window = 0;
    for (uint64_t index = at / 8; index <= last / 8; index++)
        window = window << 8 | (index < s.len ? (unsigned char)s.ptr[index] : 0);
    return (uint64_t)(window >> (7 - (last & 7))) & low_bits(width);
}

void bitops_set(char *s, uint64_t at, unsigned width, uint64_t value) {
    must(width >= 1 && width <= 64);
    uint64_t last = at + width - 1;
    unsigned shift = 7 - (unsigned)(last & 7);
    bitops_window mask = (bitops_window)low_bits(width) << shift;
    bitops_window bits = (bitops_window)(value & low_bits(width)) << shift;
    for (uint64_t index = last / 8 + 1; index-- > at / 8; mask >>= 8, bits >>= 8)
        s[index] = (char)(((unsigned char)s[index] & ~(unsigned)mask) | (unsigned)bits);
}

/* ---- combining ---- */

enum { BLOCK_BYTES = 2048 };

/* The source's bytes from `at` on, n of them, padded in `scratch` where it ends. */
static const unsigned char *piece(struct bytes source, size_t at, size_t n, unsigned char *scratch) {
    const unsigned char *p = (const unsigned char *)source.ptr;
    if (source.len >= at && source.len - at >= n)
        return p + at;
    size_t have = source.len > at ? source.len - at : 0;
    if (have != 0)
        memcpy(scratch, p + at, have);
    memset(scratch + have, 0, n - have);
    return scratch;
}

static void fold_or(unsigned char *acc, const struct bytes *sources, size_t count, size_t at, size_t n) {
    unsigned char scratch[BLOCK_BYTES];
    for (size_t s = 0; s < count; s++) {
        const unsigned char *p = piece(sources[s], at, n, scratch);
        for (size_t i = 0; i < n; i++)
            acc[i] |= p[i];
    }
}

static void fold_xor(unsigned char *acc, const struct bytes *sources, size_t count, size_t at, size_t n) {
    unsigned char scratch[BLOCK_BYTES];
    for (size_t s = 0; s < count; s++) {
        const unsigned char *p = piece(sources[s], at, n, scratch);
        for (size_t i = 0; i < n; i++)
            acc[i] ^= p[i];
    }
}

static void fold_and(unsigned char *acc, const struct bytes *sources, size_t count, size_t at, size_t n) {
    unsigned char scratch[BLOCK_BYTES];
    memset(acc, 0xff, n);
    for (size_t s = 0; s < count; s++) {
        const unsigned char *p = piece(sources[s], at, n, scratch);
        for (size_t i = 0; i < n; i++)
            acc[i] &= p[i];
    }
}

static void fold_one(unsigned char *acc, const struct bytes *sources, size_t count, size_t at, size_t n) {
    unsigned char scratch[BLOCK_BYTES];
    unsigned char several[BLOCK_BYTES] = {0}; /* bits seen more than once */
    for (size_t s = 0; s < count; s++) {
        const unsigned char *p = piece(sources[s], at, n, scratch);
        for (size_t i = 0; i < n; i++) {
            several[i] |= acc[i] & p[i];
            acc[i] |= p[i];
        }
    }
    for (size_t i = 0; i < n; i++)
        acc[i] = (unsigned char)(acc[i] & ~several[i]);
}

/* acc holds the union of the other sources; what it becomes depends on the first source. */
static void fold_first(enum bitops_op op, unsigned char *acc, struct bytes first, size_t at, size_t n) {
    unsigned char scratch[BLOCK_BYTES];
    const unsigned char *p = piece(first, at, n, scratch);
    for (size_t i = 0; i < n; i++) {
        unsigned with = p[i] & acc[i];
        unsigned bits = op == BITOPS_ANDOR ? with : op == BITOPS_DIFF ? p[i] & ~with : acc[i] & ~with;
        acc[i] = (unsigned char)bits;
    }
}

void bitops_combine(enum bitops_op op, const struct bytes *sources, size_t count, char *dst, size_t len) {
    must(count >= 1);
    memset(dst, op == BITOPS_NOT ? 0xff : 0, len);
    for (size_t at = 0; at < len; at += BLOCK_BYTES) {
        size_t n = len - at < BLOCK_BYTES ? len - at : BLOCK_BYTES;
        unsigned char *acc = (unsigned char *)dst + at;
        switch (op) {
        case BITOPS_AND: fold_and(acc, sources, count, at, n); break;
        case BITOPS_OR: fold_or(acc, sources, count, at, n); break;
        case BITOPS_XOR:
        case BITOPS_NOT: fold_xor(acc, sources, count, at, n); break;
        case BITOPS_ONE: fold_one(acc, sources, count, at, n); break;
        case BITOPS_DIFF:
        case BITOPS_DIFF1:
        case BITOPS_ANDOR:
            fold_or(acc, sources + 1, count - 1, at, n);
            fold_first(op, acc, sources[0], at, n);
            break;
        }
    }
}
