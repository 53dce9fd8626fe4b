/* output_limit.c: a connection is looked at when a turn has given it output and it has more than the smallest limit there
 * is (net/conn_write), and in the periodic walk while the time of a soft limit runs. So the common case costs one
 * comparison per connection and turn. */
#include "shards/output_limit.h"

#include "net/conn_describe.h"
#include "shards/server.h"

bool output_limit_is_over(const struct config_output_limit *limit, size_t bytes, int64_t now_ms,
                          int64_t *soft_since_ms) {
    if (limit->hard_bytes && bytes >= limit->hard_bytes)
        return true;
    if (limit->soft_bytes == 0 || bytes < limit->soft_bytes) {
        *soft_since_ms = 0;
        return false;
    }
    if (*soft_since_ms == 0)
        *soft_since_ms = now_ms;
    return now_ms - *soft_since_ms > limit->soft_seconds * 1000;
}

size_t output_limit_watch_bytes(const struct config *config) {
    uint64_t least = SIZE_MAX;
    if (config->requirepass && config->requirepass[0])
        least = OUTPUT_LIMIT_STRANGER_BYTES;
    for (int i = 0; i < CONFIG_CLASS_COUNT; i++) {
        const struct config_output_limit *limit = &config->client_output_buffer_limit.of[i];
        if (limit->hard_bytes && limit->hard_bytes - 1 < least)
            least = limit->hard_bytes - 1;
        if (limit->soft_bytes && limit->soft_bytes - 1 < least)
            least = limit->soft_bytes - 1;
    }
    return (size_t)least;
}

void output_limit_check(struct conn *conn) {
    struct shard *shard = conn->host->ctx;
    const struct config *config = shard->engine.config;
    size_t bytes = conn_output_bytes(conn);
    bool is_stranger = !conn->is_authenticated && bytes > OUTPUT_LIMIT_STRANGER_BYTES;
    if (!is_stranger && !output_limit_is_over(&config->client_output_buffer_limit.of[conn->client_class],
                                              bytes, conn->host->now_ms, &conn->soft_limit_since_ms))
        return;
    struct buf line;
    buf_init(&line);
    conn_describe(conn, &line);
    logger_say(&shard->server->logger, LOGLEVEL_WARNING,
               "Client %.*s closed for overcoming of output buffer limits.", (int)line.len, line.ptr);
    buf_deinit(&line);
    shard->stats.output_limit_closes++;
    conn_close(conn, CONN_CLOSED_BY_LIMIT);
}
