/* rdb_reader.h: reading the parts that RDB values are made of (rdb_format.h) from bytes in memory that a stranger may have
 * made.
 *
 * A reader never looks beyond its end. What does not fit breaks it: from then on everything read is zero or empty, and
 * rdb_reader_is_broken says so. So a loader may read several parts and look once, as long as it believes no count before
 * it has looked. Memory for what is read is bounded by the bytes that are there. */
#pragma once

#include "core/base/num.h"
#include "core/rdb/rdb_format.h"

struct rdb_reader {
    const unsigned char *at;
    const unsigned char *end;
    bool is_broken;
};

/* A string that was read: bytes inside the reader's own, or in `block`, or in `scratch`. It may not be copied by
 * assignment. Free it with rdb_text_deinit. */
struct rdb_text {
    struct bytes bytes;
    char *block;
    char scratch[NUM_INT_TEXT_MAX];
};

void rdb_reader_init(struct rdb_reader *r, struct bytes from);

static inline bool rdb_reader_is_broken(const struct rdb_reader *r) {
    return r->is_broken;
}

/* Bytes that are left. */
static inline size_t rdb_reader_left(const struct rdb_reader *r) {
    return (size_t)(r->end - r->at);
}

/* Declares that what was read makes no sense. */
void rdb_reader_break(struct rdb_reader *r);

uint8_t rdb_reader_byte(struct rdb_reader *r);
uint64_t rdb_reader_length(struct rdb_reader *r);

/* A length that counts parts of at least `part_bytes` bytes each, which must be there. */
uint64_t rdb_reader_count(struct rdb_reader *r, size_t part_bytes);

/* Reads a string; empty when the reader is broken. */
void rdb_reader_string(struct rdb_reader *r, struct rdb_text *text_out);
void rdb_text_deinit(struct rdb_text *text);

/* `len` bytes that are no string; NULL when the reader is broken. */
const unsigned char *rdb_reader_raw(struct rdb_reader *r, size_t len);

/* Little-endian fixed widths. */
uint64_t rdb_reader_u64(struct rdb_reader *r);
double rdb_reader_double(struct rdb_reader *r);
int64_t rdb_reader_time(struct rdb_reader *r);

/* The double as a text, of RDB_ZSET. */
double rdb_reader_double_text(struct rdb_reader *r);
