/* rdb_value.h: values as RDB writes them: a type number and a body, whatever the type.
 *
 * Saving goes in steps, so that a huge value neither fills a buffer nor holds up a shard: a saver stands on the caller's
 * stack (or in its task), remembers where it is, and each step appends about as much as it is told. The value must not
 * change from the first step to the last. A saver owns nothing: it may be dropped at any moment.
 *
 * Loading takes bytes from anywhere. Whatever they are, the result is a sound value or none: counts are checked
 * against the bytes that are there, packed blocks are walked, doubles of members, values without elements and numbers
 * that are none are refused. */
#pragma once

#include "core/rdb/rdb_reader.h"
#include "core/rdb/rdb_writer.h"
#include "core/value/entry.h"

struct rdb_saver {
    const struct entry *entry; /* borrowed */
    enum rdb_type type;
    bool is_begun; /* counts and the like have been written */
    uint64_t done; /* what has been written of the body, in the type's own measure */
};

/* The type number that the value is written with, and the oldest RDB version whose readers know it. */
enum rdb_type rdb_type_of(const struct entry *e);
unsigned rdb_version_of(enum rdb_type type);

/* Prepares to write the body of the entry's value. saver->type is then to be written in front of it. */
void rdb_saver_begin(struct rdb_saver *saver, const struct entry *e);

/* Appends about `bytes_max` more bytes; true when the body is complete. Strings longer than that are not compressed. */
bool rdb_saver_step(struct rdb_saver *saver, struct rdb_writer *w, size_t bytes_max);

/* What the loader is to know besides the bytes. */
struct rdb_load {
    struct bytes key;
    int64_t expire_ms; /* of the key, or ENTRY_NO_EXPIRE */
};

enum rdb_loaded {
    RDB_LOADED,
    RDB_LOAD_BROKEN,    /* the bytes are no sound value of this type */
    RDB_LOAD_UNKNOWN,   /* no such type */
    RDB_LOAD_NO_MEMORY, /* the value is larger than what the allocator gives */
};

/* Reads one body of the type. Gives the entry, NULL unless RDB_LOADED. */
struct entry *rdb_load_value(struct rdb_reader *r, unsigned type, const struct rdb_load *how,
                             enum rdb_loaded *result_out);
