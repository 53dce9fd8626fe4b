/* slowlog.c: making, keeping and showing entries of the slow log.
 *
 * Arguments are cut as Redis cuts them: 32 of them, 128 bytes each, the cut told in words; those that are secrets are
 * never copied.
 *
 * I1  An entry that travels to the coordinator arrives before the reply of its command (the inbox is first in first out
 *     and the reply is sent later), so the connection it names is alive when its address and name are read. */
#include "shards/slowlog.h"

#include "core/base/mem.h"
#include "core/resp/resp_write.h"
#include "shards/fanout.h"
#include "shards/redact.h"
#include "shards/server.h"

#include <stdio.h>

enum { SLOWLOG_ARGS_MAX = 32, SLOWLOG_ARG_BYTES_MAX = 128 };

struct slowlog_entry {
    struct message message;
    struct link link;
    uint64_t id;
    int64_t unix_s;
    uint64_t us;
    struct reply_to to; /* until the coordinator has it */
    int argc;
    struct buf args; /* as bulk strings */
    char *name;
    char addr[CONN_ADDR_MAX];
};

void slowlog_init(struct slowlog *log) {
    link_init_head(&log->entries);
    log->count = 0;
}

static void slowlog_free(struct slowlog_entry *entry) {
    buf_deinit(&entry->args);
    mem_free(entry->name);
    mem_free(entry);
}

static void slowlog_keep(struct slowlog *log, uint64_t count_max) {
    while (log->count > count_max) {
        struct link *oldest = log->entries.prev;
        link_remove(oldest);
        slowlog_free(CONTAINER_OF(oldest, struct slowlog_entry, link));
        log->count--;
    }
}

void slowlog_reset(struct slowlog *log) {
    slowlog_keep(log, 0);
}

void slowlog_deinit(struct slowlog *log) {
    slowlog_reset(log);
}

void slowlog_trim(struct shard *shard) {
    slowlog_keep(&shard->slowlog, (uint64_t)shard->engine.config->slowlog_max_len);
}

/* ---- making ---- */

static void slowlog_put_arg(struct resp_out *out, struct bytes arg) {
    if (arg.len <= SLOWLOG_ARG_BYTES_MAX) {
        resp_bulk(out, arg);
        return;
    }
    struct buf text;
    buf_init(&text);
    buf_put(&text, arg.ptr, SLOWLOG_ARG_BYTES_MAX);
    buf_printf(&text, "... (%zu more bytes)", arg.len - SLOWLOG_ARG_BYTES_MAX);
    resp_bulk(out, buf_bytes(&text));
    buf_deinit(&text);
}

static void slowlog_copy_args(struct slowlog_entry *entry, const struct request *r) {
    struct resp_out out;
    resp_out_init(&out, &entry->args, 2);
    int secret_from = redact_from(r->command, r->argc, r->argv);
    entry->argc = r->argc > SLOWLOG_ARGS_MAX ? SLOWLOG_ARGS_MAX : r->argc;
    for (int i = 0; i < entry->argc; i++) {
        if (i == SLOWLOG_ARGS_MAX - 1 && r->argc > SLOWLOG_ARGS_MAX) {
            char text[64];
            int len = snprintf(text, sizeof text, "... (%d more arguments)", r->argc - SLOWLOG_ARGS_MAX + 1);
            resp_bulk(&out, bytes_of(text, (size_t)len));
        } else if (i >= secret_from) {
            resp_bulk_cstr(&out, REDACT_TEXT);
        } else {
            slowlog_put_arg(&out, r->argv[i]);
        }
    }
}

/* On the coordinator: notes who sent the command, and keeps the entry. */
static void slowlog_settle(struct shard *shard, struct slowlog_entry *entry) {
    const struct conn *conn = entry->to.fanout ? entry->to.fanout->conn : entry->to.conn;
    if (conn) {
        memcpy(entry->addr, conn->addr, sizeof entry->addr);
        if (conn->name) {
            size_t bytes = strlen(conn->name) + 1;
            entry->name = mem_alloc(bytes);
            memcpy(entry->name, conn->name, bytes);
        }
    }
    link_push_front(&shard->slowlog.entries, &entry->link);
    shard->slowlog.count++;
    slowlog_trim(shard);
}

static void slowlog_arrive(struct shard *shard, struct message *message) {
    slowlog_settle(shard, CONTAINER_OF(message, struct slowlog_entry, message));
}

void slowlog_note(struct shard *shard, const struct request *r, uint64_t us) {
    const struct config *config = shard->engine.config;
    if (config->slowlog_log_slower_than < 0 || us < (uint64_t)config->slowlog_log_slower_than ||
        config->slowlog_max_len == 0 || (r->command->flags & CMD_SKIP_SLOWLOG))
        return;
    struct slowlog_entry *entry = mem_zalloc(sizeof *entry);
    entry->id = atomic_fetch_add_explicit(&shard->server->next_slowlog_id, 1, memory_order_relaxed);
    entry->unix_s = shard->engine.now_ms / 1000;
    entry->us = us;
    entry->to = r->to;
    slowlog_copy_args(entry, r);
    if (r->to.coordinator == shard->index) {
        slowlog_settle(shard, entry);
    } else {
        entry->message.run = slowlog_arrive; /* I1 */
        shard_send(shard, r->to.coordinator, &entry->message);
    }
}

/* ---- showing ---- */

unsigned slowlog_show(const struct slowlog *log, unsigned max, struct buf *text,
                      struct slowlog_shown *shown) {
    struct resp_out out;
    unsigned count = 0;
    resp_out_init(&out, text, 2);
    for (struct link *node = log->entries.next; node != &log->entries && count < max; node = node->next) {
        const struct slowlog_entry *entry = CONTAINER_OF(node, struct slowlog_entry, link);
        struct slowlog_shown *s = &shown[count++];
        s->id = entry->id;
        s->at = text->len;
        resp_array(&out, 6);
        resp_int(&out, (int64_t)entry->id);
        resp_int(&out, entry->unix_s);
        resp_int(&out, (int64_t)entry->us);
        resp_array(&out, (size_t)entry->argc);
        resp_raw(&out, buf_bytes(&entry->args));
        resp_bulk_cstr(&out, entry->addr);
        resp_bulk_cstr(&out, entry->name ? entry->name : "");
        s->len = text->len - s->at;
    }
    return count;
}
