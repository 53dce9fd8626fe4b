/* gather.c: one message per shard, there and back.
 *
 * The block holds a message for each shard, and behind them the answers, each on cache lines of its own because shards
 * fill them at the same time. The same message that carried the question brings the answer home. No order locks are
 * taken: questions are not commands on keys, and nothing is promised about their order.
 *
 * I1  `pending` is touched by the asking shard alone.
 * I2  The command's connection stays alive: its reply slot is open until parked_answer has been delivered. */
#include "shards/gather.h"

#include "core/base/mem.h"
#include "shards/cycles.h"
#include "shards/parked.h"
#include "shards/server.h"

struct gather_part {
    struct message message;
    struct link link; /* on shard->questions */
    struct gather *gather;
    unsigned shard;
};

struct gather {
    const struct gather_how *how;
    struct parked *parked; /* NULL: nobody waits, or gather_again has moved it on */
    void *question;
    uint64_t begun; /* in ticks */
    unsigned asker;
    unsigned count;
    unsigned pending;
    size_t answer_stride;
    char *answers;
    struct gather_part parts[];
};

static void gather_free(struct gather *g) {
    if (g->how->free_question)
        g->how->free_question(g->question);
    mem_free(g->answers);
    mem_free(g);
}

static void gather_finish(struct shard *shard, struct gather *g) {
    if (!g->parked) {
        g->how->finish(shard, g, NULL);
        gather_free(g);
        return;
    }
    struct resp_out out;
    resp_out_init(&out, &g->parked->reply, g->parked->request.proto);
    g->how->finish(shard, g, &out);
    if (g->parked) {
        stats_note_late(shard, &g->parked->request, &out, cycles_now() - g->begun);
        parked_answer(shard, g->parked);
    }
    gather_free(g);
}

static void gather_come_home(struct shard *shard, struct message *message) {
    struct gather *g = CONTAINER_OF(message, struct gather_part, message)->gather;
    dcheck(g->asker == shard->index);
    must(g->pending > 0);
    if (--g->pending == 0) /* I1 */
        gather_finish(shard, g);
}

static void gather_ask(struct shard *shard, struct gather_part *part) {
    struct gather *g = part->gather;
    if (g->how->ask)
        g->how->ask(shard, g->question, gather_answer(g, part->shard));
    part->message.run = gather_come_home;
    shard_send(shard, g->asker, &part->message);
}

void gather_run_waiting(struct shard *shard) {
    struct link *node;
    while ((node = link_pop_front(&shard->questions)) != NULL)
        gather_ask(shard, CONTAINER_OF(node, struct gather_part, link));
}

static void gather_arrive(struct shard *shard, struct message *message) {
    struct gather_part *part = CONTAINER_OF(message, struct gather_part, message);
    dcheck(part->shard == shard->index);
    if (part->gather->how->needs_thread && !pthread_equal(pthread_self(), shard->thread)) {
        link_push_back(&shard->questions, &part->link);
        atomic_store_explicit(&shard->wants_owner, true, memory_order_release);
    } else {
        gather_ask(shard, part);
    }
}

static void gather_send(struct shard *shard, struct parked *parked, const struct gather_how *how,
                        void *question, uint64_t begun) {
    unsigned count = shard->server->shard_count;
    struct gather *g = mem_zalloc(sizeof *g + count * sizeof g->parts[0]);
    g->how = how;
    g->parked = parked;
    g->question = question;
    g->begun = begun;
    g->asker = shard->index;
    g->count = g->pending = count;
    g->answer_stride = (how->answer_bytes + CACHE_LINE_BYTES - 1) / CACHE_LINE_BYTES * CACHE_LINE_BYTES;
    if (g->answer_stride)
        g->answers = mem_zalloc_aligned(count * g->answer_stride, CACHE_LINE_BYTES);
    for (unsigned i = 0; i < count; i++)
        g->parts[i] = (struct gather_part){.message.run = gather_arrive, .gather = g, .shard = i};
    for (unsigned i = 0; i < count; i++)
        shard_send(shard, i, &g->parts[i].message);
}

void gather_start(struct exec *x, const struct gather_how *how, void *question) {
    gather_send(x->host, parked_defer(x), how, question, cycles_now()); /* I2 */
}

void gather_start_with_request(struct exec *x, const struct gather_how *how) {
    struct parked *parked = parked_defer(x);
    gather_send(x->host, parked, how, &parked->request, cycles_now());
}

void gather_start_silent(struct shard *shard, const struct gather_how *how, void *question) {
    gather_send(shard, NULL, how, question, cycles_now());
}

void gather_again(struct shard *shard, struct gather *g, const struct gather_how *how, void *question) {
    struct parked *parked = g->parked;
    g->parked = NULL;
    gather_send(shard, parked, how, question, g->begun);
}

unsigned gather_count(const struct gather *g) {
    return g->count;
}

void *gather_answer(const struct gather *g, unsigned shard) {
    dcheck(shard < g->count);
    return g->answers ? g->answers + shard * g->answer_stride : NULL;
}

void *gather_question(const struct gather *g) {
    return g->question;
}

const struct request *gather_request(const struct gather *g) {
    must(g->parked != NULL);
    return &g->parked->request;
}
