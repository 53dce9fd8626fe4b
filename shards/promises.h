/* promises.h: replies that wait until what they stand on is on disk (appendfsync always).
 *
 * A reply made by shard S carries the number of the log record of S that it depends on (its ticket). The coordinator
 * holds the reply in its slot until S has told that all records up to the ticket are durable. Promises of one shard are
 * kept in order, so each shard's are one queue.
 *
 * Owner: the coordinating shard. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct shard;
struct conn;

struct promise {
    uint64_t ticket;
    struct conn *conn; /* kept alive by its in_flight */
    uint64_t slot;
};

struct promise_queue {
    struct promise *ring; /* power of two */
    uint32_t cap;
    uint64_t head, tail;
    uint64_t durable; /* every record up to here is on that shard's disk */
};

struct promises {
    struct promise_queue *from; /* per shard */
};

void promises_init(struct promises *promises, unsigned shard_count);
void promises_deinit(struct promises *promises, unsigned shard_count);

/* True when a reply with this ticket of shard `from` must be held. */
static inline int promises_must_hold(const struct promises *promises, unsigned from, uint64_t ticket) {
    return ticket > promises->from[from].durable;
}

/* Notes that slot `slot` of the connection waits for the ticket. */
void promises_add(struct promises *promises, unsigned from, uint64_t ticket, struct conn *conn,
                  uint64_t slot);

/* Shard `from` is durable up to `durable`: settles what waited for it. */
void promises_keep(struct shard *shard, unsigned from, uint64_t durable);
