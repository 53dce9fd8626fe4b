/* io.c: the door itself: picks a backend and forwards to it; clocks and the rests of short sends, which all share.
 *
 * A backend is a table of operations behind the first field of struct io, so that one program holds io_uring, epoll and
 * the simulation side by side: tests run each behaviour on all three, and a server falls back at start without being
 * built twice. The price is one indirect call per operation, a few nanoseconds beside a system call's thousands.
 *
 * I1. stream->backend is the io that the stream was started on, until on_closed.
 * I2. IO_STREAM_BUSY is set exactly while `rest` holds a block, and unsent_bytes is then what is still to go of it.
 *
 * The wall clock is derived from the monotonic one between two real readings at most 50 ms apart: one clock call a turn
 * instead of two, and a step of the system's clock still shows at once by any human measure. */
#include "core/io/io_backend.h"

#include "core/base/mem.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WALL_READ_EVERY_NS (50 * 1000 * 1000LL)

/* ---- opening ---- */

void io__set_why(const struct io_options *options, const char *format, ...) {
    if (!options->why || options->why_size == 0)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(options->why, options->why_size, format, args);
    va_end(args);
}

void io__init(struct io *io, const struct io_ops *ops) {
    io->ops = ops;
    io->turn = 1;
    io->syscalls = 0;
    io->now_ns = io->wall_ms = io->wall_read_ns = io->wall_read_ms = 0;
}

enum err io_open(const struct io_options *options, struct io **io_out) {
    *io_out = NULL;
    if (options->why && options->why_size > 0)
        options->why[0] = '\0';
    switch (options->backend) {
    case IO_AUTO:
        if (io_uring__open(options, io_out) == ERR_OK)
            return ERR_OK;
        return io_epoll__open(options, io_out);
    case IO_URING: return io_uring__open(options, io_out);
    case IO_EPOLL: return io_epoll__open(options, io_out);
    case IO_SIM: return io_sim__open(options, io_out);
    }
    return ERR_INVALID;
}

void io_close(struct io *io) {
    io->ops->close(io);
}

const char *io_backend_name(const struct io *io) {
    return io->ops->name;
}

/* ---- clocks ---- */

static int64_t read_clock_ns(clockid_t clock) {
    struct timespec t;
    must(clock_gettime(clock, &t) == 0);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t io__monotonic_ns(void) {
    return read_clock_ns(CLOCK_MONOTONIC);
}

bool io__process_cpus(cpu_set_t *cpus) {
    return sched_getaffinity(getpid(), sizeof *cpus, cpus) ==
           0; /* the process's first thread is pinned to none */
}

void io__update_clock(struct io *io) {
    int64_t now = io__monotonic_ns();
    io->now_ns = now;
    if (io->wall_read_ns == 0 || now - io->wall_read_ns > WALL_READ_EVERY_NS) {
        int64_t wall_ns = read_clock_ns(CLOCK_REALTIME);
        io->wall_read_ms = wall_ns / 1000000;
        /* Counted from the last whole millisecond, so that wall_ms changes when the real clock's does. */
        io->wall_read_ns = now - wall_ns % 1000000;
    }
    io->wall_ms = io->wall_read_ms + (now - io->wall_read_ns) / 1000000;
}

int64_t io_now_ns(const struct io *io) {
    return io->now_ns;
}

int64_t io_wall_ms(const struct io *io) {
    return io->wall_ms;
}

int64_t io_fresh_ns(const struct io *io) {
    return io->ops->fresh_ns(io);
}

uint64_t io_syscalls(const struct io *io) {
    return io->syscalls;
}

/* ---- the turn ---- */

unsigned io_poll(struct io *io, int64_t timeout_ns) {
    return io->ops->poll(io, timeout_ns);
}

void io_dispatch(struct io *io) {
    io->ops->dispatch(io);
}

void io_wake(struct io *io) {
    io->ops->wake(io);
}

/* ---- listeners, streams, files ---- */

enum err io_listener_start(struct io *io, struct io_listener *listener) {
    return io->ops->listener_start(io, listener);
}

void io_listener_stop(struct io *io, struct io_listener *listener) {
    io->ops->listener_stop(io, listener);
}

enum err io_stream_start(struct io *io, struct io_stream *stream, const struct io_stream_ops *ops, int fd) {
    *stream = (struct io_stream){.ops = ops, .fd = fd, .backend = io};
    return io->ops->stream_start(io, stream);
}

void io_stream_pause(struct io *io, struct io_stream *stream) {
    dcheck(stream->backend == io); /* I1 */
    if (stream->flags & (IO_STREAM_PAUSED | IO_STREAM_CLOSING))
        return;
    stream->flags |= IO_STREAM_PAUSED;
    io->ops->stream_pause(io, stream);
}

void io_stream_resume(struct io *io, struct io_stream *stream) {
    dcheck(stream->backend == io);
    if (!(stream->flags & IO_STREAM_PAUSED) || (stream->flags & IO_STREAM_CLOSING))
        return;
    stream->flags &= ~(uint32_t)IO_STREAM_PAUSED;
    io->ops->stream_resume(io, stream);
}

bool io_stream_can_send(const struct io_stream *stream) {
    return !(stream->flags & (IO_STREAM_BUSY | IO_STREAM_BROKEN | IO_STREAM_CLOSING)) &&
           stream->sent_turn != stream->backend->turn;
}

void io_stream_send(struct io *io, struct io_stream *stream, struct bytes data) {
    dcheck(stream->backend == io);
    must(data.len > 0);
    must(io_stream_can_send(stream));
    stream->sent_turn = io->turn;
    stream->sending = data;
    io->ops->stream_send(io, stream);
}

size_t io_stream_send_now(struct io *io, struct io_stream *stream, struct bytes data) {
    must(io_stream_can_send(stream));
    if (!io->ops->has_sockets)
        return 0;
    size_t len = data.len < IO_TRANSFER_BYTES_MAX ? data.len : IO_TRANSFER_BYTES_MAX;
    io->syscalls++;
    ssize_t sent = send(stream->fd, data.ptr, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent > 0 ? (size_t)sent : 0;
}

void io_stream_close(struct io *io, struct io_stream *stream) {
    dcheck(stream->backend == io);
    if (stream->flags & IO_STREAM_CLOSING)
        return;
    stream->flags |= IO_STREAM_CLOSING;
    io->ops->stream_close(io, stream);
}

void io_file_begin(struct io *io) {
    if (io->ops->file_begin)
        io->ops->file_begin(io);
    if (io->ops->has_sockets)
        sched_yield();
}

void io_file_submit(struct io *io, struct io_file_op *op) {
    op->fsync_failed = false;
    op->done_bytes = 0;
    op->result = ERR_OK;
    op->pending = 0;
    op->link = (struct link){NULL, NULL};
    io->ops->file_submit(io, op);
}

/* ---- shared by the backends ---- */

void io__keep_rest(struct io_stream *stream, size_t sent) {
    dcheck(sent < stream->sending.len && !stream->rest);
    size_t left = stream->sending.len - sent;
    stream->rest = mem_alloc(left);
    memcpy(stream->rest, stream->sending.ptr + sent, left);
    stream->rest_bytes = stream->unsent_bytes = left;
    stream->flags |= IO_STREAM_BUSY; /* I2 */
}

void io__drop_rest(struct io_stream *stream) {
    mem_free(stream->rest);
    stream->rest = NULL;
    stream->rest_bytes = stream->unsent_bytes = 0;
    stream->flags &= ~(uint32_t)IO_STREAM_BUSY; /* I2 */
}

void io__set_nonblocking(int fd) {
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0 && !(flags & O_NONBLOCK))
        (void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}
