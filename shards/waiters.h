/* waiters.h: who waits for the keys of this shard, in order of arrival, and how they are served.
 *
 * The owner's side of waiting (waiter.h). For each key that is waited for there is a queue of tickets. A command that
 * makes such a key ready (engine_ops.on_ready) puts the key on a list; when its handler is done, and before anything else
 * runs, waiters_serve runs the waiters' commands again. So they come right behind the command that woke them, inside its
 * frame of the log and behind its locks, and what one of them makes ready (BLMOVE) is served in the same go.
 *
 *     exec_run(...)
 *     if (waiters_are_due(&shard->waiters)) waiters_serve(shard, ...)
 *     ticket = shard_log_end(...)
 *     waiters_answer(shard, ticket)
 *
 * Owner: whoever acts as the shard. */
#pragma once

#include "shards/waiter.h"

struct shard;

struct waiters {
    struct waited_key **buckets; /* NULL before the first */
    unsigned bucket_count;
    unsigned count;       /* keys that are waited for */
    struct link ready;    /* waited keys that have become ready */
    struct link served;   /* waiters to be answered (waiter.served_link) */
    struct link to_queue; /* parts whose keys are lent away (waiter_part.link) */
    struct waiter *fresh; /* made by the transaction that is running here */
    bool is_serving;
    bool is_in_hand; /* of serving: the ready keys are ours, locked or not */
    bool has_place;  /* of serving: inside a frame of the log whose place was kept */
};

void waiters_init(struct waiters *waiters);
void waiters_deinit(struct waiters *waiters);

/* engine_ops.block: the running command waits. `ctx` is the shard. */
bool waiters_block(void *ctx, struct exec *x, const struct exec_block *how);

/* The waiter that the transaction's handler, run just now over lent keys, has made. */
static inline struct waiter *waiters_take_fresh(struct waiters *waiters) {
    struct waiter *fresh = waiters->fresh;
    must(fresh != NULL);
    waiters->fresh = NULL;
    return fresh;
}

/* engine_ops.on_ready: somebody may wait for the key. `ctx` is the shard. */
void waiters_note_ready(void *ctx, int db, struct bytes key, uint64_t hash);

/* Other keys have come in the place of all keys of this database. */
void waiters_note_replaced(struct shard *shard, int db);

static inline bool waiters_are_due(const struct waiters *waiters) {
    return UNLIKELY(waiters->ready.next != &waiters->ready);
}

/* Serves those who wait for what has become ready, and for what that makes ready. Inside the log's bracket of the command
 * that did it; has_place: that command's place in the log was kept while others ran. */
void waiters_serve(struct shard *shard, bool has_place);

/* That command is in the log: sends the replies of those who were served with it. `ticket` is its own. */
void waiters_answer(struct shard *shard, uint64_t ticket);

/* Outside of any such bracket (expiry in the background, a transaction that only reads): serves, logs and answers.
 * is_in_hand: the ready keys are locked for us or not at all; else those that are locked are waited for. */
void waiters_serve_apart(struct shard *shard, bool is_in_hand);

/* Message `forget` of a part: the wait is over. Gives the places up and sends the part home. */
void waiters_forget_arrive(struct shard *shard, struct message *message);

/* ---- transactions over lent keys ---- */

/* The part's tickets take their places, in the step in which the keys come home from the look that found them empty; or
 * they stand there already, and the run that they were told of is over. */
void waiters_stand(struct shard *shard, struct waiter_part *part);

/* A lent key has come home: those who were kept waiting behind a run that is now over are due. */
void waiters_note_home(struct shard *shard, int db, struct bytes key, uint64_t hash);

/* ---- looking ---- */

/* The number of keys that somebody waits for here. */
static inline unsigned waiters_key_count(const struct waiters *waiters) {
    return waiters->count;
}

/* The number of those among them whose end is waited for, too. */
unsigned waiters_needy_count(const struct waiters *waiters);

/* Verifies queues and counts; must() on damage. */
void waiters_check(const struct waiters *waiters);

/* Prints the queues. */
void waiters_dump(const struct waiters *waiters, struct buf *text);
