/* waiter.c: making a waiter, and the moves of its word.
 *
 *   I1  from WAITING to TAKEN and from WAITING to DONE only by compare-and-swap: one of all who try wins.
 *   I2  who is TAKEN's author alone moves it on; others may only turn it into POKED.
 *   I3  DONE is for ever.
 *
 * Why an atomic word and not the order of messages: the coordinator could decide alone if owners asked it before they
 * pop; but then a push would be followed by a question and an answer, and in between others could take the element that
 * the first in the queue has waited for. With the word, the owner serves in the same step in which the key became ready,
 * as Redis does. */
#include "shards/waiter.h"

#include "core/base/keyhash.h"
#include "core/base/mem.h"
#include "core/value/value.h"

static void copy_args(struct waiter *w, int argc, const struct bytes *argv) {
    size_t bytes = 0;
    for (int i = 0; i < argc; i++)
        bytes += argv[i].len;
    char *at = buf_room(&w->args, bytes + 1);
    w->argv = mem_alloc((size_t)argc * sizeof *w->argv);
    for (int i = 0; i < argc; i++) {
        if (argv[i].len)
            memcpy(at, argv[i].ptr, argv[i].len);
        w->argv[i] = bytes_of(at, argv[i].len);
        at += argv[i].len;
    }
    w->request.argv = w->argv;
    w->request.argc = argc;
}

static enum value_type value_type_of_group(const struct command *command) {
    if (command->group == GROUP_LIST)
        return VALUE_LIST;
    if (command->group == GROUP_SORTED_SET)
        return VALUE_ZSET;
    must(command->group == GROUP_STREAM);
    return VALUE_STREAM;
}

static bool has_ticket(const struct ticket *all, unsigned count, struct bytes key) {
    for (unsigned i = 0; i < count; i++)
        if (bytes_equal(all[i].name, key))
            return true;
    return false;
}

/* One ticket for each different key, in the order of the arguments, those of a part behind each other. */
static void make_tickets(struct waiter *w, const struct exec *x, const struct exec_block *how,
                         const unsigned *key_part) {
    struct ticket *all = mem_zalloc((size_t)how->key_count * sizeof *all);
    unsigned count = 0;
    w->parts = mem_zalloc(w->part_count * sizeof *w->parts);
    for (unsigned p = 0; p < w->part_count; p++) {
        struct waiter_part *part = &w->parts[p];
        part->waiter = w;
        part->tickets = &all[count];
        for (int k = 0; k < how->key_count; k++) {
            struct bytes key = w->argv[how->first_key + k];
            if ((key_part && key_part[k] != p) || has_ticket(all, count, key))
                continue;
            all[count++] =
                (struct ticket){.part = part, .name = key, .hash = keyhash_hash(key, x->engine->hash_seed)};
            part->ticket_count++;
        }
    }
}

struct waiter *waiter_new(const struct exec *x, const struct request *request, const struct exec_block *how,
                          enum waiter_mode mode, unsigned part_count, const unsigned *key_part) {
    struct waiter *w = mem_zalloc(sizeof *w);
    atomic_init(&w->state, WAITER_WAITING);
    w->request = *request;
    w->request.log_slot = NULL;
    w->request.txn = NULL;
    copy_args(w, x->argc, how->argv ? how->argv : x->argv);
    w->deadline_ms = how->deadline_ms;
    w->is_null_array = how->is_null_array;
    w->needs_all_keys = how->needs_all_keys;
    w->mode = mode;
    w->value_type = (uint8_t)value_type_of_group(x->command);
    w->part_count = part_count;
    timer_node_init(&w->timer);
    make_tickets(w, x, how, key_part);
    return w;
}

void waiter_free(struct waiter *w) {
    mem_free(w->parts[0].tickets);
    mem_free(w->parts);
    buf_deinit(&w->args);
    buf_deinit(&w->reply);
    mem_free(w->argv);
    mem_free(w);
}

/* Tries one move; *state is what was found. */
static bool move(struct waiter *w, int *state, int to) {
    YIELD_POINT();
    bool has_moved = atomic_compare_exchange_strong_explicit(&w->state, state, to, memory_order_acq_rel,
                                                             memory_order_acquire);
    YIELD_POINT();
    return has_moved;
}

bool waiter_claim(struct waiter *w) {
    int state = WAITER_WAITING;
    for (;;) {
        if (state == WAITER_WAITING && move(w, &state, WAITER_TAKEN)) /* I1 */
            return true;
        if (state == WAITER_DONE || state == WAITER_POKED)
            return false;
        if (state == WAITER_TAKEN && move(w, &state, WAITER_POKED)) /* I2 */
            return false;
    }
}

bool waiter_release(struct waiter *w) {
    int state = WAITER_TAKEN;
    if (move(w, &state, WAITER_WAITING))
        return false;
    must(state == WAITER_POKED);
    atomic_store_explicit(&w->state, WAITER_WAITING, memory_order_release);
    return true;
}

void waiter_finish(struct waiter *w) {
    YIELD_POINT();
    atomic_store_explicit(&w->state, WAITER_DONE, memory_order_release); /* I3 */
}

enum waiter_race waiter_try_end(struct waiter *w) {
    int state = WAITER_WAITING;
    if (move(w, &state, WAITER_DONE))
        return WAITER_RACE_WON;
    return state == WAITER_DONE ? WAITER_RACE_LOST : WAITER_RACE_BUSY;
}
