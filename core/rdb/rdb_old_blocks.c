/* rdb_old_blocks.c: reading ziplists and zipmaps.
 *
 * Ziplist, all numbers little endian unless said otherwise:
 *
 *   offset  bytes  field
 *        0      4  total bytes, header and end included
 *        4      4  offset of the last element, or of the end when there is none
 *        8      2  number of elements; 65535: unknown
 *       10         elements: bytes of the element before (1, or 0xfe and 4), encoding, data
 *      end      1  0xff
 *
 *   encoding  00llllll                   a string of up to 63 bytes
 *             01llllll llllllll          up to 16383, high bits first
 *             10------ 4 bytes           longer, big endian
 *             c0, d0, f0, e0, fe         an integer of 2, 4, 3, 8, 1 bytes
 *             f1 .. fd                   the integers 0 to 12
 *
 * Zipmap:
 *
 *   offset  bytes  field
 *        0      1  number of pairs; 254 and 255: unknown
 *        1         pairs: length, field, length, count of unused bytes (1), value, unused bytes
 *      end      1  0xff
 *
 *   length    0..253 in one byte, else 0xfe and 4 bytes
 *
 * Everything that is said twice (sizes, counts, offsets) is compared, as a reader of the old code would rely on either. */
#include "core/rdb/rdb_old_blocks.h"

#include "core/ds/listpack.h"
#include "core/rdb/rdb_reader.h"

enum {
    ZIPLIST_HEADER_BYTES = 10,
    ZIPLIST_COUNT_UNKNOWN = 0xffff,
    ZIPMAP_COUNT_UNKNOWN = 254,
    LONG_LENGTH = 0xfe,
    BLOCK_END = 0xff,
};

static uint64_t read_le(struct rdb_reader *r, unsigned width) {
    const unsigned char *at = rdb_reader_raw(r, width);
    uint64_t value = 0;
    for (unsigned i = 0; at != NULL && i < width; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

/* One byte below 0xfe, or 0xfe and four. 0xff is no length. */
static uint64_t read_length(struct rdb_reader *r) {
    unsigned first = rdb_reader_byte(r);
    if (first == BLOCK_END)
        rdb_reader_break(r);
    return first == LONG_LENGTH ? read_le(r, 4) : first;
}

/* Appends a string of `len` bytes that stands next. */
static unsigned char *take_string(struct rdb_reader *r, unsigned char *lp, uint64_t len) {
    const unsigned char *text = len <= rdb_reader_left(r) ? rdb_reader_raw(r, (size_t)len) : NULL;
    if (text == NULL || !listpack_fits(lp, (size_t)len, 1)) {
        rdb_reader_break(r);
        return lp;
    }
    return listpack_append(lp, bytes_of(text, (size_t)len));
}

/* Appends a signed integer of `width` bytes that stands next. */
static unsigned char *take_int(struct rdb_reader *r, unsigned char *lp, unsigned width) {
    unsigned shift = 64 - 8 * width;
    int64_t value = (int64_t)(read_le(r, width) << shift) >> shift;
    if (rdb_reader_is_broken(r) || !listpack_fits(lp, NUM_INT_TEXT_MAX, 1)) {
        rdb_reader_break(r);
        return lp;
    }
    return listpack_append_int(lp, value);
}

/* Appends the ziplist element whose encoding stands next. */
static unsigned char *take_element(struct rdb_reader *r, unsigned char *lp) {
    unsigned encoding = rdb_reader_byte(r);
    switch (encoding >> 6) {
    case 0: return take_string(r, lp, encoding);
    case 1: {
        uint64_t high = encoding & 0x3f;
        return take_string(r, lp, high << 8 | rdb_reader_byte(r));
    }
    case 2: {
        uint64_t len = 0;
        for (int i = 0; i < 4; i++)
            len = len << 8 | rdb_reader_byte(r);
        return take_string(r, lp, len);
    }
    default: break;
    }
    switch (encoding) {
    case 0xc0: return take_int(r, lp, 2);
    case 0xd0: return take_int(r, lp, 4);
    case 0xe0: return take_int(r, lp, 8);
    case 0xf0: return take_int(r, lp, 3);
    case 0xfe: return take_int(r, lp, 1);
    default: break;
    }
    if (encoding >= 0xf1 && encoding <= 0xfd && !rdb_reader_is_broken(r) &&
        listpack_fits(lp, NUM_INT_TEXT_MAX, 1))
        return listpack_append_int(lp, (int64_t)encoding - 0xf1);
    rdb_reader_break(r);
    return lp;
}

/* The block ends here and everything fitted; else the listpack is freed. */
static unsigned char *finish(struct rdb_reader *r, unsigned char *lp, bool is_consistent) {
    if (rdb_reader_byte(r) == BLOCK_END && rdb_reader_left(r) == 0 && !rdb_reader_is_broken(r) &&
        is_consistent)
        return lp;
    listpack_free(lp);
    return NULL;
}

static bool is_at_end(const struct rdb_reader *r) {
    return rdb_reader_left(r) == 0 || *r->at == BLOCK_END;
}

unsigned char *rdb_old_blocks_ziplist(struct bytes block) {
    struct rdb_reader r;
    rdb_reader_init(&r, block);
    uint64_t total = read_le(&r, 4);
    uint64_t tail = read_le(&r, 4);
    uint64_t count = read_le(&r, 2);
    uint64_t seen = 0;
    size_t last = ZIPLIST_HEADER_BYTES;
    size_t before_bytes = 0;
    bool is_consistent = total == block.len;
    unsigned char *lp = listpack_new(0);
    while (!is_at_end(&r)) {
        const unsigned char *start = r.at;
        is_consistent = is_consistent && read_length(&r) == before_bytes;
        last = (size_t)((const char *)start - block.ptr);
        lp = take_element(&r, lp);
        before_bytes = (size_t)(r.at - start);
        seen++;
    }
    is_consistent = is_consistent && tail == last && (count == ZIPLIST_COUNT_UNKNOWN || count == seen);
    return finish(&r, lp, is_consistent);
}

unsigned char *rdb_old_blocks_zipmap(struct bytes block) {
    struct rdb_reader r;
    rdb_reader_init(&r, block);
    unsigned count = rdb_reader_byte(&r);
    uint64_t seen = 0;
    unsigned char *lp = listpack_new(0);
    while (!is_at_end(&r)) {
        lp = take_string(&r, lp, read_length(&r));
        uint64_t len = read_length(&r);
        unsigned unused = rdb_reader_byte(&r);
        lp = take_string(&r, lp, len);
        (void)rdb_reader_raw(&r, unused);
        seen++;
    }
    return finish(&r, lp, count >= ZIPMAP_COUNT_UNKNOWN || count == seen);
}
