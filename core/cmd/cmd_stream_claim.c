/* cmd_stream_claim.c: messages change their consumer: XCLAIM, XAUTOCLAIM.
 *
 * A message whose entry is gone cannot be claimed; whoever meets it takes it off the list. That is logged as XACK, what is
 * claimed as XCLAIM with everything said (cmd_stream.c). */
#include "core/cmd/cmd_stream.h"

enum {
    AUTOCLAIM_COUNT = 100, /* messages that XAUTOCLAIM claims at most, unless told otherwise */
    AUTOCLAIM_TRIES = 10,  /* times as many are looked at */
};

/* How messages are claimed. */
struct claim {
    struct key_view *kv;
    struct stream_group *group;
    struct stream_consumer *consumer;
    int64_t min_idle_ms;
    int64_t delivery_ms; /* -1: now */
    int64_t retries;     /* -1: one more than before, with JUSTID as before */
    bool is_force;
    bool is_justid;
    struct stream_claims claims;
    struct stream_ids gone;
};

/* False: a message is pending for too short a time. */
static bool is_idle_enough(const struct claim *c, const struct stream_pending *p) {
    return c->min_idle_ms == 0 || p->consumer == NULL ||
           c->kv->x->engine->now_ms - p->delivery_ms >= c->min_idle_ms;
}

/* Claims one message; `p` is NULL if it is not pending. True: it was, and was replied. */
static bool claim_one(struct claim *c, struct stream_id id, const struct stream_pending *p) {
    struct exec *x = c->kv->x;
    struct stream_iter it;
    stream_iter_init(&it, cmd_stream(c->kv), id, id, false);
    if (!stream_iter_next(&it)) {
        if (p != NULL && stream_ack(c->group, id))
            cmd_stream_ids_put(&c->gone, id);
        return false;
    }
    if (p == NULL ? !c->is_force : !is_idle_enough(c, p))
        return false;
    int64_t deliveries = p == NULL ? 1 : p->deliveries;
    if (c->retries >= 0)
        deliveries = c->retries;
    else if (!c->is_justid && deliveries < INT64_MAX)
        deliveries++;
    stream_pend(c->group, id, c->consumer, c->delivery_ms, deliveries);
    cmd_stream_claims_put(&c->claims, id, deliveries);
    c->consumer->active_ms = x->engine->now_ms;
    if (c->is_justid)
        cmd_stream_reply_id(x, id);
    else
        cmd_stream_reply_entry(x, &it);
    return true;
}

static void claim_begin(struct claim *c, struct bytes consumer) {
    c->consumer = cmd_stream_see_consumer(c->kv, c->group, consumer);
    cmd_stream_claims_init(&c->claims, c->kv, c->group, consumer, c->delivery_ms);
    cmd_stream_ids_init(&c->gone);
}

static void claim_end(struct claim *c) {
    cmd_stream_changed(c->kv);
    cmd_stream_claims_end(&c->claims);
    cmd_stream_effect_ids(c->kv, "XACK", c->group, &c->gone);
    cmd_stream_ids_deinit(&c->gone);
}

static bool arg_int(struct exec *x, int i, int64_t *value_out, const char *error) {
    if (num_parse_int(x->argv[i], value_out))
        return true;
    resp_error(x->out, bytes_cstr(error));
    return false;
}

/* ---- XCLAIM ---- */

/* The delivery time that IDLE or TIME asks for; nonsense means now. */
static void settle_time(struct exec *x, struct claim *c) {
    int64_t now_ms = x->engine->now_ms;
    bool is_future = c->delivery_ms > now_ms && !x->engine->is_replaying;
    if (c->delivery_ms < 0 || is_future)
        c->delivery_ms = now_ms;
}

/* Options from argv[i] on; *last_out is the ID of LASTID. */
static bool read_claim(struct exec *x, int i, struct claim *c, struct stream_id *last_out) {
    for (; i < x->argc; i++) {
        struct bytes word = x->argv[i];
        bool has_more = i + 1 < x->argc;
        if (bytes_is_word(word, "force")) {
            c->is_force = true;
        } else if (bytes_is_word(word, "justid")) {
            c->is_justid = true;
        } else if (has_more && bytes_is_word(word, "idle")) {
            if (!arg_int(x, ++i, &c->delivery_ms, "ERR Invalid IDLE option argument for XCLAIM"))
                return false;
            if (!num_add(x->engine->now_ms, c->delivery_ms == INT64_MIN ? 0 : -c->delivery_ms,
                         &c->delivery_ms))
                c->delivery_ms = x->engine->now_ms;
        } else if (has_more && bytes_is_word(word, "time")) {
            if (!arg_int(x, ++i, &c->delivery_ms, "ERR Invalid TIME option argument for XCLAIM"))
                return false;
        } else if (has_more && bytes_is_word(word, "retrycount")) {
            if (!arg_int(x, ++i, &c->retries, "ERR Invalid RETRYCOUNT option argument for XCLAIM"))
                return false;
        } else if (has_more && bytes_is_word(word, "lastid")) {
            if (!cmd_stream_arg_id(x, ++i, 0, last_out))
                return false;
        } else {
            resp_errorf(x->out, "ERR Unrecognized XCLAIM option '%.*s'", (int)word.len, word.ptr);
            return false;
        }
    }
    return true;
}

static void claim_ids(struct claim *c, const struct stream_ids *ids, struct stream_id last) {
    struct exec *x = c->kv->x;
    bool is_moved = stream_id_compare(last, c->group->last_id) > 0;
    if (is_moved)
        c->group->last_id = last;
    settle_time(x, c);
    claim_begin(c, x->argv[3]);
    size_t mark = resp_defer(x->out);
    size_t count = 0;
    for (size_t i = 0; i < ids->count; i++)
        count += claim_one(c, ids->ids[i], stream_find_pending(c->group, ids->ids[i])) ? 1 : 0;
    resp_defer_array(x->out, mark, count);
    claim_end(c);
    if (is_moved)
        cmd_stream_effect_cursor(c->kv, c->group);
}

/* XCLAIM key group consumer min-idle-time id [id ...] [IDLE ms] [TIME unix-time-milliseconds] [RETRYCOUNT count] [FORCE]
 * [JUSTID] [LASTID id] */
void cmd_xclaim(struct exec *x) {
    struct key_view kv;
    struct stream_ids ids;
    struct stream_id id;
    struct stream_id last = STREAM_ID_MIN;
    struct claim c = {.kv = &kv, .delivery_ms = -1, .retries = -1};
    c.group = cmd_stream_open_group(x, 1, &kv);
    if (c.group == NULL || !arg_int(x, 4, &c.min_idle_ms, "ERR Invalid min-idle-time argument for XCLAIM"))
        return;
    c.min_idle_ms = c.min_idle_ms < 0 ? 0 : c.min_idle_ms;
    cmd_stream_ids_init(&ids);
    int i = 5;
    for (; i < x->argc && stream_id_parse(x->argv[i], 0, &id); i++)
        cmd_stream_ids_put(&ids, id);
    if (read_claim(x, i, &c, &last))
        claim_ids(&c, &ids, last);
    cmd_stream_ids_deinit(&ids);
}

/* ---- XAUTOCLAIM ---- */

static bool read_autoclaim(struct exec *x, struct claim *c, struct stream_id *start, int64_t *count) {
    const int64_t max = INT64_MAX / (int64_t)sizeof(*start);
    *count = AUTOCLAIM_COUNT;
    if (!arg_int(x, 4, &c->min_idle_ms, "ERR Invalid min-idle-time argument for XAUTOCLAIM"))
        return false;
    c->min_idle_ms = c->min_idle_ms < 0 ? 0 : c->min_idle_ms;
    if (!cmd_stream_arg_start(x, 5, start))
        return false;
    for (int i = 6; i < x->argc; i++) {
        if (bytes_is_word(x->argv[i], "count") && i + 1 < x->argc) {
            if (!num_parse_int(x->argv[++i], count) || *count < 1 || *count > max) {
                resp_error(x->out, BYTES_LIT("ERR COUNT must be > 0"));
                return false;
            }
        } else if (bytes_is_word(x->argv[i], "justid")) {
            c->is_justid = true;
        } else {
            resp_err(x->out, REPLY_ERR_SYNTAX);
            return false;
        }
    }
    return true;
}

/* Walks the pending messages from `at` on; gives how many were claimed, and in *at where to go on (0-0: at the end). */
static size_t autoclaim(struct claim *c, struct stream_id *at, int64_t count) {
    struct ordset_place place;
    size_t claimed = 0;
    const struct stream_pending *p = ordset_seek_ge(&c->group->pel, at, &place);
    for (int64_t tries = count * AUTOCLAIM_TRIES; p != NULL && tries > 0 && count > 0; tries--) {
        size_t gone = c->gone.count;
        *at = p->id;
        bool is_claimed = claim_one(c, *at, p);
        claimed += is_claimed ? 1 : 0;
        bool is_gone = c->gone.count != gone;
        count -= is_claimed || is_gone ? 1 : 0;
        p = is_gone ? ordset_seek_ge(&c->group->pel, at, &place) : ordset_next(&place);
    }
    *at = p == NULL ? STREAM_ID_MIN : p->id;
    return claimed;
}

/* XAUTOCLAIM key group consumer min-idle-time start [COUNT count] [JUSTID] */
void cmd_xautoclaim(struct exec *x) {
    struct key_view kv;
    struct stream_id at;
    int64_t count;
    struct claim c = {.kv = &kv, .delivery_ms = x->engine->now_ms, .retries = -1};
    if (!read_autoclaim(x, &c, &at, &count))
        return;
    c.group = cmd_stream_open_group(x, 1, &kv);
    if (c.group == NULL)
        return;
    /* The reply begins with where to go on, which is known last. */
    struct buf *reply = x->out->buf;
    struct buf claimed;
    buf_init(&claimed);
    x->out->buf = &claimed;
    claim_begin(&c, x->argv[3]);
    size_t claimed_count = autoclaim(&c, &at, count);
    x->out->buf = reply;
    resp_array(x->out, 3);
    cmd_stream_reply_id(x, at);
    resp_array(x->out, claimed_count);
    resp_raw(x->out, buf_bytes(&claimed));
    resp_array(x->out, c.gone.count);
    for (size_t i = 0; i < c.gone.count; i++)
        cmd_stream_reply_id(x, c.gone.ids[i]);
    buf_deinit(&claimed);
    claim_end(&c);
}
