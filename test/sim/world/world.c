/* world.c: the run's loop. */
#include "test/sim/world/world.h"

#include "core/base/mem.h"
#include "core/value/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const uint64_t WORLD_ALONE_NS_MAX = 50000;

void world_fail(struct world *w, const char *what, ...) {
    char text[1024];
    va_list args;
    va_start(args, what);
    vsnprintf(text, sizeof text, what, args);
    va_end(args);
    for (char *c = text; *c; c++)
        if (*c == '\r' || *c == '\n')
            *c = ' ';
    if (!w->has_failed)
        printf("seed %llu, step %llu, %u shards: %s\n", (unsigned long long)w->seed,
               (unsigned long long)w->step, w->options.shards, text);
    w->has_failed = true;
}

void world_key(const struct world *w, const char *prefix, unsigned n, char name[WORLD_KEY_MAX]) {
    snprintf(name, WORLD_KEY_MAX, "%s%s", prefix, w->keys[n]);
}

/* Keys in braces, so that a prefix does not move them. */
static void world_choose_keys(struct world *w) {
    unsigned found = 0;
    for (unsigned n = 0; found < WORLD_KEYS; n++) {
        char name[WORLD_KEY_MAX];
        snprintf(name, sizeof name, "{%u}", n);
        if (shard_of_key(w->node.server, bytes_cstr(name)) == found % w->node.server->shard_count)
            memcpy(w->keys[found++], name, sizeof name);
    }
    for (unsigned i = WORLD_KEYS; i > 1; i--) { /* flushes push in the order of shards; keys must not */
        unsigned k = (unsigned)rng_below(&w->rng, i);
        char name[WORLD_KEY_MAX];
        memcpy(name, w->keys[k], sizeof name);
        memcpy(w->keys[k], w->keys[i - 1], sizeof name);
        memcpy(w->keys[i - 1], name, sizeof name);
    }
}

bool world_open(struct world *w, uint64_t seed, const struct node_options *options) {
    static const size_t windows[] = {0, 0, 100, 700, 5000};
    static const int64_t delays[] = {1000, 10000, 200000};
    static const unsigned step_ns[] = {100, 400, 2000, 10000};
    *w = (struct world){.seed = seed, .options = *options};
    rng_init(&w->rng, seed);
    size_t window = windows[rng_below(&w->rng, COUNT_OF(windows))];
    w->has_small_window = window > 0 && window < 5000;
    w->step_ns_max = step_ns[rng_below(&w->rng, COUNT_OF(step_ns))];
    w->sim = io_sim_new(&(struct io_sim_options){
        .seed = seed,
        .net_window_bytes = window,
        .net_whole = rng_below(&w->rng, 4) == 0,
        .net_delay_min_ns = 100,
        .net_delay_max_ns = delays[rng_below(&w->rng, COUNT_OF(delays))],
    });
    sched_init(&w->sched, w->sim, seed);
    w->pace = 2 + (unsigned)rng_below(&w->rng, 12);
    if (!node_open(&w->node, w->sim, &w->sched, options))
        return false;
    world_choose_keys(w);
    return true;
}

void world_add_work(struct world *w, const struct work *work, unsigned ops) {
    unsigned clients =
        work->clients_min + (unsigned)rng_below(&w->rng, work->clients_max - work->clients_min + 1);
    if (w->client_count + clients > WORLD_CLIENTS_MAX || w->work_count == WORLD_CLIENTS_MAX)
        return;
    void *shared = mem_zalloc(work->shared_bytes + 1);
    w->works[w->work_count] = work;
    w->shared[w->work_count++] = shared;
    if (work->begin)
        work->begin(w, shared);
    for (unsigned i = 0; i < clients; i++) {
        struct client *c = &w->clients[w->client_count];
        *c =
            (struct client){.world = w, .work = work, .shared = shared, .role = i, .fd = -1, .ops_left = ops};
        c->number = w->client_count++;
        c->own = mem_zalloc(work->client_bytes + 1);
        c->is_slow = rng_below(&w->rng, 8) == 0;
    }
}

static bool world_step_sched(struct world *w) {
    bool is_running = sched_step(&w->sched);
    const char *forgotten = w->node.is_up ? node_find_forgotten(&w->node) : NULL;
    if (forgotten)
        world_fail(w, "%s", forgotten);
    return is_running;
}

void world_step(struct world *w) {
    w->step++;
    io_sim_advance(w->sim, (int64_t)rng_below(&w->rng, w->step_ns_max));
    if (rng_below(&w->rng, 16) < w->pace)
        client_step(&w->clients[rng_below(&w->rng, w->client_count)]);
    else
        world_step_sched(w);
}

bool world_step_server(struct world *w) {
    w->step++;
    io_sim_advance(w->sim, (int64_t)rng_below(&w->rng, WORLD_ALONE_NS_MAX));
    return world_step_sched(w);
}

bool world_is_done(const struct world *w) {
    for (unsigned i = 0; i < w->client_count; i++)
        if (w->clients[i].ops_left > 0 || w->clients[i].due > 0)
            return false;
    return true;
}

bool world_may_lose(const struct world *w) {
    return w->options.appendfsync != APPENDFSYNC_ALWAYS;
}

void world_die(struct world *w, bool is_power_cut) {
    w->died_ns = io_sim_now_ns(w->sim);
    node_kill(&w->node, is_power_cut);
    for (unsigned i = 0; i < w->client_count; i++)
        client_drop(&w->clients[i]);
}

bool world_start_again(struct world *w, const struct node_options *options) {
    w->options = *options;
    w->sched.has_exited = false;
    if (!node_open(&w->node, w->sim, &w->sched, options)) {
        world_fail(w, "the server refuses to start");
        return false;
    }
    for (unsigned i = 0; i < w->work_count; i++)
        if (w->works[i]->crashed)
            w->works[i]->crashed(w, w->shared[i]);
    return true;
}

bool world_value(const struct world *w, int db, const char *key, struct buf *out) {
    char scratch[NUM_INT_TEXT_MAX];
    const struct keyspace *ks = node_keyspace(&w->node, db, bytes_cstr(key));
    const struct entry *e = keyspace_find(ks, bytes_cstr(key), keyspace_hash(ks, bytes_cstr(key)));
    if (!e || entry_is_expired(e, io_wall_ms(w->node.server->shards[0]->io)))
        return false;
    if (out)
        buf_put_bytes(out, str_view(e, scratch));
    return true;
}

int64_t world_number(const struct world *w, const char *key, int64_t missing) {
    struct buf text = {0};
    int64_t number = missing;
    if (world_value(w, 0, key, &text)) {
        buf_put_char(&text, '\0');
        number = strtoll(text.ptr, NULL, 10);
    }
    buf_deinit(&text);
    return number;
}

struct world_sum {
    uint64_t sum;
    uint64_t db;
};

static uint64_t world_hash(uint64_t h, struct bytes text) {
    for (size_t i = 0; i < text.len; i++)
        h = (h ^ (unsigned char)text.ptr[i]) * 0x100000001b3u;
    return h * 0x9e3779b97f4a7c15u;
}

static void world_add_entry(void *ctx, struct entry *e, uint64_t hash) {
    struct world_sum *s = ctx;
    char scratch[NUM_INT_TEXT_MAX];
    (void)hash;
    if (!entry_has_expire(e))
        s->sum += world_hash(world_hash(s->db + 1, entry_key(e)), str_view(e, scratch));
}

uint64_t world_digest(const struct world *w) {
    struct world_sum s = {0};
    for (unsigned i = 0; i < w->node.server->shard_count; i++) {
        struct engine *engine = &w->node.server->shards[i]->engine;
        for (int db = 0; db < engine->db_count; db++) {
            struct keyspace *ks = engine_find_db(engine, db);
            s.db = (uint64_t)db;
            for (uint64_t at = 0; ks && at != KEYSPACE_POSITION_END;)
                at = keyspace_scan(ks, at, 1000, (struct keyspace_visitor){world_add_entry, &s});
        }
    }
    return s.sum;
}

void world_close(struct world *w) {
    for (unsigned i = 0; i < w->client_count; i++)
        client_free(&w->clients[i]);
    for (unsigned i = 0; i < w->work_count; i++) {
        if (w->works[i]->free_shared)
            w->works[i]->free_shared(w->shared[i]);
        mem_free(w->shared[i]);
    }
    io_sim_free(w->sim);
}
