/* conn.c: birth and death of a connection.
 *
 * Life: conn_open -> (reads, writes) -> conn_close -> io says on_closed -> in_flight falls to 0 -> host->on_gone.
 * The last two may come in either order; conn_check_gone runs after both (I1).
 *
 *   I1  on_gone is called exactly once, when is_socket_gone and in_flight == 0.
 *   I2  after conn_close no on_command is called for it, and its replies are dropped. */
#include "net/conn.h"

#include "core/base/mem.h"
#include "net/conn_name.h"
#include "net/conn_read.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* The text that CLIENT LIST shows for a socket address. */
static void conn_address_text(const struct sockaddr_storage *address, char *text, size_t size) {
    char host[INET6_ADDRSTRLEN] = "?";
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
        snprintf(text, size, "%s:%u", host, ntohs(in->sin_port));
    } else if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
        snprintf(text, size, "[%s]:%u", host, ntohs(in6->sin6_port));
    } else if (address->ss_family == AF_UNIX) {
        const struct sockaddr_un *un = (const struct sockaddr_un *)(const void *)address;
        snprintf(text, size, "%.100s:0", un->sun_path);
    } else {
        snprintf(text, size, "?:0");
    }
}

static void conn_learn_addresses(struct conn *conn, int fd) {
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    memset(&address, 0, sizeof address);
    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        address.ss_family = AF_UNSPEC;
    conn_address_text(&address, conn->laddr, sizeof conn->laddr);
    conn->is_unix = address.ss_family == AF_UNIX;
    if (conn->is_unix) {
        /* The client's end of a UNIX socket has no name; both ends show the server's path, as in Redis. */
        memcpy(conn->addr, conn->laddr, sizeof conn->addr);
        return;
    }
    len = sizeof address;
    memset(&address, 0, sizeof address);
    if (getpeername(fd, (struct sockaddr *)&address, &len) != 0)
        address.ss_family = AF_UNSPEC;
    conn_address_text(&address, conn->addr, sizeof conn->addr);
}

static void conn_check_gone(struct conn *conn) {
    if (conn->is_socket_gone && conn->in_flight == 0)
        conn->host->on_gone(conn); /* I1 */
}

static void conn_on_end(struct io_stream *stream, enum err why) {
    (void)why;
    conn_close(CONTAINER_OF(stream, struct conn, stream), CONN_CLOSED_BY_PEER);
}

static void conn_on_drained(struct io_stream *stream) {
    struct conn *conn = CONTAINER_OF(stream, struct conn, stream);
    if (conn->out.len || conn->waiting.count || conn->close_after_reply || conn->soft_limit_since_ms)
        conn_has_output(conn);
}

static void conn_on_closed(struct io_stream *stream) {
    struct conn *conn = CONTAINER_OF(stream, struct conn, stream);
    conn->is_socket_gone = true;
    conn_check_gone(conn);
}

static const struct io_stream_ops conn_stream_ops = {
    .on_data = conn_read_data,
    .on_end = conn_on_end,
    .on_drained = conn_on_drained,
    .on_closed = conn_on_closed,
};

struct conn *conn_open(struct conn_host *host, int fd, uint64_t id) {
    struct conn *conn = mem_zalloc(sizeof *conn);
    conn->host = host;
    conn->id = id;
    conn->proto = 2;
    conn->routed_first = -1;
    conn->reply_bytes_guess = CONN_REPLY_FIRST_GUESS_BYTES;
    conn->created_ms = conn->last_ms = host->now_ms;
    conn->last_command = "NULL";
    resp_parser_init(&conn->parser);
    buf_init(&conn->query);
    buf_init(&conn->out);
    buf_init(&conn->sending);
    reply_order_init(&conn->order);
    conn_learn_addresses(conn, fd);
    if (io_stream_start(host->io, &conn->stream, &conn_stream_ops, fd) != ERR_OK) {
        close(fd);
        conn_free(conn);
        return NULL;
    }
    return conn;
}

void conn_free(struct conn *conn) {
    must(conn->in_flight == 0);
    must(!link_is_linked(&conn->output_link));
    link_remove(&conn->paused_link);
    link_remove(&conn->all_link);
    resp_parser_deinit(&conn->parser);
    buf_deinit(&conn->query);
    buf_deinit(&conn->out);
    buf_deinit(&conn->sending);
    reply_order_deinit(&conn->order);
    out_queue_deinit(&conn->waiting);
    mem_free(conn->name);
    mem_free(conn->lib_name);
    mem_free(conn->lib_ver);
    mem_free(conn);
}

void conn_close(struct conn *conn, enum conn_close_reason why) {
    if (conn->close_reason != CONN_OPEN && conn->close_asap)
        return;
    conn->close_asap = true; /* I2 */
    if (conn->close_reason == CONN_OPEN)
        conn->close_reason = (uint8_t)why;
    link_remove(&conn->output_link);
    link_remove(&conn->paused_link);
    conn_leave_monitor(conn);
    io_stream_close(conn->host->io, &conn->stream);
    if (conn->host->on_closing)
        conn->host->on_closing(conn);
}

void conn_release(struct conn *conn) {
    must(conn->in_flight > 0);
    conn->in_flight--;
    conn_check_gone(conn);
}

size_t conn_memory(const struct conn *conn) {
    return sizeof *conn + resp_parser_memory(&conn->parser) + conn->query.cap + conn->waiting.bytes +
           conn->out.cap + conn->sending.cap + conn->order.cap * sizeof(struct reply_slot) +
           conn->order.stored_bytes + conn->stream.unsent_bytes;
}

void conn_trim(struct conn *conn) {
    resp_parser_trim(&conn->parser);
    if (conn->query.len == 0)
        buf_deinit(&conn->query);
    if (conn->out.len == 0)
        buf_deinit(&conn->out);
    buf_deinit(&conn->sending);
    if (reply_order_is_idle(&conn->order))
        reply_order_trim(&conn->order);
}
