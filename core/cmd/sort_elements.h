/* sort_elements.h: what SORT needs of the types that it sorts: their elements in order, and a list to store results in. */
#pragma once

#include "core/exec/exec.h"
#include "core/value/list.h"

/* True if values of the type can be sorted. */
bool sort_elements_has(enum value_type type);

/* How many elements the value has. */
size_t sort_elements_count(const struct entry *e);

/* Which elements are wanted, and who takes them: `count` of them from number `first` on, counted from the end if
 * is_reverse. The text is valid during the call. A set has some order; first and is_reverse mean nothing to it. */
struct sort_elements {
    size_t first;
    size_t count;
    bool is_reverse;
    void (*add)(void *ctx, struct bytes text);
    void *ctx;
};

void sort_elements_visit(const struct entry *e, const struct sort_elements *how);

/* A list that is being filled. */
struct sort_elements_list {
    struct list list;
    struct list_rules rules;
    bool has_failed; /* there was no memory for an element */
};

void sort_elements_list_begin(struct sort_elements_list *l, const struct exec *x);

/* Appends a text; what is not there becomes an empty one. */
void sort_elements_list_add(void *list, bool is_there, struct bytes text);

/* Gives the entry, or NULL when there was no memory for all. */
struct entry *sort_elements_list_end(struct sort_elements_list *l, struct bytes key);
