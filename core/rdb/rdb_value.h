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
#include "core/value/hash.h"
#include "core/value/list.h"
#include "core/value/set.h"
#include "core/value/stream.h"
#include "core/value/zset.h"

/* Who will read it. */
enum rdb_reach {
    RDB_FOR_ALL, /* Redis 7.0 and later, as far as the value has nothing that is younger */
    RDB_FOR_US,  /* this server, from its own log: nothing is left out */
};

/* Where the saver of a stream stands: items of its log or its groups, of a group, of a consumer. */
struct rdb_stream_cursor {
    uint8_t stage;
    const void *outer_item;
    const void *middle_item;
    const void *inner_item;
    struct ordset_place outer;
    struct ordset_place middle;
    struct ordset_place inner;
};

struct rdb_hash_cursor {
    struct hash_walk walk;
    int64_t earliest_ms;
};

struct rdb_zset_cursor {
    struct zset zset;
    struct zset_walk walk; /* points to `zset`, so a saver that has begun may not move */
};

struct rdb_saver {
    const struct entry *entry; /* borrowed */
    enum rdb_type type;
    bool is_begun; /* counts and the like have been written */
    union {
        size_t bytes; /* of a string that have been written */
        size_t piece; /* of a list that comes next */
        struct set_iter set;
        struct rdb_hash_cursor hash;
        struct rdb_zset_cursor zset;
        struct rdb_stream_cursor stream;
    } at;
};

/* The oldest RDB version whose readers know the type. */
unsigned rdb_version_of(enum rdb_type type);

/* Prepares to write the body of the entry's value. saver->type is then to be written in front of it. */
void rdb_saver_begin(struct rdb_saver *saver, const struct entry *e, enum rdb_reach reach);

/* Appends about `bytes_max` more bytes; true when the body is complete. Strings longer than that are not compressed. */
bool rdb_saver_step(struct rdb_saver *saver, struct rdb_writer *w, size_t bytes_max);

/* The configuration's rules for the encodings of values. */
struct rdb_rules {
    struct list_rules list;
    struct set_rules set;
    struct zset_limits zset;
    struct hash_limits hash;
};

/* What the loader is to know besides the bytes. */
struct rdb_load {
    struct bytes key;
    int64_t expire_ms;             /* of the key, or ENTRY_NO_EXPIRE */
    const struct rdb_rules *rules; /* borrowed */
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
