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
 * A reader of a key that shares its slot in last_write with one written just now waits although it need not: at worst an
 * fsync too many is waited for, never one too few. */
#include "shards/shard_log.h"

#include "core/base/mem.h"
#include "shards/fanout.h"
#include "shards/planted.h"
#include "shards/run.h"
#include "shards/server.h"
#include "shards/shard_log_internal.h"

enum { LOG_HASHES = 64, LOG_KEEP_BYTES = 256 * 1024 };

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

void shard_log__forget_effects(struct shard_log *log) {
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
void shard_log__cut(struct shard_log *log) {
    struct engine *engine = &log->shard->engine;
    if (engine->effects.len == 0)
        return;
    log_check_floor(log);
    struct segment_frame frame = {.kind = SEGMENT_EFFECTS, .is_always = log->sync == AOF_SYNC_ALWAYS};
    log_put_frame(log, &frame, buf_bytes(&engine->effects));
    log_note_frame(log, &frame, log->last_seq);
    shard_log__forget_effects(log);
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
    shard_log__cut(shard->log); /* I3 */
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
        shard_log__cut(shard->log);
}

void shard_log_end_place(struct shard *shard, struct log_slot *slot) {
    if (!slot)
        return;
    buf_put_bytes(&slot->payload, buf_bytes(&shard->engine.effects));
    shard_log__forget_effects(shard->log);
}

static void log_give_up_place(struct shard_log *log, struct log_slot *slot) {
    slot->is_filled = true;
    log_drain(log);
}

void shard_log_put_place(struct log_slot *slot, struct bytes effects) {
    buf_put_bytes(&slot->payload, effects);
}

uint64_t shard_log_fill_place(struct shard *shard, struct log_slot *slot) {
    uint64_t seq = slot->seq;
    bool is_always = slot->frame.is_always;
    log_give_up_place(shard->log, slot);
    return is_always ? seq : 0;
}

/* ---- commands ---- */

void shard_log_begin(struct shard *shard, const struct request *r) {
    struct shard_log *log = shard->log;
    log->is_own_frame = r->log_slot != NULL || log_is_part(r);
    if (log->is_own_frame)
        shard_log__cut(log);
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
    shard_log__forget_effects(log);
    return log->last_seq;
}

/* The last frame there is or will be. */
static uint64_t log_newest(const struct shard_log *log) {
    return log->last_seq + (log->shard->engine.effects.len > 0);
}

void shard_log_note_write(struct shard *shard, uint64_t hash, uint64_t ticket) {
    uint64_t *last = &shard->log->last_write[hash & (SHARD_LOG_LAST_WRITES - 1)];
    if (ticket > *last)
        *last = ticket;
}

uint64_t shard_log_read_ticket(const struct shard *shard, uint64_t hash) {
    const struct shard_log *log = shard->log;
    uint64_t last = log->last_write[hash & (SHARD_LOG_LAST_WRITES - 1)];
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

/* ---- marks ---- */

void shard_log_mark(struct shard *shard, uint64_t epoch, uint64_t settled, enum aof_sync sync) {
    struct shard_log *log = shard->log;
    shard_log__cut(log);
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
