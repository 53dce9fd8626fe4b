/* order_stress.c: inboxes, order locks and batons together, with real threads. Owners run their inboxes and fall asleep;
 * senders push to one inbox or, under the order locks, to several, and visit who sleeps (shards/order_lock.h, baton.h).
 *
 *   nothing is lost      when all senders have ended, every message was run
 *   one holder           never two threads act for one shard
 *   order                two flushes that share two inboxes stand in the same order in both, and what a sender pushes to an
 *                        inbox is run in its order
 *   all at once          who has seen a flush to all inboxes at work in one of them finds it in the others
 *
 * Each rule left out must be noticed. */
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "shards/baton.h"
#include "shards/inbox.h"
#include "shards/order_lock.h"
#include "test/stress/stress.h"

#include <semaphore.h>

enum { SHARDS = 3, SENDERS = 3, FLUSHES = STRESS_IS_TSAN ? 30000 : 150000, FLUSHES_BROKEN = 300 };

enum order_rule { RULE_NONE, RULE_LOCK, RULE_LOOK, RULE_SECOND_LOOK, RULE_CAS };

struct order_message {
    struct message message;
    unsigned sender;
    unsigned number; /* of the sender's flush */
    unsigned destinations;
    unsigned needed[SENDERS]; /* flushes to all that the sender had seen at work somewhere */
};

struct order_shard {
    struct order_lock order;
    struct baton baton;
    struct inbox *inbox;
    sem_t wake;
    unsigned entered; /* by holders of the baton, so plain */
    atomic_uint inside;
    unsigned last[SENDERS];
    atomic_uint full[SENDERS];  /* the last flush to all that was run here */
    struct order_message **log; /* what was run */
    unsigned log_count;
};

struct order_run {
    enum order_rule broken;
    unsigned flushes; /* of each sender */
    struct order_shard shards[SHARDS];
    atomic_uint sent;
    atomic_bool is_over;
    atomic_bool is_wrong;
};

struct order_actor {
    struct order_run *run;
    unsigned index;
};

static void order_blame(struct order_run *run, const char *what) {
    if (!atomic_exchange(&run->is_wrong, true) && run->broken == RULE_NONE)
        printf("%s\n", what);
}

static void order_run_one(struct order_run *run, struct order_shard *s, struct order_message *m) {
    if (m->number <= s->last[m->sender])
        order_blame(run, "a sender's messages have changed places");
    s->last[m->sender] = m->number;
    if (m->destinations == SHARDS)
        atomic_store_explicit(&s->full[m->sender], m->number, memory_order_release);
    for (unsigned i = 0; i < SENDERS; i++)
        if (m->needed[i] > s->last[i])
            order_blame(run, "a flush was seen in one inbox before it was in another");
    s->log[s->log_count++] = m;
}

/* Baton in hand. */
static void order_act(struct order_run *run, struct order_shard *s) {
    if (atomic_fetch_add(&s->inside, 1) != 0)
        order_blame(run, "two holders of a baton");
    s->entered++;
    if (run->broken != RULE_LOOK)
        order_lock_wait(&s->order);
    for (struct message *message = inbox_take(s->inbox), *next; message; message = next) {
        next = message->next;
        order_run_one(run, s, (struct order_message *)(void *)message);
    }
    atomic_fetch_sub(&s->inside, 1);
}

static void order_put_down(struct order_run *run, struct order_shard *s) {
    if (run->broken == RULE_SECOND_LOOK)
        stress_pause(); /* somebody may push */
    baton_put_down(&s->baton);
}

static void *order_own(void *ctx) {
    const struct order_actor *actor = ctx;
    struct order_run *run = actor->run;
    struct order_shard *s = &run->shards[actor->index];
    while (!atomic_load(&run->is_over)) {
        order_act(run, s);
        order_put_down(run, s);
        if (run->broken != RULE_SECOND_LOOK && !inbox_is_empty(s->inbox) &&
            baton_try_take(&s->baton, BATON_OWNER))
            continue;
        sem_wait(&s->wake);
        baton_take_back(&s->baton);
    }
    order_act(run, s);
    return NULL;
}

static bool order_take_for_visit(struct order_run *run, struct order_shard *s) {
    if (run->broken != RULE_CAS)
        return baton_try_take(&s->baton, BATON_VISITOR);
    if (atomic_load(&s->baton.state) != BATON_FREE)
        return false;
    stress_pause();
    atomic_store(&s->baton.state, BATON_VISITOR);
    return true;
}

static void order_visit(struct order_run *run, struct order_shard *s) {
    while (baton_is_free(&s->baton)) {
        if (!order_take_for_visit(run, s))
            return;
        order_act(run, s);
        order_put_down(run, s);
        if (run->broken == RULE_SECOND_LOOK || inbox_is_empty(s->inbox))
            return;
    }
}

static void order_push(struct order_run *run, struct order_shard *s, const struct order_message *like) {
    struct order_message *m = mem_alloc(sizeof *m);
    *m = *like;
    inbox_push(s->inbox, &m->message);
    atomic_fetch_add_explicit(&run->sent, 1, memory_order_relaxed);
}

static void order_flush(struct order_run *run, struct rng *rng, struct order_message *m, unsigned set) {
    bool is_locked = m->destinations > 1 && run->broken != RULE_LOCK;
    for (unsigned i = 0; i < SHARDS && is_locked; i++)
        if (set >> i & 1)
            order_lock_take(&run->shards[i].order);
    for (unsigned i = 0; i < SHARDS; i++) {
        if (!(set >> i & 1))
            continue;
        if (m->destinations == 1 && run->broken != RULE_LOOK)
            order_lock_wait(&run->shards[i].order);
        order_push(run, &run->shards[i], m);
        if ((run->broken == RULE_LOCK || run->broken == RULE_LOOK) && rng_below(rng, 8) == 0)
            stress_pause();
    }
    for (unsigned i = 0; i < SHARDS && is_locked; i++)
        if (set >> i & 1)
            order_lock_release(&run->shards[i].order);
}

static void *order_send(void *ctx) {
    const struct order_actor *actor = ctx;
    struct order_run *run = actor->run;
    struct rng rng;
    rng_init(&rng, actor->index + 1);
    for (unsigned n = 1; n <= run->flushes; n++) {
        struct order_message m = {.sender = actor->index, .number = n};
        unsigned set = 1 + (unsigned)rng_below(&rng, (1 << SHARDS) - 1);
        m.destinations = (unsigned)__builtin_popcount(set);
        for (unsigned s = 0; s < SHARDS; s++)
            for (unsigned i = 0; i < SENDERS; i++) {
                unsigned full = atomic_load_explicit(&run->shards[s].full[i], memory_order_acquire);
                m.needed[i] = full > m.needed[i] ? full : m.needed[i];
            }
        order_flush(run, &rng, &m, set);
        for (unsigned i = 0; i < SHARDS; i++)
            if (set >> i & 1)
                order_visit(run, &run->shards[i]);
        if (rng_below(&rng, 4) == 0)
            sem_post(&run->shards[rng_below(&rng, SHARDS)].wake);
    }
    return NULL;
}

/* Flushes that stand in both logs, in the order of the first: their places in the second must rise. */
static bool order_is_same(const struct order_shard *a, const struct order_shard *b, unsigned flushes) {
    unsigned *place = mem_zalloc((size_t)SENDERS * (flushes + 1) * sizeof *place);
    unsigned last = 0;
    bool ok = true;
    for (unsigned i = 0; i < b->log_count; i++)
        place[b->log[i]->sender * (flushes + 1) + b->log[i]->number] = i + 1;
    for (unsigned i = 0; i < a->log_count; i++) {
        unsigned at = place[a->log[i]->sender * (flushes + 1) + a->log[i]->number];
        if (at == 0)
            continue;
        ok = ok && at > last;
        last = at;
    }
    mem_free(place);
    return ok;
}

static void order_judge(struct order_run *run) {
    unsigned ran = 0;
    for (unsigned i = 0; i < SHARDS; i++) {
        ran += run->shards[i].log_count;
        for (unsigned k = i + 1; k < SHARDS; k++)
            if (!order_is_same(&run->shards[i], &run->shards[k], run->flushes))
                order_blame(run, "two inboxes have two flushes in different orders");
    }
    if (ran != atomic_load(&run->sent))
        order_blame(run, "messages are lost");
}

/* All senders have ended: whoever still acts comes to an end, and then no inbox may hold anything. */
static void order_wait_asleep(struct order_run *run) {
    for (unsigned i = 0; i < SHARDS; i++) {
        struct order_shard *s = &run->shards[i];
        int value = 0;
        do {
            stress_pause();
            sem_getvalue(&s->wake, &value);
        } while (value > 0 || atomic_load(&s->baton.state) != BATON_FREE);
    }
    for (unsigned i = 0; i < SHARDS; i++)
        if (!inbox_is_empty(run->shards[i].inbox) && atomic_load(&run->shards[i].baton.state) == BATON_FREE)
            order_blame(run, "all sleep, and an inbox holds a message");
}

static bool order_holds(unsigned broken) {
    struct order_run *run = mem_zalloc_aligned(sizeof *run, CACHE_LINE_BYTES);
    struct order_actor owners[SHARDS], senders[SENDERS];
    struct stress_threads own = {0}, send = {0};
    run->broken = broken;
    run->flushes = broken ? FLUSHES_BROKEN : FLUSHES;
    for (unsigned i = 0; i < SHARDS; i++) {
        struct order_shard *s = &run->shards[i];
        baton_init(&s->baton);
        s->inbox = inbox_new();
        s->log = mem_alloc((size_t)SENDERS * run->flushes * sizeof *s->log);
        sem_init(&s->wake, 0, 0);
        owners[i] = (struct order_actor){run, i};
        stress_start(&own, order_own, &owners[i]);
    }
    for (unsigned i = 0; i < SENDERS; i++) {
        senders[i] = (struct order_actor){run, i};
        stress_start(&send, order_send, &senders[i]);
    }
    stress_join(&send);
    order_wait_asleep(run);
    atomic_store(&run->is_over, true);
    for (unsigned i = 0; i < SHARDS; i++)
        sem_post(&run->shards[i].wake);
    stress_join(&own);
    order_judge(run);
    bool ok = !atomic_load(&run->is_wrong);
    for (unsigned i = 0; i < SHARDS; i++) {
        for (unsigned k = 0; k < run->shards[i].log_count; k++)
            mem_free(run->shards[i].log[k]);
        mem_free(run->shards[i].log);
        inbox_free(run->shards[i].inbox);
        sem_destroy(&run->shards[i].wake);
    }
    mem_free(run);
    return ok;
}

int main(void) {
    struct stress_tally tally = {0};
    stress_expect(&tally, "all rules", order_holds(RULE_NONE), true);
    stress_expect_broken(&tally, "without order locks", order_holds, RULE_LOCK);
    stress_expect_broken(&tally, "without looking at them", order_holds, RULE_LOOK);
    stress_expect_broken(&tally, "without a second look at the inbox", order_holds, RULE_SECOND_LOOK);
    stress_expect_broken(&tally, "without compare-and-swap of the baton", order_holds, RULE_CAS);
    return stress_end(&tally);
}
