/* list.h: the list type.
 *
 * A short list is one listpack; a longer one is a qlist (core/ds/qlist.h), which OBJECT ENCODING calls "quicklist". What is
 * short is said by the directives list-max-listpack-size and list-compress-depth, with Redis's rules for when a list
 * changes its form: it grows into a qlist before an element is added that would go beyond the limit, and goes back when it
 * has shrunk to half of it.
 *
 * struct list is an open list: the object and its encoding outside of their entry. Open it with list_of or make one
 * with list_new, change it, and put it back with list_put, or into a new entry with list_entry. While it is open the
 * entry must not be looked at.
 *
 * Memory: strings are copied in; values handed out are valid until the list changes. Thread: the owner's. Functions that
 * answer false for want of memory have changed nothing that can be seen. */
#pragma once

#include "core/ds/qlist.h"
#include "core/value/entry.h"

enum list_encoding { LIST_LISTPACK, LIST_QUICKLIST };

enum list_end { LIST_HEAD, LIST_TAIL };

struct list {
    void *object; /* listpack or struct qlist */
    uint8_t encoding;
};

/* The directives' values. */
struct list_rules {
    int max_listpack_size;
    int compress_depth;
};

extern const struct value_ops list_ops;

/* Gives an empty list; whoever does not fill it frees it by list_free. */
struct list list_new(void);
void list_free(struct list *l);

/* Opens the list of an entry. */
static inline struct list list_of(const struct entry *e) {
    return (struct list){entry_object(e), entry_object_encoding(e)};
}

/* Takes the list and puts it (back) into the entry. */
static inline void list_put(struct list *l, struct entry *e) {
    entry_set_object(e, l->encoding, l->object);
}

/* Gives an entry that takes the list, which is not empty. */
static inline struct entry *list_entry(struct list *l, struct bytes key) {
    return entry_new_object(key, VALUE_LIST, l->encoding, l->object);
}

/* ---- looking ---- */

size_t list_count(const struct list *l);

/* The first or last element of a list that is not empty. A number's text is written to `scratch`. */
struct bytes list_peek(const struct list *l, enum list_end end, char scratch[NUM_INT_TEXT_MAX]);

/* Goes over the elements from `index` on (below the count); see qlist_iter_next. */
struct list_iter {
    struct qlist_iter in;
};

void list_iter_init(struct list_iter *it, const struct list *l, size_t index, bool is_backward);
void list_iter_deinit(struct list_iter *it);

static inline bool list_iter_next(struct list_iter *it, char scratch[NUM_INT_TEXT_MAX],
                                  struct bytes *value_out) {
    return qlist_iter_next(&it->in, scratch, value_out);
}

/* Steps on and tells whether the element equals `value`; false behind the last. */
static inline bool list_iter_next_is(struct list_iter *it, struct bytes value, bool *is_equal_out) {
    return qlist_iter_next_is(&it->in, value, is_equal_out);
}

/* ---- changing ---- */

/* Before elements are added, or one is replaced: takes the form that suits a list with these, too. */
void list_grow(struct list *l, const struct list_rules *rules, const struct bytes *values, size_t count);

/* After elements were removed or replaced: takes the small form if that is due. */
void list_shrink(struct list *l, const struct list_rules *rules);

/* Adds one element; list_grow has been called. False: no memory. */
bool list_push(struct list *l, enum list_end end, struct bytes value) ATTR_MUST_USE;

/* Removes one element; there must be one. */
void list_pop(struct list *l, enum list_end end);

/* Puts an element in front of the one with this index (0 .. count); list_grow has been called. False: no memory. */
bool list_insert(struct list *l, size_t index, struct bytes value) ATTR_MUST_USE;

/* Puts another value in the place of an element that exists; list_grow has been called. False: no memory. */
bool list_replace(struct list *l, size_t index, struct bytes value) ATTR_MUST_USE;

/* Removes `count` elements, which must be there, from `index` on. */
void list_remove(struct list *l, size_t index, size_t count);

/* Removes the first `limit` elements from `end` that equal `value`; returns how many. */
size_t list_remove_equal(struct list *l, enum list_end end, struct bytes value, size_t limit);

/* ---- files ---- */

/* For loading: takes a sound listpack and appends its elements; the list takes the form of a qlist. A loaded list is
 * finished by list_settle. */
void list_append_listpack(struct list *l, const struct list_rules *rules, unsigned char *lp);

/* Takes the form that suits a list which was built up whatever way. */
void list_settle(struct list *l, const struct list_rules *rules);

/* For saving: the nodes, 0 .. list_pieces - 1; a listpack is one node. */
size_t list_pieces(const struct list *l);
struct qlist_piece list_piece(const struct list *l, size_t number);

/* Verifies the list; a bug if it is broken. */
void list_check(const struct list *l);

/* Prints it to stderr, for debugging. */
void list_dump(const struct list *l);
