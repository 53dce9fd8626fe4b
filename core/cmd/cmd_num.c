/* cmd_num.c: strings that are numbers.
 *
 * Integers stay integers in memory and are changed in place. Decimals are computed in long double, as Redis does, and
 * stored as text; their effect is the result and not the increment, so that another machine's arithmetic does not
 * matter. */
#include "core/cmd/opts.h"

#include <math.h>

/* The integer in an open key, 0 if there is none. False: an error was replied. */
static bool int_of_key(struct key_view *kv, int64_t *value_out) {
    *value_out = 0;
    if (kv->entry == NULL)
        return true;
    if (!key_check_type(kv, VALUE_STRING))
        return false;
    if (LIKELY(str_int(kv->entry, value_out)))
        return true;
    resp_err(kv->x->out, REPLY_ERR_NOT_INT);
    return false;
}

static void store_int(struct key_view *kv, int64_t value) {
    if (kv->entry == NULL)
        key_put(kv, entry_new_int(kv->key, value, ENTRY_NO_EXPIRE));
    else
        key_swap(kv, str_set_int(kv->entry, value));
}

static void increment(struct exec *x, int64_t by) {
    struct key_view kv;
    int64_t value;
    (void)key_open_write(x, x->argv[1], &kv);
    if (!int_of_key(&kv, &value))
        return;
    if (!num_add(value, by, &value)) {
        resp_err(x->out, REPLY_ERR_INCR_OVERFLOW);
        return;
    }
    store_int(&kv, value);
    resp_int(x->out, value);
    effect_put_same(&kv);
    exec_event(&kv, EVENT_STRING, "incrby");
}

/* INCR key */
void cmd_incr(struct exec *x) {
    increment(x, 1);
}

/* DECR key */
void cmd_decr(struct exec *x) {
    increment(x, -1);
}

/* INCRBY key increment */
void cmd_incrby(struct exec *x) {
    int64_t by;
    if (cmd_arg_int(x, 2, &by))
        increment(x, by);
}

/* DECRBY key decrement */
void cmd_decrby(struct exec *x) {
    int64_t by;
    if (!cmd_arg_int(x, 2, &by))
        return;
    if (by == INT64_MIN)
        resp_err(x->out, REPLY_ERR_DECR_OVERFLOW);
    else
        increment(x, -by);
}

/* The decimal in an open key, 0 if there is none. False: an error was replied. */
static bool decimal_of_key(struct key_view *kv, long double *value_out) {
    *value_out = 0;
    if (kv->entry == NULL)
        return true;
    if (!key_check_type(kv, VALUE_STRING))
        return false;
    char scratch[NUM_INT_TEXT_MAX];
    if (num_parse_longdouble(str_view(kv->entry, scratch), value_out))
        return true;
    resp_err(kv->x->out, REPLY_ERR_NOT_FLOAT);
    return false;
}

/* INCRBYFLOAT key increment */
void cmd_incrbyfloat(struct exec *x) {
    struct key_view kv;
    long double value;
    long double by;
    (void)key_open_write(x, x->argv[1], &kv);
    if (!decimal_of_key(&kv, &value))
        return;
    if (!num_parse_longdouble(x->argv[2], &by)) {
        resp_err(x->out, REPLY_ERR_NOT_FLOAT);
        return;
    }
    value += by;
    if (!isfinite(value)) {
        resp_err(x->out, REPLY_ERR_INCR_NAN);
        return;
    }
    char text[NUM_DOUBLE_TEXT_MAX];
    struct bytes result = bytes_of(text, num_from_longdouble(text, value));
    if (!cmd_str_store(&kv, result, cmd_expire_ms(&kv)))
        return;
    resp_bulk(x->out, result);
    cmd_effect_set_keepttl(&kv, result);
    exec_event(&kv, EVENT_STRING, "incrbyfloat");
}
