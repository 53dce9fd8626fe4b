/* cmd_zset_pop.c: ZPOPMIN, ZPOPMAX, ZMPOP, and the three that wait: BZPOPMIN, BZPOPMAX, BZMPOP.
 *
 * Whatever was called, the log says ZPOPMIN or ZPOPMAX with the number of elements taken from the one key. */
#include "core/cmd/cmd_zset.h"
#include "core/cmd/opts.h"

#include <math.h>

enum zpop_end { ZPOP_MIN, ZPOP_MAX };

/* How the elements are given. */
enum zpop_style {
    ZPOP_FLAT,   /* name score name score */
    ZPOP_PAIRS,  /* arrays of two */
    ZPOP_SINGLE, /* key name score, of one element */
    ZPOP_NESTED, /* the key, and pairs */
};

static void zpop_reply_header(struct exec *x, struct bytes key, size_t count, enum zpop_style style) {
    switch (style) {
    case ZPOP_FLAT: resp_array(x->out, 2 * count); break;
    case ZPOP_PAIRS: resp_array(x->out, count); break;
    case ZPOP_SINGLE:
        resp_array(x->out, 3);
        resp_bulk(x->out, key);
        break;
    case ZPOP_NESTED:
        resp_array(x->out, 2);
        resp_bulk(x->out, key);
        resp_array(x->out, count);
        break;
    }
}

/* Takes up to `count` elements from an open sorted set and replies with them. */
static void zpop(struct exec *x, struct key_view *kv, struct zset *z, enum zpop_end end, uint64_t count,
                 enum zpop_style style) {
    size_t size = zset_count(z);
    if (count > size)
        count = size;
    zpop_reply_header(x, kv->key, (size_t)count, style);
    struct zset_walk w;
    zset_walk_begin(&w, z, end == ZPOP_MIN ? 0 : size - 1, end == ZPOP_MAX);
    for (uint64_t i = 0; i < count && zset_walk_next(&w); i++) {
        if (style == ZPOP_PAIRS || style == ZPOP_NESTED)
            resp_array(x->out, 2);
        resp_bulk(x->out, w.name);
        resp_double(x->out, w.score);
    }
    bool is_gone = count == size;
    if (is_gone) { /* freed elsewhere, in steps where it is large */
        key_delete(kv);
    } else {
        zset_remove_range(z, end == ZPOP_MIN ? 0 : size - (size_t)count, (size_t)count);
        cmd_zset_close(kv, z);
    }
    char text[NUM_INT_TEXT_MAX];
    struct bytes argv[3] = {end == ZPOP_MIN ? BYTES_LIT("ZPOPMIN") : BYTES_LIT("ZPOPMAX"), kv->key,
                            BYTES_NONE};
    argv[2] = bytes_of(text, num_from_uint(text, count));
    effect_put(kv, 3, argv);
    exec_event(kv, EVENT_ZSET, end == ZPOP_MIN ? "zpopmin" : "zpopmax");
    if (is_gone)
        exec_event(kv, EVENT_GENERIC, "del");
}

static void zpop_one_key(struct exec *x, enum zpop_end end) {
    struct key_view kv;
    struct zset z;
    int64_t count = 1;
    bool has_count = x->argc == 3;
    if (x->argc > 3) {
        resp_err(x->out, REPLY_ERR_SYNTAX);
        return;
    }
    if (has_count && (!num_parse_int(x->argv[2], &count) || count < 0)) {
        resp_err(x->out, REPLY_ERR_NOT_POSITIVE);
        return;
    }
    enum cmd_zset_found found = cmd_zset_open_write(x, x->argv[1], &kv, &z);
    if (found == CMD_ZSET_WRONG)
        return;
    if (found == CMD_ZSET_NONE || count == 0)
        resp_array(x->out, 0);
    else
        zpop(x, &kv, &z, end, (uint64_t)count, has_count && x->out->proto >= 3 ? ZPOP_PAIRS : ZPOP_FLAT);
}

/* ZPOPMIN key [count] */
void cmd_zpopmin(struct exec *x) {
    zpop_one_key(x, ZPOP_MIN);
}

/* ZPOPMAX key [count] */
void cmd_zpopmax(struct exec *x) {
    zpop_one_key(x, ZPOP_MAX);
}

/* Takes from the first of several keys that has a sorted set. False: none has, and nothing was replied. */
static bool zpop_first(struct exec *x, int first_key, int key_count, enum zpop_end end, uint64_t count,
                       enum zpop_style style) {
    for (int i = first_key; i < first_key + key_count; i++) {
        struct key_view kv;
        struct zset z;
        switch (cmd_zset_open_write(x, x->argv[i], &kv, &z)) {
        case CMD_ZSET_NONE: continue;
        case CMD_ZSET_WRONG: return true;
        case CMD_ZSET_OPEN: zpop(x, &kv, &z, end, count, style); return true;
        }
    }
    return false;
}

/* Reads a time to wait, in seconds, and gives the unix time when it ends, or 0 for ever. False: an error was replied. */
static bool read_timeout(struct exec *x, int i, int64_t *deadline_ms_out) {
    long double seconds;
    *deadline_ms_out = 0;
    if (!num_parse_longdouble(x->argv[i], &seconds)) {
        resp_err(x->out, REPLY_ERR_TIMEOUT_FLOAT);
        return false;
    }
    if (seconds < 0) {
        resp_err(x->out, REPLY_ERR_TIMEOUT_NEGATIVE);
        return false;
    }
    long double ms = ceill(seconds * 1000);
    if (ms > (long double)(INT64_MAX - x->engine->now_ms)) {
        resp_error(x->out, BYTES_LIT("ERR timeout is out of range"));
        return false;
    }
    if (ms > 0)
        *deadline_ms_out = x->is_block_retry ? x->block_deadline_ms : x->engine->now_ms + (int64_t)ms;
    return true;
}

static void bzpop(struct exec *x, enum zpop_end end) {
    int64_t deadline_ms;
    int key_count = x->argc - 2;
    if (!read_timeout(x, x->argc - 1, &deadline_ms))
        return;
    if (!zpop_first(x, 1, key_count, end, 1, ZPOP_SINGLE))
        exec_block(x, &(struct exec_block){.first_key = 1,
                                           .key_count = key_count,
                                           .deadline_ms = deadline_ms,
                                           .is_null_array = true});
}

/* BZPOPMIN key ... timeout */
void cmd_bzpopmin(struct exec *x) {
    bzpop(x, ZPOP_MIN);
}

/* BZPOPMAX key ... timeout */
void cmd_bzpopmax(struct exec *x) {
    bzpop(x, ZPOP_MAX);
}

/* ---- ZMPOP, BZMPOP ---- */

struct zmpop {
    int first_key;
    int key_count;
    enum zpop_end end;
    int64_t count;
};

/* Reads numkeys key ... MIN|MAX [COUNT count]. False: an error was replied. */
static bool read_zmpop(struct exec *x, int numkeys_at, struct zmpop *pop) {
    int64_t numkeys;
    bool has_count = false;
    if (!num_parse_int(x->argv[numkeys_at], &numkeys) || numkeys < 1) {
        resp_err(x->out, REPLY_ERR_NUMKEYS);
        return false;
    }
    if (numkeys >= x->argc - numkeys_at - 1) {
        resp_err(x->out, REPLY_ERR_SYNTAX);
        return false;
    }
    *pop = (struct zmpop){.first_key = numkeys_at + 1, .key_count = (int)numkeys, .count = 1};
    int at = pop->first_key + pop->key_count;
    bool is_min = bytes_is_word(x->argv[at], "min");
    bool is_good = is_min || bytes_is_word(x->argv[at], "max");
    pop->end = is_min ? ZPOP_MIN : ZPOP_MAX;
    for (at++; is_good && at < x->argc; at += 2) {
        is_good = !has_count && bytes_is_word(x->argv[at], "count") && at + 1 < x->argc;
        if (is_good && (!num_parse_int(x->argv[at + 1], &pop->count) || pop->count < 1)) {
            resp_err(x->out, REPLY_ERR_COUNT_POSITIVE);
            return false;
        }
        has_count = true;
    }
    if (!is_good)
        resp_err(x->out, REPLY_ERR_SYNTAX);
    return is_good;
}

/* ZMPOP numkeys key ... MIN | MAX [COUNT count] */
void cmd_zmpop(struct exec *x) {
    struct zmpop pop;
    if (read_zmpop(x, 1, &pop) &&
        !zpop_first(x, pop.first_key, pop.key_count, pop.end, (uint64_t)pop.count, ZPOP_NESTED))
        resp_null_array(x->out);
}

/* BZMPOP timeout numkeys key ... MIN | MAX [COUNT count] */
void cmd_bzmpop(struct exec *x) {
    struct zmpop pop;
    int64_t deadline_ms;
    if (!read_zmpop(x, 2, &pop) || !read_timeout(x, 1, &deadline_ms))
        return;
    if (!zpop_first(x, pop.first_key, pop.key_count, pop.end, (uint64_t)pop.count, ZPOP_NESTED))
        exec_block(x, &(struct exec_block){.first_key = pop.first_key,
                                           .key_count = pop.key_count,
                                           .deadline_ms = deadline_ms,
                                           .is_null_array = true});
}
