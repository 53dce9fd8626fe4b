/* packed_node.h: one node of a packed table: some dozen items in one small block.
 *
 *   offset        bytes      field
 *        0            2      count   number of items
 *        2            2      size16  bytes of the block / 16
 *        4            4      used    bytes of all items' records
 *        8            count  tags    a byte of each item's hash
 *        8 + count    count * width  offsets: distance of the record's start from the block's end
 *        ...          free
 *        size - used  used   records, in any order, without gaps
 *
 * The width of an offset is 2 bytes in blocks up to 64 KiB, else 4. Offsets and records are not aligned. A block has
 * less than 1 MiB; that is some thousand items, which only somebody who knows the seed could bring together.
 * A record:
 *
 *   bytes  field
 *       1  head     bits 0..6 length of the field, or 127: a long item; bit 7: it has a time
 *      [1] length of the value; in tables with values, not for long items
 *          field, value; or for a long item the address of its block (8 bytes)
 *      [8] time     unix milliseconds; if bit 7 of the head is set
 *
 * A long item's block: 4 bytes length of the field, 4 bytes length of the value, field, value.
 *
 * Only packed_table.c uses nodes. A node may move when it is changed: functions that say "takes n, gives" return where it
 * is now. An empty node is NULL. */
#pragma once

#include "core/ds/packed_table.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum {
    PACKED_NODE_HEADER = 8,
    PACKED_NODE_NARROW16 = 4096, /* blocks up to this many times 16 bytes have offsets of 2 bytes */
    PACKED_NODE_NO_SLOT = -1,
    PACKED_HEAD_LONG = 0x7f,
    PACKED_HEAD_EXPIRES = 0x80,
    PACKED_LONG_RECORD = 9, /* bytes of a long item's record without a time */
    PACKED_LONG_HEADER = 8,
    PACKED_RECORD_MAX = 2 + PACKED_INLINE_MAX + 8,
};

_Static_assert((int)PACKED_INLINE_MAX < (int)PACKED_HEAD_LONG,
               "the length of a field inside a node fits its head");

struct packed_node {
    uint16_t count;
    uint16_t size16;
    uint32_t used;
    unsigned char room[];
};

/* Bytes of the block. */
static inline size_t packed_node_bytes(const struct packed_node *n) {
    return n == NULL ? 0 : (size_t)n->size16 * 16;
}

static inline size_t packed_node_count(const struct packed_node *n) {
    return n == NULL ? 0 : n->count;
}

static inline size_t packed_node_width(const struct packed_node *n) {
    return LIKELY(n->size16 <= PACKED_NODE_NARROW16) ? 2 : 4;
}

static inline size_t packed_node_offset(const struct packed_node *n, size_t slot) {
    const unsigned char *offsets = n->room + n->count;
    if (LIKELY(n->size16 <= PACKED_NODE_NARROW16)) {
        uint16_t narrow;
        memcpy(&narrow, offsets + slot * 2, sizeof(narrow));
        return narrow;
    }
    uint32_t wide;
    memcpy(&wide, offsets + slot * 4, sizeof(wide));
    return wide;
}

/* The record of an item. */
static inline const unsigned char *packed_node_record(const struct packed_node *n, size_t slot) {
    return (const unsigned char *)n + packed_node_bytes(n) - packed_node_offset(n, slot);
}

static inline bool packed_record_is_long(const unsigned char *record) {
    return (record[0] & PACKED_HEAD_LONG) == PACKED_HEAD_LONG;
}

static inline bool packed_record_expires(const unsigned char *record) {
    return (record[0] & PACKED_HEAD_EXPIRES) != 0;
}

/* The block of a long item. */
static inline char *packed_record_block(const unsigned char *record) {
    char *block;
    memcpy(&block, record + 1, sizeof(block));
    return block;
}

/* Bytes of the record without its time. */
static inline size_t packed_record_plain_bytes(const unsigned char *record, bool has_values) {
    if (UNLIKELY(packed_record_is_long(record)))
        return PACKED_LONG_RECORD;
    size_t field = record[0] & PACKED_HEAD_LONG;
    return has_values ? 2 + field + record[1] : 1 + field;
}

static inline size_t packed_record_bytes(const unsigned char *record, bool has_values) {
    return packed_record_plain_bytes(record, has_values) + (packed_record_expires(record) ? 8 : 0);
}

static inline int64_t packed_record_expire_ms(const unsigned char *record, bool has_values) {
    int64_t ms = PACKED_NO_EXPIRE;
    if (packed_record_expires(record))
        memcpy(&ms, record + packed_record_plain_bytes(record, has_values), sizeof(ms));
    return ms;
}

static inline struct bytes packed_record_field(const unsigned char *record, bool has_values) {
    if (UNLIKELY(packed_record_is_long(record))) {
        const char *block = packed_record_block(record);
        uint32_t len;
        memcpy(&len, block, sizeof(len));
        return bytes_of(block + PACKED_LONG_HEADER, len);
    }
    return bytes_of(record + (has_values ? 2 : 1), record[0] & PACKED_HEAD_LONG);
}

/* What the record says. */
static inline struct packed_item packed_record_item(const unsigned char *record, bool has_values) {
    struct packed_item item;
    item.field = packed_record_field(record, has_values);
    item.expire_ms = packed_record_expire_ms(record, has_values);
    uint32_t value_len = has_values ? record[1] : 0;
    if (UNLIKELY(packed_record_is_long(record)))
        memcpy(&value_len, packed_record_block(record) + 4, sizeof(value_len));
    item.value = bytes_of(item.field.ptr + item.field.len, value_len);
    return item;
}

/* The items from `from` to from + 15 whose tag is `tag`, a bit each. The load may reach behind the tags, never behind
 * the block: each tag has an offset and a record behind it, and the smallest block has 32 bytes. */
static inline unsigned packed_node_match(const struct packed_node *n, size_t from, uint8_t tag) {
    size_t count = n->count - from;
    unsigned valid = count >= 16 ? 0xffffu : (1u << count) - 1;
#ifdef __SSE2__
    __m128i tags = _mm_loadu_si128((const __m128i *)(const void *)(n->room + from));
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(tags, _mm_set1_epi8((char)tag))) & valid;
#else
    unsigned match = 0;
    for (size_t i = 0; i < 16 && i < count; i++)
        match |= (unsigned)(n->room[from + i] == tag) << i;
    return match & valid;
#endif
}

/* The item's place, or PACKED_NODE_NO_SLOT. */
static inline int packed_node_find(const struct packed_node *n, uint8_t tag, struct bytes field,
                                   bool has_values) {
    size_t count = packed_node_count(n);
    for (size_t from = 0; from < count; from += 16) {
        for (unsigned match = packed_node_match(n, from, tag); match != 0; match &= match - 1) {
            size_t slot = from + (size_t)__builtin_ctz(match);
            if (LIKELY(bytes_equal(packed_record_field(packed_node_record(n, slot), has_values), field)))
                return (int)slot;
        }
    }
    return PACKED_NODE_NO_SLOT;
}

/* Starts loading the first record that packed_node_find would look at. */
static inline void packed_node_prefetch(const struct packed_node *n, uint8_t tag) {
    unsigned match = packed_node_count(n) == 0 ? 0 : packed_node_match(n, 0, tag);
    if (match != 0)
        __builtin_prefetch(packed_node_record(n, (size_t)__builtin_ctz(match)));
}

/* Gives an empty node with room for `count` items whose records take `used` bytes; NULL for none. */
struct packed_node *packed_node_new(size_t count, size_t used);

/* Takes n (may be NULL), gives it with one more item at its last place. */
struct packed_node *packed_node_add(struct packed_node *n, uint8_t tag, const unsigned char *record,
                                    size_t record_bytes) ATTR_MUST_USE;

/* Takes n, gives it with another record at the item's place. `record` is not part of n. */
struct packed_node *packed_node_replace(struct packed_node *n, size_t slot, const unsigned char *record,
                                        size_t record_bytes, bool has_values) ATTR_MUST_USE;

/* Takes n, gives it without the item (the last one takes its place), NULL when it was the only one. */
struct packed_node *packed_node_remove(struct packed_node *n, size_t slot, bool has_values) ATTR_MUST_USE;

/* Takes both, gives one node with the items of both. */
struct packed_node *packed_node_join(struct packed_node *a, struct packed_node *b, bool has_values);

/* Takes n, gives two: the items that have `bit` set in their hash under `seed`, and the others. */
void packed_node_split(struct packed_node *n, uint64_t bit, uint64_t seed, bool has_values,
                       struct packed_node **without_out, struct packed_node **with_out);

/* Gives a copy of the block; long items are shared with n. */
struct packed_node *packed_node_copy(const struct packed_node *n);

/* Verifies the node's structure; a bug if it is broken. */
void packed_node_check(const struct packed_node *n, bool has_values);
