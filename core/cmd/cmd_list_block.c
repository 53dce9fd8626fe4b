/* cmd_list_block.c: the list commands that wait.
 *
 * Each looks first, and does what its sister without B does when there is something to take. Else it waits; once a key has
 * become ready, the handler runs again from its beginning and looks again (core/exec/exec.h). So there is no second way
 * to serve a client, and the order of the keys in the arguments decides each time. */
#include "core/cmd/cmd_list.h"

static void pop_or_wait(struct exec *x, enum list_end end) {
    int64_t deadline_ms;
    if (!cmd_arg_deadline(x, x->argc - 1, &deadline_ms))
        return;
    for (int i = 1; i < x->argc - 1; i++) {
        struct key_view kv;
        if (!key_open_write(x, x->argv[i], &kv))
            continue;
        if (!key_check_type(&kv, VALUE_LIST))
            return;
        resp_array(x->out, 2);
        resp_bulk(x->out, kv.key);
        cmd_list_reply_end(&kv, end);
        cmd_list_pop(&kv, end, 1);
        cmd_list_effect_pop(&kv, end, 0);
        return;
    }
    exec_block(
        x, &(struct exec_block){
               .first_key = 1, .key_count = x->argc - 2, .deadline_ms = deadline_ms, .is_null_array = true});
}

/* BLPOP key [key ...] timeout */
void cmd_blpop(struct exec *x) {
    pop_or_wait(x, LIST_HEAD);
}

/* BRPOP key [key ...] timeout */
void cmd_brpop(struct exec *x) {
    pop_or_wait(x, LIST_TAIL);
}

/* Moves, or waits for the source; the destination is not looked at before. */
static void move_or_wait(struct exec *x, enum list_end from, enum list_end to, int64_t deadline_ms) {
    struct key_view source;
    if (key_open_write(x, x->argv[1], &source))
        cmd_list_move(x, from, to);
    else
        exec_block(x, &(struct exec_block){.first_key = 1,
                                           .key_count = 1,
                                           .deadline_ms = deadline_ms,
                                           .is_null_array = true,
                                           .is_null_at_once = true});
}

/* BLMOVE source destination LEFT|RIGHT LEFT|RIGHT timeout */
void cmd_blmove(struct exec *x) {
    enum list_end from;
    enum list_end to;
    int64_t deadline_ms;
    if (cmd_list_arg_end(x, 3, &from) && cmd_list_arg_end(x, 4, &to) && cmd_arg_deadline(x, 5, &deadline_ms))
        move_or_wait(x, from, to, deadline_ms);
}

/* BRPOPLPUSH source destination timeout */
void cmd_brpoplpush(struct exec *x) {
    int64_t deadline_ms;
    if (cmd_arg_deadline(x, 3, &deadline_ms))
        move_or_wait(x, LIST_TAIL, LIST_HEAD, deadline_ms);
}

/* BLMPOP timeout numkeys key [key ...] LEFT|RIGHT [COUNT count] */
void cmd_blmpop(struct exec *x) {
    struct cmd_list_mpop args;
    int64_t deadline_ms;
    if (!cmd_list_arg_mpop(x, 2, &args) || !cmd_arg_deadline(x, 1, &deadline_ms))
        return;
    if (cmd_list_try_mpop(x, &args))
        return;
    exec_block(x, &(struct exec_block){.first_key = args.first_key,
                                       .key_count = args.key_count,
                                       .deadline_ms = deadline_ms,
                                       .is_null_array = true});
}
