/* aof_writer.h: appending frames to one segment without ever waiting for the disk.
 *
 * Frames are collected in memory; aof_writer_flush hands what is there to the kernel as one write. While it is under way
 * further turns collect, and go out together with the next one (group commit). Under AOF_SYNC_ALWAYS each write takes its
 * fsync along; under AOF_SYNC_EVERYSEC an fsync follows once a second, beside the writes; under AOF_SYNC_NO none.
 *
 * Faults: a write that fails is cut back to the last whole frame and repeated a second later, for as long as it takes
 * (ENOSPC heals); a failed fsync poisons the segment: nothing is written to it any more, because nobody can know what
 * is on the disk.
 *
 * Owner: the shard. append and the questions: whoever acts as the shard; flush: its own thread. */
#pragma once

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/io/io.h"
#include "persist/segment.h"

enum aof_sync { AOF_SYNC_NO, AOF_SYNC_EVERYSEC, AOF_SYNC_ALWAYS };

struct aof_writer;

struct aof_writer_ops {
    /* All frames up to durable are on the disk. */
    void (*on_durable)(struct aof_writer *writer);
    /* A write or fsync has failed (writer->fault, writer->is_poisoned tell), or after a failure works again. */
    void (*on_fault)(struct aof_writer *writer);
    /* A write, an fsync, or both in one have taken so long, from their start to the turn that noticed their end. */
    void (*on_took)(struct aof_writer *writer, enum io_file_kind kind, int64_t ns);
};

struct aof_writer {
    const struct aof_writer_ops *ops;
    struct io *io;
    struct io_fs *fs;
    int fd;
    uint64_t id;

    uint64_t appended; /* seq of the last frame taken */
    uint64_t written;  /* of the last one that the file has */
    uint64_t durable;  /* of the last one on the disk */
    enum err fault;    /* of the last operation; ERR_OK: all is well */
    bool is_poisoned;

    /* Private. */
    uint64_t offset;   /* of the file: behind what is written */
    uint64_t flying;   /* last frame of the write under way */
    uint64_t syncing;  /* last frame that the fsync under way covers */
    struct buf fill;   /* frames that no write has taken */
    struct buf flight; /* frames of the write under way, or of the one to repeat */
    struct io_file_op write;
    struct io_file_op sync;
    bool is_writing;
    bool is_syncing;
    int64_t write_begun_ns, sync_begun_ns;
    int64_t synced_ns;
    int64_t retry_ns;
};

struct aof_writer_options {
    const struct aof_writer_ops *ops;
    struct io *io;
    struct io_fs *fs;
    int fd;
    uint64_t id;     /* of the segment */
    uint64_t offset; /* where the next frame goes */
    uint64_t seq;    /* of the last frame in the file, which is on the disk */
};

/* Bytes of frames that are not in the file yet. */
static inline size_t aof_writer_buffered(const struct aof_writer *w) {
    return w->fill.len + w->flight.len;
}

/* Takes fd. */
void aof_writer_open(struct aof_writer *w, const struct aof_writer_options *options);

/* No operation may be under way. Closes fd. */
void aof_writer_close(struct aof_writer *w);

/* Takes a frame: fills in its seq and known (`known`; durable under everysec and no) and gives the seq. */
uint64_t aof_writer_append(struct aof_writer *w, struct segment_frame *frame, struct bytes payload);

/* Starts what is due; true when a write began. */
bool aof_writer_flush(struct aof_writer *w, enum aof_sync sync);

/* Starts an fsync of all that is written, whatever the policy; for the end. */
void aof_writer_sync(struct aof_writer *w);

static inline bool aof_writer_is_idle(const struct aof_writer *w) {
    return !w->is_writing && !w->is_syncing;
}

/* True when a flush would start a write at once. */
static inline bool aof_writer_has_work(const struct aof_writer *w) {
    return w->fill.len > 0 && !w->is_writing && w->fault == ERR_OK;
}
