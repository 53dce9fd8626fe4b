/* cmd_zset_write.c: ZADD, ZINCRBY, ZREM, ZREMRANGEBYRANK, ZREMRANGEBYSCORE, ZREMRANGEBYLEX.
 *
 * ZADD with its options is deterministic, so the log repeats it as it came; what has added to a score is logged as the
 * score that came of it. */
#include "core/cmd/cmd_zset.h"
#include "core/cmd/opts.h"

#include <math.h>

enum {
    ZADD_CH = OPT_OWN,
    ZADD_INCR = OPT_OWN << 1,
    ZADD_SCORES_INLINE = 32, /* so many scores need no allocation */
};

/* What a ZADD has done so far. */
struct zadd {
    struct exec *x;
    struct key_view kv;
    struct zset z;
    struct zset_limits limits;
    uint32_t options;
    size_t added;
    size_t updated;
    bool is_refused; /* the last element was passed over, because of an option */
    double score;    /* that it has now */
};

/* True if the options let `score` take the place of the old one. */
static bool zadd_may_update(uint32_t options, double old, double score) {
    return !(options & OPT_NX) && !((options & OPT_GT) && score <= old) &&
           !((options & OPT_LT) && score >= old);
}

/* One element. False: an error was replied. */
static bool zadd_one(struct zadd *a, struct bytes name, double score) {
    struct zset_spot spot = zset_look(&a->z, name);
    a->is_refused = spot.is_there ? (a->options & OPT_NX) != 0 : (a->options & OPT_XX) != 0;
    a->score = spot.score;
    if (a->is_refused)
        return true;
    if (spot.is_there && (a->options & ZADD_INCR)) {
        score += spot.score;
        if (isnan(score)) {
            resp_err(a->x->out, REPLY_ERR_SCORE_NAN);
            return false;
        }
    }
    if (spot.is_there && !zadd_may_update(a->options, spot.score, score)) {
        a->is_refused = true;
        return true;
    }
    a->score = score;
    if (spot.is_there && score == spot.score)
        return true;
    if (UNLIKELY(!zset_set(&a->z, &a->limits, &spot, name, score))) {
        cmd_reply_no_memory(a->x);
        return false;
    }
    a->added += !spot.is_there;
    a->updated += spot.is_there;
    return true;
}

/* What the log gets: the command itself, or the score that came of adding to one. */
static void zadd_effect(struct zadd *a, struct bytes name) {
    if (!(a->options & ZADD_INCR)) {
        effect_put_same(&a->kv);
        return;
    }
    char text[NUM_DOUBLE_SHORT_MAX];
    struct bytes argv[4] = {BYTES_LIT("ZADD"), a->kv.key, BYTES_NONE, name};
    argv[2] = bytes_of(text, num_from_double(text, a->score));
    effect_put(&a->kv, 4, argv);
}

/* Adds the pairs argv[at..] with these scores, in the open key. */
static void zadd_all(struct zadd *a, const double *scores, int at, size_t count) {
    struct exec *x = a->x;
    bool is_new = a->kv.entry == NULL;
    if (is_new)
        a->z = zset_new(&a->limits, count, x->argv[at + 1].len);
    else
        zset_prepare(&a->z, &a->limits, count);
    bool is_good = true;
    for (size_t i = 0; i < count && is_good; i++)
        is_good = zadd_one(a, x->argv[at + 1 + 2 * (int)i], scores[i]);
    bool is_changed = a->added + a->updated > 0;
    if (is_new && is_changed) {
        key_put(&a->kv, zset_entry(a->kv.key, &a->z));
    } else if (is_new) {
        zset_free(&a->z);
    } else {
        zset_put_back(a->kv.entry, &a->z);
        key_swap(&a->kv, a->kv.entry);
    }
    if (is_good && !(a->options & ZADD_INCR))
        resp_int(x->out, (int64_t)(a->added + (a->options & ZADD_CH ? a->updated : 0)));
    else if (is_good && a->is_refused)
        resp_null(x->out);
    else if (is_good)
        resp_double(x->out, a->score);
    if (is_changed) {
        zadd_effect(a, x->argv[at + 1]);
        exec_event(&a->kv, EVENT_ZSET, a->options & ZADD_INCR ? "zincr" : "zadd");
    }
}

/* Reads the scores, opens the key, adds. */
static void zadd_pairs(struct exec *x, uint32_t options, int at, size_t count) {
    double inline_scores[ZADD_SCORES_INLINE];
    double *scores = count <= ZADD_SCORES_INLINE ? inline_scores : mem_alloc(count * sizeof(*scores));
    struct zadd a = {.x = x, .options = options, .limits = cmd_zset_limits(x)};
    bool is_good = true;
    for (size_t i = 0; i < count && is_good; i++)
        is_good = cmd_zset_arg_score(x, at + 2 * (int)i, &scores[i]);
    if (is_good) {
        enum cmd_zset_found found = cmd_zset_open_write(x, x->argv[1], &a.kv, &a.z);
        if (found == CMD_ZSET_NONE && (options & OPT_XX)) {
            if (options & ZADD_INCR)
                resp_null(x->out);
            else
                resp_int(x->out, 0);
        } else if (found != CMD_ZSET_WRONG) {
            zadd_all(&a, scores, at, count);
        }
    }
    if (scores != inline_scores)
        mem_free(scores);
}

/* ZADD key [NX | XX] [GT | LT] [CH] [INCR] score member ... */
void cmd_zadd(struct exec *x) {
    static const struct opt options[] = {{"nx", OPT_NX, 0, false},  {"xx", OPT_XX, 0, false},
                                         {"gt", OPT_GT, 0, false},  {"lt", OPT_LT, 0, false},
                                         {"ch", ZADD_CH, 0, false}, {"incr", ZADD_INCR, 0, false}};
    struct opts opts;
    int at = x->argc;
    if (!opts_parse(x, 2, options, COUNT_OF(options), &opts)) /* the scores begin where no option is */
        at = opts.stopped_at;
    int words = x->argc - at;
    uint32_t seen = opts.seen;
    if (words == 0 || words % 2 != 0)
        resp_err(x->out, REPLY_ERR_SYNTAX);
    else if ((seen & OPT_NX) && (seen & OPT_XX))
        resp_err(x->out, REPLY_ERR_ZADD_NX_XX);
    else if (((seen & OPT_NX) && (seen & (OPT_GT | OPT_LT))) || ((seen & OPT_GT) && (seen & OPT_LT)))
        resp_err(x->out, REPLY_ERR_ZADD_GT_LT_NX);
    else if ((seen & ZADD_INCR) && words > 2)
        resp_err(x->out, REPLY_ERR_ZADD_INCR_PAIR);
    else
        zadd_pairs(x, seen, at, (size_t)words / 2);
}

/* ZINCRBY key increment member */
void cmd_zincrby(struct exec *x) {
    zadd_pairs(x, ZADD_INCR, 2, 1);
}

/* ZREM key member ... */
void cmd_zrem(struct exec *x) {
    struct key_view kv;
    struct zset z;
    int64_t removed = 0;
    enum cmd_zset_found found = cmd_zset_open_write(x, x->argv[1], &kv, &z);
    if (found == CMD_ZSET_WRONG)
        return;
    for (int i = 2; found == CMD_ZSET_OPEN && i < x->argc && zset_count(&z) > 0; i++) {
        struct zset_spot spot = zset_look(&z, x->argv[i]);
        if (!spot.is_there)
            continue;
        zset_take(&z, &spot);
        removed++;
    }
    if (removed > 0) {
        bool is_gone = cmd_zset_close(&kv, &z);
        effect_put_same(&kv);
        exec_event(&kv, EVENT_ZSET, "zrem");
        if (is_gone)
            exec_event(&kv, EVENT_GENERIC, "del");
    }
    resp_int(x->out, removed);
}

static void remove_range(struct exec *x, enum cmd_zset_by by, const char *event) {
    struct key_view kv;
    struct zset z;
    struct cmd_zset_range range;
    size_t from;
    if (!cmd_zset_arg_range(x, by, 2, 3, &range))
        return;
    enum cmd_zset_found found = cmd_zset_open_write(x, x->argv[1], &kv, &z);
    if (found == CMD_ZSET_WRONG)
        return;
    size_t count = found == CMD_ZSET_NONE ? 0 : cmd_zset_range_ranks(&z, &range, false, &from);
    if (count > 0) {
        bool is_gone = count == zset_count(&z);
        if (is_gone) { /* freed elsewhere, in steps where it is large */
            key_delete(&kv);
        } else {
            zset_remove_range(&z, from, count);
            cmd_zset_close(&kv, &z);
        }
        effect_put_same(&kv);
        exec_event(&kv, EVENT_ZSET, event);
        if (is_gone)
            exec_event(&kv, EVENT_GENERIC, "del");
    }
    resp_int(x->out, (int64_t)count);
}

/* ZREMRANGEBYRANK key start stop */
void cmd_zremrangebyrank(struct exec *x) {
    remove_range(x, CMD_ZSET_BY_RANK, "zremrangebyrank");
}

/* ZREMRANGEBYSCORE key min max */
void cmd_zremrangebyscore(struct exec *x) {
    remove_range(x, CMD_ZSET_BY_SCORE, "zremrangebyscore");
}

/* ZREMRANGEBYLEX key min max */
void cmd_zremrangebylex(struct exec *x) {
    remove_range(x, CMD_ZSET_BY_LEX, "zremrangebylex");
}
