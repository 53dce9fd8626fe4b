/* tick.c: periodic work of one shard, each piece within its budget.
 *
 * Active expiry runs until nothing is due or its share of the time between two ticks is used up (a quarter at most). A
 * database that has nothing due costs one comparison. Idle clients are looked for in slices, a part of the list each
 * tick, so that ten thousand connections never cost a pause; each then is as busy as it was a second ago, or quiet and
 * gives its spare buffers back. */
#include "shards/tick.h"

#include "core/exec/field_expiry.h"
#include "core/keyspace/expire.h"
#include "shards/log_mark.h"
#include "shards/output_limit.h"
#include "shards/server.h"
#include "shards/shard_log.h"

enum {
    TICK_EXPIRE_SHARE = 4, /* a quarter of the tick */
    TICK_EXPIRE_SLICE_NS =
        1000000,           /* and not more than a millisecond in one go, times active-expire-effort */
    TICK_CLIENTS_MIN = 50, /* looked at in a tick; more when a second's ticks would not reach all */
    TICK_CLIENTS_MAX = 1000,
    TICK_QUIET_MS = 2000, /* silence after which a client's buffers are freed */
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
    exec_ready(&kv);
}

/* Fields of a hash are due. True if none is left. */
static bool tick_expire_fields(void *ctx, struct entry *e, uint64_t hash) {
    struct tick_expiry *t = ctx;
    return field_expiry_step(&t->x, t->db, e, hash);
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
    int64_t begun_ns = t.deadline_ns - budget_ns;
    for (t.db = 0; t.db < shard->engine.db_count; t.db++) {
        struct keyspace *ks = engine_find_db(&shard->engine, t.db);
        if (!ks || expire_next_ms(ks) > shard->engine.now_ms)
            continue;
        struct expire_job job = {.now_ms = shard->engine.now_ms,
                                 .on_expired = tick_on_expired,
                                 .expire_parts = tick_expire_fields,
                                 .may_remove = locks_are_none(&shard->locks) ? NULL : tick_may_expire,
                                 .is_over = tick_expiry_is_over,
                                 .ctx = &t};
        expire_step(ks, &job);
    }
    latency_note(shard, LATENCY_EXPIRE_CYCLE, (uint64_t)(io_fresh_ns(shard->io) - begun_ns) / 1000000);
}

static bool tick_client_is_idle(const struct shard *shard, const struct conn *conn) {
    int64_t limit_ms = (int64_t)shard->engine.config->timeout * 1000;
    return limit_ms != 0 && !conn->is_monitor && conn->client_class == CONFIG_CLASS_NORMAL &&
           !conn->is_blocked && conn->in_flight == 0 && shard->host.now_ms - conn->last_ms > limit_ms;
}

static void tick_client(struct shard *shard, struct conn *conn) {
    if (conn->close_asap)
        return;
    if (tick_client_is_idle(shard, conn)) {
        logger_say(&shard->server->logger, LOGLEVEL_VERBOSE, "Closing idle client");
        conn_close(conn, CONN_CLOSED_BY_TIMEOUT);
        return;
    }
    if (shard->host.now_ms - conn->last_ms >= TICK_QUIET_MS)
        conn_trim(conn);
    if (conn->soft_limit_since_ms)
        output_limit_check(conn);
}

/* The list rotates: those looked at go to its end. */
static void tick_clients(struct shard *shard, int hz) {
    uint64_t count = shard->conn_count / (uint64_t)hz + 1;
    count = count < TICK_CLIENTS_MIN ? TICK_CLIENTS_MIN : count > TICK_CLIENTS_MAX ? TICK_CLIENTS_MAX : count;
    for (uint64_t i = 0; i < count && i < shard->conn_count; i++) {
        struct link *node = link_pop_front(&shard->conns);
        struct conn *conn = CONTAINER_OF(node, struct conn, all_link);
        link_push_back(&shard->conns, node);
        tick_client(shard, conn);
        stats_note_client(shard, conn);
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
    int hz = shard->engine.config->hz > 0 ? shard->engine.config->hz : 10;
    int64_t period_ns = 1000000000 / hz;
    shard->next_tick_ns = io_now_ns(shard->io) + period_ns;
    int64_t budget_ns = period_ns / TICK_EXPIRE_SHARE;
    int64_t slice_ns = (int64_t)TICK_EXPIRE_SLICE_NS * shard->engine.config->active_expire_effort;
    if (budget_ns > slice_ns)
        budget_ns = slice_ns;
    bool is_loading = atomic_load_explicit(&shard->server->is_loading, memory_order_acquire);
    if (!shard->engine.is_active_expiry_off && !shard->is_cron_paused && shard->pause.until_ms == 0 &&
        !is_loading)
        tick_expire(shard, budget_ns);
    if (!shard->is_cron_paused)
        tick_clients(shard, hz);
    tick_stalled(shard);
    stats_tick(shard);
    if (shard->index == 0 && !is_loading)
        log_mark_tick(shard);
}
