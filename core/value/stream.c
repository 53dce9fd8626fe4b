/* stream.c: the log of a stream.
 *
 * Problem: entries arrive at the end, one by one and fast; they are read from any ID on; they are dropped at the front,
 * and now and then deleted in between. An entry is small, so nothing may be allocated for one.
 *
 * Structure: nodes of some hundred entries (stream_node.c), found through an ordered set by the ID of their first entry
 * (core/ds/ordset.h). Appending touches the last node only; dropping at the front frees whole nodes.
 *
 *   I1  s->length is the sum of the nodes' live entries. No node is without a live entry.
 *   I2  IDs ascend strictly through the log, and none is greater than last_id.
 *   I3  first_id is the ID of the first live entry; 0-0 when there is none.
 *   I4  s->bytes is the usable bytes of the stream, its nodes, its sets, its groups and its producers.
 *
 * Why marks instead of removal from the middle of a node: a removal moves the rest of the node, and the differences of IDs
 * would have to stay relative to the node's ID anyway. What marks waste goes with the node.
 *
 * Cost: appending O(entry) amortised; a lookup O(log nodes + node); dropping a node O(log nodes). */
#include "core/value/stream.h"

#include "core/base/mem.h"
#include "core/value/stream_group.h"
#include "core/value/stream_iter.h"
#include "core/value/stream_node.h"

enum {
    PROBE_BYTES = 1 << 16,   /* entries of this size and more are refused when there is no memory for them */
    NODE_OVERHEAD_MAX = 128, /* bytes of a node with one entry beyond its strings and their overhead */
};

static const struct ordset_type node_type = {sizeof(struct stream_node), sizeof(struct stream_id), NULL};

struct stream *stream_new(void) {
    struct stream *s = mem_zalloc(sizeof(*s));
    s->bytes = mem_usable(s); /* I4 */
    ordset_init(&s->log, &node_type, &s->bytes);
    stream_groups_init(s);
    return s;
}

/* ---- nodes ---- */

/* Puts a changed node in the old one's place. `before` are its usable bytes before the change. */
static void node_put(struct stream *s, struct stream_node *node, unsigned char *lp, size_t before) {
    node->lp = lp;
    s->bytes += mem_usable(lp) - before; /* I4 */
}

static void node_remove(struct stream *s, const struct stream_node *node) {
    struct stream_id first = node->first;
    s->bytes -= mem_usable(node->lp); /* I4 */
    listpack_free(node->lp);
    ordset_remove(&s->log, &first, NULL);
}

void stream_put_node(struct stream *s, struct stream_id first, unsigned char *lp, uint64_t live) {
    struct stream_node node = {first, lp};
    ordset_add(&s->log, &node, &node);
    s->bytes += mem_usable(lp); /* I4 */
    s->length += live;          /* I1 */
}

void stream_settle(struct stream *s) {
    struct stream_iter it;
    stream_iter_init(&it, s, STREAM_ID_MIN, STREAM_ID_MAX, false);
    s->first_id = stream_iter_next(&it) ? it.id : STREAM_ID_MIN; /* I3 */
}

/* ---- adding ---- */

static size_t pairs_bytes(const struct bytes *pairs, size_t pair_count) {
    size_t bytes = 0;
    for (size_t i = 0; i < 2 * pair_count; i++)
        bytes += pairs[i].len;
    return bytes;
}

/* True if an entry of so many bytes still belongs into the node. */
static bool node_has_room(const unsigned char *lp, size_t bytes, struct stream_node_limits limits) {
    struct stream_node_head head;
    uint64_t max =
        limits.bytes == 0 || limits.bytes > STREAM_NODE_BYTES_LIMIT ? STREAM_NODE_BYTES_LIMIT : limits.bytes;
    if (listpack_bytes(lp) + bytes >= max)
        return false;
    if (limits.entries == 0)
        return true;
    stream_node_head(lp, &head);
    return head.live + head.deleted < limits.entries;
}

/* True if there is memory for an entry of so many bytes and its node. */
static bool has_memory(size_t bytes) {
    if (LIKELY(bytes < PROBE_BYTES))
        return true;
    void *probe = mem_try_alloc(2 * bytes);
    mem_free(probe);
    return probe != NULL;
}

enum stream_append stream_append(struct stream *s, struct stream_id id, const struct bytes *pairs,
                                 size_t pair_count, struct stream_node_limits limits) {
    size_t bytes = pairs_bytes(pairs, pair_count);
    must(stream_id_compare(id, s->last_id) > 0); /* I2 */
    if (bytes + pair_count * 2 * LISTPACK_ELEMENT_OVERHEAD_MAX + NODE_OVERHEAD_MAX > STREAM_NODE_BYTES_LIMIT)
        return STREAM_APPEND_TOO_BIG;
    if (!has_memory(bytes))
        return STREAM_APPEND_NO_MEMORY;
    struct stream_node *node = ordset_last(&s->log);
    if (node == NULL || !node_has_room(node->lp, bytes, limits)) {
        if (node != NULL) {
            size_t before = mem_usable(node->lp);
            node_put(s, node, listpack_shrink(node->lp), before);
        }
        stream_put_node(s, id, stream_node_new(pairs, pair_count), 0);
        node = ordset_last(&s->log);
    }
    size_t before = mem_usable(node->lp);
    node_put(s, node, stream_node_append(node->lp, node->first, id, pairs, pair_count), before);
    s->length++; /* I1 */
    s->entries_added++;
    s->last_id = id;
    if (s->length == 1)
        s->first_id = id; /* I3 */
    return STREAM_APPENDED;
}

/* ---- deleting ---- */

bool stream_delete(struct stream *s, struct stream_id id) {
    struct stream_iter it;
    stream_iter_init(&it, s, id, id, false);
    if (!stream_iter_next(&it))
        return false;
    struct stream_node *node = ordset_item(&it.place);
    struct stream_node_head head;
    stream_node_head(node->lp, &head);
    if (head.live == 1) {
        node_remove(s, node); /* I1 */
    } else {
        size_t before = mem_usable(node->lp);
        unsigned char *flags = (unsigned char *)it.flags;
        unsigned char *lp = stream_node_mark(node->lp, &flags);
        node_put(s, node, stream_node_set_counts(lp, head.live - 1, head.deleted + 1), before);
    }
    s->length--;
    if (stream_id_compare(id, s->max_deleted_id) > 0)
        s->max_deleted_id = id;
    if (stream_id_compare(id, s->first_id) == 0)
        stream_settle(s); /* I3 */
    return true;
}

/* ---- trimming ---- */

static bool is_trimmed_enough(const struct stream *s, const struct stream_trim *how, struct stream_id next) {
    if (how->by == STREAM_TRIM_MAXLEN)
        return s->length <= how->max_length;
    return stream_id_compare(next, how->min_id) >= 0;
}

/* True if the entry may go, and its references with it. */
static bool let_go(struct stream *s, enum stream_refs refs, struct stream_id id) {
    if (refs == STREAM_ACKED)
        return !stream_is_needed(s, id);
    if (refs == STREAM_DELREF)
        stream_forget(s, id);
    return true;
}

/* ID of the last entry of a node, deleted or not. */
static struct stream_id node_last_id(const struct stream_node *node) {
    struct stream_node_head head;
    struct stream_node_entry entry;
    stream_node_head(node->lp, &head);
    const unsigned char *flags = stream_node_begin(node->lp, listpack_last(node->lp));
    stream_node_entry(node->lp, &head, node->first, flags, &entry);
    return entry.id;
}

/* Marks what may go of a node's entries, as far as trimming wants; gives how many. A node without live entries is
 * removed. */
static uint64_t trim_node(struct stream *s, struct stream_node *node, const struct stream_trim *how) {
    struct stream_node_head head;
    size_t before = mem_usable(node->lp);
    unsigned char *lp = node->lp;
    stream_node_head(lp, &head);
    size_t live = head.live;
    const unsigned char *flags = stream_node_first(lp, &head);
    while (flags != NULL && live > 0) {
        struct stream_node_entry entry;
        stream_node_entry(lp, &head, node->first, flags, &entry);
        if (is_trimmed_enough(s, how, entry.id))
            break;
        if (!entry.is_deleted && let_go(s, how->refs, entry.id)) {
            size_t offset = (size_t)(flags - lp);
            unsigned char *place = (unsigned char *)flags;
            lp = stream_node_mark(lp, &place);
            flags = lp + offset; /* a number below 128 takes one byte, whichever it is */
            stream_node_entry(lp, &head, node->first, flags, &entry);
            live--;
            s->length--;
        }
        flags = stream_node_behind(lp, &entry);
    }
    uint64_t deleted = head.live - live;
    node_put(s, node, stream_node_set_counts(lp, live, head.deleted + deleted), before);
    if (live == 0)
        node_remove(s, node); /* I1 */
    return deleted;
}

/* True if no entry of the node is to stay. */
static bool is_node_wanted_whole(const struct stream *s, const struct stream_node *node, size_t live,
                                 const struct stream_trim *how) {
    if (how->by == STREAM_TRIM_MAXLEN)
        return s->length >= how->max_length + live;
    return stream_id_compare(node_last_id(node), how->min_id) < 0;
}

uint64_t stream_trim(struct stream *s, const struct stream_trim *how) {
    uint64_t deleted = 0;
    struct ordset_place place;
    if (how->by == STREAM_TRIM_NONE)
        return 0;
    struct stream_node *node = ordset_seek_first(&s->log, &place);
    while (node != NULL) {
        struct stream_node_head head;
        struct stream_id first = node->first;
        stream_node_head(node->lp, &head);
        if (how->by == STREAM_TRIM_MAXLEN && s->length <= how->max_length)
            break;
        if (how->limit != 0 && deleted + head.live > how->limit)
            break;
        bool is_whole = is_node_wanted_whole(s, node, head.live, how);
        if (is_whole && how->refs == STREAM_KEEPREF) {
            node_remove(s, node);
            s->length -= head.live;
            deleted += head.live;
        } else if (is_whole || !how->is_approx) {
            deleted += trim_node(s, node, how);
        }
        /* What stays of this node because groups need it does not keep later ones. */
        if (!is_whole && (how->is_approx || how->refs != STREAM_ACKED || how->by == STREAM_TRIM_MINID))
            break;
        node = ordset_seek_ge(&s->log, &first, &place);
        if (node != NULL && stream_id_compare(node->first, first) == 0)
            node = ordset_next(&place);
    }
    if (deleted != 0)
        stream_settle(s); /* I3 */
    return deleted;
}

/* ---- looking ---- */

bool stream_has(const struct stream *s, struct stream_id id) {
    struct stream_iter it;
    stream_iter_init(&it, s, id, id, false);
    return stream_iter_next(&it);
}

struct stream_id stream_last_entry_id(const struct stream *s) {
    struct stream_iter it;
    stream_iter_init(&it, s, STREAM_ID_MIN, STREAM_ID_MAX, true);
    return stream_iter_next(&it) ? it.id : STREAM_ID_MIN;
}

bool stream_has_holes_from(const struct stream *s, struct stream_id from) {
    return s->length != 0 && !stream_id_is_zero(s->max_deleted_id) &&
           stream_id_compare(from, s->max_deleted_id) <= 0;
}

int64_t stream_count_until(const struct stream *s, struct stream_id id) {
    int64_t added = (int64_t)s->entries_added;
    if (s->entries_added == 0)
        return 0;
    int to_last = stream_id_compare(id, s->last_id);
    if (s->length == 0 && to_last <= 0)
        return added;
    if (!stream_id_is_zero(id) && stream_id_compare(id, s->max_deleted_id) < 0)
        return -1;
    if (to_last == 0)
        return added;
    if (to_last > 0)
        return -1;
    if (!stream_id_is_zero(s->max_deleted_id) && stream_id_compare(s->max_deleted_id, s->first_id) >= 0)
        return -1;
    int to_first = stream_id_compare(id, s->first_id);
    if (to_first > 0)
        return -1;
    return added - (int64_t)s->length + (to_first == 0 ? 1 : 0);
}
