/* rdb_writer.c: lengths, strings and doubles in the shapes that rdb_format.h draws.
 *
 * Redis's own choices are repeated where a reader could tell: the shortest length, integers before compression,
 * compression only when it saves at least four bytes. So the payload of a value is, but for the packed bytes, the one that
 * Redis would give. */
#include "core/rdb/rdb_writer.h"

#include "core/base/num.h"
#include "core/ds/compress.h"

#include <endian.h>

enum {
    INT_TEXT_MAX = 11, /* longest text of a 32-bit integer */
    PACKED_MIN = 21,   /* shortest string that is worth packing */
    PACKED_GAIN = 4,   /* bytes that packing must save */
};

void rdb_writer_init(struct rdb_writer *w, struct buf *out, bool is_compressing) {
    *w = (struct rdb_writer){.out = out, .is_compressing = is_compressing};
}

void rdb_writer_raw(struct rdb_writer *w, const void *bytes, size_t len) {
    buf_put(w->out, bytes, len);
}

void rdb_writer_length(struct rdb_writer *w, uint64_t length) {
    if (length < 1 << 6) {
        rdb_writer_byte(w, (unsigned)length);
    } else if (length < 1 << 14) {
        rdb_writer_byte(w, 0x40 | (unsigned)(length >> 8));
        rdb_writer_byte(w, (unsigned)(length & 0xff));
    } else if (length <= UINT32_MAX) {
        uint32_t wide = htobe32((uint32_t)length);
        rdb_writer_byte(w, RDB_LENGTH_32);
        rdb_writer_raw(w, &wide, sizeof wide);
    } else {
        uint64_t wide = htobe64(length);
        rdb_writer_byte(w, RDB_LENGTH_64);
        rdb_writer_raw(w, &wide, sizeof wide);
    }
}

/* True if `value` was written as an integer. */
static bool write_as_int(struct rdb_writer *w, int64_t value) {
    uint64_t bits = (uint64_t)value;
    unsigned width;
    if (value >= INT8_MIN && value <= INT8_MAX) {
        rdb_writer_byte(w, RDB_ENCODED_INT8);
        width = 1;
    } else if (value >= INT16_MIN && value <= INT16_MAX) {
        rdb_writer_byte(w, RDB_ENCODED_INT16);
        width = 2;
    } else if (value >= INT32_MIN && value <= INT32_MAX) {
        rdb_writer_byte(w, RDB_ENCODED_INT32);
        width = 4;
    } else {
        return false;
    }
    for (unsigned i = 0; i < width; i++)
        rdb_writer_byte(w, (unsigned)(bits >> (8 * i) & 0xff));
    return true;
}

void rdb_writer_packed(struct rdb_writer *w, struct bytes packed, size_t len) {
    rdb_writer_byte(w, RDB_ENCODED_LZF);
    rdb_writer_length(w, packed.len);
    rdb_writer_length(w, len);
    rdb_writer_raw(w, packed.ptr, packed.len);
}

/* True if `text` was written packed. */
static bool write_packed(struct rdb_writer *w, struct bytes text) {
    if (!w->is_compressing || text.len < PACKED_MIN || text.len > UINT32_MAX)
        return false;
    struct buf packed;
    buf_init(&packed);
    size_t room = text.len - PACKED_GAIN;
    size_t len = compress_pack(text, buf_room(&packed, room), room);
    if (len != 0)
        rdb_writer_packed(w, bytes_of(packed.ptr, len), text.len);
    buf_deinit(&packed);
    return len != 0;
}

void rdb_writer_string(struct rdb_writer *w, struct bytes text) {
    int64_t value;
    if (text.len <= INT_TEXT_MAX && num_parse_int(text, &value) && write_as_int(w, value))
        return;
    if (write_packed(w, text))
        return;
    rdb_writer_length(w, text.len);
    rdb_writer_raw(w, text.ptr, text.len);
}

void rdb_writer_int(struct rdb_writer *w, int64_t value) {
    if (write_as_int(w, value))
        return;
    char text[NUM_INT_TEXT_MAX];
    size_t len = num_from_int(text, value);
    rdb_writer_length(w, len);
    rdb_writer_raw(w, text, len);
}

void rdb_writer_u64(struct rdb_writer *w, uint64_t value) {
    uint64_t wide = htole64(value);
    rdb_writer_raw(w, &wide, sizeof wide);
}

void rdb_writer_double(struct rdb_writer *w, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    rdb_writer_u64(w, bits);
}

void rdb_writer_time(struct rdb_writer *w, int64_t unix_ms) {
    rdb_writer_u64(w, (uint64_t)unix_ms);
}
