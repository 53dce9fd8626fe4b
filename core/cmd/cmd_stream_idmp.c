/* cmd_stream_idmp.c: producers that may send a message twice: XCFGSET, XIDMPRECORD, and what XADD shares with them.
 *
 * A message that is added with an iid is logged as a plain XADD and an XIDMPRECORD, which tells the stream that it knows the
 * message. A message that was known already changes nothing and is not logged. */
#include "core/base/sha1.h"
#include "core/cmd/cmd_stream.h"
#include "core/value/stream_idmp.h"

static bool fail(struct exec *x, const char *text) {
    resp_error(x->out, bytes_cstr(text));
    return false;
}

/* ---- XADD ---- */

struct bytes cmd_stream_content_iid(const struct bytes *pairs, size_t count,
                                    char room[CMD_STREAM_IID_BYTES]) {
    struct sha1 sha;
    sha1_init(&sha);
    for (size_t i = 0; i < count; i++) {
        uint64_t len = pairs[i].len;
        sha1_feed(&sha, &len, sizeof(len));
        sha1_feed(&sha, pairs[i].ptr, pairs[i].len);
    }
    sha1_end(&sha, (uint8_t *)room);
    return bytes_of(room, CMD_STREAM_IID_BYTES);
}

void cmd_stream_effect_record(struct key_view *kv, struct bytes producer, struct bytes iid,
                              struct stream_id id) {
    char text[STREAM_ID_TEXT_MAX];
    struct bytes argv[5] = {BYTES_LIT("XIDMPRECORD"), kv->key, producer, iid,
                            bytes_of(text, stream_id_text(id, text))};
    effect_put(kv, 5, argv);
}

void cmd_stream_effect_idmp(struct key_view *kv) {
    const struct stream_idmp *idmp = cmd_stream(kv)->idmp;
    struct ordset_place place;
    char duration[NUM_INT_TEXT_MAX];
    char size[NUM_INT_TEXT_MAX];
    if (idmp == NULL)
        return;
    struct bytes argv[6] = {
        BYTES_LIT("XCFGSET"),       kv->key,
        BYTES_LIT("IDMP-DURATION"), bytes_of(duration, num_from_int(duration, idmp->duration_s)),
        BYTES_LIT("IDMP-MAXSIZE"),  bytes_of(size, num_from_uint(size, idmp->max_size))};
    effect_put(kv, 6, argv);
    for (void *item = ordset_seek_first(&idmp->producers, &place); item != NULL; item = ordset_next(&place)) {
        const struct stream_producer *p = stream_producer_at(item);
        for (const struct link *l = p->oldest.next; l != &p->oldest; l = l->next) {
            const struct stream_iid *iid = CONTAINER_OF(l, struct stream_iid, link);
            cmd_stream_effect_record(kv, p->name, iid->name, iid->id);
        }
    }
}

/* ---- XCFGSET ---- */

struct idmp_config {
    int64_t duration_s; /* 0: not given */
    int64_t max_size;
};

static bool read_config(struct exec *x, struct idmp_config *args) {
    *args = (struct idmp_config){0, 0};
    for (int i = 2; i < x->argc; i += 2) {
        bool has_value = i + 1 < x->argc;
        if (has_value && bytes_is_word(x->argv[i], "idmp-duration")) {
            if (!num_parse_int(x->argv[i + 1], &args->duration_s) || args->duration_s < 1 ||
                args->duration_s > STREAM_IDMP_DURATION_S_MAX)
                return fail(x, "ERR IDMP-DURATION must be between 1 and 86400 seconds");
        } else if (has_value && bytes_is_word(x->argv[i], "idmp-maxsize")) {
            if (!num_parse_int(x->argv[i + 1], &args->max_size) || args->max_size < 1 ||
                args->max_size > STREAM_IDMP_MAX_SIZE_MAX)
                return fail(x, "ERR IDMP-MAXSIZE must be between 1 and 10000 entries");
        } else {
            resp_err(x->out, REPLY_ERR_SYNTAX);
            return false;
        }
    }
    return true;
}

/* XCFGSET key [IDMP-DURATION seconds] [IDMP-MAXSIZE count] */
void cmd_xcfgset(struct exec *x) {
    struct idmp_config args;
    struct key_view kv;
    if (!read_config(x, &args))
        return;
    if (!key_open_write(x, x->argv[1], &kv)) {
        resp_err(x->out, REPLY_ERR_NO_KEY);
        return;
    }
    if (!key_check_type(&kv, VALUE_STREAM))
        return;
    struct stream *s = cmd_stream(&kv);
    int64_t duration_s = s->idmp == NULL ? STREAM_IDMP_DURATION_S : s->idmp->duration_s;
    uint64_t max_size = s->idmp == NULL ? STREAM_IDMP_MAX_SIZE : s->idmp->max_size;
    stream_idmp_configure(s, args.duration_s == 0 ? duration_s : args.duration_s,
                          args.max_size == 0 ? max_size : (uint64_t)args.max_size);
    cmd_stream_changed(&kv);
    effect_put_same(&kv);
    resp_ok(x->out);
}

/* ---- XIDMPRECORD ---- */

/* XIDMPRECORD key producer iid id */
void cmd_xidmprecord(struct exec *x) {
    struct key_view kv;
    struct stream_id id;
    struct stream_id known;
    if (!cmd_stream_arg_id(x, 4, 0, &id))
        return;
    if (!key_open_write(x, x->argv[1], &kv)) {
        resp_err(x->out, REPLY_ERR_NO_KEY);
        return;
    }
    if (!key_check_type(&kv, VALUE_STREAM))
        return;
    struct stream *s = cmd_stream(&kv);
    if (x->argv[2].len == 0 || x->argv[3].len == 0) {
        resp_error(x->out, BYTES_LIT("ERR the producer and the idempotent ID must not be empty"));
    } else if (!x->engine->is_replaying &&
               stream_idmp_find(s, x->argv[2], x->argv[3], x->engine->now_ms, &known)) {
        if (stream_id_compare(known, id) == 0)
            resp_ok(x->out);
        else
            resp_error(x->out, BYTES_LIT("ERR the idempotent ID belongs to another entry"));
        cmd_stream_changed(&kv);
    } else if (!x->engine->is_replaying && !stream_has(s, id)) {
        resp_error(x->out, BYTES_LIT("ERR there is no entry with this ID"));
        cmd_stream_changed(&kv);
    } else {
        stream_idmp_put(s, x->argv[2], x->argv[3], id, x->engine->now_ms);
        cmd_stream_changed(&kv);
        effect_put_same(&kv);
        resp_ok(x->out);
    }
}
