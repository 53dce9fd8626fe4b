/* cmd_stream_read.c: reading entries: XRANGE, XREVRANGE, XREAD, XREADGROUP.
 *
 * XREADGROUP writes: it moves the group's cursor and makes messages pending. Its effects say what became of that (XCLAIM
 * for the messages, XGROUP SETID for the cursor), never that somebody read.
 *
 * XREAD and XREADGROUP look at all their arguments before they serve anything, and so open every key twice. The second
 * time counts no hit or miss. Somebody who waits is served by the same handlers, run again. */
#include "core/base/mem.h"
#include "core/cmd/cmd_stream.h"

/* ---- XRANGE ---- */

static void range(struct exec *x, bool is_reverse) {
    struct key_view kv;
    struct stream_id start;
    struct stream_id end;
    int64_t count = -1;
    if (!cmd_stream_arg_start(x, is_reverse ? 3 : 2, &start) ||
        !cmd_stream_arg_end(x, is_reverse ? 2 : 3, &end))
        return;
    for (int i = 4; i < x->argc; i += 2) {
        if (!bytes_is_word(x->argv[i], "count") || i + 1 == x->argc) {
            resp_err(x->out, REPLY_ERR_SYNTAX);
            return;
        }
        if (!cmd_arg_int(x, i + 1, &count))
            return;
        count = count < 0 ? 0 : count;
    }
    if (!key_open_read(x, x->argv[1], &kv)) {
        resp_array(x->out, 0);
        return;
    }
    if (!key_check_type(&kv, VALUE_STREAM))
        return;
    if (count == 0)
        resp_null_array(x->out);
    else
        cmd_stream_reply_range(x, cmd_stream(&kv), start, end, count < 0 ? 0 : (uint64_t)count, is_reverse);
}

/* XRANGE key start end [COUNT count] */
void cmd_xrange(struct exec *x) {
    range(x, false);
}

/* XREVRANGE key end start [COUNT count] */
void cmd_xrevrange(struct exec *x) {
    range(x, true);
}

/* ---- XREAD and XREADGROUP: arguments ---- */

struct read_args {
    bool is_group; /* XREADGROUP */
    bool is_noack;
    bool has_group;
    bool has_block;
    bool has_claim;
    int group_at;       /* position of the group's name; the consumer's stands behind it */
    int first_key;      /* position of the first key */
    int streams;        /* their number; the IDs stand behind the keys */
    int64_t timeout_ms; /* 0: for ever */
    int64_t min_idle_ms;
    uint64_t count; /* 0: all */
};

/* Where reading of one stream begins. */
struct read_from {
    struct stream_id after; /* entries behind it are wanted */
    bool is_new;            /* ">": behind the group's cursor */
    bool is_dollar;
};

static bool fail(struct exec *x, const char *text) {
    resp_error(x->out, bytes_cstr(text));
    return false;
}

static bool read_timeout(struct exec *x, int i, struct read_args *args) {
    if (!cmd_arg_int_or(x, i, &args->timeout_ms, REPLY_ERR_TIMEOUT_INT))
        return false;
    if (args->timeout_ms < 0) {
        resp_err(x->out, REPLY_ERR_TIMEOUT_NEGATIVE);
        return false;
    }
    if (args->timeout_ms > INT64_MAX - x->engine->now_ms)
        return fail(x, "ERR timeout is out of range");
    args->has_block = true;
    return true;
}

static bool read_count(struct exec *x, int i, uint64_t *count) {
    int64_t value;
    if (!cmd_arg_int(x, i, &value))
        return false;
    *count = value < 0 ? 0 : (uint64_t)value;
    return true;
}

static bool read_claim(struct exec *x, int i, struct read_args *args) {
    args->has_claim = true;
    if (!num_parse_int(x->argv[i], &args->min_idle_ms))
        return fail(x, "ERR min-idle-time is not an integer");
    return args->min_idle_ms >= 0 || fail(x, "ERR min-idle-time must be a positive integer");
}

/* The word STREAMS at argv[i]. */
static bool read_streams(struct exec *x, int i, struct read_args *args) {
    int rest = x->argc - i - 1;
    args->first_key = i + 1;
    args->streams = rest / 2;
    if (rest % 2 == 0)
        return true;
    resp_errorf(x->out, "ERR Unbalanced '%s' list of streams: for each stream key an %s must be specified.",
                x->command->fullname, args->is_group ? "ID or '>'" : "ID, '+', or '$'");
    return false;
}

/* An option that only one of the two commands has. */
static bool only_group(struct exec *x, const struct read_args *args, const char *word) {
    if (args->is_group)
        return true;
    resp_errorf(x->out, "ERR The %s option is only supported by XREADGROUP. You called XREAD instead.", word);
    return false;
}

static bool read_args(struct exec *x, struct read_args *args) {
    for (int i = 1; i < x->argc && args->first_key == 0; i++) {
        struct bytes word = x->argv[i];
        int more = x->argc - i - 1;
        bool is_fine = true;
        if (more > 0 && bytes_is_word(word, "streams")) {
            is_fine = read_streams(x, i, args);
        } else if (more > 0 && bytes_is_word(word, "block")) {
            is_fine = read_timeout(x, ++i, args);
        } else if (more > 0 && bytes_is_word(word, "count")) {
            is_fine = read_count(x, ++i, &args->count);
        } else if (more > 1 && bytes_is_word(word, "group")) {
            is_fine = only_group(x, args, "GROUP");
            args->has_group = true;
            args->group_at = i + 1;
            i += 2;
        } else if (bytes_is_word(word, "noack")) {
            is_fine = only_group(x, args, "NOACK");
            args->is_noack = true;
        } else if (more > 0 && bytes_is_word(word, "claim")) {
            is_fine = only_group(x, args, "CLAIM") && read_claim(x, ++i, args);
        } else {
            resp_err(x->out, REPLY_ERR_SYNTAX);
            is_fine = false;
        }
        if (!is_fine)
            return false;
    }
    if (args->first_key == 0) {
        resp_err(x->out, REPLY_ERR_SYNTAX);
        return false;
    }
    return !args->is_group || args->has_group || fail(x, "ERR Missing GROUP option for XREADGROUP");
}

/* Reads the ID of one stream, which is open for reading or not there. */
static bool read_id(struct exec *x, const struct read_args *args, int i, const struct stream *s,
                    struct read_from *from) {
    struct bytes text = x->argv[i];
    char word = text.len == 1 ? text.ptr[0] : '\0';
    *from = (struct read_from){.after = STREAM_ID_MIN};
    if ((word == '$' || word == '+') && args->is_group) {
        resp_errorf(
            x->out,
            "ERR The %c ID is meaningless in the context of XREADGROUP: you want to read the history of "
            "this consumer by specifying a proper ID, or use the > ID to get new messages. The %c ID would "
            "just return an empty result set.",
            word, word);
        return false;
    }
    if (word == '>' && !args->is_group)
        return fail(x, "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> "
                       "<consumer> option.");
    from->is_new = word == '>';
    from->is_dollar = word == '$';
    if (word == '>')
        return true;
    if (word != '$' && word != '+') {
        bool is_read = cmd_stream_arg_id(x, i, 0, &from->after);
        /* The last of all IDs stands for ">", as in Redis. */
        from->is_new = args->is_group && stream_id_compare(from->after, STREAM_ID_MAX) == 0;
        return is_read;
    }
    if (s != NULL)
        from->after = s->last_id;
    if (word == '+' && s != NULL && s->length > 0)
        from->after = stream_last_entry_id(s);
    if (word == '+' && !stream_id_is_zero(from->after))
        stream_id_decrement(&from->after);
    return true;
}

/* Looks at one stream's arguments before anything is served. */
static bool read_stream(struct exec *x, const struct read_args *args, int i, struct read_from *from) {
    struct key_view kv;
    struct bytes key = x->argv[args->first_key + i];
    bool is_there = key_open_read(x, key, &kv);
    if (!key_check_type(&kv, VALUE_STREAM))
        return false;
    struct stream *s = is_there ? cmd_stream(&kv) : NULL;
    if (args->is_group && (s == NULL || stream_find_group(s, x->argv[args->group_at]) == NULL)) {
        cmd_stream_reply_no_group(x, key, x->argv[args->group_at], " in XREADGROUP with GROUP option");
        return false;
    }
    return read_id(x, args, args->first_key + args->streams + i, s, from);
}

/* ---- serving ---- */

/* What a reply of several streams needs: the header comes when the first stream has something. */
struct read_reply {
    size_t mark;
    size_t served;
};

static void begin_stream(struct exec *x, struct read_reply *reply, struct bytes key) {
    if (reply->served++ == 0)
        reply->mark = resp_defer(x->out);
    if (x->out->proto < 3)
        resp_array(x->out, 2);
    resp_bulk(x->out, key);
}

static void end_reply(struct exec *x, const struct read_reply *reply) {
    if (x->out->proto < 3)
        resp_defer_array(x->out, reply->mark, reply->served);
    else
        resp_defer_map(x->out, reply->mark, reply->served);
}

static void serve_plain(struct exec *x, const struct read_args *args, int i, const struct read_from *from,
                        struct read_reply *reply) {
    struct key_view kv;
    if (!key_open_peek(x, x->argv[args->first_key + i], &kv))
        return;
    const struct stream *s = cmd_stream(&kv);
    struct stream_id start = from->after;
    if (s->length == 0 || stream_id_compare(stream_last_entry_id(s), from->after) <= 0)
        return;
    stream_id_increment(&start);
    begin_stream(x, reply, kv.key);
    cmd_stream_reply_range(x, s, start, STREAM_ID_MAX, args->count, false);
}

/* Messages that are pending for the consumer already: each counts as delivered once more, unless its entry is gone. */
static void serve_history(struct key_view *kv, const struct read_args *args, struct stream_group *g,
                          struct stream_consumer *c, struct stream_id after) {
    struct exec *x = kv->x;
    struct ordset_place place;
    struct stream_claims claims;
    uint64_t count = 0;
    size_t mark = resp_defer(x->out);
    bool has_start = stream_id_increment(&after);
    cmd_stream_claims_init(&claims, kv, g, c->name, x->engine->now_ms);
    const struct stream_id *at = has_start ? ordset_seek_ge(&c->pel, &after, &place) : NULL;
    for (; at != NULL && (args->count == 0 || count < args->count); count++) {
        struct stream_id id = *at;
        if (cmd_stream_reply_one(x, cmd_stream(kv), id)) {
            int64_t deliveries = stream_find_pending(g, id)->deliveries;
            deliveries += deliveries < INT64_MAX ? 1 : 0;
            stream_pend(g, id, c, x->engine->now_ms, deliveries);
            cmd_stream_claims_put(&claims, id, deliveries);
            ordset_seek_ge(&c->pel, &id, &place); /* the list was perhaps changed */
        } else {
            resp_array(x->out, 2);
            cmd_stream_reply_id(x, id);
            resp_null_array(x->out);
        }
        at = ordset_next(&place);
    }
    resp_defer_array(x->out, mark, count);
    cmd_stream_claims_end(&claims);
}

/* One message that was claimed: its entry, how long ago and how often it was delivered before. */
static void reply_claimed(struct exec *x, struct stream_iter *it, int64_t idle_ms, int64_t deliveries) {
    resp_array(x->out, 4);
    cmd_stream_reply_id(x, it->id);
    resp_array(x->out, 2 * it->pair_count);
    for (size_t i = 0; i < it->pair_count; i++) {
        struct bytes field;
        struct bytes value;
        stream_iter_pair(it, &field, &value);
        resp_bulk(x->out, field);
        resp_bulk(x->out, value);
    }
    resp_int(x->out, idle_ms);
    resp_int(x->out, deliveries);
}

/* The message that has been pending for longest, if that is long enough; NULL: none is due. */
static const struct stream_due *find_due(struct stream_group *g, int64_t now_ms, int64_t min_idle_ms) {
    const struct stream_due *due = ordset_first(stream_by_time(g));
    bool is_due = due != NULL && now_ms - (int64_t)due->delivery_ms >= min_idle_ms;
    return is_due ? due : NULL;
}

/* Messages that have been pending for long, whoever's they are, oldest first; gives how many. Those whose entry is gone
 * are no longer pending afterwards. */
static uint64_t serve_due(struct key_view *kv, const struct read_args *args, struct stream_group *g,
                          struct stream_consumer *c) {
    struct exec *x = kv->x;
    int64_t now_ms = x->engine->now_ms;
    uint64_t count = 0;
    uint64_t last_serial = g->next_serial; /* what is claimed now gets greater ones */
    struct stream_claims claims;
    struct stream_ids gone;
    const struct stream_due *due;
    cmd_stream_claims_init(&claims, kv, g, c->name, now_ms);
    cmd_stream_ids_init(&gone);
    while ((args->count == 0 || count < args->count) &&
           (due = find_due(g, now_ms, args->min_idle_ms)) != NULL && due->serial < last_serial) {
        struct stream_id id = due->id;
        struct stream_iter it;
        stream_iter_init(&it, cmd_stream(kv), id, id, false);
        if (!stream_iter_next(&it)) {
            stream_ack(g, id);
            cmd_stream_ids_put(&gone, id);
            continue;
        }
        int64_t deliveries = stream_find_pending(g, id)->deliveries;
        reply_claimed(x, &it, now_ms - (int64_t)due->delivery_ms, deliveries);
        deliveries += deliveries < INT64_MAX ? 1 : 0;
        stream_pend(g, id, c, now_ms, deliveries);
        cmd_stream_claims_put(&claims, id, deliveries);
        c->active_ms = now_ms;
        count++;
    }
    cmd_stream_claims_end(&claims);
    cmd_stream_effect_ids(kv, "XACK", g, &gone);
    cmd_stream_ids_deinit(&gone);
    return count;
}

/* Entries behind the group's cursor; gives how many. */
static uint64_t serve_new(struct key_view *kv, const struct read_args *args, struct stream_group *g,
                          struct stream_consumer *c, uint64_t max) {
    struct exec *x = kv->x;
    struct stream_iter it;
    struct stream_claims claims;
    struct stream_id start = g->last_id;
    uint64_t count = 0;
    if (!stream_id_increment(&start))
        return 0;
    cmd_stream_claims_init(&claims, kv, g, c->name, x->engine->now_ms);
    stream_iter_init(&it, cmd_stream(kv), start, STREAM_ID_MAX, false);
    while ((max == 0 || count < max) && stream_iter_next(&it)) {
        stream_group_deliver(cmd_stream(kv), g, it.id);
        if (args->has_claim)
            reply_claimed(x, &it, 0, 0);
        else
            cmd_stream_reply_entry(x, &it);
        if (!args->is_noack) {
            stream_pend(g, it.id, c, x->engine->now_ms, 1);
            cmd_stream_claims_put(&claims, it.id, 1);
            c->active_ms = x->engine->now_ms;
        }
        count++;
    }
    cmd_stream_claims_end(&claims);
    if (count > 0)
        cmd_stream_effect_cursor(kv, g);
    return count;
}

/* What ">" asks for: messages that are due, if wanted, and new ones. */
static void serve_fresh(struct key_view *kv, const struct read_args *args, struct stream_group *g,
                        struct stream_consumer *c, struct read_reply *reply) {
    struct exec *x = kv->x;
    const struct stream *s = cmd_stream(kv);
    bool has_new = s->length > 0 && stream_id_compare(stream_last_entry_id(s), g->last_id) > 0;
    bool has_due = args->has_claim && find_due(g, x->engine->now_ms, args->min_idle_ms) != NULL;
    if (!has_new && !has_due)
        return;
    struct read_reply before = *reply;
    size_t undo = resp_defer(x->out);
    begin_stream(x, reply, kv->key);
    size_t mark = resp_defer(x->out);
    uint64_t count = has_due ? serve_due(kv, args, g, c) : 0;
    if (has_new && (args->count == 0 || count < args->count))
        count += serve_new(kv, args, g, c, args->count == 0 ? 0 : args->count - count);
    if (count == 0) { /* all that was due had lost its entry */
        resp_undo(x->out, undo);
        *reply = before;
        return;
    }
    resp_defer_array(x->out, mark, count);
}

static void serve_group(struct exec *x, const struct read_args *args, int i, const struct read_from *from,
                        struct read_reply *reply) {
    struct key_view kv;
    if (!key_open_write(x, x->argv[args->first_key + i], &kv))
        return;
    struct stream_group *g = stream_find_group(cmd_stream(&kv), x->argv[args->group_at]);
    struct stream_consumer *c = cmd_stream_see_consumer(&kv, g, x->argv[args->group_at + 1]);
    if (from->is_new) {
        serve_fresh(&kv, args, g, c, reply);
    } else {
        begin_stream(x, reply, kv.key);
        serve_history(&kv, args, g, c, from->after);
    }
    cmd_stream_changed(&kv);
}

/* ---- waiting ---- */

static void wait_for_streams(struct exec *x, const struct read_args *args, const struct read_from *froms) {
    struct bytes *argv = NULL;
    char(*texts)[STREAM_ID_TEXT_MAX] = NULL;
    struct exec_block how = {.first_key = args->first_key,
                             .key_count = args->streams,
                             .is_null_array = true,
                             .needs_all_keys = args->is_group};
    if (x->is_block_retry)
        how.deadline_ms = x->block_deadline_ms;
    else if (args->timeout_ms != 0)
        how.deadline_ms = x->engine->now_ms + args->timeout_ms;
    for (int i = 0; i < args->streams; i++) {
        if (!froms[i].is_dollar)
            continue;
        if (argv == NULL) {
            argv = mem_alloc((size_t)x->argc * sizeof(*argv));
            texts = mem_alloc((size_t)args->streams * sizeof(*texts));
            memcpy(argv, x->argv, (size_t)x->argc * sizeof(*argv));
        }
        argv[args->first_key + args->streams + i] =
            bytes_of(texts[i], stream_id_text(froms[i].after, texts[i]));
    }
    how.argv = argv;
    exec_block(x, &how);
    mem_free(argv);
    mem_free(texts);
}

static void read_streams_of(struct exec *x, bool is_group) {
    enum { FROMS_FEW = 8 };
    struct read_args args = {.is_group = is_group};
    struct read_from few[FROMS_FEW];
    struct read_reply reply = {0, 0};
    if (!read_args(x, &args))
        return;
    struct read_from *froms =
        args.streams <= FROMS_FEW ? few : mem_alloc((size_t)args.streams * sizeof(*froms));
    bool is_fine = true;
    for (int i = 0; is_fine && i < args.streams; i++)
        is_fine = read_stream(x, &args, i, &froms[i]);
    for (int i = 0; is_fine && i < args.streams; i++) {
        if (is_group)
            serve_group(x, &args, i, &froms[i], &reply);
        else
            serve_plain(x, &args, i, &froms[i], &reply);
    }
    if (is_fine && reply.served > 0)
        end_reply(x, &reply);
    else if (is_fine && args.has_block)
        wait_for_streams(x, &args, froms);
    else if (is_fine)
        resp_null_array(x->out);
    if (froms != few)
        mem_free(froms);
}

/* XREAD [COUNT count] [BLOCK milliseconds] STREAMS key ... id ... */
void cmd_xread(struct exec *x) {
    read_streams_of(x, false);
}

/* XREADGROUP GROUP group consumer [COUNT count] [BLOCK milliseconds] [CLAIM min-idle-time] [NOACK] STREAMS key ... id ... */
void cmd_xreadgroup(struct exec *x) {
    read_streams_of(x, true);
}
