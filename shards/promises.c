/* promises.c: queues of held replies, one per shard that made them.
 *
 *   I1  tickets rise within a queue almost always: replies of one shard reach the coordinator in the order they were
 *       made. A parked command may overtake by a little, so keeping scans while the head is due, and a later, smaller
 *       ticket waits for its elders: late, never early. */
#include "shards/promises.h"

#include "core/base/mem.h"
#include "shards/reply.h"
#include "shards/shard.h"

void promises_init(struct promises *promises, unsigned shard_count) {
    promises->from = mem_zalloc(shard_count * sizeof *promises->from);
}

void promises_deinit(struct promises *promises, unsigned shard_count) {
    for (unsigned i = 0; i < shard_count; i++)
        mem_free(promises->from[i].ring);
    mem_free(promises->from);
}

static void promises_grow(struct promise_queue *q) {
    uint32_t cap = q->cap ? q->cap * 2 : 64;
    struct promise *ring = mem_alloc(cap * sizeof *ring);
    for (uint64_t i = q->head; i < q->tail; i++)
        ring[i & (cap - 1)] = q->ring[i & (q->cap - 1)];
    mem_free(q->ring);
    q->ring = ring;
    q->cap = cap;
}

void promises_add(struct promises *promises, unsigned from, uint64_t ticket, struct conn *conn,
                  uint64_t slot) {
    struct promise_queue *q = &promises->from[from];
    if (q->tail - q->head == q->cap)
        promises_grow(q);
    q->ring[q->tail++ & (q->cap - 1)] = (struct promise){ticket, conn, slot};
    conn->in_flight++;
}

void promises_keep(struct shard *shard, unsigned from, uint64_t durable) {
    struct promise_queue *q = &shard->promises.from[from];
    if (durable > q->durable)
        q->durable = durable;
    while (q->head != q->tail) {
        struct promise p = q->ring[q->head & (q->cap - 1)];
        if (p.ticket > q->durable)
            return;
        q->head++;
        if (reply_order_settle(&p.conn->order, p.slot, &p.conn->out) && !p.conn->close_asap)
            conn_has_output(p.conn);
        reply_check_resume(p.conn);
        conn_release(p.conn);
    }
}
