/* cmd_list_edit.c: searching lists and changing them in the middle.
 *
 * All these are linear in the list's length, but for LSET. What is searched for is compared in the form in which the
 * elements are stored, so that a number costs no conversion. */
#include "core/cmd/cmd_list.h"
#include "core/cmd/opts.h"

/* LSET key index element */
void cmd_lset(struct exec *x) {
    struct key_view kv;
    int64_t index;
    if (!key_open_write(x, x->argv[1], &kv)) {
        resp_err(x->out, REPLY_ERR_NO_KEY);
        return;
    }
    if (!key_check_type(&kv, VALUE_LIST) || !cmd_arg_int(x, 2, &index))
        return;
    struct list_rules rules = cmd_list_rules(x);
    struct list l = list_of(kv.entry);
    int64_t count = (int64_t)list_count(&l);
    if (index < 0)
        index += count;
    if (index < 0 || index >= count) {
        resp_err(x->out, REPLY_ERR_OUT_OF_RANGE);
        return;
    }
    list_grow(&l, &rules, x->argv + 3, 1);
    bool is_set = list_replace(&l, (size_t)index, x->argv[3]);
    list_shrink(&l, &rules);
    cmd_list_close(&kv, &l);
    if (UNLIKELY(!is_set)) {
        cmd_reply_no_memory(x);
        return;
    }
    effect_put_same(&kv);
    exec_event(&kv, EVENT_LIST, "lset");
    resp_ok(x->out);
}

/* The index of the first element that equals `value`; -1: there is none. */
static int64_t find_first(const struct list *l, struct bytes value) {
    struct list_iter it;
    bool is_equal = false;
    int64_t index = -1;
    list_iter_init(&it, l, 0, false);
    while (!is_equal && list_iter_next_is(&it, value, &is_equal))
        index++;
    list_iter_deinit(&it);
    return is_equal ? index : -1;
}

/* LINSERT key BEFORE|AFTER pivot element */
void cmd_linsert(struct exec *x) {
    struct key_view kv;
    bool is_after = bytes_is_word(x->argv[2], "after");
    if (!is_after && !bytes_is_word(x->argv[2], "before")) {
        resp_err(x->out, REPLY_ERR_SYNTAX);
        return;
    }
    if (!key_open_write(x, x->argv[1], &kv)) {
        resp_int(x->out, 0);
        return;
    }
    if (!key_check_type(&kv, VALUE_LIST))
        return;
    struct list_rules rules = cmd_list_rules(x);
    struct list l = list_of(kv.entry);
    int64_t index = find_first(&l, x->argv[3]);
    if (index < 0) {
        resp_int(x->out, -1);
        return;
    }
    list_grow(&l, &rules, x->argv + 4, 1);
    bool is_inserted = list_insert(&l, (size_t)index + (is_after ? 1 : 0), x->argv[4]);
    int64_t count = (int64_t)list_count(&l);
    cmd_list_close(&kv, &l);
    if (UNLIKELY(!is_inserted)) {
        cmd_reply_no_memory(x);
        return;
    }
    effect_put_same(&kv);
    exec_event(&kv, EVENT_LIST, "linsert");
    resp_int(x->out, count);
}

/* Reads argv[i] as an integer whose negative is one, too. */
static bool arg_signed(struct exec *x, int i, int64_t *value_out) {
    if (!cmd_arg_int(x, i, value_out))
        return false;
    if (*value_out != INT64_MIN)
        return true;
    resp_errorf(x->out, "ERR value is out of range, value must between %lld and %lld", (long long)-INT64_MAX,
                (long long)INT64_MAX);
    return false;
}

/* LREM key count element */
void cmd_lrem(struct exec *x) {
    struct key_view kv;
    int64_t count;
    if (!arg_signed(x, 2, &count))
        return;
    if (!key_open_write(x, x->argv[1], &kv)) {
        resp_int(x->out, 0);
        return;
    }
    if (!key_check_type(&kv, VALUE_LIST))
        return;
    struct list_rules rules = cmd_list_rules(x);
    struct list l = list_of(kv.entry);
    enum list_end end = count < 0 ? LIST_TAIL : LIST_HEAD;
    size_t limit = count == 0 ? SIZE_MAX : (size_t)(count < 0 ? -count : count);
    size_t removed = list_remove_equal(&l, end, x->argv[3], limit);
    resp_int(x->out, (int64_t)removed);
    bool is_empty = list_count(&l) == 0;
    if (removed > 0)
        list_shrink(&l, &rules);
    cmd_list_close(&kv, &l);
    if (removed == 0)
        return;
    if (is_empty)
        key_delete(&kv);
    effect_put_same(&kv);
    exec_event(&kv, EVENT_LIST, "lrem");
    if (is_empty)
        exec_event(&kv, EVENT_GENERIC, "del");
}

/* ---- LPOS ---- */

enum { LPOS_RANK = OPT_OWN, LPOS_COUNT = OPT_OWN << 1, LPOS_MAXLEN = OPT_OWN << 2 };

struct lpos {
    int64_t rank; /* which match is the first to be told; from 1 on */
    bool is_backward;
    bool has_count;
    int64_t count;  /* how many are told; 0: all */
    int64_t maxlen; /* elements looked at; 0: all */
};

/* Reads an option's value that must not be negative. */
static bool lpos_arg(struct exec *x, int i, const char *name, int64_t *value_out) {
    if (num_parse_int(x->argv[i], value_out) && *value_out >= 0)
        return true;
    resp_errorf(x->out, "ERR %s can't be negative", name);
    return false;
}

/* The options are checked one by one in their order, values included. */
static bool lpos_args(struct exec *x, struct lpos *args) {
    *args = (struct lpos){.rank = 1};
    for (int i = 3; i < x->argc; i += 2) {
        bool has_value = i + 1 < x->argc;
        if (has_value && bytes_is_word(x->argv[i], "rank")) {
            if (!arg_signed(x, i + 1, &args->rank))
                return false;
            if (args->rank == 0) {
                resp_error(
                    x->out,
                    BYTES_LIT("ERR RANK can't be zero: use 1 to start from the first match, 2 from the "
                              "second ... or use negative to start from the end of the list"));
                return false;
            }
        } else if (has_value && bytes_is_word(x->argv[i], "count")) {
            args->has_count = true;
            if (!lpos_arg(x, i + 1, "COUNT", &args->count))
                return false;
        } else if (has_value && bytes_is_word(x->argv[i], "maxlen")) {
            if (!lpos_arg(x, i + 1, "MAXLEN", &args->maxlen))
                return false;
        } else {
            resp_err(x->out, REPLY_ERR_SYNTAX);
            return false;
        }
    }
    args->is_backward = args->rank < 0;
    if (args->is_backward)
        args->rank = -args->rank;
    return true;
}

/* Writes the positions that are asked for; returns how many. */
static size_t lpos_reply(struct exec *x, const struct list *l, const struct lpos *args) {
    struct list_iter it;
    bool is_equal;
    int64_t total = (int64_t)list_count(l);
    int64_t wanted = !args->has_count ? 1 : args->count == 0 ? INT64_MAX : args->count;
    int64_t most = args->maxlen == 0 || args->maxlen > total ? total : args->maxlen;
    int64_t matches = 0;
    int64_t told = 0;
    list_iter_init(&it, l, args->is_backward ? (size_t)total - 1 : 0, args->is_backward);
    for (int64_t i = 0; i < most && told < wanted && list_iter_next_is(&it, x->argv[2], &is_equal); i++) {
        if (is_equal && ++matches >= args->rank) {
            resp_int(x->out, args->is_backward ? total - 1 - i : i);
            told++;
        }
    }
    list_iter_deinit(&it);
    return (size_t)told;
}

/* LPOS key element [RANK rank] [COUNT num-matches] [MAXLEN len] */
void cmd_lpos(struct exec *x) {
    struct key_view kv;
    struct lpos args;
    if (!lpos_args(x, &args))
        return;
    bool is_there = key_open_read(x, x->argv[1], &kv);
    if (!key_check_type(&kv, VALUE_LIST))
        return;
    size_t mark = resp_defer(x->out);
    size_t count = 0;
    if (is_there) {
        struct list l = list_of(kv.entry);
        count = lpos_reply(x, &l, &args);
    }
    if (args.has_count)
        resp_defer_array(x->out, mark, count);
    else if (count == 0)
        resp_null(x->out);
}
