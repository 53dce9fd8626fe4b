/* main.c: the ceiling, a server that does what every server must and nothing else.
 *
 * It receives, finds the commands, answers each with a constant and sends, on one thread with one io_uring, set up the
 * way the measurements favoured. What a real server costs beyond it per operation is the price of being a
 * database; bench/compare prints the ratio. It keeps no data and is no server for any other purpose.
 *
 * A command that arrives in pieces is completed in the connection's carry buffer, by just the bytes it lacks; all other
 * commands are parsed in place. */
#include "bench/ceiling/request.h"
#include "bench/wire/outbox.h"
#include "bench/wire/ring.h"
#include "core/base/attr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONN_MAX = 65536, CARRY_BYTES_MAX = 64 << 20 };

struct conn {
    struct out_conn out;
    bool is_open;
    char *carry; /* the beginning of a command whose end has not come */
    size_t carry_len;
    size_t carry_cap;
};

struct ceiling {
    struct ring ring;
    struct outbox outbox;
    struct request_value value;
    int listen_fd;
    struct conn *conns; /* by descriptor */
};

struct options {
    uint16_t port;
    int cpu; /* -1: not pinned */
    size_t value_bytes;
};

static struct conn *conn_find(struct ceiling *c, uint32_t gen, uint32_t id) {
    must(id < CONN_MAX);
    struct conn *conn = &c->conns[id];
    return conn->is_open && conn->out.gen == gen ? conn : NULL;
}

static struct out_conn *out_conn_find(void *owner, uint32_t gen, uint32_t id) {
    struct conn *conn = conn_find(owner, gen, id);
    return conn ? &conn->out : NULL;
}

static void conn_open(struct ceiling *c, int fd) {
    if (fd >= CONN_MAX) {
        close(fd);
        return;
    }
    struct conn *conn = &c->conns[fd];
    uint32_t gen = (conn->out.gen + 1) & 0xffffffU;
    *conn = (struct conn){.out = {.fd = fd, .gen = gen, .id = (uint32_t)fd}, .is_open = true};
    ring_arm_recv(&c->ring, fd, gen, (uint32_t)fd);
}

static void conn_close(struct ceiling *c, struct conn *conn) {
    outbox_conn_deinit(&c->outbox, &conn->out);
    free(conn->carry);
    conn->carry = NULL;
    conn->is_open = false;
    /* shutdown ends a multishot receive that is still armed and would keep the socket open behind close. */
    shutdown(conn->out.fd, SHUT_RDWR);
    close(conn->out.fd);
}

static void answer(struct ceiling *c, struct conn *conn, const struct request *request) {
    char *out = outbox_reserve(&c->outbox, &conn->out, request_reply_bytes_max(request, &c->value));
    outbox_commit(&c->outbox, &conn->out, request_reply(out, request, &c->value));
}

static void carry_append(struct conn *conn, const char *ptr, size_t len) {
    if (conn->carry_len + len > conn->carry_cap) {
        conn->carry_cap = (conn->carry_len + len) * 2;
        conn->carry = realloc(conn->carry, conn->carry_cap);
        must(conn->carry != NULL);
    }
    memcpy(conn->carry + conn->carry_len, ptr, len);
    conn->carry_len += len;
}

/* Completes the carried command from the new bytes. Returns how many of them it took, or REQUEST_BAD. */
static long carry_finish(struct ceiling *c, struct conn *conn, const char *ptr, size_t len) {
    size_t taken = 0;
    for (;;) {
        struct request request;
        long n = request_parse(conn->carry, conn->carry_len, &request);
        if (n == REQUEST_BAD)
            return REQUEST_BAD;
        if (n > 0) {
            must((size_t)n == conn->carry_len);
            answer(c, conn, &request);
            conn->carry_len = 0;
            return (long)taken;
        }
        size_t more = request.need < len - taken ? request.need : len - taken;
        if (more == 0)
            return (long)taken;
        if (conn->carry_len + more > CARRY_BYTES_MAX)
            return REQUEST_BAD;
        carry_append(conn, ptr + taken, more);
        taken += more;
    }
}

/* False when the connection spoke nonsense. */
static bool conn_read(struct ceiling *c, struct conn *conn, const char *ptr, size_t len) {
    if (conn->carry_len > 0) {
        long taken = carry_finish(c, conn, ptr, len);
        if (taken == REQUEST_BAD)
            return false;
        ptr += taken;
        len -= (size_t)taken;
    }
    while (len > 0) {
        struct request request;
        long n = request_parse(ptr, len, &request);
        if (n == REQUEST_BAD)
            return false;
        if (n == REQUEST_INCOMPLETE) {
            carry_append(conn, ptr, len);
            return true;
        }
        answer(c, conn, &request);
        ptr += n;
        len -= (size_t)n;
    }
    return true;
}

static void on_recv(struct ceiling *c, const struct ring_event *event) {
    struct conn *conn = conn_find(c, event->token.gen, event->token.id);
    bool is_alive = conn != NULL && (event->res > 0 || event->res == -ENOBUFS);
    if (event->res > 0) {
        const char *ptr = ring_recv_begin(&c->ring, event);
        if (conn != NULL)
            is_alive = conn_read(c, conn, ptr, (size_t)event->res);
        ring_recv_done(&c->ring, event);
    }
    if (conn == NULL)
        return;
    if (!is_alive || conn->out.is_failed)
        conn_close(c, conn);
    else if (!(event->flags & IORING_CQE_F_MORE))
        ring_arm_recv(&c->ring, conn->out.fd, conn->out.gen, conn->out.id);
}

static void on_accept(struct ceiling *c, const struct ring_event *event) {
    if (event->res >= 0)
        conn_open(c, event->res);
    if (!(event->flags & IORING_CQE_F_MORE))
        ring_arm_accept(&c->ring, c->listen_fd);
}

static void on_event(struct ceiling *c, const struct ring_event *event) {
    struct conn *conn;
    switch (event->token.op) {
    case RING_ACCEPT: on_accept(c, event); break;
    case RING_RECV: on_recv(c, event); break;
    case RING_SEND: break;
    case RING_SEND_REST:
        conn = conn_find(c, event->token.gen, event->token.id);
        if (conn != NULL)
            outbox_rest_sent(&c->outbox, &c->ring, &conn->out, event->res);
        break;
    }
}

static int listen_on(uint16_t port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    if (fd < 0)
        ring_die("socket", errno);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* accepted sockets inherit it */
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 4096) != 0)
        ring_die("bind or listen", errno);
    return fd;
}

static void pin(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0)
        ring_die("sched_setaffinity", errno);
}

static size_t number(const char *text, size_t max) {
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (end == text || *end != '\0' || value > max) {
        fprintf(stderr, "basalt-ceiling: not a number in range: %s\n", text);
        exit(2);
    }
    return value;
}

static struct options options_read(int argc, char **argv) {
    static const struct option known[] = {{"port", required_argument, NULL, 'p'},
                                          {"cpu", required_argument, NULL, 'c'},
                                          {"value-bytes", required_argument, NULL, 'v'},
                                          {NULL, 0, NULL, 0}};
    struct options o = {.port = 7777, .cpu = -1, .value_bytes = 3};
    int option;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == 'p') {
            o.port = (uint16_t)number(optarg, 65535);
        } else if (option == 'c') {
            o.cpu = (int)number(optarg, 1023);
        } else if (option == 'v') {
            o.value_bytes = number(optarg, 64 << 20);
        } else {
            fprintf(stderr, "usage: basalt-ceiling [--port P] [--cpu N] [--value-bytes N]\n");
            exit(2);
        }
    }
    return o;
}

int main(int argc, char **argv) {
    struct options options = options_read(argc, argv);
    struct rlimit files = {.rlim_cur = CONN_MAX, .rlim_max = CONN_MAX};
    setrlimit(RLIMIT_NOFILE, &files); /* fewer are enough for most runs */
    if (options.cpu >= 0)
        pin(options.cpu);
    struct ceiling *c = calloc(1, sizeof *c);
    must(c != NULL);
    c->conns = calloc(CONN_MAX, sizeof *c->conns);
    must(c->conns != NULL);
    request_value_init(&c->value, options.value_bytes);
    ring_init(&c->ring);
    outbox_init(&c->outbox, c, out_conn_find);
    c->listen_fd = listen_on(options.port);
    ring_arm_accept(&c->ring, c->listen_fd);
    for (;;) {
        ring_enter(&c->ring, -1);
        outbox_settle(&c->outbox, &c->ring);
        struct ring_event event;
        while (!outbox_is_full(&c->outbox) && ring_next(&c->ring, &event))
            on_event(c, &event);
        outbox_flush(&c->outbox, &c->ring);
    }
}
