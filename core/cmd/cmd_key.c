/* cmd_key.c: keys whatever their value: deleting, counting, renaming, copying, moving.
 *
 * RENAME, COPY and MOVE bring a key to a place whose log does not know it. Their effects stand alone: what was there is
 * deleted, what is there now is made from nothing. So each owner's log can be replayed without the other's, and the
 * client's command is never logged. */
#include "core/cmd/opts.h"

/* Deletes argv[1..] and replies how many there were. */
static void delete_keys(struct exec *x) {
    int64_t count = 0;
    for (int i = 1; i < x->argc; i++) {
        struct key_view kv;
        if (key_open_write(x, x->argv[i], &kv)) {
            cmd_delete(&kv);
            count++;
        }
    }
    resp_int(x->out, count);
}

/* DEL key [key ...] */
void cmd_del(struct exec *x) {
    delete_keys(x);
}

/* UNLINK key [key ...] */
void cmd_unlink(struct exec *x) {
    delete_keys(x);
}

/* EXISTS key [key ...] */
void cmd_exists(struct exec *x) {
    int64_t count = 0;
    for (int i = 1; i < x->argc; i++) {
        struct key_view kv;
        count += cmd_open_untouched(x, x->argv[i], &kv) ? 1 : 0;
    }
    resp_int(x->out, count);
}

/* TOUCH key [key ...] */
void cmd_touch(struct exec *x) {
    int64_t count = 0;
    for (int i = 1; i < x->argc; i++) {
        struct key_view kv;
        count += key_open_read(x, x->argv[i], &kv) ? 1 : 0;
    }
    resp_int(x->out, count);
}

/* TYPE key */
void cmd_type(struct exec *x) {
    struct key_view kv;
    if (cmd_open_untouched(x, x->argv[1], &kv))
        resp_simple(x->out, bytes_cstr(value_type_name(entry_type(kv.entry))));
    else
        RESP_SIMPLE_LIT(x->out, "none");
}

/* ---- renaming ---- */

static void rename_key(struct exec *x, bool is_nx) {
    struct key_view from;
    struct key_view to;
    if (!key_open_write(x, x->argv[1], &from)) {
        resp_err(x->out, REPLY_ERR_NO_KEY);
        return;
    }
    bool is_same = bytes_equal(x->argv[1], x->argv[2]);
    bool is_taken = is_same || key_open_write(x, x->argv[2], &to);
    if (is_nx)
        resp_int(x->out, is_taken ? 0 : 1);
    else
        resp_ok(x->out);
    if (is_same || (is_nx && is_taken))
        return;
    struct entry *e = key_take(&from);
    effect_put_del(&from);
    key_put(&to, entry_rekey(e, to.key));
    cmd_effect_whole(&to);
    exec_event(&from, EVENT_GENERIC, "rename_from");
    exec_event(&to, EVENT_GENERIC, "rename_to");
}

/* RENAME key newkey */
void cmd_rename(struct exec *x) {
    rename_key(x, false);
}

/* RENAMENX key newkey */
void cmd_renamenx(struct exec *x) {
    rename_key(x, true);
}

/* ---- copying and moving ---- */

enum { COPY_DB = OPT_OWN, COPY_REPLACE = OPT_OWN << 1 };

/* COPY source destination [DB destination-db] [REPLACE] */
void cmd_copy(struct exec *x) {
    static const struct opt options[] = {
        {"db", COPY_DB, 0, true},
        {"replace", COPY_REPLACE, 0, false},
    };
    struct opts opts;
    struct key_view from;
    struct key_view to;
    int db = x->db;
    bool is_parsed = opts_parse(x, 3, options, COUNT_OF(options), &opts);
    if ((opts.seen & COPY_DB) && !cmd_arg_db(x, opts_value_at(&opts, COPY_DB), &db))
        return;
    if (!is_parsed) {
        resp_err(x->out, REPLY_ERR_SYNTAX);
        return;
    }
    if (db == x->db && bytes_equal(x->argv[1], x->argv[2])) {
        resp_err(x->out, REPLY_ERR_SAME_OBJECT);
        return;
    }
    if (!key_open_read(x, x->argv[1], &from) ||
        (key_open_write_db(x, db, x->argv[2], &to) && !(opts.seen & COPY_REPLACE))) {
        resp_int(x->out, 0);
        return;
    }
    struct entry *e = entry_dup(from.entry, x->argv[2]);
    if (e == NULL) {
        cmd_reply_no_memory(x);
        return;
    }
    key_put(&to, e);
    cmd_effect_whole(&to);
    exec_event(&to, EVENT_GENERIC, "copy_to");
    resp_int(x->out, 1);
}

/* MOVE key db */
void cmd_move(struct exec *x) {
    struct key_view from;
    struct key_view to;
    int db;
    if (!cmd_arg_db(x, 2, &db))
        return;
    if (db == x->db) {
        resp_err(x->out, REPLY_ERR_SAME_OBJECT);
        return;
    }
    if (!key_open_write(x, x->argv[1], &from) || key_open_write_db(x, db, x->argv[1], &to)) {
        resp_int(x->out, 0);
        return;
    }
    struct entry *e = key_take(&from);
    effect_put_del(&from);
    key_put(&to, e);
    cmd_effect_whole(&to);
    exec_event(&from, EVENT_GENERIC, "move_from");
    exec_event(&to, EVENT_GENERIC, "move_to");
    resp_int(x->out, 1);
}
