/* qlist_iter.c: going over a list's elements and nodes without changing anything.
 *
 * Looking must not change a list: a reader of a compressed node unpacks it into a block of its own, one node at a time, and
 * frees that when it goes on. The list then stays as compressed as it was, and looking needs no more than its place. */
#include "core/ds/qlist_internal.h"

#include "core/base/mem.h"

static void leave_node(struct qlist_iter *it) {
    if (it->expanded != NULL)
        listpack_free(it->expanded);
    it->expanded = NULL;
    it->lp = it->at = NULL;
    it->is_plain = false;
}

/* Makes the node at (span, slot) the one that is walked; the caller then sets `at`, if it is not plain. */
static void enter_node(struct qlist_iter *it) {
    const struct qlist_node *node = &it->span->nodes[it->slot];
    if (node->kind == QLIST_PLAIN) {
        it->is_plain = true;
        it->plain = qlist_node_plain(node);
    } else if (node->kind == QLIST_LZF) {
        it->lp = it->expanded = qlist_node_expanded(node);
    } else {
        it->lp = qlist_node_packed(node);
    }
}

void qlist_iter_init(struct qlist_iter *it, const struct qlist *q, size_t index, bool is_backward) {
    *it = (struct qlist_iter){.q = q, .is_backward = is_backward};
    if (q->count == 0)
        return;
    size_t offset;
    struct qlist_place at = qlist__find(q, index, &offset);
    it->span = at.span;
    it->slot = at.slot;
    enter_node(it);
    if (!it->is_plain)
        it->at = listpack_at(it->lp, (int64_t)offset);
}

void qlist_iter_init_listpack(struct qlist_iter *it, const unsigned char *lp, size_t index,
                              bool is_backward) {
    *it = (struct qlist_iter){.lp = lp, .is_backward = is_backward, .at = listpack_at(lp, (int64_t)index)};
}

void qlist_iter_deinit(struct qlist_iter *it) {
    leave_node(it);
}

/* Goes to the next node; false: there is none. */
static bool step_node(struct qlist_iter *it) {
    leave_node(it);
    if (it->span == NULL)
        return false;
    const struct qlist_span *span = it->span;
    if (it->is_backward) {
        if (it->slot > span->first) {
            it->slot--;
        } else {
            it->span = span->prev;
            it->slot = span->prev ? span->prev->first + span->prev->used - 1 : 0;
        }
    } else if (++it->slot >= span->first + span->used) {
        it->span = span->next;
        it->slot = span->next ? span->next->first : 0;
    }
    if (it->span == NULL)
        return false;
    enter_node(it);
    if (!it->is_plain)
        it->at = it->is_backward ? listpack_last(it->lp) : listpack_first(it->lp);
    return true;
}

static inline const unsigned char *step_element(struct qlist_iter *it) {
    const unsigned char *at = it->at;
    it->at = it->is_backward ? listpack_prev(it->lp, at) : listpack_next(it->lp, at);
    return at;
}

bool qlist_iter_next(struct qlist_iter *it, char scratch[NUM_INT_TEXT_MAX], struct bytes *value_out) {
    while (UNLIKELY(it->at == NULL)) {
        if (it->is_plain) {
            it->is_plain = false;
            *value_out = it->plain;
            return true;
        }
        if (!step_node(it)) {
            *value_out = BYTES_NONE;
            return false;
        }
    }
    *value_out = listpack_get(step_element(it), scratch);
    return true;
}

bool qlist_iter_next_is(struct qlist_iter *it, struct bytes value, bool *is_equal_out) {
    while (UNLIKELY(it->at == NULL)) {
        if (it->is_plain) {
            it->is_plain = false;
            *is_equal_out = bytes_equal(it->plain, value);
            return true;
        }
        if (!step_node(it)) {
            *is_equal_out = false;
            return false;
        }
    }
    *is_equal_out = listpack_equals(step_element(it), value);
    return true;
}

struct qlist_piece qlist_piece(const struct qlist *q, size_t number) {
    dcheck(number < q->nodes);
    const struct qlist_span *span = q->head;
    for (; number >= span->used; span = span->next)
        number -= span->used;
    const struct qlist_node *node = &span->nodes[span->first + number];
    switch ((enum qlist_kind)node->kind) {
    case QLIST_PACKED: {
        const unsigned char *lp = qlist_node_packed(node);
        return (struct qlist_piece){.data = bytes_of(lp, listpack_bytes(lp))};
    }
    case QLIST_PLAIN: return (struct qlist_piece){.is_plain = true, .data = qlist_node_plain(node)};
    case QLIST_LZF: {
        struct qlist_piece piece;
        piece.is_plain = false;
        piece.data = qlist_node_lzf(node, &piece.lzf_of);
        return piece;
    }
    }
    must(false);
}
