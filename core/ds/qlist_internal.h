/* qlist_internal.h: how a qlist keeps its nodes, for qlist*.c only. */
#pragma once

#include "core/ds/qlist.h"

enum {
    QLIST_SPAN_MIN = 4,   /* nodes in the first span of a list */
    QLIST_SPAN_MAX = 128, /* nodes in a span at most */
};

/* Some consecutive nodes: nodes[first .. first + used - 1]. */
struct qlist_span {
    struct qlist_span *prev;
    struct qlist_span *next;
    size_t elements; /* of its nodes */
    uint32_t first;
    uint32_t used;
    uint32_t capacity;
    struct qlist_node nodes[];
};

struct qlist {
    struct qlist_span *head; /* NULL: empty */
    struct qlist_span *tail;
    size_t count;
    size_t nodes;
    size_t bytes; /* of everything, by mem_usable */
    struct qlist_limits limits;
};

/* The place of a node; span NULL: there is none. */
struct qlist_place {
    struct qlist_span *span;
    uint32_t slot; /* index into span->nodes */
};

static inline struct qlist_node *qlist__node(struct qlist_place at) {
    return &at.span->nodes[at.slot];
}

static inline struct qlist_place qlist__first(const struct qlist *q) {
    return (struct qlist_place){q->head, q->head ? q->head->first : 0};
}

static inline struct qlist_place qlist__last(const struct qlist *q) {
    return (struct qlist_place){q->tail, q->tail ? q->tail->first + q->tail->used - 1 : 0};
}

static inline struct qlist_place qlist__next(struct qlist_place at) {
    if (at.slot + 1 < at.span->first + at.span->used)
        return (struct qlist_place){at.span, at.slot + 1};
    struct qlist_span *span = at.span->next;
    return (struct qlist_place){span, span ? span->first : 0};
}

static inline struct qlist_place qlist__prev(struct qlist_place at) {
    if (at.slot > at.span->first)
        return (struct qlist_place){at.span, at.slot - 1};
    struct qlist_span *span = at.span->prev;
    return (struct qlist_place){span, span ? span->first + span->used - 1 : 0};
}

/* The node that holds the element with this index, and the element's index in it. */
struct qlist_place qlist__find(const struct qlist *q, size_t index, size_t *offset_out);

/* Puts a node in front of the one at `at` (span NULL: behind all), counts its elements, and gives its place. */
struct qlist_place qlist__add_node(struct qlist *q, struct qlist_place at, struct qlist_node node);

/* Frees the node at `at`, and gives the place of the one behind it. */
struct qlist_place qlist__drop_node(struct qlist *q, struct qlist_place at);

/* Counts elements that came into a node or left it. */
static inline void qlist__count(struct qlist *q, struct qlist_place at, size_t added, size_t removed) {
    at.span->elements += added - removed;
    q->count += added - removed;
}

/* Compresses the node if it is far enough from both ends. */
void qlist__rest(struct qlist *q, struct qlist_place at);

/* Expands the nodes near the ends, and compresses the two behind them: whenever nodes were added or dropped. */
void qlist__settle(struct qlist *q);

/* Gives a node for one element, plain or packed. False: no memory. */
bool qlist__node_for(struct qlist *q, struct bytes value, enum qlist_end end, size_t capacity,
                     struct qlist_node *node_out) ATTR_MUST_USE;
