/* stream_node.c: the format of a node.
 *
 * Entries of one stream mostly have the same fields, and IDs near each other. So a node begins with a *master entry*,
 * the fields of its first entry, and an entry says only in what it differs. The elements of the listpack are those of Redis's
 * format, so that a dumped stream is a copy of its nodes:
 *
 *   master   live  deleted  field-count  field ...  0
 *   entry    flags  ms-difference  seq-difference  [pair-count]  body ...  count
 *
 *   live, deleted   how many entries of each kind follow
 *   flags           1: deleted, 2: the fields are the master's. With 2 there is no pair-count, and the body is the values;
 *                   else the body is field, value, field, value ...
 *   differences     to the ID of the node's first entry, each modulo 2^64
 *   count           elements of this entry before it, so that one can walk from the right; the 0 of the master entry ends
 *                   such a walk
 *
 *   I1  live and deleted are the numbers of entries without and with the mark.
 *   I2  IDs ascend strictly from entry to entry; the first differences are 0.
 *   I3  every count is what it should be.
 *
 * Cost: appending O(entry) and a comparison of the fields; everything else walks. Nodes are kept short by whoever
 * appends. */
#include "core/value/stream_node.h"

#include "core/value/stream.h"

enum {
    FLAG_DELETED = 1,
    FLAG_SHARED = 2,
    ENTRY_FIXED = 3, /* flags and the two differences */
};

/* The number at an element that must be one. */
static int64_t get_int(const unsigned char *at) {
    int64_t value = 0;
    bool is_int = listpack_get_int(at, &value);
    must(is_int);
    return value;
}

static const unsigned char *skip(const unsigned char *lp, const unsigned char *at, size_t count) {
    for (size_t i = 0; i < count; i++)
        at = listpack_next(lp, at);
    return at;
}

/* ---- reading ---- */

void stream_node_head(const unsigned char *lp, struct stream_node_head *head) {
    const unsigned char *at = listpack_first(lp);
    head->live = (size_t)get_int(at);
    at = listpack_next(lp, at);
    head->deleted = (size_t)get_int(at);
    at = listpack_next(lp, at);
    head->field_count = (size_t)get_int(at);
    head->fields = listpack_next(lp, at);
}

const unsigned char *stream_node_first(const unsigned char *lp, const struct stream_node_head *head) {
    return skip(lp, head->fields, head->field_count + 1);
}

void stream_node_entry(const unsigned char *lp, const struct stream_node_head *head, struct stream_id first,
                       const unsigned char *flags, struct stream_node_entry *e) {
    int64_t bits = get_int(flags);
    const unsigned char *at = listpack_next(lp, flags);
    e->flags = flags;
    e->is_deleted = (bits & FLAG_DELETED) != 0;
    e->is_shared = (bits & FLAG_SHARED) != 0;
    e->id.ms = first.ms + (uint64_t)get_int(at);
    at = listpack_next(lp, at);
    e->id.seq = first.seq + (uint64_t)get_int(at);
    at = listpack_next(lp, at);
    if (e->is_shared) {
        e->pair_count = e->body_count = head->field_count;
    } else {
        e->pair_count = (size_t)get_int(at);
        e->body_count = 2 * e->pair_count;
        at = listpack_next(lp, at);
    }
    e->body = at;
}

const unsigned char *stream_node_behind(const unsigned char *lp, const struct stream_node_entry *e) {
    return skip(lp, e->body, e->body_count + 1);
}

const unsigned char *stream_node_begin(const unsigned char *lp, const unsigned char *count) {
    int64_t back = get_int(count);
    if (back == 0)
        return NULL;
    for (; back > 0; back--)
        count = listpack_prev(lp, count);
    return count;
}

/* ---- writing ---- */

unsigned char *stream_node_new(const struct bytes *pairs, size_t pair_count) {
    size_t bytes = LISTPACK_EMPTY_BYTES + 32;
    for (size_t i = 0; i < pair_count; i++)
        bytes += pairs[2 * i].len + pairs[2 * i + 1].len + 4;
    unsigned char *lp = listpack_new(bytes);
    lp = listpack_append_int(lp, 0);
    lp = listpack_append_int(lp, 0);
    lp = listpack_append_int(lp, (int64_t)pair_count);
    for (size_t i = 0; i < pair_count; i++)
        lp = listpack_append(lp, pairs[2 * i]);
    return listpack_append_int(lp, 0);
}

/* True if the fields are those of the master entry. */
static bool is_shared(const unsigned char *lp, const struct stream_node_head *head, const struct bytes *pairs,
                      size_t pair_count) {
    const unsigned char *field = head->fields;
    if (head->field_count != pair_count)
        return false;
    for (size_t i = 0; i < pair_count; i++) {
        if (!listpack_equals(field, pairs[2 * i]))
            return false;
        field = listpack_next(lp, field);
    }
    return true;
}

unsigned char *stream_node_append(unsigned char *lp, struct stream_id first, struct stream_id id,
                                  const struct bytes *pairs, size_t pair_count) {
    struct stream_node_head head;
    stream_node_head(lp, &head);
    bool shared = is_shared(lp, &head, pairs, pair_count);
    lp = listpack_append_int(lp, shared ? FLAG_SHARED : 0);
    lp = listpack_append_int(lp, (int64_t)(id.ms - first.ms));
    lp = listpack_append_int(lp, (int64_t)(id.seq - first.seq));
    if (!shared)
        lp = listpack_append_int(lp, (int64_t)pair_count);
    for (size_t i = 0; i < pair_count; i++) {
        if (!shared)
            lp = listpack_append(lp, pairs[2 * i]);
        lp = listpack_append(lp, pairs[2 * i + 1]);
    }
    lp =
        listpack_append_int(lp, (int64_t)(ENTRY_FIXED + pair_count + (shared ? 0 : pair_count + 1))); /* I3 */
    unsigned char *live = listpack_first(lp);
    return listpack_replace_int(lp, &live, (int64_t)head.live + 1); /* I1 */
}

unsigned char *stream_node_mark(unsigned char *lp, unsigned char **flags) {
    return listpack_replace_int(lp, flags, get_int(*flags) | FLAG_DELETED);
}

unsigned char *stream_node_set_counts(unsigned char *lp, size_t live, size_t deleted) {
    unsigned char *at = listpack_first(lp);
    lp = listpack_replace_int(lp, &at, (int64_t)live);
    at = listpack_next(lp, at);
    return listpack_replace_int(lp, &at, (int64_t)deleted);
}

/* ---- trust ---- */

/* Walks over a stranger's elements; each function fails at the end and at what is not a number. */
struct stranger {
    const unsigned char *lp;
    const unsigned char *at;
    size_t elements; /* of the whole listpack: no count can be larger */
};

static bool take_int(struct stranger *s, int64_t *value_out) {
    if (s->at == NULL || !listpack_get_int(s->at, value_out))
        return false;
    s->at = listpack_next(s->lp, s->at);
    return true;
}

static bool take_count(struct stranger *s, size_t *count_out) {
    int64_t value;
    if (!take_int(s, &value) || value < 0 || (uint64_t)value > s->elements)
        return false;
    *count_out = (size_t)value;
    return true;
}

static bool take_any(struct stranger *s, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (s->at == NULL)
            return false;
        s->at = listpack_next(s->lp, s->at);
    }
    return true;
}

static bool take_entry(struct stranger *s, size_t field_count, struct stream_id first,
                       struct stream_id *id_out, bool *is_deleted_out) {
    int64_t flags;
    int64_t ms;
    int64_t seq;
    size_t pairs = field_count;
    size_t count;
    if (!take_int(s, &flags) || !take_int(s, &ms) || !take_int(s, &seq))
        return false;
    *id_out = (struct stream_id){first.ms + (uint64_t)ms, first.seq + (uint64_t)seq};
    *is_deleted_out = (flags & FLAG_DELETED) != 0;
    bool shared = (flags & FLAG_SHARED) != 0;
    if (!shared && !take_count(s, &pairs))
        return false;
    return take_any(s, shared ? pairs : 2 * pairs) && take_count(s, &count) &&
           count == ENTRY_FIXED + pairs + (shared ? 0 : pairs + 1); /* I3 */
}

bool stream_node_is_sound(const unsigned char *lp, size_t size, struct stream_id first, uint64_t *live_out,
                          struct stream_id *last_out) {
    size_t live;
    size_t deleted;
    size_t field_count;
    int64_t zero;
    *live_out = 0;
    *last_out = first;
    if (!listpack_is_sound(lp, size))
        return false;
    struct stranger s = {lp, listpack_first(lp), listpack_count(lp)};
    if (!take_count(&s, &live) || !take_count(&s, &deleted) || !take_count(&s, &field_count) ||
        !take_any(&s, field_count) || !take_int(&s, &zero) || zero != 0 || live == 0)
        return false;
    struct stream_id before = first;
    size_t seen_deleted = 0;
    for (size_t i = 0; i < live + deleted; i++) {
        struct stream_id id;
        bool is_deleted;
        if (!take_entry(&s, field_count, first, &id, &is_deleted))
            return false;
        int order = stream_id_compare(id, before);
        if (i == 0 ? order != 0 : order <= 0) /* I2 */
            return false;
        before = id;
        seen_deleted += is_deleted ? 1 : 0;
    }
    *live_out = live;
    *last_out = before;
    return s.at == NULL && seen_deleted == deleted; /* I1 */
}
