/* cmd_stream.h: what the handlers of stream commands share: reading IDs, replying with entries, effects about pending
 * messages.
 *
 * Functions that read arguments write the error reply themselves and answer false. */
#pragma once

#include "core/cmd/opts.h"
#include "core/value/stream_group.h"
#include "core/value/stream_iter.h"

/* ---- IDs ---- */

/* A list of IDs; short ones need no allocation. */
struct stream_ids {
    struct stream_id *ids;
    size_t count;
    size_t cap;
    struct stream_id few[8];
};

void cmd_stream_ids_init(struct stream_ids *list);
void cmd_stream_ids_deinit(struct stream_ids *list);
void cmd_stream_ids_put(struct stream_ids *list, struct stream_id id);

/* Reads argv[i] as an ID; a missing sequence is `missing_seq`. */
bool cmd_stream_arg_id(struct exec *x, int i, uint64_t missing_seq, struct stream_id *id_out) ATTR_MUST_USE;

/* Reads argv[from] .. argv[to - 1] as IDs and adds them to the list. */
bool cmd_stream_arg_ids(struct exec *x, int from, int to, struct stream_ids *list) ATTR_MUST_USE;

/* Reads argv[i] as an end of a range: an ID, "-", "+", or "(" and an ID, which is not part of the range. */
bool cmd_stream_arg_start(struct exec *x, int i, struct stream_id *id_out) ATTR_MUST_USE;
bool cmd_stream_arg_end(struct exec *x, int i, struct stream_id *id_out) ATTR_MUST_USE;

/* Reads the options KEEPREF, DELREF and ACKED and the block IDS numids id ... from argv[from] on. */
bool cmd_stream_arg_refs_ids(struct exec *x, int from, enum stream_refs *refs_out,
                             struct stream_ids *list) ATTR_MUST_USE;

/* True, and *refs_out set, if argv[i] is KEEPREF, DELREF or ACKED. */
bool cmd_stream_is_refs(struct exec *x, int i, enum stream_refs *refs_out);

/* ---- idempotent producers ---- */

enum { CMD_STREAM_IID_BYTES = 20 };

/* The iid of a message whose producer gives none: a digest of fields and values. It is written to `room`. */
struct bytes cmd_stream_content_iid(const struct bytes *strings, size_t count,
                                    char room[CMD_STREAM_IID_BYTES]);

/* XIDMPRECORD key producer iid id: the stream knows this message. */
void cmd_stream_effect_record(struct key_view *kv, struct bytes producer, struct bytes iid,
                              struct stream_id id);

/* Effects that tell a stream, made from nothing elsewhere, all that this one knows of producers. */
void cmd_stream_effect_idmp(struct key_view *kv);

/* ---- keys ---- */

/* The stream of an open key. */
static inline struct stream *cmd_stream(const struct key_view *kv) {
    return entry_object(kv->entry);
}

/* Ends a change of the stream in place. */
static inline void cmd_stream_changed(struct key_view *kv) {
    key_swap(kv, kv->entry);
}

/* Opens argv[at_key] for writing and finds the group argv[at_key + 1] of the stream there. NULL: the error was replied,
 * "NOGROUP" when there is no such key or group. */
struct stream_group *cmd_stream_open_group(struct exec *x, int at_key, struct key_view *kv_out) ATTR_MUST_USE;

/* ---- replies ---- */

void cmd_stream_reply_id(struct exec *x, struct stream_id id);

/* The entry that the iterator stands at: its ID and an array of fields and values. */
void cmd_stream_reply_entry(struct exec *x, struct stream_iter *it);

/* The entry with this ID; false: there is none, nothing was written. */
bool cmd_stream_reply_one(struct exec *x, const struct stream *s, struct stream_id id);

/* An array of the entries from `start` to `end`; `max` of them at most, 0: all. */
void cmd_stream_reply_range(struct exec *x, const struct stream *s, struct stream_id start,
                            struct stream_id end, uint64_t max, bool is_reverse);

/* "NOGROUP No such key 'k' or consumer group 'g'" and what `tail` says. */
void cmd_stream_reply_no_group(struct exec *x, struct bytes key, struct bytes group, const char *tail);

/* "unknown subcommand or wrong number of arguments", for subcommands whose options do not fit. */
void cmd_stream_reply_subcommand(struct exec *x);

/* ---- consumers and effects ---- */

/* The consumer of the group, made when missing, with its effect and event; notes that it was seen. The stream is open for
 * writing. */
struct stream_consumer *cmd_stream_see_consumer(struct key_view *kv, struct stream_group *g,
                                                struct bytes name);

/* Messages that have become pending, or pending in another way, for the effects about them. */
struct stream_claims {
    struct key_view *kv;
    struct stream_group *group;
    struct stream_ids run; /* messages with equal counts, not logged yet */
    struct bytes consumer;
    int64_t delivery_ms;
    int64_t deliveries;
};

/* All messages of one list go to one consumer at one time. */
void cmd_stream_claims_init(struct stream_claims *claims, struct key_view *kv, struct stream_group *g,
                            struct bytes consumer, int64_t delivery_ms);

/* Notes a message. Messages with equal counts that follow each other share an effect: XCLAIM ... FORCE JUSTID. */
void cmd_stream_claims_put(struct stream_claims *claims, struct stream_id id, int64_t deliveries);

/* Emits what is left. */
void cmd_stream_claims_end(struct stream_claims *claims);

/* XGROUP SETID key group last-id ENTRIESREAD n: where the group's cursor is now. */
void cmd_stream_effect_cursor(struct key_view *kv, const struct stream_group *g);

/* WORD key [group] id ...: XDEL, XACK. `group` may be empty: then it is left out. */
void cmd_stream_effect_ids(struct key_view *kv, const char *word, const struct stream_group *g,
                           const struct stream_ids *list);
