/* io_epoll.c: the backend for places without io_uring: containers whose seccomp profile forbids it, older kernels.
 *
 * It keeps the promises of io.h in their order: io_poll first sends what the turn prepared, then waits, then *reads* the
 * sockets that are ready into an arena and accepts connections, and io_dispatch hands all of that out. Readiness
 * is level-triggered, so what does not fit in this turn (one recv of at most 64 KiB per stream, one arena for all) is
 * reported again in the next one, behind the others: no stream starves another.
 *
 * A descriptor is registered for input while its stream wants bytes and for output only while a short send has a rest.
 * One that wants neither is taken out of the set: epoll reports errors and hang-ups even to those who asked for nothing,
 * and a paused stream whose peer is gone would keep the loop awake for ever.
 *
 * Waking: an eventfd, edge-triggered, never read: each write is a new edge.
 *
 * I1. A stream is on `sends` from io_stream_send to the next poll, on `closes` from then (or from io_stream_close)
 *     until its socket is closed.
 * I2. WATCH_IN and WATCH_OUT say what the kernel's set holds; none of them set means the descriptor is not in it.
 * I3. epoll_event.data is an aligned address plus a tag in its low bits. */
#include "core/io/io_backend.h"
#include "core/io/io_pool.h"
#include "core/io/io_reaped.h"

#include "core/base/mem.h"

#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS_PER_TURN  512
#define ARENA_BYTES      ((size_t)2 << 20)
#define RECV_BYTES       ((size_t)64 << 10)
#define RECV_BYTES_MIN   ((size_t)16 << 10) /* less room than this waits for the next turn */
#define ACCEPTS_PER_TURN 256
#define FILE_THREADS     2

enum { TAG_STREAM = 0, TAG_LISTENER = 1, TAG_WAKE = 2, TAG_MASK = 3 };

struct epoll_listener {
    struct link link;
    struct io_listener *listener;
    int64_t retry_at_ns; /* 0: not waiting */
};

struct epoll {
    struct io base;
    int epoll_fd;
    int wake_fd;
    unsigned retry_count;
    struct link sends;
    struct link closes;
    struct link listeners;
    struct io_reaped reaped;
    struct io_pool *pool; /* NULL until the first file operation */
    unsigned files_pending;
    struct epoll_event events[EVENTS_PER_TURN];
};

static struct epoll *epoll_of(struct io *io) {
    return CONTAINER_OF(io, struct epoll, base);
}

/* ---- the kernel's set ---- */

static int control(struct epoll *e, int op, int fd, uint32_t events, void *object, unsigned tag) {
    struct epoll_event event = {.events = events, .data.u64 = (uint64_t)(uintptr_t)object | tag};
    e->base.syscalls++;
    return epoll_ctl(e->epoll_fd, op, fd, &event);
}

/* Registers the stream for what it wants now. */
static bool watch(struct epoll *e, struct io_stream *stream) {
    uint32_t wish = 0;
    if (!(stream->flags & (IO_STREAM_PAUSED | IO_STREAM_ENDED | IO_STREAM_BROKEN | IO_STREAM_CLOSING)))
        wish |= IO_STREAM_WATCH_IN;
    if ((stream->flags & (IO_STREAM_BUSY | IO_STREAM_BROKEN | IO_STREAM_CLOSING)) == IO_STREAM_BUSY)
        wish |= IO_STREAM_WATCH_OUT;
    uint32_t have = stream->flags & (IO_STREAM_WATCH_IN | IO_STREAM_WATCH_OUT);
    if (wish == have)
        return true;
    uint32_t events = (wish & IO_STREAM_WATCH_IN ? (uint32_t)EPOLLIN : 0) |
                      (wish & IO_STREAM_WATCH_OUT ? (uint32_t)EPOLLOUT : 0);
    int op = !have ? EPOLL_CTL_ADD : wish ? EPOLL_CTL_MOD : EPOLL_CTL_DEL;
    if (control(e, op, stream->fd, events, stream, TAG_STREAM) < 0)
        return false;
    stream->flags = (stream->flags & ~have) | wish; /* I2 */
    return true;
}

/* Takes the descriptor out of the set before its end is dispatched. */
static void unwatch(struct epoll *e, struct io_stream *stream) {
    uint32_t have = stream->flags & (IO_STREAM_WATCH_IN | IO_STREAM_WATCH_OUT);
    if (have)
        (void)control(e, EPOLL_CTL_DEL, stream->fd, 0, NULL, 0);
    stream->flags &= ~have;
}

/* ---- sending ---- */

static void fail_stream(struct epoll *e, struct io_stream *stream, int error) {
    unwatch(e, stream);
    stream->flags |= IO_STREAM_BROKEN;
    io__drop_rest(stream);
    io_reaped__end(&e->reaped, stream, err_from_errno(error), true);
}

/* Sends as much of `data` as the socket takes at once. Gives the bytes taken, or -errno. */
static ssize_t send_now(struct epoll *e, const struct io_stream *stream, struct bytes data) {
    size_t sent = 0;
    while (sent < data.len) {
        size_t left = data.len - sent;
        size_t piece = left < IO_TRANSFER_BYTES_MAX ? left : IO_TRANSFER_BYTES_MAX;
        e->base.syscalls++;
        ssize_t n = send(stream->fd, data.ptr + sent, piece, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            return -errno;
        if (n < 0)
            break;
        sent += (size_t)n;
        if ((size_t)n < piece)
            break;
    }
    return (ssize_t)sent;
}

static void send_prepared(struct epoll *e) {
    for (struct link *node; (node = link_pop_front(&e->sends)) != NULL;) {
        struct io_stream *stream = CONTAINER_OF(node, struct io_stream, link);
        ssize_t sent = send_now(e, stream, stream->sending);
        bool is_closing = (stream->flags & IO_STREAM_CLOSING) != 0;
        if (is_closing)
            link_push_back(&e->closes, &stream->link); /* I1 */
        else if (sent < 0)
            fail_stream(e, stream, (int)-sent);
        else if ((size_t)sent < stream->sending.len) {
            io__keep_rest(stream, (size_t)sent);
            if (!watch(e, stream))
                fail_stream(e, stream, errno);
        }
    }
}

static void send_rest(struct epoll *e, struct io_stream *stream) {
    ssize_t sent = send_now(e, stream, io__rest(stream));
    if (sent < 0) {
        fail_stream(e, stream, (int)-sent);
        return;
    }
    stream->unsent_bytes -= (size_t)sent;
    if (stream->unsent_bytes > 0)
        return;
    io__drop_rest(stream);
    if (!watch(e, stream))
        fail_stream(e, stream, errno);
    io_reaped__drained(&e->reaped, stream);
}

static void close_streams(struct epoll *e) {
    for (struct link *node; (node = link_pop_front(&e->closes)) != NULL;) {
        struct io_stream *stream = CONTAINER_OF(node, struct io_stream, link);
        unwatch(e, stream);
        io__drop_rest(stream);
        e->base.syscalls++;
        close(stream->fd);
        io_reaped__closed(&e->reaped, stream);
    }
}

/* ---- receiving ---- */

static void receive(struct epoll *e, struct io_stream *stream) {
    size_t room;
    char *to = io_reaped__room(&e->reaped, &room);
    if (room < RECV_BYTES_MIN)
        return;
    e->base.syscalls++;
    ssize_t n = recv(stream->fd, to, room < RECV_BYTES ? room : RECV_BYTES, MSG_DONTWAIT);
    if (n > 0) {
        io_reaped__data(&e->reaped, stream, (size_t)n);
    } else if (n == 0) {
        /* A rest may still be sent: the peer may have shut only its own direction. */
        stream->flags |= IO_STREAM_ENDED;
        (void)watch(e, stream);
        stream->flags &= ~(uint32_t)IO_STREAM_ENDED;
        io_reaped__end(&e->reaped, stream, ERR_CLOSED, false);
    } else if (errno != EAGAIN && errno != EINTR) {
        fail_stream(e, stream, errno);
    }
}

static void handle_stream(struct epoll *e, struct io_stream *stream, uint32_t events) {
    const uint32_t trouble = EPOLLERR | EPOLLHUP;
    if ((stream->flags & IO_STREAM_WATCH_OUT) && (events & (EPOLLOUT | trouble)))
        send_rest(e, stream);
    if ((stream->flags & IO_STREAM_WATCH_IN) && (events & (EPOLLIN | trouble)))
        receive(e, stream);
}

/* ---- accepting ---- */

static bool is_transient(int error) {
    return error == ECONNABORTED || error == EINTR;
}

static void accept_all(struct epoll *e, struct epoll_listener *l) {
    for (unsigned i = 0; i < ACCEPTS_PER_TURN; i++) {
        e->base.syscalls++;
        int fd = accept4(l->listener->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0) {
            io_reaped__accepted(&e->reaped, l->listener, fd);
        } else if (errno == EAGAIN) {
            return;
        } else if (!is_transient(errno)) {
            io_reaped__accept_failed(&e->reaped, l->listener, errno);
            (void)control(e, EPOLL_CTL_DEL, l->listener->fd, 0, NULL, 0);
            l->retry_at_ns = io__monotonic_ns() + IO_ACCEPT_RETRY_NS;
            e->retry_count++;
            return;
        }
    }
}

static enum err watch_listener(struct epoll *e, struct epoll_listener *l) {
    if (control(e, EPOLL_CTL_ADD, l->listener->fd, EPOLLIN, l, TAG_LISTENER) < 0)
        return err_from_errno(errno);
    return ERR_OK;
}

/* Re-arms listeners whose pause is over; shortens the timeout to the next such moment. */
static void retry_accepts(struct epoll *e, int64_t *timeout_ns) {
    if (e->retry_count == 0)
        return;
    int64_t now = io__monotonic_ns();
    for (struct link *node = e->listeners.next; node != &e->listeners; node = node->next) {
        struct epoll_listener *l = CONTAINER_OF(node, struct epoll_listener, link);
        if (l->retry_at_ns == 0)
            continue;
        if (l->retry_at_ns <= now && watch_listener(e, l) == ERR_OK) {
            l->retry_at_ns = 0;
            e->retry_count--;
            continue;
        }
        if (l->retry_at_ns <= now)
            l->retry_at_ns = now + IO_ACCEPT_RETRY_NS;
        int64_t left = l->retry_at_ns - now;
        if (*timeout_ns < 0 || *timeout_ns > left)
            *timeout_ns = left;
    }
}

static enum err epoll_listener_start(struct io *io, struct io_listener *listener) {
    struct epoll *e = epoll_of(io);
    struct epoll_listener *l = mem_zalloc(sizeof *l);
    l->listener = listener;
    /* Another thread may take the connection between the event and the accept. */
    io__set_nonblocking(listener->fd);
    enum err err = watch_listener(e, l);
    if (err != ERR_OK) {
        mem_free(l);
        return err;
    }
    listener->backend = l;
    link_push_back(&e->listeners, &l->link);
    return ERR_OK;
}

static void close_descriptor(void *ctx, int fd) {
    (void)ctx;
    close(fd);
}

static void epoll_listener_stop(struct io *io, struct io_listener *listener) {
    struct epoll *e = epoll_of(io);
    struct epoll_listener *l = listener->backend;
    if (l->retry_at_ns != 0)
        e->retry_count--;
    else
        (void)control(e, EPOLL_CTL_DEL, listener->fd, 0, NULL, 0);
    io_reaped__forget_listener(&e->reaped, listener, close_descriptor, NULL);
    link_remove(&l->link);
    mem_free(l);
    listener->backend = NULL;
}

/* ---- files ---- */

static void take_files(struct epoll *e) {
    if (e->files_pending == 0)
        return;
    struct link done;
    link_init_head(&done);
    io_pool_take_done(e->pool, &done);
    for (struct link *node; (node = link_pop_front(&done)) != NULL;) {
        e->files_pending--;
        io_reaped__file(&e->reaped, CONTAINER_OF(node, struct io_file_op, link));
    }
}

static void epoll_file_submit(struct io *io, struct io_file_op *op) {
    struct epoll *e = epoll_of(io);
    if (!e->pool)
        e->pool = io_pool_new(FILE_THREADS, e->wake_fd);
    if (!e->pool) {
        op->result = ERR_LIMIT;
        io_reaped__file(&e->reaped, op);
        return;
    }
    e->files_pending++;
    io_pool_submit(e->pool, op);
}

/* ---- the turn ---- */

static int timeout_to_ms(int64_t timeout_ns) {
    if (timeout_ns < 0)
        return -1;
    int64_t ms = (timeout_ns + 999999) / 1000000;
    return ms < INT_MAX ? (int)ms : INT_MAX;
}

static unsigned epoll_poll(struct io *io, int64_t timeout_ns) {
    struct epoll *e = epoll_of(io);
    io->turn++;
    send_prepared(e);
    close_streams(e);
    retry_accepts(e, &timeout_ns);
    if (io_reaped__waiting(&e->reaped) > 0)
        timeout_ns = 0;
    io->syscalls++;
    int count = epoll_wait(e->epoll_fd, e->events, EVENTS_PER_TURN, timeout_to_ms(timeout_ns));
    must(count >= 0 || errno == EINTR);
    for (int i = 0; i < count; i++) {
        uint64_t data = e->events[i].data.u64;
        void *object = (void *)(uintptr_t)(data & ~(uint64_t)TAG_MASK); /* I3 */
        if ((data & TAG_MASK) == TAG_STREAM)
            handle_stream(e, object, e->events[i].events);
        else if ((data & TAG_MASK) == TAG_LISTENER)
            accept_all(e, object);
    }
    take_files(e);
    io__update_clock(io);
    return io_reaped__waiting(&e->reaped);
}

static void epoll_dispatch(struct io *io) {
    io_reaped__dispatch(&epoll_of(io)->reaped);
}

static void epoll_wake(struct io *io) {
    const uint64_t one = 1;
    ssize_t n = write(epoll_of(io)->wake_fd, &one, sizeof one);
    (void)n; /* can fail only after 2^64 - 2 wakes */
}

static int64_t epoll_fresh_ns(const struct io *io) {
    (void)io;
    return io__monotonic_ns();
}

/* ---- streams ---- */

static enum err epoll_stream_start(struct io *io, struct io_stream *stream) {
    if (watch(epoll_of(io), stream))
        return ERR_OK;
    enum err err = err_from_errno(errno);
    close(stream->fd);
    return err;
}

static void epoll_stream_watch(struct io *io, struct io_stream *stream) {
    struct epoll *e = epoll_of(io);
    if (!watch(e, stream))
        fail_stream(e, stream, errno);
}

static void epoll_stream_send(struct io *io, struct io_stream *stream) {
    link_push_back(&epoll_of(io)->sends, &stream->link); /* I1 */
}

static void epoll_stream_close(struct io *io, struct io_stream *stream) {
    /* With a send prepared, the stream moves on when that has been made. */
    if (!link_is_linked(&stream->link))
        link_push_back(&epoll_of(io)->closes, &stream->link);
}

/* ---- opening and closing ---- */

static void epoll_close(struct io *io) {
    struct epoll *e = epoll_of(io);
    must(link_is_empty(&e->listeners) && link_is_empty(&e->sends) && link_is_empty(&e->closes));
    must(e->files_pending == 0);
    if (e->pool)
        io_pool_free(e->pool);
    io_reaped__deinit(&e->reaped);
    if (e->wake_fd >= 0)
        close(e->wake_fd);
    if (e->epoll_fd >= 0)
        close(e->epoll_fd);
    mem_free(e);
}

static const struct io_ops epoll_ops = {
    .name = "epoll",
    .has_sockets = true,
    .close = epoll_close,
    .poll = epoll_poll,
    .dispatch = epoll_dispatch,
    .wake = epoll_wake,
    .fresh_ns = epoll_fresh_ns,
    .listener_start = epoll_listener_start,
    .listener_stop = epoll_listener_stop,
    .stream_start = epoll_stream_start,
    .stream_pause = epoll_stream_watch,
    .stream_resume = epoll_stream_watch,
    .stream_send = epoll_stream_send,
    .stream_close = epoll_stream_close,
    .file_submit = epoll_file_submit,
};

enum err io_epoll__open(const struct io_options *options, struct io **io_out) {
    struct epoll *e = mem_zalloc(sizeof *e);
    io__init(&e->base, &epoll_ops);
    link_init_head(&e->sends);
    link_init_head(&e->closes);
    link_init_head(&e->listeners);
    io_reaped__init(&e->reaped, ARENA_BYTES);
    e->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    e->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (e->epoll_fd < 0 || e->wake_fd < 0 ||
        control(e, EPOLL_CTL_ADD, e->wake_fd, EPOLLIN | EPOLLET, NULL, TAG_WAKE) < 0) {
        enum err err = err_from_errno(errno);
        if (options->backend == IO_EPOLL)
            io__set_why(options, "epoll was refused: %s", strerror(errno));
        epoll_close(&e->base);
        return err;
    }
    io__update_clock(&e->base);
    *io_out = &e->base;
    return ERR_OK;
}
