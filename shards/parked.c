/* parked.c: requests that wait, and their way home. */
#include "shards/parked.h"

#include "core/base/mem.h"
#include "shards/reply.h"
#include "shards/run.h"
#include "shards/server.h"
#include "shards/shard_log.h"

enum { PARKED_HASHES = 64 };

static struct parked *parked_new(struct shard *shard, const struct request *request) {
    struct parked *p = mem_zalloc(sizeof *p);
    p->request = *request;
    p->owner = shard->index;
    size_t bytes = 0;
    for (int i = 0; i < request->argc; i++)
        bytes += request->argv[i].len;
    char *at = buf_room(&p->args, bytes + 1);
    p->argv = mem_alloc((size_t)request->argc * sizeof *p->argv);
    for (int i = 0; i < request->argc; i++) {
        size_t len = request->argv[i].len;
        if (len)
            memcpy(at, request->argv[i].ptr, len);
        p->argv[i] = bytes_of(at, len);
        at += len;
    }
    p->request.argv = p->argv;
    return p;
}

static void parked_free(struct parked *p) {
    buf_deinit(&p->args);
    buf_deinit(&p->reply);
    mem_free(p->argv);
    mem_free(p);
}

static void parked_deliver(struct shard *shard, struct message *message) {
    struct parked *p = CONTAINER_OF(message, struct parked, message);
    reply_deliver(shard, &p->request.to, buf_bytes(&p->reply), p->owner, p->ticket);
    parked_free(p);
}

void parked_answer(struct shard *shard, struct parked *p) {
    dcheck(p->owner == shard->index);
    p->message.run = parked_deliver;
    shard_send(shard, p->request.to.coordinator, &p->message);
}

/* All keys are free: run, leave the queues, answer. */
static void parked_ready(struct shard *shard, struct lock_waiter *waiter) {
    struct parked *p = CONTAINER_OF(waiter, struct parked, waiter);
    bool is_answered = run_request_unlocked(shard, &p->request, &p->reply, &p->ticket);
    locks_leave(&shard->locks, waiter);
    if (is_answered)
        parked_answer(shard, p);
    else
        parked_free(p); /* the handler has deferred it into another one */
}

void parked_wait(struct shard *shard, const struct request *request) {
    struct parked *p = parked_new(shard, request);
    p->request.log_slot = shard_log_keep_place(shard, request);
    uint64_t few[PARKED_HASHES];
    uint64_t *hashes = few;
    unsigned count = run_key_hashes(shard, &p->request, few, PARKED_HASHES);
    if (count > PARKED_HASHES) {
        hashes = mem_alloc(count * sizeof *hashes);
        run_key_hashes(shard, &p->request, hashes, count);
    }
    p->waiter.on_ready = parked_ready;
    p->has_entered = true;
    locks_enter(&shard->locks, &p->waiter, hashes, count, shard->engine.now_ms);
    if (hashes != few)
        mem_free(hashes);
}

struct parked *parked_defer(struct exec *x) {
    struct shard *shard = x->host;
    must(shard->current != NULL && !x->is_deferred);
    x->is_deferred = true;
    struct parked *p = parked_new(shard, shard->current);
    p->request.log_slot = NULL; /* its run fills that one */
    return p;
}
