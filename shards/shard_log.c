/* shard_log.c: from effects to frames, and from durable frames to replies.
 *
 * The order of the log is the order of arrival. A request that waits for a locked key runs later than requests that came
 * after it, and a transaction's share comes home later still; but their effects belong where they arrived, because the
 * order locks make the order of arrival, and only that, the same on all shards: so a mark cuts no transaction in two,
 * and resolving parts (log_ack.h) has no cycles. Replaying in that order gives the same data, because whatever
 * conflicts with a waiting request waits behind it (locks.h), and the rest commutes.
 *
 *   I1  `queue` holds the places from the first unfilled one on; if it is empty, frames go to the writer at once.
 *   I2  last_seq is the number of the last frame or place; pending plain effects get last_seq + 1 whenever they are cut.
 *   I3  before a frame of its own is made, pending plain effects are cut into a frame, so that each frame's payload
 *       begins with no database selected and frames keep the order of execution within a key.
 *   I4  effects that no command made (eviction, expiry) lift `floor`: everything read after them waits for them.
 *   I5  acked = log_ack_limit is the last frame that replies may stand on; it only rises.
 *
 * A reader of a key that shares its slot in last_write with a recently written one waits for nothing: an fsync too
 * many, never one too few. */
#include "shards/shard_log.h"

#include "core/base/mem.h"
#include "shards/fanout.h"
#include "shards/log_ack.h"
#include "shards/planted.h"
#include "shards/run.h"
#include "shards/server.h"
#include "shards/yield.h"

#include <unistd.h>

enum {
    LOG_HASHES = 64,
    LOG_LAST_WRITES = 4096,
    LOG_KEEP_BYTES = 256 * 1024,
    LOG_BACKLOG_MAX = 64 << 20,
};

struct log_slot {
    struct link link;
    struct segment_frame frame;
    uint64_t seq;
    struct buf payload;
    bool is_filled;
};

struct shard_log {
    struct shard *shard;
    struct aof_writer writer;
    enum aof_sync sync;
    struct link queue; /* of log_slot (I1) */
    uint64_t last_seq; /* I2 */
    size_t seen;       /* bytes of pending effects whose origin is known (I4) */
    bool is_own_frame; /* the command that runs gets a frame of its own */
    bool is_dirty;     /* a frame was made since the last mark */
    bool is_full;      /* counted in server->logs_full */
    /* marks that are not known to be durable: the oldest such, and the newest */
    uint64_t mark_seq, mark_epoch;
    uint64_t next_mark_seq, next_mark_epoch;
    atomic_uint_fast64_t durable_epoch;
    /* appendfsync always */
    struct log_ack ack;
    uint64_t acked; /* I5 */
    uint64_t floor; /* I4 */
    uint64_t last_write[LOG_LAST_WRITES];
    struct shard_set interested;
    uint64_t *wanted; /* per coordinator: the highest ticket that it may hold a reply for */
};

/* News for another shard: of our parts for a participant, of our frames for a coordinator. */
struct log_news {
    struct message message;
    unsigned from;
    uint64_t count;
};

bool shard_log_is_always(const struct shard *shard) {
    return shard->log != NULL && shard->log->sync == AOF_SYNC_ALWAYS;
}

/* ---- frames ---- */

static void log_write_frame(struct shard_log *log, struct segment_frame *frame, uint64_t seq,
                            struct bytes payload) {
    frame->known = log->acked;
    uint64_t given = aof_writer_append(&log->writer, frame, payload);
    must(given == seq);
}

static struct log_slot *log_queue_slot(struct shard_log *log, const struct segment_frame *frame) {
    struct log_slot *slot = mem_zalloc(sizeof *slot);
    slot->frame = *frame;
    slot->seq = ++log->last_seq;
    link_push_back(&log->queue, &slot->link);
    return slot;
}

/* Moves filled places to the writer (I1). */
static void log_drain(struct shard_log *log) {
    while (!link_is_empty(&log->queue)) {
        struct log_slot *slot = CONTAINER_OF(log->queue.next, struct log_slot, link);
        if (!slot->is_filled)
            return;
        log_write_frame(log, &slot->frame, slot->seq, buf_bytes(&slot->payload));
        link_remove(&slot->link);
        buf_deinit(&slot->payload);
        mem_free(slot);
    }
}

/* Notes what every frame but a mark means. */
static void log_note_frame(struct shard_log *log, const struct segment_frame *frame, uint64_t seq) {
    if (frame->kind == SEGMENT_PART && frame->is_always)
        log_ack_add(&log->ack, seq, &frame->participants);
    if (log->is_dirty)
        return;
    log->is_dirty = true;
    atomic_store_explicit(&log->shard->server->log_is_dirty, true, memory_order_relaxed);
}

/* Makes a frame that is complete. */
static void log_put_frame(struct shard_log *log, struct segment_frame *frame, struct bytes payload) {
    if (link_is_empty(&log->queue)) {
        log_write_frame(log, frame, ++log->last_seq, payload);
    } else {
        struct log_slot *slot = log_queue_slot(log, frame);
        buf_put_bytes(&slot->payload, payload);
        slot->is_filled = true;
    }
}

static void log_forget_effects(struct shard_log *log) {
    struct engine *engine = &log->shard->engine;
    buf_clear(&engine->effects, LOG_KEEP_BYTES);
    engine->effects_db = -1;
    log->seen = 0;
}

/* Effects that came from no command. */
static void log_check_floor(struct shard_log *log) {
    if (log->shard->engine.effects.len != log->seen) {
        log->floor = log->last_seq + 1; /* I4 */
        log->seen = log->shard->engine.effects.len;
    }
}

/* Pending plain effects become a frame (I3). */
static void log_cut(struct shard_log *log) {
    struct engine *engine = &log->shard->engine;
    if (engine->effects.len == 0)
        return;
    log_check_floor(log);
    struct segment_frame frame = {.kind = SEGMENT_EFFECTS, .is_always = log->sync == AOF_SYNC_ALWAYS};
    log_put_frame(log, &frame, buf_bytes(&engine->effects));
    log_note_frame(log, &frame, log->last_seq);
    log_forget_effects(log);
}

static struct segment_frame log_part_frame(const struct shard_log *log, uint64_t txn_id,
                                           const struct shard_set *participants) {
    return (struct segment_frame){
        .kind = SEGMENT_PART,
        .is_always = log->sync == AOF_SYNC_ALWAYS,
        .txn_id = txn_id,
        .participants = *participants,
    };
}

static bool log_is_part(const struct request *r) {
    return (r->flags & REQUEST_IS_PART) && r->to.fanout != NULL;
}

/* ---- places ---- */

static struct log_slot *log_keep(struct shard *shard, const struct segment_frame *frame) {
    log_cut(shard->log); /* I3 */
    struct log_slot *slot = log_queue_slot(shard->log, frame);
    log_note_frame(shard->log, frame, slot->seq);
    return slot;
}

struct log_slot *shard_log_keep_txn_place(struct shard *shard, uint64_t txn_id,
                                          const struct shard_set *participants) {
    if (!shard->log)
        return NULL;
    struct segment_frame frame = log_part_frame(shard->log, txn_id, participants);
    return log_keep(shard, &frame);
}

struct log_slot *shard_log_keep_place(struct shard *shard, const struct request *r) {
    if (!shard->log || !(r->command->flags & CMD_WRITE))
        return NULL;
    if (log_is_part(r))
        return shard_log_keep_txn_place(shard, r->to.fanout->txn_id, &r->to.fanout->participants);
    struct segment_frame frame = {.kind = SEGMENT_EFFECTS, .is_always = shard_log_is_always(shard)};
    return log_keep(shard, &frame);
}

void shard_log_begin_place(struct shard *shard, const struct log_slot *slot) {
    if (slot)
        log_cut(shard->log);
}

void shard_log_end_place(struct shard *shard, struct log_slot *slot) {
    if (!slot)
        return;
    buf_put_bytes(&slot->payload, buf_bytes(&shard->engine.effects));
    log_forget_effects(shard->log);
}

static void log_give_up_place(struct shard_log *log, struct log_slot *slot) {
    slot->is_filled = true;
    log_drain(log);
}

uint64_t shard_log_fill_place(struct shard *shard, struct log_slot *slot, struct bytes effects) {
    uint64_t seq = slot->seq;
    bool is_always = slot->frame.is_always;
    buf_put_bytes(&slot->payload, effects);
    log_give_up_place(shard->log, slot);
    return is_always ? seq : 0;
}

/* ---- commands ---- */

void shard_log_begin(struct shard *shard, const struct request *r) {
    struct shard_log *log = shard->log;
    log->is_own_frame = r->log_slot != NULL || log_is_part(r);
    if (log->is_own_frame)
        log_cut(log);
    else
        log_check_floor(log);
}

/* The frame of its own of a write that has run; gives its number. */
static uint64_t log_end_own(struct shard_log *log, const struct request *r) {
    struct shard *shard = log->shard;
    log->is_own_frame = false;
    if (r->log_slot) {
        uint64_t seq = r->log_slot->seq;
        shard_log_end_place(shard, r->log_slot);
        log_give_up_place(log, r->log_slot);
        return seq;
    }
    struct segment_frame frame = log_part_frame(log, r->to.fanout->txn_id, &r->to.fanout->participants);
    log_put_frame(log, &frame, buf_bytes(&shard->engine.effects));
    log_note_frame(log, &frame, log->last_seq);
    log_forget_effects(log);
    return log->last_seq;
}

/* The last frame there is or will be. */
static uint64_t log_newest(const struct shard_log *log) {
    return log->last_seq + (log->shard->engine.effects.len > 0);
}

void shard_log_note_write(struct shard *shard, uint64_t hash, uint64_t ticket) {
    uint64_t *last = &shard->log->last_write[hash & (LOG_LAST_WRITES - 1)];
    if (ticket > *last)
        *last = ticket;
}

uint64_t shard_log_read_ticket(const struct shard *shard, uint64_t hash) {
    const struct shard_log *log = shard->log;
    uint64_t last = log->last_write[hash & (LOG_LAST_WRITES - 1)];
    uint64_t ticket = last > log->floor ? last : log->floor;
    bool must_wait = log->sync == AOF_SYNC_ALWAYS && ticket > log->acked && !PLANTED(NO_READ_WAIT);
    return must_wait ? ticket : 0;
}

void shard_log_note_interest(struct shard *shard, unsigned coordinator) {
    shard_set_add(&shard->log->interested, coordinator);
    shard->log->wanted[coordinator] = log_newest(shard->log);
}

/* The hashes of the request's keys, at most LOG_HASHES; false: there are more, or it is about all keys. */
static bool log_hashes(const struct shard *shard, const struct request *r, uint64_t *hashes,
                       unsigned *count_out) {
    *count_out = 0;
    if (r->command->scope == SCOPE_ALL)
        return false;
    if (r->command->scope == SCOPE_KEY && r->hash) {
        hashes[(*count_out)++] = r->hash;
        return true;
    }
    if (r->command->keyspec_count == 0)
        return true;
    *count_out = run_key_hashes(shard, r, hashes, LOG_HASHES);
    return *count_out <= LOG_HASHES;
}

/* The ticket of a write that frame `seq` holds. */
static uint64_t log_write_ticket(struct shard *shard, const struct request *r, uint64_t seq) {
    uint64_t hashes[LOG_HASHES];
    unsigned count;
    if (log_hashes(shard, r, hashes, &count))
        for (unsigned i = 0; i < count; i++)
            shard_log_note_write(shard, hashes[i], seq);
    else if (seq > shard->log->floor)
        shard->log->floor = seq;
    return seq;
}

/* The ticket of a command that has changed nothing. */
static uint64_t log_seen_ticket(const struct shard *shard, const struct request *r) {
    const struct shard_log *log = shard->log;
    uint64_t hashes[LOG_HASHES];
    unsigned count;
    if (!log_hashes(shard, r, hashes, &count))
        return log_newest(log) > log->acked ? log_newest(log) : 0;
    uint64_t ticket = 0;
    for (unsigned i = 0; i < count; i++) {
        uint64_t one = shard_log_read_ticket(shard, hashes[i]);
        ticket = one > ticket ? one : ticket;
    }
    return ticket;
}

uint64_t shard_log_end(struct shard *shard, const struct request *r) {
    struct shard_log *log = shard->log;
    bool has_own_frame = log->is_own_frame;
    bool has_written = has_own_frame || shard->engine.effects.len != log->seen;
    uint64_t seq = log->last_seq + 1;
    if (has_own_frame)
        seq = log_end_own(log, r);
    else
        log->seen = shard->engine.effects.len;
    if (log->sync != AOF_SYNC_ALWAYS)
        return 0;
    uint64_t ticket = has_written ? log_write_ticket(shard, r, seq) : log_seen_ticket(shard, r);
    if (ticket) {
        shard_set_add(&log->interested, r->to.coordinator);
        log->wanted[r->to.coordinator] = log_newest(log);
    }
    return ticket;
}

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

/* ---- marks ---- */

void shard_log_mark(struct shard *shard, uint64_t epoch, uint64_t settled, enum aof_sync sync) {
    struct shard_log *log = shard->log;
    log_cut(log);
    struct segment_frame frame = {
        .kind = SEGMENT_MARK,
        .is_always = log->sync == AOF_SYNC_ALWAYS,
        .epoch = epoch,
        .settled = settled,
    };
    log_put_frame(log, &frame, BYTES_NONE);
    log->is_dirty = false;
    if (log->mark_seq == 0) {
        log->mark_seq = log->last_seq;
        log->mark_epoch = epoch;
    } else {
        log->next_mark_seq = log->last_seq;
        log->next_mark_epoch = epoch;
    }
    if (sync == AOF_SYNC_ALWAYS && log->sync != AOF_SYNC_ALWAYS) {
        /* What was not acknowledged by fsync so far is a dependency of all that will be: the mark counts as a part. */
        struct shard_set all = {{0}};
        for (unsigned i = 0; i < shard->server->shard_count; i++)
            shard_set_add(&all, i);
        log_ack_add(&log->ack, log->last_seq, &all);
        log->floor = log->last_seq;
    }
    log->sync = sync;
}

enum aof_sync shard_log_policy(const struct shard *shard) {
    return shard->log->sync;
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
    log_forget_effects(log);
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
    log_cut(log);
    aof_writer_flush(&log->writer, log->sync);
    bool is_full = aof_writer_backlog(&log->writer) > LOG_BACKLOG_MAX;
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
