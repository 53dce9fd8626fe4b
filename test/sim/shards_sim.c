/* shards_sim.c: several shards of the real server in one thread, under a seeded scheduler and a simulated network.
 *
 * Every seed is a run: which shard turns next, which of them sleep (and are visited), how the network cuts and delays
 * bytes, and what the clients send are all drawn from it. Clients run three workloads at once, each with a promise that
 * holds in every order of events:
 *
 *   registers   MSET writes one unique number to keys on several shards, MGET reads them: all equal, and never a number
 *               that was certainly overwritten before the read began
 *   causality   one pipeline SETs a, then b (other shards); readers pipeline GET b, GET a: a is never behind b
 *   ring        one token is RENAMEd around keys on several shards: EXISTS over all of them is always 1
 *
 *     shards_sim [SEEDS [FIRST]]      prints the seed of a failing run; give 1 and that seed to replay it
 */
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/io/io_sim.h"
#include "core/resp/resp_read.h"
#include "shards/accept.h"
#include "shards/loop.h"
#include "shards/server.h"
#include "shards/shard_life.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    SIM_PORT = 7000,
    SIM_CLIENTS = 7,
    SIM_OPS = 40,
    SIM_KEYS = 4,
    SIM_WRITES_MAX = SIM_CLIENTS * SIM_OPS + 1
};

enum sim_role { ROLE_REGISTER_WRITER, ROLE_REGISTER_READER, ROLE_CAUSE_WRITER, ROLE_CAUSE_READER, ROLE_RING };

struct sim_write {
    int64_t begun, ended; /* ended 0: not answered yet */
};

struct sim_client {
    enum sim_role role;
    int fd;
    int ops_left;
    int replies_due; /* of the request under way */
    int64_t begun;
    int64_t value;
    bool is_exists;
    struct buf to_send;
    struct buf received;
};

struct sim_run {
    uint64_t seed;
    struct rng rng;
    struct io_sim *sim;
    struct config config;
    struct server *server;
    struct listener listener;
    struct sim_client clients[SIM_CLIENTS];
    struct sim_write writes[SIM_WRITES_MAX]; /* registers; [0] is "never written" */
    int64_t next_value;
    int64_t next_cause;
    char keys[SIM_KEYS][16]; /* on different shards where there are as many */
    uint64_t steps;
    bool has_failed;
};

static void sim_fail(struct sim_run *run, const char *what, struct bytes reply) {
    printf("seed %llu: %s; reply: %.*s\n", (unsigned long long)run->seed, what, (int)reply.len,
           reply.len ? reply.ptr : "");
    run->has_failed = true;
}

/* ---- the server ---- */

/* Key names that spread over the shards. */
static void sim_choose_keys(struct sim_run *run) {
    unsigned found = 0;
    for (unsigned n = 0; found < SIM_KEYS; n++) {
        char name[16];
        snprintf(name, sizeof name, "k%u", n);
        if (shard_of_key(run->server, bytes_cstr(name)) == found % run->server->shard_count)
            memcpy(run->keys[found++], name, sizeof name);
    }
}

static void sim_open(struct sim_run *run, unsigned shards) {
    char why[256] = "";
    run->sim = io_sim_new(&(struct io_sim_options){.seed = run->seed});
    config_init_defaults(&run->config);
    run->config.shards = (int)shards;
    run->config.visiting = rng_below(&run->rng, 4) != 0;
    run->server = server_new(&run->config, "sim", why, sizeof why);
    must(run->server != NULL);
    run->server->backend = IO_SIM;
    run->server->sim = run->sim;
    for (unsigned i = 0; i < shards; i++) {
        server_set_up_shard(run->server->shards[i]);
        bool is_open = loop_open(run->server->shards[i], why, sizeof why);
        must(is_open);
    }
    run->listener = (struct listener){.ctx = run->server->shards[0]};
    run->listener.io.on_accept = accept_take;
    run->listener.io.fd = io_sim_listen(run->sim, SIM_PORT);
    enum err e = io_listener_start(run->server->shards[0]->io, &run->listener.io);
    must(e == ERR_OK);
    sim_choose_keys(run);
}

static struct shard *sim_shard_of(struct sim_run *run, const struct io *io) {
    for (unsigned i = 0; i < run->server->shard_count; i++)
        if (run->server->shards[i]->io == io)
            return run->server->shards[i];
    must(false);
    return NULL;
}

/* One turn of a shard; afterwards it may fall asleep, as its thread would: then others visit it. An awake one turns again
 * by itself, so its io is woken. */
static void sim_turn(struct sim_run *run, struct shard *shard) {
    if (!baton_is_held(&shard->baton))
        baton_take_back(&shard->baton);
    loop_turn(shard, rng_below(&run->rng, 2) == 0);
    locks_check(&shard->locks);
    if (rng_below(&run->rng, 3) == 0) {
        io_wake(shard->io);
        return;
    }
    baton_put_down(&shard->baton);
    if (!inbox_is_empty(shard->inbox) && baton_try_take(&shard->baton, BATON_OWNER))
        io_wake(shard->io);
}

static void sim_close(struct sim_run *run) {
    for (unsigned i = 0; i < run->server->shard_count; i++) {
        struct shard *shard = run->server->shards[i];
        if (!baton_is_held(&shard->baton))
            baton_take_back(&shard->baton);
    }
    io_listener_stop(run->server->shards[0]->io, &run->listener.io);
    for (unsigned i = 0; i < run->server->shard_count; i++)
        loop_close_conns(run->server->shards[i]);
    for (unsigned i = 0; i < run->server->shard_count; i++)
        loop_turn(run->server->shards[i], false);
    for (unsigned i = 0; i < run->server->shard_count; i++)
        loop_close(run->server->shards[i]);
    server_free(run->server);
    config_deinit(&run->config);
    for (int i = 0; i < SIM_CLIENTS; i++) {
        buf_deinit(&run->clients[i].to_send);
        buf_deinit(&run->clients[i].received);
    }
    io_sim_free(run->sim);
}

/* ---- clients ---- */

static void sim_command(struct sim_client *c, const char *name, int argc, const char *const *argv) {
    buf_printf(&c->to_send, "*%d\r\n$%zu\r\n%s\r\n", argc + 1, strlen(name), name);
    for (int i = 0; i < argc; i++)
        buf_printf(&c->to_send, "$%zu\r\n%s\r\n", strlen(argv[i]), argv[i]);
    c->replies_due++;
}

static void sim_request_ring(struct sim_run *run, struct sim_client *c) {
    const char *all[SIM_KEYS];
    char names[SIM_KEYS][24];
    for (int i = 0; i < SIM_KEYS; i++) {
        snprintf(names[i], sizeof names[i], "r%s", run->keys[i]);
        all[i] = names[i];
    }
    c->is_exists = rng_below(&run->rng, 3) == 0;
    if (c->is_exists) {
        sim_command(c, "EXISTS", SIM_KEYS, all);
        return;
    }
    const char *pair[2] = {all[rng_below(&run->rng, SIM_KEYS)], all[rng_below(&run->rng, SIM_KEYS)]};
    sim_command(c, "RENAME", 2, pair);
}

static void sim_request(struct sim_run *run, struct sim_client *c) {
    char number[24];
    c->begun = io_sim_now_ns(run->sim);
    c->ops_left--;
    switch (c->role) {
    case ROLE_REGISTER_WRITER: {
        c->value = ++run->next_value;
        run->writes[c->value].begun = c->begun;
        snprintf(number, sizeof number, "%lld", (long long)c->value);
        const char *argv[2 * SIM_KEYS];
        for (int i = 0; i < SIM_KEYS; i++) {
            argv[2 * i] = run->keys[i];
            argv[2 * i + 1] = number;
        }
        sim_command(c, "MSET", 2 * SIM_KEYS, argv);
        return;
    }
    case ROLE_REGISTER_READER: {
        const char *argv[SIM_KEYS];
        for (int i = 0; i < SIM_KEYS; i++)
            argv[i] = run->keys[i];
        sim_command(c, "MGET", SIM_KEYS, argv);
        return;
    }
    case ROLE_CAUSE_WRITER: {
        snprintf(number, sizeof number, "%lld", (long long)++run->next_cause);
        char a[24], b[24];
        snprintf(a, sizeof a, "c%s", run->keys[0]);
        snprintf(b, sizeof b, "c%s", run->keys[1]);
        sim_command(c, "SET", 2, (const char *const[]){a, number});
        sim_command(c, "SET", 2, (const char *const[]){b, number});
        return;
    }
    case ROLE_CAUSE_READER: {
        char a[24], b[24];
        snprintf(a, sizeof a, "c%s", run->keys[0]);
        snprintf(b, sizeof b, "c%s", run->keys[1]);
        sim_command(c, "GET", 1, (const char *const[]){b});
        sim_command(c, "GET", 1, (const char *const[]){a});
        return;
    }
    case ROLE_RING: sim_request_ring(run, c); return;
    }
}

/* The number in a bulk or integer reply; 0 for a null. Moves *reply behind it. */
static int64_t sim_take_number(struct bytes *reply) {
    size_t len = resp_reply_skip(*reply);
    must(len != 0 && len != RESP_REPLY_BROKEN);
    struct bytes one = bytes_of(reply->ptr, len);
    *reply = bytes_of(reply->ptr + len, reply->len - len);
    if (one.ptr[0] == '$' && one.ptr[1] == '-')
        return 0;
    const char *digits = one.ptr[0] == '$' ? (const char *)memchr(one.ptr, '\n', one.len) + 1 : one.ptr + 1;
    return strtoll(digits, NULL, 10);
}

/* True if some write began after `value` was complete and was complete before the read began. */
static bool sim_is_overwritten(const struct sim_run *run, int64_t value, int64_t read_begun) {
    int64_t ended = value ? run->writes[value].ended : -1;
    if (ended == 0)
        return false;
    for (int64_t v = 1; v <= run->next_value; v++) {
        const struct sim_write *w = &run->writes[v];
        if (v != value && w->ended != 0 && w->begun > ended && w->ended < read_begun)
            return true;
    }
    return false;
}

static void sim_check_registers(struct sim_run *run, struct sim_client *c, struct bytes reply) {
    struct bytes rest = reply;
    rest.ptr += 4;
    rest.len -= 4;
    int64_t first = sim_take_number(&rest);
    for (int i = 1; i < SIM_KEYS; i++)
        if (sim_take_number(&rest) != first)
            sim_fail(run, "a torn MGET", reply);
    if (sim_is_overwritten(run, first, c->begun))
        sim_fail(run, "a stale MGET", reply);
}

/* All replies of the request are there. */
static void sim_check(struct sim_run *run, struct sim_client *c, struct bytes reply) {
    struct bytes rest = reply;
    switch (c->role) {
    case ROLE_REGISTER_WRITER: run->writes[c->value].ended = io_sim_now_ns(run->sim); return;
    case ROLE_REGISTER_READER: sim_check_registers(run, c, reply); return;
    case ROLE_CAUSE_WRITER: return;
    case ROLE_CAUSE_READER: {
        int64_t b = sim_take_number(&rest);
        int64_t a = sim_take_number(&rest);
        if (a < b)
            sim_fail(run, "an effect before its cause", reply);
        return;
    }
    case ROLE_RING:
        if (c->is_exists && sim_take_number(&rest) != 1)
            sim_fail(run, "the token was lost or doubled", reply);
        return;
    }
}

/* Sends what the network takes and reads what has come. */
static void sim_client_step(struct sim_run *run, struct sim_client *c) {
    if (c->replies_due == 0 && c->ops_left > 0)
        sim_request(run, c);
    if (c->to_send.len) {
        ssize_t n = io_sim_write(run->sim, c->fd, buf_bytes(&c->to_send));
        must(n >= 0);
        buf_consume(&c->to_send, (size_t)n);
    }
    char bytes[4096];
    ssize_t n = io_sim_read(run->sim, c->fd, bytes, sizeof bytes);
    if (n <= 0)
        return;
    buf_put(&c->received, bytes, (size_t)n);
    size_t at = 0;
    int whole = 0;
    while (whole < c->replies_due) {
        size_t len = resp_reply_skip(bytes_of(c->received.ptr + at, c->received.len - at));
        must(len != RESP_REPLY_BROKEN);
        if (len == 0)
            return;
        at += len;
        whole++;
    }
    c->replies_due = 0;
    sim_check(run, c, bytes_of(c->received.ptr, at));
    buf_consume(&c->received, at);
}

static bool sim_is_done(const struct sim_run *run) {
    for (int i = 0; i < SIM_CLIENTS; i++)
        if (run->clients[i].ops_left > 0 || run->clients[i].replies_due > 0)
            return false;
    return true;
}

static void sim_connect(struct sim_run *run) {
    static const enum sim_role roles[SIM_CLIENTS] = {
        ROLE_REGISTER_WRITER,
        ROLE_REGISTER_WRITER,
        ROLE_REGISTER_READER,
        ROLE_CAUSE_WRITER,
        ROLE_CAUSE_READER,
        ROLE_RING,
        ROLE_RING,
    };
    for (int i = 0; i < SIM_CLIENTS; i++) {
        run->clients[i] = (struct sim_client){.role = roles[i], .ops_left = SIM_OPS};
        run->clients[i].fd = io_sim_connect(run->sim, SIM_PORT);
        must(run->clients[i].fd >= 0);
    }
    /* The token of the ring. */
    char key[24];
    snprintf(key, sizeof key, "r%s", run->keys[0]);
    struct shard *owner = run->server->shards[shard_of_key(run->server, bytes_cstr(key))];
    struct keyspace *ks = engine_get_db(&owner->engine, 0);
    keyspace_put(ks, keyspace_hash(ks, bytes_cstr(key)),
                 entry_new_str(bytes_cstr(key), BYTES_LIT("token"), ENTRY_NO_EXPIRE));
}

static bool sim_one(uint64_t seed) {
    struct sim_run run = {.seed = seed};
    rng_init(&run.rng, seed);
    sim_open(&run, 1 + (unsigned)rng_below(&run.rng, 4));
    sim_connect(&run);
    while (!sim_is_done(&run) && !run.has_failed) {
        if (++run.steps > 400000) {
            sim_fail(&run, "clients wait for ever", BYTES_NONE);
            break;
        }
        if (rng_below(&run.rng, 2)) {
            sim_client_step(&run, &run.clients[rng_below(&run.rng, SIM_CLIENTS)]);
            continue;
        }
        struct io *io = io_sim_step(run.sim);
        if (io)
            sim_turn(&run, sim_shard_of(&run, io));
    }
    bool ok = !run.has_failed;
    if (ok)
        sim_close(&run);
    return ok;
}

int main(int argc, char **argv) {
    uint64_t seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : 300;
    uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    uint64_t failed = 0;
    for (uint64_t seed = first; seed < first + seeds; seed++)
        if (!sim_one(seed) && ++failed == 3)
            break;
    printf("%llu passed, %llu failed\n", (unsigned long long)(seeds - failed), (unsigned long long)failed);
    return failed != 0;
}
