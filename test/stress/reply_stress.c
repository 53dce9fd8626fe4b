/* reply_stress.c: replies and news of durability that reach a coordinator from several threads: replies leave in the order
 * of the requests, and none before everything it stands on is on the disks.
 *
 * Owners answer some requests late and out of order, as commands do that wait for a key; some requests have two owners.
 * An owner that tells of a durability that it has not is noticed. */
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "net/conn.h"
#include "shards/inbox.h"
#include "shards/reply.h"
#include "shards/shard.h"
#include "test/stress/stress.h"

enum { OWNERS = 3, REQUESTS = STRESS_IS_TSAN ? 100000 : 1000000, OUTSTANDING = 500, HELD = 8 };

struct reply_run;

/* A request that travels to its owners one after the other and comes back; or, with `durable`, news of an owner. */
struct errand {
    struct message message;
    unsigned number;
    uint64_t slot;
    unsigned owner_count;
    unsigned done;
    struct reply_source sources[2];
    uint64_t durable;
    unsigned from;
};

struct reply_owner {
    struct reply_run *run;
    unsigned index;
    struct inbox *inbox;
    uint64_t written;
    atomic_uint_fast64_t durable;
};

struct reply_run {
    bool is_lying;
    struct inbox *home;
    struct reply_owner owners[OWNERS];
    atomic_bool is_over;
    bool is_wrong;
    /* the coordinator's */
    struct shard *shard;
    struct conn *conn;
    struct reply_source stands_on[OUTSTANDING][2]; /* by number */
    unsigned left;                                 /* replies that have left */
};

static void reply_answer(struct reply_owner *o, struct rng *rng, struct errand *e) {
    bool has_written = rng_below(rng, 3) != 0;
    o->written += has_written;
    e->sources[e->done++] = (struct reply_source){o->index, has_written ? o->written : 0};
    struct inbox *next =
        e->done < e->owner_count ? o->run->owners[(o->index + 1) % OWNERS].inbox : o->run->home;
    inbox_push(next, &e->message);
}

static void reply_sync(struct reply_owner *o) {
    struct errand *news = mem_zalloc(sizeof *news);
    uint64_t durable = o->written;
    if (!o->run->is_lying)
        atomic_store(&o->durable, durable);
    *news = (struct errand){.durable = durable, .from = o->index};
    inbox_push(o->run->home, &news->message);
    stress_pause();
    atomic_store(&o->durable, durable);
}

static void *reply_own(void *ctx) {
    struct reply_owner *o = ctx;
    struct errand *held[HELD];
    unsigned held_count = 0;
    struct rng rng;
    rng_init(&rng, o->index + 7);
    while (!atomic_load(&o->run->is_over)) {
        struct message *message = inbox_take(o->inbox);
        if (!message && held_count)
            reply_answer(o, &rng, held[--held_count]);
        for (struct message *next; message; message = next) {
            next = message->next;
            struct errand *e = (struct errand *)(void *)message;
            if (held_count < HELD && rng_below(&rng, 10) == 0)
                held[held_count++] = e;
            else
                reply_answer(o, &rng, e);
            if (held_count && rng_below(&rng, 10) == 0)
                reply_answer(o, &rng, held[--held_count]);
        }
        if (o->written != atomic_load(&o->durable))
            reply_sync(o);
        else
            stress_pause();
    }
    return NULL;
}

/* What has reached the output: the next numbers, each standing on what is durable. */
static void reply_judge(struct reply_run *run) {
    struct buf *out = &run->conn->out;
    size_t at = 0;
    while (at < out->len) {
        unsigned number;
        memcpy(&number, out->ptr + at, sizeof number);
        at += sizeof number;
        run->is_wrong |= number != run->left;
        for (unsigned i = 0; i < 2; i++) {
            struct reply_source on = run->stands_on[run->left % OUTSTANDING][i];
            run->is_wrong |= on.ticket > atomic_load(&run->owners[on.from].durable);
        }
        run->left++;
    }
    buf_clear(out, SIZE_MAX);
}

static void reply_come_home(struct reply_run *run, struct errand *e) {
    if (e->durable) {
        promises_keep(run->shard, e->from, e->durable);
    } else {
        memset(run->stands_on[e->number % OUTSTANDING], 0, sizeof run->stands_on[0]);
        memcpy(run->stands_on[e->number % OUTSTANDING], e->sources, e->owner_count * sizeof e->sources[0]);
        reply_deliver_merged(run->shard, run->conn, e->slot, bytes_of(&e->number, sizeof e->number),
                             e->sources, e->owner_count);
    }
    mem_free(e);
    reply_judge(run);
}

static void reply_coordinate(struct reply_run *run) {
    struct rng rng;
    rng_init(&rng, 3);
    for (unsigned sent = 0; run->left < REQUESTS;) {
        while (sent < REQUESTS && sent - run->left < OUTSTANDING) {
            struct errand *e = mem_zalloc(sizeof *e);
            *e = (struct errand){.number = sent++, .owner_count = 1 + (rng_below(&rng, 4) == 0)};
            run->conn->in_flight++;
            e->slot = reply_order_open(&run->conn->order, false);
            inbox_push(run->owners[rng_below(&rng, OWNERS)].inbox, &e->message);
        }
        struct message *message = inbox_take(run->home);
        if (!message)
            stress_pause();
        for (struct message *next; message; message = next) {
            next = message->next;
            reply_come_home(run, (struct errand *)(void *)message);
        }
    }
}

static bool reply_holds(unsigned is_lying) {
    struct reply_run *run = mem_zalloc(sizeof *run);
    struct conn_host host = {0};
    struct stress_threads threads = {0};
    run->is_lying = is_lying;
    run->home = inbox_new();
    run->shard = mem_zalloc_aligned(sizeof *run->shard, CACHE_LINE_BYTES);
    promises_init(&run->shard->promises, OWNERS);
    run->conn = mem_zalloc(sizeof *run->conn);
    run->conn->host = &host;
    host.ctx = run->shard;
    link_init_head(&host.with_output);
    reply_order_init(&run->conn->order);
    for (unsigned i = 0; i < OWNERS; i++) {
        run->owners[i] = (struct reply_owner){.run = run, .index = i, .inbox = inbox_new()};
        stress_start(&threads, reply_own, &run->owners[i]);
    }
    reply_coordinate(run);
    atomic_store(&run->is_over, true);
    stress_join(&threads);
    bool ok = !run->is_wrong;
    for (struct message *message = inbox_take(run->home), *next; message; message = next) {
        next = message->next;
        mem_free(message); /* news that nobody waits for */
    }
    for (unsigned i = 0; i < OWNERS; i++)
        inbox_free(run->owners[i].inbox);
    inbox_free(run->home);
    promises_deinit(&run->shard->promises, OWNERS);
    reply_order_deinit(&run->conn->order);
    buf_deinit(&run->conn->out);
    mem_free(run->conn);
    mem_free(run->shard);
    mem_free(run);
    return ok;
}

int main(void) {
    struct stress_tally tally = {0};
    stress_expect(&tally, "replies in order and durable", reply_holds(0), true);
    stress_expect_broken(&tally, "an owner that tells too much", reply_holds, 1);
    return stress_end(&tally);
}
