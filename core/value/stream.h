/* stream.h: a stream: a log of entries with ascending IDs, and groups of consumers that read it.
 *
 * An entry is an ID and pairs of field and value. Entries lie in *nodes*, listpacks of some hundred entries in Redis's
 * format (stream.c has it), ordered by the ID of their first entry. An entry that is deleted from the middle of a node
 * only gets a mark; the node goes when its last entry does. The stream remembers more than its entries show: the last ID
 * ever given, how many entries were ever added, the greatest ID ever deleted; consumer groups reckon with them.
 *
 * Groups, consumers and pending messages: stream_group.h. Walking: stream_iter.h.
 *
 * Memory: a stream owns everything below it; `bytes` is the exact sum by mem_usable's measure.
 * Thread: the owner's. */
#pragma once

#include "core/ds/ordset.h"
#include "core/value/stream_id.h"
#include "core/value/value.h"

enum {
    STREAM_NODE_BYTES_LIMIT = 1 << 30, /* entries beyond are refused; nodes never grow beyond */
    STREAM_ENCODING = 0,               /* the one encoding of stream objects */
};

struct stream_idmp;

/* One node of the log: an item of stream->log. */
struct stream_node {
    struct stream_id first; /* ID of its first entry, deleted or not: entries are stored relative to it */
    unsigned char *lp;
};

struct stream {
    struct ordset log; /* struct stream_node */
    uint64_t length;   /* entries that are there */
    uint64_t entries_added;
    struct stream_id last_id;
    struct stream_id first_id;       /* of the first entry that is there; 0-0 when there is none */
    struct stream_id max_deleted_id; /* 0-0: none was deleted */
    struct ordset groups;            /* struct stream_group *, by name */
    struct stream_idmp *idmp;        /* what is known of idempotent producers; NULL: nothing */
    size_t bytes;
};

extern const struct value_ops stream_value_ops;

/* Gives an empty stream. */
struct stream *stream_new(void);

/* Takes the stream. */
void stream_free(struct stream *s);

/* ---- adding ---- */

enum stream_append {
    STREAM_APPENDED,
    STREAM_APPEND_TOO_BIG,   /* the entry is larger than STREAM_NODE_BYTES_LIMIT */
    STREAM_APPEND_NO_MEMORY, /* there is no memory for an entry of this size */
};

/* How large a node may become before the next one is begun; 0: no limit. */
struct stream_node_limits {
    uint64_t bytes;
    uint64_t entries;
};

/* Adds an entry behind all others. `id` is greater than s->last_id; `pairs` are 2 * pair_count strings, field and value
 * in turn, which are copied. When it is not appended, nothing has changed. */
enum stream_append stream_append(struct stream *s, struct stream_id id, const struct bytes *pairs,
                                 size_t pair_count, struct stream_node_limits limits) ATTR_MUST_USE;

/* ---- deleting ---- */

/* What becomes of the messages that are pending in groups when their entry is deleted. */
enum stream_refs {
    STREAM_KEEPREF, /* they stay pending */
    STREAM_DELREF,  /* they are no longer pending anywhere */
    STREAM_ACKED,   /* an entry is only deleted when every group has read and acknowledged it */
};

/* Deletes one entry and notes that it was deleted; false when there is none. Does not look at groups. */
bool stream_delete(struct stream *s, struct stream_id id);

struct stream_trim {
    enum { STREAM_TRIM_NONE, STREAM_TRIM_MAXLEN, STREAM_TRIM_MINID } by;
    enum stream_refs refs;
    bool is_approx;          /* remove whole nodes only */
    uint64_t limit;          /* entries to be removed at most; 0: any number */
    uint64_t max_length;     /* STREAM_TRIM_MAXLEN: entries that may stay */
    struct stream_id min_id; /* STREAM_TRIM_MINID: entries before it go */
};

/* Deletes entries from the front; gives how many. */
uint64_t stream_trim(struct stream *s, const struct stream_trim *how);

/* ---- looking ---- */

bool stream_has(const struct stream *s, struct stream_id id);

/* ID of the last entry that is there; 0-0 when there is none. */
struct stream_id stream_last_entry_id(const struct stream *s);

/* True if an entry at or behind `from` may be missing because it was deleted. */
bool stream_has_holes_from(const struct stream *s, struct stream_id from);

/* The number of entries that had been added when `id` was the last one, as far as it can be known; else -1. */
int64_t stream_count_until(const struct stream *s, struct stream_id id);

/* ---- loading ---- */

/* True if `size` bytes from a stranger are a whole, sound node whose first entry has this ID and whose entries ascend.
 * Gives the number of its entries that are not deleted, at least one, and the ID of the last entry, deleted or not. */
bool stream_node_is_sound(const unsigned char *lp, size_t size, struct stream_id first, uint64_t *live_out,
                          struct stream_id *last_out);

/* Takes `lp`, a sound node behind all others of the stream, with `live` entries that are not deleted. The caller sets
 * the stream's other fields afterwards, except first_id, which stream_settle does. */
void stream_put_node(struct stream *s, struct stream_id first, unsigned char *lp, uint64_t live);

/* Finds first_id anew. */
void stream_settle(struct stream *s);

/* ---- inspection ---- */

/* Verifies every invariant; a bug if one is broken. */
void stream_check(const struct stream *s);

/* Prints what the stream consists of to stderr, for debugging. */
void stream_dump(const struct stream *s);
