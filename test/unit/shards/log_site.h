/* log_site.h: a server with a log on a simulated disk, for the tests of this folder. */
#pragma once

#include "core/base/mem.h"
#include "core/io/io_sim.h"
#include "core/value/str.h"
#include "shards/loop.h"
#include "shards/recovery.h"
#include "shards/run.h"
#include "shards/server.h"
#include "shards/shard_life.h"
#include "shards/shard_log.h"

#include <criterion/criterion.h>
#include <stdio.h>

/* One server after the other on one simulated disk. */
struct site {
    struct io_sim *sim;
    struct io_fs *fs;
    struct config *config;
    struct server *server;
    bool refuses_tails; /* aof-load-truncated no */
};

/* Servers that were killed. There is no orderly way to free them; kept, so that leak detection still finds their memory. */
static struct {
    struct server *server;
    struct config *config;
} graves[1024];
static size_t grave_count;

static inline void site_begin(struct site *site) {
    *site = (struct site){.sim = io_sim_new(&(struct io_sim_options){.seed = 1})};
    site->fs = io_sim_fs(site->sim, 0);
}

static inline void site_end(struct site *site) {
    io_sim_free(site->sim);
}

static inline bool site_start(struct site *site, int shards) {
    char why[256] = "";
    site->config = mem_zalloc(sizeof *site->config);
    config_init_defaults(site->config);
    site->config->shards = shards;
    site->config->appendonly = true;
    site->config->aof_load_truncated = !site->refuses_tails;
    site->config->appendfsync = APPENDFSYNC_ALWAYS;
    site->server = server_new(site->config, "test", why, sizeof why);
    cr_assert(site->server != NULL, "%s", why);
    cr_assert_lt(grave_count, COUNT_OF(graves));
    graves[grave_count].server = site->server;
    graves[grave_count++].config = site->config;
    site->server->backend = IO_SIM;
    site->server->sim = site->sim;
    site->server->logger = (struct logger){.fd = -1};
    for (int i = 0; i < shards; i++) {
        server_set_up_shard(site->server->shards[i]);
        cr_assert(loop_open(site->server->shards[i], why, sizeof why));
    }
    struct recovery *recovery = recovery_new(site->server);
    bool ok = recovery_run_alone(recovery);
    recovery_free(recovery);
    return ok;
}

/* Everybody writes what he has; time passes. */
static inline void site_turn(struct site *site) {
    for (int i = 0; i < 40; i++) {
        for (unsigned k = 0; k < site->server->shard_count; k++)
            loop_turn(site->server->shards[k], false);
        io_sim_advance(site->sim, 10000000);
    }
}

/* Ends it as if it were killed. Tables are freed: leak detection cannot see entries through their tagged words. */
static inline void site_kill(struct site *site) {
    for (unsigned k = 0; k < site->server->shard_count; k++) {
        io_sim_kill(site->server->shards[k]->io, false);
        engine_deinit(&site->server->shards[k]->engine);
    }
}

/* Runs a command on one key on its owner. */
static inline void site_run(struct site *site, int db, int argc, const char *const *words) {
    struct bytes argv[8];
    struct buf reply = {0};
    uint64_t ticket;
    for (int i = 0; i < argc; i++)
        argv[i] = bytes_cstr(words[i]);
    struct shard *shard = site->server->shards[argc > 1 ? shard_of_key(site->server, argv[1]) : 0];
    struct request r = {
        .command = command_find(argc, argv), .argv = argv, .argc = argc, .db = db, .proto = 2};
    cr_assert(run_request(shard, &r, &reply, &ticket));
    cr_assert_neq(reply.ptr[0], '-', "%.*s", (int)reply.len, reply.ptr);
    buf_deinit(&reply);
}

#define RUN(site, db, ...)                                                                                   \
    site_run((site), (db), (int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *)),         \
             (const char *const[]){__VA_ARGS__})

static inline void cr_assert_value(struct site *site, int db, const char *key, const char *wanted) {
    struct shard *shard = site->server->shards[shard_of_key(site->server, bytes_cstr(key))];
    struct keyspace *ks = engine_find_db(&shard->engine, db);
    const struct entry *e =
        ks ? keyspace_find(ks, bytes_cstr(key), keyspace_hash(ks, bytes_cstr(key))) : NULL;
    char scratch[NUM_INT_TEXT_MAX];
    cr_assert((e != NULL) == (wanted != NULL), "%s in database %d", key, db);
    if (e)
        cr_assert(bytes_equal(str_view(e, scratch), bytes_cstr(wanted)), "%s in database %d", key, db);
}
