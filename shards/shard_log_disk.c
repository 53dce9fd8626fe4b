/* shard_log_disk.c: a shard's log on its way to the disk, and who is told.
 *
 * Frames that became durable are told to the other participants of their transactions (log_ack.h); what may be
 * acknowledged is told to the shards whose connections wait for it. Faults become MISCONF, or, under always, the end.
 *
 *   I1  acked = log_ack_limit only rises; a coordinator in `interested` hears every rise until its ticket is reached.
 *   I2  nothing is acknowledged after a failed fsync. */
#include "shards/shard_log.h"

#include "core/base/mem.h"
#include "shards/server.h"
#include "shards/shard_log_internal.h"
#include "shards/yield.h"

#include <unistd.h>

enum { LOG_BACKLOG_MAX = 64 << 20 };

/* News for another shard: of our parts for a participant, of our frames for a coordinator. */
struct log_news {
    struct message message;
    unsigned from;
    uint64_t count;
};

/* ---- durability ---- */

static void log_news_arrive(struct shard *shard, struct message *message);
static void log_durable_arrive(struct shard *shard, struct message *message);

static void log_send(struct shard *shard, unsigned to, uint64_t count,
                     void (*run)(struct shard *shard, struct message *message)) {
    struct log_news *news = mem_zalloc(sizeof *news);
    news->message.run = run;
    news->from = shard->index;
    news->count = count;
    shard_send(shard, to, &news->message);
}

/* Tells participants and coordinators what is new. */
static void log_advance(struct shard_log *log) {
    struct shard *shard = log->shard;
    struct shard_set news = log_ack_news(&log->ack);
    for (unsigned q = shard_set_next(&news, 0); q < SHARDS_MAX; q = shard_set_next(&news, q + 1))
        log_send(shard, q, log->ack.told[q], log_news_arrive);
    uint64_t limit = log_ack_limit(&log->ack);
    if (limit <= log->acked)
        return;
    log->acked = limit; /* I5 */
    struct shard_set interested = log->interested;
    for (unsigned c = shard_set_next(&interested, 0); c < SHARDS_MAX;
         c = shard_set_next(&interested, c + 1)) {
        if (log->wanted[c] <= limit)
            shard_set_remove(&log->interested, c);
        if (c == shard->index)
            promises_keep(shard, c, limit);
        else
            log_send(shard, c, limit, log_durable_arrive);
    }
}

static void log_news_arrive(struct shard *shard, struct message *message) {
    struct log_news *news = CONTAINER_OF(message, struct log_news, message);
    if (shard->log) {
        log_ack_note_heard(&shard->log->ack, news->from, news->count);
        log_advance(shard->log);
    }
    mem_free(news);
}

static void log_durable_arrive(struct shard *shard, struct message *message) {
    struct log_news *news = CONTAINER_OF(message, struct log_news, message);
    promises_keep(shard, news->from, news->count);
    mem_free(news);
}

static void log_note_epochs(struct shard_log *log) {
    if (log->mark_seq && log->mark_seq <= log->writer.durable) {
        atomic_store_explicit(&log->durable_epoch, log->mark_epoch, memory_order_release);
        log->mark_seq = 0;
    }
    if (log->mark_seq == 0) {
        log->mark_seq = log->next_mark_seq;
        log->mark_epoch = log->next_mark_epoch;
        log->next_mark_seq = 0;
    }
}

static void log_on_durable(struct aof_writer *writer) {
    struct shard_log *log = CONTAINER_OF(writer, struct shard_log, writer);
    log_note_epochs(log);
    log_note_epochs(log); /* the newest mark may be durable as well */
    log_ack_note_durable(&log->ack, writer->durable);
    log_advance(log);
}

/* Some shard's log works again: writes are admitted when all do. */
static void log_clear_fault(struct server *server) {
    for (unsigned i = 0; i < server->shard_count; i++)
        if (atomic_load_explicit(&server->shards[i]->log_fault, memory_order_relaxed) != ERR_OK)
            return;
    atomic_store_explicit(&server->log_fault, ERR_OK, memory_order_relaxed);
}

static void log_on_fault(struct aof_writer *writer) {
    struct shard_log *log = CONTAINER_OF(writer, struct shard_log, writer);
    struct server *server = log->shard->server;
    atomic_store_explicit(&log->shard->log_fault, (int)writer->fault, memory_order_relaxed);
    if (writer->fault == ERR_OK) {
        log_clear_fault(server);
        logger_say(&server->logger, LOGLEVEL_NOTICE, "Shard %u: the append-only file can be written again",
                   log->shard->index);
        return;
    }
    if (log->sync == AOF_SYNC_ALWAYS && (writer->is_poisoned || writer->fault != ERR_NOSPACE)) {
        logger_say(&server->logger, LOGLEVEL_WARNING,
                   "Shard %u: %s of the append-only file failed (%s). With appendfsync always no reply may "
                   "be sent for "
                   "what is not on the disk, so the server ends here. Everything acknowledged so far is on "
                   "the disk.",
                   log->shard->index, writer->is_poisoned ? "an fsync" : "a write", err_text(writer->fault));
        YIELD_EXIT();
        _exit(1);
    }
    if (atomic_exchange_explicit(&server->log_fault, (int)writer->fault, memory_order_relaxed) == ERR_OK)
        logger_say(&server->logger, LOGLEVEL_WARNING,
                   "Shard %u: %s of the append-only file failed (%s): writes are refused until %s",
                   log->shard->index, writer->is_poisoned ? "an fsync" : "a write", err_text(writer->fault),
                   writer->is_poisoned ? "a restart" : "it works again");
}

uint64_t shard_log_durable_epoch(const struct shard *shard) {
    return shard->log ? atomic_load_explicit(&shard->log->durable_epoch, memory_order_acquire) : 0;
}

/* ---- the segment ---- */

static void log_on_took(struct aof_writer *writer, enum io_file_kind kind, int64_t ns) {
    struct shard_log *log = CONTAINER_OF(writer, struct shard_log, writer);
    uint64_t ms = (uint64_t)ns / 1000000;
    switch (kind) {
    case IO_FILE_WRITE: latency_note(log->shard, LATENCY_AOF_WRITE, ms); break;
    case IO_FILE_WRITE_FSYNC: latency_note(log->shard, LATENCY_AOF_FSYNC_ALWAYS, ms); break;
    case IO_FILE_FSYNC: latency_note(log->shard, LATENCY_AOF_FSYNC, ms); break;
    }
}

struct shard_log_sizes shard_log_sizes(const struct shard *shard) {
    const struct aof_writer *writer = shard->log ? &shard->log->writer : NULL;
    if (!writer)
        return (struct shard_log_sizes){0};
    return (struct shard_log_sizes){
        .file_bytes = writer->offset,
        .buffered_bytes = aof_writer_buffered(writer),
        .is_syncing = writer->is_syncing,
    };
}

static const struct aof_writer_ops log_writer_ops = {log_on_durable, log_on_fault, log_on_took};

void shard_log_open(struct shard *shard, const struct shard_log_options *options) {
    struct shard_log *log = mem_zalloc(sizeof *log);
    struct aof_writer_options writer = {
        .ops = &log_writer_ops,
        .io = shard->io,
        .fs = options->fs,
        .fd = options->fd,
        .id = options->id,
        .offset = options->offset,
        .seq = options->seq,
    };
    log->shard = shard;
    log->sync = options->sync;
    log->last_seq = log->acked = options->seq;
    link_init_head(&log->queue);
    aof_writer_open(&log->writer, &writer);
    log_ack_init(&log->ack, shard->index, shard->server->shard_count);
    log_ack_note_durable(&log->ack, options->seq);
    log->wanted = mem_zalloc(shard->server->shard_count * sizeof *log->wanted);
    atomic_init(&log->durable_epoch, options->epoch);
    shard->log = log;
    shard->engine.effects_on = true;
    shard_log__forget_effects(log);
}

bool shard_needs_log_flush(const struct shard *shard) {
    const struct shard_log *log = shard->log;
    if (!log || log->sync != AOF_SYNC_ALWAYS)
        return false;
    bool has_effects = shard->engine.effects.len > 0 && link_is_empty(&log->queue);
    return aof_writer_has_work(&log->writer) || (has_effects && !log->writer.is_writing);
}

void shard_log_flush(struct shard *shard) {
    struct shard_log *log = shard->log;
    shard_log__cut(log);
    if (aof_writer_flush(&log->writer, log->sync) && log->sync == AOF_SYNC_ALWAYS)
        io_file_begin(shard->io);
    bool is_full = aof_writer_buffered(&log->writer) > LOG_BACKLOG_MAX;
    if (is_full == log->is_full)
        return;
    log->is_full = is_full;
    if (is_full)
        atomic_fetch_add_explicit(&shard->server->logs_full, 1, memory_order_relaxed);
    else
        atomic_fetch_sub_explicit(&shard->server->logs_full, 1, memory_order_relaxed);
}

bool shard_log_is_full(const struct shard *shard) {
    return UNLIKELY(atomic_load_explicit(&shard->server->logs_full, memory_order_relaxed) != 0);
}

static void log_wait(struct shard_log *log) {
    YIELD_SLEEP();
    io_poll(log->shard->io, 10000000);
    io_dispatch(log->shard->io);
}

enum err shard_log_close(struct shard *shard, uint64_t last_epoch) {
    struct shard_log *log = shard->log;
    must(link_is_empty(&log->queue));
    log->interested = (struct shard_set){{0}}; /* nobody is left to hear */
    shard_log_mark(shard, last_epoch, 0, log->sync);
    struct aof_writer *w = &log->writer;
    while (w->durable < w->appended && !w->is_poisoned && w->fault == ERR_OK) {
        aof_writer_flush(w, AOF_SYNC_ALWAYS);
        log_wait(log);
    }
    while (!aof_writer_is_idle(w))
        log_wait(log);
    enum err e = w->fault;
    aof_writer_close(w);
    log_ack_deinit(&log->ack);
    mem_free(log->wanted);
    mem_free(log);
    shard->log = NULL;
    shard->engine.effects_on = false;
    return e;
}
