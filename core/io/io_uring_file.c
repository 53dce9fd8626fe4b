/* io_uring_file.c: writes and fsyncs.
 *
 * A write with its fsync is two linked entries: the kernel starts the second when the first has succeeded. Three facts
 * shape the code. A *short* write counts as a failure of the link: the fsync comes back with -ECANCELED and never ran, so
 * the rest is written by a new pair. A link holds only within one submission, so the two entries are reserved together.
 * And both run on kernel threads, whose number is bounded when the ring is made: a slow disk must not breed threads.
 *
 * I1. pending counts the completions still to come of the entries submitted last; nothing is decided before it is 0.
 * I2. on_done(ERR_OK) of a kind with an fsync is called only after an fsync that was submitted behind the last byte's
 *     write has succeeded. */
#include <liburing.h>

#include "core/io/io_uring_ring.h"

#include <errno.h>

static uint64_t id_of(enum uring_kind kind, struct io_file_op *op) {
    uint64_t address = (uint64_t)(uintptr_t)op;
    dcheck(address >> 56 == 0);
    return (uint64_t)kind << 56 | address;
}

static void add_fsync(struct uring *u, struct io_file_op *op) {
    struct io_uring_sqe *sqe = io_uring_ring__sqe(u, IORING_OP_FSYNC, op->fd, id_of(URING_FSYNC, op));
    sqe->fsync_flags = IORING_FSYNC_DATASYNC;
    op->pending++; /* I1 */
}

/* Submits what is left of the write, and the fsync behind its last piece. */
static void add_write(struct uring *u, struct io_file_op *op) {
    size_t left = op->data.len - op->done_bytes;
    bool is_last = left <= IO_TRANSFER_BYTES_MAX;
    io_uring_ring__reserve(u, 2);
    struct io_uring_sqe *sqe = io_uring_ring__sqe(u, IORING_OP_WRITE, op->fd, id_of(URING_WRITE, op));
    sqe->addr = (uint64_t)(uintptr_t)(op->data.ptr + op->done_bytes);
    sqe->len = (uint32_t)(is_last ? left : IO_TRANSFER_BYTES_MAX);
    sqe->off = op->offset + op->done_bytes;
    op->pending++;
    if (is_last && op->kind == IO_FILE_WRITE_FSYNC) {
        sqe->flags = IOSQE_IO_LINK;
        add_fsync(u, op);
    }
}

void io_uring_file__submit(struct uring *u, struct io_file_op *op) {
    if (op->kind != IO_FILE_FSYNC && op->data.len > 0)
        add_write(u, op);
    else
        add_fsync(u, op);
}

static void finish_write(struct io_file_op *op, int result) {
    if (result > 0)
        op->done_bytes += (size_t)result;
    else if (result == 0)
        op->result = ERR_IO; /* a device that takes nothing and says nothing would be asked for ever */
    else if (result != -EINTR && result != -EAGAIN && result != -ECANCELED)
        op->result = err_from_errno(-result);
}

static void finish_fsync(struct io_file_op *op, int result) {
    if (result >= 0 || result == -ECANCELED || result == -EINTR)
        return;
    op->fsync_failed = true;
    op->result = err_from_errno(-result);
}

void io_uring_file__complete(struct uring *u, const struct io_uring_cqe *cqe) {
    struct io_file_op *op = (struct io_file_op *)(uintptr_t)(cqe->user_data & ((UINT64_C(1) << 56) - 1));
    must(op->pending > 0);
    op->pending--;
    bool is_write = cqe->user_data >> 56 == URING_WRITE;
    bool has_synced = !is_write && cqe->res >= 0;
    if (is_write)
        finish_write(op, cqe->res);
    else
        finish_fsync(op, cqe->res);
    if (op->pending > 0)
        return;

    /* The fsync completes last: it was linked behind the write. */
    bool is_written = op->kind == IO_FILE_FSYNC || op->done_bytes == op->data.len;
    if (op->result == ERR_OK && !is_written) {
        add_write(u, op);
    } else if (op->result == ERR_OK && op->kind != IO_FILE_WRITE && !has_synced) {
        add_fsync(u, op); /* I2 */
    } else {
        op->on_done(op, op->result, op->done_bytes);
    }
}
