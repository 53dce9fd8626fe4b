/* shard.c: making a shard, and running its inbox.
 *
 * Messages are run in the order in which they were pushed, after the order lock is seen free (R2): a flush with several
 * destinations is then visible in all of them. */
#include "shards/shard.h"

#include "core/base/mem.h"
#include "shards/cycles.h"
#include "shards/planted.h"
#include "shards/server.h"
#include "shards/shard_life.h"
#include "shards/yield.h"

static const int64_t SHARD_CLOCK_STEP_US = 1000000;

static void shard_on_db_replaced(void *ctx, int db) {
    waiters_note_replaced(ctx, db);
}

struct shard *shard_new(struct server *server, unsigned index) {
    struct shard *shard = mem_zalloc_aligned(sizeof *shard, CACHE_LINE_BYTES);
    shard->index = index;
    shard->server = server;
    shard->inbox = inbox_new();
    baton_init(&shard->baton);
    engine_init(&shard->engine, server->snapshot, server->hash_seed, index, server->shard_count,
                server->handlers);
    flush_init(&shard->flush, server->shard_count);
    locks_init(&shard->locks);
    promises_init(&shard->promises, server->shard_count);
    stats_init(shard);
    slowlog_init(&shard->slowlog);
    shard->evict_pools = mem_zalloc((size_t)server->config->databases * sizeof *shard->evict_pools);
    link_init_head(&shard->conns);
    link_init_head(&shard->resume);
    link_init_head(&shard->stalled);
    link_init_head(&shard->questions);
    link_init_head(&shard->newcomers);
    pause_init(&shard->pause);
    jobs_init(&shard->jobs);
    waiters_init(&shard->waiters);
    waiting_init(&shard->waiting);
    shard->engine.ops = (struct engine_ops){
        .ctx = shard,
        .put_off = jobs_put_off,
        .block = waiters_block,
        .on_db_replaced = shard_on_db_replaced,
    };
    monitor_init(&shard->monitor);
    link_init_head(&shard->host.with_output);
    return shard;
}

size_t shard_base_bytes(void) {
    return sizeof(struct shard) + COMMAND_COUNT * sizeof(struct command_stats) +
           STATS_ERRORS_MAX * sizeof(struct error_stats);
}

void shard_free(struct shard *shard) {
    must(link_is_empty(&shard->conns));
    engine_deinit(&shard->engine);
    flush_deinit(&shard->flush, shard->server->shard_count);
    locks_deinit(&shard->locks);
    waiters_deinit(&shard->waiters);
    waiting_deinit(&shard->waiting);
    promises_deinit(&shard->promises, shard->server->shard_count);
    monitor_deinit(&shard->monitor);
    buf_deinit(&shard->scratch);
    buf_deinit(&shard->host.spare);
    mem_free(shard->argv);
    stats_deinit(shard);
    slowlog_deinit(&shard->slowlog);
    latency_deinit(&shard->latency);
    mem_free(shard->evict_pools);
    inbox_free(shard->inbox);
    mem_free(shard);
}

void shard_set_clock(struct shard *shard, int64_t wall_us) {
    int64_t back_us = shard->engine.now_us - wall_us;
    if (back_us <= 0 || back_us >= SHARD_CLOCK_STEP_US)
        engine_set_clock(&shard->engine, wall_us);
}

void shard_send(struct shard *from, unsigned to, struct message *message) {
    YIELD_POINT();
    inbox_push(from->server->shards[to]->inbox, message);
    YIELD_POINT();
    shard_set_add(&from->flush.to_look_at, to);
}

bool shard_run_inbox(struct shard *shard) {
    dcheck(baton_is_held(&shard->baton));
    if (!PLANTED(NO_LOOK))
        order_lock_wait(&shard->order); /* R2 */
    YIELD_POINT();
    struct message *message = inbox_take(shard->inbox);
    if (!message)
        return false;
    while (message) {
        struct message *next = message->next;
        shard->stats.messages++;
        shard->ticks = cycles_now();
        message->run(shard, message);
        YIELD_POINT();
        message = next;
    }
    return true;
}
