/* cmd_set_algebra.c: intersection, union and difference: members, their number, or a new set.
 *
 * The three operations give their result member by member to a *sink*, which replies, counts up to a limit, or adds to a
 * set. So each operation is written once.
 *
 *   intersection  walks the smallest set and asks the others, smaller ones first.
 *   difference    walks the first set and asks the others, larger ones first. If asking so many costs more than putting
 *                 them together first, it asks their union instead.
 *   union         walks all sets. If members must come only once (a set as a sink sees to that itself), it asks the
 *                 sets walked before; if those are many, it remembers in a set what it has given. A set as a sink begins
 *                 as a copy of the largest one, if that is large: copying blocks is far cheaper than adding members.
 *
 * Asking a large table waits for memory. So members are walked a window at a time, and what asking for them will read from
 * the first of the others is prefetched for all of a window before the first is asked for.
 *
 * All reads come first, the destination is opened last: it may be one of the sources. */
#include "core/cmd/cmd_set.h"

#include "core/base/keyhash.h"
#include "core/base/mem.h"
#include "core/ds/hll.h"

#include <stdlib.h>

enum set_op {
    OP_INTER,
    OP_UNION,
    OP_DIFF,
};

enum {
    UNION_ASK_MAX = 4,   /* sets up to which a union asks them, instead of remembering */
    MEMBER_ADD_COST = 3, /* what adding a member costs, in lookups */
    WINDOW = 16,         /* members that are prefetched together */
};

/* The sets of a command; those that do not exist have no object. */
struct operands {
    struct set *sets;
    size_t count;
};

struct sink {
    bool (*put)(struct sink *sink, const struct set_member *member); /* false: enough */
    struct exec *x;
    size_t found;
    size_t limit; /* of found; 0: none */
    struct set set;
    struct set_rules rules;
    bool is_deduping; /* the same member may come twice */
    bool is_out_of_memory;
};

/* ---- operands ---- */

/* Opens the keys argv[first ...]; false: the error was replied. Free operands->sets in any case. */
static bool operands_open(struct exec *x, int first, size_t count, struct operands *operands) {
    bool is_error;
    operands->sets = mem_alloc(count * sizeof *operands->sets);
    operands->count = count;
    for (size_t i = 0; i < count; i++) {
        (void)cmd_set_open_read(x, x->argv[first + (int)i], &operands->sets[i], &is_error);
        if (is_error)
            return false;
    }
    return true;
}

static size_t count_of(const struct set *set) {
    return set->object == NULL ? 0 : set_count(*set);
}

static int compare_ascending(const void *a, const void *b) {
    size_t left = count_of(a);
    size_t right = count_of(b);
    return left < right ? -1 : left > right;
}

static int compare_descending(const void *a, const void *b) {
    return compare_ascending(b, a);
}

/* True if the member is in one of sets[0 .. count). */
static bool is_in_some(const struct set *sets, size_t count, const struct set_member *member) {
    for (size_t i = 0; i < count; i++)
        if (sets[i].object != NULL && set_has(sets[i], member))
            return true;
    return false;
}

/* ---- walking ---- */

/* A walk over one set whose members are asked for in another. */
struct walk {
    struct set set;
    const struct set *asked; /* NULL: none */
    struct set_iter iter;
    struct set_member members[WINDOW];
    size_t count;
    size_t at;
};

static bool walk_refill(struct walk *walk) {
    char scratch[NUM_INT_TEXT_MAX];
    walk->at = walk->count = 0;
    while (walk->count < WINDOW && set_next(walk->set, &walk->iter, &walk->members[walk->count]))
        walk->count++;
    bool is_prefetching =
        walk->asked != NULL && walk->asked->object != NULL && walk->asked->encoding == SET_TABLE;
    for (unsigned stage = 0; stage < VALUE_PREFETCH_STAGES && is_prefetching; stage++)
        for (size_t i = 0; i < walk->count; i++)
            set_ops.prefetch(walk->asked->object, SET_TABLE, set_member_bytes(&walk->members[i], scratch),
                             stage);
    return walk->count > 0;
}

/* The next member; NULL at the end. */
static const struct set_member *walk_next(struct walk *walk) {
    if (walk->at == walk->count && !walk_refill(walk))
        return NULL;
    return &walk->members[walk->at++];
}

/* ---- operations; false: there was no memory for what they had to remember ---- */

static bool intersect(struct operands *operands, struct sink *sink) {
    struct set *sets = operands->sets;
    const struct set_member *member;
    qsort(sets, operands->count, sizeof *sets, compare_ascending);
    if (count_of(&sets[0]) == 0)
        return true;
    struct walk walk = {.set = sets[0], .asked = operands->count > 1 ? &sets[1] : NULL};
    while ((member = walk_next(&walk)) != NULL) {
        size_t i = 1;
        while (i < operands->count && (sets[i].object == sets[0].object || set_has(sets[i], member)))
            i++;
        if (i == operands->count && !sink->put(sink, member))
            break;
    }
    return true;
}

/* Adds all members of the sets to *set_out, a set for looking up, which is the caller's. */
static bool gather(const struct set *sets, size_t count, const struct set_rules *rules, struct set *set_out) {
    struct set_member first = set_member_text(BYTES_LIT(""));
    *set_out = set_new(&first, SIZE_MAX, rules); /* a table */
    for (size_t i = 0; i < count; i++) {
        struct set_iter iter = {0};
        struct set_member member;
        while (sets[i].object != NULL && set_next(sets[i], &iter, &member))
            if (set_add(set_out, &member, rules) == SET_NO_MEMORY)
                return false;
    }
    return true;
}

static bool subtract(struct operands *operands, struct sink *sink) {
    struct set *first = &operands->sets[0];
    struct set *others = first + 1;
    size_t other_count = operands->count - 1;
    struct set gathered = {NULL, SET_TABLE};
    const struct set_member *member;
    size_t others_total = 0;
    bool is_good = true;
    if (first->object == NULL)
        return true;
    for (size_t i = 0; i < other_count; i++) {
        if (others[i].object == first->object)
            return true; /* nothing is left */
        others_total += count_of(&others[i]);
    }
    qsort(others, other_count, sizeof *others, compare_descending);
    while (other_count > 0 && count_of(&others[other_count - 1]) == 0)
        other_count--;
    if (other_count > 1 && set_count(*first) * (other_count - 1) / 2 >
                               others_total * MEMBER_ADD_COST) { /* half: asking ends early */
        is_good = gather(others, other_count, &sink->rules, &gathered);
        others = &gathered;
        other_count = 1;
    }
    struct walk walk = {.set = *first, .asked = other_count > 0 ? others : NULL};
    while (is_good && (member = walk_next(&walk)) != NULL)
        if (!is_in_some(others, other_count, member) && !sink->put(sink, member))
            break;
    if (gathered.object != NULL)
        set_free(gathered);
    return is_good;
}

/* True if the result begins as a copy of the set. */
static bool copy_largest(const struct set *largest, struct sink *sink) {
    size_t count = count_of(largest);
    if (!sink->is_deduping || count <= sink->rules.intset_max || count <= sink->rules.listpack_max ||
        largest->encoding != SET_TABLE)
        return false;
    sink->set = (struct set){set_ops.dup(largest->object, SET_TABLE), SET_TABLE};
    return true;
}

static bool unite(struct operands *operands, struct sink *sink) {
    struct set *sets = operands->sets;
    const struct set_member *member;
    struct set_member any = set_member_text(BYTES_LIT(""));
    qsort(sets, operands->count, sizeof *sets, compare_descending);
    while (operands->count > 0 && count_of(&sets[operands->count - 1]) == 0)
        operands->count--;
    bool is_asking = !sink->is_deduping && operands->count <= UNION_ASK_MAX;
    bool is_remembering = !sink->is_deduping && !is_asking;
    bool is_going = true;
    struct set given = {NULL, SET_TABLE};
    const struct set *asked = is_asking ? &sets[0] : is_remembering ? &given : &sink->set;
    enum set_added result = SET_ADDED;
    if (is_remembering)
        given = set_new(&any, SIZE_MAX, &sink->rules);
    size_t first = operands->count > 0 && copy_largest(&sets[0], sink) ? 1 : 0;
    for (size_t i = first; i < operands->count && is_going; i++) {
        struct walk walk = {.set = sets[i], .asked = i == 0 ? NULL : asked};
        while (is_going && (member = walk_next(&walk)) != NULL) {
            if (is_asking && is_in_some(sets, i, member))
                continue;
            result = is_remembering ? set_add(&given, member, &sink->rules) : SET_ADDED;
            is_going = result == SET_PRESENT || (result == SET_ADDED && sink->put(sink, member));
        }
    }
    if (given.object != NULL)
        set_free(given);
    return result != SET_NO_MEMORY;
}

/* Runs the operation into the sink; false: no memory. */
static bool operate(enum set_op op, struct operands *operands, struct sink *sink) {
    bool is_good = false;
    sink->rules = cmd_set_rules(sink->x);
    switch (op) {
    case OP_INTER: is_good = intersect(operands, sink); break;
    case OP_UNION: is_good = unite(operands, sink); break;
    case OP_DIFF: is_good = subtract(operands, sink); break;
    }
    return is_good && !sink->is_out_of_memory;
}

/* ---- SINTER, SUNION, SDIFF ---- */

static bool put_reply(struct sink *sink, const struct set_member *member) {
    cmd_set_reply(sink->x->out, member);
    sink->found++;
    return true;
}

static void reply_members(struct exec *x, enum set_op op) {
    struct operands operands;
    struct sink sink = {.put = put_reply, .x = x};
    if (operands_open(x, 1, (size_t)x->argc - 1, &operands)) {
        size_t mark = resp_defer(x->out);
        if (operate(op, &operands, &sink)) {
            resp_defer_set(x->out, mark, sink.found);
        } else {
            resp_undo(x->out, mark);
            cmd_reply_no_memory(x);
        }
    }
    mem_free(operands.sets);
}

/* SINTER key [key ...] */
void cmd_sinter(struct exec *x) {
    reply_members(x, OP_INTER);
}

/* SUNION key [key ...] */
void cmd_sunion(struct exec *x) {
    reply_members(x, OP_UNION);
}

/* SDIFF key [key ...] */
void cmd_sdiff(struct exec *x) {
    reply_members(x, OP_DIFF);
}

/* ---- SINTERSTORE, SUNIONSTORE, SDIFFSTORE ---- */

static bool put_set(struct sink *sink, const struct set_member *member) {
    if (sink->set.object == NULL)
        sink->set = set_new(member, 1, &sink->rules);
    sink->is_out_of_memory = set_add(&sink->set, member, &sink->rules) == SET_NO_MEMORY;
    return !sink->is_out_of_memory;
}

/* Puts the result into the destination, argv[1], whatever was there. */
static void store_result(struct exec *x, struct sink *sink, const char *event) {
    struct key_view kv;
    bool is_there = key_open_write(x, x->argv[1], &kv);
    if (sink->set.object == NULL) {
        if (is_there)
            cmd_delete(&kv);
        resp_int(x->out, 0);
        return;
    }
    set_settle(&sink->set, &sink->rules);
    key_put(&kv, entry_new_object(kv.key, VALUE_SET, (uint8_t)sink->set.encoding, sink->set.object));
    cmd_effect_whole(&kv);
    exec_event(&kv, EVENT_SET, event);
    resp_int(x->out, (int64_t)set_count(sink->set));
}

static void store_members(struct exec *x, enum set_op op, const char *event) {
    struct operands operands;
    struct sink sink = {.put = put_set, .x = x, .is_deduping = true};
    if (operands_open(x, 2, (size_t)x->argc - 2, &operands)) {
        if (operate(op, &operands, &sink)) {
            store_result(x, &sink, event);
        } else {
            if (sink.set.object != NULL)
                set_free(sink.set);
            cmd_reply_no_memory(x);
        }
    }
    mem_free(operands.sets);
}

/* SINTERSTORE destination key [key ...] */
void cmd_sinterstore(struct exec *x) {
    store_members(x, OP_INTER, "sinterstore");
}

/* SUNIONSTORE destination key [key ...] */
void cmd_sunionstore(struct exec *x) {
    store_members(x, OP_UNION, "sunionstore");
}

/* SDIFFSTORE destination key [key ...] */
void cmd_sdiffstore(struct exec *x) {
    store_members(x, OP_DIFF, "sdiffstore");
}

/* ---- SINTERCARD, SUNIONCARD, SDIFFCARD ---- */

static bool put_count(struct sink *sink, const struct set_member *member) {
    (void)member;
    return ++sink->found != sink->limit;
}

/* Reads numkeys and the options behind the keys. False: the error was replied. */
static bool card_args(struct exec *x, bool may_approximate, int64_t *keys_out, int64_t *limit_out,
                      bool *is_approximate_out) {
    *limit_out = 0;
    *is_approximate_out = false;
    if (!cmd_arg_int_or(x, 1, keys_out, REPLY_ERR_NUMKEYS))
        return false;
    if (*keys_out < 1) {
        resp_err(x->out, REPLY_ERR_NUMKEYS);
        return false;
    }
    if (*keys_out > x->argc - 2) {
        resp_error(x->out, BYTES_LIT("ERR Number of keys can't be greater than number of args"));
        return false;
    }
    for (int i = 2 + (int)*keys_out; i < x->argc; i++) {
        if (bytes_is_word(x->argv[i], "limit") && i + 1 < x->argc) {
            if (!cmd_arg_int_or(x, ++i, limit_out, REPLY_ERR_LIMIT_NEGATIVE))
                return false;
            if (*limit_out < 0) {
                resp_err(x->out, REPLY_ERR_LIMIT_NEGATIVE);
                return false;
            }
        } else if (may_approximate && bytes_is_word(x->argv[i], "approx")) {
            *is_approximate_out = true;
        } else {
            resp_err(x->out, REPLY_ERR_SYNTAX);
            return false;
        }
    }
    return true;
}

/* The number of members of all sets together, as a HyperLogLog tells it: nothing must be remembered but its registers. */
static size_t approximate_union(const struct operands *operands) {
    uint8_t *registers = mem_zalloc(HLL_REGISTERS);
    for (size_t i = 0; i < operands->count; i++) {
        struct set_iter iter = {0};
        struct set_member member;
        char scratch[NUM_INT_TEXT_MAX];
        while (operands->sets[i].object != NULL && set_next(operands->sets[i], &iter, &member))
            hll_registers_add(registers, set_member_bytes(&member, scratch));
    }
    uint64_t count = hll_registers_count(registers);
    mem_free(registers);
    return (size_t)count;
}

static void reply_card(struct exec *x, enum set_op op) {
    int64_t keys;
    int64_t limit;
    bool is_approximate;
    struct operands operands;
    struct sink sink = {.put = put_count, .x = x};
    if (!card_args(x, op == OP_UNION, &keys, &limit, &is_approximate))
        return;
    sink.limit = (size_t)limit;
    if (operands_open(x, 2, (size_t)keys, &operands)) {
        if (is_approximate) {
            size_t count = approximate_union(&operands);
            resp_int(x->out, (int64_t)(sink.limit != 0 && count > sink.limit ? sink.limit : count));
        } else if (operate(op, &operands, &sink)) {
            resp_int(x->out, (int64_t)sink.found);
        } else {
            cmd_reply_no_memory(x);
        }
    }
    mem_free(operands.sets);
}

/* SINTERCARD numkeys key [key ...] [LIMIT limit] */
void cmd_sintercard(struct exec *x) {
    reply_card(x, OP_INTER);
}

/* SUNIONCARD numkeys key [key ...] [APPROX] [LIMIT limit] */
void cmd_sunioncard(struct exec *x) {
    reply_card(x, OP_UNION);
}

/* SDIFFCARD numkeys key [key ...] [LIMIT limit] */
void cmd_sdiffcard(struct exec *x) {
    reply_card(x, OP_DIFF);
}
