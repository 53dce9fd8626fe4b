/* stream_idmp.h: what a stream remembers of producers that may send a message twice (XADD IDMP).
 *
 * A producer names each message by an *iid*, unique among its own. Of the latest ones the stream remembers which entry
 * each became; a message whose iid is remembered is not added again. An iid is forgotten when it is older than
 * `duration_s`, its age being that of its entry's ID, or when the producer has more than `max_size` of them.
 *
 * Memory: counted in the stream's bytes. Thread: the owner's. Cost: O(log n) for n producers and iids. */
#pragma once

#include "core/base/link.h"
#include "core/value/stream.h"

enum {
    STREAM_IDMP_DURATION_S = 100, /* unless configured otherwise */
    STREAM_IDMP_MAX_SIZE = 100,
    STREAM_IDMP_DURATION_S_MAX = 86400,
    STREAM_IDMP_MAX_SIZE_MAX = 10000,
};

/* One remembered message; found by the name that it begins with. */
struct stream_iid {
    struct bytes name;
    struct stream_id id;
    struct link link; /* in its producer's list, oldest first */
    char name_text[];
};

struct stream_producer {
    struct bytes name;
    struct ordset iids; /* struct stream_iid *, by name */
    struct link oldest; /* head of the list */
    char name_text[];
};

struct stream_idmp {
    int64_t duration_s;
    uint64_t max_size;
    struct ordset producers; /* struct stream_producer *, by name */
    uint64_t iids_count;
    uint64_t iids_added;           /* ever */
    uint64_t duplicates;           /* messages that were not added again */
    struct stream_producer *swept; /* whose old iids were looked for last; NULL: none yet */
};

/* Sets both limits and forgets all producers. */
void stream_idmp_configure(struct stream *s, int64_t duration_s, uint64_t max_size);

/* True, and *id_out set, if the message is remembered. Forgets what is too old. */
bool stream_idmp_find(struct stream *s, struct bytes producer, struct bytes iid, int64_t now_ms,
                      struct stream_id *id_out);

/* Remembers which entry the message became, whatever was known of it; forgets what is too old or too much. */
void stream_idmp_put(struct stream *s, struct bytes producer, struct bytes iid, struct stream_id id,
                     int64_t now_ms);

/* The producer or iid that an item of the sets above points to. */
struct stream_producer *stream_producer_at(const void *item);
struct stream_iid *stream_iid_at(const void *item);

/* ---- for stream_ops.c ---- */

/* Frees up to about *pieces pieces and counts them down; true when nothing is left. */
bool stream_idmp_free_step(struct stream *s, size_t *pieces);

/* Gives `to`, which has none, a copy of what `from` remembers. */
void stream_idmp_dup(const struct stream *from, struct stream *to);

/* Verifies all invariants and gives the bytes that it occupies. */
size_t stream_idmp_check(const struct stream *s);
