/* cmd_list.h: what the handlers of list commands share. */
#pragma once

#include "core/cmd/cmd.h"
#include "core/value/list.h"

/* What decides about a list's form. */
struct list_rules cmd_list_rules(const struct exec *x);

/* Reads argv[i] as LEFT or RIGHT; false: "syntax error" was replied. */
bool cmd_list_arg_end(struct exec *x, int i, enum list_end *end_out) ATTR_MUST_USE;

/* Ends a change of the present list, which must not be empty now: takes the list, puts it back, accounts for it. */
void cmd_list_close(struct key_view *kv, struct list *l);

/* Adds to the present list, or makes it. Tells the event; the effect is the caller's. False: no memory, nothing has
 * changed, and the error was replied. */
bool cmd_list_push(struct key_view *kv, enum list_end end, const struct bytes *values,
                   size_t count) ATTR_MUST_USE;

/* Replies with the element at `end` of the present list, as a bulk string. */
void cmd_list_reply_end(struct key_view *kv, enum list_end end);

/* Replies with the `count` elements (at most) from `end` on, as an array; returns how many. */
size_t cmd_list_reply_ends(struct key_view *kv, enum list_end end, size_t count);

/* Removes `count` elements from `end` on, all if there are not more, and then the key. Tells the events; the effect is the
 * caller's. */
void cmd_list_pop(struct key_view *kv, enum list_end end, size_t count);

/* LPOP key or RPOP key, with a count unless it is 0. */
void cmd_list_effect_pop(struct key_view *kv, enum list_end end, size_t count);

/* LMOVE once both ends are known: moves one element, or replies null. */
void cmd_list_move(struct exec *x, enum list_end from, enum list_end to);

/* The common arguments of LMPOP and BLMPOP, from the number of keys at argv[i] on. */
struct cmd_list_mpop {
    int first_key;
    int key_count;
    enum list_end end;
    size_t count;
};

/* Reads them; false: the error was replied. */
bool cmd_list_arg_mpop(struct exec *x, int i, struct cmd_list_mpop *args_out) ATTR_MUST_USE;

/* Serves LMPOP from the first list that exists. True: something was replied; false: no key exists. */
bool cmd_list_try_mpop(struct exec *x, const struct cmd_list_mpop *args) ATTR_MUST_USE;
