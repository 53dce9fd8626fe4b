/* locks.c: queues of waiters per locked key.
 *
 *   I1  a key_lock exists exactly while its queue is not empty; `count` is their number.
 *   I2  waiter->waiting counts its places that are not first in their queue.
 *   I3  a barrier that is pending stands first in `behind`; nobody enters a queue while `behind` is not empty.
 *   I4  the barrier becomes ready when no queue is left; those behind it enter when it leaves, in their order.
 *
 * A small chained table suffices: its size follows the number of transactions under way, not of keys. */
#include "shards/locks.h"

#include "core/base/mem.h"

#include <inttypes.h>
#include <string.h>

struct key_lock {
    struct key_lock *next;
    uint64_t hash;
    struct link queue; /* struct lock_place */
};

enum { LOCKS_BUCKETS = 256 };

void locks_init(struct locks *locks) {
    *locks = (struct locks){.bucket_count = LOCKS_BUCKETS};
    locks->buckets = mem_zalloc(LOCKS_BUCKETS * sizeof *locks->buckets);
    link_init_head(&locks->ready);
    link_init_head(&locks->behind);
}

void locks_deinit(struct locks *locks) {
    must(locks->waiters == 0);
    mem_free(locks->buckets);
}

static struct key_lock **locks_slot(const struct locks *locks, uint64_t hash) {
    struct key_lock **slot = &locks->buckets[hash & (locks->bucket_count - 1)];
    while (*slot && (*slot)->hash != hash)
        slot = &(*slot)->next;
    return slot;
}

bool locks_is_locked(const struct locks *locks, uint64_t hash) {
    return !link_is_empty(&locks->behind) || *locks_slot(locks, hash) != NULL;
}

static void locks_stand(struct locks *locks, struct lock_waiter *waiter, struct lock_place *place,
                        uint64_t hash) {
    struct key_lock **slot = locks_slot(locks, hash);
    if (!*slot) {
        struct key_lock *lock = mem_zalloc(sizeof *lock);
        lock->hash = hash;
        link_init_head(&lock->queue);
        *slot = lock;
        locks->count++;
    } else {
        waiter->waiting++; /* I2 */
    }
    place->waiter = waiter;
    place->lock = *slot;
    link_push_back(&(*slot)->queue, &place->link);
}

static void locks_enter_queues(struct locks *locks, struct lock_waiter *waiter, const uint64_t *hashes,
                               unsigned count) {
    waiter->places = mem_zalloc(count * sizeof *waiter->places);
    for (unsigned i = 0; i < count; i++) {
        bool is_double = false;
        for (unsigned j = 0; j < i && !is_double; j++)
            is_double = hashes[j] == hashes[i];
        if (!is_double)
            locks_stand(locks, waiter, &waiter->places[waiter->place_count++], hashes[i]);
    }
    if (waiter->waiting == 0)
        link_push_back(&locks->ready, &waiter->link);
}

static void locks_enter_barrier(struct locks *locks, struct lock_waiter *waiter) {
    waiter->is_barrier = true;
    link_push_back(&locks->behind, &waiter->link); /* I3 */
    if (locks->count == 0 && locks->behind.next == &waiter->link) {
        /* I4: it stays first in `behind`, and runs through a second link. */
        waiter->waiting = 0;
    } else {
        waiter->waiting = 1;
    }
}

void locks_enter(struct locks *locks, struct lock_waiter *waiter, const uint64_t *hashes, unsigned count,
                 int64_t now_ms) {
    waiter->place_count = 0;
    waiter->waiting = 0;
    waiter->places = NULL;
    waiter->hashes = NULL;
    waiter->is_barrier = false;
    waiter->is_running = false;
    waiter->entered_ms = now_ms;
    locks->waiters++;
    if (count == 0) {
        locks_enter_barrier(locks, waiter);
        return;
    }
    if (!link_is_empty(&locks->behind)) { /* I3 */
        waiter->hashes = mem_alloc(count * sizeof *hashes);
        memcpy(waiter->hashes, hashes, count * sizeof *hashes);
        waiter->place_count = count;
        waiter->waiting = 1;
        link_push_back(&locks->behind, &waiter->link);
        return;
    }
    locks_enter_queues(locks, waiter, hashes, count);
}

static void locks_leave_place(struct locks *locks, struct lock_place *place) {
    struct key_lock *lock = place->lock;
    dcheck(lock->queue.next == &place->link);
    link_remove(&place->link);
    if (link_is_empty(&lock->queue)) { /* I1 */
        *locks_slot(locks, lock->hash) = lock->next;
        mem_free(lock);
        locks->count--;
        return;
    }
    struct lock_waiter *first = CONTAINER_OF(lock->queue.next, struct lock_place, link)->waiter;
    must(first->waiting > 0);
    if (--first->waiting == 0)
        link_push_back(&locks->ready, &first->link);
}

/* After a barrier: those behind it enter the queues, up to the next barrier. */
static void locks_admit_behind(struct locks *locks) {
    while (!link_is_empty(&locks->behind)) {
        struct lock_waiter *waiter = CONTAINER_OF(locks->behind.next, struct lock_waiter, link);
        if (waiter->is_barrier)
            return;
        link_remove(&waiter->link);
        uint64_t *hashes = waiter->hashes;
        unsigned count = waiter->place_count;
        waiter->hashes = NULL;
        waiter->place_count = 0;
        waiter->waiting = 0;
        locks_enter_queues(locks, waiter, hashes, count);
        mem_free(hashes);
    }
}

void locks_leave(struct locks *locks, struct lock_waiter *waiter) {
    must(waiter->waiting == 0 && locks->waiters > 0);
    locks->waiters--;
    if (waiter->is_barrier) {
        link_remove(&waiter->link);
        locks_admit_behind(locks);
        return;
    }
    for (unsigned i = 0; i < waiter->place_count; i++)
        locks_leave_place(locks, &waiter->places[i]);
    mem_free(waiter->places);
    waiter->places = NULL;
}

/* The barrier whose time has come, or NULL (I4). */
static struct lock_waiter *locks_due_barrier(struct locks *locks) {
    if (locks->count != 0 || link_is_empty(&locks->behind) || !link_is_empty(&locks->ready))
        return NULL;
    struct lock_waiter *waiter = CONTAINER_OF(locks->behind.next, struct lock_waiter, link);
    return waiter->is_barrier && !waiter->is_running ? waiter : NULL;
}

void locks_run_ready(struct shard *shard, struct locks *locks) {
    for (;;) {
        struct link *node = link_pop_front(&locks->ready);
        struct lock_waiter *waiter =
            node ? CONTAINER_OF(node, struct lock_waiter, link) : locks_due_barrier(locks);
        if (!waiter)
            return;
        waiter->waiting = 0;
        waiter->is_running = true;
        waiter->on_ready(shard, waiter);
    }
}

static unsigned locks_length(const struct link *head) {
    unsigned count = 0;
    for (const struct link *node = head->next; node != head; node = node->next)
        count++;
    return count;
}

void locks_describe(const struct locks *locks, int64_t now_ms, struct buf *text) {
    for (unsigned b = 0; b < locks->bucket_count; b++)
        for (const struct key_lock *lock = locks->buckets[b]; lock; lock = lock->next) {
            const struct lock_place *first = CONTAINER_OF(lock->queue.next, const struct lock_place, link);
            buf_printf(text, "  key %016" PRIx64 ": %u in its queue, the first for %" PRId64 " ms%s\n",
                       lock->hash, locks_length(&lock->queue), now_ms - first->waiter->entered_ms,
                       first->waiter->waiting ? ", which waits for other keys too" : "");
        }
    if (!link_is_empty(&locks->behind))
        buf_printf(text, "  a barrier waits, and %u behind it\n", locks_length(&locks->behind) - 1);
}

void locks_check(const struct locks *locks) {
    unsigned count = 0;
    for (unsigned b = 0; b < locks->bucket_count; b++)
        for (const struct key_lock *lock = locks->buckets[b]; lock; lock = lock->next) {
            must(!link_is_empty(&lock->queue));
            count++;
        }
    must(count == locks->count);
}
