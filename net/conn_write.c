/* conn_write.c: from replies to the socket: one send per connection and turn.
 *
 * `out` collects replies; at the end of the turn it changes places with `sending`, which io borrows until the next
 * io_poll returns. When it gets long it becomes a block of `waiting` instead, and these are sent first, one a turn. While a short send is pending in io, replies stay in `out` and the connection leaves the list; io's
 * on_drained puts it back.
 *
 * Limits are looked at here, before the send: at the end of every turn that added output, and while a soft limit's time
 * runs, at every chance to send. Where there is no limit, output grows as long as the client reads nothing: one that
 * writes all its commands before it reads must not be kept from writing, or neither side would ever go on. */
#include "net/conn.h"

enum {
    OUTPUT_KEEP_BYTES = 16 * 1024,
    OUTPUT_SPARE_BYTES = 256 * 1024,
};

/* The output has a moment ago been too much for somebody: asks again. */
static void conn_look_at_output(struct conn *conn) {
    struct conn_host *host = conn->host;
    size_t bytes = conn_output_bytes(conn);
    if ((bytes > host->output_watch_bytes || conn->soft_limit_since_ms) && host->on_output_watch)
        host->on_output_watch(conn);
}

void conn_cut_output(struct conn *conn) {
    out_queue_push(&conn->waiting, &conn->out);
}

static bool conn_has_nothing(const struct conn *conn) {
    return conn->waiting.count == 0 && conn->out.len == 0;
}

/* Moves what is to be sent next to `sending`. */
static void conn_take_output(struct conn *conn) {
    if (UNLIKELY(conn->waiting.count)) {
        buf_deinit(&conn->sending);
        conn->sending = out_queue_pop(&conn->waiting);
        return;
    }
    struct buf spare = conn->sending;
    conn->sending = conn->out;
    conn->out = spare;
    buf_clear(&conn->out, OUTPUT_KEEP_BYTES);
}

/* True when the connection must be looked at again next turn: it has more to send, or it is to be closed once its last reply is really sent, or
 * the time of its soft limit runs until then. */
static bool conn_flush(struct conn *conn) {
    struct conn_host *host = conn->host;
    if (conn->close_asap)
        return false;
    if (UNLIKELY(conn_output_bytes(conn) > host->output_watch_bytes || conn->soft_limit_since_ms))
        conn_look_at_output(conn);
    if (conn->close_asap || !io_stream_can_send(&conn->stream))
        return false; /* on_drained brings it back */
    if (conn_has_nothing(conn)) {
        if (conn->close_after_reply && reply_order_is_idle(&conn->order))
            conn_close(conn, (enum conn_close_reason)conn->close_reason);
        return false;
    }
    conn_take_output(conn);
    conn->last_ms = host->now_ms;
    host->net_out_bytes += conn->sending.len;
    conn->net_out_bytes += conn->sending.len;
    io_stream_send(host->io, &conn->stream, buf_bytes(&conn->sending));
    return conn->close_after_reply || conn->soft_limit_since_ms || !conn_has_nothing(conn);
}

void conn_flush_all(struct conn_host *host) {
    struct link again;
    struct link *node;
    link_init_head(&again);
    while ((node = link_pop_front(&host->with_output)) != NULL)
        if (conn_flush(CONTAINER_OF(node, struct conn, output_link)))
            link_push_back(&again, node);
    while ((node = link_pop_front(&again)) != NULL)
        link_push_back(&host->with_output, node);
}

void conn_send_early(struct conn *conn) {
    struct conn_host *host = conn->host;
    if (conn->close_asap || conn->close_after_reply || !conn->is_authenticated || conn->waiting.count ||
        !io_stream_can_send(&conn->stream) || !host->may_send_early(host))
        return; /* a stranger's output is counted before it leaves */
    size_t sent = io_stream_send_now(host->io, &conn->stream, buf_bytes(&conn->out));
    host->net_out_bytes += sent;
    conn->net_out_bytes += sent;
    if (sent < conn->out.len) {
        buf_consume(&conn->out, sent);
        return;
    }
    link_remove(&conn->output_link);
    if (host->spare.cap == 0 && conn->out.cap <= OUTPUT_SPARE_BYTES) {
        host->spare = conn->out;
        host->spare.len = 0;
        buf_init(&conn->out);
    } else {
        buf_clear(&conn->out, OUTPUT_KEEP_BYTES);
    }
}

void conn_close_after_reply(struct conn *conn, enum conn_close_reason why) {
    if (conn->close_asap || conn->close_after_reply)
        return;
    conn->close_after_reply = true;
    conn->close_reason = (uint8_t)why;
    conn_has_output(conn);
}
