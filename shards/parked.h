/* parked.h: a request that cannot be answered at once: its key is lent to a transaction, or its handler answers later.
 *
 * It is made by the shard that was to run it, holds copies of the arguments, and travels to its coordinator with the
 * reply, where it is freed. */
#pragma once

#include "core/base/buf.h"
#include "core/exec/exec.h"
#include "shards/locks.h"
#include "shards/message.h"
#include "shards/request.h"

struct parked {
    struct message message;
    struct lock_waiter waiter;
    struct request request; /* argv points into `args` */
    struct buf args;
    struct bytes *argv;
    struct buf reply;
    unsigned owner; /* the shard that runs it */
    uint64_t ticket;
    bool has_entered; /* stands in key queues */
};

/* Copies the request and waits for its keys; runs and answers when they are free. */
void parked_wait(struct shard *shard, const struct request *request);

/* For a handler that answers later: the running request, copied. Write the reply to parked->reply and call
 * parked_answer. Marks x as deferred. */
struct parked *parked_defer(struct exec *x);

/* The reply is complete: sends it to the coordinator. Takes parked. */
void parked_answer(struct shard *shard, struct parked *parked);
