/* conn_write.c: from replies to the socket: one send per connection and turn.
 *
 * `out` collects replies; at the end of the turn it changes places with `sending`, which io borrows until the next
 * io_poll returns. While a short send is pending in io, replies stay in `out` and the connection leaves the list; io's
 * on_drained puts it back. */
#include "net/conn.h"

enum { OUTPUT_KEEP_BYTES = 16 * 1024 };

/* True when the connection must be looked at again next turn: it is to be closed once its last reply is really sent. */
static bool conn_flush(struct conn *conn) {
    struct conn_host *host = conn->host;
    if (conn->close_asap)
        return false;
    if (!io_stream_can_send(&conn->stream))
        return false; /* on_drained brings it back */
    if (conn->out.len == 0) {
        if (conn->close_after_reply && reply_order_is_idle(&conn->order))
            conn_close(conn, (enum conn_close_reason)conn->close_reason);
        return false;
    }
    struct buf spare = conn->sending;
    conn->sending = conn->out;
    conn->out = spare;
    buf_clear(&conn->out, OUTPUT_KEEP_BYTES);
    host->net_out_bytes += conn->sending.len;
    conn->net_out_bytes += conn->sending.len;
    io_stream_send(host->io, &conn->stream, buf_bytes(&conn->sending));
    return conn->close_after_reply;
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

void conn_close_after_reply(struct conn *conn, enum conn_close_reason why) {
    if (conn->close_asap || conn->close_after_reply)
        return;
    conn->close_after_reply = true;
    conn->close_reason = (uint8_t)why;
    conn_has_output(conn);
}
