/* io_rig.h: a small echo server on any backend, and its clients, all in one thread. Included by the tests of this folder.
 *
 * A rig holds one io with one listener; each accepted connection collects what it receives and, if it echoes, sends it
 * back as the real server will: at most one send a turn, from a buffer that is handed out until the next poll returns.
 * Peers are the clients' ends: non-blocking real sockets, or ends in the simulated network. */
#pragma once

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/io/io.h"
#include "core/io/io_sim.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define RIG_CONNS_MAX 1200

struct rig;

struct conn {
    struct io_stream stream;
    struct rig *rig;
    struct buf in;   /* everything received, if it does not echo */
    struct buf out;  /* to be sent */
    struct buf lent; /* given to io_stream_send in this turn */
    size_t received;
    bool echoes;
    bool has_ended;
    bool is_closing;
    bool is_closed;
    bool close_after_flush;
    enum err why;
    unsigned data_calls;
    unsigned drained_calls;
};

struct rig {
    const char *name;
    struct io *io;
    struct io_sim *sim; /* NULL: the real world */
    struct io_listener listener;
    int port;
    bool conns_echo; /* what new connections do */
    struct conn *conns[RIG_CONNS_MAX];
    unsigned conn_count;
    unsigned accept_errors;
    int last_accept_error;
};

/* The backends that each behaviour is tested on. The tiny rings overflow and run out of buffers all the time. */
static const struct io_options rig_backends[] = {
    {.backend = IO_URING},
    {.backend = IO_URING, .ring_entries = 4, .recv_buf_count = 4, .recv_buf_bytes = 4096},
    {.backend = IO_URING,
     .ring_entries = 16,
     .recv_buf_count = 8,
     .recv_buf_bytes = 4096,
     .recv_buf_whole = true},
    {.backend = IO_EPOLL},
    {.backend = IO_SIM},
};

#define FOR_EACH_BACKEND(rig)                                                                                \
    for (unsigned rig_i = 0; rig_i < COUNT_OF(rig_backends) && rig_open(rig, rig_backends[rig_i]);           \
         rig_shut(rig), rig_i++)

/* ---- the server's side ---- */

static inline void rig_on_data(struct io_stream *stream, struct bytes data) {
    struct conn *c = CONTAINER_OF(stream, struct conn, stream);
    cr_assert(!c->has_ended && !c->is_closing && !c->is_closed);
    c->received += data.len;
    c->data_calls++;
    buf_put_bytes(c->echoes ? &c->out : &c->in, data);
}

static inline void rig_on_end(struct io_stream *stream, enum err why) {
    struct conn *c = CONTAINER_OF(stream, struct conn, stream);
    cr_assert(!c->has_ended && !c->is_closing && !c->is_closed);
    c->has_ended = true;
    c->why = why;
}

static inline void rig_on_drained(struct io_stream *stream) {
    struct conn *c = CONTAINER_OF(stream, struct conn, stream);
    cr_assert(!c->is_closing && !c->is_closed);
    cr_assert(io_stream_can_send(stream));
    cr_assert_eq(stream->unsent_bytes, 0);
    c->drained_calls++;
}

static inline void rig_on_closed(struct io_stream *stream) {
    struct conn *c = CONTAINER_OF(stream, struct conn, stream);
    cr_assert(c->is_closing && !c->is_closed);
    c->is_closed = true;
    /* Nobody may look at it any more. */
    memset(&c->stream, 0xdb, sizeof c->stream);
}

static const struct io_stream_ops rig_stream_ops = {
    .on_data = rig_on_data,
    .on_end = rig_on_end,
    .on_drained = rig_on_drained,
    .on_closed = rig_on_closed,
};

static inline void rig_on_accept(struct io_listener *listener, int fd) {
    struct rig *rig = CONTAINER_OF(listener, struct rig, listener);
    cr_assert_lt(rig->conn_count, RIG_CONNS_MAX);
    struct conn *c = mem_zalloc(sizeof *c);
    c->rig = rig;
    c->echoes = rig->conns_echo;
    rig->conns[rig->conn_count++] = c;
    cr_assert_eq(io_stream_start(rig->io, &c->stream, &rig_stream_ops, fd), ERR_OK);
}

static inline void rig_on_accept_error(struct io_listener *listener, int errno_value) {
    struct rig *rig = CONTAINER_OF(listener, struct rig, listener);
    rig->accept_errors++;
    rig->last_accept_error = errno_value;
}

static inline void conn_close(struct conn *c) {
    c->is_closing = true;
    io_stream_close(c->rig->io, &c->stream);
}

static inline void conn_flush(struct conn *c) {
    if (c->is_closing || c->is_closed || !io_stream_can_send(&c->stream))
        return;
    if (c->out.len > 0) {
        struct buf spare = c->lent;
        c->lent = c->out;
        c->out = spare;
        buf_clear(&c->out, 1 << 20);
        io_stream_send(c->rig->io, &c->stream, buf_bytes(&c->lent));
    }
    if (c->close_after_flush)
        conn_close(c);
}

/* One turn of the loop; sleeps a little at most. Overwrites what was lent when the poll has returned. */
static inline unsigned rig_turn_for(struct rig *rig, int64_t timeout_ns) {
    if (rig->sim)
        io_sim_advance(rig->sim, 50000 + timeout_ns / 4);
    unsigned events = io_poll(rig->io, timeout_ns);
    for (unsigned i = 0; i < rig->conn_count; i++) {
        struct conn *c = rig->conns[i];
        if (c->lent.len > 0)
            memset(c->lent.ptr, '#', c->lent.len);
        c->lent.len = 0;
    }
    io_dispatch(rig->io);
    for (unsigned i = 0; i < rig->conn_count; i++)
        conn_flush(rig->conns[i]);
    return events;
}

static inline unsigned rig_turn(struct rig *rig) {
    return rig_turn_for(rig, 2000000);
}

static inline void rig_turns(struct rig *rig, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        rig_turn(rig);
}

static inline int rig_listen(struct rig *rig) {
    if (rig->sim) {
        rig->port = 7000;
        return io_sim_listen(rig->sim, rig->port);
    }
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    cr_assert_eq(listen(fd, 1024), 0);
    rig->port = ntohs(address.sin_port);
    return fd;
}

static inline bool rig_open(struct rig *rig, struct io_options options) {
    memset(rig, 0, sizeof *rig);
    rig->conns_echo = true;
    if (options.backend == IO_SIM) {
        struct io_sim_options world = {.seed = 1, .net_window_bytes = 256 << 10};
        rig->sim = io_sim_new(&world);
    }
    char why[200];
    options.sim = rig->sim;
    options.why = why;
    options.why_size = sizeof why;
    enum err e = io_open(&options, &rig->io);
    cr_assert_eq(e, ERR_OK, "cannot open backend %d: %s", (int)options.backend, why);
    cr_assert_str_empty(why);
    rig->name = io_backend_name(rig->io);
    rig->listener = (struct io_listener){rig_on_accept, rig_on_accept_error, rig_listen(rig), NULL};
    cr_assert_eq(io_listener_start(rig->io, &rig->listener), ERR_OK);
    return true;
}

static inline void rig_shut(struct rig *rig) {
    io_listener_stop(rig->io, &rig->listener);
    if (rig->sim)
        io_sim_close_fd(rig->sim, rig->listener.fd);
    else
        close(rig->listener.fd);
    for (unsigned i = 0; i < rig->conn_count; i++) {
        struct conn *c = rig->conns[i];
        if (!c->is_closing)
            conn_close(c);
        for (unsigned n = 0; n < 100 && !c->is_closed; n++)
            rig_turn(rig);
        cr_assert(c->is_closed, "%s: a stream was never closed", rig->name);
        buf_deinit(&c->in);
        buf_deinit(&c->out);
        buf_deinit(&c->lent);
    }
    for (unsigned i = 0; i < rig->conn_count; i++)
        mem_free(rig->conns[i]);
    io_close(rig->io);
    if (rig->sim)
        io_sim_free(rig->sim);
}

/* ---- the clients' side ---- */

struct peer {
    struct rig *rig;
    int fd;
};

static inline struct peer peer_connect(struct rig *rig) {
    if (rig->sim)
        return (struct peer){rig, io_sim_connect(rig->sim, rig->port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)rig->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return (struct peer){rig, fd};
}

/* Bytes taken; 0 if the way is full; negative if the connection is dead. */
static inline ssize_t peer_write(struct peer p, struct bytes data) {
    if (p.rig->sim)
        return io_sim_write(p.rig->sim, p.fd, data);
    ssize_t n = send(p.fd, data.ptr, data.len, MSG_NOSIGNAL);
    return n >= 0 ? n : errno == EAGAIN ? 0 : -1;
}

enum { PEER_NOTHING = IO_SIM_NOTHING, PEER_DEAD = IO_SIM_RESET };

/* Bytes read; 0 at the end; PEER_NOTHING if none are there; PEER_DEAD after a reset. */
static inline ssize_t peer_read(struct peer p, void *to, size_t len) {
    if (p.rig->sim)
        return io_sim_read(p.rig->sim, p.fd, to, len);
    ssize_t n = recv(p.fd, to, len, 0);
    return n >= 0 ? n : errno == EAGAIN ? PEER_NOTHING : PEER_DEAD;
}

static inline void peer_close(struct peer p) {
    if (p.rig->sim)
        io_sim_close_fd(p.rig->sim, p.fd);
    else
        close(p.fd);
}

/* Closes with a reset instead of an orderly end. */
static inline void peer_reset(struct peer p) {
    if (p.rig->sim) {
        io_sim_reset(p.rig->sim, p.fd);
        return;
    }
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(p.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(p.fd);
}

/* Says that no more will be written; reading goes on. */
static inline void peer_finish(struct peer p) {
    if (p.rig->sim)
        io_sim_shutdown(p.rig->sim, p.fd);
    else
        shutdown(p.fd, SHUT_WR);
}

/* Turns until the rig has `count` connections. */
static inline void rig_await_conns(struct rig *rig, unsigned count) {
    for (unsigned i = 0; i < 2000 && rig->conn_count < count; i++)
        rig_turn(rig);
    cr_assert_eq(rig->conn_count, count, "%s: %u connections instead of %u", rig->name, rig->conn_count,
                 count);
}

static inline struct peer rig_connect_one(struct rig *rig) {
    unsigned before = rig->conn_count;
    struct peer p = peer_connect(rig);
    rig_await_conns(rig, before + 1);
    return p;
}

/* Turns until `condition` holds; fails the test if it does not within a few seconds. */
#define RIG_UNTIL(rig, condition)                                                                            \
    do {                                                                                                     \
        for (unsigned until_i = 0; until_i < 5000 && !(condition); until_i++)                                \
            rig_turn(rig);                                                                                   \
        cr_assert(condition, "%s: " #condition, (rig)->name);                                                \
    } while (0)
