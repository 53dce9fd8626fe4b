/* rdb_writer.h: writing the parts that RDB values are made of (rdb_format.h) into a buffer.
 *
 * The buffer is the caller's and may be emptied between two calls. Nothing fails: sizes come from values that are in
 * memory already. */
#pragma once

#include "core/base/buf.h"
#include "core/rdb/rdb_format.h"

struct rdb_writer {
    struct buf *out;     /* borrowed */
    bool is_compressing; /* strings of more than 20 bytes are packed with LZF where that makes them smaller */
};

void rdb_writer_init(struct rdb_writer *w, struct buf *out, bool is_compressing);

static inline void rdb_writer_byte(struct rdb_writer *w, unsigned byte) {
    buf_put_char(w->out, (char)byte);
}

void rdb_writer_length(struct rdb_writer *w, uint64_t length);

/* A string: as an integer when it is the text of one of up to 32 bits, packed when that pays, else as it is. */
void rdb_writer_string(struct rdb_writer *w, struct bytes text);

/* A string of `len` bytes that is at hand in packed form. */
void rdb_writer_packed(struct rdb_writer *w, struct bytes packed, size_t len);

/* The string that is the decimal text of `value`. */
void rdb_writer_int(struct rdb_writer *w, int64_t value);

/* Bytes of no string. */
void rdb_writer_raw(struct rdb_writer *w, const void *bytes, size_t len);

/* Little-endian fixed widths. */
void rdb_writer_u64(struct rdb_writer *w, uint64_t value);
void rdb_writer_double(struct rdb_writer *w, double value);
void rdb_writer_time(struct rdb_writer *w, int64_t unix_ms);
