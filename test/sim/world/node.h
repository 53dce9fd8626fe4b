/* node.h: one server, all its shards as tasks of the scheduler, in a simulated world. */
#pragma once

#include "core/config/config.h"
#include "shards/server.h"
#include "test/sim/world/sched.h"

enum { NODE_PORT = 7000 };

struct node_options {
    unsigned shards;
    bool is_visiting_on;
    bool is_order_relaxed;
    bool has_log;
    enum appendfsync appendfsync;
    bool is_ticking_fast; /* hz 500: keys that expire are found soon */
};

struct node {
    struct io_sim *sim;
    struct sched *sched;
    struct config config;
    struct server *server;
    int listen_fd;
    bool is_up;
};

/* Starts it. With a log the data is recovered first: false if that is refused. */
bool node_open(struct node *node, struct io_sim *sim, struct sched *sched,
               const struct node_options *options);

/* Is anything under way: a message, a batch, a command of a connection, a locked key? */
bool node_is_quiet(const struct node *node);

/* All threads sleep and none is about to wake: then nobody may have been sent anything, nor have anything to send. Gives
 * what is wrong, NULL if nothing is. */
const char *node_find_forgotten(const struct node *node);

/* When nothing is under way: what must be true of each shard. Aborts. */
void node_check(const struct node *node);

/* Asks it to stop; the tasks end by themselves in some steps. */
void node_ask_stop(struct node *node);

/* After all tasks have ended: frees it. */
void node_close(struct node *node);

/* Ends it as a crash of its process does, or of its machine. What its tasks had on their stacks is lost; the rest is
 * kept where leak checkers find it. */
void node_kill(struct node *node, bool is_power_cut);

/* The database of a key's owner; for looking into it from outside. */
struct keyspace *node_keyspace(const struct node *node, int db, struct bytes key);
