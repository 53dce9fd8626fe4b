/* rdb_reader.c: reading with suspicion.
 *
 * Invariants:
 *   I1  at <= end, always; every read asks `take` first, which compares with what is left and never adds to a pointer.
 *   I2  a broken reader stays broken, and is at its end.
 *   I3  no block is larger than the bytes that are left justify: a packed string can grow at most 88-fold (three bytes make
 *       at most 264), so a claim beyond that is a lie and is refused before memory is asked for.
 *
 * The alternative, an error code from every function, makes loaders of nested formats twice as long and one forgotten
 * check a hole. */
#include "core/rdb/rdb_reader.h"

#include "core/base/mem.h"
#include "core/ds/compress.h"

#include <endian.h>
#include <math.h>

enum {
    PACKED_GROWTH_MAX = 88, /* I3 */
    DOUBLE_TEXT_NAN = 253,
    DOUBLE_TEXT_INF = 254,
    DOUBLE_TEXT_MINUS_INF = 255,
};

void rdb_reader_init(struct rdb_reader *r, struct bytes from) {
    r->at = (const unsigned char *)from.ptr;
    r->end = from.len ? r->at + from.len : r->at;
    r->is_broken = false;
}

void rdb_reader_break(struct rdb_reader *r) {
    r->is_broken = true;
    r->at = r->end; /* I2 */
}

/* The next `len` bytes, or NULL and a broken reader (I1). */
static const unsigned char *take(struct rdb_reader *r, size_t len) {
    const unsigned char *at = r->at;
    if (UNLIKELY(len > rdb_reader_left(r) || r->is_broken)) {
        rdb_reader_break(r);
        return NULL;
    }
    r->at += len;
    return at;
}

const unsigned char *rdb_reader_raw(struct rdb_reader *r, size_t len) {
    return take(r, len);
}

uint8_t rdb_reader_byte(struct rdb_reader *r) {
    const unsigned char *at = take(r, 1);
    return at ? *at : 0;
}

/* `width` bytes, little endian. */
static uint64_t take_le(struct rdb_reader *r, unsigned width) {
    const unsigned char *at = take(r, width);
    uint64_t value = 0;
    for (unsigned i = 0; at && i < width; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

/* `width` bytes, big endian. */
static uint64_t take_be(struct rdb_reader *r, unsigned width) {
    const unsigned char *at = take(r, width);
    uint64_t value = 0;
    for (unsigned i = 0; at && i < width; i++)
        value = value << 8 | at[i];
    return value;
}

/* The length that begins with `first`, or, with *encoding_out, the encoding byte that stands in its place. */
static uint64_t take_length(struct rdb_reader *r, uint8_t *encoding_out) {
    uint8_t first = rdb_reader_byte(r);
    *encoding_out = 0;
    switch (first >> 6) {
    case 0: return first;
    case 1: return (uint64_t)(first & 0x3f) << 8 | rdb_reader_byte(r);
    case 2:
        if (first == RDB_LENGTH_32)
            return take_be(r, 4);
        if (first == RDB_LENGTH_64)
            return take_be(r, 8);
        rdb_reader_break(r);
        return 0;
    default: *encoding_out = first; return 0;
    }
}

uint64_t rdb_reader_length(struct rdb_reader *r) {
    uint8_t encoding;
    uint64_t length = take_length(r, &encoding);
    if (encoding != 0)
        rdb_reader_break(r);
    return r->is_broken ? 0 : length;
}

uint64_t rdb_reader_count(struct rdb_reader *r, size_t part_bytes) {
    uint64_t count = rdb_reader_length(r);
    if (count > rdb_reader_left(r) / part_bytes)
        rdb_reader_break(r);
    return r->is_broken ? 0 : count;
}

static void read_int(struct rdb_reader *r, unsigned width, struct rdb_text *text) {
    uint64_t bits = take_le(r, width);
    int64_t value = width == 1 ? (int8_t)bits : width == 2 ? (int16_t)bits : (int32_t)bits;
    if (!r->is_broken)
        text->bytes = bytes_of(text->scratch, num_from_int(text->scratch, value));
}

static void read_packed(struct rdb_reader *r, struct rdb_text *text) {
    uint64_t packed_len = rdb_reader_length(r);
    uint64_t len = rdb_reader_length(r);
    if (packed_len > rdb_reader_left(r) || len == 0 || len > packed_len * PACKED_GROWTH_MAX) { /* I3 */
        rdb_reader_break(r);
        return;
    }
    const unsigned char *packed = take(r, (size_t)packed_len);
    text->block = packed ? mem_try_alloc((size_t)len) : NULL;
    if (text->block == NULL ||
        !compress_unpack(bytes_of(packed, (size_t)packed_len), text->block, (size_t)len))
        rdb_reader_break(r);
    else
        text->bytes = bytes_of(text->block, (size_t)len);
}

void rdb_reader_string(struct rdb_reader *r, struct rdb_text *text) {
    text->bytes = BYTES_NONE;
    text->block = NULL;
    uint8_t encoding;
    uint64_t len = take_length(r, &encoding);
    switch (encoding) {
    case 0: {
        const unsigned char *at = len <= rdb_reader_left(r) ? take(r, (size_t)len) : NULL;
        if (at == NULL)
            rdb_reader_break(r);
        else
            text->bytes = bytes_of(at, (size_t)len);
        return;
    }
    case RDB_ENCODED_INT8: read_int(r, 1, text); return;
    case RDB_ENCODED_INT16: read_int(r, 2, text); return;
    case RDB_ENCODED_INT32: read_int(r, 4, text); return;
    case RDB_ENCODED_LZF: read_packed(r, text); return;
    default: rdb_reader_break(r); return;
    }
}

void rdb_text_deinit(struct rdb_text *text) {
    mem_free(text->block);
    text->block = NULL;
    text->bytes = BYTES_NONE;
}

uint64_t rdb_reader_u64(struct rdb_reader *r) {
    return take_le(r, 8);
}

double rdb_reader_double(struct rdb_reader *r) {
    uint64_t bits = take_le(r, 8);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

int64_t rdb_reader_time(struct rdb_reader *r) {
    return (int64_t)take_le(r, 8);
}

double rdb_reader_double_text(struct rdb_reader *r) {
    uint8_t len = rdb_reader_byte(r);
    switch (len) {
    case DOUBLE_TEXT_NAN: return (double)NAN;
    case DOUBLE_TEXT_INF: return (double)INFINITY;
    case DOUBLE_TEXT_MINUS_INF: return -(double)INFINITY;
    default: break;
    }
    const unsigned char *at = take(r, len);
    double value = 0;
    if (at == NULL || !num_parse_double(bytes_of(at, len), &value))
        rdb_reader_break(r);
    return r->is_broken ? 0 : value;
}
