/* out_queue.c: a ring of buffers, which goes when the last block does: waiting output is rare. */
#include "net/out_queue.h"

#include "core/base/mem.h"

enum { OUT_QUEUE_FIRST = 8 };

void out_queue_deinit(struct out_queue *queue) {
    for (uint32_t i = 0; i < queue->count; i++)
        buf_deinit(&queue->ring[(queue->head + i) & (queue->cap - 1)]);
    mem_free(queue->ring);
    *queue = (struct out_queue){0};
}

void out_queue_push(struct out_queue *queue, struct buf *block) {
    if (queue->count == queue->cap) {
        uint32_t cap = queue->cap ? queue->cap * 2 : OUT_QUEUE_FIRST;
        struct buf *ring = mem_alloc(cap * sizeof *ring);
        for (uint32_t i = 0; i < queue->count; i++)
            ring[i] = queue->ring[(queue->head + i) & (queue->cap - 1)];
        mem_free(queue->ring);
        queue->ring = ring;
        queue->cap = cap;
        queue->head = 0;
    }
    queue->ring[(queue->head + queue->count++) & (queue->cap - 1)] = *block;
    queue->bytes += block->len;
    buf_init(block);
}

struct buf out_queue_pop(struct out_queue *queue) {
    must(queue->count > 0);
    struct buf block = queue->ring[queue->head];
    queue->head = (queue->head + 1) & (queue->cap - 1);
    queue->count--;
    queue->bytes -= block.len;
    if (queue->count == 0)
        out_queue_deinit(queue);
    return block;
}
