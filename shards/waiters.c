/* waiters.c: queues of tickets, one for each key that is waited for.
 *
 *   I1  a waited_key exists while tickets stand in its queue, or while it is about to be served; `count` is their number.
 *   I2  tickets of a queue stand in the order in which their commands found the key empty.
 *   I3  engine_ops.on_ready is set exactly while somebody waits: a server without blocked clients pays one comparison.
 *
 * Why a wake-up cannot be lost: a ticket is taken in the same step in which the key was seen empty (for lent keys: in the
 * step in which they come home and are unlocked), so whatever makes the key ready comes later and finds the ticket. It is
 * then served at once, or found TAKEN, and who has it looks again (waiter.h), or a run is under way that looks at the key
 * after this moment (is_told).
 *
 * A chained table that doubles: it has an entry for each key that is waited for, which are few beside the clients that
 * wait. */
#include "shards/waiters_internal.h"

#include "core/base/keyhash.h"
#include "core/base/mem.h"
#include "core/exec/lent.h"
#include "shards/server.h"
#include "shards/waiting.h"

enum { WAITERS_FIRST_BUCKETS = 64 };

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
    shard->engine.ops.on_ready = waiters_note_ready; /* I3 */
    return key;
}

/* I1 */
void waiters__drop_key(struct shard *shard, struct waited_key *key) {
    if (key->count || key->is_busy || link_is_linked(&key->ready))
        return;
    *slot_of(&shard->waiters, key->db, bytes_of(key->name, key->name_bytes), key->hash) = key->next;
    mem_free(key);
    if (--shard->waiters.count == 0)
        shard->engine.ops.on_ready = NULL; /* I3 */
}

/* ---- tickets ---- */

static void take_places(struct shard *shard, struct waiter_part *part) {
    for (unsigned i = 0; i < part->ticket_count; i++) {
        struct ticket *ticket = &part->tickets[i];
        ticket->key = get_key(shard, part->waiter->request.db, ticket->name, ticket->hash);
        ticket->seen = ticket->key->events;
        link_push_back(&ticket->key->tickets, &ticket->link); /* I2 */
        ticket->key->count++;
        ticket->key->needy_count += part->waiter->needs_all_keys;
    }
}

void waiters__leave_places(struct shard *shard, struct waiter_part *part) {
    for (unsigned i = 0; i < part->ticket_count; i++) {
        struct ticket *ticket = &part->tickets[i];
        if (!link_is_linked(&ticket->link))
            continue;
        link_remove(&ticket->link);
        ticket->key->count--;
        ticket->key->needy_count -= part->waiter->needs_all_keys;
        waiters__drop_key(shard, ticket->key);
    }
}

void waiters__look_at(struct shard *shard, struct waited_key *key) {
    if (!link_is_linked(&key->ready))
        link_push_back(&shard->waiters.ready, &key->ready);
}

void waiters__untell(struct shard *shard, struct waiter_part *part) {
    if (!part->is_told)
        return;
    part->is_told = false;
    for (unsigned i = 0; i < part->ticket_count; i++) {
        struct ticket *ticket = &part->tickets[i];
        if (link_is_linked(&ticket->link) && ticket->key->is_held)
            waiters__look_at(shard, ticket->key);
    }
}

void waiters_stand(struct shard *shard, struct waiter_part *part) {
    if (link_is_linked(&part->tickets[0].link))
        waiters__untell(shard, part);
    else
        take_places(shard, part);
}

static void note_event(struct shard *shard, struct waited_key *key) {
    key->events++;
    waiters__look_at(shard, key);
}

void waiters_note_ready(void *ctx, int db, struct bytes name, uint64_t hash) {
    struct shard *shard = ctx;
    struct waited_key *key = find_key(&shard->waiters, db, name, hash);
    if (key)
        note_event(shard, key);
}

void waiters_note_home(struct shard *shard, int db, struct bytes name, uint64_t hash) {
    struct waited_key *key = find_key(&shard->waiters, db, name, hash);
    if (key && key->is_held)
        waiters__look_at(shard, key);
}

void waiters_note_replaced(struct shard *shard, int db) {
    const struct waiters *waiters = &shard->waiters;
    for (unsigned b = 0; b < waiters->bucket_count && waiters->count; b++)
        for (struct waited_key *key = waiters->buckets[b]; key; key = key->next)
            if (key->db == db)
                note_event(shard, key);
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

/* ---- looking ---- */

unsigned waiters_needy_count(const struct waiters *waiters) {
    unsigned count = 0;
    for (unsigned b = 0; b < waiters->bucket_count && waiters->count; b++)
        for (const struct waited_key *key = waiters->buckets[b]; key; key = key->next)
            count += key->needy_count != 0;
    return count;
}

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
