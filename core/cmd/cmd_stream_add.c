/* cmd_stream_add.c: entries come and go: XADD, XTRIM, XDEL, XDELEX, XLEN, XSETID.
 *
 * Effects: XADD is logged with the ID that it gave. Approximate trimming depends on how entries lie in nodes, so it is
 * logged as exact trimming to the length that came out: what goes is always the oldest that may go, so the length says
 * which. */
#include "core/base/mem.h"
#include "core/cmd/cmd_stream.h"
#include "core/value/stream_idmp.h"

enum {
    LIMIT_NODES = 100, /* approximate trimming removes so many full nodes at most, unless told otherwise */
    LIMIT_DEFAULT = 10000,
    LIMIT_MAX = 1000000,
    EFFECT_ARGS_FEW = 32,
};

/* What XADD and XTRIM are told before the ID. */
struct add_args {
    struct stream_trim trim;
    struct stream_id id;
    int id_at; /* position of the ID */
    bool has_id;
    bool has_seq;
    bool is_no_mkstream;
    bool is_limit_given;
    int producer_at; /* of IDMP or IDMPAUTO; 0: neither was given */
    int iid_at;      /* of IDMP; 0: the iid is made from the content */
};

/* ---- reading arguments ---- */

static bool fail(struct exec *x, const char *text) {
    resp_error(x->out, bytes_cstr(text));
    return false;
}

/* MAXLEN or MINID at argv[*i], with what follows; *i is then the last word of it. */
static bool read_trim(struct exec *x, int *i, struct add_args *args) {
    struct stream_trim *trim = &args->trim;
    bool is_maxlen = bytes_is_word(x->argv[*i], "maxlen");
    if (trim->by != STREAM_TRIM_NONE)
        return fail(x, "ERR syntax error, MAXLEN and MINID options at the same time are not compatible");
    trim->by = is_maxlen ? STREAM_TRIM_MAXLEN : STREAM_TRIM_MINID;
    ++*i;
    if (*i + 1 < x->argc && x->argv[*i].len == 1 &&
        (x->argv[*i].ptr[0] == '~' || x->argv[*i].ptr[0] == '=')) {
        trim->is_approx = x->argv[*i].ptr[0] == '~';
        ++*i;
    }
    if (!is_maxlen)
        return cmd_stream_arg_id(x, *i, 0, &trim->min_id);
    int64_t length;
    if (!cmd_arg_int(x, *i, &length))
        return false;
    if (length < 0)
        return fail(x, "ERR The MAXLEN argument must be >= 0.");
    trim->max_length = (uint64_t)length;
    return true;
}

static bool read_limit(struct exec *x, int i, struct add_args *args) {
    int64_t limit;
    if (!cmd_arg_int(x, i, &limit))
        return false;
    if (limit < 0)
        return fail(x, "ERR The LIMIT argument must be >= 0.");
    args->trim.limit = (uint64_t)limit;
    args->is_limit_given = true;
    return true;
}

/* IDMP or IDMPAUTO at argv[*i]; *i is then the last word of it. */
static bool read_idmp(struct exec *x, int *i, struct add_args *args) {
    bool is_auto = bytes_is_word(x->argv[*i], "idmpauto");
    if (args->producer_at != 0 || *i + (is_auto ? 1 : 2) >= x->argc) {
        resp_err(x->out, REPLY_ERR_SYNTAX);
        return false;
    }
    args->producer_at = ++*i;
    args->iid_at = is_auto ? 0 : ++*i;
    if (x->argv[args->producer_at].len == 0 || x->argv[*i].len == 0)
        return fail(x, "ERR the producer and the idempotent ID must not be empty");
    return true;
}

/* Sets and checks the limit once all words are known. */
static bool settle_limit(struct exec *x, struct add_args *args) {
    struct stream_trim *trim = &args->trim;
    if (trim->limit != 0 && trim->by == STREAM_TRIM_NONE)
        return fail(x, "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy");
    if (x->engine->is_replaying) { /* effects are exact */
        trim->limit = 0;
        return true;
    }
    if (args->is_limit_given)
        return trim->is_approx ||
               fail(x, "ERR syntax error, LIMIT cannot be used without the special ~ option");
    if (trim->is_approx) {
        int64_t entries = x->engine->config->stream_node_max_entries;
        bool is_small = entries > 0 && entries <= LIMIT_MAX / LIMIT_NODES;
        trim->limit = is_small ? (uint64_t)entries * LIMIT_NODES : entries <= 0 ? LIMIT_DEFAULT : LIMIT_MAX;
    }
    return true;
}

static bool read_args(struct exec *x, bool is_add, struct add_args *args) {
    int i = 2;
    *args = (struct add_args){.has_seq = true};
    for (; i < x->argc; i++) {
        struct bytes word = x->argv[i];
        bool has_more = i + 1 < x->argc;
        if (is_add && word.len == 1 && word.ptr[0] == '*')
            break;
        if (has_more && (bytes_is_word(word, "maxlen") || bytes_is_word(word, "minid"))) {
            if (!read_trim(x, &i, args))
                return false;
        } else if (has_more && bytes_is_word(word, "limit")) {
            if (!read_limit(x, ++i, args))
                return false;
        } else if (cmd_stream_is_refs(x, i, &args->trim.refs)) {
            continue;
        } else if (is_add && (bytes_is_word(word, "idmp") || bytes_is_word(word, "idmpauto"))) {
            if (!read_idmp(x, &i, args))
                return false;
        } else if (is_add && bytes_is_word(word, "nomkstream")) {
            args->is_no_mkstream = true;
        } else if (is_add) {
            if (!stream_id_parse_new(word, &args->id, &args->has_seq)) {
                resp_err(x->out, REPLY_ERR_STREAM_ID);
                return false;
            }
            args->has_id = true;
            break;
        } else {
            resp_err(x->out, REPLY_ERR_SYNTAX);
            return false;
        }
    }
    args->id_at = i;
    if (args->producer_at != 0 && args->has_id)
        return fail(x, "ERR IDMP and IDMPAUTO can only be used with the ID *");
    if (!is_add && args->trim.by == STREAM_TRIM_NONE && args->trim.limit == 0)
        return fail(x, "ERR syntax error, XTRIM must be called with a trimming strategy");
    return settle_limit(x, args);
}

/* ---- XADD ---- */

/* The ID that the new entry gets; false: it would not be greater than all before. */
static bool next_id(const struct exec *x, const struct stream *s, const struct add_args *args,
                    struct stream_id *id_out) {
    struct stream_id last = s == NULL ? STREAM_ID_MIN : s->last_id;
    struct stream_id id = args->id;
    if (!args->has_id) {
        id = (struct stream_id){(uint64_t)x->engine->now_ms, 0};
        if (id.ms <= last.ms) {
            id = last;
            stream_id_increment(&id);
        }
    } else if (!args->has_seq && id.ms == last.ms) {
        id.seq = last.seq + 1; /* 0 when it wraps, which is refused below */
    }
    *id_out = id;
    return stream_id_compare(id, last) > 0;
}

static bool append(struct exec *x, struct stream *s, struct stream_id id, int first) {
    const struct config *config = x->engine->config;
    struct stream_node_limits limits = {(uint64_t)config->stream_node_max_bytes,
                                        (uint64_t)config->stream_node_max_entries};
    switch (stream_append(s, id, x->argv + first, (size_t)(x->argc - first) / 2, limits)) {
    case STREAM_APPENDED: return true;
    case STREAM_APPEND_TOO_BIG: return fail(x, "ERR Elements are too large to be stored");
    case STREAM_APPEND_NO_MEMORY: cmd_reply_no_memory(x); return false;
    }
    return false;
}

/* Writes the trimming as words of an exact command; gives how many, at most 4. */
static int trim_words(const struct stream *s, const struct stream_trim *trim, char text[STREAM_ID_TEXT_MAX],
                      struct bytes *words) {
    int count = 0;
    if (trim->by == STREAM_TRIM_NONE)
        return 0;
    bool is_minid = trim->by == STREAM_TRIM_MINID && !trim->is_approx;
    uint64_t length = trim->is_approx ? s->length : trim->max_length;
    words[count++] = is_minid ? BYTES_LIT("MINID") : BYTES_LIT("MAXLEN");
    words[count++] = BYTES_LIT("=");
    words[count++] =
        bytes_of(text, is_minid ? stream_id_text(trim->min_id, text) : num_from_uint(text, length));
    if (trim->refs != STREAM_KEEPREF)
        words[count++] = trim->refs == STREAM_DELREF ? BYTES_LIT("DELREF") : BYTES_LIT("ACKED");
    return count;
}

/* XADD key [trimming] id field value ... */
static void effect_add(struct key_view *kv, const struct add_args *args, struct stream_id id) {
    struct exec *x = kv->x;
    struct bytes few[EFFECT_ARGS_FEW];
    char trim_text[STREAM_ID_TEXT_MAX];
    char id_text[STREAM_ID_TEXT_MAX];
    size_t pairs = (size_t)(x->argc - args->id_at - 1);
    if (!x->engine->effects_on) {
        effect_put_same(kv); /* only counted */
        return;
    }
    struct bytes *argv = pairs + 7 <= EFFECT_ARGS_FEW ? few : mem_alloc((pairs + 7) * sizeof(*argv));
    int argc = 2 + trim_words(cmd_stream(kv), &args->trim, trim_text, argv + 2);
    argv[0] = BYTES_LIT("XADD");
    argv[1] = kv->key;
    argv[argc++] = bytes_of(id_text, stream_id_text(id, id_text));
    memcpy(argv + argc, x->argv + args->id_at + 1, pairs * sizeof(*argv));
    effect_put(kv, argc + (int)pairs, argv);
    if (argv != few)
        mem_free(argv);
}

/* The iid of a message of a producer. */
static struct bytes iid_of(const struct exec *x, const struct add_args *args,
                           char room[CMD_STREAM_IID_BYTES]) {
    int first = args->id_at + 1;
    if (args->iid_at != 0)
        return x->argv[args->iid_at];
    return cmd_stream_content_iid(x->argv + first, (size_t)(x->argc - first), room);
}

/* True if the message was added before; then the ID of its entry was replied. */
static bool is_duplicate(struct key_view *kv, const struct add_args *args) {
    struct exec *x = kv->x;
    struct stream *s = cmd_stream(kv);
    struct stream_id id;
    char room[CMD_STREAM_IID_BYTES];
    if (args->producer_at == 0 || s->idmp == NULL)
        return false;
    bool is_known =
        stream_idmp_find(s, x->argv[args->producer_at], iid_of(x, args, room), x->engine->now_ms, &id);
    if (is_known) {
        s->idmp->duplicates++;
        cmd_stream_reply_id(x, id);
    }
    cmd_stream_changed(kv);
    return is_known;
}

/* Adds the entry to the stream in the key, which is made when there is none. */
static void add_entry(struct key_view *kv, const struct add_args *args, struct stream_id id) {
    struct exec *x = kv->x;
    bool is_new = kv->entry == NULL;
    struct stream *s = is_new ? stream_new() : cmd_stream(kv);
    if (!append(x, s, id, args->id_at + 1)) {
        if (is_new)
            stream_free(s);
        return;
    }
    uint64_t trimmed = stream_trim(s, &args->trim);
    char room[CMD_STREAM_IID_BYTES];
    struct bytes iid = args->producer_at == 0 ? BYTES_NONE : iid_of(x, args, room);
    if (args->producer_at != 0)
        stream_idmp_put(s, x->argv[args->producer_at], iid, id, x->engine->now_ms);
    if (is_new)
        key_put(kv, entry_new_object(kv->key, VALUE_STREAM, STREAM_ENCODING, s));
    else
        cmd_stream_changed(kv);
    effect_add(kv, args, id);
    if (args->producer_at != 0)
        cmd_stream_effect_record(kv, x->argv[args->producer_at], iid, id);
    cmd_stream_reply_id(x, id);
    exec_event(kv, EVENT_STREAM, "xadd");
    if (trimmed != 0)
        exec_event(kv, EVENT_STREAM, "xtrim");
    if (!is_new)
        exec_ready(kv);
}

/* XADD key [NOMKSTREAM] [KEEPREF|DELREF|ACKED] [IDMPAUTO producer|IDMP producer iid] [MAXLEN|MINID [=|~] threshold
 * [LIMIT count]] *|id field value ... */
void cmd_xadd(struct exec *x) {
    struct add_args args;
    struct key_view kv;
    struct stream_id id;
    if (!read_args(x, true, &args))
        return;
    int pairs = x->argc - args.id_at - 1;
    if (pairs < 2 || pairs % 2 != 0) {
        cmd_reply_arity(x);
        return;
    }
    if (args.has_id && args.has_seq && stream_id_is_zero(args.id)) {
        resp_err(x->out, REPLY_ERR_STREAM_ID_ZERO);
        return;
    }
    bool is_there = key_open_write(x, x->argv[1], &kv);
    if (!key_check_type(&kv, VALUE_STREAM))
        return;
    if (!is_there && args.is_no_mkstream) {
        resp_null(x->out);
        return;
    }
    if (is_there && is_duplicate(&kv, &args))
        return;
    const struct stream *s = is_there ? cmd_stream(&kv) : NULL;
    if (s != NULL && stream_id_compare(s->last_id, STREAM_ID_MAX) == 0)
        resp_err(x->out, REPLY_ERR_STREAM_EXHAUSTED);
    else if (!next_id(x, s, &args, &id))
        resp_err(x->out, REPLY_ERR_STREAM_ID_SMALL);
    else
        add_entry(&kv, &args, id);
}

/* ---- XTRIM ---- */

static void effect_trim(struct key_view *kv, const struct stream_trim *trim) {
    char text[STREAM_ID_TEXT_MAX];
    struct bytes argv[6] = {BYTES_LIT("XTRIM"), kv->key};
    int count = trim_words(cmd_stream(kv), trim, text, argv + 2);
    effect_put(kv, 2 + count, argv);
}

/* XTRIM key MAXLEN|MINID [=|~] threshold [LIMIT count] [KEEPREF|DELREF|ACKED] */
void cmd_xtrim(struct exec *x) {
    struct add_args args;
    struct key_view kv;
    if (!read_args(x, false, &args))
        return;
    if (!key_open_write(x, x->argv[1], &kv)) {
        resp_int(x->out, 0);
        return;
    }
    if (!key_check_type(&kv, VALUE_STREAM))
        return;
    uint64_t trimmed = stream_trim(cmd_stream(&kv), &args.trim);
    cmd_stream_changed(&kv);
    if (trimmed != 0) {
        effect_trim(&kv, &args.trim);
        exec_event(&kv, EVENT_STREAM, "xtrim");
    }
    resp_int(x->out, (int64_t)trimmed);
}

/* ---- deleting ---- */

/* XDEL key id [id ...] */
void cmd_xdel(struct exec *x) {
    struct stream_ids ids;
    struct key_view kv;
    if (!key_open_write(x, x->argv[1], &kv)) {
        resp_int(x->out, 0);
        return;
    }
    if (!key_check_type(&kv, VALUE_STREAM))
        return;
    cmd_stream_ids_init(&ids);
    if (cmd_stream_arg_ids(x, 2, x->argc, &ids)) {
        int64_t deleted = 0;
        for (size_t i = 0; i < ids.count; i++)
            deleted += stream_delete(cmd_stream(&kv), ids.ids[i]) ? 1 : 0;
        cmd_stream_changed(&kv);
        if (deleted != 0) {
            effect_put_same(&kv);
            exec_event(&kv, EVENT_STREAM, "xdel");
        }
        resp_int(x->out, deleted);
    }
    cmd_stream_ids_deinit(&ids);
}

enum {
    DELEX_NONE = -1, /* there is no such entry */
    DELEX_DELETED = 1,
    DELEX_NEEDED = 2, /* a group still needs it */
};

static int64_t delete_one(struct stream *s, struct stream_id id, enum stream_refs refs) {
    if (refs == STREAM_DELREF)
        stream_forget(s, id);
    if (refs == STREAM_ACKED && stream_has(s, id) && stream_is_needed(s, id))
        return DELEX_NEEDED;
    return stream_delete(s, id) ? DELEX_DELETED : DELEX_NONE;
}

/* XDELEX key [KEEPREF|DELREF|ACKED] IDS numids id [id ...] */
void cmd_xdelex(struct exec *x) {
    struct stream_ids ids;
    struct stream_ids gone;
    struct key_view kv;
    enum stream_refs refs;
    cmd_stream_ids_init(&ids);
    cmd_stream_ids_init(&gone);
    bool is_there = key_open_write(x, x->argv[1], &kv);
    if (key_check_type(&kv, VALUE_STREAM) && cmd_stream_arg_refs_ids(x, 2, &refs, &ids)) {
        resp_array(x->out, ids.count);
        for (size_t i = 0; i < ids.count; i++) {
            int64_t result = is_there ? delete_one(cmd_stream(&kv), ids.ids[i], refs) : DELEX_NONE;
            resp_int(x->out, result);
            if (result == DELEX_DELETED)
                cmd_stream_ids_put(&gone, ids.ids[i]);
        }
        if (is_there) {
            cmd_stream_changed(&kv);
            if (refs == STREAM_DELREF)
                effect_put_same(&kv);
            else
                cmd_stream_effect_ids(&kv, "XDEL", NULL, &gone);
            if (gone.count > 0)
                exec_event(&kv, EVENT_STREAM, "xdel");
        }
    }
    cmd_stream_ids_deinit(&gone);
    cmd_stream_ids_deinit(&ids);
}

/* ---- the stream itself ---- */

/* XLEN key */
void cmd_xlen(struct exec *x) {
    struct key_view kv;
    if (!key_open_read(x, x->argv[1], &kv))
        resp_int(x->out, 0);
    else if (key_check_type(&kv, VALUE_STREAM))
        resp_int(x->out, (int64_t)cmd_stream(&kv)->length);
}

struct setid_args {
    struct stream_id id;
    struct stream_id max_deleted;
    int64_t added; /* -1: not given */
};

static bool read_setid(struct exec *x, struct setid_args *args) {
    *args = (struct setid_args){.added = -1};
    if (!cmd_stream_arg_id(x, 2, 0, &args->id))
        return false;
    for (int i = 3; i < x->argc; i += 2) {
        bool has_value = i + 1 < x->argc;
        if (has_value && bytes_is_word(x->argv[i], "entriesadded")) {
            if (!cmd_arg_int(x, i + 1, &args->added))
                return false;
            if (args->added < 0)
                return fail(x, "ERR entries_added must be positive");
        } else if (has_value && bytes_is_word(x->argv[i], "maxdeletedid")) {
            if (!cmd_stream_arg_id(x, i + 1, 0, &args->max_deleted))
                return false;
            if (stream_id_compare(args->id, args->max_deleted) < 0)
                return fail(
                    x, "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id");
        } else {
            resp_err(x->out, REPLY_ERR_SYNTAX);
            return false;
        }
    }
    return true;
}

static bool is_setid_fit(struct exec *x, const struct stream *s, const struct setid_args *args) {
    if (stream_id_compare(args->id, s->max_deleted_id) < 0)
        return fail(x, "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id");
    if (s->length == 0)
        return true;
    if (stream_id_compare(args->id, stream_last_entry_id(s)) < 0)
        return fail(x, "ERR The ID specified in XSETID is smaller than the target stream top item");
    if (args->added != -1 && s->length > (uint64_t)args->added)
        return fail(x, "ERR The entries_added specified in XSETID is smaller than the target stream length");
    return true;
}

/* XSETID key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id] */
void cmd_xsetid(struct exec *x) {
    struct setid_args args;
    struct key_view kv;
    if (!read_setid(x, &args))
        return;
    if (!key_open_write(x, x->argv[1], &kv)) {
        resp_err(x->out, REPLY_ERR_NO_KEY);
        return;
    }
    if (!key_check_type(&kv, VALUE_STREAM) || !is_setid_fit(x, cmd_stream(&kv), &args))
        return;
    struct stream *s = cmd_stream(&kv);
    s->last_id = args.id;
    if (args.added != -1)
        s->entries_added = (uint64_t)args.added;
    if (!stream_id_is_zero(args.max_deleted))
        s->max_deleted_id = args.max_deleted;
    cmd_stream_changed(&kv);
    effect_put_same(&kv);
    exec_event(&kv, EVENT_STREAM, "xsetid");
    resp_ok(x->out);
}
