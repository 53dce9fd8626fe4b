/* power_sim.c: shards with a log on a simulated disk that loses power, in one thread, under a seeded scheduler.
 *
 * Every seed is a life of a server: it serves clients, dies at some moment (its process is killed, or the machine loses
 * power and with it, torn at sector borders, what was not synced), starts again, perhaps with another number of shards, and
 * so on. After each start the data is judged against what clients had been told:
 *
 *   registers   one client MSETs a rising number to keys on several shards: they are always equal (a transaction is kept
 *               whole or not at all), never ahead of what was sent, and under appendfsync always never behind what was
 *               answered
 *   counter     one client INCRs, another one reads it, by GET or through a transaction with a key elsewhere: under always
 *               neither an answered increment nor one that was read may be missing
 *   cause       one pipeline SETs a, then b (other shards): under everysec, where a prefix of the order survives, b is
 *               never ahead of a
 *   ring        one token is RENAMEd around keys on several shards: there is always exactly one
 *   chaos       SETs with short and long expiries, DELs, RENAMEs and MSETs of the same keys on all shards
 *
 * Some runs change the policy all the time.
 *
 * At the end of a life that was left in peace for three seconds, the data after the start is compared, key by key, with
 * the data before: the order of the log gave the same result as the order of execution.
 *
 *     power_sim [SEEDS [FIRST]]      prints the seed of a failing run; give 1 and that seed to replay it
 */
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/io/io_sim.h"
#include "core/resp/resp_read.h"
#include "core/value/str.h"
#include "shards/accept.h"
#include "shards/loop.h"
#include "shards/recovery.h"
#include "shards/server.h"
#include "shards/shard_life.h"
#include "shards/shard_log.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    POWER_PORT = 7000,
    POWER_KEYS = 4,
    POWER_LIVES = 4,
    POWER_CHAOS_KEYS = 8,
    POWER_STEPS_MAX = 3000, /* of one life */
};

enum power_role {
    ROLE_REGISTER,
    ROLE_COUNT,
    ROLE_LOOK,
    ROLE_CAUSE,
    ROLE_RING,
    ROLE_CHAOS,
    ROLE_CHAOS_TOO,
    ROLES
};

struct power_client {
    enum power_role role;
    int fd;
    int replies_due;
    bool is_count; /* the request under way is about the counter */
    struct buf to_send;
    struct buf received;
};

#define POWER_DIGITS "01234567890123456789"

/* What clients know. */
struct power_facts {
    int64_t register_sent, register_answered;
    int64_t count_sent, count_answered; /* answered: by INCR or seen by GET */
    int64_t cause_sent, cause_answered;
    bool has_token;
    bool has_digits;
};

/* A server that has died. Kept, so that leak detection still finds its memory: there is no orderly way to free it. */
struct power_grave {
    struct power_grave *next;
    struct server *server;
    struct config *config;
};

static struct power_grave *graves;

struct power_run {
    uint64_t seed;
    struct rng rng;
    struct io_sim *sim;
    bool is_always;
    bool is_mixed; /* the policy changes all the time: only what holds under both is judged */
    struct config *config;
    struct server *server;
    struct listener *listener;
    struct power_client clients[ROLES];
    struct power_facts facts;
    char keys[POWER_KEYS][16]; /* spread over the slots */
    bool has_failed;
};

static void power_fail(struct power_run *run, const char *what, int64_t is, int64_t wanted) {
    printf("seed %llu (%s): %s: %lld, %lld\n", (unsigned long long)run->seed,
           run->is_mixed    ? "mixed"
           : run->is_always ? "always"
                            : "everysec",
           what, (long long)is, (long long)wanted);
    run->has_failed = true;
}

/* ---- the server ---- */

static bool power_start(struct power_run *run, unsigned shards) {
    char why[256] = "";
    run->config = mem_zalloc(sizeof *run->config);
    config_init_defaults(run->config);
    run->config->shards = (int)shards;
    run->config->visiting = rng_below(&run->rng, 2) != 0;
    run->config->appendonly = true;
    run->config->hz =
        rng_below(&run->rng, 2) ? 500 : 10; /* ticks, and with them marks and expiry, among all else */
    run->config->appendfsync = run->is_always || (run->is_mixed && rng_below(&run->rng, 2))
                                   ? APPENDFSYNC_ALWAYS
                                   : APPENDFSYNC_EVERYSEC;
    run->server = server_new(run->config, "sim", why, sizeof why);
    must(run->server != NULL);
    run->server->backend = IO_SIM;
    run->server->sim = run->sim;
    run->server->logger = (struct logger){.fd = getenv("POWER_LOG") ? 1 : -1};
    for (unsigned i = 0; i < shards; i++) {
        server_set_up_shard(run->server->shards[i]);
        bool is_open = loop_open(run->server->shards[i], why, sizeof why);
        must(is_open);
    }
    struct recovery *recovery = recovery_new(run->server);
    bool ok = recovery_run_alone(recovery);
    recovery_free(recovery);
    if (!ok) {
        power_fail(run, "the log could not be loaded", 0, 0);
        return false;
    }
    run->listener = mem_zalloc(sizeof *run->listener);
    run->listener->ctx = run->server->shards[0];
    run->listener->io.on_accept = accept_take;
    run->listener->io.fd = io_sim_listen(run->sim, POWER_PORT);
    must(run->listener->io.fd >= 0);
    enum err e = io_listener_start(run->server->shards[0]->io, &run->listener->io);
    must(e == ERR_OK);
    return true;
}

static void power_turn(struct power_run *run, const struct io *io) {
    struct shard *shard = NULL;
    for (unsigned i = 0; i < run->server->shard_count; i++)
        if (run->server->shards[i]->io == io)
            shard = run->server->shards[i];
    must(shard != NULL);
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

static void power_die(struct power_run *run, bool is_power_cut) {
    if (is_power_cut)
        io_sim_power_cut(run->sim, 0);
    for (int i = 0; i < ROLES; i++) {
        buf_deinit(&run->clients[i].to_send);
        buf_deinit(&run->clients[i].received);
        if (run->clients[i].fd >= 0)
            io_sim_reset(run->sim, run->clients[i].fd);
    }
    int listening = run->listener ? run->listener->io.fd : -1;
    for (unsigned i = 0; i < run->server->shard_count; i++)
        io_sim_kill(run->server->shards[i]->io, is_power_cut);
    if (listening >= 0)
        io_sim_close_fd(run->sim, listening);
    mem_free(run->listener);
    run->listener = NULL;
    struct power_grave *grave = mem_zalloc(sizeof *grave);
    *grave = (struct power_grave){graves, run->server, run->config};
    graves = grave;
}

/* ---- clients ---- */

static void power_command(struct power_client *c, int argc, const char *const *argv) {
    buf_printf(&c->to_send, "*%d\r\n", argc);
    for (int i = 0; i < argc; i++)
        buf_printf(&c->to_send, "$%zu\r\n%s\r\n", strlen(argv[i]), argv[i]);
    c->replies_due++;
}

#define COMMAND(c, ...)                                                                                      \
    power_command((c), (int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *)),             \
                  (const char *const[]){__VA_ARGS__})

static void power_request_chaos(struct power_run *run, struct power_client *c) {
    char a[24], b[24], third[24], value[24];
    snprintf(a, sizeof a, "x%d", (int)rng_below(&run->rng, POWER_CHAOS_KEYS));
    snprintf(b, sizeof b, "x%d", (int)rng_below(&run->rng, POWER_CHAOS_KEYS));
    snprintf(value, sizeof value, "%d", (int)rng_below(&run->rng, 1000));
    snprintf(third, sizeof third, "x%d", (int)rng_below(&run->rng, POWER_CHAOS_KEYS));
    switch (rng_below(&run->rng, 10)) {
    case 0: COMMAND(c, "SET", a, value, "PX", rng_below(&run->rng, 2) ? "1" : "20"); return;
    case 1: COMMAND(c, "SET", a, value, "EX", "100000"); return;
    case 2: COMMAND(c, "APPEND", a, value); return;
    case 3: COMMAND(c, "DEL", a, b); return;
    case 4: COMMAND(c, "MSET", a, value, b, "m", third, "t"); return;
    case 5: COMMAND(c, "PEXPIRE", a, "2"); return;
    case 6: COMMAND(c, "COPY", a, b, "REPLACE"); return;
    case 7: COMMAND(c, "MSETNX", a, value, b, "n"); return;
    case 8:
        if (rng_below(&run->rng, 20) == 0)
            COMMAND(c, "SWAPDB", "1", "2");
        else
            COMMAND(c, "LCS", a, b);
        return;
    default: COMMAND(c, "RENAME", a, b); return;
    }
}

static void power_request_look(struct power_run *run, struct power_client *c) {
    c->is_count = false;
    /* The longest common subsequence of a number and a text in which every number is hidden is that number. */
    if (!run->facts.has_digits) {
        COMMAND(c, "SET", "digits", POWER_DIGITS POWER_DIGITS POWER_DIGITS POWER_DIGITS POWER_DIGITS);
        return;
    }
    if (rng_below(&run->rng, 3) == 0) {
        COMMAND(c, "LCS", run->keys[rng_below(&run->rng, POWER_KEYS)], "digits"); /* MSETs wait meanwhile */
        return;
    }
    c->is_count = true;
    if (rng_below(&run->rng, 2))
        COMMAND(c, "LCS", "count", "digits");
    else
        COMMAND(c, "GET", "count");
}

static void power_request(struct power_run *run, struct power_client *c) {
    struct power_facts *f = &run->facts;
    char number[24], a[24], b[24];
    switch (c->role) {
    case ROLE_REGISTER:
        snprintf(number, sizeof number, "%lld", (long long)++f->register_sent);
        if (rng_below(&run->rng, 2)) /* locks a key, so that a part of the MSET has to wait */
            COMMAND(c, "LCS", run->keys[rng_below(&run->rng, POWER_KEYS)], "digits");
        COMMAND(c, "MSET", run->keys[0], number, run->keys[1], number, run->keys[2], number, run->keys[3],
                number);
        return;
    case ROLE_COUNT:
        f->count_sent++;
        c->is_count = true;
        COMMAND(c, "INCR", "count");
        return;
    case ROLE_LOOK: power_request_look(run, c); return;
    case ROLE_CAUSE:
        snprintf(number, sizeof number, "%lld", (long long)++f->cause_sent);
        snprintf(a, sizeof a, "c%s", run->keys[0]);
        snprintf(b, sizeof b, "c%s", run->keys[1]);
        COMMAND(c, "SET", a, number);
        COMMAND(c, "SET", b, number);
        return;
    case ROLE_RING:
        snprintf(a, sizeof a, "r%s", run->keys[rng_below(&run->rng, POWER_KEYS)]);
        snprintf(b, sizeof b, "r%s", run->keys[rng_below(&run->rng, POWER_KEYS)]);
        if (f->has_token)
            COMMAND(c, "RENAME", a, b);
        else
            COMMAND(c, "SET", a, "token");
        return;
    case ROLE_CHAOS:
    case ROLE_CHAOS_TOO:
        for (uint64_t n = rng_below(&run->rng, 12); n != UINT64_MAX; n--)
            power_request_chaos(run, c);
        return;
    case ROLES: return;
    }
}

static int64_t power_number(struct bytes reply) {
    if (reply.ptr[0] == '+' || (reply.ptr[0] == '$' && reply.ptr[1] == '-'))
        return 0;
    const char *digits =
        reply.ptr[0] == '$' ? (const char *)memchr(reply.ptr, '\n', reply.len) + 1 : reply.ptr + 1;
    return strtoll(digits, NULL, 10);
}

static void power_answered(struct power_run *run, const struct power_client *c, struct bytes reply) {
    struct power_facts *f = &run->facts;
    switch (c->role) {
    case ROLE_REGISTER: f->register_answered = f->register_sent; return;
    case ROLE_COUNT:
    case ROLE_LOOK:
        f->has_digits |= c->role == ROLE_LOOK;
        if (!c->is_count)
            return;
        if (power_number(reply) > f->count_answered)
            f->count_answered = power_number(reply);
        return;
    case ROLE_CAUSE: f->cause_answered = f->cause_sent; return;
    case ROLE_RING: f->has_token = true; return;
    case ROLE_CHAOS:
    case ROLE_CHAOS_TOO:
    case ROLES: return;
    }
}

static void power_client_step(struct power_run *run, struct power_client *c, bool may_ask) {
    if (c->replies_due == 0 && may_ask)
        power_request(run, c);
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
    for (int whole = 0; whole < c->replies_due; whole++) {
        size_t len = resp_reply_skip(bytes_of(c->received.ptr + at, c->received.len - at));
        must(len != RESP_REPLY_BROKEN);
        if (len == 0)
            return;
        at += len;
    }
    c->replies_due = 0;
    power_answered(run, c, bytes_of(c->received.ptr, at));
    buf_consume(&c->received, at);
}

static void power_connect(struct power_run *run) {
    for (int i = 0; i < ROLES; i++) {
        run->clients[i] = (struct power_client){.role = (enum power_role)i};
        run->clients[i].fd = io_sim_connect(run->sim, POWER_PORT);
        must(run->clients[i].fd >= 0);
    }
}

/* ---- judging ---- */

static const struct entry *power_find(struct power_run *run, const char *key) {
    struct engine *engine = &run->server->shards[shard_of_key(run->server, bytes_cstr(key))]->engine;
    struct keyspace *ks = engine_find_db(engine, 0);
    return ks ? keyspace_find(ks, bytes_cstr(key), keyspace_hash(ks, bytes_cstr(key))) : NULL;
}

static int64_t power_value(struct power_run *run, const char *key) {
    const struct entry *e = power_find(run, key);
    char scratch[NUM_INT_TEXT_MAX];
    char text[32] = "";
    if (!e)
        return 0;
    struct bytes value = str_view(e, scratch);
    memcpy(text, value.ptr, value.len < sizeof text - 1 ? value.len : sizeof text - 1);
    return strtoll(text, NULL, 10);
}

/* The data after a start. What was lost is forgotten by the clients, too. */
static void power_judge(struct power_run *run) {
    struct power_facts *f = &run->facts;
    int64_t registers = power_value(run, run->keys[0]);
    for (int i = 1; i < POWER_KEYS; i++)
        if (power_value(run, run->keys[i]) != registers)
            power_fail(run, "a torn MSET", power_value(run, run->keys[i]), registers);
    if (registers > f->register_sent || (run->is_always && registers < f->register_answered))
        power_fail(run, "registers", registers, f->register_answered);
    int64_t count = power_value(run, "count");
    if (count > f->count_sent || (run->is_always && count < f->count_answered))
        power_fail(run, "counter", count, f->count_answered);
    char a[24], b[24];
    snprintf(a, sizeof a, "c%s", run->keys[0]);
    snprintf(b, sizeof b, "c%s", run->keys[1]);
    int64_t cause = power_value(run, a), effect = power_value(run, b);
    if (!run->is_always && !run->is_mixed && cause < effect)
        power_fail(run, "an effect without its cause", cause, effect);
    if (run->is_always && (cause < f->cause_answered || effect < f->cause_answered))
        power_fail(run, "causes", cause, f->cause_answered);
    int tokens = 0;
    for (int i = 0; i < POWER_KEYS; i++) {
        snprintf(a, sizeof a, "r%s", run->keys[i]);
        tokens += power_find(run, a) != NULL;
    }
    if (tokens > 1 || (run->is_always && f->has_token && tokens == 0))
        power_fail(run, "tokens", tokens, 1);
    f->register_sent = f->register_answered = registers;
    f->count_sent = f->count_answered = count;
    f->cause_sent = cause > effect ? cause : effect;
    f->cause_answered = cause < effect ? cause : effect;
    f->has_token = tokens == 1;
    f->has_digits = power_find(run, "digits") != NULL;
}

/* ---- digests ---- */

struct power_digest {
    int64_t now_ms;
    uint64_t keys;
    uint64_t sum;
};

static void power_digest_visit(void *ctx, struct entry *e, uint64_t hash) {
    struct power_digest *d = ctx;
    char scratch[NUM_INT_TEXT_MAX];
    (void)hash;
    if (entry_is_expired(e, d->now_ms))
        return;
    struct bytes key = entry_key(e), value = str_view(e, scratch);
    uint64_t h = (uint64_t)entry_expire_ms(e) * 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i < key.len; i++)
        h = (h ^ (unsigned char)key.ptr[i]) * 0x100000001b3u;
    for (size_t i = 0; i < value.len; i++)
        h = (h ^ (unsigned char)value.ptr[i]) * 0x100000001b5u;
    d->sum += h;
    d->keys++;
}

static struct power_digest power_digest(const struct power_run *run) {
    struct power_digest d = {.now_ms = io_wall_ms(run->server->shards[0]->io)};
    for (unsigned i = 0; i < run->server->shard_count; i++) {
        struct keyspace *ks = engine_find_db(&run->server->shards[i]->engine, 0);
        for (uint64_t at = 0; ks && at != KEYSPACE_POSITION_END;)
            at = keyspace_scan(ks, at, 1000, (struct keyspace_visitor){power_digest_visit, &d});
    }
    return d;
}

/* ---- lives ---- */

/* Clients work, or, in peace, only get what they have asked for. */
static void power_work(struct power_run *run, uint64_t steps, bool may_ask) {
    for (uint64_t i = 0; i < steps; i++) {
        if (run->is_mixed && rng_below(&run->rng, 200) == 0)
            run->server->config->appendfsync = run->server->config->appendfsync == APPENDFSYNC_ALWAYS
                                                   ? APPENDFSYNC_EVERYSEC
                                                   : APPENDFSYNC_ALWAYS;
        if (rng_below(&run->rng, 3)) {
            power_client_step(run, &run->clients[rng_below(&run->rng, ROLES)], may_ask);
            continue;
        }
        struct io *io = io_sim_step(run->sim);
        if (io)
            power_turn(run, io);
    }
}

static bool power_is_quiet(const struct power_run *run) {
    for (int i = 0; i < ROLES; i++)
        if (run->clients[i].replies_due)
            return false;
    return true;
}

/* Until all is answered and three seconds have passed. */
static void power_rest(struct power_run *run) {
    for (int i = 0; !power_is_quiet(run); i++) {
        if (i == 4000) {
            power_fail(run, "clients wait for ever", 0, 0);
            return;
        }
        power_work(run, 50, false);
    }
    int64_t until_ns = io_sim_now_ns(run->sim) + 3000000000;
    while (io_sim_now_ns(run->sim) < until_ns)
        power_work(run, 50, false);
}

static unsigned power_choose_shards(struct power_run *run) {
    return 1 + (unsigned)rng_below(&run->rng, 4);
}

static bool power_one(uint64_t seed) {
    struct power_run run = {.seed = seed};
    rng_init(&run.rng, seed);
    run.is_mixed = rng_below(&run.rng, 4) == 0;
    run.is_always = !run.is_mixed && rng_below(&run.rng, 2) != 0;
    run.sim = io_sim_new(&(struct io_sim_options){.seed = seed});
    for (unsigned i = 0; i < POWER_KEYS; i++)
        snprintf(run.keys[i], sizeof run.keys[i], "k%u", i * 7);
    unsigned shards = power_choose_shards(&run);
    for (int life = 0; life < POWER_LIVES && !run.has_failed; life++) {
        if (rng_below(&run.rng, 4) == 0)
            shards = power_choose_shards(&run);
        if (!power_start(&run, shards))
            break;
        power_judge(&run);
        power_connect(&run);
        power_work(&run, rng_below(&run.rng, POWER_STEPS_MAX), true);
        bool is_peaceful = rng_below(&run.rng, 2) == 0;
        if (is_peaceful)
            power_rest(&run);
        struct power_digest before = power_digest(&run);
        power_die(&run, rng_below(&run.rng, 3) != 0);
        if (!is_peaceful || run.has_failed)
            continue;
        if (!power_start(&run, shards))
            break;
        struct power_digest after = power_digest(&run);
        if (after.keys != before.keys || after.sum != before.sum)
            power_fail(&run, "other data after the start: keys", (int64_t)after.keys, (int64_t)before.keys);
        for (int i = 0; i < ROLES; i++)
            run.clients[i] = (struct power_client){.fd = -1};
        power_die(&run, true);
    }
    if (run.has_failed)
        return false; /* it died in the middle: its world is not in order */
    io_sim_free(run.sim);
    return true;
}

/* A process that dies in the middle of a turn frees nothing; what it leaves is no leak. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "detect_leaks=0";
}

int main(int argc, char **argv) {
    uint64_t seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : 200;
    uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    uint64_t failed = 0;
    for (uint64_t seed = first; seed < first + seeds; seed++)
        if (!power_one(seed) && ++failed == 3)
            break;
    printf("%llu passed, %llu failed\n", (unsigned long long)(seeds - failed), (unsigned long long)failed);
    return failed != 0;
}
