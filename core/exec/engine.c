/* engine.c: one shard's engine: its databases and its clock.
 *
 * Databases are created when their first key comes: 16 databases times many shards would otherwise cost memory for
 * nothing. FLUSHDB takes the table away and answers; what hung in it is freed in steps between turns. */
#include "core/base/mem.h"
#include "core/exec/exec.h"

void engine_init(struct engine *e, const struct config *config, uint64_t hash_seed, unsigned shard_index,
                 unsigned shard_count, exec_handler *const *handlers) {
    *e = (struct engine){0};
    e->db_count = config->databases;
    e->dbs = mem_zalloc((size_t)e->db_count * sizeof(struct keyspace *));
    e->hash_seed = hash_seed;
    e->config = config;
    e->shard_index = shard_index;
    e->shard_count = shard_count;
    e->handlers = handlers;
    buf_init(&e->effects);
    e->effects_db = -1;
    rng_init(&e->rng, hash_seed ^ (0x9e3779b97f4a7c15u * (shard_index + 1)));
}

void engine_deinit(struct engine *e) {
    for (int db = 0; db < e->db_count; db++)
        keyspace_free(e->dbs[db]);
    mem_free(e->dbs);
    for (size_t i = 0; i < e->dropped_count; i++)
        keyspace_free(e->dropped[i]);
    mem_free(e->dropped);
    entry_bin_deinit(&e->bin);
    buf_deinit(&e->effects);
    *e = (struct engine){0};
}

struct keyspace *engine_get_db(struct engine *e, int db) {
    must(db >= 0 && db < e->db_count);
    if (UNLIKELY(!e->dbs[db]))
        e->dbs[db] = keyspace_new(&(struct keyspace_options){.hash_seed = e->hash_seed, .bin = &e->bin});
    return e->dbs[db];
}

static void engine_tell_replaced(struct engine *e, int db) {
    if (e->ops.on_db_replaced != NULL)
        e->ops.on_db_replaced(e->ops.ctx, db);
}

void engine_drop_db(struct engine *e, int db) {
    struct keyspace *ks = engine_find_db(e, db);
    if (ks != NULL) {
        e->dbs[db] = NULL;
        e->dropped = mem_realloc(e->dropped, (e->dropped_count + 1) * sizeof *e->dropped);
        e->dropped[e->dropped_count++] = ks;
    }
    engine_tell_replaced(e, db);
}

void engine_swap_dbs(struct engine *e, int a, int b) {
    struct keyspace *ks = e->dbs[a];
    e->dbs[a] = e->dbs[b];
    e->dbs[b] = ks;
    engine_tell_replaced(e, a);
    engine_tell_replaced(e, b);
}

bool engine_free_step(struct engine *e, size_t pieces_max) {
    if (!entry_bin_step(&e->bin, pieces_max))
        return false;
    if (LIKELY(e->dropped_count == 0))
        return true;
    struct keyspace *last = e->dropped[e->dropped_count - 1];
    if (keyspace_clear_step(last, pieces_max)) {
        keyspace_free(last);
        e->dropped_count--;
    }
    return e->dropped_count == 0;
}

size_t engine_used_bytes(const struct engine *e) {
    size_t sum = e->bin.bytes;
    for (int db = 0; db < e->db_count; db++)
        if (e->dbs[db])
            sum += keyspace_bytes(e->dbs[db]) + keyspace_table_bytes(e->dbs[db]);
    return sum;
}

/* The configuration and the table each have their own list of policies; this is where they meet. */
static enum evict_policy engine_evict_policy(enum maxmemory_policy policy) {
    static const enum evict_policy map[] = {
        [MAXMEMORY_NOEVICTION] = EVICT_NOEVICTION,           [MAXMEMORY_ALLKEYS_LRU] = EVICT_ALLKEYS_LRU,
        [MAXMEMORY_ALLKEYS_LFU] = EVICT_ALLKEYS_LFU,         [MAXMEMORY_ALLKEYS_LRM] = EVICT_ALLKEYS_LRM,
        [MAXMEMORY_ALLKEYS_RANDOM] = EVICT_ALLKEYS_RANDOM,   [MAXMEMORY_VOLATILE_LRU] = EVICT_VOLATILE_LRU,
        [MAXMEMORY_VOLATILE_LFU] = EVICT_VOLATILE_LFU,       [MAXMEMORY_VOLATILE_LRM] = EVICT_VOLATILE_LRM,
        [MAXMEMORY_VOLATILE_RANDOM] = EVICT_VOLATILE_RANDOM, [MAXMEMORY_VOLATILE_TTL] = EVICT_VOLATILE_TTL,
    };
    return map[policy];
}

void engine_set_clock(struct engine *e, int64_t wall_us) {
    e->now_us = wall_us;
    e->now_ms = wall_us / 1000;
    const struct config *config = e->config;
    e->evict = (struct evict_rules){
        .policy = engine_evict_policy(config->maxmemory_policy),
        .samples = (uint32_t)config->maxmemory_samples,
        .lfu_log_factor = (uint32_t)config->lfu_log_factor,
        .lfu_decay_min = (uint32_t)config->lfu_decay_time,
        .now_ms = e->now_ms,
    };
}
