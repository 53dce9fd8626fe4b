/* cmd_increx.c: INCREX, a counter with bounds and a time to live.
 *
 * The new value is value + increment if that lies between the bounds (where none is given, the limits of the number's
 * type). If it does not, nothing at all happens and the answer says so with an applied increment of 0; with SATURATE the
 * value becomes the nearest bound. Only then is the time to live looked at. ENX sets it only where there is none. A
 * deadline that has passed deletes the key.
 *
 * The effect is always the result: SET key value, with PXAT, KEEPTTL or neither. */
#include "core/cmd/opts.h"

#include <float.h>
#include <math.h>

enum {
    INCREX_BYINT = OPT_OWN,
    INCREX_BYFLOAT = OPT_OWN << 1,
    INCREX_LBOUND = OPT_OWN << 2,
    INCREX_UBOUND = OPT_OWN << 3,
    INCREX_SATURATE = OPT_OWN << 4,
    INCREX_ENX = OPT_OWN << 5,
};

/* What is asked for; integers and decimals never mix in one call. */
struct increx {
    uint32_t seen;
    bool is_decimal;
    int64_t by_int, low_int, high_int;
    long double by, low, high;
};

static void reply_text(struct exec *x, const char *text) {
    resp_errorf(x->out, "ERR %s", text);
}

static bool read_ints(struct exec *x, const struct opts *opts, struct increx *r) {
    r->by_int = 1;
    r->low_int = INT64_MIN;
    r->high_int = INT64_MAX;
    if ((opts->seen & INCREX_BYINT) && !num_parse_int(opts_value(x, opts, INCREX_BYINT), &r->by_int)) {
        reply_text(x, "Increment is not an integer or out of range");
        return false;
    }
    if ((opts->seen & INCREX_LBOUND) && !num_parse_int(opts_value(x, opts, INCREX_LBOUND), &r->low_int)) {
        reply_text(x, "LBOUND is not an integer or out of range");
        return false;
    }
    if ((opts->seen & INCREX_UBOUND) && !num_parse_int(opts_value(x, opts, INCREX_UBOUND), &r->high_int)) {
        reply_text(x, "UBOUND is not an integer or out of range");
        return false;
    }
    return true;
}

static bool read_decimals(struct exec *x, const struct opts *opts, struct increx *r) {
    r->low = -LDBL_MAX;
    r->high = LDBL_MAX;
    if (!num_parse_longdouble(opts_value(x, opts, INCREX_BYFLOAT), &r->by)) {
        reply_text(x, "Increment is not a valid float");
        return false;
    }
    if (isinf(r->by)) {
        reply_text(x, "BYFLOAT increment cannot be Infinity");
        return false;
    }
    if ((opts->seen & INCREX_LBOUND) && !num_parse_longdouble(opts_value(x, opts, INCREX_LBOUND), &r->low)) {
        reply_text(x, "LBOUND is not a valid float");
        return false;
    }
    if ((opts->seen & INCREX_UBOUND) && !num_parse_longdouble(opts_value(x, opts, INCREX_UBOUND), &r->high)) {
        reply_text(x, "UBOUND is not a valid float");
        return false;
    }
    return true;
}

static bool read_request(struct exec *x, struct opts *opts, struct increx *r) {
    static const struct opt options[] = {
        {"byint", INCREX_BYINT, INCREX_BYINT | INCREX_BYFLOAT, true},
        {"byfloat", INCREX_BYFLOAT, INCREX_BYINT | INCREX_BYFLOAT, true},
        {"lbound", INCREX_LBOUND, INCREX_LBOUND, true},
        {"ubound", INCREX_UBOUND, INCREX_UBOUND, true},
        {"saturate", INCREX_SATURATE, INCREX_SATURATE, false},
        {"ex", OPT_EX, OPT_TIMES | OPT_PERSIST, true},
        {"px", OPT_PX, OPT_TIMES | OPT_PERSIST, true},
        {"exat", OPT_EXAT, OPT_TIMES | OPT_PERSIST, true},
        {"pxat", OPT_PXAT, OPT_TIMES | OPT_PERSIST, true},
        {"persist", OPT_PERSIST, OPT_TIMES | OPT_PERSIST | INCREX_ENX, false},
        {"enx", INCREX_ENX, INCREX_ENX | OPT_PERSIST, false},
    };
    if (!opts_parse_or_reply(x, 2, options, COUNT_OF(options), opts))
        return false;
    r->seen = opts->seen;
    r->is_decimal = (opts->seen & INCREX_BYFLOAT) != 0;
    if ((opts->seen & INCREX_ENX) && !(opts->seen & OPT_TIMES)) {
        reply_text(x, "ENX flag requires an expiration option");
        return false;
    }
    if (!(r->is_decimal ? read_decimals(x, opts, r) : read_ints(x, opts, r)))
        return false;
    if (r->is_decimal ? r->low > r->high : r->low_int > r->high_int) {
        reply_text(x, "LBOUND can't be greater than UBOUND");
        return false;
    }
    return true;
}

enum outcome { OUTCOME_ERROR, OUTCOME_REFUSED, OUTCOME_DONE };

/* Computes *result_out and *applied_out from the old value. */
static enum outcome add_ints(struct exec *x, const struct increx *r, int64_t old, int64_t *result_out,
                             int64_t *applied_out) {
    int64_t sum;
    *result_out = old;
    *applied_out = 0;
    bool is_over = !num_add(old, r->by_int, &sum);
    if (is_over)
        sum = r->by_int > 0 ? INT64_MAX : INT64_MIN;
    if (is_over || sum < r->low_int || sum > r->high_int) {
        if (!(r->seen & INCREX_SATURATE))
            return OUTCOME_REFUSED;
        sum = sum < r->low_int ? r->low_int : sum > r->high_int ? r->high_int : sum;
    }
    if (__builtin_sub_overflow(sum, old, applied_out)) {
        reply_text(x, "applied increment would overflow");
        return OUTCOME_ERROR;
    }
    *result_out = sum;
    return OUTCOME_DONE;
}

static enum outcome add_decimals(struct exec *x, const struct increx *r, long double old,
                                 long double *result_out, long double *applied_out) {
    *result_out = old;
    *applied_out = 0;
    if (isinf(old)) {
        reply_text(x, "value cannot be Infinity");
        return OUTCOME_ERROR;
    }
    long double sum = old + r->by;
    if (sum < r->low || sum > r->high || isinf(sum)) {
        if (!(r->seen & INCREX_SATURATE))
            return OUTCOME_REFUSED;
        sum = sum < r->low ? r->low : r->high;
    }
    *result_out = sum;
    *applied_out = sum - old;
    return OUTCOME_DONE;
}

static void reply_decimal(struct exec *x, long double value) {
    if (x->out->proto >= 3)
        resp_double(x->out, (double)value);
    else
        resp_bulk_longdouble(x->out, value);
}

/* Runs the arithmetic on the open key: writes the reply, and the new value's text. */
static enum outcome compute(struct key_view *kv, const struct increx *r, char text[NUM_DOUBLE_TEXT_MAX],
                            struct bytes *text_out) {
    struct exec *x = kv->x;
    enum outcome outcome;
    char scratch[NUM_INT_TEXT_MAX];
    *text_out = BYTES_NONE;
    if (r->is_decimal) {
        long double old = 0;
        long double applied;
        if (kv->entry != NULL && !num_parse_longdouble(str_view(kv->entry, scratch), &old)) {
            resp_err(x->out, REPLY_ERR_NOT_FLOAT);
            return OUTCOME_ERROR;
        }
        outcome = add_decimals(x, r, old, &old, &applied);
        if (outcome == OUTCOME_ERROR)
            return outcome;
        resp_array(x->out, 2);
        reply_decimal(x, old);
        reply_decimal(x, applied);
        *text_out = bytes_of(text, num_from_longdouble(text, old));
    } else {
        int64_t old = 0;
        int64_t applied;
        if (kv->entry != NULL && !str_int(kv->entry, &old)) {
            resp_err(x->out, REPLY_ERR_NOT_INT);
            return OUTCOME_ERROR;
        }
        outcome = add_ints(x, r, old, &old, &applied);
        if (outcome == OUTCOME_ERROR)
            return outcome;
        resp_array(x->out, 2);
        resp_int(x->out, old);
        resp_int(x->out, applied);
        *text_out = bytes_of(text, num_from_int(text, old));
    }
    return outcome;
}

/* INCREX key [BYINT n | BYFLOAT n] [LBOUND n] [UBOUND n] [SATURATE]
 *     [EX seconds | PX milliseconds | EXAT seconds | PXAT milliseconds | PERSIST] [ENX] */
void cmd_increx(struct exec *x) {
    struct opts opts;
    struct increx r = {0};
    struct key_view kv;
    int64_t expire_ms;
    char text[NUM_DOUBLE_TEXT_MAX];
    struct bytes result;
    if (!read_request(x, &opts, &r) || !opts_expire(x, &opts, &expire_ms))
        return;
    (void)key_open_write(x, x->argv[1], &kv);
    if (!key_check_type(&kv, VALUE_STRING) || compute(&kv, &r, text, &result) != OUTCOME_DONE)
        return;

    int64_t old_expire_ms = cmd_expire_ms(&kv);
    bool has_deadline = expire_ms != ENTRY_NO_EXPIRE;
    if ((r.seen & INCREX_ENX) && old_expire_ms != ENTRY_NO_EXPIRE)
        has_deadline = false;
    if (has_deadline && expire_ms <= x->engine->now_ms && !x->engine->is_replaying) {
        if (kv.entry != NULL)
            cmd_delete(&kv);
        return;
    }
    int64_t new_expire_ms = has_deadline ? expire_ms : r.seen & OPT_PERSIST ? ENTRY_NO_EXPIRE : old_expire_ms;
    must(cmd_str_try_store(&kv, result, new_expire_ms));
    if (has_deadline || (r.seen & OPT_PERSIST))
        cmd_effect_set(&kv, result, new_expire_ms);
    else
        cmd_effect_set_keepttl(&kv, result);
    exec_event(&kv, EVENT_STRING, r.is_decimal ? "incrbyfloat" : "incrby");
    if (has_deadline)
        exec_event(&kv, EVENT_GENERIC, "expire");
    else if ((r.seen & OPT_PERSIST) && old_expire_ms != ENTRY_NO_EXPIRE)
        exec_event(&kv, EVENT_GENERIC, "persist");
}
