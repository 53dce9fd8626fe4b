/* reload.h: loading the data from the log again while the server runs (DEBUG LOADAOF).
 *
 * It is the end of a log and the recovery of a start, one after the other, with the connections kept: all shards' threads
 * stop taking commands (clients hear -LOADING), let what is under way end, put their logs on the disk and close them, drop
 * their keys, and recover. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct exec;
struct parked;
struct shard;

enum reload_state {
    RELOAD_NONE,
    RELOAD_CALLED, /* all shards' threads are to come */
    RELOAD_ON,     /* all have come: none leaves before the end */
    RELOAD_OFF,    /* the server stops first: nobody begins */
};

struct reload {
    atomic_int state;
    atomic_uint arrived; /* threads that have come */
    atomic_uint busy;    /* shards with something under way, in this round */
    /* shard 0 writes, between two meetings */
    struct parked *parked; /* the command to be answered; NULL: there is none */
    int64_t deadline_ns;   /* for what is under way */
    bool is_quiet, is_given_up;
};

/* For a handler on shard 0: answers when it is done, or at once with an error. */
void reload_begin(struct exec *x);

static inline bool reload_is_wanted(const struct reload *reload) {
    return atomic_load_explicit(&reload->state, memory_order_acquire) == RELOAD_CALLED;
}

/* On each shard's thread, between two turns, when it is wanted. */
void reload_run(struct shard *shard);

/* On shard 0's thread, which comes no more because the server stops: answers a command that still waits. */
void reload_refuse(struct shard *shard);
