/* io_sim.c: the simulated world: its clock, its scheduler, and the backend that makes a struct io of it.
 *
 * The backend does in io_poll what a kernel would have done by now: it takes prepared sends, closes, reads what has
 * arrived, accepts, and completes file operations whose time has come, in random order where no order is promised. All
 * random choices come from the world's one generator and all lists are walked in the order of creation, so that nothing
 * depends on addresses or on real time.
 *
 * I1. A stream is on sim_io.streams from io_stream_start until its on_closed was reaped.
 * I2. is_due(io) holds exactly if its next io_poll would return events or send something.
 *
 * Not threads with a seeded lock-step: turns are the grain at which shards interleave by design, everything below is
 * the business of the inbox's own model. */
#include "core/io/io_sim_world.h"

#include "core/base/mem.h"

#include <errno.h>

#define START_NS              1000000000LL
#define WALL_START_DEFAULT_MS 1700000000000LL
#define DISK_MIN_DEFAULT_NS   20000
#define DISK_MAX_DEFAULT_NS   2000000
#define ARENA_BYTES           ((size_t)256 << 10)
#define READ_BYTES            ((size_t)16 << 10)

/* In io_stream.flags: a send was prepared in this turn. */
#define SIM_PREPARED (1U << 20)

struct sim_listener {
    struct link link;
    struct io_listener *listener;
    struct sim_port *port;
    int64_t retry_at_ns; /* 0: not waiting */
};

struct sim_file_op {
    struct link link;
    struct io_file_op *op;
    int64_t due_ns;
};

static struct sim_io *sim_io_of(const struct io *io) {
    return CONTAINER_OF(io, struct sim_io, base);
}

/* ---- the world ---- */

struct io_sim *io_sim_new(const struct io_sim_options *options) {
    struct io_sim *sim = mem_zalloc(sizeof *sim);
    sim->options = *options;
    if (sim->options.wall_start_ms == 0)
        sim->options.wall_start_ms = WALL_START_DEFAULT_MS;
    sim->now_ns = START_NS;
    rng_init(&sim->rng, options->seed);
    link_init_head(&sim->ios);
    link_init_head(&sim->ports);
    return sim;
}

void io_sim_free(struct io_sim *sim) {
    must(link_is_empty(&sim->ios));
    io_sim_net__free_all(sim);
    io_sim_disk__free_all(sim);
    mem_free(sim->fds);
    mem_free(sim);
}

bool io_sim__chance(struct io_sim *sim, unsigned n) {
    return rng_below(&sim->rng, n) == 0;
}

int64_t io_sim__between(struct io_sim *sim, int64_t min, int64_t max) {
    return min + (int64_t)rng_below(&sim->rng, (uint64_t)(max - min) + 1);
}

int io_sim__take_fd(struct io_sim *sim, enum sim_fd_kind kind, void *object) {
    size_t i = 0;
    while (i < sim->fd_count && sim->fds[i].kind != SIM_FD_FREE)
        i++;
    if (i == sim->fd_count) {
        sim->fds = mem_realloc(sim->fds, (i + 1) * 2 * sizeof *sim->fds);
        memset(sim->fds + i, 0, (i + 2) * sizeof *sim->fds);
        sim->fd_count = (i + 1) * 2;
    }
    sim->fds[i] = (struct sim_fd){kind, object};
    return IO_SIM_FD_BASE + (int)i;
}

void io_sim__free_fd(struct io_sim *sim, int fd) {
    sim->fds[fd - IO_SIM_FD_BASE] = (struct sim_fd){SIM_FD_FREE, NULL};
}

void *io_sim__fd_object(const struct io_sim *sim, int fd, enum sim_fd_kind kind) {
    if (fd < IO_SIM_FD_BASE || (size_t)(fd - IO_SIM_FD_BASE) >= sim->fd_count)
        return NULL;
    const struct sim_fd *f = &sim->fds[fd - IO_SIM_FD_BASE];
    return f->kind == kind ? f->object : NULL;
}

int64_t io_sim_now_ns(const struct io_sim *sim) {
    return sim->now_ns;
}

void io_sim_advance(struct io_sim *sim, int64_t ns) {
    must(ns >= 0);
    sim->now_ns += ns;
}

void io_sim_jump_wall(struct io_sim *sim, int64_t ms) {
    sim->wall_jump_ms += ms;
}

void io_sim_fail_accepts(struct io_sim *sim, unsigned count, int errno_value) {
    sim->accepts_to_fail = count;
    sim->accept_errno = errno_value;
}

/* ---- what is due ---- */

static struct sim_end *end_of(const struct sim_io *s, const struct io_stream *stream) {
    struct sim_end *end = io_sim__fd_object(s->sim, stream->fd, SIM_FD_END);
    must(end);
    return end;
}

static bool wants_bytes(const struct io_stream *stream) {
    return !(stream->flags & (IO_STREAM_PAUSED | IO_STREAM_ENDED | IO_STREAM_BROKEN | IO_STREAM_CLOSING));
}

static int64_t earlier(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t stream_due(const struct sim_io *s, const struct io_stream *stream) {
    if (stream->flags & (SIM_PREPARED | IO_STREAM_CLOSING))
        return 0;
    int64_t at = SIM_NEVER;
    if (stream->flags & IO_STREAM_BUSY)
        at = earlier(at, io_sim_net__writable_at(s->sim, end_of(s, stream)));
    if (wants_bytes(stream))
        at = earlier(at, io_sim_net__readable_at(end_of(s, stream)));
    return at;
}

static int64_t listener_due(const struct sim_listener *l) {
    int64_t at = io_sim_net__acceptable_at(l->port);
    return at > l->retry_at_ns ? at : l->retry_at_ns;
}

static int64_t file_op_due(const struct sim_io *s, const struct sim_file_op *f) {
    int64_t stalled = io_sim_disk__stalled_until(s->sim, f->op->fd);
    return f->due_ns > stalled ? f->due_ns : stalled;
}

/* The earliest time at which a poll of this io finds something (I2). */
static int64_t io_due(const struct sim_io *s) {
    int64_t at = io_reaped__waiting(&s->reaped) > 0 ? 0 : SIM_NEVER;
    for (struct link *n = s->streams.next; n != &s->streams; n = n->next)
        at = earlier(at, stream_due(s, CONTAINER_OF(n, struct io_stream, link)));
    for (struct link *n = s->listeners.next; n != &s->listeners; n = n->next)
        at = earlier(at, listener_due(CONTAINER_OF(n, struct sim_listener, link)));
    for (struct link *n = s->file_ops.next; n != &s->file_ops; n = n->next)
        at = earlier(at, file_op_due(s, CONTAINER_OF(n, struct sim_file_op, link)));
    return at;
}

/* ---- the scheduler ---- */

static int64_t runnable_at(const struct sim_io *s) {
    if (s->is_awake)
        return 0;
    return earlier(io_due(s), s->sleeps_until_ns);
}

struct io *io_sim_step(struct io_sim *sim) {
    int64_t first = SIM_NEVER;
    for (struct link *n = sim->ios.next; n != &sim->ios; n = n->next)
        first = earlier(first, runnable_at(CONTAINER_OF(n, struct sim_io, link)));
    if (first == SIM_NEVER)
        return NULL;
    if (sim->now_ns < first)
        sim->now_ns = first;
    /* One of those that are runnable now, each with equal chance. */
    struct sim_io *chosen = NULL;
    unsigned seen = 0;
    for (struct link *n = sim->ios.next; n != &sim->ios; n = n->next) {
        struct sim_io *s = CONTAINER_OF(n, struct sim_io, link);
        if (runnable_at(s) <= sim->now_ns && io_sim__chance(sim, ++seen))
            chosen = s;
    }
    return &chosen->base;
}

/* ---- the turn ---- */

static void fail_stream(struct sim_io *s, struct io_stream *stream) {
    io__drop_rest(stream);
    stream->flags |= IO_STREAM_BROKEN;
    io_reaped__end(&s->reaped, stream, ERR_CLOSED, true);
}

static void poll_sends(struct sim_io *s, struct io_stream *stream) {
    struct sim_end *end = end_of(s, stream);
    bool is_closing = (stream->flags & IO_STREAM_CLOSING) != 0;
    if (stream->flags & SIM_PREPARED) {
        stream->flags &= ~SIM_PREPARED;
        ssize_t sent = io_sim_net__write(s->sim, end, stream->sending);
        if (is_closing)
            return;
        if (sent < 0)
            fail_stream(s, stream);
        else if ((size_t)sent < stream->sending.len)
            io__keep_rest(stream, (size_t)sent);
    } else if ((stream->flags & IO_STREAM_BUSY) && !is_closing) {
        ssize_t sent = io_sim_net__write(s->sim, end, io__rest(stream));
        if (sent < 0) {
            fail_stream(s, stream);
            return;
        }
        stream->unsent_bytes -= (size_t)sent;
        if (stream->unsent_bytes == 0) {
            io__drop_rest(stream);
            io_reaped__drained(&s->reaped, stream);
        }
    }
}

static void poll_receive(struct sim_io *s, struct io_stream *stream) {
    size_t room;
    char *to = io_reaped__room(&s->reaped, &room);
    if (!wants_bytes(stream) || room == 0)
        return;
    ssize_t n = io_sim_net__read(s->sim, end_of(s, stream), to, room < READ_BYTES ? room : READ_BYTES);
    if (n > 0)
        io_reaped__data(&s->reaped, stream, (size_t)n);
    else if (n == 0)
        io_reaped__end(&s->reaped, stream, ERR_CLOSED, false);
    else if (n == IO_SIM_RESET)
        fail_stream(s, stream);
}

/* The streams' places in the list rotate by chance, so that no order among them can be relied on. */
static void shuffle(struct sim_io *s) {
    if (link_is_empty(&s->streams) || io_sim__chance(s->sim, 2))
        return;
    struct link *first = s->streams.next;
    link_remove(first);
    link_push_back(&s->streams, first);
}

static void poll_streams(struct sim_io *s) {
    shuffle(s);
    for (struct link *node = s->streams.next, *next; node != &s->streams; node = next) {
        next = node->next;
        struct io_stream *stream = CONTAINER_OF(node, struct io_stream, link);
        poll_sends(s, stream);
        if (stream->flags & IO_STREAM_CLOSING) {
            io__drop_rest(stream);
            io_sim_net__close(s->sim, end_of(s, stream));
            link_remove(&stream->link); /* I1 */
            io_reaped__closed(&s->reaped, stream);
        } else {
            poll_receive(s, stream);
        }
    }
}

static void poll_listener(struct sim_io *s, struct sim_listener *l) {
    struct io_sim *sim = s->sim;
    while (listener_due(l) <= sim->now_ns) {
        if (sim->accepts_to_fail > 0) {
            sim->accepts_to_fail--;
            l->retry_at_ns = sim->now_ns + IO_ACCEPT_RETRY_NS;
            io_reaped__accept_failed(&s->reaped, l->listener, sim->accept_errno);
            return;
        }
        io_reaped__accepted(&s->reaped, l->listener, io_sim_net__accept(sim, l->port));
    }
}

static void poll_files(struct sim_io *s) {
    for (struct link *node = s->file_ops.next, *next; node != &s->file_ops; node = next) {
        next = node->next;
        struct sim_file_op *f = CONTAINER_OF(node, struct sim_file_op, link);
        if (file_op_due(s, f) > s->sim->now_ns)
            continue;
        io_sim_disk__perform(s->sim, f->op);
        io_reaped__file(&s->reaped, f->op);
        link_remove(&f->link);
        mem_free(f);
    }
}

static void update_clock(struct sim_io *s) {
    s->base.now_ns = s->sim->now_ns;
    s->base.wall_ms =
        s->sim->options.wall_start_ms + s->sim->wall_jump_ms + (s->sim->now_ns - START_NS) / 1000000;
}

static unsigned sim_poll(struct io *io, int64_t timeout_ns) {
    struct sim_io *s = sim_io_of(io);
    io->turn++;
    io->syscalls++;
    poll_streams(s);
    for (struct link *node = s->listeners.next; node != &s->listeners; node = node->next)
        poll_listener(s, CONTAINER_OF(node, struct sim_listener, link));
    poll_files(s);
    update_clock(s);
    unsigned events = io_reaped__waiting(&s->reaped);
    s->is_awake = events > 0 || timeout_ns == 0;
    s->sleeps_until_ns = timeout_ns < 0 ? SIM_NEVER : s->sim->now_ns + timeout_ns;
    return events;
}

static void sim_dispatch(struct io *io) {
    io_reaped__dispatch(&sim_io_of(io)->reaped);
}

static void sim_wake(struct io *io) {
    sim_io_of(io)->is_awake = true;
}

static int64_t sim_fresh_ns(const struct io *io) {
    return sim_io_of(io)->sim->now_ns;
}

/* ---- listeners, streams, files ---- */

static enum err sim_listener_start(struct io *io, struct io_listener *listener) {
    struct sim_io *s = sim_io_of(io);
    struct sim_port *port = io_sim__fd_object(s->sim, listener->fd, SIM_FD_LISTENER);
    if (!port)
        return ERR_INVALID;
    struct sim_listener *l = mem_zalloc(sizeof *l);
    l->listener = listener;
    l->port = port;
    listener->backend = l;
    link_push_back(&s->listeners, &l->link);
    return ERR_OK;
}

static void close_end_fd(void *ctx, int fd) {
    io_sim_close_fd(ctx, fd);
}

static void sim_listener_stop(struct io *io, struct io_listener *listener) {
    struct sim_io *s = sim_io_of(io);
    struct sim_listener *l = listener->backend;
    io_reaped__forget_listener(&s->reaped, listener, close_end_fd, s->sim);
    link_remove(&l->link);
    mem_free(l);
    listener->backend = NULL;
}

static enum err sim_stream_start(struct io *io, struct io_stream *stream) {
    struct sim_io *s = sim_io_of(io);
    if (!io_sim__fd_object(s->sim, stream->fd, SIM_FD_END))
        return ERR_INVALID;
    link_push_back(&s->streams, &stream->link); /* I1 */
    return ERR_OK;
}

static void sim_stream_pause_or_resume(struct io *io, struct io_stream *stream) {
    (void)io;
    (void)stream; /* wants_bytes looks at the flag */
}

static void sim_stream_send(struct io *io, struct io_stream *stream) {
    (void)io;
    stream->flags |= SIM_PREPARED;
}

static void sim_stream_close(struct io *io, struct io_stream *stream) {
    (void)io;
    (void)stream; /* the next poll looks at the flag */
}

static void sim_file_submit(struct io *io, struct io_file_op *op) {
    struct sim_io *s = sim_io_of(io);
    const struct io_sim_options *o = &s->sim->options;
    int64_t max = o->disk_delay_max_ns ? o->disk_delay_max_ns : DISK_MAX_DEFAULT_NS;
    int64_t min = o->disk_delay_min_ns ? o->disk_delay_min_ns : DISK_MIN_DEFAULT_NS;
    struct sim_file_op *f = mem_zalloc(sizeof *f);
    f->op = op;
    f->due_ns = s->sim->now_ns + io_sim__between(s->sim, min < max ? min : max, max);
    link_push_back(&s->file_ops, &f->link);
}

/* ---- opening and closing ---- */

static void free_sim_io(struct sim_io *s) {
    link_remove(&s->link);
    io_reaped__deinit(&s->reaped);
    mem_free(s);
}

static void sim_close(struct io *io) {
    struct sim_io *s = sim_io_of(io);
    must(link_is_empty(&s->streams) && link_is_empty(&s->listeners) && link_is_empty(&s->file_ops));
    free_sim_io(s);
}

void io_sim_kill(struct io *io, bool silent) {
    struct sim_io *s = sim_io_of(io);
    for (struct link *node; (node = link_pop_front(&s->streams)) != NULL;) {
        struct io_stream *stream = CONTAINER_OF(node, struct io_stream, link);
        io__drop_rest(stream);
        if (silent)
            io_sim_net__cut(end_of(s, stream), true);
        io_sim_net__reset(s->sim, end_of(s, stream));
    }
    while (!link_is_empty(&s->listeners))
        sim_listener_stop(io, CONTAINER_OF(s->listeners.next, struct sim_listener, link)->listener);
    for (struct link *node; (node = link_pop_front(&s->file_ops)) != NULL;)
        mem_free(CONTAINER_OF(node, struct sim_file_op, link));
    free_sim_io(s);
}

/* Power fails under the operations of all ios on this node's files. */
static void interrupt_files(struct io_sim *sim, unsigned node_index) {
    for (struct link *n = sim->ios.next; n != &sim->ios; n = n->next) {
        struct sim_io *s = CONTAINER_OF(n, struct sim_io, link);
        for (struct link *node = s->file_ops.next, *next; node != &s->file_ops; node = next) {
            next = node->next;
            struct sim_file_op *f = CONTAINER_OF(node, struct sim_file_op, link);
            if (!io_sim_disk__is_on_node(sim, f->op->fd, node_index))
                continue;
            io_sim_disk__interrupt(sim, f->op);
            link_remove(&f->link);
            mem_free(f);
        }
    }
}

void io_sim_power_cut(struct io_sim *sim, unsigned node) {
    interrupt_files(sim, node);
    io_sim_disk__power_cut(sim, node);
}

static const struct io_ops sim_ops = {
    .name = "sim",
    .close = sim_close,
    .poll = sim_poll,
    .dispatch = sim_dispatch,
    .wake = sim_wake,
    .fresh_ns = sim_fresh_ns,
    .listener_start = sim_listener_start,
    .listener_stop = sim_listener_stop,
    .stream_start = sim_stream_start,
    .stream_pause = sim_stream_pause_or_resume,
    .stream_resume = sim_stream_pause_or_resume,
    .stream_send = sim_stream_send,
    .stream_close = sim_stream_close,
    .file_submit = sim_file_submit,
};

enum err io_sim__open(const struct io_options *options, struct io **io_out) {
    if (!options->sim) {
        io__set_why(options, "there is no simulated world");
        return ERR_UNSUPPORTED;
    }
    struct sim_io *s = mem_zalloc(sizeof *s);
    io__init(&s->base, &sim_ops);
    s->sim = options->sim;
    s->is_awake = true;
    link_init_head(&s->streams);
    link_init_head(&s->listeners);
    link_init_head(&s->file_ops);
    io_reaped__init(&s->reaped, ARENA_BYTES);
    link_push_back(&s->sim->ios, &s->link);
    update_clock(s);
    *io_out = &s->base;
    return ERR_OK;
}
