/* evict_loop.c: eviction over accounted memory.
 *
 * The sum over shards is an atomic that each shard moves by the difference since it last published, so reading it is one
 * load. A shard evicts only its own keys. When the process is over the limit, each shard that gets a write evicts until
 * the sum fits or some keys are gone (maxmemory-eviction-tenacity says how many); then the command runs anyway if the shard could go on evicting, or is
 * within its own share, so that one shard is not emptied because another is large. */
#include "shards/evict_loop.h"

#include "core/exec/key_view.h"
#include "shards/server.h"

enum {
    EVICT_LOOP_KEYS = 64,     /* evicted for one command at most, with the usual tenacity */
    EVICT_LOOP_KEYS_MIN = 16, /* with none */
    EVICT_TENACITY_USUAL = 10,
    EVICT_TENACITY_FULL = 100,
    EVICT_LOOP_PIECES = 1024, /* of large values that are being freed, in place of one key */
};

void evict_loop_publish(struct shard *shard) {
    uint64_t now = engine_used_bytes(&shard->engine) + shard->conn_bytes;
    if (now == shard->published_bytes)
        return;
    atomic_fetch_add_explicit(&shard->server->used_bytes, now - shard->published_bytes, memory_order_relaxed);
    shard->published_bytes = now;
}

/* Evicts the best victim over this shard's databases. False when there is none. */
static bool evict_loop_one(struct shard *shard) {
    struct engine *engine = &shard->engine;
    if (engine->bin.count != 0) { /* memory that is on its way already */
        entry_bin_step(&engine->bin, EVICT_LOOP_PIECES);
        return true;
    }
    struct evict_victim best = {0};
    int best_db = -1;
    for (int db = 0; db < engine->db_count; db++) {
        struct keyspace *ks = engine_find_db(engine, db);
        if (!ks || keyspace_count(ks) == 0)
            continue;
        struct evict_victim v = evict_pick(ks, &shard->evict_pools[db], &engine->evict, &engine->rng);
        if (v.entry && (best_db < 0 || v.score > best.score)) {
            best = v;
            best_db = db;
        }
    }
    if (best_db < 0)
        return false;
    if (!locks_are_none(&shard->locks) && locks_is_locked(&shard->locks, best.hash))
        return true; /* it belongs to requests that wait for it; another one is found next time */
    struct exec x = {.engine = engine, .db = best_db};
    struct key_view kv = {.x = &x, .key = entry_key(best.entry), .hash = best.hash, .db = best_db};
    effect_put_del(&kv);
    exec_event(&kv, EVENT_EVICTED, "evicted");
    exec_ready(&kv);
    engine->stats.evicted++;
    struct entry *taken = keyspace_take(engine->dbs[best_db], kv.key, best.hash);
    must(taken == best.entry);
    entry_bin_put(&engine->bin, taken);
    return true;
}

static bool evict_loop_fits(struct shard *shard, uint64_t limit) {
    evict_loop_publish(shard);
    return atomic_load_explicit(&shard->server->used_bytes, memory_order_relaxed) <= limit;
}

/* How many keys one command may evict: fewer below the usual tenacity, 15 % more with each step above it, any number with
 * the full one. */
static uint64_t evict_loop_keys_max(int tenacity) {
    if (tenacity >= EVICT_TENACITY_FULL)
        return UINT64_MAX;
    if (tenacity <= EVICT_TENACITY_USUAL) {
        uint64_t keys = (uint64_t)(EVICT_LOOP_KEYS * tenacity / EVICT_TENACITY_USUAL);
        return keys > EVICT_LOOP_KEYS_MIN ? keys : EVICT_LOOP_KEYS_MIN;
    }
    uint64_t keys = EVICT_LOOP_KEYS;
    for (int i = EVICT_TENACITY_USUAL; i < tenacity; i++)
        keys += keys * 15 / 100;
    return keys;
}

/* Evicts until the sum fits or enough keys are gone; false when there was nothing to evict. */
static bool evict_loop_some(struct shard *shard, uint64_t limit) {
    bool is_timed = shard->engine.config->latency_monitor_threshold > 0;
    int64_t begun_ns = is_timed ? io_fresh_ns(shard->io) : 0;
    uint64_t keys_max = evict_loop_keys_max(shard->engine.config->maxmemory_eviction_tenacity);
    bool has_victims = true;
    for (uint64_t i = 0; i < keys_max && has_victims && !evict_loop_fits(shard, limit); i++)
        has_victims = evict_loop_one(shard);
    if (is_timed)
        latency_note(shard, LATENCY_EVICTION_CYCLE, (uint64_t)(io_fresh_ns(shard->io) - begun_ns) / 1000000);
    return has_victims;
}

bool evict_loop_make_room(struct shard *shard) {
    uint64_t limit = shard->engine.config->maxmemory;
    if (LIKELY(limit == 0) || evict_loop_fits(shard, limit))
        return true;
    if (shard->engine.evict.policy == EVICT_NOEVICTION)
        return false;
    bool has_victims = evict_loop_some(shard, limit);
    return evict_loop_fits(shard, limit) || has_victims ||
           shard->published_bytes <= limit / shard->server->shard_count;
}
