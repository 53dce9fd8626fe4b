/* cmd_stream_info.c: XINFO: what a stream, its groups and their consumers are.
 *
 * "radix-tree-keys" and "radix-tree-nodes" are Redis's words for the number of nodes of the log and of what finds them. */
#include "core/cmd/cmd_stream.h"
#include "core/value/stream_idmp.h"

enum {
    FULL_COUNT = 10
}; /* entries and pending messages that XINFO STREAM FULL shows, unless told otherwise */

static void put_int(struct exec *x, const char *name, int64_t value) {
    resp_bulk_cstr(x->out, name);
    resp_int(x->out, value);
}

static void put_id(struct exec *x, const char *name, struct stream_id id) {
    resp_bulk_cstr(x->out, name);
    cmd_stream_reply_id(x, id);
}

static void put_name(struct exec *x, struct bytes name) {
    resp_bulk_cstr(x->out, "name");
    resp_bulk(x->out, name);
}

/* A number, or null where it is -1. */
static void put_known(struct exec *x, const char *name, int64_t value) {
    resp_bulk_cstr(x->out, name);
    if (value == -1)
        resp_null(x->out);
    else
        resp_int(x->out, value);
}

/* Opens argv[2] for reading; false: the error was replied. */
static bool open_stream(struct exec *x, struct key_view *kv) {
    if (!key_open_read(x, x->argv[2], kv)) {
        resp_err(x->out, REPLY_ERR_NO_KEY);
        return false;
    }
    return key_check_type(kv, VALUE_STREAM);
}

/* ---- XINFO STREAM FULL ---- */

/* At most `max` pending messages of a group or a consumer, 0: all. Items of both lists begin with the ID. */
static void put_pending(struct exec *x, const struct stream_group *g, const struct stream_consumer *c,
                        uint64_t max) {
    struct ordset_place place;
    const struct ordset *list = c == NULL ? &g->pel : &c->pel;
    uint64_t count = max == 0 || max > list->count ? list->count : max;
    resp_bulk_cstr(x->out, "pending");
    resp_array(x->out, count);
    const struct stream_id *at = ordset_seek_first(list, &place);
    for (uint64_t i = 0; i < count; i++, at = ordset_next(&place)) {
        const struct stream_pending *p = stream_find_pending(g, *at);
        resp_array(x->out, c == NULL ? 4 : 3);
        cmd_stream_reply_id(x, *at);
        if (c == NULL)
            resp_bulk(x->out, p->consumer == NULL ? BYTES_LIT("") : p->consumer->name);
        resp_int(x->out, p->delivery_ms);
        resp_int(x->out, p->deliveries);
    }
}

static void put_full_consumer(struct exec *x, const struct stream_group *g, const struct stream_consumer *c,
                              uint64_t max) {
    resp_map(x->out, 5);
    put_name(x, c->name);
    put_int(x, "seen-time", c->seen_ms);
    put_int(x, "active-time", c->active_ms);
    put_int(x, "pel-count", (int64_t)c->pel.count);
    put_pending(x, g, c, max);
}

static void put_full_group(struct exec *x, const struct stream *s, const struct stream_group *g,
                           uint64_t max) {
    struct ordset_place place;
    resp_map(x->out, 7);
    put_name(x, g->name);
    put_id(x, "last-delivered-id", g->last_id);
    put_known(x, "entries-read", g->entries_read);
    put_known(x, "lag", stream_group_lag(s, g));
    put_int(x, "pel-count", (int64_t)g->pel.count);
    put_pending(x, g, NULL, max);
    resp_bulk_cstr(x->out, "consumers");
    resp_array(x->out, g->consumers.count);
    for (void *item = ordset_seek_first(&g->consumers, &place); item != NULL; item = ordset_next(&place))
        put_full_consumer(x, g, stream_consumer_at(item), max);
}

static void put_full(struct exec *x, const struct stream *s, uint64_t max) {
    struct ordset_place place;
    resp_bulk_cstr(x->out, "entries");
    cmd_stream_reply_range(x, s, STREAM_ID_MIN, STREAM_ID_MAX, max, false);
    resp_bulk_cstr(x->out, "groups");
    resp_array(x->out, s->groups.count);
    for (void *item = ordset_seek_first(&s->groups, &place); item != NULL; item = ordset_next(&place))
        put_full_group(x, s, stream_group_at(item), max);
}

/* ---- XINFO STREAM ---- */

enum { IDMP_FIELDS = 6 };

/* What is remembered of producers, for a stream that ever had some. */
static void put_idmp(struct exec *x, const struct stream_idmp *idmp) {
    put_int(x, "idmp-duration", idmp->duration_s);
    put_int(x, "idmp-maxsize", (int64_t)idmp->max_size);
    put_int(x, "pids-tracked", (int64_t)idmp->producers.count);
    put_int(x, "iids-tracked", (int64_t)idmp->iids_count);
    put_int(x, "iids-added", (int64_t)idmp->iids_added);
    put_int(x, "iids-duplicates", (int64_t)idmp->duplicates);
}

/* The first entry, or the last one; null when there is none. */
static void put_edge(struct exec *x, const struct stream *s, bool is_last) {
    struct stream_iter it;
    resp_bulk_cstr(x->out, is_last ? "last-entry" : "first-entry");
    stream_iter_init(&it, s, STREAM_ID_MIN, STREAM_ID_MAX, is_last);
    if (stream_iter_next(&it))
        cmd_stream_reply_entry(x, &it);
    else
        resp_null(x->out);
}

/* Reads FULL [COUNT count]; false: the error was replied. */
static bool read_full(struct exec *x, bool *is_full_out, uint64_t *max_out) {
    int64_t count = FULL_COUNT;
    *is_full_out = x->argc > 3;
    *max_out = FULL_COUNT;
    if (x->argc == 3)
        return true;
    bool is_fine = (x->argc == 4 || x->argc == 6) && bytes_is_word(x->argv[3], "full") &&
                   (x->argc == 4 || bytes_is_word(x->argv[4], "count"));
    if (!is_fine) {
        cmd_stream_reply_subcommand(x);
        return false;
    }
    if (x->argc == 6 && !cmd_arg_int(x, 5, &count))
        return false;
    *max_out = count < 0 ? FULL_COUNT : (uint64_t)count;
    return true;
}

/* XINFO STREAM key [FULL [COUNT count]] */
void cmd_xinfo_stream(struct exec *x) {
    struct key_view kv;
    bool is_full;
    uint64_t max;
    if (!open_stream(x, &kv) || !read_full(x, &is_full, &max))
        return;
    const struct stream *s = cmd_stream(&kv);
    resp_map(x->out, (is_full ? 9u : 10u) + (s->idmp == NULL ? 0u : IDMP_FIELDS));
    put_int(x, "length", (int64_t)s->length);
    put_int(x, "radix-tree-keys", (int64_t)s->log.count);
    put_int(x, "radix-tree-nodes", (int64_t)s->log.count + 1);
    put_id(x, "last-generated-id", s->last_id);
    put_id(x, "max-deleted-entry-id", s->max_deleted_id);
    put_int(x, "entries-added", (int64_t)s->entries_added);
    put_id(x, "recorded-first-entry-id", s->first_id);
    if (s->idmp != NULL)
        put_idmp(x, s->idmp);
    if (is_full) {
        put_full(x, s, max);
        return;
    }
    put_int(x, "groups", (int64_t)s->groups.count);
    put_edge(x, s, false);
    put_edge(x, s, true);
}

/* ---- XINFO GROUPS, XINFO CONSUMERS ---- */

/* XINFO GROUPS key */
void cmd_xinfo_groups(struct exec *x) {
    struct key_view kv;
    struct ordset_place place;
    if (!open_stream(x, &kv))
        return;
    const struct stream *s = cmd_stream(&kv);
    resp_array(x->out, s->groups.count);
    for (void *item = ordset_seek_first(&s->groups, &place); item != NULL; item = ordset_next(&place)) {
        const struct stream_group *g = stream_group_at(item);
        resp_map(x->out, 6);
        put_name(x, g->name);
        put_int(x, "consumers", (int64_t)g->consumers.count);
        put_int(x, "pending", (int64_t)g->pel.count);
        put_id(x, "last-delivered-id", g->last_id);
        put_known(x, "entries-read", g->entries_read);
        put_known(x, "lag", stream_group_lag(s, g));
    }
}

/* XINFO CONSUMERS key group */
void cmd_xinfo_consumers(struct exec *x) {
    struct key_view kv;
    struct ordset_place place;
    int64_t now_ms = x->engine->now_ms;
    if (!open_stream(x, &kv))
        return;
    const struct stream_group *g = stream_find_group(cmd_stream(&kv), x->argv[3]);
    if (g == NULL) {
        resp_errorf(x->out, "NOGROUP No such consumer group '%.*s' for key name '%.*s'", (int)x->argv[3].len,
                    x->argv[3].ptr, (int)x->argv[2].len, x->argv[2].ptr);
        return;
    }
    resp_array(x->out, g->consumers.count);
    for (void *item = ordset_seek_first(&g->consumers, &place); item != NULL; item = ordset_next(&place)) {
        const struct stream_consumer *c = stream_consumer_at(item);
        int64_t idle_ms = now_ms - c->seen_ms;
        resp_map(x->out, 4);
        put_name(x, c->name);
        put_int(x, "pending", (int64_t)c->pel.count);
        put_int(x, "idle", idle_ms < 0 ? 0 : idle_ms);
        put_int(x, "inactive", c->active_ms == STREAM_NEVER_ACTIVE ? -1 : now_ms - c->active_ms);
    }
}

/* XINFO HELP */
void cmd_xinfo_help(struct exec *x) {
    static const char *const lines[] = {
        "CONSUMERS <key> <groupname>",
        "    The consumers of a group.",
        "GROUPS <key>",
        "    The consumer groups of a stream.",
        "STREAM <key> [FULL [COUNT <count>]",
        "    What a stream consists of.",
    };
    cmd_reply_help(x, "XINFO", lines, COUNT_OF(lines));
}
