/* node.c: what server_run and shard_main do with threads, with tasks. */
#include "test/sim/world/node.h"

#include "core/base/mem.h"
#include "core/io/io_sim_world.h"
#include "shards/accept.h"
#include "shards/loop.h"
#include "shards/recovery.h"
#include "shards/shard_life.h"
#include "test/sim/world/coro.h"

#include <stdlib.h>
#include <unistd.h>

/* Servers that were killed: their memory cannot be freed in order, but it is no leak. */
struct node_grave {
    struct node_grave *next;
    struct server *server;
    struct config config;
};

static struct node_grave *node_graves;

/* The body of a shard's thread, from where the data is there. */
static void node_task(void *ctx) {
    struct shard *shard = ctx;
    while (!atomic_load(&shard->server->is_stopping))
        loop_turn(shard, true);
    server_end_shard(shard);
}

static void node_configure(struct config *config, const struct node_options *options) {
    config_init_defaults(config);
    config->shards = (int)options->shards;
    config->visiting = options->is_visiting_on;
    config->pipeline_order = options->is_order_relaxed ? PIPELINE_ORDER_RELAXED : PIPELINE_ORDER_STRICT;
    config->appendonly = options->has_log;
    config->appendfsync = options->appendfsync;
    if (options->is_ticking_fast)
        config->hz = 500;
}

static void node_listen(struct node *node) {
    struct server *server = node->server;
    struct listener *listener = &server->listeners[server->listener_count++];
    *listener = (struct listener){.ctx = server->shards[0]};
    listener->io.on_accept = accept_take;
    listener->io.fd = node->listen_fd = io_sim_listen(node->sim, NODE_PORT);
    must(io_listener_start(server->shards[0]->io, &listener->io) == ERR_OK);
}

static void node_open_shards(struct node *node) {
    char why[256] = "";
    for (unsigned i = 0; i < node->server->shard_count; i++) {
        struct shard *shard = node->server->shards[i];
        server_set_up_shard(shard);
        must(loop_open(shard, why, sizeof why));
        shard->is_open = true;
    }
}

bool node_open(struct node *node, struct io_sim *sim, struct sched *sched,
               const struct node_options *options) {
    char why[256] = "";
    *node = (struct node){.sim = sim, .sched = sched};
    node_configure(&node->config, options);
    sched_use(sched);
    node->server = server_new(&node->config, "sim", why, sizeof why);
    must(node->server != NULL);
    node->server->backend = IO_SIM;
    node->server->sim = sim;
    node->server->logger.fd = getenv("SIM_LOG") ? STDERR_FILENO : -1;
    node_open_shards(node);
    if (options->has_log) {
        node->server->recovery = recovery_new(node->server);
        if (!recovery_run_alone(node->server->recovery))
            return false;
    }
    node_listen(node);
    for (unsigned i = 0; i < node->server->shard_count; i++)
        sched_add(sched, node->server->shards[i]->io, node_task, node->server->shards[i]);
    node->is_up = true;
    return true;
}

static bool node_is_asleep(const struct node *node) {
    for (unsigned i = 0; i < node->sched->count; i++) {
        const struct sched_task *task = &node->sched->tasks[i];
        if (!task->is_asleep || CONTAINER_OF(task->io, struct sim_io, base)->is_awake)
            return false;
    }
    return true;
}

const char *node_find_forgotten(const struct node *node) {
    if (node->sched->has_exited || !node_is_asleep(node))
        return NULL;
    for (unsigned i = 0; i < node->server->shard_count; i++) {
        const struct shard *shard = node->server->shards[i];
        if (!inbox_is_empty(shard->inbox))
            return "all shards sleep, and one has messages";
        if (!link_is_empty(&shard->host.with_output))
            return "all shards sleep, and one has replies to send";
        if (!link_is_empty(&shard->resume) || atomic_load(&shard->wants_owner))
            return "all shards sleep, and one has work for its thread";
        if (!shard_set_is_empty(&shard->flush.filled) || atomic_load(&shard->order.is_held))
            return "all shards sleep in the middle of a flush";
    }
    return NULL;
}

bool node_is_quiet(const struct node *node) {
    for (unsigned i = 0; i < node->server->shard_count; i++) {
        const struct shard *shard = node->server->shards[i];
        if (!inbox_is_empty(shard->inbox) || shard->flush.outstanding || shard->locks.waiters ||
            !shard_set_is_empty(&shard->flush.to_look_at) || atomic_load(&shard->order.is_held))
            return false;
        for (const struct link *l = shard->conns.next; l != &shard->conns; l = l->next) {
            const struct conn *conn = CONTAINER_OF(l, struct conn, all_link);
            if (conn->in_flight || !reply_order_is_idle(&conn->order))
                return false;
        }
    }
    return true;
}

struct node_place {
    const struct node *node;
    unsigned shard;
};

static void node_check_owner(void *ctx, struct entry *e, uint64_t hash) {
    const struct node_place *place = ctx;
    (void)hash;
    must(shard_of_key(place->node->server, entry_key(e)) == place->shard);
}

void node_check(const struct node *node) {
    for (unsigned i = 0; i < node->server->shard_count; i++) {
        struct shard *shard = node->server->shards[i];
        must(shard->locks.count == 0);
        must(shard_set_is_empty(&shard->flush.filled) && shard_set_is_empty(&shard->flush.to_look_at));
        must(!atomic_load(&shard->order.is_held));
        locks_check(&shard->locks);
        for (int db = 0; db < shard->engine.db_count; db++) {
            const struct keyspace *ks = engine_find_db(&shard->engine, db);
            struct node_place place = {node, i};
            if (!ks)
                continue;
            keyspace_check(ks);
            struct keyspace_visitor visitor = {node_check_owner, &place};
            for (uint64_t at = 0; at != KEYSPACE_POSITION_END;)
                at = keyspace_scan(ks, at, 64, visitor);
        }
    }
}

void node_ask_stop(struct node *node) {
    server_stop(node->server);
}

void node_close(struct node *node) {
    sched_drop(node->sched);
    io_sim_close_fd(node->sim, node->listen_fd);
    server_free(node->server);
    config_deinit(&node->config);
    node->server = NULL;
    node->is_up = false;
}

void node_kill(struct node *node, bool is_power_cut) {
    struct node_grave *grave = mem_zalloc(sizeof *grave);
    grave->server = node->server;
    grave->config = node->config;
    grave->next = node_graves;
    node_graves = grave;
    if (is_power_cut)
        io_sim_power_cut(node->sim, 0);
    for (unsigned i = 0; i < node->server->shard_count; i++)
        io_sim_kill(node->server->shards[i]->io, is_power_cut);
    io_sim_close_fd(node->sim, node->listen_fd);
    sched_drop(node->sched);
    node->server = NULL;
    node->is_up = false;
}

struct keyspace *node_keyspace(const struct node *node, int db, struct bytes key) {
    return engine_get_db(&node->server->shards[shard_of_key(node->server, key)]->engine, db);
}
