/* cmd_zset_algebra.c: ZUNION, ZINTER, ZDIFF, their STORE forms, and ZINTERCARD.
 *
 * Inputs are sorted sets, and plain sets, whose members all have the score 1. A union or intersection visits them from the
 * smallest to the largest, so an intersection costs as many lookups as its smallest input has members.
 *
 * The result is built as a value of its own; nothing is stored before it is complete, so the target may be one of the
 * inputs. */
#include "core/cmd/cmd_zset.h"
#include "core/value/set.h"

#include <math.h>
#include <stdlib.h>

enum zalgebra_op { ZALGEBRA_UNION, ZALGEBRA_INTER, ZALGEBRA_DIFF };

enum zaggregate { ZAGGREGATE_SUM, ZAGGREGATE_MIN, ZAGGREGATE_MAX, ZAGGREGATE_COUNT };

/* One input. */
struct zinput {
    enum { ZINPUT_NONE, ZINPUT_ZSET, ZINPUT_SET } kind;
    struct zset zset;
    struct set set;
    size_t count;
    double weight;
};

/* A walk over one input. */
struct zinput_walk {
    const struct zinput *input;
    struct zset_walk zset;
    struct set_iter set;
    char scratch[NUM_INT_TEXT_MAX];
    struct bytes name;
    double score;
};

/* What the arguments say. */
struct zalgebra {
    enum zalgebra_op op;
    struct zinput *inputs;
    size_t input_count;
    enum zaggregate aggregate;
    bool has_scores; /* WITHSCORES */
    int64_t limit;   /* ZINTERCARD; 0: none */
};

/* What a command's name says. */
struct zalgebra_form {
    enum zalgebra_op op;
    int numkeys_at;
    const char *store_event; /* NULL: the result is the reply */
    bool is_card;
};

/* ---- inputs ---- */

static bool open_input(struct exec *x, struct bytes key, struct zinput *input) {
    struct key_view kv;
    *input = (struct zinput){.kind = ZINPUT_NONE, .weight = 1};
    if (!key_open_read(x, key, &kv))
        return true;
    if (entry_type(kv.entry) == VALUE_SET) {
        input->kind = ZINPUT_SET;
        input->set = set_of(kv.entry);
        input->count = set_count(input->set);
        return true;
    }
    if (!key_check_type(&kv, VALUE_ZSET))
        return false;
    input->kind = ZINPUT_ZSET;
    input->zset = zset_of(kv.entry);
    input->count = zset_count(&input->zset);
    return true;
}

static void walk_begin(struct zinput_walk *w, const struct zinput *input) {
    w->input = input;
    w->set = (struct set_iter){0};
    if (input->kind == ZINPUT_ZSET)
        zset_walk_begin(&w->zset, &input->zset, 0, false);
}

static bool walk_next(struct zinput_walk *w) {
    struct set_member member;
    switch (w->input->kind) {
    case ZINPUT_NONE: return false;
    case ZINPUT_ZSET:
        if (!zset_walk_next(&w->zset))
            return false;
        w->name = w->zset.name;
        w->score = w->zset.score;
        return true;
    case ZINPUT_SET:
        if (!set_next(w->input->set, &w->set, &member))
            return false;
        w->name = set_member_bytes(&member, w->scratch);
        w->score = 1;
        return true;
    }
    must(false);
}

static bool input_find(const struct zinput *input, struct bytes name, double *score_out) {
    *score_out = 1;
    switch (input->kind) {
    case ZINPUT_NONE: return false;
    case ZINPUT_SET: return set_has(input->set, &(struct set_member){name, 0});
    case ZINPUT_ZSET: {
        struct zset_spot spot = zset_look(&input->zset, name);
        *score_out = spot.score;
        return spot.is_there;
    }
    }
    must(false);
}

static int compare_counts(const void *a, const void *b) {
    const struct zinput *left = a;
    const struct zinput *right = b;
    return (left->count > right->count) - (left->count < right->count);
}

/* ---- arguments ---- */

static bool read_weights(struct exec *x, int at, struct zalgebra *a) {
    for (size_t i = 0; i < a->input_count; i++)
        if (!num_parse_double(x->argv[at + (int)i], &a->inputs[i].weight)) {
            resp_err(x->out, REPLY_ERR_WEIGHT_FLOAT);
            return false;
        }
    return true;
}

static bool read_aggregate(struct bytes word, enum zaggregate *aggregate_out) {
    static const char *const words[] = {"sum", "min", "max", "count"};
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (bytes_is_word(word, words[i])) {
            *aggregate_out = (enum zaggregate)i;
            return true;
        }
    return false;
}

/* Reads the words behind the keys. False: an error was replied. */
static bool read_options(struct exec *x, const struct zalgebra_form *form, int at, struct zalgebra *a) {
    bool may_weigh = form->op != ZALGEBRA_DIFF && !form->is_card;
    while (at < x->argc) {
        int left = x->argc - at - 1;
        struct bytes word = x->argv[at];
        if (may_weigh && (size_t)left >= a->input_count && bytes_is_word(word, "weights")) {
            if (!read_weights(x, at + 1, a))
                return false;
            at += 1 + (int)a->input_count;
        } else if (may_weigh && left >= 1 && bytes_is_word(word, "aggregate") &&
                   read_aggregate(x->argv[at + 1], &a->aggregate)) {
            at += 2;
        } else if (form->store_event == NULL && !form->is_card && bytes_is_word(word, "withscores")) {
            a->has_scores = true;
            at++;
        } else if (form->is_card && left >= 1 && bytes_is_word(word, "limit")) {
            if (!num_parse_int(x->argv[at + 1], &a->limit) || a->limit < 0) {
                resp_err(x->out, REPLY_ERR_LIMIT_NEGATIVE);
                return false;
            }
            at += 2;
        } else {
            resp_err(x->out, REPLY_ERR_SYNTAX);
            return false;
        }
    }
    return true;
}

/* Reads all arguments and opens the inputs. False: an error was replied; a->inputs is to be freed in any case. */
static bool read_arguments(struct exec *x, const struct zalgebra_form *form, struct zalgebra *a) {
    int64_t numkeys;
    *a = (struct zalgebra){.op = form->op};
    if (!cmd_arg_int(x, form->numkeys_at, &numkeys))
        return false;
    if (numkeys < 1) {
        resp_errorf(x->out, "ERR at least 1 input key is needed for '%s' command", x->command->fullname);
        return false;
    }
    if (numkeys > x->argc - form->numkeys_at - 1) {
        resp_err(x->out, REPLY_ERR_SYNTAX);
        return false;
    }
    a->input_count = (size_t)numkeys;
    a->inputs = mem_alloc(a->input_count * sizeof(*a->inputs));
    for (size_t i = 0; i < a->input_count; i++)
        if (!open_input(x, x->argv[form->numkeys_at + 1 + (int)i], &a->inputs[i]))
            return false;
    return read_options(x, form, form->numkeys_at + 1 + (int)numkeys, a);
}

/* ---- results ---- */

static double weigh(const struct zalgebra *a, const struct zinput *input, double score) {
    return a->aggregate == ZAGGREGATE_COUNT ? input->weight : input->weight * score;
}

/* Infinities of both signs make nothing, as in Redis. */
static double aggregate(const struct zalgebra *a, double sum, double score) {
    switch (a->aggregate) {
    case ZAGGREGATE_SUM:
    case ZAGGREGATE_COUNT: return isnan(sum + score) ? 0 : sum + score;
    case ZAGGREGATE_MIN: return score < sum ? score : sum;
    case ZAGGREGATE_MAX: return score > sum ? score : sum;
    }
    must(false);
}

/* Gathers a result; false: no memory for a name. */
struct zresult {
    struct zset z;
    struct zset_limits limits;
};

static bool result_put(struct zresult *result, const struct zset_spot *spot, struct bytes name,
                       double score) {
    return zset_set(&result->z, &result->limits, spot, name, score);
}

static bool make_union(const struct zalgebra *a, struct zresult *result) {
    bool is_good = true;
    for (size_t i = 0; i < a->input_count && is_good; i++) {
        struct zinput_walk w;
        walk_begin(&w, &a->inputs[i]);
        while (is_good && walk_next(&w)) {
            double score = weigh(a, &a->inputs[i], w.score);
            score = isnan(score) ? 0 : score;
            struct zset_spot spot = zset_look(&result->z, w.name);
            if (spot.is_there)
                score = aggregate(a, spot.score, score);
            if (!spot.is_there || score != spot.score || signbit(score) != signbit(spot.score))
                is_good = result_put(result, &spot, w.name, score);
        }
    }
    return is_good;
}

/* True if the member is in inputs[1..], too; *score is then the aggregate. */
static bool is_in_all(const struct zalgebra *a, struct bytes name, double *score) {
    for (size_t i = 1; i < a->input_count; i++) {
        double other;
        if (!input_find(&a->inputs[i], name, &other))
            return false;
        *score = aggregate(a, *score, weigh(a, &a->inputs[i], other));
    }
    return true;
}

/* Calls for every member of the intersection, until `limit` (0: none). Without a result it only counts. */
static bool make_inter(const struct zalgebra *a, struct zresult *result, uint64_t *count_out) {
    struct zinput_walk w;
    *count_out = 0;
    walk_begin(&w, &a->inputs[0]);
    while (walk_next(&w)) {
        double score = weigh(a, &a->inputs[0], w.score);
        score = isnan(score) ? 0 : score;
        if (!is_in_all(a, w.name, &score))
            continue;
        ++*count_out;
        if (result == NULL && a->limit != 0 && *count_out >= (uint64_t)a->limit)
            break;
        if (result != NULL && !result_put(result, &(struct zset_spot){.is_there = false}, w.name, score))
            return false;
    }
    return true;
}

static bool make_diff(const struct zalgebra *a, struct zresult *result) {
    struct zinput_walk w;
    walk_begin(&w, &a->inputs[0]);
    while (walk_next(&w)) {
        bool is_elsewhere = false;
        double score;
        for (size_t i = 1; i < a->input_count && !is_elsewhere; i++)
            is_elsewhere = input_find(&a->inputs[i], w.name, &score);
        if (!is_elsewhere && !result_put(result, &(struct zset_spot){.is_there = false}, w.name, w.score))
            return false;
    }
    return true;
}

/* Built as a ranking whatever its size: that keeps the sign of a zero until it is known that a listpack will do. */
static bool make_result(struct exec *x, const struct zalgebra *a, struct zresult *result) {
    uint64_t count;
    struct zset_limits limits = cmd_zset_limits(x);
    result->limits = (struct zset_limits){.entries_max = 0, .value_max = 0, .seed = limits.seed};
    result->z = zset_new(&result->limits, 1, 0);
    bool is_good = a->op == ZALGEBRA_UNION   ? make_union(a, result)
                   : a->op == ZALGEBRA_INTER ? make_inter(a, result, &count)
                                             : make_diff(a, result);
    if (is_good)
        return true;
    zset_free(&result->z);
    cmd_reply_no_memory(x);
    return false;
}

static void reply_result(struct exec *x, struct zset *z, bool has_scores) {
    struct zset_walk w;
    cmd_zset_reply_header(x, zset_count(z), has_scores);
    zset_walk_begin(&w, z, 0, false);
    while (zset_walk_next(&w))
        cmd_zset_reply_element(x, w.name, w.score, has_scores);
    zset_free(z);
}

static void run(struct exec *x, const struct zalgebra_form *form) {
    struct zalgebra a;
    struct zresult result;
    uint64_t count;
    if (read_arguments(x, form, &a)) {
        if (a.op != ZALGEBRA_DIFF)
            qsort(a.inputs, a.input_count, sizeof(*a.inputs), compare_counts);
        if (form->is_card) {
            make_inter(&a, NULL, &count);
            resp_int(x->out, (int64_t)count);
        } else if (make_result(x, &a, &result)) {
            struct key_view target;
            if (form->store_event == NULL) {
                reply_result(x, &result.z, a.has_scores);
            } else {
                struct zset_limits limits = cmd_zset_limits(x);
                zset_compact(&result.z, &limits);
                key_open_write(x, x->argv[1], &target);
                cmd_zset_store(&target, &result.z, form->store_event);
            }
        }
    }
    mem_free(a.inputs);
}

/* ZUNION numkeys key ... [WEIGHTS weight ...] [AGGREGATE SUM | MIN | MAX | COUNT] [WITHSCORES] */
void cmd_zunion(struct exec *x) {
    run(x, &(struct zalgebra_form){ZALGEBRA_UNION, 1, NULL, false});
}

/* ZINTER numkeys key ... [WEIGHTS weight ...] [AGGREGATE SUM | MIN | MAX | COUNT] [WITHSCORES] */
void cmd_zinter(struct exec *x) {
    run(x, &(struct zalgebra_form){ZALGEBRA_INTER, 1, NULL, false});
}

/* ZDIFF numkeys key ... [WITHSCORES] */
void cmd_zdiff(struct exec *x) {
    run(x, &(struct zalgebra_form){ZALGEBRA_DIFF, 1, NULL, false});
}

/* ZINTERCARD numkeys key ... [LIMIT limit] */
void cmd_zintercard(struct exec *x) {
    run(x, &(struct zalgebra_form){ZALGEBRA_INTER, 1, NULL, true});
}

/* ZUNIONSTORE destination numkeys key ... [WEIGHTS weight ...] [AGGREGATE SUM | MIN | MAX | COUNT] */
void cmd_zunionstore(struct exec *x) {
    run(x, &(struct zalgebra_form){ZALGEBRA_UNION, 2, "zunionstore", false});
}

/* ZINTERSTORE destination numkeys key ... [WEIGHTS weight ...] [AGGREGATE SUM | MIN | MAX | COUNT] */
void cmd_zinterstore(struct exec *x) {
    run(x, &(struct zalgebra_form){ZALGEBRA_INTER, 2, "zinterstore", false});
}

/* ZDIFFSTORE destination numkeys key ... */
void cmd_zdiffstore(struct exec *x) {
    run(x, &(struct zalgebra_form){ZALGEBRA_DIFF, 2, "zdiffstore", false});
}
