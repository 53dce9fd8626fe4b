/* cmd_stream_pending.c: messages that were delivered are looked at, acknowledged, or given back: XPENDING, XACK, XACKDEL,
 * XNACK.
 *
 * What was released (XNACK) belongs to no consumer: its consumer is shown as the empty name, and its delivery time is as
 * long ago as can be, so that whoever asks for messages that are due gets it first. */
#include "core/cmd/cmd_stream.h"

/* ---- XACK ---- */

/* Opens argv[1] for writing and finds the group argv[2]; *g_out is NULL where either is missing. False: the error was
 * replied. */
static bool open_ack(struct exec *x, struct key_view *kv, struct stream_group **g_out) {
    *g_out = NULL;
    bool is_there = key_open_write(x, x->argv[1], kv);
    if (!key_check_type(kv, VALUE_STREAM))
        return false;
    if (is_there)
        *g_out = stream_find_group(cmd_stream(kv), x->argv[2]);
    return true;
}

/* XACK key group id [id ...] */
void cmd_xack(struct exec *x) {
    struct key_view kv;
    struct stream_group *g;
    struct stream_ids ids;
    if (!open_ack(x, &kv, &g))
        return;
    if (g == NULL) {
        resp_int(x->out, 0);
        return;
    }
    cmd_stream_ids_init(&ids);
    if (cmd_stream_arg_ids(x, 3, x->argc, &ids)) {
        int64_t acked = 0;
        for (size_t i = 0; i < ids.count; i++)
            acked += stream_ack(g, ids.ids[i]) ? 1 : 0;
        cmd_stream_changed(&kv);
        if (acked != 0)
            effect_put_same(&kv);
        resp_int(x->out, acked);
    }
    cmd_stream_ids_deinit(&ids);
}

/* ---- XACKDEL ---- */

enum {
    ACKDEL_NONE = -1, /* it was not pending in this group */
    ACKDEL_DELETED = 1,
    ACKDEL_NEEDED = 2, /* acknowledged; another group still needs the entry */
};

struct ackdel {
    struct stream_ids acked;
    struct stream_ids deleted;
};

static int64_t ackdel_one(struct stream *s, struct stream_group *g, struct stream_id id,
                          enum stream_refs refs, struct ackdel *done) {
    if (!stream_ack(g, id))
        return ACKDEL_NONE;
    cmd_stream_ids_put(&done->acked, id);
    if (refs == STREAM_ACKED && stream_is_needed(s, id))
        return ACKDEL_NEEDED;
    if (refs == STREAM_DELREF)
        stream_forget(s, id);
    if (stream_delete(s, id))
        cmd_stream_ids_put(&done->deleted, id);
    return ACKDEL_DELETED;
}

/* XACKDEL key group [KEEPREF|DELREF|ACKED] IDS numids id [id ...] */
void cmd_xackdel(struct exec *x) {
    struct key_view kv;
    struct stream_group *g;
    struct stream_ids ids;
    struct ackdel done;
    enum stream_refs refs;
    if (!open_ack(x, &kv, &g))
        return;
    cmd_stream_ids_init(&ids);
    cmd_stream_ids_init(&done.acked);
    cmd_stream_ids_init(&done.deleted);
    if (cmd_stream_arg_refs_ids(x, 3, &refs, &ids)) {
        resp_array(x->out, ids.count);
        for (size_t i = 0; i < ids.count; i++)
            resp_int(x->out,
                     g == NULL ? ACKDEL_NONE : ackdel_one(cmd_stream(&kv), g, ids.ids[i], refs, &done));
        if (g != NULL)
            cmd_stream_changed(&kv);
        if (done.acked.count > 0 && refs == STREAM_DELREF) {
            effect_put_same(&kv);
        } else if (done.acked.count > 0) {
            cmd_stream_effect_ids(&kv, "XACK", g, &done.acked);
            cmd_stream_effect_ids(&kv, "XDEL", NULL, &done.deleted);
        }
        if (done.deleted.count > 0)
            exec_event(&kv, EVENT_STREAM, "xdel");
    }
    cmd_stream_ids_deinit(&done.deleted);
    cmd_stream_ids_deinit(&done.acked);
    cmd_stream_ids_deinit(&ids);
}

/* ---- XNACK ---- */

enum nack_mode { NACK_SILENT, NACK_FAIL, NACK_FATAL };

struct nack_args {
    enum nack_mode mode;
    int64_t retries; /* RETRYCOUNT; -1: not given */
    bool is_force;
};

static bool read_nack(struct exec *x, struct nack_args *args, struct stream_ids *ids) {
    static const char *const modes[] = {
        [NACK_SILENT] = "silent", [NACK_FAIL] = "fail", [NACK_FATAL] = "fatal"};
    size_t mode = 0;
    int64_t count = 0;
    *args = (struct nack_args){.retries = -1};
    while (mode < COUNT_OF(modes) && !bytes_is_word(x->argv[3], modes[mode]))
        mode++;
    if (mode == COUNT_OF(modes) || !bytes_is_word(x->argv[4], "ids")) {
        resp_err(x->out, REPLY_ERR_SYNTAX);
        return false;
    }
    args->mode = (enum nack_mode)mode;
    if (!num_parse_int(x->argv[5], &count) || count <= 0) {
        resp_error(x->out, BYTES_LIT("ERR Number of IDs must be a positive integer"));
        return false;
    }
    if (count > x->argc - 6) {
        resp_error(x->out, BYTES_LIT("ERR The `numids` parameter must match the number of arguments"));
        return false;
    }
    for (int i = 6 + (int)count; i < x->argc; i++) {
        if (bytes_is_word(x->argv[i], "force")) {
            args->is_force = true;
        } else if (bytes_is_word(x->argv[i], "retrycount") && i + 1 < x->argc) {
            if (!cmd_arg_int(x, ++i, &args->retries))
                return false;
            if (args->retries < 0) {
                resp_error(x->out, BYTES_LIT("ERR RETRYCOUNT must be a non-negative integer"));
                return false;
            }
        } else {
            resp_err(x->out, REPLY_ERR_SYNTAX);
            return false;
        }
    }
    return cmd_stream_arg_ids(x, 6, 6 + (int)count, ids);
}

/* The count of deliveries that a message has after it was released. */
static int64_t nacked_deliveries(const struct nack_args *args, int64_t before) {
    if (args->retries >= 0)
        return args->retries;
    switch (args->mode) {
    case NACK_SILENT: return before > 0 ? before - 1 : 0;
    case NACK_FAIL: return before;
    case NACK_FATAL: return INT64_MAX;
    }
    return before;
}

/* XNACK key group SILENT|FAIL|FATAL IDS numids id [id ...] [RETRYCOUNT count] [FORCE] */
void cmd_xnack(struct exec *x) {
    struct key_view kv;
    struct nack_args args;
    struct stream_ids ids;
    int64_t released = 0;
    cmd_stream_ids_init(&ids);
    struct stream_group *g = read_nack(x, &args, &ids) ? cmd_stream_open_group(x, 1, &kv) : NULL;
    for (size_t i = 0; g != NULL && i < ids.count; i++) {
        struct stream_id id = ids.ids[i];
        const struct stream_pending *p = stream_find_pending(g, id);
        if (p == NULL && !(args.is_force && stream_has(cmd_stream(&kv), id)))
            continue;
        stream_pend(g, id, NULL, STREAM_RELEASED_MS, nacked_deliveries(&args, p == NULL ? 0 : p->deliveries));
        released++;
    }
    if (g != NULL) {
        cmd_stream_changed(&kv);
        if (released > 0) {
            effect_put_same(&kv);
            exec_ready(&kv);
        }
        resp_int(x->out, released);
    }
    cmd_stream_ids_deinit(&ids);
}

/* ---- XPENDING ---- */

static void pending_summary(struct exec *x, const struct stream_group *g) {
    struct ordset_place place;
    resp_array(x->out, 4);
    resp_int(x->out, (int64_t)g->pel.count);
    if (g->pel.count == 0) {
        resp_null(x->out);
        resp_null(x->out);
        resp_null_array(x->out);
        return;
    }
    const struct stream_pending *first = ordset_first(&g->pel);
    const struct stream_pending *last = ordset_last(&g->pel);
    cmd_stream_reply_id(x, first->id);
    cmd_stream_reply_id(x, last->id);
    size_t mark = resp_defer(x->out);
    size_t count = 0;
    for (void *item = ordset_seek_first(&g->consumers, &place); item != NULL; item = ordset_next(&place)) {
        const struct stream_consumer *c = stream_consumer_at(item);
        if (c->pel.count == 0)
            continue;
        resp_array(x->out, 2);
        resp_bulk(x->out, c->name);
        resp_bulk_int(x->out, (int64_t)c->pel.count);
        count++;
    }
    resp_defer_array(x->out, mark, count);
}

struct pending_args {
    struct stream_id start;
    struct stream_id end;
    int64_t count;
    int64_t min_idle_ms;
    int consumer_at; /* 0: not given */
};

static bool read_pending(struct exec *x, struct pending_args *args) {
    int at = 3;
    *args = (struct pending_args){.count = 0};
    if (x->argc < 6 || x->argc > 9) {
        resp_err(x->out, REPLY_ERR_SYNTAX);
        return false;
    }
    if (bytes_is_word(x->argv[3], "idle")) {
        if (!cmd_arg_int(x, 4, &args->min_idle_ms))
            return false;
        if (x->argc < 8) {
            resp_err(x->out, REPLY_ERR_SYNTAX);
            return false;
        }
        at += 2;
    }
    if (!cmd_arg_int(x, at + 2, &args->count) || !cmd_stream_arg_start(x, at, &args->start) ||
        !cmd_stream_arg_end(x, at + 1, &args->end))
        return false;
    if (at + 3 < x->argc)
        args->consumer_at = at + 3;
    return true;
}

static void reply_pending(struct exec *x, const struct stream_pending *p) {
    int64_t idle_ms = x->engine->now_ms - p->delivery_ms;
    resp_array(x->out, 4);
    cmd_stream_reply_id(x, p->id);
    resp_bulk(x->out, p->consumer == NULL ? BYTES_LIT("") : p->consumer->name);
    resp_int(x->out, p->consumer == NULL ? -1 : idle_ms < 0 ? 0 : idle_ms);
    resp_int(x->out, p->deliveries);
}

static void pending_range(struct exec *x, const struct stream_group *g, const struct pending_args *args) {
    const struct stream_consumer *c = NULL;
    struct ordset_place place;
    int64_t count = 0;
    if (args->consumer_at != 0) {
        c = stream_find_consumer(g, x->argv[args->consumer_at]);
        if (c == NULL) {
            resp_array(x->out, 0);
            return;
        }
    }
    size_t mark = resp_defer(x->out);
    /* Items of both kinds of list begin with the ID. */
    const struct stream_id *at = ordset_seek_ge(c == NULL ? &g->pel : &c->pel, &args->start, &place);
    for (; at != NULL && count < args->count && stream_id_compare(*at, args->end) <= 0;
         at = ordset_next(&place)) {
        const struct stream_pending *p = stream_find_pending(g, *at);
        if (args->min_idle_ms != 0 && x->engine->now_ms - p->delivery_ms < args->min_idle_ms)
            continue;
        reply_pending(x, p);
        count++;
    }
    resp_defer_array(x->out, mark, (size_t)count);
}

/* XPENDING key group [[IDLE min-idle-time] start end count [consumer]] */
void cmd_xpending(struct exec *x) {
    struct key_view kv;
    struct pending_args args;
    if (x->argc != 3 && !read_pending(x, &args))
        return;
    bool is_there = key_open_read(x, x->argv[1], &kv);
    if (!key_check_type(&kv, VALUE_STREAM))
        return;
    const struct stream_group *g = is_there ? stream_find_group(cmd_stream(&kv), x->argv[2]) : NULL;
    if (g == NULL)
        cmd_stream_reply_no_group(x, x->argv[1], x->argv[2], "");
    else if (x->argc == 3)
        pending_summary(x, g);
    else
        pending_range(x, g, &args);
}
