/* link.h: an intrusive doubly linked list. A struct link inside an object puts it on one list; CONTAINER_OF gets the
 * object back. The list head is a link too: an empty list points to itself. An unlinked node has NULL pointers. */
#pragma once

#include "core/base/attr.h"

#include <stdbool.h>

struct link {
    struct link *prev;
    struct link *next;
};

static inline void link_init_head(struct link *head) {
    head->prev = head->next = head;
}

static inline bool link_is_empty(const struct link *head) {
    return head->next == head;
}

static inline bool link_is_linked(const struct link *node) {
    return node->next != NULL;
}

static inline void link_insert_before(struct link *node, struct link *at) {
    dcheck(!link_is_linked(node));
    node->prev = at->prev;
    node->next = at;
    at->prev->next = node;
    at->prev = node;
}

static inline void link_push_back(struct link *head, struct link *node) {
    link_insert_before(node, head);
}

static inline void link_push_front(struct link *head, struct link *node) {
    link_insert_before(node, head->next);
}

/* Takes the node off its list; harmless when it is on none. */
static inline void link_remove(struct link *node) {
    if (!link_is_linked(node))
        return;
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->prev = node->next = NULL;
}

/* Takes the first node, or NULL. */
static inline struct link *link_pop_front(struct link *head) {
    if (link_is_empty(head))
        return NULL;
    struct link *node = head->next;
    link_remove(node);
    return node;
}
