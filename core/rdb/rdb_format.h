/* rdb_format.h: the numbers of the RDB format: how Redis writes values into snapshots, DUMP payloads and streams to
 * replicas.
 *
 * A value is one type byte and a body made of lengths, strings and doubles:
 *
 *   length   00nnnnnn                      0..63
 *            01nnnnnn nnnnnnnn             0..16383, high bits first
 *            0x80 + 4 bytes                big endian
 *            0x81 + 8 bytes                big endian
 *            11cccccc                      no length: the string that follows has encoding c
 *   string   length, then as many bytes; or an encoding:
 *            0xc0 + 1, 0xc1 + 2, 0xc2 + 4  a signed little-endian integer, whose decimal text is the string
 *            0xc3                          LZF: length of the packed bytes, length of the string, packed bytes
 *   double   8 bytes, little endian; in the oldest type a length byte and a text, where 253, 254 and 255 are NaN,
 *            infinity and minus infinity
 *   time     8 bytes, little endian: unix milliseconds
 *
 * Type numbers are those of Redis, except RDB_STREAM_OWN, which is written into our own log only. Valkey has given 22 and
 * 23 another meaning; neither is written here. */
#pragma once

enum rdb_type {
    RDB_STRING = 0,
    RDB_LIST = 1,                /* count, elements */
    RDB_SET = 2,                 /* count, members */
    RDB_ZSET = 3,                /* count, (member, score as text) */
    RDB_HASH = 4,                /* count, (field, value) */
    RDB_ZSET_2 = 5,              /* count, (member, score in binary) */
    RDB_HASH_ZIPMAP = 9,         /* one string: a zipmap */
    RDB_LIST_ZIPLIST = 10,       /* one string: a ziplist */
    RDB_SET_INTSET = 11,         /* one string: an intset */
    RDB_ZSET_ZIPLIST = 12,       /* one string: a ziplist of member, score */
    RDB_HASH_ZIPLIST = 13,       /* one string: a ziplist of field, value */
    RDB_LIST_QUICKLIST = 14,     /* count, ziplists */
    RDB_STREAM_LISTPACKS = 15,   /* up to Redis 6 */
    RDB_HASH_LISTPACK = 16,      /* one string: a listpack of field, value */
    RDB_ZSET_LISTPACK = 17,      /* one string: a listpack of member, score */
    RDB_LIST_QUICKLIST_2 = 18,   /* count, (kind of node, listpack or single element) */
    RDB_STREAM_LISTPACKS_2 = 19, /* adds what Redis 7.0 counts */
    RDB_SET_LISTPACK = 20,       /* one string: a listpack of members */
    RDB_STREAM_LISTPACKS_3 = 21, /* adds when a consumer was last active */
    RDB_HASH_METADATA = 24,      /* earliest time, count, (time to live, field, value) */
    RDB_HASH_LISTPACK_EX = 25,   /* earliest time, one string: a listpack of field, value, time */
    RDB_STREAM_OWN = 220,        /* as RDB_STREAM_LISTPACKS_3, and pending messages may have no consumer */
};

enum {
    RDB_VERSION_OLDEST = 6,
    RDB_VERSION_NEWEST = 12,
    RDB_VERSION_COMMON = 10,    /* what Redis 7.0 reads: written unless a value needs more */
    RDB_VERSION_FIELD_TTL = 12, /* the first with times of hash fields */

    RDB_LENGTH_32 = 0x80,
    RDB_LENGTH_64 = 0x81,
    RDB_ENCODED = 0xc0,
    RDB_ENCODED_INT8 = 0xc0,
    RDB_ENCODED_INT16 = 0xc1,
    RDB_ENCODED_INT32 = 0xc2,
    RDB_ENCODED_LZF = 0xc3,

    RDB_NODE_PLAIN = 1,  /* RDB_LIST_QUICKLIST_2: the node is one element */
    RDB_NODE_PACKED = 2, /* the node is a listpack */
};
