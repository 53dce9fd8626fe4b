/* shard_log_internal.h: a shard's log as its two files see it: shard_log.c makes frames and tickets, shard_log_disk.c
 * follows the frames to the disk. For these alone. */
#pragma once

#include "core/base/buf.h"
#include "core/base/link.h"
#include "persist/aof_writer.h"
#include "shards/log_ack.h"
#include "shards/shard_log.h"

#include <stdatomic.h>

enum { SHARD_LOG_LAST_WRITES = 4096 };

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
    uint64_t last_write[SHARD_LOG_LAST_WRITES];
    struct shard_set interested;
    uint64_t *wanted; /* per coordinator: the highest ticket that it may hold a reply for */
};

/* Pending plain effects become a frame. */
void shard_log__cut(struct shard_log *log);

/* Empties the engine's effects; the next ones select their database anew. */
void shard_log__forget_effects(struct shard_log *log);
