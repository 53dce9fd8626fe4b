/* packed_table.c: linear hashing over packed nodes.
 *
 * The items stand in nodes (packed_node.h), some LOAD to a node. With N nodes, 2^L <= N < 2^(L+1), an item's node is the
 * low L+1 bits of its hash, or the low L bits if that is N or more. To grow, node N - 2^L is split by one more bit of
 * its items' hashes into itself and node N; to shrink, the last node is joined with the one it was split from. So the table
 * is always in the middle of growing, a few hundred bytes at a time, and never holds its items twice. Nodes that were not
 * split yet hold twice as many items as the others, which costs nothing, because a node is as large as its items.
 *
 *   chunks[0] -> | node | node | ... 64 |      chunks[1] -> | node | ... |
 *                    |
 *                    v
 *                 [count size | tags | offsets |  free  | records]
 *
 * The directory of nodes is cut into chunks, so that it grows without copying; the first chunk grows by doubling, so that
 * a table of a few items has no large directory.
 *
 * I1  Every item is in the node that its hash names, once; its tag is the upper 8 bits of its hash.
 * I2  count, expiring, outside (long items) and bytes are exact.
 * I3  No node holds more than `fullest` items. A random item is drawn by choosing among node_count * fullest places until
 *     one is taken: every item is equally likely. `fullest` falls again because every node is made anew while the
 *     number of nodes goes from one power of two to another, and the most since then is counted in fullest_since.
 * I4  chunk_mins[c] is not later than the time of any item in chunk c, and expire_min not later than any item's. They are
 *     lowered at once, and raised only when packed_table_expire_step has looked at a whole chunk.
 * I5  The load is at most LOAD, and at least LOAD / 2 after a removal, unless there is one node.
 *
 * Scanning goes through the nodes in the order of their numbers' reversed bits. In that order the two halves of a split
 * stand next to each other, so a cursor, which is the number from which on nothing has been visited, means the same
 * before and after a split or a join.
 *
 * Not a table of pointers to items: that is what Redis has, at some 80 bytes for a member of 16. Not open addressing with
 * items in place: their lengths differ. Not larger nodes: what is saved in directory is lost in moving.
 * Cost: about 4 bytes per item beside field and value (tag, offset, length), 1.4 for directory and node header, and what
 * the allocator's classes leave free (about 8 in 100). A split hashes its items again, which is less than one hash per
 * item that is added. */
#include "core/ds/packed_table.h"

#include "core/base/keyhash.h"
#include "core/base/mem.h"
#include "core/ds/packed_node.h"

#include <stdio.h>

enum {
    LOAD = 12,             /* items per node on average, at most */
    CHUNK = 64,            /* nodes per chunk of the directory */
    FIRST_CHUNK_START = 2, /* what the first chunk begins with */
};

struct packed_table {
    struct packed_node ***chunks;
    int64_t *chunk_mins; /* NULL as long as no item ever had a time */
    size_t chunk_count;
    size_t chunk_cap; /* of chunks and chunk_mins */
    size_t first_cap; /* of the first chunk */
    size_t node_count;
    uint64_t mask; /* 2^(L+1) - 1 */
    uint64_t seed;
    size_t count;
    size_t outside;
    size_t expiring;
    size_t bytes;
    int64_t expire_min;
    size_t fullest;
    size_t fullest_since;  /* I3 */
    size_t fullest_border; /* number of nodes at which fullest_since began */
    bool has_values;
};

/* ---- directory ---- */

static struct packed_node **node_ref(const struct packed_table *t, size_t index) {
    return &t->chunks[index / CHUNK][index % CHUNK];
}

static size_t node_index(const struct packed_table *t, uint64_t hash) {
    uint64_t index = hash & t->mask;
    return (size_t)(index < t->node_count ? index : index & t->mask >> 1);
}

static uint8_t hash_tag(uint64_t hash) {
    return (uint8_t)(hash >> 56);
}

/* Puts a node into its place; the one that was there has been counted off. */
static void node_put(struct packed_table *t, size_t index, struct packed_node *n) {
    size_t count = packed_node_count(n);
    *node_ref(t, index) = n;
    t->bytes += packed_node_bytes(n); /* I2 */
    t->fullest = count > t->fullest ? count : t->fullest;
    t->fullest_since = count > t->fullest_since ? count : t->fullest_since;
}

/* The node at a place, counted off: it will be changed and put back. */
static struct packed_node *node_take(struct packed_table *t, size_t index) {
    struct packed_node *n = *node_ref(t, index);
    t->bytes -= packed_node_bytes(n);
    return n;
}

static void *counted_alloc(struct packed_table *t, size_t bytes) {
    void *block = mem_alloc(bytes);
    t->bytes += mem_usable(block);
    return block;
}

static void *counted_realloc(struct packed_table *t, void *block, size_t bytes) {
    if (block != NULL)
        t->bytes -= mem_usable(block);
    block = mem_realloc(block, bytes);
    t->bytes += mem_usable(block);
    return block;
}

static void counted_free(struct packed_table *t, void *block) {
    t->bytes -= mem_usable(block);
    mem_free(block);
}

static void directory_set_cap(struct packed_table *t, size_t cap) {
    t->chunks = counted_realloc(t, t->chunks, cap * sizeof *t->chunks);
    if (t->chunk_mins != NULL)
        t->chunk_mins = counted_realloc(t, t->chunk_mins, cap * sizeof *t->chunk_mins);
    t->chunk_cap = cap;
}

/* Makes a place for one more node. */
static void directory_push(struct packed_table *t) {
    size_t index = t->node_count;
    if (index % CHUNK == 0) {
        if (t->chunk_count == t->chunk_cap)
            directory_set_cap(t, t->chunk_cap == 0 ? 1 : t->chunk_cap * 2);
        size_t cap = index == 0 ? FIRST_CHUNK_START : CHUNK;
        if (index == 0)
            t->first_cap = cap;
        t->chunks[t->chunk_count] = counted_alloc(t, cap * sizeof(struct packed_node *));
        if (t->chunk_mins != NULL)
            t->chunk_mins[t->chunk_count] = PACKED_NO_EXPIRE;
        t->chunk_count++;
    } else if (index == t->first_cap && index < CHUNK) {
        t->first_cap *= 2;
        t->chunks[0] = counted_realloc(t, t->chunks[0], t->first_cap * sizeof(struct packed_node *));
    }
    t->node_count++;
    *node_ref(t, index) = NULL;
}

/* Takes the last place away, which is empty. */
static void directory_pop(struct packed_table *t) {
    t->node_count--;
    if (t->node_count % CHUNK == 0 && t->node_count != 0) {
        counted_free(t, t->chunks[--t->chunk_count]);
        if (t->chunk_count <= t->chunk_cap / 4)
            directory_set_cap(t, t->chunk_cap / 2);
    }
}

/* ---- times ---- */

/* An item with this time stands in this node now. */
static void note_expire(struct packed_table *t, size_t node, int64_t expire_ms) {
    if (t->chunk_mins == NULL) {
        t->chunk_mins = counted_alloc(t, t->chunk_cap * sizeof *t->chunk_mins);
        for (size_t c = 0; c < t->chunk_count; c++)
            t->chunk_mins[c] = PACKED_NO_EXPIRE;
    }
    int64_t *min = &t->chunk_mins[node / CHUNK];
    *min = expire_ms < *min ? expire_ms : *min;
    t->expire_min = expire_ms < t->expire_min ? expire_ms : t->expire_min; /* I4 */
}

/* The items of node `from` may stand in node `to` now. */
static void note_expire_moved(struct packed_table *t, size_t from, size_t to) {
    if (t->chunk_mins != NULL && t->chunk_mins[from / CHUNK] != PACKED_NO_EXPIRE)
        note_expire(t, to, t->chunk_mins[from / CHUNK]);
}

/* ---- growing and shrinking ---- */

/* The number of nodes has reached a power of two. */
static void fullest_renew(struct packed_table *t) {
    if (t->fullest_border != t->node_count) { /* I3 */
        t->fullest = t->fullest_since;
        t->fullest_since = 0;
        t->fullest_border = t->node_count;
    }
}

static void grow(struct packed_table *t) {
    size_t to = t->node_count;
    size_t from = to & (size_t)(t->mask >> 1);
    struct packed_node *without;
    struct packed_node *with;
    packed_node_split(node_take(t, from), (t->mask >> 1) + 1, t->seed, t->has_values, &without, &with);
    directory_push(t);
    node_put(t, from, without);
    node_put(t, to, with);
    note_expire_moved(t, from, to);
    if (t->node_count == t->mask + 1) {
        t->mask = t->mask * 2 + 1;
        fullest_renew(t);
    }
}

static void shrink(struct packed_table *t) {
    size_t from = t->node_count - 1;
    if (t->node_count == (t->mask >> 1) + 1)
        t->mask >>= 1;
    size_t to = from & (size_t)(t->mask >> 1);
    struct packed_node *last = node_take(t, from);
    note_expire_moved(t, from, to);
    node_put(t, to, packed_node_join(node_take(t, to), last, t->has_values));
    directory_pop(t);
    if (t->node_count == (t->mask >> 1) + 1)
        fullest_renew(t);
}

/* I5 */
static bool is_too_empty(const struct packed_table *t) {
    return t->node_count > 1 && t->count < t->node_count * (LOAD / 2);
}

/* ---- making and freeing ---- */

struct packed_table *packed_table_new(bool has_values, uint64_t seed) {
    struct packed_table *t = mem_zalloc(sizeof *t);
    t->bytes = mem_usable(t);
    t->mask = 1;
    t->seed = seed;
    t->expire_min = PACKED_NO_EXPIRE;
    t->fullest = t->fullest_since = t->fullest_border = 1;
    t->has_values = has_values;
    directory_push(t);
    return t;
}

/* Frees the blocks of a node's long items; gives their number. */
static size_t free_outside(const struct packed_table *t, struct packed_node *n) {
    size_t freed = 0;
    for (size_t slot = 0; t->outside != 0 && slot < packed_node_count(n); slot++) {
        const unsigned char *record = packed_node_record(n, slot);
        if (packed_record_is_long(record)) {
            mem_free(packed_record_block(record));
            freed++;
        }
    }
    return freed;
}

bool packed_table_free_step(struct packed_table *t, size_t pieces_max) {
    for (size_t pieces = 0; t->node_count > 0; pieces++) {
        if (pieces >= pieces_max)
            return false;
        struct packed_node *n = *node_ref(t, t->node_count - 1);
        pieces += free_outside(t, n);
        mem_free(n);
        directory_pop(t);
    }
    counted_free(t, t->chunks[0]);
    mem_free(t->chunks);
    mem_free(t->chunk_mins);
    mem_free(t);
    return true;
}

void packed_table_free(struct packed_table *t) {
    if (t != NULL)
        must(packed_table_free_step(t, SIZE_MAX));
}

/* Gives the node's long items blocks of their own. */
static void dup_outside(const struct packed_table *t, struct packed_node *n) {
    for (size_t slot = 0; t->outside != 0 && slot < packed_node_count(n); slot++) {
        unsigned char *record = (unsigned char *)n + (packed_node_record(n, slot) - (unsigned char *)n);
        if (!packed_record_is_long(record))
            continue;
        struct packed_item item = packed_record_item(record, t->has_values);
        size_t bytes = PACKED_LONG_HEADER + item.field.len + item.value.len;
        char *block = mem_alloc(bytes);
        memcpy(block, packed_record_block(record), bytes);
        memcpy(record + 1, &block, sizeof(block));
    }
}

struct packed_table *packed_table_dup(const struct packed_table *t) {
    struct packed_table *copy = mem_alloc(sizeof *copy);
    *copy = *t;
    copy->chunks = mem_alloc(t->chunk_cap * sizeof *t->chunks);
    for (size_t c = 0; c < t->chunk_count; c++)
        copy->chunks[c] = mem_alloc((c == 0 ? t->first_cap : CHUNK) * sizeof(struct packed_node *));
    for (size_t i = 0; i < t->node_count; i++) {
        struct packed_node *n = packed_node_copy(*node_ref(t, i));
        dup_outside(t, n);
        *node_ref(copy, i) = n;
    }
    if (t->chunk_mins != NULL) {
        copy->chunk_mins = mem_alloc(t->chunk_cap * sizeof *t->chunk_mins);
        memcpy(copy->chunk_mins, t->chunk_mins, t->chunk_count * sizeof *t->chunk_mins);
    }
    return copy;
}

/* ---- measuring ---- */

size_t packed_table_count(const struct packed_table *t) {
    return t->count;
}

size_t packed_table_bytes(const struct packed_table *t) {
    return t->bytes;
}

size_t packed_table_pieces(const struct packed_table *t) {
    return t->node_count + t->outside + t->chunk_count + 2;
}

size_t packed_table_expiring(const struct packed_table *t) {
    return t->expiring;
}

int64_t packed_table_expire_hint(const struct packed_table *t) {
    return t->expiring == 0 ? PACKED_NO_EXPIRE : t->expire_min;
}

/* ---- records ---- */

/* A record being made: in `text`, not yet in a node. */
struct draft {
    size_t bytes;
    unsigned char text[PACKED_RECORD_MAX];
};

/* Writes the record of an item; a long one gets its block. False: no memory for that. */
static bool draft_make(struct packed_table *t, const struct packed_item *item, struct draft *draft) {
    unsigned char *at = draft->text;
    size_t field_len = item->field.len;
    size_t value_len = t->has_values ? item->value.len : 0;
    if (field_len + value_len <= PACKED_INLINE_MAX) {
        *at++ = (unsigned char)field_len;
        if (t->has_values)
            *at++ = (unsigned char)value_len;
    } else {
        uint32_t lens[2] = {(uint32_t)field_len, (uint32_t)value_len};
        must(lens[0] == field_len);
        must(lens[1] == value_len);
        char *block = mem_try_alloc(PACKED_LONG_HEADER + field_len + value_len);
        if (block == NULL)
            return false;
        t->outside++;
        t->bytes += mem_usable(block);
        *at++ = PACKED_HEAD_LONG;
        memcpy(at, &block, sizeof(block));
        at += sizeof(block);
        memcpy(block, lens, sizeof(lens));
        draft->bytes = (size_t)(at - draft->text);
        at = (unsigned char *)block + PACKED_LONG_HEADER;
    }
    if (field_len != 0)
        memcpy(at, item->field.ptr, field_len);
    if (value_len != 0)
        memcpy(at + field_len, item->value.ptr, value_len);
    if (!packed_record_is_long(draft->text))
        draft->bytes = (size_t)(at - draft->text) + field_len + value_len;
    if (item->expire_ms != PACKED_NO_EXPIRE) {
        draft->text[0] |= PACKED_HEAD_EXPIRES;
        memcpy(draft->text + draft->bytes, &item->expire_ms, 8);
        draft->bytes += 8;
    }
    return true;
}

/* Frees what hangs on a record that is about to go. */
static void record_drop(struct packed_table *t, const unsigned char *record) {
    if (UNLIKELY(packed_record_is_long(record))) {
        counted_free(t, packed_record_block(record));
        t->outside--;
    }
}

static const unsigned char *record_at(const struct packed_table *t, struct packed_at at) {
    dcheck(at.node < t->node_count);
    const struct packed_node *n = *node_ref(t, at.node);
    dcheck(at.slot < packed_node_count(n));
    return packed_node_record(n, at.slot);
}

/* Puts the draft into the place of a record. */
static void record_replace(struct packed_table *t, struct packed_at at, const struct draft *draft) {
    struct packed_node *n = node_take(t, at.node);
    node_put(t, at.node, packed_node_replace(n, at.slot, draft->text, draft->bytes, t->has_values));
}

/* ---- single items ---- */

static bool find_hashed(const struct packed_table *t, struct bytes field, uint64_t hash,
                        struct packed_at *at_out) {
    size_t index = node_index(t, hash);
    int slot = packed_node_find(*node_ref(t, index), hash_tag(hash), field, t->has_values);
    *at_out = (struct packed_at){index, (uint32_t)slot};
    return slot != PACKED_NODE_NO_SLOT;
}

bool packed_table_find(const struct packed_table *t, struct bytes field, struct packed_at *at_out) {
    return find_hashed(t, field, keyhash_hash(field, t->seed), at_out);
}

void packed_table_prefetch(const struct packed_table *t, struct bytes field, unsigned stage) {
    uint64_t hash = keyhash_hash(field, t->seed);
    struct packed_node **ref = node_ref(t, node_index(t, hash));
    if (stage == 0)
        __builtin_prefetch(ref);
    else if (stage == 1 && *ref != NULL)
        __builtin_prefetch(*ref);
    else if (stage == 2 && *ref != NULL)
        packed_node_prefetch(*ref, hash_tag(hash));
}

struct packed_item packed_table_get(const struct packed_table *t, struct packed_at at) {
    return packed_record_item(record_at(t, at), t->has_values);
}

enum packed_result packed_table_add(struct packed_table *t, struct bytes field, struct bytes value,
                                    struct packed_at *at_out) {
    uint64_t hash = keyhash_hash(field, t->seed);
    struct packed_item item = {field, value, PACKED_NO_EXPIRE};
    struct draft draft;
    struct packed_at at;
    if (find_hashed(t, field, hash, &at)) {
        *at_out = at;
        return PACKED_PRESENT;
    }
    if (!draft_make(t, &item, &draft))
        return PACKED_NO_MEMORY;
    t->count++;
    if (t->count > t->node_count * LOAD) { /* I5 */
        grow(t);
        at.node = node_index(t, hash);
    }
    struct packed_node *n = packed_node_add(node_take(t, at.node), hash_tag(hash), draft.text, draft.bytes);
    node_put(t, at.node, n);
    *at_out = (struct packed_at){at.node, n->count - 1u};
    return PACKED_ADDED;
}

/* Overwrites a value of the same length in its place; false: the lengths differ. */
static bool overwrite(const struct packed_item *item, struct bytes value) {
    if (item->value.len != value.len)
        return false;
    char *room;
    memcpy(&room, &item->value.ptr, sizeof(room)); /* the view is const, the table is ours */
    if (value.len != 0)
        memcpy(room, value.ptr, value.len);
    return true;
}

bool packed_table_set_value(struct packed_table *t, struct packed_at *at, struct bytes value) {
    struct packed_item item = packed_table_get(t, *at);
    struct draft draft;
    must(t->has_values);
    if (overwrite(&item, value))
        return true;
    item.value = value;
    if (!draft_make(t, &item, &draft))
        return false;
    record_drop(t, record_at(t, *at));
    record_replace(t, *at, &draft);
    return true;
}

void packed_table_set_expire(struct packed_table *t, struct packed_at *at, int64_t expire_ms) {
    const unsigned char *record = record_at(t, *at);
    struct draft draft;
    bool had = packed_record_expires(record);
    draft.bytes = packed_record_plain_bytes(record, t->has_values);
    memcpy(draft.text, record, draft.bytes);
    draft.text[0] &= (unsigned char)~PACKED_HEAD_EXPIRES;
    if (had)
        t->expiring--;
    if (expire_ms != PACKED_NO_EXPIRE) {
        if (t->expiring++ == 0)
            t->expire_min = PACKED_NO_EXPIRE;
        draft.text[0] |= PACKED_HEAD_EXPIRES;
        memcpy(draft.text + draft.bytes, &expire_ms, 8);
        draft.bytes += 8;
        note_expire(t, at->node, expire_ms);
    } else if (!had) {
        return;
    }
    record_replace(t, *at, &draft);
}

/* Removes an item without shrinking the table. */
static void remove_only(struct packed_table *t, struct packed_at at) {
    const unsigned char *record = record_at(t, at);
    t->count--;
    t->expiring -= packed_record_expires(record);
    record_drop(t, record);
    node_put(t, at.node, packed_node_remove(node_take(t, at.node), at.slot, t->has_values));
}

void packed_table_remove(struct packed_table *t, struct packed_at at) {
    remove_only(t, at);
    if (is_too_empty(t))
        shrink(t);
}

bool packed_table_remove_field(struct packed_table *t, struct bytes field) {
    struct packed_at at;
    bool is_there = packed_table_find(t, field, &at);
    if (is_there)
        packed_table_remove(t, at);
    return is_there;
}

/* ---- many items ---- */

struct packed_at packed_table_random(const struct packed_table *t, struct rng *rng) {
    must(t->count > 0);
    for (;;) { /* I3 */
        uint64_t place = rng_below(rng, (uint64_t)t->node_count * t->fullest);
        struct packed_at at = {(size_t)(place / t->fullest), (uint32_t)(place % t->fullest)};
        if (at.slot < packed_node_count(*node_ref(t, at.node)))
            return at;
    }
}

bool packed_table_next(const struct packed_table *t, struct packed_at *at) {
    at->slot++; /* UINT32_MAX becomes 0 */
    while (at->node < t->node_count && at->slot >= packed_node_count(*node_ref(t, at->node))) {
        at->node++;
        at->slot = 0;
    }
    return at->node < t->node_count;
}

static uint64_t reversed(uint64_t x) {
    x = (x & 0x5555555555555555u) << 1 | (x >> 1 & 0x5555555555555555u);
    x = (x & 0x3333333333333333u) << 2 | (x >> 2 & 0x3333333333333333u);
    x = (x & 0x0f0f0f0f0f0f0f0fu) << 4 | (x >> 4 & 0x0f0f0f0f0f0f0f0fu);
    return __builtin_bswap64(x);
}

uint64_t packed_table_scan(const struct packed_table *t, uint64_t cursor, struct packed_visitor visitor) {
    size_t index = node_index(t, cursor);
    const struct packed_node *n = *node_ref(t, index);
    for (size_t slot = 0; slot < packed_node_count(n); slot++) {
        struct packed_item item = packed_record_item(packed_node_record(n, slot), t->has_values);
        visitor.visit(&item, visitor.ctx);
    }
    uint64_t half = (t->mask >> 1) + 1;
    bool is_split = index >= half || index + half < t->node_count;
    uint64_t bits = is_split ? t->mask : t->mask >> 1; /* of the hash that decide about this node */
    return reversed(reversed((cursor & bits) | ~bits) + 1);
}

/* ---- expiry ---- */

/* Removes what is due in one chunk; false: items_max were removed before all was seen. */
static bool sweep_chunk(struct packed_table *t, size_t chunk, int64_t now_ms, size_t items_max,
                        struct packed_visitor visitor, size_t *removed) {
    int64_t min = PACKED_NO_EXPIRE;
    for (size_t i = chunk * CHUNK; i < (chunk + 1) * CHUNK && i < t->node_count; i++) {
        for (size_t slot = packed_node_count(*node_ref(t, i)); slot-- > 0;) {
            struct packed_at at = {i, (uint32_t)slot};
            int64_t expire_ms = packed_record_expire_ms(record_at(t, at), t->has_values);
            if (expire_ms > now_ms || expire_ms == PACKED_NO_EXPIRE) {
                min = expire_ms < min ? expire_ms : min;
                continue;
            }
            if (*removed >= items_max)
                return false;
            struct packed_item item = packed_table_get(t, at);
            visitor.visit(&item, visitor.ctx);
            remove_only(t, at); /* the last item, seen already, takes this slot */
            ++*removed;
        }
    }
    t->chunk_mins[chunk] = min;
    return true;
}

bool packed_table_expire_step(struct packed_table *t, int64_t now_ms, size_t items_max,
                              struct packed_visitor visitor) {
    size_t removed = 0;
    int64_t min = PACKED_NO_EXPIRE;
    bool is_done = true;
    if (packed_table_expire_hint(t) > now_ms || t->expiring == 0)
        return true;
    for (size_t c = 0; c < t->chunk_count && is_done; c++) {
        if (t->chunk_mins[c] <= now_ms)
            is_done = sweep_chunk(t, c, now_ms, items_max, visitor, &removed);
        min = t->chunk_mins[c] < min ? t->chunk_mins[c] : min;
    }
    if (is_done)
        t->expire_min = min; /* I4 */
    while (is_too_empty(t))
        shrink(t);
    return is_done;
}

/* ---- trust ---- */

/* Verifies one node and adds what is in it to the sums. */
static void check_node(const struct packed_table *t, size_t index, size_t *count, size_t *outside,
                       size_t *expiring, size_t *bytes) {
    const struct packed_node *n = *node_ref(t, index);
    packed_node_check(n, t->has_values);
    must(packed_node_count(n) <= t->fullest); /* I3 */
    *count += packed_node_count(n);
    *bytes += packed_node_bytes(n);
    for (size_t slot = 0; slot < packed_node_count(n); slot++) {
        const unsigned char *record = packed_node_record(n, slot);
        struct packed_item item = packed_record_item(record, t->has_values);
        struct packed_at at;
        must(packed_table_find(t, item.field, &at)); /* I1 */
        must(at.node == index);
        must(at.slot == slot);
        if (packed_record_is_long(record)) {
            *outside += 1;
            *bytes += mem_usable(packed_record_block(record));
        }
        if (packed_record_expires(record)) {
            *expiring += 1;
            must(t->chunk_mins[index / CHUNK] <= item.expire_ms); /* I4 */
            must(t->expire_min <= item.expire_ms);
        }
    }
}

void packed_table_check(const struct packed_table *t) {
    size_t count = 0;
    size_t outside = 0;
    size_t expiring = 0;
    size_t bytes = mem_usable(t) + mem_usable(t->chunks);
    if (t->chunk_mins != NULL)
        bytes += mem_usable(t->chunk_mins);
    must(t->node_count > t->mask >> 1);
    must(t->node_count <= t->mask);
    must(t->chunk_count == (t->node_count + CHUNK - 1) / CHUNK);
    for (size_t c = 0; c < t->chunk_count; c++)
        bytes += mem_usable(t->chunks[c]);
    for (size_t i = 0; i < t->node_count; i++)
        check_node(t, i, &count, &outside, &expiring, &bytes);
    must(count == t->count); /* I2 */
    must(outside == t->outside);
    must(expiring == t->expiring);
    must(bytes == t->bytes);
    must(t->count <= t->node_count * LOAD); /* I5 */
}

void packed_table_dump(const struct packed_table *t) {
    size_t node_bytes = 0;
    size_t used = 0;
    for (size_t i = 0; i < t->node_count; i++) {
        const struct packed_node *n = *node_ref(t, i);
        node_bytes += packed_node_bytes(n);
        used += n == NULL ? 0 : n->used;
    }
    fprintf(
        stderr,
        "packed_table %p: %zu items (%zu long, %zu expiring) in %zu nodes, fullest %zu; %zu bytes, %zu of "
        "them nodes, of which records use %zu\n",
        (const void *)t, t->count, t->outside, t->expiring, t->node_count, t->fullest, t->bytes, node_bytes,
        used);
}
