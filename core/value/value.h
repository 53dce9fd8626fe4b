/* value.h: the types a key can hold, and what the keyspace must know of each of them.
 *
 * A string lives inside its entry (entry.h, str.h). Every other type is an *object*: a pointer in the entry, owned by
 * it, together with a small number, the object's encoding, whose meaning is the type's own business (a hash may be
 * one packed block or a table). struct value_ops is how entries free, measure and copy an object without knowing it.
 *
 * To add a type: write its module in this folder, export one `const struct value_ops`, and name it in value.c's
 * table. */
#pragma once

#include "core/base/bytes.h"

struct digest;

/* Encodings of objects are numbers below 16. This bit in one says that parts of the object may expire on their own (fields
 * of a hash): value_ops.due_ms tells when. */
enum { VALUE_ENCODING_TIMED = 8 };

enum { VALUE_PREFETCH_STAGES = 3 };

#define VALUE_NEVER_DUE INT64_C(-1)

enum value_type {
    VALUE_STRING,
    VALUE_LIST,
    VALUE_SET,
    VALUE_ZSET,
    VALUE_HASH,
    VALUE_STREAM,
    VALUE_TYPE_COUNT,
};

struct value_ops {
    /* Takes the object and frees all of it. */
    void (*free)(void *object, uint8_t encoding);

    /* Frees at most about `pieces_max` pieces; returns true when the object itself is gone too, else it must be called
     * again and nothing else may be done with the object. NULL: the type has no large objects, `free` will do. */
    bool (*free_step)(void *object, uint8_t encoding, size_t pieces_max);

    /* Bytes the object occupies, by mem_usable's measure. Must not walk the object: keep a running sum. */
    size_t (*bytes)(const void *object, uint8_t encoding);

    /* Pieces (allocations) the object consists of, roughly; decides whether freeing it is sliced. */
    size_t (*pieces)(const void *object, uint8_t encoding);

    /* Unix milliseconds at which the first part of the object expires, or VALUE_NEVER_DUE. It may be early, never late, and
     * must not walk the object. Asked for encodings with VALUE_ENCODING_TIMED only; NULL: the type has none. */
    int64_t (*due_ms)(const void *object, uint8_t encoding);

    /* Starts loading what a search for `element` will read, without waiting for it: stage 0 first, and each later one a
     * while after the one before, up to VALUE_PREFETCH_STAGES. NULL: nothing is gained. */
    void (*prefetch)(const void *object, uint8_t encoding, struct bytes element, unsigned stage);

    /* Gives a deep copy with the same encoding. */
    void *(*dup)(const void *object, uint8_t encoding);

    /* The word of OBJECT ENCODING. */
    const char *(*encoding_name)(const void *object, uint8_t encoding);

    /* Adds the elements to a digest, in the way Redis's DEBUG DIGEST does for this type; see digest.h. */
    void (*digest)(const void *object, uint8_t encoding, struct digest *digest);
};

/* The word of TYPE: "string", "list", "set", "zset", "hash", "stream". */
const char *value_type_name(enum value_type type);

/* The operations of a type's objects; a bug for VALUE_STRING, which has none. */
const struct value_ops *value_ops(enum value_type type);
