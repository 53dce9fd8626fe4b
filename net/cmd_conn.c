/* cmd_conn.c: commands about the connection itself: PING, ECHO, SELECT, QUIT, RESET, AUTH, HELLO, MONITOR.
 *
 * They run on the connection's own shard and touch no key. HELLO's reply says "redis" and the compatible version,
 * because clients decide by them what they may use. */
#include "core/base/mem.h"
#include "core/exec/exec.h"
#include "net/conn.h"
#include "net/conn_name.h"

void cmd_ping(struct exec *x) {
    if (x->argc > 2) {
        resp_errorf(x->out, "ERR wrong number of arguments for 'ping' command");
        return;
    }
    if (x->argc == 2)
        resp_bulk(x->out, x->argv[1]);
    else
        RESP_SIMPLE_LIT(x->out, "PONG");
}

void cmd_echo(struct exec *x) {
    resp_bulk(x->out, x->argv[1]);
}

void cmd_select(struct exec *x) {
    int64_t db;
    if (!num_parse_int(x->argv[1], &db)) {
        resp_err(x->out, REPLY_ERR_NOT_INT);
        return;
    }
    if (db < 0 || db >= x->engine->db_count) {
        resp_err(x->out, REPLY_ERR_DB_INDEX);
        return;
    }
    x->conn->db = (int)db;
    resp_ok(x->out);
}

void cmd_quit(struct exec *x) {
    resp_ok(x->out);
    conn_close_after_reply(x->conn, CONN_CLOSED_BY_QUIT);
}

static bool conn_needs_password(const struct exec *x) {
    const char *password = x->engine->config->requirepass;
    return password && password[0];
}

void cmd_reset(struct exec *x) {
    struct conn *conn = x->conn;
    conn->db = 0;
    conn->proto = x->out->proto = 2;
    conn->reply_mode = CONN_REPLY_ON;
    conn->is_no_touch = conn->is_no_evict = false;
    conn->is_authenticated = !conn_needs_password(x);
    conn_leave_monitor(conn);
    conn_set_text(&conn->name, BYTES_NONE);
    RESP_SIMPLE_LIT(x->out, "RESET");
}

/* The default user with the password of requirepass is the only one there is. */
static bool conn_check_password(const struct exec *x, struct bytes user, struct bytes password) {
    if (!bytes_equal(user, BYTES_LIT("default")))
        return false;
    if (!conn_needs_password(x))
        return true;
    return bytes_equal_secret(bytes_cstr(x->engine->config->requirepass), password);
}

void cmd_auth(struct exec *x) {
    if (x->argc > 3) {
        resp_err(x->out, REPLY_ERR_SYNTAX);
        return;
    }
    if (x->argc == 2 && !conn_needs_password(x)) {
        resp_errorf(x->out,
                    "ERR AUTH <password> called without any password configured for the default user. "
                    "Are you sure your configuration is correct?");
        return;
    }
    struct bytes user = x->argc == 3 ? x->argv[1] : BYTES_LIT("default");
    if (!conn_check_password(x, user, x->argv[x->argc - 1])) {
        resp_err(x->out, REPLY_ERR_WRONGPASS);
        return;
    }
    x->conn->is_authenticated = true;
    resp_ok(x->out);
}

struct hello {
    int64_t proto;
    bool has_auth;
    struct bytes user, password;
    bool has_name;
    struct bytes name;
};

static bool hello_parse(struct exec *x, struct hello *h) {
    *h = (struct hello){.proto = x->conn->proto};
    if (x->argc < 2)
        return true;
    if (!num_parse_int(x->argv[1], &h->proto)) {
        resp_errorf(x->out, "ERR Protocol version is not an integer or out of range");
        return false;
    }
    if (h->proto != 2 && h->proto != 3) {
        resp_err(x->out, REPLY_ERR_NOPROTO);
        return false;
    }
    for (int i = 2; i < x->argc; i++) {
        int more = x->argc - i - 1;
        if (bytes_is_word(x->argv[i], "AUTH") && more >= 2) {
            h->has_auth = true;
            h->user = x->argv[++i];
            h->password = x->argv[++i];
        } else if (bytes_is_word(x->argv[i], "SETNAME") && more >= 1) {
            h->has_name = true;
            h->name = x->argv[++i];
        } else {
            resp_errorf(x->out, "ERR Syntax error in HELLO option '%.*s'", (int)x->argv[i].len,
                        x->argv[i].ptr);
            return false;
        }
    }
    return true;
}

void cmd_hello(struct exec *x) {
    struct conn *conn = x->conn;
    struct hello h;
    if (!hello_parse(x, &h))
        return;
    if (h.has_name && !conn_name_is_valid(h.name)) {
        resp_errorf(x->out, "ERR Client names cannot contain spaces, newlines or special characters.");
        return;
    }
    if (h.has_auth) {
        if (!conn_check_password(x, h.user, h.password)) {
            resp_err(x->out, REPLY_ERR_WRONGPASS);
            return;
        }
        conn->is_authenticated = true;
    }
    if (!conn->is_authenticated) {
        resp_err(x->out, REPLY_ERR_NOAUTH_HELLO);
        return;
    }
    if (h.has_name)
        conn_set_text(&conn->name, h.name);
    conn->proto = x->out->proto = (uint8_t)h.proto;
    resp_map(x->out, 7);
    resp_bulk_cstr(x->out, "server");
    resp_bulk_cstr(x->out, "redis");
    resp_bulk_cstr(x->out, "version");
    resp_bulk_cstr(x->out, x->engine->config->redis_version);
    resp_bulk_cstr(x->out, "proto");
    resp_int(x->out, h.proto);
    resp_bulk_cstr(x->out, "id");
    resp_int(x->out, (int64_t)conn->id);
    resp_bulk_cstr(x->out, "mode");
    resp_bulk_cstr(x->out, "standalone");
    resp_bulk_cstr(x->out, "role");
    resp_bulk_cstr(x->out, "master");
    resp_bulk_cstr(x->out, "modules");
    resp_array(x->out, 0);
}

/* The connection is shown every command from now on, until RESET, QUIT or its end. */
void cmd_monitor(struct exec *x) {
    struct conn *conn = x->conn;
    if (!conn->is_monitor) {
        conn->is_monitor = true;
        if (conn->host->on_monitor)
            conn->host->on_monitor(conn, true);
    }
    resp_ok(x->out);
}
