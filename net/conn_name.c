/* conn_name.c: texts of a connection, which appear in CLIENT LIST's one-line format and therefore hold no spaces. */
#include "net/conn_name.h"

#include "core/base/mem.h"

bool conn_name_is_valid(struct bytes text) {
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '!' || text.ptr[i] > '~')
            return false;
    return true;
}

void conn_set_text(char **field, struct bytes text) {
    mem_free(*field);
    *field = NULL;
    if (text.len == 0)
        return;
    *field = mem_alloc(text.len + 1);
    memcpy(*field, text.ptr, text.len);
    (*field)[text.len] = '\0';
}

void conn_leave_monitor(struct conn *conn) {
    if (!conn->is_monitor)
        return;
    conn->is_monitor = false;
    if (conn->host->on_monitor)
        conn->host->on_monitor(conn, false);
}
