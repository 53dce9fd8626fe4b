/* waiter.h: one command that waits for a key (BLPOP, XREAD BLOCK), and the word that decides who ends its wait.
 *
 * A waiter belongs to two sides. Its *coordinator*, the shard of the connection, knows the client: it holds the timer,
 * hears of CLIENT UNBLOCK and of a connection that closes (waiting.h). The *owners* of its keys hold its tickets, one in
 * the queue of each key it waits for (waiters.h), and run the command again when a key becomes ready.
 *
 * Several may want to end the wait at the same moment: owners of different keys, and the coordinator. One atomic word
 * decides:
 *
 *     WAITING ──claim──> TAKEN ──served──> DONE        whoever claims runs the command
 *        ^                 │
 *        └── release ──────┘                           it was not served after all: it waits on, in its place
 *     WAITING ──end────> DONE                          the coordinator: timeout, unblock, close
 *
 * Forbidden interleaving: two owners serve one waiter, and an element is popped for nobody; or the timer answers a null
 * while an owner pops. Both begin with a compare-and-swap from WAITING, which one of them wins. Who finds the word TAKEN
 * leaves a mark (POKED) if he brought a key that may serve the waiter: if it is then released, he who releases it sees the
 * mark and has the command run once more, over all keys. Without the mark, owner 2 would pass over a waiter that owner
 * 1 is just finding unserved, and nobody would look again: a lost wake-up.
 *
 * Memory: made by the shard that saw the keys empty, freed by the coordinator when every part has come home. What is
 * under "constant" may be read by all; tickets are their owner's; the rest is the coordinator's, except `reply` and
 * `ticket`, which belong to the claimer until he gives them away. */
#pragma once

#include "core/base/buf.h"
#include "core/exec/exec.h"
#include "core/io/timer_wheel.h"
#include "shards/locks.h"
#include "shards/message.h"
#include "shards/request.h"
#include "shards/yield.h"

#include <stdatomic.h>

enum waiter_state {
    WAITER_WAITING,
    WAITER_TAKEN,
    WAITER_POKED, /* TAKEN, and somebody wanted it meanwhile */
    WAITER_DONE,
};

/* How a command is run again. */
enum waiter_mode {
    WAITER_WHOLE, /* all its keys have one owner, who runs it as it is */
    WAITER_ALONE, /* keys of several owners, any of which can serve it: the owner of the ready key runs it over that one */
    WAITER_TXN, /* it needs keys of several owners: its coordinator runs it over lent keys */
};

/* Why a wait ends unserved. */
enum waiter_end {
    WAITER_END_TIMEOUT,
    WAITER_END_UNBLOCK_TIMEOUT,
    WAITER_END_UNBLOCK_ERROR,
    WAITER_END_CLOSE
};

struct waited_key;
struct waiter;

/* A place in the queue of one key. */
struct ticket {
    struct link link; /* waited_key.tickets; unlinked while there is no such place */
    struct waited_key *key;
    struct waiter_part *part;
    struct bytes name; /* points into the waiter's arguments */
    uint64_t hash;
    uint64_t seen; /* the last event of the key that its command has looked at, or is about to */
};

/* What of a waiter is at one owner. */
struct waiter_part {
    struct message forget; /* from the coordinator, and home again */
    struct message ready;  /* to the coordinator: it should be run again as a transaction */
    struct waiter *waiter;
    unsigned owner;
    struct ticket *tickets;
    unsigned ticket_count;
    bool is_away; /* coordinator's: the owner has it */

    /* the owner's */
    bool is_told;              /* its next run is under way: nobody needs to wake it */
    bool is_queued;            /* `locked` has entered */
    bool is_forgotten;         /* goes home when it has left the queues of locked keys */
    struct lock_waiter locked; /* waits for keys that are lent away, or for one of them: */
    const struct ticket *alone;
    struct log_slot *log_slot;
    struct link link; /* waiters.to_queue */
};

struct waiter {
    atomic_int state; /* enum waiter_state */

    /* constant */
    struct request request; /* argv is the waiter's own; to.conn is for the coordinator only */
    struct buf args;
    struct bytes *argv;
    int64_t deadline_ms;
    enum waiter_mode mode;
    uint8_t value_type; /* enum value_type of the keys that can serve it */
    bool is_null_array;
    bool needs_all_keys;
    bool is_any; /* it waits for all its keys, and any of them can serve it */
    unsigned part_count;
    struct waiter_part *parts;

    /* the claimer's */
    struct message served;   /* to the coordinator, with the reply; at first: that it waits */
    struct link served_link; /* waiters.served */
    struct buf reply;
    unsigned served_by;
    uint64_t ticket; /* log record that the reply stands on */

    /* the coordinator's */
    struct message begun;    /* WAITER_WHOLE: the owner tells that it waits */
    struct link link;        /* waiting.all */
    struct link due;         /* waiting.due */
    struct timer_node timer; /* deadline_ms, or the next try of `wish` */
    bool is_timed;           /* it has a deadline */
    bool is_closing;         /* its connection is closed */
    bool is_running;         /* a transaction runs it again */
    unsigned away;           /* parts that owners have */
};

/* Copies the request that is running, with the arguments that `how` names, and makes a part for each owner; the tickets
 * stand nowhere yet. key_part[k] is the part that the k-th waited key belongs to, 0 .. part_count - 1; NULL: there is one
 * part. */
struct waiter *waiter_new(const struct exec *x, const struct request *request, const struct exec_block *how,
                          enum waiter_mode mode, unsigned part_count, const unsigned *key_part);
void waiter_free(struct waiter *w);

static inline bool waiter_is_done(const struct waiter *w) {
    return atomic_load_explicit(&w->state, memory_order_acquire) == WAITER_DONE;
}

/* Tries to get the right to run the command. False: it is done, or somebody has it, who will look again if need be. */
bool waiter_claim(struct waiter *w);

/* The claimed command was not served: it waits on. True: it was wanted meanwhile and must be run again over all keys. */
bool waiter_release(struct waiter *w) ATTR_MUST_USE;

/* The claimed command has been served. */
void waiter_finish(struct waiter *w);

enum waiter_race { WAITER_RACE_WON, WAITER_RACE_BUSY, WAITER_RACE_LOST };

/* The coordinator wants to end the wait. BUSY: it is being run at this moment; try again soon. */
enum waiter_race waiter_try_end(struct waiter *w);
