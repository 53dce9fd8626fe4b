/* sort_plan.h: the arguments of SORT and SORT_RO, understood; and the patterns that name other keys.
 *
 * A pattern has a star, in whose place each element is put: `weight_*` names the key weight_7 for the element 7, and
 * `user_*->name` the field `name` of the hash user_7. `#` is the element itself. A GET pattern without a star names nothing;
 * a BY pattern without one asks not to sort.
 *
 * The router reads plans too: it must know whether keys will be looked up that the arguments do not name. */
#pragma once

#include "core/exec/exec.h"

struct sort_plan {
    bool is_desc;
    bool is_alpha;
    bool is_unsorted; /* BY without a star */
    int by_at;        /* argv position of the pattern of BY that has a star; 0: none */
    int store_at;     /* argv position of the key behind STORE; 0: none */
    int *gets;        /* argv positions of the patterns of GET */
    int get_count;
    int64_t limit_start;
    int64_t limit_count; /* negative: all */
};

/* Reads the arguments. False: they are wrong, and the error was written to `out` unless that is NULL. Free the plan with
 * sort_plan_deinit in either case. */
bool sort_plan_read(struct sort_plan *plan, const struct command *command, int argc, const struct bytes *argv,
                    struct resp_out *out) ATTR_MUST_USE;
void sort_plan_deinit(struct sort_plan *plan);

/* A pattern taken apart. */
struct sort_pattern {
    enum { SORT_NOTHING, SORT_ELEMENT, SORT_KEY, SORT_FIELD } kind;
    struct bytes before; /* what stands before the star */
    struct bytes behind; /* what stands behind it, up to the arrow */
    struct bytes field;  /* SORT_FIELD */
};

struct sort_pattern sort_pattern_of(struct bytes text);

/* True when looking up the pattern needs keys. */
static inline bool sort_pattern_has_keys(const struct sort_pattern *p) {
    return p->kind == SORT_KEY || p->kind == SORT_FIELD;
}

/* True if all keys of the pattern have the same hash tag, so the same slot, whatever the element: that of `before`. */
bool sort_pattern_is_tagged(const struct sort_pattern *p);
