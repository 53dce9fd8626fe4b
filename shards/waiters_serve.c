/* waiters_serve.c: running the commands that waited, in the step in which their key became ready.
 *
 *   I1  a waiter is run by this shard only between a claim and its finish or release.
 *   I2  of those who compete for elements (all but XREAD) nobody is served past one whose run is under way elsewhere
 *       (is_told): the key is *held* until that run is over, then those behind are looked at.
 *   I3  what a waiter writes stands in the log right behind what woke it, in the same frame.
 *   I4  if that frame has kept its place since before others ran (a parked request, a share of a transaction), I3 would put
 *       the waiter in front of those others. That is right for the ready key, which they could not touch, but not for
 *       other keys: a command that needs more than the ready key (BLMOVE) then takes a place of its own, at the end.
 *
 * Redis looks at every client that waits for a key whenever the key changes; so do we for streams, whose readers do not
 * compete. For the others the walk ends when the key is gone. Cost: a push onto a key that nobody waits for, one lookup in
 * a small table, if anybody waits at all; a wake, the command itself. */
#include "core/base/mem.h"
#include "core/exec/lent.h"
#include "shards/admission.h"
#include "shards/cycles.h"
#include "shards/planted.h"
#include "shards/run.h"
#include "shards/server.h"
#include "shards/shard_log.h"
#include "shards/waiters_internal.h"
#include "shards/waiting.h"

enum { WAITERS_HASHES = 64 };

/* May the command still run? False: the reply to it is in w->reply. */
static bool admit(struct shard *shard, struct waiter *w) {
    struct buf error;
    buf_init(&error);
    if (admission_again(shard, w->request.command, &error))
        return true;
    struct resp_out reply;
    resp_out_init(&reply, &w->reply, w->request.proto);
    resp_error(&reply, buf_bytes(&error));
    stats_note_rejected(shard, w->request.command, buf_bytes(&error));
    buf_deinit(&error);
    return false;
}

/* Runs the claimed waiter's command here, over its keys as they are or over one of them alone; the reply is in w->reply.
 * False: it could not be served. */
static bool run_waiter(struct shard *shard, struct waiter *w, const struct bytes *alone) {
    const struct request *r = &w->request;
    struct lent_set veil = {.alone = alone};
    struct resp_out reply;
    resp_out_init(&reply, &w->reply, r->proto);
    struct exec x = {
        .engine = &shard->engine,
        .command = r->command,
        .argc = r->argc,
        .argv = r->argv,
        .out = &reply,
        .db = r->db,
        .is_no_touch = (r->flags & REQUEST_NO_TOUCH) != 0,
        .is_expiry_held = !locks_are_none(&shard->locks) || shard->pause.until_ms != 0,
        .block_deadline_ms = w->deadline_ms,
        .is_block_retry = true,
        .lent = alone ? &veil : NULL,
        .host = shard,
    };
    const struct request *outer = shard->current;
    shard->current = r;
    uint64_t begun = cycles_now();
    exec_run(&x);
    if (!x.is_waiting)
        stats_note(shard, r, &reply, cycles_now() - begun, true);
    shard->current = outer;
    return !x.is_waiting;
}

static void tell_coordinator(struct shard *shard, struct waiter_part *part) {
    part->is_told = true;
    part->ready.run = waiting_ready_arrive;
    shard_send(shard, part->waiter->request.to.coordinator, &part->ready);
}

/* A claimed waiter has been run; its places are given up if it was served. */
static void settle(struct shard *shard, struct waiter_part *part, bool is_served) {
    struct waiter *w = part->waiter;
    if (is_served) {
        waiters__leave_places(shard, part);
        waiter_finish(w);
        link_push_back(&shard->waiters.served, &w->served_link);
    } else if (waiter_release(w) && !part->is_told) {
        tell_coordinator(shard, part);
    }
}

static void try_to_serve(struct shard *shard, struct waiter_part *part, const struct bytes *alone) {
    if (waiter_claim(part->waiter)) /* I1 */
        settle(shard, part, !admit(shard, part->waiter) || run_waiter(shard, part->waiter, alone));
}

/* The value under the key, or NULL. */
static const struct entry *value_of(const struct shard *shard, const struct waited_key *key) {
    const struct keyspace *ks = engine_find_db(&shard->engine, key->db);
    const struct entry *e = ks ? keyspace_find(ks, bytes_of(key->name, key->name_bytes), key->hash) : NULL;
    return e && !entry_is_expired(e, shard->engine.now_ms) ? e : NULL;
}

/* Are all keys of the command but this one, which is, free to be used now? */
static bool has_free_keys(const struct shard *shard, const struct waiter *w, const struct waited_key *key) {
    if (locks_are_none(&shard->locks))
        return true;
    uint64_t hashes[WAITERS_HASHES];
    unsigned count = run_key_hashes(shard, &w->request, hashes, WAITERS_HASHES);
    if (count > WAITERS_HASHES)
        return false;
    for (unsigned i = 0; i < count; i++)
        if (hashes[i] != key->hash && locks_is_locked(&shard->locks, hashes[i]))
            return false;
    return true;
}

/* The part will be run when its keys, or the one key `alone`, are free. */
static void run_later(struct shard *shard, struct waiter_part *part, const struct ticket *alone) {
    part->is_told = true;
    part->alone = alone;
    link_push_back(&shard->waiters.to_queue, &part->link);
}

/* Begins the waiter's next run, here and now if possible. False: it will be run later. */
static bool wake(struct shard *shard, const struct ticket *ticket) {
    struct waiter_part *part = ticket->part;
    struct waiter *w = part->waiter;
    if (part->is_told)
        return false;
    if (w->mode == WAITER_TXN) {
        tell_coordinator(shard, part);
        return false;
    }
    if (!shard->waiters.is_in_hand && locks_is_locked(&shard->locks, ticket->hash)) {
        run_later(shard, part, w->mode == WAITER_ALONE ? ticket : NULL);
        return false;
    }
    bool has_all = w->mode == WAITER_WHOLE && has_free_keys(shard, w, ticket->key) &&
                   (w->is_any || !shard->waiters.has_place); /* I4 */
    if (!has_all && !w->is_any) {
        run_later(shard, part, NULL);
        return false;
    }
    try_to_serve(shard, part, has_all ? NULL : &ticket->name);
    return true;
}

static struct link *first_ticket(const struct waited_key *key) {
    return PLANTED(LAST_FIRST) ? key->tickets.prev : key->tickets.next;
}

static struct link *next_ticket(const struct link *node) {
    return PLANTED(LAST_FIRST) ? node->prev : node->next;
}

/* Offers the key to all who wait for it and have not looked at its last event, in order, until it is gone. */
static void serve_key(struct shard *shard, struct waited_key *key) {
    key->is_held = false;
    for (struct link *node = first_ticket(key), *next; node != &key->tickets; node = next) {
        struct ticket *ticket = CONTAINER_OF(node, struct ticket, link);
        const struct waiter *w = ticket->part->waiter;
        next = next_ticket(node);
        const struct entry *e = value_of(shard, key);
        if (!e && !shard->waiters.is_in_hand && locks_is_locked(&shard->locks, key->hash))
            key->is_held = true; /* perhaps it is only lent away: it is looked at again when it comes home */
        if (!e && key->needy_count == 0)
            return;
        if (ticket->seen == key->events || waiter_is_done(w) ||
            (!w->needs_all_keys && (!e || entry_type(e) != w->value_type)))
            continue;
        ticket->seen = key->events;
        if (!wake(shard, ticket) && (w->value_type != VALUE_STREAM || w->needs_all_keys)) {
            key->is_held = true; /* I2 */
            return;
        }
    }
}

static void serve_all(struct shard *shard, bool is_in_hand, bool has_place) {
    struct waiters *waiters = &shard->waiters;
    must(!waiters->is_serving);
    waiters->is_serving = true;
    waiters->is_in_hand = is_in_hand;
    waiters->has_place = has_place;
    struct link *node;
    while ((node = link_pop_front(&waiters->ready)) != NULL) {
        struct waited_key *key = CONTAINER_OF(node, struct waited_key, ready);
        key->is_busy = true;
        serve_key(shard, key);
        key->is_busy = false;
        waiters__drop_key(shard, key);
    }
    waiters->is_serving = false;
}

void waiters_serve(struct shard *shard, bool has_place) {
    serve_all(shard, true, has_place);
}

/* ---- answering ---- */

/* What a waiter has written stands in the frame `ticket`; what it has only seen may stand in earlier ones. */
static void note_in_log(struct shard *shard, struct waiter *w) {
    uint64_t hashes[WAITERS_HASHES];
    unsigned count = run_key_hashes(shard, &w->request, hashes, WAITERS_HASHES);
    for (unsigned i = 0; i < count && i < WAITERS_HASHES; i++) {
        uint64_t seen = shard_log_read_ticket(shard, hashes[i]);
        if (seen > w->ticket)
            w->ticket = seen;
    }
    for (unsigned i = 0; i < count && i < WAITERS_HASHES && w->ticket; i++)
        shard_log_note_write(shard, hashes[i], w->ticket);
    if (w->ticket)
        shard_log_note_interest(shard, w->request.to.coordinator);
}

static void lock_ready(struct shard *shard, struct lock_waiter *waiter);

/* Keys of the part's command are lent away: it takes a place behind those who have them. */
static void enter_queues(struct shard *shard, struct waiter_part *part) {
    struct request *r = &part->waiter->request;
    uint64_t few[WAITERS_HASHES];
    uint64_t *hashes = few;
    unsigned count = 1;
    if (part->alone)
        few[0] = part->alone->hash;
    else
        count = run_key_hashes(shard, r, few, WAITERS_HASHES);
    if (count > WAITERS_HASHES) {
        hashes = mem_alloc(count * sizeof *hashes);
        run_key_hashes(shard, r, hashes, count);
    }
    part->log_slot = shard_log_keep_place(shard, r);
    part->is_queued = true;
    part->locked.on_ready = lock_ready;
    locks_enter(&shard->locks, &part->locked, hashes, count, shard->engine.now_ms);
    if (hashes != few)
        mem_free(hashes);
}

void waiters_answer(struct shard *shard, uint64_t ticket) {
    struct waiters *waiters = &shard->waiters;
    struct link *node;
    while ((node = link_pop_front(&waiters->served)) != NULL) {
        struct waiter *w = CONTAINER_OF(node, struct waiter, served_link);
        unsigned to = w->request.to.coordinator;
        w->served_by = shard->index;
        w->ticket = ticket;
        if (shard_log_is_always(shard))
            note_in_log(shard, w);
        w->served.run = waiting_served_arrive;
        if (to == shard->index)
            waiting_served_arrive(shard, &w->served);
        else
            shard_send(shard, to, &w->served);
    }
    while ((node = link_pop_front(&waiters->to_queue)) != NULL)
        enter_queues(shard, CONTAINER_OF(node, struct waiter_part, link));
}

static void go_home(struct shard *shard, struct waiter_part *part) {
    part->forget.run = waiting_home_arrive;
    shard_send(shard, part->waiter->request.to.coordinator, &part->forget);
}

/* The keys are free: runs the command if its client still waits, and then those who were kept waiting behind it. */
static void lock_ready(struct shard *shard, struct lock_waiter *waiter) {
    struct waiter_part *part = CONTAINER_OF(waiter, struct waiter_part, locked);
    struct waiter *w = part->waiter;
    struct request r = w->request;
    bool is_claimed = waiter_claim(w); /* I1 */
    bool is_refused =
        is_claimed && !admit(shard, w); /* it may evict keys, which must not stand in our place of the log */
    r.log_slot = part->log_slot;
    if (shard->log)
        shard_log_begin(shard, &r);
    waiters__untell(shard, part);
    if (is_claimed)
        settle(shard, part, is_refused || run_waiter(shard, w, part->alone ? &part->alone->name : NULL));
    if (waiters_are_due(&shard->waiters))
        waiters_serve(shard, r.log_slot != NULL);
    uint64_t ticket = shard->log ? shard_log_end(shard, &r) : 0;
    locks_leave(&shard->locks, waiter);
    part->is_queued = false;
    bool is_forgotten = part->is_forgotten;
    waiters_answer(shard, ticket); /* the waiter may be gone now, but not one that was forgotten */
    if (is_forgotten)
        go_home(shard, part);
}

void waiters_serve_apart(struct shard *shard, bool is_in_hand) {
    if (!waiters_are_due(&shard->waiters))
        return;
    const struct request r = {.command = command_get(COMMAND_PING), .to.coordinator = (uint16_t)shard->index};
    if (shard->log)
        shard_log_begin(shard, &r);
    serve_all(shard, is_in_hand, false);
    waiters_answer(shard, shard->log ? shard_log_end(shard, &r) : 0);
}

void waiters_forget_arrive(struct shard *shard, struct message *message) {
    struct waiter_part *part = CONTAINER_OF(message, struct waiter_part, forget);
    waiters__untell(shard, part);
    waiters__leave_places(shard, part);
    if (part->is_queued)
        part->is_forgotten = true;
    else
        go_home(shard, part);
    waiters_serve_apart(shard, false);
}
