/* cmd_stream.c: what the stream commands share.
 *
 * Effects about pending messages: a message that was delivered is logged as XCLAIM with FORCE, which makes it pending
 * from nothing, with the time and the count as they are; JUSTID keeps the replay from reading the entry. Redis emits one
 * such command for each message; here, messages that differ in nothing but the ID share one. */
#include "core/cmd/cmd_stream.h"

#include "core/base/mem.h"

/* ---- lists of IDs ---- */

void cmd_stream_ids_init(struct stream_ids *list) {
    list->ids = list->few;
    list->count = 0;
    list->cap = COUNT_OF(list->few);
}

void cmd_stream_ids_deinit(struct stream_ids *list) {
    if (list->ids != list->few)
        mem_free(list->ids);
}

void cmd_stream_ids_put(struct stream_ids *list, struct stream_id id) {
    if (list->count == list->cap) {
        struct stream_id *more = mem_alloc(2 * list->cap * sizeof(*more));
        memcpy(more, list->ids, list->count * sizeof(*more));
        cmd_stream_ids_deinit(list);
        list->ids = more;
        list->cap *= 2;
    }
    list->ids[list->count++] = id;
}

/* ---- arguments ---- */

bool cmd_stream_arg_id(struct exec *x, int i, uint64_t missing_seq, struct stream_id *id_out) {
    if (LIKELY(stream_id_parse(x->argv[i], missing_seq, id_out)))
        return true;
    resp_err(x->out, REPLY_ERR_STREAM_ID);
    return false;
}

bool cmd_stream_arg_ids(struct exec *x, int from, int to, struct stream_ids *list) {
    for (int i = from; i < to; i++) {
        struct stream_id id;
        if (!cmd_stream_arg_id(x, i, 0, &id))
            return false;
        cmd_stream_ids_put(list, id);
    }
    return true;
}

/* Reads one end of a range; *is_open_out: with "(" in front. */
static bool arg_bound(struct exec *x, int i, uint64_t missing_seq, struct stream_id *id_out,
                      bool *is_open_out) {
    struct bytes text = x->argv[i];
    *is_open_out = text.len > 1 && text.ptr[0] == '(';
    bool is_read = *is_open_out ? stream_id_parse(bytes_of(text.ptr + 1, text.len - 1), missing_seq, id_out)
                                : stream_id_parse_bound(text, missing_seq, id_out);
    if (!is_read)
        resp_err(x->out, REPLY_ERR_STREAM_ID);
    return is_read;
}

bool cmd_stream_arg_start(struct exec *x, int i, struct stream_id *id_out) {
    bool is_open;
    if (!arg_bound(x, i, 0, id_out, &is_open))
        return false;
    if (!is_open || stream_id_increment(id_out))
        return true;
    resp_error(x->out, BYTES_LIT("ERR invalid start ID for the interval"));
    return false;
}

bool cmd_stream_arg_end(struct exec *x, int i, struct stream_id *id_out) {
    bool is_open;
    if (!arg_bound(x, i, UINT64_MAX, id_out, &is_open))
        return false;
    if (!is_open || stream_id_decrement(id_out))
        return true;
    resp_error(x->out, BYTES_LIT("ERR invalid end ID for the interval"));
    return false;
}

bool cmd_stream_is_refs(struct exec *x, int i, enum stream_refs *refs_out) {
    static const char *const words[] = {
        [STREAM_KEEPREF] = "keepref", [STREAM_DELREF] = "delref", [STREAM_ACKED] = "acked"};
    for (size_t refs = 0; refs < COUNT_OF(words); refs++) {
        if (bytes_is_word(x->argv[i], words[refs])) {
            *refs_out = (enum stream_refs)refs;
            return true;
        }
    }
    return false;
}

bool cmd_stream_arg_refs_ids(struct exec *x, int from, enum stream_refs *refs_out, struct stream_ids *list) {
    int first = 0;
    int64_t count = 0;
    *refs_out = STREAM_KEEPREF;
    for (int i = from; i < x->argc; i++) {
        if (cmd_stream_is_refs(x, i, refs_out))
            continue;
        if (!bytes_is_word(x->argv[i], "ids") || i + 1 == x->argc || first != 0) {
            resp_err(x->out, REPLY_ERR_SYNTAX);
            return false;
        }
        if (!num_parse_int(x->argv[i + 1], &count) || count <= 0) {
            resp_error(x->out, BYTES_LIT("ERR Number of IDs must be a positive integer"));
            return false;
        }
        first = i + 2;
        if (count > x->argc - first) {
            resp_error(x->out, BYTES_LIT("ERR The `numids` parameter must match the number of arguments"));
            return false;
        }
        i = first + (int)count - 1;
    }
    if (first == 0) {
        resp_err(x->out, REPLY_ERR_SYNTAX);
        return false;
    }
    return cmd_stream_arg_ids(x, first, first + (int)count, list);
}

/* ---- keys ---- */

struct stream_group *cmd_stream_open_group(struct exec *x, int at_key, struct key_view *kv) {
    struct stream_group *g = NULL;
    bool is_there = key_open_write(x, x->argv[at_key], kv);
    if (is_there && !key_check_type(kv, VALUE_STREAM))
        return NULL;
    if (is_there)
        g = stream_find_group(cmd_stream(kv), x->argv[at_key + 1]);
    if (g == NULL)
        cmd_stream_reply_no_group(x, x->argv[at_key], x->argv[at_key + 1], "");
    return g;
}

/* ---- replies ---- */

void cmd_stream_reply_id(struct exec *x, struct stream_id id) {
    char text[STREAM_ID_TEXT_MAX];
    resp_bulk(x->out, bytes_of(text, stream_id_text(id, text)));
}

void cmd_stream_reply_entry(struct exec *x, struct stream_iter *it) {
    resp_array(x->out, 2);
    cmd_stream_reply_id(x, it->id);
    resp_array(x->out, 2 * it->pair_count);
    for (size_t i = 0; i < it->pair_count; i++) {
        struct bytes field;
        struct bytes value;
        stream_iter_pair(it, &field, &value);
        resp_bulk(x->out, field);
        resp_bulk(x->out, value);
    }
}

bool cmd_stream_reply_one(struct exec *x, const struct stream *s, struct stream_id id) {
    struct stream_iter it;
    stream_iter_init(&it, s, id, id, false);
    if (!stream_iter_next(&it))
        return false;
    cmd_stream_reply_entry(x, &it);
    return true;
}

void cmd_stream_reply_range(struct exec *x, const struct stream *s, struct stream_id start,
                            struct stream_id end, uint64_t max, bool is_reverse) {
    struct stream_iter it;
    uint64_t count = 0;
    size_t mark = resp_defer(x->out);
    stream_iter_init(&it, s, start, end, is_reverse);
    while ((max == 0 || count < max) && stream_iter_next(&it)) {
        cmd_stream_reply_entry(x, &it);
        count++;
    }
    resp_defer_array(x->out, mark, count);
}

void cmd_stream_reply_no_group(struct exec *x, struct bytes key, struct bytes group, const char *tail) {
    resp_errorf(x->out, "NOGROUP No such key '%.*s' or consumer group '%.*s'%s", (int)key.len, key.ptr,
                (int)group.len, group.ptr, tail);
}

void cmd_stream_reply_subcommand(struct exec *x) {
    int shown = x->argv[1].len > 128 ? 128 : (int)x->argv[1].len;
    bool is_group = bytes_is_word(x->argv[0], "xgroup");
    resp_errorf(x->out, "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try %s HELP.", shown,
                x->argv[1].ptr, is_group ? "XGROUP" : "XINFO");
}

/* ---- consumers ---- */

struct stream_consumer *cmd_stream_see_consumer(struct key_view *kv, struct stream_group *g,
                                                struct bytes name) {
    int64_t now_ms = kv->x->engine->now_ms;
    struct stream_consumer *c = stream_find_consumer(g, name);
    if (c == NULL) {
        c = stream_add_consumer(cmd_stream(kv), g, name, now_ms);
        struct bytes argv[5] = {BYTES_LIT("XGROUP"), BYTES_LIT("CREATECONSUMER"), kv->key, g->name, name};
        effect_put(kv, 5, argv);
        exec_event(kv, EVENT_STREAM, "xgroup-createconsumer");
    }
    c->seen_ms = now_ms;
    return c;
}

/* ---- effects ---- */

/* The texts of IDs, and arguments that name them, in one block. */
struct id_args {
    struct bytes *argv;
    char (*texts)[STREAM_ID_TEXT_MAX];
};

/* Room for `fixed` arguments and the IDs; the IDs are written at `from`. */
static struct id_args id_args_new(const struct stream_ids *list, size_t fixed, size_t from) {
    struct id_args args;
    args.argv = mem_alloc((fixed + list->count) * sizeof(*args.argv));
    args.texts = mem_alloc(list->count * sizeof(*args.texts) + 1);
    for (size_t i = 0; i < list->count; i++)
        args.argv[from + i] = bytes_of(args.texts[i], stream_id_text(list->ids[i], args.texts[i]));
    return args;
}

static void id_args_free(struct id_args *args) {
    mem_free(args->argv);
    mem_free(args->texts);
}

void cmd_stream_effect_ids(struct key_view *kv, const char *word, const struct stream_group *g,
                           const struct stream_ids *list) {
    if (list->count == 0)
        return;
    size_t from = g == NULL ? 2 : 3;
    struct id_args args = id_args_new(list, from, from);
    args.argv[0] = bytes_cstr(word);
    args.argv[1] = kv->key;
    if (g != NULL)
        args.argv[2] = g->name;
    effect_put(kv, (int)(from + list->count), args.argv);
    id_args_free(&args);
}

void cmd_stream_effect_cursor(struct key_view *kv, const struct stream_group *g) {
    char id[STREAM_ID_TEXT_MAX];
    char read[NUM_INT_TEXT_MAX];
    struct bytes argv[7] = {BYTES_LIT("XGROUP"),
                            BYTES_LIT("SETID"),
                            kv->key,
                            g->name,
                            bytes_of(id, stream_id_text(g->last_id, id)),
                            BYTES_LIT("ENTRIESREAD"),
                            bytes_of(read, num_from_int(read, g->entries_read))};
    effect_put(kv, 7, argv);
}

void cmd_stream_claims_init(struct stream_claims *claims, struct key_view *kv, struct stream_group *g,
                            struct bytes consumer, int64_t delivery_ms) {
    *claims = (struct stream_claims){
        .kv = kv, .group = g, .consumer = consumer, .delivery_ms = delivery_ms, .deliveries = 0};
    cmd_stream_ids_init(&claims->run);
}

/* XCLAIM key group consumer 0 id ... TIME t RETRYCOUNT n FORCE JUSTID LASTID id */
static void claims_emit(struct stream_claims *claims) {
    enum { BEFORE = 5, BEHIND = 8 };
    char time[NUM_INT_TEXT_MAX];
    char count[NUM_INT_TEXT_MAX];
    char last[STREAM_ID_TEXT_MAX];
    if (claims->run.count == 0)
        return;
    struct id_args args = id_args_new(&claims->run, BEFORE + BEHIND, BEFORE);
    struct bytes *at = args.argv;
    *at++ = BYTES_LIT("XCLAIM");
    *at++ = claims->kv->key;
    *at++ = claims->group->name;
    *at++ = claims->consumer;
    *at++ = BYTES_LIT("0");
    at += claims->run.count;
    *at++ = BYTES_LIT("TIME");
    *at++ = bytes_of(time, num_from_int(time, claims->delivery_ms));
    *at++ = BYTES_LIT("RETRYCOUNT");
    *at++ = bytes_of(count, num_from_int(count, claims->deliveries));
    *at++ = BYTES_LIT("FORCE");
    *at++ = BYTES_LIT("JUSTID");
    *at++ = BYTES_LIT("LASTID");
    *at++ = bytes_of(last, stream_id_text(claims->group->last_id, last));
    effect_put(claims->kv, (int)(at - args.argv), args.argv);
    id_args_free(&args);
    claims->run.count = 0;
}

void cmd_stream_claims_put(struct stream_claims *claims, struct stream_id id, int64_t deliveries) {
    if (deliveries != claims->deliveries)
        claims_emit(claims);
    claims->deliveries = deliveries;
    cmd_stream_ids_put(&claims->run, id);
}

void cmd_stream_claims_end(struct stream_claims *claims) {
    claims_emit(claims);
    cmd_stream_ids_deinit(&claims->run);
}
