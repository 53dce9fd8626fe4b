/* monitor.c: lines are made once, copied once for each shard that has monitors, and once more for each client.
 *
 * Nobody pays while nobody monitors: one load of server->monitor_count per command. A client that does not read meets
 * the output limits like any other; its lines wait in its own buffer and never hold up who sends commands.
 *
 * I1  server->monitor_count is the sum of the shards' monitor counts; a shard's count is the length of its list. Both are
 *     only hints for other threads: lines may arrive at a shard that has no monitor any more, and are dropped there.
 * I2  A line takes its place behind replies that the client still waits for, as a slot of its own, so that the +OK of
 *     MONITOR comes first. */
#include "shards/monitor.h"

#include "core/base/mem.h"
#include "shards/redact.h"
#include "shards/server.h"

#include <inttypes.h>

enum { MONITOR_KEEP_BYTES = 16 * 1024 };

struct monitor_lines {
    struct message message;
    struct buf text;
};

void monitor_init(struct monitor *monitor) {
    link_init_head(&monitor->clients);
    buf_init(&monitor->lines);
}

void monitor_deinit(struct monitor *monitor) {
    buf_deinit(&monitor->lines);
}

void monitor_switch(struct conn *conn, bool is_on) {
    struct shard *shard = conn->host->ctx;
    if (is_on == link_is_linked(&conn->monitor_link))
        return;
    if (is_on) {
        monitor_flush(shard); /* what was before is not shown */
        link_push_back(&shard->monitor.clients, &conn->monitor_link);
        atomic_fetch_add_explicit(&shard->monitor_count, 1, memory_order_release);
        atomic_fetch_add_explicit(&shard->server->monitor_count, 1, memory_order_release); /* I1 */
    } else {
        link_remove(&conn->monitor_link);
        atomic_fetch_sub_explicit(&shard->monitor_count, 1, memory_order_release);
        atomic_fetch_sub_explicit(&shard->server->monitor_count, 1, memory_order_release);
    }
}

/* ---- making lines ---- */

void monitor_put_quoted(struct buf *line, struct bytes text) {
    static const char plain[] = "\n\r\t\a\b\\\"";
    static const char letter[] = "nrtab\\\"";
    buf_put_char(line, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        const char *at = c ? memchr(plain, c, sizeof plain - 1) : NULL;
        if (at) {
            buf_put_char(line, '\\');
            buf_put_char(line, letter[at - plain]);
        } else if (c >= ' ' && c <= '~') {
            buf_put_char(line, (char)c);
        } else {
            buf_printf(line, "\\x%02x", (unsigned)c);
        }
    }
    buf_put_char(line, '"');
}

static void monitor_put_origin(struct buf *line, const struct conn *conn) {
    int len = (int)strlen(conn->addr);
    if (conn->is_unix)
        buf_printf(line, "[%d unix:%.*s]", conn->db, len > 2 ? len - 2 : 0, conn->addr); /* without ":0" */
    else
        buf_printf(line, "[%d %s]", conn->db, conn->addr);
}

void monitor_note(struct shard *shard, const struct conn *conn, const struct command *command, int argc,
                  const struct bytes *argv) {
    if (command->flags & (CMD_SKIP_MONITOR | CMD_ADMIN))
        return;
    struct buf *line = &shard->monitor.lines;
    int64_t now_us = shard->engine.now_us;
    int shown = redact_from(command, argc, argv);
    buf_printf(line, "+%" PRId64 ".%06d ", now_us / 1000000, (int)(now_us % 1000000));
    monitor_put_origin(line, conn);
    for (int i = 0; i < argc; i++) {
        buf_put_char(line, ' ');
        monitor_put_quoted(line, i < shown ? argv[i] : BYTES_LIT(REDACT_TEXT));
    }
    BUF_PUT_LIT(line, "\r\n");
}

/* ---- from shard to shard to client ---- */

static void monitor_show(struct shard *shard, struct bytes text) {
    struct link *node;
    for (node = shard->monitor.clients.next; node != &shard->monitor.clients; node = node->next) {
        struct conn *conn = CONTAINER_OF(node, struct conn, monitor_link);
        uint64_t slot = reply_order_open(&conn->order, false); /* I2 */
        if (reply_order_fill(&conn->order, slot, text, 0, &conn->out))
            conn_has_output(conn);
    }
}

static void monitor_arrive(struct shard *shard, struct message *message) {
    struct monitor_lines *lines = CONTAINER_OF(message, struct monitor_lines, message);
    monitor_show(shard, buf_bytes(&lines->text));
    buf_deinit(&lines->text);
    mem_free(lines);
}

void monitor_flush(struct shard *shard) {
    struct buf *text = &shard->monitor.lines;
    if (LIKELY(text->len == 0))
        return;
    for (unsigned i = 0; i < shard->server->shard_count; i++) {
        struct shard *other = shard->server->shards[i];
        if (other == shard || atomic_load_explicit(&other->monitor_count, memory_order_acquire) == 0)
            continue;
        struct monitor_lines *lines = mem_zalloc(sizeof *lines);
        lines->message.run = monitor_arrive;
        buf_put_bytes(&lines->text, buf_bytes(text));
        shard_send(shard, i, &lines->message);
    }
    monitor_show(shard, buf_bytes(text));
    buf_clear(text, MONITOR_KEEP_BYTES);
}
