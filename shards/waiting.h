/* waiting.h: the clients of this shard whose command waits (BLPOP, XREAD BLOCK).
 *
 * The coordinator's side of waiting (waiter.h): it knows which connection waits, ends the wait when its time is over, when
 * CLIENT UNBLOCK says so or when the connection closes, runs commands again that need keys of several owners, delivers the
 * reply, and frees the waiter when all owners have given back their parts.
 *
 * Owner: whoever acts as the shard, but timers and transactions run on its own thread, in its turn. */
#pragma once

#include "shards/waiter.h"

struct shard;

struct waiting {
    struct link all;          /* waiters whose clients wait (waiter.link) */
    struct link due;          /* waiters that must be run again as transactions (waiter.due) */
    struct link ended;        /* waiters whose parts are not all home (waiter.link) */
    unsigned count;           /* of `all` */
    unsigned timed_count;     /* of these, with a timeout */
    struct timer_wheel wheel; /* in milliseconds of the wall clock */
};

/* `now_ms` is the wall clock. */
void waiting_init(struct waiting *waiting);
void waiting_deinit(struct waiting *waiting);

/* The wall clock's first value. */
void waiting_set_clock(struct shard *shard, int64_t now_ms);

/* A waiter was made here, by a transaction that this shard has run; its parts go out with the keys. */
void waiting_begin(struct shard *shard, struct waiter *w);

/* Message `begun`: a waiter was made by the owner of all its keys. */
void waiting_begun_arrive(struct shard *shard, struct message *message);

/* Message `served`: an owner has run the command. */
void waiting_served_arrive(struct shard *shard, struct message *message);

/* Message `ready` of a part: the command should be run again as a transaction. */
void waiting_ready_arrive(struct shard *shard, struct message *message);

/* Message `forget` of a part: it has come home. */
void waiting_home_arrive(struct shard *shard, struct message *message);

/* The transaction that ran the waiter's command again is over, the lent keys are on their way home. is_served: it was
 * claimed and has answered, and the reply goes to the waiter's slot next. Else it waits on, or its wait has ended. */
void waiting_txn_ran(struct shard *shard, struct waiter *w, bool is_served);

/* CLIENT UNBLOCK: ends the wait of the client with this number. */
enum waiter_race waiting_unblock(struct shard *shard, uint64_t conn_id, bool is_error);

/* conn_host.on_closing: the connection is being closed. */
void waiting_conn_closing(struct conn *conn);

/* Once a turn: ends the waits whose time is over. */
void waiting_tick(struct shard *shard);

/* Once a turn: sends the transactions that are due. */
void waiting_run_due(struct shard *shard);

/* The time, in milliseconds of the wall clock, at which waiting_tick has something to do; INT64_MAX: never. */
int64_t waiting_next_ms(const struct waiting *waiting);
