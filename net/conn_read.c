/* conn_read.c: cuts commands out of a connection's byte stream.
 *
 * Bytes are parsed where the kernel put them. Only what is left of an unfinished command is copied, to conn->query; the
 * next bytes are appended there and parsing goes on in that buffer until it is empty again. So a client that sends whole
 * commands never pays for a copy, and a value of many megabytes is copied once.
 *
 * Commands are taken in windows (struct conn_window): all complete ones, up to a limit, are cut out first, then the host is
 * told about them so that it can prefetch, then they run. With pipelines the cache misses of a window overlap instead of
 * adding up: measured with 100 k keys and pipelines of 16, they were a third of all server time.
 *
 *   I1  if query is not empty, all unparsed bytes are in it, in order.
 *   I2  while is_blocked, nothing is parsed; what still arrives is appended to query. The socket is paused, but for a
 *       client whose command waits (BLPOP): it may wait for ever, and its end must be noticed, so it is read until its
 *       input is too much. */
#include "net/conn_read.h"

enum { QUERY_KEEP_BYTES = 32 * 1024 };

static void conn_read_too_much(struct conn *conn) {
    if (conn->host->on_misuse)
        conn->host->on_misuse(conn, CONN_MISUSE_QUERY_LIMIT, "");
    conn_close(conn, CONN_CLOSED_BY_LIMIT);
}

/* The unfinished input is more than one client may have. */
static bool conn_read_is_too_much(const struct conn *conn) {
    size_t limit = conn->host->query_max_bytes;
    if (!conn->is_authenticated && limit > CONN_STRANGER_QUERY_MAX_BYTES)
        limit = CONN_STRANGER_QUERY_MAX_BYTES;
    return conn->query.len > limit;
}

static void conn_read_protocol_error(struct conn *conn) {
    if (conn->parser.is_silent) {
        conn_read_too_much(conn);
        return;
    }
    conn->host->protocol_errors++;
    if (conn->host->on_misuse)
        conn->host->on_misuse(conn, CONN_MISUSE_PROTOCOL, conn->parser.error);
    struct buf text;
    buf_init(&text);
    buf_printf(&text, "-ERR %s\r\n", conn->parser.error);
    uint64_t slot = reply_order_open(&conn->order, false);
    if (reply_order_fill(&conn->order, slot, buf_bytes(&text), 0, &conn->out))
        conn_has_output(conn);
    buf_deinit(&text);
    conn_close_after_reply(conn, CONN_CLOSED_BY_PROTOCOL);
}

/* Cuts complete commands out of data from `at` on, until the window is full or something else must be done first: the
 * input ends or is broken, or a command is there that cannot stand in the window (an inline command, whose words lie in
 * the parser's scratch, or one with many arguments) and must run before the next is parsed. Returns the parser's last
 * word; *at_out is the offset behind the last command. */
static enum resp_status conn_read_window(struct conn *conn, struct bytes data, size_t *at_out) {
    struct conn_window *w = &conn->host->window;
    w->count = w->arg_count = 0;
    for (;;) {
        size_t used;
        struct bytes rest = bytes_of(data.ptr + *at_out, data.len - *at_out);
        if (rest.len == 0)
            return RESP_MORE;
        enum resp_status status = resp_parse(&conn->parser, &conn->host->limits, rest, &used);
        if (status != RESP_COMMAND)
            return status;
        *at_out += used;
        int argc = conn->parser.argc;
        if (argc == 0)
            continue;
        struct conn_request *r = &w->requests[w->count++];
        *r = (struct conn_request){.argc = argc, .argv = conn->parser.argv, .end = *at_out};
        if (rest.ptr[0] != '*' || argc > CONN_WINDOW_ARGC_MAX)
            return RESP_COMMAND;
        struct bytes *args = &w->args[w->arg_count];
        for (int i = 0; i < argc; i++)
            args[i] = conn->parser.argv[i];
        r->argv = args;
        w->arg_count += argc;
        if (w->count == CONN_WINDOW || w->arg_count + CONN_WINDOW_ARGC_MAX > CONN_WINDOW_ARGS ||
            !conn->is_authenticated)
            return RESP_COMMAND;
    }
}

/* Routes the window's commands. Returns the offset behind the last one taken; `at` if all were. */
static size_t conn_run_window(struct conn *conn, size_t from, size_t at) {
    struct conn_window *w = &conn->host->window;
    if (w->count == 0)
        return at;
    conn->host->on_peek(conn, w);
    for (int i = 0; i < w->count && !conn->close_asap && !conn->close_after_reply; i++) {
        if (!conn->host->on_command(conn, &w->requests[i])) {
            conn->is_blocked = true; /* I2 */
            if (!conn_is_behind_barrier(conn))
                io_stream_pause(conn->host->io, &conn->stream);
            /* What was parsed behind this command will be parsed again. */
            resp_parser_deinit(&conn->parser);
            resp_parser_init(&conn->parser);
            return from;
        }
        from = w->requests[i].end;
    }
    return at;
}

/* Parses and routes commands from the front of data; returns how many bytes are used up. */
static size_t conn_read_commands(struct conn *conn, struct bytes data) {
    size_t at = 0;
    while (at < data.len && !conn->is_blocked) {
        size_t from = at;
        enum resp_status status = conn_read_window(conn, data, &at);
        at = conn_run_window(conn, from, at);
        if (conn->close_asap || conn->close_after_reply)
            return data.len;
        if (conn->is_blocked)
            break;
        if (status == RESP_ERROR) {
            conn_read_protocol_error(conn);
            return data.len;
        }
        if (status == RESP_MORE)
            break;
    }
    return at;
}

static void conn_read_query(struct conn *conn) {
    size_t used = conn_read_commands(conn, buf_bytes(&conn->query));
    if (used == conn->query.len)
        buf_clear(&conn->query, QUERY_KEEP_BYTES);
    else
        buf_consume(&conn->query, used);
    if (conn_read_is_too_much(conn) && !conn->is_blocked)
        conn_read_too_much(conn);
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
    if (conn->out.cap == 0) {
        conn->out = conn->host->spare;
        buf_init(&conn->host->spare);
    }
    if (conn->query.len == 0 && !conn->is_blocked) {
        size_t used = conn_read_commands(conn, data);
        if (used < data.len)
            buf_put(&conn->query, data.ptr + used, data.len - used); /* I1 */
    } else {
        buf_put_bytes(&conn->query, data);
        if (conn->is_blocked && conn->query.len > CONN_BEHIND_QUERY_MAX_BYTES)
            io_stream_pause(conn->host->io, &conn->stream);
        if (!conn->is_blocked && conn->query.len >= conn->parser.need_bytes)
            conn_read_query(conn);
        else if (conn_read_is_too_much(conn) && !conn->is_blocked)
            conn_read_too_much(conn);
    }
    conn->is_reading = false;
    if (conn->out.len >= CONN_SEND_EARLY_BYTES)
        conn_send_early(conn);
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
