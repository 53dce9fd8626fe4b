/* cmd_zset_range.c: ZRANGE in all its forms, its six older relatives, and ZRANGESTORE. */
#include "core/cmd/cmd_zset.h"

/* What the arguments of one of them say. */
struct zrange {
    struct cmd_zset_range range;
    bool is_reverse;
    bool has_scores;
    int64_t offset;
    int64_t limit; /* negative: all */
};

/* What a relative has fixed by its name. */
enum zrange_kind {
    ZRANGE_FREE, /* options say it */
    ZRANGE_RANK,
    ZRANGE_SCORE,
    ZRANGE_LEX,
};

struct zrange_form {
    enum zrange_kind kind;
    bool is_reverse;
    int key_at; /* argv position of the key; the range follows */
    bool is_store;
};

/* Reads the words behind the range. False: an error was replied. */
static bool read_options(struct exec *x, const struct zrange_form *form, struct zrange *r) {
    enum zrange_kind kind = form->kind;
    r->is_reverse = form->is_reverse;
    r->has_scores = false;
    r->offset = 0;
    r->limit = -1;
    for (int i = form->key_at + 3; i < x->argc; i++) {
        struct bytes word = x->argv[i];
        if (!form->is_store && bytes_is_word(word, "withscores")) {
            r->has_scores = true;
        } else if (bytes_is_word(word, "limit") && i + 2 < x->argc) {
            if (!cmd_arg_int(x, i + 1, &r->offset) || !cmd_arg_int(x, i + 2, &r->limit))
                return false;
            i += 2;
        } else if (form->kind == ZRANGE_FREE && bytes_is_word(word, "rev")) {
            r->is_reverse = true;
        } else if (kind == ZRANGE_FREE && bytes_is_word(word, "bylex")) {
            kind = ZRANGE_LEX;
        } else if (kind == ZRANGE_FREE && bytes_is_word(word, "byscore")) {
            kind = ZRANGE_SCORE;
        } else {
            resp_err(x->out, REPLY_ERR_SYNTAX);
            return false;
        }
    }
    r->range.by = kind == ZRANGE_SCORE ? CMD_ZSET_BY_SCORE
                  : kind == ZRANGE_LEX ? CMD_ZSET_BY_LEX
                                       : CMD_ZSET_BY_RANK;
    if (r->limit != -1 && r->range.by == CMD_ZSET_BY_RANK)
        resp_err(x->out, REPLY_ERR_ZRANGE_LIMIT);
    else if (r->has_scores && r->range.by == CMD_ZSET_BY_LEX)
        resp_err(x->out, REPLY_ERR_ZRANGE_SCORES_LEX);
    else
        return true;
    return false;
}

static bool read_arguments(struct exec *x, const struct zrange_form *form, struct zrange *r) {
    if (!read_options(x, form, r))
        return false;
    int low = form->key_at + 1;
    int high = form->key_at + 2;
    if (r->is_reverse && r->range.by != CMD_ZSET_BY_RANK) { /* given as max, min */
        low++;
        high--;
    }
    return cmd_zset_arg_range(x, r->range.by, low, high, &r->range);
}

/* The ranks that are left after LIMIT: the first to be given, and their number. */
static size_t limited_ranks(const struct zset *z, const struct zrange *r, size_t *first_out) {
    size_t from;
    size_t count = cmd_zset_range_ranks(z, &r->range, r->is_reverse, &from);
    if (r->range.by == CMD_ZSET_BY_RANK) { /* LIMIT is told to be an error there, unless it says "all" */
        *first_out = r->is_reverse ? from + count - 1 : from;
        return count;
    }
    size_t skip = r->offset < 0 || (uint64_t)r->offset > count ? count : (size_t)r->offset;
    size_t last = from + count; /* behind the range */
    count -= skip;
    if (r->limit >= 0 && (uint64_t)r->limit < count)
        count = (size_t)r->limit;
    *first_out = r->is_reverse ? last - 1 - skip : from + skip;
    return count;
}

static void reply_range(struct exec *x, const struct zrange_form *form) {
    struct key_view kv;
    struct zset z;
    struct zrange r;
    if (!read_arguments(x, form, &r))
        return;
    enum cmd_zset_found found = cmd_zset_open_read(x, x->argv[form->key_at], &kv, &z);
    if (found == CMD_ZSET_WRONG)
        return;
    if (found == CMD_ZSET_NONE) {
        resp_array(x->out, 0);
        return;
    }
    size_t first;
    size_t count = limited_ranks(&z, &r, &first);
    cmd_zset_reply_header(x, count, r.has_scores);
    if (count == 0)
        return;
    struct zset_walk w;
    zset_walk_begin(&w, &z, first, r.is_reverse);
    for (; count > 0 && zset_walk_next(&w); count--)
        cmd_zset_reply_element(x, w.name, w.score, r.has_scores);
}

/* ZRANGE key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES] */
void cmd_zrange(struct exec *x) {
    reply_range(x, &(struct zrange_form){ZRANGE_FREE, false, 1, false});
}

/* ZREVRANGE key start stop [WITHSCORES] */
void cmd_zrevrange(struct exec *x) {
    reply_range(x, &(struct zrange_form){ZRANGE_RANK, true, 1, false});
}

/* ZRANGEBYSCORE key min max [WITHSCORES] [LIMIT offset count] */
void cmd_zrangebyscore(struct exec *x) {
    reply_range(x, &(struct zrange_form){ZRANGE_SCORE, false, 1, false});
}

/* ZREVRANGEBYSCORE key max min [WITHSCORES] [LIMIT offset count] */
void cmd_zrevrangebyscore(struct exec *x) {
    reply_range(x, &(struct zrange_form){ZRANGE_SCORE, true, 1, false});
}

/* ZRANGEBYLEX key min max [LIMIT offset count] */
void cmd_zrangebylex(struct exec *x) {
    reply_range(x, &(struct zrange_form){ZRANGE_LEX, false, 1, false});
}

/* ZREVRANGEBYLEX key max min [LIMIT offset count] */
void cmd_zrevrangebylex(struct exec *x) {
    reply_range(x, &(struct zrange_form){ZRANGE_LEX, true, 1, false});
}

/* ZRANGESTORE dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count] */
void cmd_zrangestore(struct exec *x) {
    struct key_view source;
    struct key_view target;
    struct zset z;
    struct zrange r;
    struct zset_limits limits = cmd_zset_limits(x);
    if (!read_arguments(x, &(struct zrange_form){ZRANGE_FREE, false, 2, true}, &r))
        return;
    enum cmd_zset_found found = cmd_zset_open_read(x, x->argv[2], &source, &z);
    if (found == CMD_ZSET_WRONG)
        return;
    size_t first = 0;
    size_t count = found == CMD_ZSET_OPEN ? limited_ranks(&z, &r, &first) : 0;
    struct zset result = zset_new(&limits, count, 0);
    struct zset_walk w;
    bool is_good = true;
    if (count > 0)
        zset_walk_begin(&w, &z, first, r.is_reverse);
    for (; count > 0 && is_good && zset_walk_next(&w); count--) {
        struct zset_spot nowhere = {.is_there = false};
        is_good = zset_set(&result, &limits, &nowhere, w.name, w.score);
    }
    if (!is_good) {
        zset_free(&result);
        cmd_reply_no_memory(x);
        return;
    }
    key_open_write(x, x->argv[1], &target);
    cmd_zset_store(&target, &result, "zrangestore");
}
