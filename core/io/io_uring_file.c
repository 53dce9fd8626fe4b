/* io_uring_file.c: writes and fsyncs.
 *
 * A write with its fsync is one request where the file system can do that: a write with RWF_DSYNC, which one kernel thread
 * carries out from end to end. As two linked requests the second would be started by the ring's own thread when that next
 * enters the kernel, which is after all of the turn's replies: measured, the fsync then began 330 us late.
 *
 * The two linked requests remain for two cases: the file system is not one of those that are known to honour RWF_DSYNC (others
 * may ignore it silently), or the one request ended with "no space", which does not say whether the write or the fsync wants room. The whole range is then written again, so a success
 * of the pair says the truth about every byte. A *short* write counts as a failure of the link: the fsync comes back with
 * -ECANCELED and never ran, so the rest is written by a new pair. A link holds only within one submission, so the two entries
 * are reserved together. All of this runs on kernel threads, whose number is bounded when the ring is made: a slow
 * disk must not breed threads.
 *
 * I1. pending counts the completions still to come of the entries submitted last; nothing is decided before it is 0.
 * I2. on_done(ERR_OK) of a kind with an fsync is called only after every byte was written by a request that syncs what it
 *     writes, or an fsync that was submitted behind the last byte's write has succeeded. */
#include <liburing.h>

#include "core/io/io_uring_ring.h"

#include <errno.h>
#include <sys/vfs.h>

/* File systems whose buffered writes sync what RWF_DSYNC asks for; one cheap look for each fsync. */
static bool has_synced_writes(int fd) {
    static const uint32_t known[] = {0xef53 /* ext4 */, 0x58465342 /* xfs */, 0xf2f52010 /* f2fs */,
                                     0x9123683e /* btrfs */};
    struct statfs fs;
    if (fstatfs(fd, &fs) != 0)
        return false;
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if ((uint32_t)fs.f_type == known[i])
            return true;
    return false;
}

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

/* Submits what is left of the write, and the fsync with it or behind its last piece. */
static void add_write(struct uring *u, struct io_file_op *op) {
    size_t left = op->data.len - op->done_bytes;
    bool is_last = left <= IO_TRANSFER_BYTES_MAX;
    io_uring_ring__reserve(u, 2);
    struct io_uring_sqe *sqe = io_uring_ring__sqe(u, IORING_OP_WRITE, op->fd, id_of(URING_WRITE, op));
    sqe->addr = (uint64_t)(uintptr_t)(op->data.ptr + op->done_bytes);
    sqe->len = (uint32_t)(is_last ? left : IO_TRANSFER_BYTES_MAX);
    sqe->off = op->offset + op->done_bytes;
    op->pending++;
    if (op->kind != IO_FILE_WRITE_FSYNC)
        return;
    if (!op->is_pair) {
        sqe->rw_flags = RWF_DSYNC;
        sqe->flags = IOSQE_ASYNC; /* never on the ring's own thread: it waits for the disk */
    } else if (is_last) {
        sqe->flags = IOSQE_IO_LINK;
        add_fsync(u, op);
    }
}

void io_uring_file__submit(struct uring *u, struct io_file_op *op) {
    op->is_pair = op->kind == IO_FILE_WRITE_FSYNC && !has_synced_writes(op->fd);
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

/* A write that syncs what it writes. */
static void finish_synced_write(struct io_file_op *op, int result) {
    switch (-result) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EOPNOTSUPP:
    case EINVAL:
        op->is_pair = true;
        op->done_bytes = 0;
        return;
    default: break;
    }
    finish_write(op, result);
    op->fsync_failed = op->result != ERR_OK;
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
    bool is_both = is_write && op->kind == IO_FILE_WRITE_FSYNC && !op->is_pair;
    bool has_synced = (is_both || !is_write) && cqe->res >= 0;
    if (is_both)
        finish_synced_write(op, cqe->res);
    else if (is_write)
        finish_write(op, cqe->res);
    else
        finish_fsync(op, cqe->res);
    if (op->pending > 0)
        return;

    /* The fsync of a pair completes last: it was linked behind the write. */
    bool is_written = op->kind == IO_FILE_FSYNC || op->done_bytes == op->data.len;
    if (op->result == ERR_OK && !is_written) {
        add_write(u, op);
    } else if (op->result == ERR_OK && op->kind != IO_FILE_WRITE && !has_synced) {
        add_fsync(u, op); /* I2 */
    } else {
        op->on_done(op, op->result, op->done_bytes);
    }
}
