/* waiters.c: queues of tickets, one for each key that is waited for.
 *
 *   I1  a waited_key exists while tickets stand in its queue (or while it is being served); `count` is their number.
 *   I2  tickets of a queue stand in the order in which their commands found the key empty.
 *   I3  a waiter is run by this shard only between a claim and its finish or release.
 *   I4  of those who compete for elements (lists, sorted sets) nobody is served past one whose run is under way elsewhere
 *       (is_told): the key is *held* until that run is over, then everybody behind is looked at again.
 *   I5  engine_ops.on_ready is set exactly while somebody waits: a server without blocked clients pays one comparison.
 *
 * Why a wake-up cannot be lost: a ticket is taken in the same step in which the key was seen empty (for lent keys: in the
 * step in which they come home and are unlocked), so whatever makes the key ready comes later and finds the ticket. It is
 * then served at once, or found TAKEN, and who has it looks again (waiter.h), or a run is under way that looks at the key
 * after this moment (is_told).
 *
 * Redis looks at every client that waits for a key whenever the key changes; so do we for streams, whose readers do not
 * compete. For the others the walk ends when the key is gone. Cost: a push onto a key that nobody waits for, one lookup
 * in a small table; a wake, the command itself. */
#include "shards/waiters.h"

#include "core/base/keyhash.h"
#include "core/base/mem.h"
#include "core/exec/lent.h"
#include "shards/admission.h"
#include "shards/cycles.h"
#include "shards/planted.h"
#include "shards/run.h"
#include "shards/server.h"
#include "shards/shard_log.h"
#include "shards/waiting.h"

enum { WAITERS_FIRST_BUCKETS = 64, WAITERS_HASHES = 64 };

struct waited_key {
    struct waited_key *next;
    uint64_t hash;
    int db;
    unsigned count;
    unsigned needy_count; /* tickets of waiters that also wait for the key to go away */
    bool is_held;         /* I4 */
    bool is_busy;         /* its queue is being walked */
    struct link tickets;
    struct link ready; /* waiters.ready */
    size_t name_bytes;
    char name[];
};

void waiters_init(struct waiters *waiters) {
    *waiters = (struct waiters){0};
    link_init_head(&waiters->ready);
    link_init_head(&waiters->served);
    link_init_head(&waiters->to_queue);
}

void waiters_deinit(struct waiters *waiters) {
    for (unsigned b = 0; b < waiters->bucket_count; b++) {
        for (struct waited_key *key = waiters->buckets[b], *next; key; key = next) {
            next = key->next;
            mem_free(key);
        }
    }
    mem_free(waiters->buckets);
}

/* ---- the table ---- */

static struct waited_key **slot_of(const struct waiters *waiters, int db, struct bytes name, uint64_t hash) {
    struct waited_key **slot = &waiters->buckets[hash & (waiters->bucket_count - 1)];
    while (*slot && ((*slot)->hash != hash || (*slot)->db != db ||
                     !bytes_equal(bytes_of((*slot)->name, (*slot)->name_bytes), name)))
        slot = &(*slot)->next;
    return slot;
}

static struct waited_key *find_key(const struct waiters *waiters, int db, struct bytes name, uint64_t hash) {
    return waiters->count ? *slot_of(waiters, db, name, hash) : NULL;
}

static void grow_table(struct waiters *waiters) {
    unsigned bucket_count = waiters->bucket_count ? waiters->bucket_count * 2 : WAITERS_FIRST_BUCKETS;
    struct waited_key **buckets = mem_zalloc(bucket_count * sizeof(struct waited_key *));
    for (unsigned b = 0; b < waiters->bucket_count; b++) {
        for (struct waited_key *key = waiters->buckets[b], *next; key; key = next) {
            next = key->next;
            key->next = buckets[key->hash & (bucket_count - 1)];
            buckets[key->hash & (bucket_count - 1)] = key;
        }
    }
    mem_free(waiters->buckets);
    waiters->buckets = buckets;
    waiters->bucket_count = bucket_count;
}

static struct waited_key *get_key(struct shard *shard, int db, struct bytes name, uint64_t hash) {
    struct waiters *waiters = &shard->waiters;
    if (waiters->count == waiters->bucket_count)
        grow_table(waiters);
    struct waited_key **slot = slot_of(waiters, db, name, hash);
    if (*slot)
        return *slot;
    struct waited_key *key = mem_zalloc(sizeof *key + name.len + 1);
    key->hash = hash;
    key->db = db;
    key->name_bytes = name.len;
    if (name.len)
        memcpy(key->name, name.ptr, name.len);
    link_init_head(&key->tickets);
    *slot = key;
    waiters->count++;
    shard->engine.ops.on_ready = waiters_note_ready; /* I5 */
    return key;
}

/* Frees the key if nobody waits for it and nobody is about to look at it (I1). */
static void drop_key(struct shard *shard, struct waited_key *key) {
    if (key->count || key->is_busy || link_is_linked(&key->ready))
        return;
    *slot_of(&shard->waiters, key->db, bytes_of(key->name, key->name_bytes), key->hash) = key->next;
    mem_free(key);
    if (--shard->waiters.count == 0)
        shard->engine.ops.on_ready = NULL; /* I5 */
}

/* ---- tickets ---- */

static void take_places(struct shard *shard, struct waiter_part *part) {
    for (unsigned i = 0; i < part->ticket_count; i++) {
        struct ticket *ticket = &part->tickets[i];
        ticket->key = get_key(shard, part->waiter->request.db, ticket->name, ticket->hash);
        link_push_back(&ticket->key->tickets, &ticket->link); /* I2 */
        ticket->key->count++;
        ticket->key->needy_count += part->waiter->needs_all_keys;
    }
}

static void leave_places(struct shard *shard, struct waiter_part *part) {
    for (unsigned i = 0; i < part->ticket_count; i++) {
        struct ticket *ticket = &part->tickets[i];
        if (!link_is_linked(&ticket->link))
            continue;
        link_remove(&ticket->link);
        ticket->key->count--;
        ticket->key->needy_count -= part->waiter->needs_all_keys;
        drop_key(shard, ticket->key);
    }
}

static void make_ready(struct shard *shard, struct waited_key *key) {
    if (!link_is_linked(&key->ready))
        link_push_back(&shard->waiters.ready, &key->ready);
}

/* The run that the part was told of is over, or will not be: who was kept waiting behind it is looked at (I4). */
static void untell(struct shard *shard, struct waiter_part *part) {
    if (!part->is_told)
        return;
    part->is_told = false;
    for (unsigned i = 0; i < part->ticket_count; i++) {
        struct ticket *ticket = &part->tickets[i];
        if (link_is_linked(&ticket->link) && ticket->key->is_held)
            make_ready(shard, ticket->key);
    }
}

void waiters_stand(struct shard *shard, struct waiter_part *part) {
    if (link_is_linked(&part->tickets[0].link))
        untell(shard, part);
    else
        take_places(shard, part);
}

void waiters_note_ready(void *ctx, int db, struct bytes name, uint64_t hash) {
    struct shard *shard = ctx;
    struct waited_key *key = find_key(&shard->waiters, db, name, hash);
    if (key)
        make_ready(shard, key);
}

void waiters_note_home(struct shard *shard, int db, struct bytes name, uint64_t hash) {
    struct waited_key *key = find_key(&shard->waiters, db, name, hash);
    if (key && key->is_held)
        make_ready(shard, key);
}

void waiters_note_replaced(struct shard *shard, int db) {
    const struct waiters *waiters = &shard->waiters;
    for (unsigned b = 0; b < waiters->bucket_count && waiters->count; b++)
        for (struct waited_key *key = waiters->buckets[b]; key; key = key->next)
            if (key->db == db)
                make_ready(shard, key);
}

/* ---- beginning to wait ---- */

static int count_keys(const struct exec *x) {
    struct command_keys keys;
    command_keys_init(&keys);
    int count = command_keys_find(x->command, x->argc, x->argv, &keys) ? keys.count : 0;
    command_keys_deinit(&keys);
    return count;
}

/* The keys that are waited for were lent: numbers their owners; part->owner is for now the owner's number in the set. */
static struct waiter *new_over_lent(const struct exec *x, const struct request *r,
                                    const struct exec_block *how, bool is_any) {
    unsigned part_count = 0;
    unsigned *key_part = mem_alloc((size_t)how->key_count * sizeof *key_part);
    unsigned *part_owner = mem_alloc((size_t)how->key_count * sizeof *part_owner);
    for (int k = 0; k < how->key_count; k++) {
        const struct lent_key *lent = lent_set_find(x->lent, x->db, x->argv[how->first_key + k]);
        must(lent != NULL);
        unsigned part = 0;
        while (part < part_count && part_owner[part] != lent->owner)
            part++;
        if (part == part_count)
            part_owner[part_count++] = lent->owner;
        key_part[k] = part;
    }
    struct waiter *w = waiter_new(x, r, how, is_any ? WAITER_ALONE : WAITER_TXN, part_count, key_part);
    for (unsigned part = 0; part < part_count; part++)
        w->parts[part].owner = part_owner[part];
    mem_free(key_part);
    mem_free(part_owner);
    return w;
}

bool waiters_block(void *ctx, struct exec *x, const struct exec_block *how) {
    struct shard *shard = ctx;
    const struct request *r = shard->current;
    if (!r || r->argv != x->argv || !(r->command->flags & CMD_BLOCKING))
        return false; /* run on behalf of another command, which does not wait */
    if (x->is_block_retry)
        return true;
    bool is_any = !how->needs_all_keys && how->key_count == count_keys(x);
    if (x->lent) {
        must(shard->waiters.fresh == NULL);
        shard->waiters.fresh = new_over_lent(x, r, how, is_any);
        shard->waiters.fresh->is_any = is_any;
        return true;
    }
    struct waiter *w = waiter_new(x, r, how, WAITER_WHOLE, 1, NULL);
    w->is_any = is_any;
    w->parts[0].owner = shard->index;
    take_places(shard, &w->parts[0]);
    w->begun.run = waiting_begun_arrive;
    if (r->to.coordinator == shard->index)
        waiting_begun_arrive(shard, &w->begun);
    else
        shard_send(shard, r->to.coordinator, &w->begun);
    return true;
}

/* ---- serving ---- */

/* Runs the claimed waiter's command here, over its keys as they are or over one of them alone; the reply is in w->reply.
 * False: it could not be served. */
static bool run_waiter(struct shard *shard, struct waiter *w, const struct bytes *alone) {
    const struct request *r = &w->request;
    struct resp_out reply;
    struct buf error;
    resp_out_init(&reply, &w->reply, r->proto);
    buf_init(&error);
    if (!admission_again(shard, r->command, &error)) {
        resp_error(&reply, buf_bytes(&error));
        stats_note_rejected(shard, r->command, buf_bytes(&error));
        buf_deinit(&error);
        return true;
    }
    struct lent_set veil = {.alone = alone};
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

/* Claims the waiter and runs it; its places are given up if it was served. */
static void try_to_serve(struct shard *shard, struct waiter_part *part, const struct bytes *alone) {
    struct waiter *w = part->waiter;
    if (!waiter_claim(w)) /* I3 */
        return;
    if (run_waiter(shard, w, alone)) {
        leave_places(shard, part);
        waiter_finish(w);
        link_push_back(&shard->waiters.served, &w->served_link);
    } else if (waiter_release(w) && !part->is_told) {
        tell_coordinator(shard, part);
    }
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
    bool has_all = w->mode == WAITER_WHOLE && has_free_keys(shard, w, ticket->key);
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

/* Offers the key to all who wait for it, in order, until it is gone. Those who wait again keep their places, so everybody
 * is asked once. */
static void serve_key(struct shard *shard, struct waited_key *key) {
    key->is_held = false;
    for (struct link *node = first_ticket(key), *next; node != &key->tickets; node = next) {
        struct ticket *ticket = CONTAINER_OF(node, struct ticket, link);
        struct waiter *w = ticket->part->waiter;
        next = next_ticket(node);
        const struct entry *e = value_of(shard, key);
        if (!e && !shard->waiters.is_in_hand && locks_is_locked(&shard->locks, key->hash))
            key->is_held = true; /* perhaps it is only lent away: it is looked at again when it comes home */
        if (!e && key->needy_count == 0)
            return;
        if (waiter_is_done(w) || (!w->needs_all_keys && (!e || entry_type(e) != w->value_type)))
            continue;
        if (!wake(shard, ticket) && w->value_type != VALUE_STREAM) {
            key->is_held = true; /* I4 */
            return;
        }
    }
}

static void serve_all(struct shard *shard, bool is_in_hand) {
    struct waiters *waiters = &shard->waiters;
    must(!waiters->is_serving);
    waiters->is_serving = true;
    waiters->is_in_hand = is_in_hand;
    struct link *node;
    while ((node = link_pop_front(&waiters->ready)) != NULL) {
        struct waited_key *key = CONTAINER_OF(node, struct waited_key, ready);
        key->is_busy = true;
        serve_key(shard, key);
        key->is_busy = false;
        drop_key(shard, key);
    }
    waiters->is_serving = false;
}

void waiters_serve(struct shard *shard) {
    serve_all(shard, true);
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
    struct request r = part->waiter->request;
    r.log_slot = part->log_slot;
    if (shard->log)
        shard_log_begin(shard, &r);
    untell(shard, part);
    try_to_serve(shard, part, part->alone ? &part->alone->name : NULL);
    if (waiters_are_due(&shard->waiters))
        waiters_serve(shard);
    uint64_t ticket = shard->log ? shard_log_end(shard, &r) : 0;
    locks_leave(&shard->locks, waiter);
    part->is_queued = false;
    bool is_forgotten = part->is_forgotten;
    waiters_answer(shard, ticket); /* the waiter may be gone now, but not one that was forgotten */
    if (is_forgotten)
        go_home(shard, part);
}

void waiters_serve_alone(struct shard *shard) {
    if (!waiters_are_due(&shard->waiters))
        return;
    const struct request r = {.command = command_get(COMMAND_PING), .to.coordinator = (uint16_t)shard->index};
    if (shard->log)
        shard_log_begin(shard, &r);
    serve_all(shard, false);
    waiters_answer(shard, shard->log ? shard_log_end(shard, &r) : 0);
}

void waiters_forget_arrive(struct shard *shard, struct message *message) {
    struct waiter_part *part = CONTAINER_OF(message, struct waiter_part, forget);
    untell(shard, part);
    leave_places(shard, part);
    if (part->is_queued)
        part->is_forgotten = true;
    else
        go_home(shard, part);
    waiters_serve_alone(shard);
}

/* ---- looking ---- */

void waiters_check(const struct waiters *waiters) {
    unsigned keys = 0;
    for (unsigned b = 0; b < waiters->bucket_count; b++) {
        for (const struct waited_key *key = waiters->buckets[b]; key; key = key->next) {
            unsigned count = 0;
            unsigned needy = 0;
            for (const struct link *node = key->tickets.next; node != &key->tickets; node = node->next) {
                const struct ticket *ticket = CONTAINER_OF(node, struct ticket, link);
                must(ticket->key == key);
                must(ticket->hash == key->hash);
                count++;
                needy += ticket->part->waiter->needs_all_keys;
            }
            must(count == key->count); /* I1 */
            must(needy == key->needy_count);
            must(count != 0 || key->is_busy || link_is_linked(&key->ready));
            keys++;
        }
    }
    must(keys == waiters->count);
}

void waiters_dump(const struct waiters *waiters, struct buf *text) {
    for (unsigned b = 0; b < waiters->bucket_count; b++)
        for (const struct waited_key *key = waiters->buckets[b]; key; key = key->next)
            buf_printf(text, "db %d key %.*s: %u wait%s%s\n", key->db, (int)key->name_bytes, key->name,
                       key->count, key->is_held ? ", held" : "",
                       link_is_linked(&key->ready) ? ", ready" : "");
}
