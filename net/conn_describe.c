/* conn_describe.c: the fields are those of Redis, in its order, because tools cut this line into pieces.
 *
 * What Redis keeps in two places (a fixed reply buffer and a list of blocks) is one buffer here plus what waits: obl
 * counts the replies that are ready to be sent, omem those that the socket has not taken or that wait for older ones. */
#include "net/conn_describe.h"

#include <inttypes.h>
#include <string.h>

bool conn_class_from_word(struct bytes word, enum config_client_class *class_out) {
    static const struct {
        const char *word;
        enum config_client_class client_class;
    } words[] = {
        {"normal", CONFIG_CLASS_NORMAL},
        {"replica", CONFIG_CLASS_REPLICA},
        {"slave", CONFIG_CLASS_REPLICA},
        {"pubsub", CONFIG_CLASS_PUBSUB},
    };
    *class_out = CONFIG_CLASS_NORMAL;
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (bytes_is_word(word, words[i].word)) {
            *class_out = words[i].client_class;
            return true;
        }
    }
    return false;
}

static void conn_put_flags(const struct conn *conn, struct buf *text) {
    size_t before = text->len;
    if (conn->is_monitor)
        buf_put_char(text, 'O');
    if (conn->client_class == CONFIG_CLASS_REPLICA)
        buf_put_char(text, 'S');
    if (conn->client_class == CONFIG_CLASS_PUBSUB)
        buf_put_char(text, 'P');
    if (conn->waiter || link_is_linked(&conn->paused_link))
        buf_put_char(text, 'b');
    if (conn->close_after_reply)
        buf_put_char(text, 'c');
    if (conn->close_asap)
        buf_put_char(text, 'A');
    if (conn->is_unix)
        buf_put_char(text, 'U');
    if (conn->is_no_evict)
        buf_put_char(text, 'e');
    if (conn->is_no_touch)
        buf_put_char(text, 'T');
    if (text->len == before)
        buf_put_char(text, 'N');
}

static const char *conn_text(const char *text) {
    return text ? text : "";
}

void conn_describe(const struct conn *conn, struct buf *text) {
    const struct conn_host *host = conn->host;
    size_t waiting = conn->waiting.bytes + conn->stream.unsent_bytes + conn->order.stored_bytes;
    buf_printf(text, "id=%" PRIu64 " addr=%s laddr=%s fd=%d name=%s age=%" PRId64 " idle=%" PRId64 " flags=",
               conn->id, conn->addr, conn->laddr, conn->stream.fd, conn_text(conn->name),
               (host->now_ms - conn->created_ms) / 1000, (host->now_ms - conn->last_ms) / 1000);
    conn_put_flags(conn, text);
    buf_printf(text, " db=%d sub=0 psub=0 ssub=0 multi=-1 watch=0", conn->db);
    buf_printf(text, " qbuf=%zu qbuf-free=%zu argv-mem=%zu multi-mem=0 rbs=%zu rbp=%zu", conn->query.len,
               conn->query.cap - conn->query.len, resp_parser_memory(&conn->parser), conn->out.cap,
               conn->out.cap);
    buf_printf(text, " obl=%zu oll=%u omem=%zu tot-mem=%zu events=%s%s", conn->out.len,
               waiting ? 1U + conn->waiting.count : 0U, waiting, conn_memory(conn),
               conn->is_blocked ? "" : "r", conn->stream.unsent_bytes ? "w" : "");
    buf_printf(text, " cmd=%s user=default redir=-1 resp=%d lib-name=%s lib-ver=%s io-thread=%u",
               conn->last_command, conn->proto, conn_text(conn->lib_name), conn_text(conn->lib_ver),
               host->index);
    buf_printf(text, " tot-net-in=%" PRIu64 " tot-net-out=%" PRIu64 " tot-cmds=%" PRIu64, conn->net_in_bytes,
               conn->net_out_bytes, conn->commands);
}
