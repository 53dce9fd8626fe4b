/* tick.c: periodic work of one shard, each piece within its budget.
 *
 * Active expiry runs until nothing is due or its share of the time between two ticks is used up (a quarter at most). A
 * database that has nothing due costs one comparison. Idle clients are looked for in slices, a part of the list each
 * tick, so that ten thousand connections never cost a pause. */
#include "shards/tick.h"

#include "core/exec/key_view.h"
#include "core/keyspace/expire.h"
#include "shards/log_mark.h"
#include "shards/server.h"
#include "shards/shard_log.h"

enum {
    TICK_EXPIRE_SHARE = 4,          /* a quarter of the tick */
    TICK_EXPIRE_SLICE_NS = 1000000, /* and not more than a millisecond in one go */
    TICK_CLIENTS_PER_TICK = 200,
    TICK_FREE_ENTRIES = 256, /* freed between two looks at the clock */
};

struct tick_expiry {
    struct shard *shard;
    struct exec x;
    int db;
    int64_t deadline_ns;
};

static bool tick_expiry_is_over(void *ctx) {
    struct tick_expiry *t = ctx;
    return io_fresh_ns(t->shard->io) >= t->deadline_ns;
}

/* An entry is about to be removed because its time has come: effect, event, count. */
static void tick_on_expired(void *ctx, struct entry *e, uint64_t hash) {
    struct tick_expiry *t = ctx;
    struct key_view kv = {.x = &t->x, .key = entry_key(e), .hash = hash, .db = t->db};
    t->shard->engine.stats.expired++;
    effect_put_del(&kv);
    exec_event(&kv, EVENT_EXPIRED, "expired");
}

/* A locked key belongs to the requests that wait for it: a deletion now would stand in the log behind the places that they
 * have kept, and undo them when it is replayed. */
static bool tick_may_expire(void *ctx, uint64_t hash) {
    const struct tick_expiry *t = ctx;
    return !locks_is_locked(&t->shard->locks, hash);
}

static void tick_expire(struct shard *shard, int64_t budget_ns) {
    struct tick_expiry t = {
        .shard = shard, .x = {.engine = &shard->engine}, .deadline_ns = io_fresh_ns(shard->io) + budget_ns};
    for (t.db = 0; t.db < shard->engine.db_count; t.db++) {
        struct keyspace *ks = engine_find_db(&shard->engine, t.db);
        if (!ks || expire_next_ms(ks) > shard->engine.now_ms)
            continue;
        struct expire_job job = {.now_ms = shard->engine.now_ms,
                                 .on_expired = tick_on_expired,
                                 .may_remove = locks_are_none(&shard->locks) ? NULL : tick_may_expire,
                                 .is_over = tick_expiry_is_over,
                                 .ctx = &t};
        expire_step(ks, &job);
    }
}

/* Frees what FLUSHALL has left behind. */
static void tick_free(struct shard *shard, int64_t budget_ns) {
    int64_t deadline_ns = io_fresh_ns(shard->io) + budget_ns;
    while (!engine_free_step(&shard->engine, TICK_FREE_ENTRIES) && io_fresh_ns(shard->io) < deadline_ns) {
    }
}

/* Closes clients that have said nothing for `timeout` seconds. The list rotates: those looked at go to its end. */
static void tick_clients(struct shard *shard) {
    int64_t limit_ms = (int64_t)shard->engine.config->timeout * 1000;
    if (limit_ms == 0)
        return;
    for (int i = 0; i < TICK_CLIENTS_PER_TICK && !link_is_empty(&shard->conns); i++) {
        struct link *node = link_pop_front(&shard->conns);
        link_push_back(&shard->conns, node);
        struct conn *conn = CONTAINER_OF(node, struct conn, all_link);
        if (!conn->is_monitor && conn->in_flight == 0 && shard->host.now_ms - conn->last_ms > limit_ms)
            conn_close(conn, CONN_CLOSED_BY_TIMEOUT);
    }
}

/* Connections whose writes had to wait for the log may try again. */
static void tick_stalled(struct shard *shard) {
    struct link *node;
    if (shard_log_is_full(shard))
        return;
    while ((node = link_pop_front(&shard->stalled)) != NULL)
        link_push_back(&shard->resume, node);
}

void tick(struct shard *shard) {
    int hz = shard->engine.config->hz;
    int64_t period_ns = 1000000000 / (hz > 0 ? hz : 10);
    shard->next_tick_ns = io_now_ns(shard->io) + period_ns;
    int64_t budget_ns = period_ns / TICK_EXPIRE_SHARE;
    if (budget_ns > TICK_EXPIRE_SLICE_NS)
        budget_ns = TICK_EXPIRE_SLICE_NS;
    if (!shard->engine.is_active_expiry_off)
        tick_expire(shard, budget_ns);
    tick_free(shard, budget_ns);
    tick_clients(shard);
    tick_stalled(shard);
    stats_tick(shard);
    if (shard->index == 0)
        log_mark_tick(shard);
}
