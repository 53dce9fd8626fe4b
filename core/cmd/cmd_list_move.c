/* cmd_list_move.c: elements that go from list to list, or come from the first list of several.
 *
 * The two lists of a move may live on different shards, and each one's log must make sense alone: the source's effect is
 * a pop, the destination's a push of the very element. Where both are one list, the effect is the move itself. */
#include "core/cmd/cmd_list.h"

static struct bytes end_word(enum list_end end) {
    return end == LIST_HEAD ? BYTES_LIT("LEFT") : BYTES_LIT("RIGHT");
}

/* From one end of a list to the other, or to the same. */
static void rotate(struct key_view *kv, enum list_end from, enum list_end to) {
    struct exec *x = kv->x;
    struct list_rules rules = cmd_list_rules(x);
    struct list l = list_of(kv->entry);
    if (from != to && list_count(&l) > 1) {
        char scratch[NUM_INT_TEXT_MAX];
        struct buf copy; /* a string given to a list must not lie in it */
        buf_init(&copy);
        buf_put_bytes(&copy, list_peek(&l, from, scratch));
        struct bytes value = buf_bytes(&copy);
        list_grow(&l, &rules, &value, 1);
        bool is_pushed = list_push(&l, to, value);
        if (LIKELY(is_pushed))
            list_pop(&l, from);
        list_shrink(&l, &rules);
        cmd_list_close(kv, &l);
        buf_deinit(&copy);
        if (UNLIKELY(!is_pushed)) {
            cmd_reply_no_memory(x);
            return;
        }
    }
    cmd_list_reply_end(kv, to);
    struct bytes argv[5] = {BYTES_LIT("LMOVE"), kv->key, kv->key, end_word(from), end_word(to)};
    effect_put(kv, 5, argv);
    exec_event(kv, EVENT_LIST, to == LIST_HEAD ? "lpush" : "rpush");
    exec_event(kv, EVENT_LIST, from == LIST_HEAD ? "lpop" : "rpop");
}

void cmd_list_move(struct exec *x, enum list_end from, enum list_end to) {
    struct key_view source;
    struct key_view destination;
    if (!key_open_write(x, x->argv[1], &source)) {
        resp_null(x->out);
        return;
    }
    if (!key_check_type(&source, VALUE_LIST))
        return;
    if (bytes_equal(x->argv[1], x->argv[2])) {
        rotate(&source, from, to);
        return;
    }
    key_open_write(x, x->argv[2], &destination);
    if (!key_check_type(&destination, VALUE_LIST))
        return;
    char scratch[NUM_INT_TEXT_MAX];
    struct list l = list_of(source.entry);
    struct bytes value = list_peek(&l, from, scratch);
    if (!cmd_list_push(&destination, to, &value, 1))
        return;
    resp_bulk(x->out, value);
    struct bytes argv[3] = {to == LIST_HEAD ? BYTES_LIT("LPUSH") : BYTES_LIT("RPUSH"), x->argv[2], value};
    effect_put(&destination, 3, argv);
    cmd_list_pop(&source, from, 1);
    cmd_list_effect_pop(&source, from, 0);
}

/* LMOVE source destination LEFT|RIGHT LEFT|RIGHT */
void cmd_lmove(struct exec *x) {
    enum list_end from;
    enum list_end to;
    if (cmd_list_arg_end(x, 3, &from) && cmd_list_arg_end(x, 4, &to))
        cmd_list_move(x, from, to);
}

/* RPOPLPUSH source destination */
void cmd_rpoplpush(struct exec *x) {
    cmd_list_move(x, LIST_TAIL, LIST_HEAD);
}

/* ---- the first list of several ---- */

bool cmd_list_arg_mpop(struct exec *x, int i, struct cmd_list_mpop *args_out) {
    int64_t key_count;
    *args_out = (struct cmd_list_mpop){.first_key = i + 1, .count = 1};
    if (!num_parse_int(x->argv[i], &key_count) || key_count <= 0) {
        resp_err(x->out, REPLY_ERR_NUMKEYS);
        return false;
    }
    if (key_count >= x->argc - i - 1) { /* behind the keys stands the end at least */
        resp_err(x->out, REPLY_ERR_SYNTAX);
        return false;
    }
    args_out->key_count = (int)key_count;
    int at = i + 1 + args_out->key_count;
    if (!cmd_list_arg_end(x, at, &args_out->end))
        return false;
    if (at + 1 == x->argc)
        return true;
    if (at + 3 > x->argc || !bytes_is_word(x->argv[at + 1], "count")) {
        resp_err(x->out, REPLY_ERR_SYNTAX);
        return false;
    }
    int64_t count;
    if (!num_parse_int(x->argv[at + 2], &count) || count <= 0) {
        resp_err(x->out, REPLY_ERR_COUNT_POSITIVE);
        return false;
    }
    args_out->count = (size_t)count;
    if (at + 3 == x->argc)
        return true;
    resp_err(x->out, REPLY_ERR_SYNTAX);
    return false;
}

bool cmd_list_try_mpop(struct exec *x, const struct cmd_list_mpop *args) {
    for (int i = 0; i < args->key_count; i++) {
        struct key_view kv;
        if (!key_open_write(x, x->argv[args->first_key + i], &kv))
            continue;
        if (!key_check_type(&kv, VALUE_LIST))
            return true;
        resp_array(x->out, 2);
        resp_bulk(x->out, kv.key);
        size_t count = cmd_list_reply_ends(&kv, args->end, args->count);
        cmd_list_pop(&kv, args->end, count);
        cmd_list_effect_pop(&kv, args->end, count);
        return true;
    }
    return false;
}

/* LMPOP numkeys key [key ...] LEFT|RIGHT [COUNT count] */
void cmd_lmpop(struct exec *x) {
    struct cmd_list_mpop args;
    if (cmd_list_arg_mpop(x, 1, &args) && !cmd_list_try_mpop(x, &args))
        resp_null_array(x->out);
}
