/* cmd_stream_group.c: XGROUP: consumer groups and consumers come and go.
 *
 * A group that is destroyed wakes those who wait in XREADGROUP: run again, they are told that there is no such group. */
#include "core/cmd/cmd_stream.h"

/* ---- options ---- */

struct group_args {
    bool is_mkstream;
    int64_t entries_read;
};

/* The options of CREATE and SETID behind the ID. */
static bool read_options(struct exec *x, bool is_create, struct group_args *args) {
    *args = (struct group_args){.entries_read = STREAM_ENTRIES_READ_UNKNOWN};
    for (int i = 5; i < x->argc; i++) {
        if (is_create && bytes_is_word(x->argv[i], "mkstream")) {
            args->is_mkstream = true;
        } else if (bytes_is_word(x->argv[i], "entriesread") && i + 1 < x->argc) {
            if (!cmd_arg_int(x, ++i, &args->entries_read))
                return false;
            if (args->entries_read < 0 && args->entries_read != STREAM_ENTRIES_READ_UNKNOWN) {
                resp_error(x->out, BYTES_LIT("ERR value for ENTRIESREAD must be positive or -1"));
                return false;
            }
        } else {
            cmd_stream_reply_subcommand(x);
            return false;
        }
    }
    return true;
}

/* Opens argv[2], which must be a stream unless it may be missing. */
static bool open_stream(struct exec *x, bool may_miss, struct key_view *kv) {
    bool is_there = key_open_write(x, x->argv[2], kv);
    if (!key_check_type(kv, VALUE_STREAM))
        return false;
    if (!is_there && !may_miss) {
        resp_error(
            x->out,
            BYTES_LIT("ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may "
                      "want to use the MKSTREAM option to create an empty stream automatically."));
        return false;
    }
    return true;
}

/* Opens argv[2] and finds the group argv[3]; NULL: the error was replied. */
static struct stream_group *open_group(struct exec *x, struct key_view *kv) {
    if (!open_stream(x, false, kv))
        return NULL;
    struct stream_group *g = stream_find_group(cmd_stream(kv), x->argv[3]);
    if (g == NULL)
        resp_errorf(x->out, "NOGROUP No such consumer group '%.*s' for key name '%.*s'", (int)x->argv[3].len,
                    x->argv[3].ptr, (int)x->argv[2].len, x->argv[2].ptr);
    return g;
}

/* ---- groups ---- */

/* Reads argv[4] as the place where a group begins: an ID, or "$" for the stream's last one. */
static bool arg_place(struct exec *x, const struct key_view *kv, bool is_bound_allowed,
                      struct stream_id *id_out) {
    struct bytes text = x->argv[4];
    if (text.len == 1 && text.ptr[0] == '$') {
        *id_out = kv->entry == NULL ? STREAM_ID_MIN : cmd_stream(kv)->last_id;
        return true;
    }
    if (!is_bound_allowed)
        return cmd_stream_arg_id(x, 4, 0, id_out);
    if (stream_id_parse_bound(text, 0, id_out))
        return true;
    resp_err(x->out, REPLY_ERR_STREAM_ID);
    return false;
}

/* XGROUP CREATE key group id|$ [MKSTREAM] [ENTRIESREAD entries-read] */
void cmd_xgroup_create(struct exec *x) {
    struct group_args args;
    struct key_view kv;
    struct stream_id id;
    if (!read_options(x, true, &args) || !open_stream(x, args.is_mkstream, &kv))
        return;
    if (x->argc > 8) {
        cmd_stream_reply_subcommand(x);
        return;
    }
    if (!arg_place(x, &kv, false, &id))
        return;
    if (kv.entry != NULL && stream_find_group(cmd_stream(&kv), x->argv[3]) != NULL) {
        resp_err(x->out, REPLY_ERR_BUSYGROUP);
        return;
    }
    bool is_new = kv.entry == NULL;
    struct stream *s = is_new ? stream_new() : cmd_stream(&kv);
    stream_add_group(s, x->argv[3], id, args.entries_read);
    if (is_new)
        key_put(&kv, entry_new_object(kv.key, VALUE_STREAM, STREAM_ENCODING, s));
    else
        cmd_stream_changed(&kv);
    effect_put_same(&kv);
    exec_event(&kv, EVENT_STREAM, "xgroup-create");
    resp_ok(x->out);
}

/* XGROUP SETID key group id|$ [ENTRIESREAD entries-read] */
void cmd_xgroup_setid(struct exec *x) {
    struct group_args args;
    struct key_view kv;
    struct stream_id id;
    if (!read_options(x, false, &args))
        return;
    struct stream_group *g = open_group(x, &kv);
    if (g == NULL)
        return;
    if (x->argc > 7) {
        cmd_stream_reply_subcommand(x);
        return;
    }
    if (!arg_place(x, &kv, true, &id))
        return;
    g->last_id = id;
    g->entries_read = args.entries_read;
    cmd_stream_changed(&kv);
    effect_put_same(&kv);
    exec_event(&kv, EVENT_STREAM, "xgroup-setid");
    resp_ok(x->out);
}

/* XGROUP DESTROY key group */
void cmd_xgroup_destroy(struct exec *x) {
    struct key_view kv;
    if (!open_stream(x, false, &kv))
        return;
    struct stream_group *g = stream_find_group(cmd_stream(&kv), x->argv[3]);
    if (g != NULL) {
        stream_remove_group(cmd_stream(&kv), g);
        cmd_stream_changed(&kv);
        effect_put_same(&kv);
        exec_event(&kv, EVENT_STREAM, "xgroup-destroy");
        exec_ready(&kv);
    }
    resp_int(x->out, g != NULL ? 1 : 0);
}

/* ---- consumers ---- */

/* XGROUP CREATECONSUMER key group consumer */
void cmd_xgroup_createconsumer(struct exec *x) {
    struct key_view kv;
    struct stream_group *g = open_group(x, &kv);
    if (g == NULL)
        return;
    bool is_new = stream_find_consumer(g, x->argv[4]) == NULL;
    if (is_new) {
        cmd_stream_see_consumer(&kv, g, x->argv[4]);
        cmd_stream_changed(&kv);
    }
    resp_int(x->out, is_new ? 1 : 0);
}

/* XGROUP DELCONSUMER key group consumer */
void cmd_xgroup_delconsumer(struct exec *x) {
    struct key_view kv;
    struct stream_group *g = open_group(x, &kv);
    if (g == NULL)
        return;
    struct stream_consumer *c = stream_find_consumer(g, x->argv[4]);
    size_t pending = 0;
    if (c != NULL) {
        pending = stream_remove_consumer(cmd_stream(&kv), g, c);
        cmd_stream_changed(&kv);
        effect_put_same(&kv);
        exec_event(&kv, EVENT_STREAM, "xgroup-delconsumer");
    }
    resp_int(x->out, (int64_t)pending);
}

/* XGROUP HELP */
void cmd_xgroup_help(struct exec *x) {
    static const char *const lines[] = {
        "CREATE <key> <groupname> <id|$> [option]",
        "    Makes a consumer group. The options are:",
        "    * MKSTREAM",
        "      Makes an empty stream if there is none.",
        "    * ENTRIESREAD entries_read",
        "      Sets the count of entries that the group has read.",
        "CREATECONSUMER <key> <groupname> <consumer>",
        "    Makes a consumer in the group.",
        "DELCONSUMER <key> <groupname> <consumer>",
        "    Removes a consumer and its pending messages.",
        "DESTROY <key> <groupname>",
        "    Removes a group.",
        "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
        "    Moves the group to an ID and sets its count of read entries.",
    };
    cmd_reply_help(x, "XGROUP", lines, COUNT_OF(lines));
}
