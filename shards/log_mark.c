/* log_mark.c: making marks.
 *
 * Ten marks a second under everysec, so that a killed process loses a tenth of a second of what the kernel has been
 * given; one a second under always, where they only bound how far recovery must look back for transactions. None while
 * nothing is written.
 *
 * "Was anything written" is one flag for all shards: the first frame after a shard's mark raises it, shard 0 lowers it
 * before it sends the next mark. A frame made between the lowering and the mark's arrival at its shard stands before the
 * mark and is covered by it; a later one raises the flag again. */
#include "shards/log_mark.h"

#include "core/base/mem.h"
#include "shards/planted.h"
#include "shards/server.h"
#include "shards/shard_log.h"

static const int64_t MARK_ALWAYS_NS = 1000000000;

struct log_mark {
    struct message message;
    uint64_t epoch;
    uint64_t settled;
    enum aof_sync sync;
};

enum aof_sync log_mark_policy(const struct config *config) {
    switch (config->appendfsync) {
    case APPENDFSYNC_NO: return AOF_SYNC_NO;
    case APPENDFSYNC_EVERYSEC: return AOF_SYNC_EVERYSEC;
    case APPENDFSYNC_ALWAYS: return AOF_SYNC_ALWAYS;
    }
    return AOF_SYNC_EVERYSEC;
}

static void log_mark_arrive(struct shard *shard, struct message *message) {
    struct log_mark *mark = CONTAINER_OF(message, struct log_mark, message);
    if (shard->log)
        shard_log_mark(shard, mark->epoch, mark->settled, mark->sync);
    mem_free(mark);
}

static uint64_t log_mark_settled(const struct server *server) {
    uint64_t settled = UINT64_MAX;
    for (unsigned i = 0; i < server->shard_count; i++) {
        uint64_t durable = shard_log_durable_epoch(server->shards[i]);
        settled = durable < settled ? durable : settled;
    }
    return settled;
}

static void log_mark_send(struct shard *shard, enum aof_sync sync) {
    struct server *server = shard->server;
    struct log_mark *marks[SHARDS_MAX];
    uint64_t epoch = ++server->log_epoch;
    uint64_t settled = log_mark_settled(server);
    for (unsigned i = 0; i < server->shard_count; i++) {
        marks[i] = mem_zalloc(sizeof *marks[i]);
        *marks[i] = (struct log_mark){{NULL, log_mark_arrive}, epoch, settled, sync};
    }
    for (unsigned i = 0; i < server->shard_count && !PLANTED(LOOSE_MARK); i++)
        order_lock_take(&server->shards[i]->order);
    for (unsigned i = 0; i < server->shard_count; i++)
        shard_send(shard, i, &marks[i]->message);
    for (unsigned i = 0; i < server->shard_count && !PLANTED(LOOSE_MARK); i++)
        order_lock_release(&server->shards[i]->order);
    flush_look(shard);
}

void log_mark_tick(struct shard *shard) {
    struct server *server = shard->server;
    if (!shard->log || atomic_load_explicit(&server->is_stopping, memory_order_relaxed))
        return;
    enum aof_sync sync = log_mark_policy(server->config);
    bool is_always = shard_log_is_always(shard);
    bool has_changed = sync != shard_log_policy(shard);
    if (!has_changed && is_always && io_now_ns(shard->io) < server->next_mark_ns)
        return;
    if (!atomic_exchange_explicit(&server->log_is_dirty, false, memory_order_relaxed) && !has_changed)
        return;
    server->next_mark_ns = io_now_ns(shard->io) + MARK_ALWAYS_NS;
    log_mark_send(shard, sync);
}
