/* qlist.c: the row of nodes.
 *
 * The nodes of a list could be linked to each other, as is usual; then the element in the middle of a million is more
 * than a thousand cache misses away. Or they could stand in one array; then a node put in the middle, or the array's growth,
 * moves megabytes in a very long list. Here they stand in *spans*: arrays of at most QLIST_SPAN_MAX nodes, which are linked.
 * A million short elements are some 2200 nodes in 18 spans: to find one by index is a few steps over spans, and then a
 * run over the counts of one span's nodes, which lie side by side. Whatever a list's length, a change moves a span at
 * most.
 *
 *   qlist -> span <-> span <-> span          span: [ free | node node node ... | free ]
 *
 *   I1  No span is empty; no node is empty. A list without elements has no span.
 *   I2  span->elements and q->count are the sums of the nodes' counts, q->nodes of the spans' used, q->bytes of all blocks
 *       by mem_usable.
 *   I3  Compressed nodes are at least limits.depth nodes away from both ends. (Not all of those are compressed: some do
 *       not get smaller.) With depth 0 none is. So the first and the last node never are.
 *   I4  An element longer than limits.bytes_max is alone in a plain node; all others are in packed nodes.
 *
 * Spans begin small and double, so that a list of two nodes pays for four places. They split in halves when a node is
 * added to the middle of a full one, and do not merge: a list is seldom thinned out in the middle. Neither do nodes. */
#include "core/ds/qlist_internal.h"

#include "core/base/mem.h"

#include <stdio.h>

struct qlist *qlist_new(const struct qlist_limits *limits) {
    struct qlist *q = mem_zalloc(sizeof *q);
    q->limits = *limits;
    q->bytes = mem_usable(q);
    return q;
}

size_t qlist_count(const struct qlist *q) {
    return q->count;
}

size_t qlist_nodes(const struct qlist *q) {
    return q->nodes;
}

size_t qlist_bytes(const struct qlist *q) {
    return q->bytes;
}

/* ---- spans ---- */

static struct qlist_span *span_new(struct qlist *q, uint32_t capacity) {
    struct qlist_span *span = mem_alloc(sizeof *span + capacity * sizeof span->nodes[0]);
    *span = (struct qlist_span){.capacity = capacity};
    q->bytes += mem_usable(span);
    return span;
}

static void span_link(struct qlist *q, struct qlist_span *span, struct qlist_span *prev,
                      struct qlist_span *next) {
    span->prev = prev;
    span->next = next;
    *(prev ? &prev->next : &q->head) = span;
    *(next ? &next->prev : &q->tail) = span;
}

static void span_free(struct qlist *q, struct qlist_span *span) {
    *(span->prev ? &span->prev->next : &q->head) = span->next;
    *(span->next ? &span->next->prev : &q->tail) = span->prev;
    q->bytes -= mem_usable(span);
    mem_free(span);
}

/* Gives the span with twice the capacity, the new room behind its nodes. */
static struct qlist_span *span_grow(struct qlist *q, struct qlist_span *span) {
    q->bytes -= mem_usable(span);
    uint32_t capacity = 2 * span->capacity;
    span = mem_realloc(span, sizeof *span + capacity * sizeof span->nodes[0]);
    q->bytes += mem_usable(span);
    span->capacity = capacity;
    span_link(q, span, span->prev, span->next);
    return span;
}

/* Moves the span's nodes from `from` on (an index into the array) into a new span behind it. */
static void span_split(struct qlist *q, struct qlist_span *span, uint32_t from) {
    struct qlist_span *behind = span_new(q, QLIST_SPAN_MAX);
    uint32_t moved = span->first + span->used - from;
    behind->first = (QLIST_SPAN_MAX - moved) / 2;
    behind->used = moved;
    memcpy(behind->nodes + behind->first, span->nodes + from, moved * sizeof span->nodes[0]);
    for (uint32_t i = 0; i < moved; i++)
        behind->elements += behind->nodes[behind->first + i].count;
    span->used -= moved;
    span->elements -= behind->elements;
    span_link(q, behind, span, span->next);
}

/* Gives a place with room for one more node in its span, at the same position of the list: in front of the node at
 * `at`, whose slot may be one behind the last of its span. */
static struct qlist_place make_room(struct qlist *q, struct qlist_place at) {
    struct qlist_span *span = at.span;
    if (span->used < span->capacity)
        return at;
    if (span->capacity < QLIST_SPAN_MAX)
        return (struct qlist_place){span_grow(q, span), at.slot};
    if (at.slot == span->first || at.slot == span->first + span->used) {
        bool is_front = at.slot == span->first;
        struct qlist_span *fresh = span_new(q, QLIST_SPAN_MAX);
        fresh->first = is_front ? QLIST_SPAN_MAX : 0;
        span_link(q, fresh, is_front ? span->prev : span, is_front ? span : span->next);
        return (struct qlist_place){fresh, fresh->first};
    }
    uint32_t middle = span->first + span->used / 2;
    span_split(q, span, middle);
    if (at.slot <= middle)
        return at;
    return (struct qlist_place){span->next, span->next->first + (at.slot - middle)};
}

struct qlist_place qlist__add_node(struct qlist *q, struct qlist_place at, struct qlist_node node) {
    if (at.span == NULL) {
        if (q->tail == NULL)
            span_link(q, span_new(q, QLIST_SPAN_MIN), NULL, NULL);
        at = (struct qlist_place){q->tail, q->tail->first + q->tail->used};
    }
    at = make_room(q, at);
    struct qlist_span *span = at.span;
    uint32_t before = at.slot - span->first;
    bool is_left = span->first > 0 && (before < span->used / 2 || span->first + span->used == span->capacity);
    if (is_left) { /* the nodes in front make room */
        memmove(span->nodes + span->first - 1, span->nodes + span->first, before * sizeof node);
        span->first--;
        at.slot--;
    } else {
        memmove(span->nodes + at.slot + 1, span->nodes + at.slot, (span->used - before) * sizeof node);
    }
    span->nodes[at.slot] = node;
    span->used++;
    q->nodes++;
    qlist__count(q, at, node.count, 0);
    return at;
}

struct qlist_place qlist__drop_node(struct qlist *q, struct qlist_place at) {
    struct qlist_span *span = at.span;
    qlist__count(q, at, 0, qlist__node(at)->count);
    qlist_node_free(qlist__node(at), &q->bytes);
    q->nodes--;
    struct qlist_place next = qlist__next(at);
    if (--span->used == 0) { /* I1 */
        span_free(q, span);
        return next;
    }
    uint32_t before = at.slot - span->first;
    if (before == 0) {
        span->first++;
        return next;
    }
    memmove(span->nodes + at.slot, span->nodes + at.slot + 1, (span->used - before) * sizeof span->nodes[0]);
    return next.span == span ? at : next;
}

struct qlist_place qlist__find(const struct qlist *q, size_t index, size_t *offset_out) {
    dcheck(index < q->count);
    struct qlist_span *span;
    if (index < q->count / 2) {
        for (span = q->head; index >= span->elements; span = span->next)
            index -= span->elements;
    } else {
        size_t from_end = q->count - index; /* 1: the last */
        for (span = q->tail; from_end > span->elements; span = span->prev)
            from_end -= span->elements;
        index = span->elements - from_end;
    }
    uint32_t slot = span->first;
    for (; index >= span->nodes[slot].count; slot++)
        index -= span->nodes[slot].count;
    *offset_out = index;
    return (struct qlist_place){span, slot};
}

/* ---- compression ---- */

/* True if fewer than `distance` nodes are between the node and the head, or the tail. */
static bool is_near_end(struct qlist_place at, size_t distance) {
    size_t before = at.slot - at.span->first;
    for (const struct qlist_span *s = at.span->prev; s != NULL && before < distance; s = s->prev)
        before += s->used;
    size_t behind = at.span->first + at.span->used - 1 - at.slot;
    for (const struct qlist_span *s = at.span->next; s != NULL && behind < distance; s = s->next)
        behind += s->used;
    return before < distance || behind < distance;
}

void qlist__rest(struct qlist *q, struct qlist_place at) {
    if (q->limits.depth > 0 && !is_near_end(at, q->limits.depth))
        qlist_node_compress(qlist__node(at), &q->bytes);
}

void qlist__settle(struct qlist *q) {
    if (LIKELY(q->limits.depth == 0))
        return;
    struct qlist_place head = qlist__first(q), tail = qlist__last(q);
    for (size_t i = 0; i < q->limits.depth && i < q->nodes; i++) { /* I3 */
        qlist_node_expand(qlist__node(head), &q->bytes);
        qlist_node_expand(qlist__node(tail), &q->bytes);
        head = qlist__next(head);
        tail = qlist__prev(tail);
    }
    if (q->nodes > 2 * q->limits.depth) {
        qlist_node_compress(qlist__node(head), &q->bytes);
        qlist_node_compress(qlist__node(tail), &q->bytes);
    }
}

/* ---- the ends ---- */

bool qlist__node_for(struct qlist *q, struct bytes value, enum qlist_end end, size_t capacity,
                     struct qlist_node *node_out) {
    if (UNLIKELY(value.len > q->limits.bytes_max)) /* I4 */
        return qlist_node_new_plain(value, &q->bytes, node_out);
    *node_out = qlist_node_new(value, end, capacity, &q->bytes);
    return true;
}

/* Room for a new node at an end: the more the list holds already, the less does it matter. */
static size_t fresh_capacity(const struct qlist *q) {
    size_t capacity = q->bytes / 8;
    return capacity < q->limits.bytes_max ? capacity : q->limits.bytes_max;
}

bool qlist_push(struct qlist *q, enum qlist_end end, struct bytes value) {
    struct qlist_place at = end == QLIST_HEAD ? qlist__first(q) : qlist__last(q);
    if (LIKELY(at.span != NULL && qlist_node_allows(qlist__node(at), &q->limits, value.len))) {
        qlist_node_push(qlist__node(at), end, value, q->limits.bytes_max, &q->bytes);
        qlist__count(q, at, 1, 0);
        return true;
    }
    struct qlist_node node;
    if (!qlist__node_for(q, value, end, fresh_capacity(q), &node))
        return false;
    qlist__add_node(q, end == QLIST_HEAD ? at : (struct qlist_place){NULL, 0}, node);
    qlist__settle(q);
    return true;
}

struct bytes qlist_peek(const struct qlist *q, enum qlist_end end, char scratch[NUM_INT_TEXT_MAX]) {
    struct qlist_place at = end == QLIST_HEAD ? qlist__first(q) : qlist__last(q);
    must(at.span != NULL);
    if (UNLIKELY(qlist__node(at)->kind == QLIST_PLAIN))
        return qlist_node_plain(qlist__node(at));
    const unsigned char *lp = qlist_node_packed(qlist__node(at)); /* I3 */
    return listpack_get(end == QLIST_HEAD ? listpack_first(lp) : listpack_last(lp), scratch);
}

void qlist_pop(struct qlist *q, enum qlist_end end) {
    struct qlist_place at = end == QLIST_HEAD ? qlist__first(q) : qlist__last(q);
    must(at.span != NULL);
    if (LIKELY(qlist__node(at)->count > 1)) {
        qlist_node_pop(qlist__node(at), end, &q->bytes);
        qlist__count(q, at, 0, 1);
        return;
    }
    qlist__drop_node(q, at);
    qlist__settle(q);
}

void qlist_append_listpack(struct qlist *q, unsigned char *lp) {
    if (listpack_first(lp) == NULL) {
        listpack_free(lp);
        return;
    }
    qlist__add_node(q, (struct qlist_place){NULL, 0}, qlist_node_of(lp, &q->bytes));
    qlist__settle(q);
}

const unsigned char *qlist_only_listpack(const struct qlist *q) {
    if (q->nodes != 1 || qlist__node(qlist__first(q))->kind != QLIST_PACKED)
        return NULL;
    return qlist_node_packed(qlist__node(qlist__first(q)));
}

unsigned char *qlist_into_listpack(struct qlist *q) {
    must(qlist_only_listpack(q) != NULL);
    unsigned char *lp = qlist_node_take(qlist__node(qlist__first(q)), &q->bytes);
    mem_free(q->head);
    mem_free(q);
    return lp;
}

/* ---- lifetime ---- */

bool qlist_free_step(struct qlist *q, size_t pieces_max) {
    for (size_t freed = 0; q->head != NULL; freed++) {
        if (freed >= pieces_max)
            return false;
        qlist__drop_node(q, qlist__last(q));
    }
    mem_free(q);
    return true;
}

void qlist_free(struct qlist *q) {
    if (q != NULL)
        qlist_free_step(q, SIZE_MAX);
}

struct qlist *qlist_dup(const struct qlist *q) {
    struct qlist *copy = qlist_new(&q->limits);
    for (const struct qlist_span *s = q->head; s != NULL; s = s->next) {
        struct qlist_span *span = span_new(copy, s->capacity);
        span->first = s->first;
        span->used = s->used;
        span->elements = s->elements;
        for (uint32_t i = s->first; i < s->first + s->used; i++)
            span->nodes[i] = qlist_node_dup(&s->nodes[i], &copy->bytes);
        span_link(copy, span, copy->tail, NULL);
    }
    copy->count = q->count;
    copy->nodes = q->nodes;
    return copy;
}

/* ---- checking ---- */

static size_t node_blocks(const struct qlist_span *span) {
    size_t bytes = 0;
    for (uint32_t i = span->first; i < span->first + span->used; i++)
        bytes += mem_usable(span->nodes[i].block);
    return bytes;
}

void qlist_check(const struct qlist *q) {
    size_t count = 0, nodes = 0, bytes = mem_usable(q);
    const struct qlist_span *prev = NULL;
    for (const struct qlist_span *s = q->head; s != NULL; prev = s, s = s->next) {
        must(s->prev == prev);
        must(s->used > 0); /* I1 */
        must(s->first + s->used <= s->capacity);
        size_t elements = 0;
        for (uint32_t i = s->first; i < s->first + s->used; i++, nodes++) {
            const struct qlist_node *node = &s->nodes[i];
            qlist_node_check(node);
            elements += node->count;
            bool is_inner = nodes >= q->limits.depth && q->nodes - 1 - nodes >= q->limits.depth;
            must(node->kind != QLIST_LZF || (is_inner && q->limits.depth > 0));                  /* I3 */
            must(node->kind != QLIST_PLAIN || qlist_node_plain(node).len > q->limits.bytes_max); /* I4 */
        }
        must(elements == s->elements);
        count += elements;
        bytes += mem_usable(s) + node_blocks(s);
    }
    must(q->tail == prev);
    must(count == q->count && nodes == q->nodes && bytes == q->bytes); /* I2 */
}

void qlist_dump(const struct qlist *q) {
    static const char *const kinds[] = {
        [QLIST_PACKED] = "packed", [QLIST_PLAIN] = "plain", [QLIST_LZF] = "lzf"};
    fprintf(stderr, "qlist: %zu elements, %zu nodes, %zu bytes\n", q->count, q->nodes, q->bytes);
    for (const struct qlist_span *s = q->head; s != NULL; s = s->next) {
        fprintf(stderr, "  span of %u, nodes from %u, %zu elements\n", s->capacity, s->first, s->elements);
        for (uint32_t i = s->first; i < s->first + s->used; i++)
            fprintf(stderr, "    %s, %u elements, gap %u, block %zu\n", kinds[s->nodes[i].kind],
                    s->nodes[i].count, s->nodes[i].gap, mem_usable(s->nodes[i].block));
    }
}
