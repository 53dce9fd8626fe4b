/* waiters_internal.h: what the files of waiters share: the queue of one key. */
#pragma once

#include "shards/waiters.h"

struct waited_key {
    struct waited_key *next;
    uint64_t hash;
    int db;
    unsigned count;
    uint64_t events;      /* times that it has become ready */
    unsigned needy_count; /* tickets of waiters that also wait for the key to go away */
    bool is_held;         /* a run for it is under way elsewhere: nobody behind is served */
    bool is_busy;         /* its queue is being walked */
    struct link tickets;
    struct link ready; /* waiters.ready */
    size_t name_bytes;
    char name[];
};

/* Frees the key if nobody waits for it and nobody is about to look at it. */
void waiters__drop_key(struct shard *shard, struct waited_key *key);

/* Gives up the places of all the part's tickets. */
void waiters__leave_places(struct shard *shard, struct waiter_part *part);

/* Those who wait for the key and have not looked at its last event will be looked at. */
void waiters__look_at(struct shard *shard, struct waited_key *key);

/* The run that the part was told of is over, or will not be: who was kept waiting behind it is looked at. */
void waiters__untell(struct shard *shard, struct waiter_part *part);
