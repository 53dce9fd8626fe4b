/* conn.h: one client connection: its socket, its unread input, its unsent output, and what the client has told us about
 * itself.
 *
 * A connection belongs to one shard for life. Its memory is freed when the socket is closed *and* no command of it is
 * under way on another shard (in_flight is 0), so messages may carry a plain pointer to it.
 *
 * Bytes in: io -> conn_read (cuts commands out of the stream) -> host->on_command. Bytes out: replies are appended to
 * `out` directly or through `order`, the connection is put on the host's list of those with output, and conn_write
 * sends once per turn.
 */
#pragma once

#include "core/base/buf.h"
#include "core/config/config.h"
#include "core/io/io.h"
#include "core/resp/resp_parse.h"
#include "net/out_queue.h"
#include "net/reply_order.h"

struct conn;
struct entry;
struct waiter;

/* One command as cut out of the stream. What the host learns about it in on_peek stays here for on_command. */
struct conn_request {
    int argc;
    const struct bytes *argv;
    size_t end;                    /* offset of the byte behind it in the view that is being parsed */
    const struct command *command; /* NULL: unknown */
    uint64_t hash;                 /* of the first key, if has_hash */
    unsigned owner;                /* shard of the first key, if has_hash */
    bool has_hash;
    const struct entry
        *probable; /* what the host has prefetched for it; void once a command of the window has run */
};

/* Commands of one connection that are complete in the input are cut out some at a time, so that the host can fetch the
 * memory they will need before it runs the first of them. */
enum { CONN_WINDOW = 32, CONN_WINDOW_ARGS = 256, CONN_WINDOW_ARGC_MAX = 32 };

struct conn_window {
    int count;
    int arg_count;
    struct conn_request requests[CONN_WINDOW];
    struct bytes args[CONN_WINDOW_ARGS];
};

/* What a client does wrong and is closed for; the host writes it to the log. */
enum conn_misuse {
    CONN_MISUSE_PROTOCOL,    /* bytes that are no command; what is wrong stands in the detail */
    CONN_MISUSE_QUERY_LIMIT, /* more unfinished input than client-query-buffer-limit */
};

/* Upward calls, owned by the shard that hosts the connection. All on the owner's thread. */
struct conn_host {
    void *ctx;
    unsigned index; /* of the shard */
    struct io *io;
    struct conn_window window; /* of the connection that is being read */
    /* The window is full or the input is at its end: looks its commands up and begins to fetch their memory. */
    void (*on_peek)(struct conn *conn, struct conn_window *window);
    /* Routes one command. False: no more commands can be taken now (the limit of commands in flight is reached, or the
     * connection waits); the command was NOT taken and comes again after conn_resume. */
    bool (*on_command)(struct conn *conn, const struct conn_request *request);
    /* The socket is closed and in_flight is 0: the last call about this connection, which the host then frees. */
    void (*on_gone)(struct conn *conn);
    /* The connection is being closed, for whatever reason; may be NULL. */
    void (*on_closing)(struct conn *conn);
    /* The connection has begun or ended MONITOR; may be NULL. */
    void (*on_monitor)(struct conn *conn, bool is_on);
    /* The connection will be closed for this; may be NULL. */
    void (*on_misuse)(struct conn *conn, enum conn_misuse what, const char *detail);
    /* More than output_watch_bytes wait to be sent, or did at the last call (soft_limit_since_ms is set): closes the
     * connection if that is too much. */
    void (*on_output_watch)(struct conn *conn);
    /* May output leave before the turn's end: does no effect of this turn have to be written first? */
    bool (*may_send_early)(const struct conn_host *host);
    struct buf spare; /* a block for output that was sent early, still in the cache */
    size_t output_watch_bytes;
    struct link with_output; /* connections that have output to send this turn (conn->output_link) */
    struct resp_limits limits;
    size_t query_max_bytes; /* client-query-buffer-limit; strangers have CONN_STRANGER_QUERY_MAX_BYTES */
    int64_t now_ms;         /* wall clock of the turn */
    uint64_t net_in_bytes;
    uint64_t net_out_bytes;
    uint64_t protocol_errors;
};

enum conn_close_reason {
    CONN_OPEN,
    CONN_CLOSED_BY_PEER,
    CONN_CLOSED_BY_QUIT,
    CONN_CLOSED_BY_KILL,
    CONN_CLOSED_BY_PROTOCOL,
    CONN_CLOSED_BY_TIMEOUT,
    CONN_CLOSED_BY_LIMIT,
    CONN_CLOSED_BY_SHUTDOWN,
};

enum conn_reply_mode { CONN_REPLY_ON, CONN_REPLY_OFF, CONN_REPLY_SKIP_NEXT, CONN_REPLY_SKIP };

enum {
    CONN_ADDR_MAX = 128,
    CONN_STRANGER_QUERY_MAX_BYTES = 1 << 20, /* unfinished input of a client that has not authenticated */
    CONN_SEND_EARLY_BYTES = 16 << 10,        /* output that does not wait for the end of the turn */
    CONN_OUTPUT_BLOCK_BYTES = 1 << 20,       /* of output from which on a new buffer is begun */
    CONN_REPLY_FIRST_GUESS_BYTES = 256 << 10,
    CONN_BEHIND_QUERY_MAX_BYTES =
        1 << 20, /* input behind a command that waits, beyond which the socket is not read */
};

struct conn {
    struct io_stream stream;
    struct conn_host *host;
    struct link all_link;     /* every connection of the shard */
    struct link output_link;  /* host->with_output */
    struct link paused_link;  /* shard's lists of connections whose input waits (CLIENT PAUSE) or may go on */
    struct link monitor_link; /* shard's connections that MONITOR */

    /* input */
    struct resp_parser parser;
    struct buf query; /* bytes of an unfinished command, or commands not taken yet */
    bool is_blocked;  /* on_command said no: input is not parsed */
    bool is_reading;  /* inside conn_read: conn_resume must not re-enter */

    /* output */
    struct reply_order order;
    struct out_queue waiting;   /* replies in order, not yet handed to io, in blocks */
    struct buf out;             /* the same, behind them */
    struct buf sending;         /* handed to io this turn; reusable after the next io_poll */
    uint32_t reply_bytes_guess; /* what a reply that comes from another shard may have, by the latest ones */
    uint32_t in_flight;         /* commands or messages elsewhere that point to this connection */
    bool is_socket_gone;
    bool close_after_reply;
    bool close_asap;
    uint8_t close_reason; /* enum conn_close_reason */
    uint8_t client_class; /* enum config_client_class: whose output limits apply */
    int64_t soft_limit_since_ms;

    /* routing, kept by the shards */
    uint64_t output_turn;  /* last turn in which a command was taken although output waited */
    size_t output_before;  /* bytes that waited at the beginning of it */
    uint64_t routed_turn;  /* last turn in which a command went to another shard */
    int routed_first;      /* first destination of that turn, -1 when there were several */
    uint64_t barrier;      /* no command is taken before the replies of all slots up to this one have left */
    struct waiter *waiter; /* the command that waits for a key, NULL: none */

    /* the client */
    uint64_t id;
    int db;
    uint8_t proto;      /* 2 or 3 */
    uint8_t reply_mode; /* enum conn_reply_mode */
    bool is_authenticated;
    bool is_monitor;
    bool is_no_evict;
    bool is_no_touch;
    bool is_unix;
    bool is_exempt_from_pause;
    int64_t created_ms;
    int64_t last_ms; /* last interaction */
    uint64_t commands;
    uint64_t net_in_bytes;
    uint64_t net_out_bytes;
    const char *last_command; /* full name of the last command, e.g. "client|list", for CLIENT LIST */
    char *name;               /* CLIENT SETNAME, NULL when unset */
    char *lib_name;
    char *lib_ver;
    char addr[CONN_ADDR_MAX]; /* "127.0.0.1:5000", "[::1]:5000" or "/path:0" */
    char laddr[CONN_ADDR_MAX];
};

/* Makes a connection of a freshly accepted socket (takes fd) and begins reading. NULL when the io refuses it (fd is closed
 * then). */
struct conn *conn_open(struct conn_host *host, int fd, uint64_t id);

/* Frees it; only from host->on_gone. */
void conn_free(struct conn *conn);

/* Parses and routes whatever `query` holds, after on_command had said no. */
void conn_resume(struct conn *conn);

/* ---- output (conn_write.c) ---- */

/* `out` becomes a block that waits. */
void conn_cut_output(struct conn *conn);

/* `out` has grown: sends at the end of the turn. Nothing is sent on a connection that is being closed. */
static inline void conn_has_output(struct conn *conn) {
    if (UNLIKELY(conn->out.len >= CONN_OUTPUT_BLOCK_BYTES))
        conn_cut_output(conn);
    if (!conn->close_asap && !link_is_linked(&conn->output_link))
        link_push_back(&conn->host->with_output, &conn->output_link);
}

/* Sends the output of every connection that has some; at most one send each. Called once at the end of a turn. */
void conn_flush_all(struct conn_host *host);

/* Much output has come together: sends it now, if it may leave, so that the next connection's goes to the same memory. Pipelines of
 * long values would else fill one such block for every connection before the first is sent. */
void conn_send_early(struct conn *conn);

/* Closes after the output so far is sent (QUIT, protocol errors). */
void conn_close_after_reply(struct conn *conn, enum conn_close_reason why);

/* Closes now; output that is not on its way is dropped. */
void conn_close(struct conn *conn, enum conn_close_reason why);

/* True while a command that may wait is under way: nothing behind it is taken. */
static inline bool conn_is_behind_barrier(const struct conn *conn) {
    return conn->order.head < conn->barrier;
}

/* A message that pointed to the connection has come back. */
void conn_release(struct conn *conn);

/* Bytes of memory that the connection occupies: struct, input, output. */
size_t conn_memory(const struct conn *conn);

/* Output not yet taken by the socket, for client-output-buffer-limit. */
static inline size_t conn_output_bytes(const struct conn *conn) {
    return conn->waiting.bytes + conn->out.len + conn->stream.unsent_bytes + conn->order.stored_bytes;
}

/* Frees the buffers that a quiet connection does not need. Not between io_stream_send and the next io_poll. */
void conn_trim(struct conn *conn);
