/* aof_writer.c: one write and one fsync under way at most.
 *
 * Two buffers change places: frames are appended to `fill` while the kernel reads `flight`.
 *
 *   I1  the file holds whole frames up to `offset`, and nothing else is promised about what is behind it.
 *   I2  flight is constant while a write is under way, and is kept until that write has succeeded.
 *   I3  `durable` covers only frames whose write had completed before the fsync that covers them was submitted, or
 *       whose write is the first half of the same operation.
 *   I4  durable <= written <= appended.
 *   I5  after a failed fsync no operation is started: the kernel reports such a failure once and drops the pages, so a
 *       second fsync would succeed without the data (what PostgreSQL learned in 2018).
 *
 * Why not more writes in parallel: they may complete in any order, and a hole in front of a completed write is no
 * gain; a device that can do more gets it from the other shards. */
#include "persist/aof_writer.h"

enum { AOF_KEEP_BYTES = 256 * 1024 };

static const int64_t AOF_SECOND_NS = 1000000000;

void aof_writer_open(struct aof_writer *w, const struct aof_writer_options *options) {
    *w = (struct aof_writer){
        .ops = options->ops,
        .io = options->io,
        .fs = options->fs,
        .fd = options->fd,
        .id = options->id,
        .appended = options->seq,
        .written = options->seq,
        .durable = options->seq,
        .offset = options->offset,
    };
}

void aof_writer_close(struct aof_writer *w) {
    must(aof_writer_is_idle(w));
    buf_deinit(&w->fill);
    buf_deinit(&w->flight);
    io_fs_close(w->fs, w->fd);
    w->fd = -1;
}

uint64_t aof_writer_append(struct aof_writer *w, struct segment_frame *frame, struct bytes payload) {
    frame->seq = ++w->appended;
    if (!frame->is_always)
        frame->known = w->durable;
    segment_put_frame(&w->fill, w->id, frame, payload);
    return frame->seq;
}

static void writer_poison(struct aof_writer *w, enum err e) {
    w->fault = e;
    w->is_poisoned = true; /* I5 */
    w->ops->on_fault(w);
}

static void writer_note_durable(struct aof_writer *w, uint64_t seq) {
    w->synced_ns = io_now_ns(w->io);
    if (seq <= w->durable)
        return;
    w->durable = seq;
    dcheck(w->durable <= w->written && w->written <= w->appended); /* I4 */
    w->ops->on_durable(w);
}

/* The write failed: nothing of it may stay, so that the file ends with a whole frame (I1). It is repeated later. */
static void writer_take_back(struct aof_writer *w, enum err e) {
    if (io_fs_truncate(w->fs, w->fd, w->offset) != ERR_OK) {
        writer_poison(w, e);
        return;
    }
    w->retry_ns = io_now_ns(w->io) + AOF_SECOND_NS;
    w->fault = e;
    w->ops->on_fault(w);
}

static void writer_on_written(struct io_file_op *op, enum err result, size_t written) {
    struct aof_writer *w = CONTAINER_OF(op, struct aof_writer, write);
    w->is_writing = false;
    w->ops->on_took(w, op->kind, io_now_ns(w->io) - w->write_begun_ns);
    if (w->is_poisoned)
        return;
    if (result != ERR_OK) {
        if (op->fsync_failed)
            writer_poison(w, result);
        else
            writer_take_back(w, result);
        return;
    }
    must(written == w->flight.len);
    w->offset += written;
    w->written = w->flying;
    buf_clear(&w->flight, AOF_KEEP_BYTES);
    if (w->fault != ERR_OK) {
        w->fault = ERR_OK;
        w->ops->on_fault(w);
    }
    if (op->kind == IO_FILE_WRITE_FSYNC)
        writer_note_durable(w, w->written); /* I3 */
}

static void writer_on_synced(struct io_file_op *op, enum err result, size_t written) {
    struct aof_writer *w = CONTAINER_OF(op, struct aof_writer, sync);
    (void)written;
    w->is_syncing = false;
    w->ops->on_took(w, op->kind, io_now_ns(w->io) - w->sync_begun_ns);
    if (w->is_poisoned)
        return;
    if (result != ERR_OK)
        writer_poison(w, result);
    else
        writer_note_durable(w, w->syncing); /* I3 */
}

static void writer_start_write(struct aof_writer *w, enum aof_sync sync) {
    if (w->flight.len == 0) { /* I2: else it is repeated */
        struct buf empty = w->flight;
        w->flight = w->fill;
        w->fill = empty;
        w->flying = w->appended;
    }
    w->is_writing = true;
    w->write_begun_ns = io_now_ns(w->io);
    w->write = (struct io_file_op){
        .kind = sync == AOF_SYNC_ALWAYS ? IO_FILE_WRITE_FSYNC : IO_FILE_WRITE,
        .fd = w->fd,
        .offset = w->offset,
        .data = buf_bytes(&w->flight),
        .on_done = writer_on_written,
    };
    io_file_submit(w->io, &w->write);
}

void aof_writer_sync(struct aof_writer *w) {
    if (w->is_syncing || w->is_poisoned)
        return;
    w->is_syncing = true;
    w->sync_begun_ns = io_now_ns(w->io);
    w->syncing = w->written;
    w->sync = (struct io_file_op){.kind = IO_FILE_FSYNC, .fd = w->fd, .on_done = writer_on_synced};
    io_file_submit(w->io, &w->sync);
}

/* Is there something written whose fsync is due? */
static bool writer_must_sync(const struct aof_writer *w, enum aof_sync sync) {
    if (w->durable == w->written || w->is_syncing)
        return false;
    switch (sync) {
    case AOF_SYNC_NO: return false;
    case AOF_SYNC_EVERYSEC: return io_now_ns(w->io) - w->synced_ns >= AOF_SECOND_NS;
    case AOF_SYNC_ALWAYS: return !w->is_writing;
    }
    return false;
}

bool aof_writer_flush(struct aof_writer *w, enum aof_sync sync) {
    if (w->is_poisoned) /* I5 */
        return false;
    bool was_writing = w->is_writing;
    bool may_write = !w->is_writing && (w->fault == ERR_OK || io_now_ns(w->io) >= w->retry_ns);
    if (may_write && (w->fill.len > 0 || w->flight.len > 0))
        writer_start_write(w, sync);
    if (writer_must_sync(w, sync))
        aof_writer_sync(w);
    return w->is_writing && !was_writing;
}
