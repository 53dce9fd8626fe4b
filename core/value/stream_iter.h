/* stream_iter.h: walking the entries of a stream, in either direction, between two IDs.
 *
 *     struct stream_iter it;
 *     stream_iter_init(&it, s, start, end, false);
 *     while (stream_iter_next(&it)) {
 *         use(it.id, it.pair_count);
 *         for (size_t i = 0; i < it.pair_count; i++) {
 *             stream_iter_pair(&it, &field, &value);
 *             ...
 *         }
 *     }
 *
 * Deleted entries are not met. Not all pairs of an entry need to be read. The iterator lies on the caller's stack, owns
 * nothing, and is void after any change of the log. */
#pragma once

#include "core/base/num.h"
#include "core/value/stream.h"

struct stream_iter {
    struct stream_id id; /* of the entry it stands at */
    size_t pair_count;

    /* The rest is its own. */
    struct ordset_place place;
    struct stream_id start;
    struct stream_id end;
    bool is_reverse;
    bool is_shared;              /* the entry has the fields of the node's master entry */
    const unsigned char *lp;     /* node it is in; NULL: the next one is to be entered */
    const unsigned char *flags;  /* the entry's first element */
    const unsigned char *at;     /* next element of the entry */
    const unsigned char *ahead;  /* before the first entry of a node: where it begins or, in reverse, ends */
    const unsigned char *fields; /* first field of the master entry */
    const unsigned char *field;  /* next field of it */
    size_t master_count;
    size_t unread; /* elements of the entry behind `at` that were not read yet */
    char field_text[NUM_INT_TEXT_MAX];
    char value_text[NUM_INT_TEXT_MAX];
};

/* Stands before the first entry from `start` on or, in reverse, the last one up to `end`; both are included. */
void stream_iter_init(struct stream_iter *it, const struct stream *s, struct stream_id start,
                      struct stream_id end, bool is_reverse);

/* Goes to the next entry; false: there is none. */
bool stream_iter_next(struct stream_iter *it);

/* The next pair of the entry; call it at most pair_count times. Both are valid until the next call. */
void stream_iter_pair(struct stream_iter *it, struct bytes *field_out, struct bytes *value_out);
