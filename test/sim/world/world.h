/* world.h: a seeded run: one node, its clients, and the workloads they do.
 *
 * A *work* is a set of clients with a promise that holds in every order of events. A client has one operation under way
 * at a time: a pipeline of commands whose replies are checked together. Works say what they do with a connection that
 * ends under an operation; some cannot bear it and their clients never leave. */
#pragma once

#include "core/base/buf.h"
#include "core/base/rng.h"
#include "test/sim/world/node.h"

enum { WORLD_CLIENTS_MAX = 16, WORLD_KEYS = 4, WORLD_KEY_MAX = 24 };

struct world;
struct client;

struct work {
    const char *name;
    size_t shared_bytes; /* of world->shared[]: zero at first */
    size_t client_bytes; /* of client->own: zero at first */
    unsigned clients_min, clients_max;
    bool bears_relaxed; /* its promise holds with pipeline-order relaxed, too */
    bool may_leave;     /* its clients may drop their connection in the middle of an operation */
    /* Before the first client; may be NULL. */
    void (*begin)(struct world *world, void *shared);
    /* A connection was made: commands put here are answered before the first operation, unchecked. May be NULL. */
    void (*greet)(struct client *client);
    /* Puts the commands of the next operation. */
    void (*request)(struct client *client);
    /* All replies of the operation are there. */
    void (*check)(struct client *client);
    /* The connection ended, or a command was refused because the log cannot be written (client->is_refused): the
     * operation under way may have happened, in part or as a whole, or not. May be NULL. */
    void (*lost)(struct client *client);
    /* The server has died and started again (world->died_ns tells when); all clients have lost their connections. Judges
     * the data, by world_value, and forgets what was rightly lost. May be NULL. */
    void (*crashed)(struct world *world, void *shared);
    /* What these own beyond their own bytes; may be NULL. */
    void (*free_shared)(void *shared);
    void (*free_client)(struct client *client);
};

struct client {
    struct world *world;
    const struct work *work;
    void *shared;
    void *own;
    unsigned number; /* in the world */
    unsigned role;   /* among the clients of this work: 0, 1, ... */
    int fd;          /* -1: not connected */
    bool is_greeting;
    bool is_refused;
    unsigned steps_to_leave;  /* 0: stays */
    unsigned steps_to_listen; /* to what comes unasked; then it leaves */
    bool is_slow;             /* reads rarely */
    unsigned ops_left;
    unsigned due; /* replies of the operation under way */
    unsigned got;
    uint64_t begun; /* the step in which it was begun */
    size_t parsed;  /* bytes of `received` that are whole replies */
    size_t *ends;   /* of the replies so far */
    size_t ends_cap;
    struct buf to_send;
    struct buf received;
};

struct world {
    uint64_t seed;
    struct rng rng;
    struct io_sim *sim;
    struct sched sched;
    struct node node;
    struct node_options options;
    const struct work *works[WORLD_CLIENTS_MAX];
    void *shared[WORLD_CLIENTS_MAX];
    unsigned work_count;
    struct client clients[WORLD_CLIENTS_MAX];
    unsigned client_count;
    unsigned leave_one_in; /* operations under which a connection is dropped; 0: none */
    unsigned pace;         /* of 16 steps, those of clients */
    unsigned step_ns_max;
    bool has_small_window;                /* connections carry little at a time: no huge pipelines */
    char keys[WORLD_KEYS][WORLD_KEY_MAX]; /* on different shards where there are as many */
    uint64_t step;
    int64_t died_ns;     /* of the last crash */
    bool is_disk_broken; /* in this life, or in the one before the start that is judged */
    bool has_failed;
};

/* All works; NULL at the end. */
extern const struct work *const world_works[];
extern const struct work work_registers, work_cause;

/* ---- running (world.c) ---- */

/* Reports the seed and what is wrong; the run ends. */
void world_fail(struct world *world, const char *what, ...) ATTR_PRINTF(2, 3);

/* Names n keys with this prefix that spread over the shards as world->keys do. */
void world_key(const struct world *world, const char *prefix, unsigned n, char name[WORLD_KEY_MAX]);

/* Adds a work with its clients, `ops` operations each. */
void world_add_work(struct world *world, const struct work *work, unsigned ops);

/* Makes the node; false if it cannot start. */
bool world_open(struct world *world, uint64_t seed, const struct node_options *options);

/* One step: of a client, or of the server. */
void world_step(struct world *world);

/* One step of the server while clients do nothing. False: it has come to its end. */
bool world_step_server(struct world *world);

bool world_is_done(const struct world *world);

/* May a crash take what was acknowledged? */
bool world_may_lose(const struct world *world);

/* The server's process dies, or its machine's power. */
void world_die(struct world *world, bool is_power_cut);

/* It starts again; works judge the data. False if it refuses to start. */
bool world_start_again(struct world *world, const struct node_options *options);

/* Looks up a string key in the node's data: appends its text to `out` (may be NULL); false if there is none. */
bool world_value(const struct world *world, int db, const char *key, struct buf *out);

/* The same as a number; `missing` if there is none. */
int64_t world_number(const struct world *world, const char *key, int64_t missing);

/* A sum over all keys that do not expire, their values and databases. */
uint64_t world_digest(const struct world *world);

/* Frees the clients and the world; the node must be closed or killed. */
void world_close(struct world *world);

/* ---- for works (client.c) ---- */

/* Adds a command to the operation. */
void client_put(struct client *client, int argc, const char *const *argv);

/* The same from words in one string, split at spaces. */
void client_say(struct client *client, const char *format, ...) ATTR_PRINTF(2, 3);

/* The n-th reply of the operation. */
struct bytes client_reply(const struct client *client, unsigned n);

/* Some bytes of the operation's replies, for reports. */
struct bytes client_replies(const struct client *client);

unsigned client_pick(struct client *client, unsigned bound);

void client_step(struct client *client);
void client_drop(struct client *client);
void client_free(struct client *client);

/* The number in an integer or bulk reply; CLIENT_NULL for a null. Fails the run if it is neither. */
#define CLIENT_NULL INT64_MIN
int64_t client_number(struct client *client, struct bytes reply);

/* The n-th element of an array reply. */
struct bytes client_element(struct client *client, struct bytes reply, unsigned n);
