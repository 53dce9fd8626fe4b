/* out_queue.h: blocks of output that wait for a socket, first in first out.
 *
 * A client that does not read lets its output grow without bound, where no limit is set. Growing in one buffer would copy all
 * of it again and again; so when a buffer is full enough it goes here whole, and a new one is begun. Owner: the connection.
 */
#pragma once

#include "core/base/buf.h"

#include <stdint.h>

struct out_queue {
    struct buf *ring; /* a power of two of places */
    uint32_t cap;
    uint32_t head;
    uint32_t count;
    size_t bytes; /* in all blocks together */
};

void out_queue_deinit(struct out_queue *queue);

/* Takes the block's contents; *block is empty then. */
void out_queue_push(struct out_queue *queue, struct buf *block);

/* Gives the first block; the queue must have one. */
struct buf out_queue_pop(struct out_queue *queue);
