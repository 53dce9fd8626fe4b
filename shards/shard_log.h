/* shard_log.h: what a shard's commands leave in its segment of the append-only log, and which replies wait for it.
 *
 * Effects of a turn are collected in the engine and become one frame of the segment at the end of the turn; the part of a
 * transaction over several shards becomes a frame of its own, with the transaction's number and participants. Frames
 * stand in the order in which their commands *arrived*: a request that has to wait for a locked key keeps a place (struct
 * log_slot), and what comes after it waits in memory until the place is filled.
 *
 * Under appendfsync always a reply carries the number of the frame that it depends on (its ticket): a write's own, or,
 * for a read, that of the last write of the same key (by a small table of hashes) if that is not on disk yet.
 *
 * Functions want shard->log to be set (appendonly yes) unless they say otherwise. Owner: whoever acts as the shard;
 * open, flush, sync and close: the shard's own thread. */
#pragma once

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/base/shard_set.h"
#include "persist/aof_writer.h"
#include "shards/request.h"

struct shard;
struct log_slot;

/* ---- commands ---- */

/* False without a log. */
bool shard_log_is_always(const struct shard *shard);

/* Around a write command that runs now. A part of a transaction, and a request that has kept a place, get a frame of their
 * own. */
void shard_log_begin(struct shard *shard, const struct request *request);

/* After any command: the ticket its reply stands on, 0 when none is needed. Notes that the coordinator wants to hear. */
uint64_t shard_log_end(struct shard *shard, const struct request *request);

/* Keeps a place in the log for a write request that cannot run now; gives it. NULL without a log, or for a request that
 * leaves nothing in it. The request's run fills it (request->log_slot). */
struct log_slot *shard_log_keep_place(struct shard *shard, const struct request *request);

/* ---- transactions that borrow keys ---- */

/* Keeps the place of this shard's share; NULL without a log. shard_log_fill_place fills it. */
struct log_slot *shard_log_keep_txn_place(struct shard *shard, uint64_t txn_id,
                                          const struct shard_set *participants);

/* Around something that this shard does on behalf of the transaction before its share comes home (an expired key is
 * deleted): its effects go to the place. Harmless when `slot` is NULL. */
void shard_log_begin_place(struct shard *shard, const struct log_slot *slot);
void shard_log_end_place(struct shard *shard, struct log_slot *slot);

/* Appends effects to what the place will hold. */
void shard_log_put_place(struct log_slot *slot, struct bytes effects);

/* The share has come: gives the place up. The ticket, 0 unless always. */
uint64_t shard_log_fill_place(struct shard *shard, struct log_slot *slot);

/* The frame that will hold what `ticket` stands for has written this key. */
void shard_log_note_write(struct shard *shard, uint64_t hash, uint64_t ticket);

/* The ticket that a reader of this key stands on; 0 unless always. */
uint64_t shard_log_read_ticket(const struct shard *shard, uint64_t hash);

/* `coordinator` holds a reply that stands on our log. */
void shard_log_note_interest(struct shard *shard, unsigned coordinator);

/* ---- marks ---- */

/* Appends the mark of an epoch; from here on `sync` is the policy. `settled` is an epoch that all shards had on disk. */
void shard_log_mark(struct shard *shard, uint64_t epoch, uint64_t settled, enum aof_sync sync);

/* The policy in force. */
enum aof_sync shard_log_policy(const struct shard *shard);

/* The last epoch whose mark this shard has on its disk. Any thread. */
uint64_t shard_log_durable_epoch(const struct shard *shard);

/* ---- the segment ---- */

struct shard_log_options {
    int fd; /* taken */
    struct io_fs *fs;
    uint64_t id;     /* of the segment */
    uint64_t offset; /* its end */
    uint64_t seq;    /* of its last frame */
    uint64_t epoch;  /* the last mark that all segments have on their disks */
    enum aof_sync sync;
};

/* Begins logging: sets shard->log. */
void shard_log_open(struct shard *shard, const struct shard_log_options *options);

/* True when the shard's own thread must write or fsync soon. */
bool shard_needs_log_flush(const struct shard *shard);

/* End of a turn: hands the turn's frames to the segment. */
void shard_log_flush(struct shard *shard);

/* For INFO; all zero without a log. */
struct shard_log_sizes {
    uint64_t file_bytes;     /* of the segment that is being written */
    uint64_t buffered_bytes; /* frames that are not in it yet */
    bool is_syncing;
};

struct shard_log_sizes shard_log_sizes(const struct shard *shard);

/* True while so much waits for the disk, in some shard, that no writes should be taken. False without a log. */
bool shard_log_is_full(const struct shard *shard);

/* The end: puts everything on the disk, waiting for it, with a last mark, and closes the segment. ERR_OK, or what went
 * wrong. Nothing may be under way on any shard. shard->log is NULL afterwards. */
enum err shard_log_close(struct shard *shard, uint64_t last_epoch) ATTR_MUST_USE;
