/* qlist_edit.c: changing a list anywhere.
 *
 * An element that comes into a full node splits the node in halves, as in a B-tree, so that many insertions at one place
 * leave nodes at least half full; only an element with a node of its own splits a node just where it goes. Compressed
 * nodes are unpacked, changed, and packed again when they are still far from both ends.
 *
 * A change that may fail (a long element, no memory) gets its memory before it touches anything. */
#include "core/ds/qlist_internal.h"

#include "core/base/mem.h"

/* Splits a packed node in front of its element `offset` (neither the first nor behind the last); gives the second half's
 * place. */
static struct qlist_place split_node(struct qlist *q, struct qlist_place at, size_t offset) {
    struct qlist_node *node = qlist__node(at);
    size_t count = node->count;
    unsigned char *left = qlist_node_take(node, &q->bytes);
    unsigned char *right = listpack_remove_range(listpack_dup(left), 0, offset);
    left = listpack_shrink(listpack_remove_range(left, (int64_t)offset, count - offset));
    qlist_node_put(node, left, &q->bytes);
    qlist__count(q, at, 0, count - offset);
    struct qlist_place next = qlist__next(at);
    if (next.span != at.span) /* stay in this span, behind its last node */
        next = (struct qlist_place){at.span, at.slot + 1};
    return qlist__add_node(q, next, qlist_node_of(listpack_shrink(right), &q->bytes));
}

/* The place behind `at`, for a node that is to be added there. */
static struct qlist_place behind(struct qlist_place at) {
    return (struct qlist_place){at.span, at.slot + 1};
}

/* Puts a long element, whose node is ready, in front of element `offset` of the node at `at`. */
static void insert_node(struct qlist *q, struct qlist_place at, size_t offset, struct qlist_node node) {
    size_t count = qlist__node(at)->count;
    if (offset > 0 && offset < count) {
        qlist_node_expand(qlist__node(at), &q->bytes);
        at = split_node(q, at, offset);
        offset = 0;
    }
    qlist__add_node(q, offset == 0 ? at : behind(at), node);
}

/* Puts an element into a packed node that has room for it. */
static void insert_packed(struct qlist *q, struct qlist_place at, size_t offset, struct bytes value) {
    struct qlist_node *node = qlist__node(at);
    if (offset == 0 || offset == node->count) {
        qlist_node_push(node, offset == 0 ? QLIST_HEAD : QLIST_TAIL, value, q->limits.bytes_max, &q->bytes);
    } else {
        unsigned char *lp = qlist_node_take(node, &q->bytes);
        unsigned char *place = listpack_at(lp, (int64_t)offset);
        lp = listpack_insert(lp, &place, value);
        qlist_node_put(node, lp, &q->bytes);
    }
    qlist__count(q, at, 1, 0);
}

/* Puts a short element in front of element `offset` of the node at `at`, or behind its last. */
static void insert_short(struct qlist *q, struct qlist_place at, size_t offset, struct bytes value) {
    for (;;) {
        struct qlist_node *node = qlist__node(at);
        qlist_node_expand(node, &q->bytes);
        if (qlist_node_allows(node, &q->limits, value.len)) {
            insert_packed(q, at, offset, value);
            break;
        }
        if (offset == 0 || offset == node->count) {
            struct qlist_place beside = offset == 0 ? qlist__prev(at) : qlist__next(at);
            if (beside.span != NULL && qlist_node_allows(qlist__node(beside), &q->limits, value.len)) {
                insert_packed(q, beside, offset == 0 ? qlist__node(beside)->count : 0, value);
            } else {
                struct qlist_node fresh = qlist_node_new(value, QLIST_TAIL, 0, &q->bytes);
                qlist__add_node(q, offset == 0 ? at : behind(at), fresh);
            }
            break;
        }
        size_t middle = node->count / 2;
        struct qlist_place second = split_node(q, at, middle);
        if (offset > middle) {
            at = second;
            offset -= middle;
        } else {
            at = qlist__prev(second); /* adding a node may have moved it */
        }
    }
}

/* Compresses what was unpacked or made around the element with this index. */
static void rest_around(struct qlist *q, size_t index) {
    if (q->limits.depth == 0)
        return;
    qlist__settle(q);
    size_t offset;
    struct qlist_place at = qlist__find(q, index, &offset);
    struct qlist_place near[3] = {at, qlist__prev(at), qlist__next(at)};
    for (size_t i = 0; i < COUNT_OF(near); i++) {
        if (near[i].span != NULL)
            qlist__rest(q, near[i]);
    }
}

bool qlist_insert(struct qlist *q, size_t index, struct bytes value) {
    must(index <= q->count);
    if (index == 0 || index == q->count)
        return qlist_push(q, index == 0 ? QLIST_HEAD : QLIST_TAIL, value);
    size_t offset;
    struct qlist_place at = qlist__find(q, index, &offset);
    if (UNLIKELY(value.len > q->limits.bytes_max)) {
        struct qlist_node node;
        if (!qlist_node_new_plain(value, &q->bytes, &node))
            return false;
        insert_node(q, at, offset, node);
    } else {
        insert_short(q, at, offset, value);
    }
    rest_around(q, index);
    return true;
}

/* Puts another node in the place of a node of one element. */
static bool replace_node(struct qlist *q, struct qlist_place at, struct bytes value) {
    struct qlist_node node;
    if (!qlist__node_for(q, value, QLIST_TAIL, 0, &node))
        return false;
    qlist_node_free(qlist__node(at), &q->bytes);
    *qlist__node(at) = node;
    return true;
}

bool qlist_replace(struct qlist *q, size_t index, struct bytes value) {
    must(index < q->count);
    size_t offset;
    struct qlist_place at = qlist__find(q, index, &offset);
    struct qlist_node *node = qlist__node(at);
    if (node->count == 1) {
        if (!replace_node(q, at, value))
            return false;
        rest_around(q, index);
        return true;
    }
    if (value.len <= q->limits.bytes_max) {
        qlist_node_expand(node, &q->bytes);
        char scratch[NUM_INT_TEXT_MAX];
        unsigned char *lp = qlist_node_take(node, &q->bytes);
        unsigned char *place = listpack_at(lp, (int64_t)offset);
        size_t old = listpack_get(place, scratch).len;
        bool fits =
            value.len <= old ||
            listpack_bytes(lp) + (value.len - old) + LISTPACK_ELEMENT_OVERHEAD_MAX <= q->limits.bytes_max;
        if (fits)
            lp = listpack_replace(lp, &place, value);
        qlist_node_put(node, lp, &q->bytes);
        if (fits) {
            rest_around(q, index);
            return true;
        }
    }
    if (!qlist_insert(q, index, value))
        return false;
    qlist_remove(q, index + 1, 1);
    return true;
}

void qlist_remove(struct qlist *q, size_t index, size_t count) {
    must(index <= q->count && count <= q->count - index);
    if (count == 0)
        return;
    size_t offset;
    struct qlist_place at = qlist__find(q, index, &offset);
    while (count > 0) {
        struct qlist_node *node = qlist__node(at);
        if (offset == 0 && count >= node->count) {
            count -= node->count;
            at = qlist__drop_node(q, at);
            continue;
        }
        size_t here = node->count - offset < count ? node->count - offset : count;
        bool was_resting = node->kind == QLIST_LZF;
        qlist_node_expand(node, &q->bytes);
        unsigned char *lp = qlist_node_take(node, &q->bytes);
        lp = listpack_remove_range(lp, (int64_t)offset, here);
        qlist_node_put(node, lp, &q->bytes);
        qlist__count(q, at, 0, here);
        if (was_resting)
            qlist_node_compress(node, &q->bytes);
        count -= here;
        offset = 0;
        at = qlist__next(at);
    }
    qlist__settle(q);
}

/* ---- removing by value ---- */

/* Removes `count` elements that equal `value` from a listpack that has so many. */
static unsigned char *remove_equal(unsigned char *lp, enum qlist_end end, struct bytes value, size_t count) {
    unsigned char *at = end == QLIST_HEAD ? listpack_first(lp) : listpack_last(lp);
    while (count > 0) {
        if (end == QLIST_HEAD)
            at = listpack_find(lp, at, value, 0);
        else
            while (!listpack_equals(at, value))
                at = listpack_prev(lp, at);
        lp = listpack_remove(lp, &at, 1);
        if (end == QLIST_TAIL)
            at = at == NULL ? listpack_last(lp) : listpack_prev(lp, at);
        count--;
    }
    return lp;
}

/* How many elements of the node equal `value`, counted to `limit`. */
static size_t count_equal(const struct qlist_node *node, struct bytes value, size_t limit) {
    if (node->kind == QLIST_PLAIN)
        return bytes_equal(qlist_node_plain(node), value) ? 1 : 0;
    unsigned char *expanded = node->kind == QLIST_LZF ? qlist_node_expanded(node) : NULL;
    const unsigned char *lp = expanded ? expanded : qlist_node_packed(node);
    size_t count = 0;
    const unsigned char *at = listpack_first(lp);
    while (at != NULL && count < limit && (at = listpack_find(lp, at, value, 0)) != NULL) {
        count++;
        at = listpack_next(lp, at);
    }
    if (expanded)
        listpack_free(expanded);
    return count;
}

/* Removes `count` elements that equal `value` from a packed or compressed node, which has more elements. */
static void remove_in_node(struct qlist *q, struct qlist_place at, enum qlist_end end, struct bytes value,
                           size_t count) {
    struct qlist_node *node = qlist__node(at);
    bool was_resting = node->kind == QLIST_LZF;
    qlist_node_expand(node, &q->bytes);
    unsigned char *lp = qlist_node_take(node, &q->bytes);
    qlist_node_put(node, remove_equal(lp, end, value, count), &q->bytes);
    qlist__count(q, at, 0, count);
    if (was_resting)
        qlist_node_compress(node, &q->bytes);
}

size_t qlist_remove_equal(struct qlist *q, enum qlist_end end, struct bytes value, size_t limit) {
    size_t left = limit;
    struct qlist_place at = end == QLIST_HEAD ? qlist__first(q) : qlist__last(q);
    while (at.span != NULL && left > 0) {
        struct qlist_place prev = qlist__prev(at), next = qlist__next(at);
        size_t here = count_equal(qlist__node(at), value, left);
        left -= here;
        if (here == qlist__node(at)->count)
            next = qlist__drop_node(q, at); /* the place in front stays where it is */
        else if (here > 0)
            remove_in_node(q, at, end, value, here);
        at = end == QLIST_HEAD ? next : prev;
    }
    qlist__settle(q);
    return limit - left;
}
