/* cmd_client.c: the subcommands of CLIENT that are about the caller's own connection. Those that are about others reach
 * all shards and live there. */
#include "core/exec/exec.h"
#include "net/conn.h"
#include "net/conn_describe.h"
#include "net/conn_name.h"

void cmd_client_id(struct exec *x) {
    resp_int(x->out, (int64_t)x->conn->id);
}

void cmd_client_getname(struct exec *x) {
    if (x->conn->name)
        resp_bulk_cstr(x->out, x->conn->name);
    else
        resp_null(x->out);
}

void cmd_client_setname(struct exec *x) {
    if (!conn_name_is_valid(x->argv[2])) {
        resp_errorf(x->out, "ERR Client names cannot contain spaces, newlines or special characters.");
        return;
    }
    conn_set_text(&x->conn->name, x->argv[2]);
    resp_ok(x->out);
}

void cmd_client_setinfo(struct exec *x) {
    struct bytes what = x->argv[2];
    char **field;
    if (bytes_is_word(what, "lib-name")) {
        field = &x->conn->lib_name;
    } else if (bytes_is_word(what, "lib-ver")) {
        field = &x->conn->lib_ver;
    } else {
        resp_errorf(x->out, "ERR Unrecognized option '%.*s'", (int)what.len, what.ptr);
        return;
    }
    if (!conn_name_is_valid(x->argv[3])) {
        resp_errorf(x->out, "ERR %.*s cannot contain spaces, newlines or special characters.", (int)what.len,
                    what.ptr);
        return;
    }
    conn_set_text(field, x->argv[3]);
    resp_ok(x->out);
}

void cmd_client_info(struct exec *x) {
    struct buf line;
    buf_init(&line);
    conn_describe(x->conn, &line);
    buf_put_char(&line, '\n');
    resp_verbatim(x->out, "txt", buf_bytes(&line));
    buf_deinit(&line);
}

/* Reads argv[2] as ON or OFF into *is_on; answers the command. */
static void client_switch(struct exec *x, bool *is_on) {
    bool wish = bytes_is_word(x->argv[2], "on");
    if (!wish && !bytes_is_word(x->argv[2], "off")) {
        resp_err(x->out, REPLY_ERR_SYNTAX);
        return;
    }
    *is_on = wish;
    resp_ok(x->out);
}

void cmd_client_no_evict(struct exec *x) {
    client_switch(x, &x->conn->is_no_evict);
}

void cmd_client_no_touch(struct exec *x) {
    client_switch(x, &x->conn->is_no_touch);
}

/* The router drops the reply where the new mode says so. SKIP while replies are off changes nothing. */
void cmd_client_reply(struct exec *x) {
    struct conn *conn = x->conn;
    if (bytes_is_word(x->argv[2], "on")) {
        conn->reply_mode = CONN_REPLY_ON;
    } else if (bytes_is_word(x->argv[2], "off")) {
        conn->reply_mode = CONN_REPLY_OFF;
    } else if (bytes_is_word(x->argv[2], "skip")) {
        if (conn->reply_mode != CONN_REPLY_OFF)
            conn->reply_mode = CONN_REPLY_SKIP_NEXT;
    } else {
        resp_err(x->out, REPLY_ERR_SYNTAX);
        return;
    }
    resp_ok(x->out);
}
