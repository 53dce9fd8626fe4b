/* stream_node.h: one node of a stream's log: entries in a listpack, in the format of Redis (stream_node.c has it).
 *
 * A node is a listpack block; functions that change it take it and give where it is now. Pointers into it are void after
 * any change. Thread: the owner's. */
#pragma once

#include "core/ds/listpack.h"
#include "core/value/stream_id.h"

/* What stands at the beginning of a node. */
struct stream_node_head {
    size_t live;
    size_t deleted;
    size_t field_count;          /* of the master entry */
    const unsigned char *fields; /* its first field, or the element behind when it has none */
};

/* One entry as it stands in a node. */
struct stream_node_entry {
    struct stream_id id;
    bool is_deleted;
    bool is_shared; /* its fields are the master entry's: only values stand in the body */
    size_t pair_count;
    size_t body_count;          /* elements of the body; one more, the count, stands behind it */
    const unsigned char *flags; /* its first element */
    const unsigned char *body;  /* first field or value, or the count when there are no pairs */
};

void stream_node_head(const unsigned char *lp, struct stream_node_head *head_out);

/* Where the first entry begins; NULL: there is none. */
const unsigned char *stream_node_first(const unsigned char *lp, const struct stream_node_head *head);

/* Reads the entry that begins at `flags`. */
void stream_node_entry(const unsigned char *lp, const struct stream_node_head *head, struct stream_id first,
                       const unsigned char *flags, struct stream_node_entry *entry_out);

/* Where the entry behind this one begins; NULL at the end. */
const unsigned char *stream_node_behind(const unsigned char *lp, const struct stream_node_entry *entry);

/* Where the entry that ends with the element `count` begins; NULL when that is the end of the master entry. */
const unsigned char *stream_node_begin(const unsigned char *lp, const unsigned char *count);

/* Gives a node whose master entry has the fields of these pairs, and no other entry yet. */
unsigned char *stream_node_new(const struct bytes *pairs, size_t pair_count);

/* Adds an entry. `first` is the node's ID, the first entry's. */
unsigned char *stream_node_append(unsigned char *lp, struct stream_id first, struct stream_id id,
                                  const struct bytes *pairs, size_t pair_count) ATTR_MUST_USE;

/* Marks the entry that begins at *flags as deleted; *flags is then the same element. Counters are left alone. */
unsigned char *stream_node_mark(unsigned char *lp, unsigned char **flags) ATTR_MUST_USE;

/* Writes the counters of the master entry. */
unsigned char *stream_node_set_counts(unsigned char *lp, size_t live, size_t deleted) ATTR_MUST_USE;

/* stream_node_is_sound of stream.h is here, too. */
