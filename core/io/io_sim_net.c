/* io_sim_net.c: connections of the simulated world.
 *
 * A connection has two ends; each end has a way in: a list of pieces with the time when they arrive. A write is cut into
 * pieces of random sizes with random delays that never overtake each other (it is TCP that is simulated, not packets),
 * and a read takes a random part of what has arrived. The window, bytes written and not yet read, is bounded, so
 * that senders meet short sends.
 *
 * As with the real thing, an end that is closed with unread bytes resets the connection, and a reset destroys what has
 * not been read.
 *
 * I1. way.bytes is the sum of the unread bytes of its pieces, and at most the window.
 * I2. Arrival times of pieces, and of the finish behind them, do not decrease.
 * I3. A connection is freed when both ends are closed. */
#include "core/io/io_sim_world.h"

#include "core/base/mem.h"

#include <errno.h>

#define DELAY_MIN_DEFAULT_NS 10000
#define DELAY_MAX_DEFAULT_NS 200000
#define WINDOW_DEFAULT       ((size_t)64 << 10)

struct sim_piece {
    struct link link;
    int64_t arrives_ns;
    size_t read;
    size_t len;
    char bytes[];
};

struct sim_way {
    struct link pieces;
    size_t bytes;
    int64_t last_ns;     /* when the last piece arrives */
    int64_t finished_ns; /* when the news that no more will come arrives */
    int64_t reset_ns;
};

struct sim_conn;

struct sim_end {
    struct sim_way in;
    struct sim_conn *conn;
    struct sim_end *other;
    int fd;
    bool is_open;
};

struct sim_conn {
    struct sim_end ends[2];
    struct link link; /* in its port's queue, until accepted */
    int64_t arrives_ns;
    bool is_cut;
};

struct sim_port {
    struct link link;
    struct link queue; /* of struct sim_conn */
    int port;
    int fd;
};

/* ---- making and freeing ---- */

static int64_t random_delay(struct io_sim *sim) {
    const struct io_sim_options *o = &sim->options;
    int64_t max = o->net_delay_max_ns ? o->net_delay_max_ns : DELAY_MAX_DEFAULT_NS;
    int64_t min = o->net_delay_min_ns ? o->net_delay_min_ns : DELAY_MIN_DEFAULT_NS;
    return io_sim__between(sim, min < max ? min : max, max);
}

static size_t window_bytes(const struct io_sim *sim) {
    return sim->options.net_window_bytes ? sim->options.net_window_bytes : WINDOW_DEFAULT;
}

static void init_end(struct sim_conn *conn, unsigned index) {
    struct sim_end *end = &conn->ends[index];
    *end = (struct sim_end){
        .in = {.finished_ns = SIM_NEVER, .reset_ns = SIM_NEVER},
        .conn = conn,
        .other = &conn->ends[1 - index],
        .fd = -1,
        .is_open = true,
    };
    link_init_head(&end->in.pieces);
}

static void drop_pieces(struct sim_way *way) {
    for (struct link *node; (node = link_pop_front(&way->pieces)) != NULL;)
        mem_free(CONTAINER_OF(node, struct sim_piece, link));
    way->bytes = 0;
}

static void free_if_closed(struct sim_conn *conn) {
    if (conn->ends[0].is_open || conn->ends[1].is_open)
        return;
    drop_pieces(&conn->ends[0].in);
    drop_pieces(&conn->ends[1].in);
    mem_free(conn); /* I3 */
}

static struct sim_port *find_port(const struct io_sim *sim, int number) {
    for (struct link *node = sim->ports.next; node != &sim->ports; node = node->next) {
        struct sim_port *port = CONTAINER_OF(node, struct sim_port, link);
        if (port->port == number)
            return port;
    }
    return NULL;
}

int io_sim_listen(struct io_sim *sim, int port) {
    if (find_port(sim, port))
        return -1;
    struct sim_port *p = mem_zalloc(sizeof *p);
    p->port = port;
    link_init_head(&p->queue);
    link_push_back(&sim->ports, &p->link);
    p->fd = io_sim__take_fd(sim, SIM_FD_LISTENER, p);
    return p->fd;
}

static void close_port(struct io_sim *sim, struct sim_port *port) {
    for (struct link *node; (node = link_pop_front(&port->queue)) != NULL;)
        io_sim_net__reset(sim, &CONTAINER_OF(node, struct sim_conn, link)->ends[1]);
    link_remove(&port->link);
    io_sim__free_fd(sim, port->fd);
    mem_free(port);
}

int io_sim_connect(struct io_sim *sim, int port) {
    struct sim_port *p = find_port(sim, port);
    if (!p)
        return -1;
    struct sim_conn *conn = mem_zalloc(sizeof *conn);
    init_end(conn, 0);
    init_end(conn, 1);
    conn->arrives_ns = sim->now_ns + random_delay(sim);
    link_push_back(&p->queue, &conn->link);
    conn->ends[0].fd = io_sim__take_fd(sim, SIM_FD_END, &conn->ends[0]);
    return conn->ends[0].fd;
}

int io_sim_net__accept(struct io_sim *sim, struct sim_port *port) {
    if (io_sim_net__acceptable_at(port) > sim->now_ns)
        return -1;
    struct sim_conn *conn = CONTAINER_OF(link_pop_front(&port->queue), struct sim_conn, link);
    conn->ends[1].fd = io_sim__take_fd(sim, SIM_FD_END, &conn->ends[1]);
    return conn->ends[1].fd;
}

int64_t io_sim_net__acceptable_at(const struct sim_port *port) {
    if (link_is_empty(&port->queue))
        return SIM_NEVER;
    return CONTAINER_OF(port->queue.next, struct sim_conn, link)->arrives_ns;
}

/* ---- transfers ---- */

/* The time at which something sent now arrives. */
static int64_t arrival(struct io_sim *sim, struct sim_way *way) {
    int64_t at = sim->now_ns + random_delay(sim);
    if (at < way->last_ns)
        at = way->last_ns; /* I2 */
    way->last_ns = at;
    return at;
}

static size_t random_part(struct io_sim *sim, size_t len) {
    if (sim->options.net_whole || len <= 1)
        return len;
    /* Sometimes a single byte: the cut that parsers fear most. */
    return io_sim__chance(sim, 8) ? 1 : 1 + (size_t)rng_below(&sim->rng, len);
}

/* True if a write fails at once. A connection that is cut tells nothing, not even that. */
static bool is_dead(const struct io_sim *sim, const struct sim_end *end) {
    return !end->conn->is_cut && (end->in.reset_ns <= sim->now_ns || !end->other->is_open ||
                                  end->other->in.finished_ns != SIM_NEVER);
}

ssize_t io_sim_net__write(struct io_sim *sim, struct sim_end *end, struct bytes data) {
    if (is_dead(sim, end))
        return IO_SIM_RESET;
    struct sim_way *way = &end->other->in;
    size_t room = window_bytes(sim) - way->bytes;
    size_t len = data.len < room ? data.len : room;
    for (size_t done = 0; done < len;) {
        size_t part = random_part(sim, len - done);
        struct sim_piece *piece = mem_alloc(sizeof *piece + part);
        *piece = (struct sim_piece){.arrives_ns = arrival(sim, way), .len = part};
        memcpy(piece->bytes, data.ptr + done, part);
        link_push_back(&way->pieces, &piece->link);
        way->bytes += part; /* I1 */
        done += part;
    }
    return (ssize_t)len;
}

ssize_t io_sim_net__read(struct io_sim *sim, struct sim_end *end, void *to, size_t len) {
    struct sim_way *way = &end->in;
    if (end->conn->is_cut)
        return IO_SIM_NOTHING;
    if (way->reset_ns <= sim->now_ns)
        return IO_SIM_RESET;
    size_t done = 0;
    size_t wish = random_part(sim, len < way->bytes ? len : way->bytes);
    while (done < wish) {
        struct sim_piece *piece = CONTAINER_OF(way->pieces.next, struct sim_piece, link);
        if (piece->arrives_ns > sim->now_ns)
            break;
        size_t left = piece->len - piece->read;
        size_t part = left < wish - done ? left : wish - done;
        memcpy((char *)to + done, piece->bytes + piece->read, part);
        piece->read += part;
        way->bytes -= part; /* I1 */
        done += part;
        if (piece->read == piece->len) {
            link_remove(&piece->link);
            mem_free(piece);
        }
    }
    if (done > 0)
        return (ssize_t)done;
    return way->bytes == 0 && way->finished_ns <= sim->now_ns ? 0 : IO_SIM_NOTHING;
}

int64_t io_sim_net__readable_at(const struct sim_end *end) {
    const struct sim_way *way = &end->in;
    if (end->conn->is_cut)
        return SIM_NEVER;
    int64_t at = link_is_empty(&way->pieces)
                     ? way->finished_ns
                     : CONTAINER_OF(way->pieces.next, struct sim_piece, link)->arrives_ns;
    return at < way->reset_ns ? at : way->reset_ns;
}

int64_t io_sim_net__writable_at(const struct io_sim *sim, const struct sim_end *end) {
    if (is_dead(sim, end) || end->other->in.bytes < window_bytes(sim))
        return 0;
    return end->conn->is_cut ? SIM_NEVER : end->in.reset_ns;
}

/* ---- ends ---- */

static void finish(struct io_sim *sim, struct sim_end *end) {
    struct sim_way *way = &end->other->in;
    if (way->finished_ns == SIM_NEVER)
        way->finished_ns = arrival(sim, way);
}

static void close_end(struct io_sim *sim, struct sim_end *end) {
    end->is_open = false;
    if (end->fd >= 0)
        io_sim__free_fd(sim, end->fd);
    /* Nobody will accept a connection whose client is gone before it arrived; it stays in the queue and ends there. */
    free_if_closed(end->conn);
}

void io_sim_net__close(struct io_sim *sim, struct sim_end *end) {
    if (end->in.bytes > 0)
        end->other->in.reset_ns = arrival(sim, &end->other->in);
    else
        finish(sim, end);
    close_end(sim, end);
}

void io_sim_net__reset(struct io_sim *sim, struct sim_end *end) {
    end->other->in.reset_ns = sim->now_ns + random_delay(sim);
    close_end(sim, end);
}

void io_sim_net__cut(struct sim_end *end, bool is_cut) {
    end->conn->is_cut = is_cut;
}

/* ---- the client's functions ---- */

static struct sim_end *get_end(const struct io_sim *sim, int fd) {
    struct sim_end *end = io_sim__fd_object(sim, fd, SIM_FD_END);
    must(end);
    return end;
}

ssize_t io_sim_write(struct io_sim *sim, int fd, struct bytes data) {
    return io_sim_net__write(sim, get_end(sim, fd), data);
}

ssize_t io_sim_read(struct io_sim *sim, int fd, void *to, size_t len) {
    return io_sim_net__read(sim, get_end(sim, fd), to, len);
}

void io_sim_shutdown(struct io_sim *sim, int fd) {
    finish(sim, get_end(sim, fd));
}

void io_sim_close_fd(struct io_sim *sim, int fd) {
    struct sim_port *port = io_sim__fd_object(sim, fd, SIM_FD_LISTENER);
    if (port)
        close_port(sim, port);
    else
        io_sim_net__close(sim, get_end(sim, fd));
}

void io_sim_reset(struct io_sim *sim, int fd) {
    io_sim_net__reset(sim, get_end(sim, fd));
}

void io_sim_cut(struct io_sim *sim, int fd, bool is_cut) {
    io_sim_net__cut(get_end(sim, fd), is_cut);
}

void io_sim_net__free_all(struct io_sim *sim) {
    for (size_t i = 0; i < sim->fd_count; i++) {
        if (sim->fds[i].kind == SIM_FD_END)
            close_end(sim, sim->fds[i].object);
    }
    while (!link_is_empty(&sim->ports))
        close_port(sim, CONTAINER_OF(sim->ports.next, struct sim_port, link));
}
