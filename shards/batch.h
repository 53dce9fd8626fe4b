/* batch.h: the commands that one shard sends another in one turn, and their replies on the way back.
 *
 * One block of memory makes the round trip: the sender (coordinator) writes requests and arguments into it, the owner
 * runs them in order and writes the replies behind, and the sender delivers these and keeps the block for its next
 * turn. Nothing is allocated or freed across threads. Arguments are copied into the batch: for the short ones that make
 * up nearly all traffic one sequential copy is cheaper than keeping the read buffer alive and letting the other core
 * fetch its scattered lines (docs/adr/0003).
 *
 * A request that must wait (its key is lent to a transaction) leaves the batch (struct parked) and answers by itself, so
 * a batch always returns at once. */
#pragma once

#include "core/base/buf.h"
#include "core/base/shard_set.h"
#include "shards/message.h"
#include "shards/request.h"

enum { BATCH_KEEP_BYTES = 256 * 1024 };

/* One cache line: it is written by the sender, read and written by the owner, and read by the sender again. Its arguments
 * and its reply stand in batch->args and batch->replies, in order of the items. */
struct batch_item {
    struct conn *conn;
    uint64_t slot;
    union {
        struct fanout *fanout;
        struct txn *txn; /* with REQUEST_LEND */
    } whole;             /* what the request is a part of; NULL: it stands alone */
    uint64_t hash;
    uint64_t ticket; /* log record that the reply stands on; 0: none */
    size_t reply_bytes;
    int32_t db;
    uint16_t command;
    uint16_t part;
    uint8_t proto;
    uint8_t flags;
    bool is_parked; /* answers by itself */
};

_Static_assert(sizeof(struct batch_item) <= 64, "an item is a cache line");

struct batch {
    struct message message;
    struct batch *next_free;
    unsigned from;
    unsigned to;
    bool is_ordered; /* must be pushed under the order locks of its flush (R1) */
    uint32_t count;
    uint32_t cap;
    struct batch_item *items;
    struct buf args; /* each item's: a 32-bit count, then so many times a 32-bit length and the bytes */
    struct buf replies;
};

struct batch *batch_new(unsigned from);
void batch_free(struct batch *batch);

/* Copies the request into the batch. */
void batch_add(struct batch *batch, const struct request *request);

/* Empties a returned batch for the next turn. */
void batch_reset(struct batch *batch);
