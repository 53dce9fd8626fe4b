/* stream_iter.c: walking a log.
 *
 * Forwards, entry after entry is parsed; the elements of an entry that nobody read are skipped when the next one is
 * wanted. Backwards, the count at an entry's end says where it begins, from where it is parsed forwards. The first node is
 * found through the ordered set; within it, the walk is linear, which is why nodes are short.
 *
 * Cost: O(log nodes) to begin, then O(elements) for what is met, plus the entries of one node before the first hit. */
#include "core/value/stream_iter.h"

#include "core/value/stream_node.h"

static const struct stream_node *node_of(const struct stream_iter *it) {
    return ordset_item(&it->place);
}

void stream_iter_init(struct stream_iter *it, const struct stream *s, struct stream_id start,
                      struct stream_id end, bool is_reverse) {
    it->start = start;
    it->end = end;
    it->is_reverse = is_reverse;
    it->lp = NULL;
    if (is_reverse)
        ordset_seek_le(&s->log, &end, &it->place);
    else if (ordset_seek_le(&s->log, &start, &it->place) == NULL)
        ordset_seek_first(&s->log, &it->place);
}

/* Enters the node that the place is at. */
static void enter(struct stream_iter *it) {
    struct stream_node_head head;
    it->lp = node_of(it)->lp;
    stream_node_head(it->lp, &head);
    it->fields = head.fields;
    it->master_count = head.field_count;
    it->flags = NULL;
    it->ahead = it->is_reverse ? listpack_last(it->lp) : stream_node_first(it->lp, &head);
}

static void leave(struct stream_iter *it) {
    it->lp = NULL;
    if (it->is_reverse)
        ordset_prev(&it->place);
    else
        ordset_next(&it->place);
}

/* Where the next entry of the node begins; NULL: there is none. */
static const unsigned char *find_next(struct stream_iter *it) {
    if (it->is_reverse) {
        if (it->flags != NULL)
            it->ahead = listpack_prev(it->lp, it->flags);
        return stream_node_begin(it->lp, it->ahead);
    }
    if (it->flags == NULL)
        return it->ahead;
    for (size_t i = 0; i <= it->unread; i++) /* and the count */
        it->at = listpack_next(it->lp, it->at);
    return it->at;
}

/* Parses the entry at `flags`; false: it is deleted. */
static bool parse(struct stream_iter *it, const unsigned char *flags) {
    struct stream_node_head head = {.field_count = it->master_count};
    struct stream_node_entry entry;
    stream_node_entry(it->lp, &head, node_of(it)->first, flags, &entry);
    it->id = entry.id;
    it->flags = flags;
    it->is_shared = entry.is_shared;
    it->pair_count = entry.pair_count;
    it->unread = entry.body_count;
    it->at = entry.body;
    it->field = it->fields;
    return !entry.is_deleted;
}

bool stream_iter_next(struct stream_iter *it) {
    while (it->lp != NULL || it->place.is_valid) {
        if (it->lp == NULL)
            enter(it);
        const unsigned char *flags = find_next(it);
        if (flags == NULL) {
            leave(it);
            continue;
        }
        if (!parse(it, flags))
            continue;
        bool is_late = stream_id_compare(it->id, it->end) > 0;
        bool is_early = stream_id_compare(it->id, it->start) < 0;
        if (!is_late && !is_early)
            return true;
        if (it->is_reverse ? is_early : is_late)
            return false;
    }
    return false;
}

void stream_iter_pair(struct stream_iter *it, struct bytes *field_out, struct bytes *value_out) {
    dcheck(it->unread > 0);
    if (it->is_shared) {
        *field_out = listpack_get(it->field, it->field_text);
        it->field = listpack_next(it->lp, it->field);
        it->unread--;
    } else {
        *field_out = listpack_get(it->at, it->field_text);
        it->at = listpack_next(it->lp, it->at);
        it->unread -= 2;
    }
    *value_out = listpack_get(it->at, it->value_text);
    it->at = listpack_next(it->lp, it->at);
}
