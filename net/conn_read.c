/* conn_read.c: cuts commands out of a connection's byte stream.
 *
 * Bytes are parsed where the kernel put them. Only what is left of an unfinished command is copied, to conn->query; the
 * next bytes are appended there and parsing goes on in that buffer until it is empty again. So a client that sends whole
 * commands never pays for a copy, and a value of many megabytes is copied once.
 *
 *   I1  if query is not empty, all unparsed bytes are in it, in order.
 *   I2  while is_blocked, nothing is parsed and the socket is paused; what still arrives is appended to query. */
#include "net/conn_read.h"

enum { QUERY_KEEP_BYTES = 32 * 1024 };

static void conn_read_protocol_error(struct conn *conn) {
    conn->host->protocol_errors++;
    if (conn->parser.error && !conn->parser.is_silent) {
        struct buf text;
        buf_init(&text);
        buf_printf(&text, "-ERR %s\r\n", conn->parser.error);
        uint64_t slot = reply_order_open(&conn->order, false);
        if (reply_order_fill(&conn->order, slot, buf_bytes(&text), 0, &conn->out))
            conn_has_output(conn);
        buf_deinit(&text);
    }
    conn_close_after_reply(conn, CONN_CLOSED_BY_PROTOCOL);
}

/* Parses and routes commands from the front of data; returns how many bytes are used up. */
static size_t conn_read_commands(struct conn *conn, struct bytes data) {
    size_t at = 0;
    while (at < data.len && !conn->close_asap && !conn->close_after_reply) {
        size_t used;
        struct bytes rest = bytes_of(data.ptr + at, data.len - at);
        enum resp_status status = resp_parse(&conn->parser, &conn->host->limits, rest, &used);
        if (status == RESP_MORE)
            break;
        if (status == RESP_ERROR) {
            conn_read_protocol_error(conn);
            return data.len;
        }
        if (conn->parser.argc > 0 && !conn->host->on_command(conn)) {
            conn->is_blocked = true; /* I2 */
            io_stream_pause(conn->host->io, &conn->stream);
            break;
        }
        at += used;
    }
    return conn->close_asap || conn->close_after_reply ? data.len : at;
}

static void conn_read_query(struct conn *conn) {
    size_t used = conn_read_commands(conn, buf_bytes(&conn->query));
    if (used == conn->query.len)
        buf_clear(&conn->query, QUERY_KEEP_BYTES);
    else
        buf_consume(&conn->query, used);
    if (conn->query.len > conn->host->query_max_bytes)
        conn_close(conn, CONN_CLOSED_BY_LIMIT);
}

void conn_read_data(struct io_stream *stream, struct bytes data) {
    struct conn *conn = CONTAINER_OF(stream, struct conn, stream);
    if (conn->close_asap || conn->close_after_reply)
        return;
    conn->host->net_in_bytes += data.len;
    conn->net_in_bytes += data.len;
    conn->last_ms = conn->host->now_ms;
    conn->host->limits.authenticated = conn->is_authenticated;
    conn->is_reading = true;
    if (conn->query.len == 0 && !conn->is_blocked) {
        size_t used = conn_read_commands(conn, data);
        if (used < data.len)
            buf_put(&conn->query, data.ptr + used, data.len - used); /* I1 */
    } else {
        buf_put_bytes(&conn->query, data);
        if (!conn->is_blocked && conn->query.len >= conn->parser.need_bytes)
            conn_read_query(conn);
        else if (conn->query.len > conn->host->query_max_bytes)
            conn_close(conn, CONN_CLOSED_BY_LIMIT);
    }
    conn->is_reading = false;
}

void conn_resume(struct conn *conn) {
    if (!conn->is_blocked || conn->is_reading || conn->close_asap)
        return;
    conn->is_blocked = false;
    conn->host->limits.authenticated = conn->is_authenticated;
    conn->is_reading = true;
    conn_read_query(conn);
    conn->is_reading = false;
    if (!conn->is_blocked && !conn->close_asap)
        io_stream_resume(conn->host->io, &conn->stream);
}
