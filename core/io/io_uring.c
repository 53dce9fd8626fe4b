/* io_uring.c: the io_uring backend: its table of operations and its turn.
 *
 * io_poll enters the kernel once: it submits all that the turn prepared, sleeps if it may, lets deferred work run, and
 * then knows a window of completions, [khead, reaped). "Reaping" is no more than remembering where the window ends: the
 * bytes of a receive are in their buffer already. io_dispatch walks the window. Requests that handlers make go
 * into the submission queue and reach the kernel at the next poll, or earlier if the queue is full; completions that such
 * an early submission brings lie behind the window's end and wait for the next turn.
 *
 * With nothing to submit and no permission to sleep, the kernel is not entered unless its flags say that work is due, so a
 * shard that spins for a message pays two loads, not a system call.
 *
 * Waking: a multishot poll on an eventfd. It is edge-triggered, so the counter is never read: each write is an edge.
 *
 * I1. Only the window's completions are dispatched, in order, those spilled from an overflowed ring first.
 * I2. After io_poll no send submitted before has anything left to do with its caller's bytes.
 *
 * Not SQPOLL: measured, a kernel thread that polls costs more than the calls it saves. Not an ordinary short timeout either:
 * an idle ring that wakes ten thousand times a second takes a good part of a core from its neighbours. */
#include <liburing.h>

#include "core/base/mem.h"
#include "core/io/io_uring_ring.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct uring *uring_of(struct io *io) {
    return CONTAINER_OF(io, struct uring, base);
}

/* ---- waking ---- */

static void arm_wake(struct uring *u) {
    struct io_uring_sqe *sqe =
        io_uring_ring__sqe(u, IORING_OP_POLL_ADD, u->wake_fd, (uint64_t)URING_WAKE << 56);
    sqe->poll32_events = POLLIN;
    sqe->len = IORING_POLL_ADD_MULTI;
}

static void uring_wake(struct io *io) {
    const uint64_t one = 1;
    ssize_t n = write(uring_of(io)->wake_fd, &one, sizeof one);
    (void)n; /* can fail only after 2^64 - 2 wakes */
}

/* ---- the turn ---- */

static bool has_reaped(const struct uring *u) {
    return u->reaped != *u->ring->cq.khead || u->spill_next < u->spill_count || !link_is_empty(&u->closed);
}

/* Extends the window to everything scanned; counts what concerns the owner. */
static unsigned reap(struct uring *u) {
    const struct io_uring_cq *cq = &u->ring->cq;
    unsigned events = link_is_empty(&u->closed) ? 0 : 1;
    for (size_t i = u->spill_next; i < u->spill_count; i++)
        events += u->spill[i].user_data >> 56 >= URING_ACCEPT;
    u->reaped = u->scanned;
    for (unsigned i = *cq->khead; i != u->reaped; i++)
        events += cq->cqes[i & cq->ring_mask].user_data >> 56 >= URING_ACCEPT;
    return events;
}

static unsigned uring_poll(struct io *io, int64_t timeout_ns) {
    struct uring *u = uring_of(io);
    io->turn++;
    io_uring_accept__retry(u, &timeout_ns);
    bool may_sleep = timeout_ns != 0 && !has_reaped(u) && u->scanned == *u->ring->cq.khead;
    if (may_sleep || io_uring_ring__is_due(u))
        io_uring_ring__enter(u, may_sleep, timeout_ns);
    io__update_clock(io);
    return reap(u);
}

static void handle_missed_cancel(struct uring *u, const struct io_uring_cqe *cqe) {
    struct io_stream *stream = io_uring_ring__object(u, cqe->user_data);
    if (stream)
        io_uring_send__cancel_missed(u, stream);
}

static void handle(struct uring *u, const struct io_uring_cqe *cqe) {
    switch ((enum uring_kind)(cqe->user_data >> 56)) {
    case URING_RECV: io_uring_recv__complete(u, cqe); return;
    case URING_SEND: io_uring_send__complete(u, cqe); return;
    case URING_RESEND: io_uring_send__resent(u, cqe); return;
    case URING_ACCEPT: io_uring_accept__complete(u, cqe); return;
    case URING_WRITE:
    case URING_FSYNC: io_uring_file__complete(u, cqe); return;
    case URING_WAKE:
        if (!(cqe->flags & IORING_CQE_F_MORE))
            arm_wake(u);
        return;
    case URING_CANCEL: handle_missed_cancel(u, cqe); return;
    case URING_CLOSE: return;
    }
    attr_must_failed("completion of a known kind", __FILE__, __LINE__);
}

static void uring_dispatch(struct io *io) {
    struct uring *u = uring_of(io);
    while (u->spill_next < u->spill_count) { /* I1 */
        struct io_uring_cqe cqe = u->spill[u->spill_next++];
        handle(u, &cqe);
    }
    u->spill_next = u->spill_count = 0;

    struct io_uring_cq *cq = &u->ring->cq;
    while (*cq->khead != u->reaped) {
        unsigned head = *cq->khead;
        struct io_uring_cqe cqe = cq->cqes[head & cq->ring_mask];
        io_uring_smp_store_release(cq->khead, head + 1);
        handle(u, &cqe);
    }
    io_uring_send__finish_closed(u);
}

/* ---- listeners, streams, files ---- */

static int64_t uring_fresh_ns(const struct io *io) {
    (void)io;
    return io__monotonic_ns();
}

static enum err uring_listener_start(struct io *io, struct io_listener *listener) {
    return io_uring_accept__start(uring_of(io), listener);
}

static void uring_listener_stop(struct io *io, struct io_listener *listener) {
    io_uring_accept__stop(uring_of(io), listener);
}

static enum err uring_stream_start(struct io *io, struct io_stream *stream) {
    struct uring *u = uring_of(io);
    stream->backend_slot = io_uring_ring__take_slot(u, stream);
    io_uring_recv__arm(u, stream);
    return ERR_OK;
}

static void uring_stream_pause(struct io *io, struct io_stream *stream) {
    io_uring_recv__cancel(uring_of(io), stream);
}

static void uring_stream_resume(struct io *io, struct io_stream *stream) {
    io_uring_recv__arm(uring_of(io), stream);
}

static void uring_stream_send(struct io *io, struct io_stream *stream) {
    io_uring_send__start(uring_of(io), stream);
}

static void uring_stream_close(struct io *io, struct io_stream *stream) {
    io_uring_send__close(uring_of(io), stream);
}

static void uring_file_begin(struct io *io) {
    io_uring_ring__enter(uring_of(io), false, 0);
}

static void uring_file_submit(struct io *io, struct io_file_op *op) {
    io_uring_file__submit(uring_of(io), op);
}

/* ---- opening and closing ---- */

static void uring_free(struct uring *u) {
    io_uring_recv__deinit(u);
    io_uring_ring__deinit(u);
    if (u->wake_fd >= 0)
        close(u->wake_fd);
    mem_free(u);
}

static void uring_close(struct io *io) {
    struct uring *u = uring_of(io);
    must(link_is_empty(&u->listeners) && link_is_empty(&u->closed));
    /* Descriptors handed to the kernel for closing are closed when this returns. */
    if (io_uring_ring__is_due(u))
        io_uring_ring__enter(u, false, 0);
    uring_free(u);
}

static const struct io_ops uring_ops = {
    .name = "io_uring",
    .has_sockets = true,
    .close = uring_close,
    .poll = uring_poll,
    .dispatch = uring_dispatch,
    .wake = uring_wake,
    .fresh_ns = uring_fresh_ns,
    .listener_start = uring_listener_start,
    .listener_stop = uring_listener_stop,
    .stream_start = uring_stream_start,
    .stream_pause = uring_stream_pause,
    .stream_resume = uring_stream_resume,
    .stream_send = uring_stream_send,
    .stream_close = uring_stream_close,
    .file_submit = uring_file_submit,
    .file_begin = uring_file_begin,
};

enum err io_uring__open(const struct io_options *options, struct io **io_out) {
    struct uring *u = mem_zalloc(sizeof *u);
    io__init(&u->base, &uring_ops);
    link_init_head(&u->closed);
    link_init_head(&u->listeners);
    u->wake_fd = -1;
    enum err e = io_uring_ring__init(u, options);
    if (e != ERR_OK) {
        mem_free(u);
        return e;
    }
    e = io_uring_recv__init(u, options);
    if (e == ERR_OK) {
        u->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (u->wake_fd < 0) {
            io__set_why(options, "no descriptor left for an eventfd");
            e = ERR_LIMIT;
        }
    }
    if (e != ERR_OK) {
        uring_free(u);
        return e;
    }
    arm_wake(u);
    io__update_clock(&u->base);
    *io_out = &u->base;
    return ERR_OK;
}
