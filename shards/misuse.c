/* misuse.c: log lines that strangers can cause are few: an attack is told once a minute, a full table of descriptors once
 * in ten seconds. A client's unread bytes are never shown, for they may hold secrets. */
#include "shards/misuse.h"

#include "net/conn_describe.h"
#include "net/listener.h"
#include "shards/server.h"

enum { MISUSE_ATTACK_PAUSE_MS = 60000, MISUSE_ACCEPT_PAUSE_MS = 10000 };

void misuse_report(struct conn *conn, enum conn_misuse what, const char *detail) {
    struct shard *shard = conn->host->ctx;
    struct buf line;
    buf_init(&line);
    conn_describe(conn, &line);
    switch (what) {
    case CONN_MISUSE_PROTOCOL:
        logger_say(&shard->server->logger, LOGLEVEL_VERBOSE, "Protocol error (%s) from client: %.*s", detail,
                   (int)line.len, line.ptr);
        break;
    case CONN_MISUSE_QUERY_LIMIT:
        shard->stats.query_limit_closes++;
        logger_say(&shard->server->logger, LOGLEVEL_WARNING,
                   "Closing client that reached max query buffer length: %.*s", (int)line.len, line.ptr);
        break;
    }
    buf_deinit(&line);
}

/* True once per `pause_ms`, whichever thread asks. */
static bool misuse_may_log(atomic_int_fast64_t *last_ms, int64_t now_ms, int64_t pause_ms) {
    int_fast64_t last = atomic_load_explicit(last_ms, memory_order_relaxed);
    if (last != 0 && now_ms - last < pause_ms)
        return false;
    return atomic_compare_exchange_strong_explicit(last_ms, &last, now_ms, memory_order_relaxed,
                                                   memory_order_relaxed);
}

bool misuse_is_http(struct conn *conn, struct bytes word) {
    if (!bytes_is_word(word, "post") && !bytes_is_word(word, "host:"))
        return false;
    struct shard *shard = conn->host->ctx;
    if (misuse_may_log(&shard->server->attack_logged_ms, conn->host->now_ms, MISUSE_ATTACK_PAUSE_MS))
        logger_say(
            &shard->server->logger, LOGLEVEL_WARNING,
            "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to "
            "Redis. This is likely due to an attacker attempting to use Cross Protocol Scripting to "
            "compromise "
            "your Redis instance. Connection from %s aborted.",
            conn->addr);
    conn_close(conn, CONN_CLOSED_BY_PROTOCOL);
    return true;
}

void misuse_accept_failed(struct io_listener *listener, int errno_value) {
    struct shard *shard = CONTAINER_OF(listener, struct listener, io)->ctx;
    if (misuse_may_log(&shard->server->accept_fault_logged_ms, shard->host.now_ms, MISUSE_ACCEPT_PAUSE_MS))
        logger_say(&shard->server->logger, LOGLEVEL_WARNING, "Accepting client connection: %s",
                   strerror(errno_value));
}
