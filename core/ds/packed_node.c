/* packed_node.c: changing a node.
 *
 * A node is a slotted page: what is looked at first (tags, offsets) stands in front and grows upwards, what is looked at
 * once (records) stands at the end and grows downwards, and the free room is between them. Offsets count from the block's
 * end, so that a block that grows moves its records without touching them.
 *
 * I1  Records fill the last `used` bytes of the block without gaps; each belongs to one item.
 * I2  Header, tags, offsets and records fit the block, whose size is one of the allocator's classes: a block is never
 *     larger than the smallest class that holds it by more than a third, or one step of classes.
 * I3  A node without items does not exist (NULL).
 *
 * A change moves what lies between: some hundred bytes of a block that is in the cache anyway. Gaps that are cleaned up
 * later would save the moving and cost a second fill level, and more memory, which is what nodes are for. */
#include "core/ds/packed_node.h"

#include "core/base/keyhash.h"
#include "core/base/mem.h"

/* Bytes that a block with `count` items and `used` bytes of records must have, a class of the allocator. */
static size_t block_bytes(size_t count, size_t used) {
    size_t bytes = PACKED_NODE_HEADER + count * 3 + used;
    if (UNLIKELY(bytes > (size_t)PACKED_NODE_NARROW16 * 16))
        bytes += count * 2;
    bytes = mem_good_size(bytes < 32 ? 32 : bytes);
    return (bytes + 15) & ~(size_t)15; /* I2; classes above 32 bytes are multiples of 16 */
}

/* Gives a block without items. */
static struct packed_node *block_new(size_t bytes) {
    must(bytes / 16 <= UINT16_MAX);
    struct packed_node *n = mem_alloc(bytes);
    n->count = 0;
    n->size16 = (uint16_t)(bytes / 16);
    n->used = 0;
    return n;
}

static unsigned char *block_end(struct packed_node *n) {
    return (unsigned char *)n + packed_node_bytes(n);
}

static void set_offset(struct packed_node *n, size_t slot, size_t offset) {
    unsigned char *offsets = n->room + n->count;
    if (LIKELY(packed_node_width(n) == 2)) {
        uint16_t narrow = (uint16_t)offset;
        memcpy(offsets + slot * 2, &narrow, sizeof(narrow));
    } else {
        uint32_t wide = (uint32_t)offset;
        memcpy(offsets + slot * 4, &wide, sizeof(wide));
    }
}

/* Takes n, gives it in a block of another size. */
static struct packed_node *block_resize(struct packed_node *n, size_t bytes) {
    struct packed_node *to = block_new(bytes);
    to->count = n->count;
    to->used = n->used;
    memcpy(to->room, n->room, n->count);
    if (LIKELY(packed_node_width(n) == packed_node_width(to))) {
        memcpy(to->room + n->count, n->room + n->count, n->count * packed_node_width(n));
    } else {
        for (size_t slot = 0; slot < n->count; slot++)
            set_offset(to, slot, packed_node_offset(n, slot));
    }
    memcpy(block_end(to) - n->used, block_end(n) - n->used, n->used);
    mem_free(n);
    return to;
}

struct packed_node *packed_node_new(size_t count, size_t used) {
    return count == 0 ? NULL : block_new(block_bytes(count, used));
}

/* Appends an item; there is room. */
static void push(struct packed_node *n, uint8_t tag, const unsigned char *record, size_t record_bytes) {
    memmove(n->room + n->count + 1, n->room + n->count, n->count * packed_node_width(n));
    n->room[n->count] = tag;
    n->count++;
    n->used += (uint32_t)record_bytes;
    set_offset(n, n->count - 1u, n->used);
    memcpy(block_end(n) - n->used, record, record_bytes);
}

struct packed_node *packed_node_add(struct packed_node *n, uint8_t tag, const unsigned char *record,
                                    size_t record_bytes) {
    if (n == NULL) {
        n = packed_node_new(1, record_bytes);
    } else {
        size_t free_bytes =
            packed_node_bytes(n) - PACKED_NODE_HEADER - n->used - n->count * (1 + packed_node_width(n));
        if (free_bytes < record_bytes + 1 + packed_node_width(n))
            n = block_resize(n, block_bytes(n->count + 1u, n->used + record_bytes));
    }
    push(n, tag, record, record_bytes);
    return n;
}

/* Changes the length of a record, whose end stays where it is: what lies before it moves. There is room. */
static void stretch(struct packed_node *n, size_t slot, size_t old_bytes, size_t new_bytes) {
    if (old_bytes == new_bytes)
        return;
    size_t offset = packed_node_offset(n, slot);
    unsigned char *first = block_end(n) - n->used;
    size_t before = n->used - offset;
    memmove(first + old_bytes - new_bytes, first, before);
    for (size_t i = 0; i < n->count; i++) { /* I1 */
        size_t other = packed_node_offset(n, i);
        if (other >= offset)
            set_offset(n, i, other - old_bytes + new_bytes);
    }
    n->used = (uint32_t)(n->used - old_bytes + new_bytes);
}

/* Takes n, gives it in a smaller block if that is worth it. */
static struct packed_node *tighten(struct packed_node *n) {
    size_t bytes = block_bytes(n->count, n->used);
    return bytes <= packed_node_bytes(n) - packed_node_bytes(n) / 4 ? block_resize(n, bytes) : n; /* I2 */
}

struct packed_node *packed_node_replace(struct packed_node *n, size_t slot, const unsigned char *record,
                                        size_t record_bytes, bool has_values) {
    size_t old_bytes = packed_record_bytes(packed_node_record(n, slot), has_values);
    size_t needed =
        PACKED_NODE_HEADER + n->count * (1 + packed_node_width(n)) + n->used - old_bytes + record_bytes;
    if (needed > packed_node_bytes(n))
        n = block_resize(n, block_bytes(n->count, n->used - old_bytes + record_bytes));
    stretch(n, slot, old_bytes, record_bytes);
    memcpy(block_end(n) - packed_node_offset(n, slot), record, record_bytes);
    return record_bytes < old_bytes ? tighten(n) : n;
}

struct packed_node *packed_node_remove(struct packed_node *n, size_t slot, bool has_values) {
    if (n->count == 1) { /* I3 */
        mem_free(n);
        return NULL;
    }
    size_t last = n->count - 1u;
    size_t width = packed_node_width(n);
    stretch(n, slot, packed_record_bytes(packed_node_record(n, slot), has_values), 0);
    n->room[slot] = n->room[last];
    set_offset(n, slot, packed_node_offset(n, last));
    memmove(n->room + last, n->room + last + 1, last * width);
    n->count--;
    return tighten(n);
}

/* Appends the items of `from` to n, which has room. */
static void push_all(struct packed_node *n, const struct packed_node *from, bool has_values) {
    for (size_t slot = 0; slot < from->count; slot++) {
        const unsigned char *record = packed_node_record(from, slot);
        push(n, from->room[slot], record, packed_record_bytes(record, has_values));
    }
}

struct packed_node *packed_node_join(struct packed_node *a, struct packed_node *b, bool has_values) {
    if (a == NULL || b == NULL)
        return a == NULL ? b : a;
    struct packed_node *n =
        block_resize(a, block_bytes((size_t)a->count + b->count, (size_t)a->used + b->used));
    push_all(n, b, has_values);
    mem_free(b);
    return n;
}

void packed_node_split(struct packed_node *n, uint64_t bit, uint64_t seed, bool has_values,
                       struct packed_node **without_out, struct packed_node **with_out) {
    enum { BATCH = 64 };
    size_t counts[2] = {0, 0};
    size_t used[2] = {0, 0};
    uint64_t sides = 0; /* of the first BATCH items; what is beyond is hashed twice */
    struct packed_node *parts[2] = {NULL, NULL};
    for (size_t slot = 0; slot < packed_node_count(n); slot++) {
        const unsigned char *record = packed_node_record(n, slot);
        unsigned side = (keyhash_hash(packed_record_field(record, has_values), seed) & bit) != 0;
        counts[side]++;
        used[side] += packed_record_bytes(record, has_values);
        if (slot < BATCH)
            sides |= (uint64_t)side << slot;
    }
    if (counts[0] != 0 && counts[1] != 0) {
        for (unsigned side = 0; side < 2; side++)
            parts[side] = packed_node_new(counts[side], used[side]);
        for (size_t slot = 0; slot < n->count; slot++) {
            const unsigned char *record = packed_node_record(n, slot);
            unsigned side = slot < BATCH
                                ? (unsigned)(sides >> slot & 1)
                                : (keyhash_hash(packed_record_field(record, has_values), seed) & bit) != 0;
            push(parts[side], n->room[slot], record, packed_record_bytes(record, has_values));
        }
        mem_free(n);
    } else {
        parts[counts[1] != 0] = n;
    }
    *without_out = parts[0];
    *with_out = parts[1];
}

struct packed_node *packed_node_copy(const struct packed_node *n) {
    if (n == NULL)
        return NULL;
    struct packed_node *copy = block_new(packed_node_bytes(n));
    memcpy(copy, n, packed_node_bytes(n));
    return copy;
}

void packed_node_check(const struct packed_node *n, bool has_values) {
    if (n == NULL)
        return;
    must(n->count > 0); /* I3 */
    size_t front = PACKED_NODE_HEADER + n->count * (1 + packed_node_width(n));
    must(front + n->used <= packed_node_bytes(n)); /* I2 */
    must(mem_usable(n) >= packed_node_bytes(n));
    must(mem_usable(n) < packed_node_bytes(n) + 16 || n->size16 > PACKED_NODE_NARROW16);
    size_t total = 0;
    for (size_t slot = 0; slot < n->count; slot++) {
        size_t offset = packed_node_offset(n, slot);
        size_t bytes = packed_record_bytes(packed_node_record(n, slot), has_values);
        must(offset <= n->used);
        must(bytes <= offset);
        total += bytes;
        /* I1: who starts where this one ends, or the block does. */
        bool is_followed = offset == bytes;
        for (size_t i = 0; i < n->count && !is_followed; i++)
            is_followed = packed_node_offset(n, i) == offset - bytes;
        must(is_followed);
    }
    must(total == n->used); /* I1 */
}
