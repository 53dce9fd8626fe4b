/* cmd_zset_read.c: ZCARD, ZSCORE, ZMSCORE, ZRANK, ZREVRANK, ZCOUNT, ZLEXCOUNT, ZRANDMEMBER, ZSCAN. */
#include "core/cmd/cmd_zset.h"
#include "core/cmd/scan_args.h"

#include <limits.h>

/* ZCARD key */
void cmd_zcard(struct exec *x) {
    struct key_view kv;
    struct zset z;
    enum cmd_zset_found found = cmd_zset_open_read(x, x->argv[1], &kv, &z);
    if (found != CMD_ZSET_WRONG)
        resp_int(x->out, found == CMD_ZSET_OPEN ? (int64_t)zset_count(&z) : 0);
}

static void reply_score(struct exec *x, const struct zset_spot *spot) {
    if (spot->is_there)
        resp_double(x->out, spot->score);
    else
        resp_null(x->out);
}

/* ZSCORE key member */
void cmd_zscore(struct exec *x) {
    struct key_view kv;
    struct zset z;
    struct zset_spot spot = {.is_there = false};
    enum cmd_zset_found found = cmd_zset_open_read(x, x->argv[1], &kv, &z);
    if (found == CMD_ZSET_OPEN)
        spot = zset_look(&z, x->argv[2]);
    if (found != CMD_ZSET_WRONG)
        reply_score(x, &spot);
}

/* ZMSCORE key member ... */
void cmd_zmscore(struct exec *x) {
    struct key_view kv;
    struct zset z;
    enum cmd_zset_found found = cmd_zset_open_read(x, x->argv[1], &kv, &z);
    if (found == CMD_ZSET_WRONG)
        return;
    resp_array(x->out, (size_t)x->argc - 2);
    for (int i = 2; i < x->argc; i++) {
        struct zset_spot spot = {.is_there = false};
        if (found == CMD_ZSET_OPEN)
            spot = zset_look(&z, x->argv[i]);
        reply_score(x, &spot);
    }
}

static void reply_rank(struct exec *x, bool is_reverse) {
    struct key_view kv;
    struct zset z;
    size_t rank;
    double score;
    bool has_score = x->argc == 4;
    if (x->argc > 4) {
        cmd_reply_arity(x);
        return;
    }
    if (has_score && !bytes_is_word(x->argv[3], "withscore")) {
        resp_err(x->out, REPLY_ERR_SYNTAX);
        return;
    }
    enum cmd_zset_found found = cmd_zset_open_read(x, x->argv[1], &kv, &z);
    if (found == CMD_ZSET_WRONG)
        return;
    if (found == CMD_ZSET_NONE || !zset_rank(&z, x->argv[2], &rank, &score)) {
        if (has_score)
            resp_null_array(x->out);
        else
            resp_null(x->out);
        return;
    }
    if (has_score)
        resp_array(x->out, 2);
    resp_int(x->out, (int64_t)(is_reverse ? zset_count(&z) - 1 - rank : rank));
    if (has_score)
        resp_double(x->out, score);
}

/* ZRANK key member [WITHSCORE] */
void cmd_zrank(struct exec *x) {
    reply_rank(x, false);
}

/* ZREVRANK key member [WITHSCORE] */
void cmd_zrevrank(struct exec *x) {
    reply_rank(x, true);
}

static void reply_count(struct exec *x, enum cmd_zset_by by) {
    struct key_view kv;
    struct zset z;
    struct cmd_zset_range range;
    size_t from;
    if (!cmd_zset_arg_range(x, by, 2, 3, &range))
        return;
    enum cmd_zset_found found = cmd_zset_open_read(x, x->argv[1], &kv, &z);
    if (found != CMD_ZSET_WRONG)
        resp_int(x->out,
                 found == CMD_ZSET_OPEN ? (int64_t)cmd_zset_range_ranks(&z, &range, false, &from) : 0);
}

/* ZCOUNT key min max */
void cmd_zcount(struct exec *x) {
    reply_count(x, CMD_ZSET_BY_SCORE);
}

/* ZLEXCOUNT key min max */
void cmd_zlexcount(struct exec *x) {
    reply_count(x, CMD_ZSET_BY_LEX);
}

/* ---- ZRANDMEMBER ---- */

static void reply_element_at(struct exec *x, const struct zset *z, size_t rank, bool has_scores) {
    struct zset_walk w;
    zset_walk_begin(&w, z, rank, false);
    must(zset_walk_next(&w));
    cmd_zset_reply_element(x, w.name, w.score, has_scores);
}

/* `count` different ranks below `size`, in a random order: Floyd's way of choosing, with a table of what has been chosen;
 * where nearly all are wanted, a shuffle of all is cheaper. */
static size_t *choose_ranks(struct rng *rng, size_t size, size_t count) {
    if (count > size / 3) {
        size_t *all = mem_alloc(size * sizeof(*all));
        for (size_t i = 0; i < size; i++)
            all[i] = i;
        for (size_t i = 0; i < count; i++) {
            size_t other = i + rng_below(rng, size - i);
            size_t rank = all[other];
            all[other] = all[i];
            all[i] = rank;
        }
        return all;
    }
    size_t slots = 4;
    while (slots < 2 * count)
        slots *= 2;
    size_t *chosen = mem_alloc(count * sizeof(*chosen));
    size_t *table = mem_zalloc(slots * sizeof(*table)); /* ranks + 1 */
    for (size_t i = 0; i < count; i++) {
        size_t rank = rng_below(rng, size);
        size_t at = (rank * UINT64_C(0x9e3779b97f4a7c15)) & (slots - 1);
        while (table[at] != 0 && table[at] != rank + 1)
            at = (at + 1) & (slots - 1);
        if (table[at] != 0) { /* taken: another one */
            i--;
            continue;
        }
        table[at] = rank + 1;
        chosen[i] = rank;
    }
    mem_free(table);
    return chosen;
}

static void reply_random(struct exec *x, const struct zset *z, int64_t count, bool has_scores) {
    size_t size = zset_count(z);
    if (count < 0) { /* the same one may come again */
        cmd_zset_reply_header(x, (size_t)-count, has_scores);
        for (; count < 0; count++)
            reply_element_at(x, z, rng_below(&x->engine->rng, size), has_scores);
        return;
    }
    struct zset_walk w;
    if ((size_t)count >= size) {
        cmd_zset_reply_header(x, size, has_scores);
        zset_walk_begin(&w, z, 0, false);
        while (zset_walk_next(&w))
            cmd_zset_reply_element(x, w.name, w.score, has_scores);
        return;
    }
    cmd_zset_reply_header(x, (size_t)count, has_scores);
    if (count == 0)
        return;
    size_t *ranks = choose_ranks(&x->engine->rng, size, (size_t)count);
    for (int64_t i = 0; i < count; i++)
        reply_element_at(x, z, ranks[i], has_scores);
    mem_free(ranks);
}

/* ZRANDMEMBER key [count [WITHSCORES]] */
void cmd_zrandmember(struct exec *x) {
    struct key_view kv;
    struct zset z;
    int64_t count = 0;
    bool has_count = x->argc > 2;
    bool has_scores = x->argc == 4;
    if (has_count && !cmd_arg_int(x, 2, &count))
        return;
    if (count == INT64_MIN) {
        resp_errorf(x->out, "ERR value is out of range, value must between %ld and %ld", -LONG_MAX, LONG_MAX);
        return;
    }
    if (x->argc > 4 || (has_scores && !bytes_is_word(x->argv[3], "withscores"))) {
        resp_err(x->out, REPLY_ERR_SYNTAX);
        return;
    }
    if (has_scores && (count < -LONG_MAX / 2 || count > LONG_MAX / 2)) {
        resp_err(x->out, REPLY_ERR_VALUE_RANGE);
        return;
    }
    enum cmd_zset_found found = cmd_zset_open_read(x, x->argv[1], &kv, &z);
    if (found == CMD_ZSET_WRONG)
        return;
    if (has_count && found == CMD_ZSET_NONE)
        resp_array(x->out, 0);
    else if (has_count)
        reply_random(x, &z, count, has_scores);
    else if (found == CMD_ZSET_NONE)
        resp_null(x->out);
    else
        reply_element_at(x, &z, rng_below(&x->engine->rng, zset_count(&z)), false);
}

/* ---- ZSCAN ---- */

struct zscan {
    const struct scan_args *args;
    struct resp_out out; /* the elements; their number is known last */
    size_t words;
};

static void zscan_visit(void *ctx, struct bytes name, double score) {
    struct zscan *scan = ctx;
    char text[NUM_DOUBLE_SHORT_MAX];
    if (!scan_args_match(scan->args, name))
        return;
    resp_bulk(&scan->out, name);
    resp_bulk(&scan->out, bytes_of(text, num_from_double(text, score)));
    scan->words += 2;
}

/* ZSCAN key cursor [MATCH pattern] [COUNT count] */
void cmd_zscan(struct exec *x) {
    struct key_view kv;
    struct zset z;
    struct scan_args args;
    struct buf elements;
    if (!scan_args_cursor(x, 2, &args.cursor) || !scan_args_options(x, 3, false, &args))
        return;
    enum cmd_zset_found found = cmd_zset_open_read(x, x->argv[1], &kv, &z);
    if (found == CMD_ZSET_WRONG)
        return;
    struct zscan scan = {.args = &args};
    buf_init(&elements);
    resp_out_init(&scan.out, &elements, x->out->proto);
    uint64_t next = 0;
    if (found == CMD_ZSET_OPEN)
        next = zset_scan(&z, args.cursor, args.count, (struct zset_visitor){zscan_visit, &scan});
    scan_args_reply(x, next, scan.words);
    resp_raw(x->out, buf_bytes(&elements));
    buf_deinit(&elements);
}
