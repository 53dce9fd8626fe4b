/* stream_group.h: consumer groups of a stream, their consumers, and the messages that are pending.
 *
 * A group has a cursor, the last ID that it has delivered. A message that was delivered and not yet acknowledged is
 * *pending*: it stands in the group's list, with its consumer, the time and the number of deliveries, and in the list of
 * that consumer. A consumer can give it back (XNACK): then it is *released*, in the group's list without a
 * consumer.
 *
 * Whoever asks for messages that have been pending for long (XREADGROUP CLAIM) needs them in the order of their delivery
 * times, released ones first, in the order of their release. That list is made when it is first asked for, and kept
 * from then on.
 *
 * Pointers to pending messages are void after any change of the group's list; pointers to groups and consumers live as
 * long as these. Thread: the owner's. */
#pragma once

#include "core/value/stream.h"

enum {
    STREAM_ENTRIES_READ_UNKNOWN = -1,
    STREAM_NEVER_ACTIVE = -1,
    STREAM_RELEASED_MS = 0, /* delivery time of released messages */
};

/* Groups and consumers are found by the name that they begin with. */
struct stream_consumer {
    struct bytes name;
    int64_t seen_ms;   /* when it last tried something */
    int64_t active_ms; /* when it last got something; STREAM_NEVER_ACTIVE */
    struct ordset pel; /* struct stream_id: its pending messages */
    char name_text[];
};

/* An item of group->pel. Change it through the functions below. */
struct stream_pending {
    struct stream_id id;
    int64_t delivery_ms;
    int64_t deliveries;
    struct stream_consumer *consumer; /* NULL: released */
    uint64_t serial;                  /* place among those with the same time */
};

/* An item of group->by_time. */
struct stream_due {
    uint64_t delivery_ms;
    uint64_t serial;
    struct stream_id id;
};

struct stream_group {
    struct bytes name;
    struct stream_id last_id;
    int64_t entries_read;    /* entries of the stream up to last_id; STREAM_ENTRIES_READ_UNKNOWN */
    struct ordset pel;       /* struct stream_pending */
    struct ordset consumers; /* struct stream_consumer *, by name */
    struct ordset by_time;   /* struct stream_due; only if has_by_time */
    bool has_by_time;
    uint64_t next_serial;
    size_t released_count;
    char name_text[];
};

/* ---- groups ---- */

struct stream_group *stream_find_group(const struct stream *s, struct bytes name);

/* Adds a group that is not there yet; copies the name. */
struct stream_group *stream_add_group(struct stream *s, struct bytes name, struct stream_id last_id,
                                      int64_t entries_read);

/* Removes the group and all that belongs to it. */
void stream_remove_group(struct stream *s, struct stream_group *g);

/* Notes that the entry was delivered, if it is behind the group's cursor: moves the cursor and counts. True when it
 * moved. */
bool stream_group_deliver(const struct stream *s, struct stream_group *g, struct stream_id id);

/* The number of entries behind the group's cursor; -1 when it cannot be known. */
int64_t stream_group_lag(const struct stream *s, const struct stream_group *g);

/* The i-th group or consumer of a walk: what an item of s->groups and g->consumers points to. */
struct stream_group *stream_group_at(const void *item);
struct stream_consumer *stream_consumer_at(const void *item);

/* ---- consumers ---- */

struct stream_consumer *stream_find_consumer(const struct stream_group *g, struct bytes name);

/* Adds a consumer that is not there yet; copies the name. */
struct stream_consumer *stream_add_consumer(struct stream *s, struct stream_group *g, struct bytes name,
                                            int64_t now_ms);

/* Removes the consumer; its pending messages are pending no longer. Gives how many there were. */
size_t stream_remove_consumer(struct stream *s, struct stream_group *g, struct stream_consumer *c);

/* ---- pending messages ---- */

struct stream_pending *stream_find_pending(const struct stream_group *g, struct stream_id id);

/* Makes the message pending for the consumer (NULL: released), whatever it was before. */
void stream_pend(struct stream_group *g, struct stream_id id, struct stream_consumer *c, int64_t delivery_ms,
                 int64_t deliveries);

/* The message is pending no longer; false: it was not. */
bool stream_ack(struct stream_group *g, struct stream_id id);

/* The pending messages by delivery time, for walking: struct stream_due. */
const struct ordset *stream_by_time(struct stream_group *g);

/* ---- entries and groups ---- */

/* True if a group still needs the entry: it is pending there, or was not delivered yet. */
bool stream_is_needed(const struct stream *s, struct stream_id id);

/* The message is pending in no group any longer. */
void stream_forget(struct stream *s, struct stream_id id);

/* ---- for stream.c and stream_ops.c ---- */

/* No groups yet. */
void stream_groups_init(struct stream *s);

/* Frees up to about `pieces_max` pieces of groups; true when none is left. */
bool stream_groups_free_step(struct stream *s, size_t pieces_max);

/* Adds copies of all groups of `from` to `to`, which has none. */
void stream_groups_dup(const struct stream *from, struct stream *to);

/* Verifies all groups and gives the bytes that they occupy. */
size_t stream_groups_check(const struct stream *s);
