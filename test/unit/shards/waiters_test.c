/* Waiting over one and several shards, step by step, against a naive twin: a list of clients in the order in which they
 * began to wait. The shards are run by hand, each command until nothing is under way. */
#include "shards/waiters.h"

#include "core/base/mem.h"
#include "shards/route.h"
#include "shards/run.h"
#include "shards/server.h"
#include "shards/shard_life.h"
#include "shards/txn.h"
#include "shards/waiting.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum { CLIENTS = 9, KEYS = 7, STEPS = 4000, ITEMS_MAX = 64, START_MS = 1000000 };

struct twin_client {
    struct conn conn;
    struct shard *home;
    bool is_waiting;
    uint64_t since; /* steps: the order of arrival */
    int64_t deadline_ms;
    int keys[KEYS];
    int key_count;
    char expected[64];
};

struct twin {
    struct config *config;
    struct server *server;
    struct rng rng;
    int64_t now_ms;
    uint64_t step;
    int items[KEYS][ITEMS_MAX];
    int item_count[KEYS];
    struct twin_client clients[CLIENTS];
};

static void begin(struct twin *t, int shards, uint64_t seed) {
    char why[256] = "";
    *t = (struct twin){.now_ms = START_MS};
    rng_init(&t->rng, seed);
    t->config = mem_zalloc(sizeof *t->config);
    config_init_defaults(t->config);
    t->config->shards = shards;
    t->server = server_new(t->config, "test", why, sizeof why);
    cr_assert(t->server != NULL, "%s", why);
    t->server->logger = (struct logger){.fd = -1};
    for (int i = 0; i < shards; i++) {
        server_set_up_shard(t->server->shards[i]);
        engine_set_clock(&t->server->shards[i]->engine, t->now_ms * 1000);
        waiting_set_clock(t->server->shards[i], t->now_ms);
    }
    for (int i = 0; i < CLIENTS; i++) {
        struct twin_client *c = &t->clients[i];
        c->home = t->server->shards[i % shards];
        c->conn = (struct conn){.host = &c->home->host, .proto = 2, .id = (uint64_t)i + 1, .in_flight = 1};
    }
}

static void end(struct twin *t) {
    for (int i = 0; i < CLIENTS; i++) {
        link_remove(&t->clients[i].conn.output_link);
        buf_deinit(&t->clients[i].conn.out);
        reply_order_deinit(&t->clients[i].conn.order);
    }
    server_free(t->server);
    config_deinit(t->config);
    mem_free(t->config);
}

/* Runs all shards until nothing is under way. */
static void settle(struct twin *t) {
    unsigned quiet = 0; /* shards in a row that had nothing to do */
    for (unsigned i = 0; quiet <= t->server->shard_count; i = (i + 1) % t->server->shard_count) {
        struct shard *shard = t->server->shards[i];
        bool has_sent = !shard_set_is_empty(&shard->flush.filled) || !link_is_empty(&shard->waiting.due);
        waiting_run_due(shard);
        flush_push(shard);
        quiet = shard_run_inbox(shard) || has_sent ? 0 : quiet + 1;
    }
    for (unsigned i = 0; i < t->server->shard_count; i++) {
        waiters_check(&t->server->shards[i]->waiters);
        timer_wheel_check(&t->server->shards[i]->waiting.wheel);
        cr_assert_eq(t->server->shards[i]->locks.waiters, 0);
    }
}

static struct bytes key_name(int key) {
    static const char *const names[KEYS] = {"k0", "k1", "k2", "k3", "k4", "k5", "k6"};
    return bytes_cstr(names[key]);
}

/* ---- the twin ---- */

static struct twin_client *first_waiting_for(struct twin *t, int key) {
    struct twin_client *first = NULL;
    for (int i = 0; i < CLIENTS; i++) {
        struct twin_client *c = &t->clients[i];
        bool wants = false;
        for (int k = 0; k < c->key_count && c->is_waiting; k++)
            wants |= c->keys[k] == key;
        if (wants && (!first || c->since < first->since))
            first = c;
    }
    return first;
}

static int take(struct twin *t, int key) {
    int item = t->items[key][0];
    t->item_count[key]--;
    memmove(&t->items[key][0], &t->items[key][1], sizeof(int) * (size_t)t->item_count[key]);
    return item;
}

static void expect_item(struct twin *t, struct twin_client *c, int key) {
    char item[16];
    int size = snprintf(item, sizeof item, "%d", take(t, key));
    snprintf(c->expected, sizeof c->expected, "*2\r\n$2\r\nk%d\r\n$%d\r\n%s\r\n", key, size, item);
    c->is_waiting = false;
}

static void twin_serve(struct twin *t, int key) {
    struct twin_client *c;
    while (t->item_count[key] && (c = first_waiting_for(t, key)) != NULL)
        expect_item(t, c, key);
}

/* ---- steps ---- */

static void push(struct twin *t, int key) {
    char text[16];
    int item = (int)t->step;
    struct shard *owner = t->server->shards[shard_of_key(t->server, key_name(key))];
    struct bytes argv[3] = {BYTES_LIT("RPUSH"), key_name(key),
                            bytes_of(text, (size_t)snprintf(text, sizeof text, "%d", item))};
    struct request r = {.command = command_get(COMMAND_RPUSH), .argv = argv, .argc = 3, .proto = 2};
    struct buf out;
    uint64_t ticket;
    buf_init(&out);
    if (t->item_count[key] < ITEMS_MAX) {
        cr_assert(run_request(owner, &r, &out, &ticket));
        t->items[key][t->item_count[key]++] = item;
        twin_serve(t, key);
    }
    buf_deinit(&out);
}

/* BLPOP by an idle client; of several keys with elements, the first of the arguments serves. */
static void wait_for_keys(struct twin *t, struct twin_client *c) {
    struct bytes argv[KEYS + 2] = {BYTES_LIT("BLPOP")};
    bool is_timed = rng_below(&t->rng, 3) == 0;
    c->key_count = 1 + (int)rng_below(&t->rng, KEYS);
    for (int k = 0; k < c->key_count; k++) {
        c->keys[k] = (int)rng_below(&t->rng, KEYS);
        argv[1 + k] = key_name(c->keys[k]);
    }
    argv[1 + c->key_count] = is_timed ? BYTES_LIT("0.005") : BYTES_LIT("0");
    c->deadline_ms = is_timed ? t->now_ms + 5 : INT64_MAX;
    c->since = t->step;
    c->is_waiting = true;
    for (int k = 0; k < c->key_count && c->is_waiting; k++)
        if (t->item_count[c->keys[k]])
            expect_item(t, c, c->keys[k]);
    struct request r = {
        .command = command_get(COMMAND_BLPOP), .argv = argv, .argc = c->key_count + 2, .proto = 2};
    struct command_keys keys;
    command_keys_init(&keys);
    cr_assert(command_keys_find(r.command, r.argc, r.argv, &keys));
    unsigned owner = shard_of_key(t->server, argv[1]);
    bool is_one = true;
    for (int k = 1; k < c->key_count; k++)
        is_one &= shard_of_key(t->server, argv[1 + k]) == owner;
    c->conn.in_flight++;
    uint64_t slot = reply_order_open(&c->conn.order, false);
    if (is_one) {
        r.to = (struct reply_to){.conn = &c->conn, .slot = slot, .coordinator = (uint16_t)c->home->index};
        flush_add(c->home, owner, &r);
    } else {
        txn_begin(c->home, &c->conn, slot, &r, &keys);
    }
    command_keys_deinit(&keys);
}

static void end_in_vain(struct twin_client *c, const char *reply) {
    c->is_waiting = false;
    snprintf(c->expected, sizeof c->expected, "%s", reply);
}

static void unblock(struct twin *t, struct twin_client *c) {
    bool is_error = rng_below(&t->rng, 2);
    enum waiter_race race = waiting_unblock(c->home, c->conn.id, is_error);
    cr_assert_eq(race, c->is_waiting ? WAITER_RACE_WON : WAITER_RACE_LOST);
    if (c->is_waiting)
        end_in_vain(c, is_error ? "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n" : "*-1\r\n");
}

static void pass_time(struct twin *t) {
    t->now_ms += 3;
    for (unsigned i = 0; i < t->server->shard_count; i++) {
        engine_set_clock(&t->server->shards[i]->engine, t->now_ms * 1000);
        waiting_tick(t->server->shards[i]);
    }
    for (int i = 0; i < CLIENTS; i++)
        if (t->clients[i].is_waiting && t->clients[i].deadline_ms <= t->now_ms)
            end_in_vain(&t->clients[i], "*-1\r\n");
}

static void check_replies(struct twin *t, uint64_t seed) {
    for (int i = 0; i < CLIENTS; i++) {
        struct twin_client *c = &t->clients[i];
        struct bytes got = buf_bytes(&c->conn.out);
        cr_assert(bytes_equal(got, bytes_cstr(c->expected)),
                  "seed %llu, step %llu, client %d: \"%.*s\", not \"%s\"", (unsigned long long)seed,
                  (unsigned long long)t->step, i, (int)got.len, got.ptr, c->expected);
        cr_assert_eq(c->conn.waiter != NULL, c->is_waiting,
                     "shards %u seed %llu step %llu client %d waits %d", t->server->shard_count,
                     (unsigned long long)seed, (unsigned long long)t->step, i, (int)c->is_waiting);
        c->conn.out.len = 0;
        c->expected[0] = '\0';
    }
}

static void run_model(int shards, uint64_t seed) {
    static struct twin t;
    begin(&t, shards, seed);
    for (t.step = 1; t.step <= STEPS; t.step++) {
        struct twin_client *c = &t.clients[rng_below(&t.rng, CLIENTS)];
        unsigned what = (unsigned)rng_below(&t.rng, 10);
        if (what < 4)
            push(&t, (int)rng_below(&t.rng, KEYS));
        else if (what == 4)
            pass_time(&t);
        else if (what == 5)
            unblock(&t, c);
        else if (!c->is_waiting)
            wait_for_keys(&t, c);
        settle(&t);
        check_replies(&t, seed);
    }
    for (int i = 0; i < CLIENTS; i++)
        if (t.clients[i].is_waiting)
            unblock(&t, &t.clients[i]);
    settle(&t);
    for (int i = 0; i < shards; i++) {
        cr_assert_eq(waiters_key_count(&t.server->shards[i]->waiters), 0);
        cr_assert(link_is_empty(&t.server->shards[i]->waiting.ended), "a waiter was not freed");
        cr_assert_eq(t.server->shards[i]->engine.ops.on_ready, NULL);
    }
    end(&t);
}

Test(waiters, clients_are_served_as_a_naive_twin_says) {
    static const int shard_counts[] = {1, 2, 5};
    for (size_t i = 0; i < COUNT_OF(shard_counts); i++)
        for (uint64_t seed = 1; seed <= 3; seed++)
            run_model(shard_counts[i], seed);
}
