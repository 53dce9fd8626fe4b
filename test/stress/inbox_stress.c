/* inbox_stress.c: many producers and one consumer on one inbox, with real threads: nothing is lost, what a producer pushes
 * arrives in its order, and what it wrote before the push is seen.
 *
 * The same with the rule broken that only one thread takes at a time, as two holders of a baton would break it: the order
 * must come apart, else the test could not fail. */
#include "core/base/mem.h"
#include "shards/inbox.h"
#include "test/stress/stress.h"

#include <stdatomic.h>

enum { PRODUCERS = 4, MESSAGES = STRESS_IS_TSAN ? 150000 : 1000000 };

struct numbered {
    struct message message;
    unsigned producer;
    unsigned number;
    unsigned check; /* a plain field, written before the push */
};

struct inbox_run {
    struct inbox *inbox;
    atomic_uint last[PRODUCERS];
    atomic_uint arrived;
    atomic_bool is_broken;
};

struct producer {
    struct inbox_run *run;
    unsigned index;
};

static void *produce(void *ctx) {
    struct producer *p = ctx;
    for (unsigned n = 1; n <= MESSAGES; n++) {
        struct numbered *m = mem_zalloc(sizeof *m);
        *m = (struct numbered){.producer = p->index, .number = n, .check = n * 2654435761u};
        inbox_push(p->run->inbox, &m->message);
    }
    return NULL;
}

static void *consume(void *ctx) {
    struct inbox_run *run = ctx;
    while (atomic_load(&run->arrived) < PRODUCERS * MESSAGES) {
        struct message *message = inbox_take(run->inbox);
        if (!message)
            stress_pause();
        while (message) {
            struct numbered *m = (struct numbered *)(void *)message;
            message = message->next;
            unsigned before = atomic_exchange(&run->last[m->producer], m->number);
            if (before + 1 != m->number || m->check != m->number * 2654435761u)
                atomic_store(&run->is_broken, true);
            mem_free(m);
            atomic_fetch_add(&run->arrived, 1);
        }
    }
    return NULL;
}

static bool inbox_holds(unsigned consumers) {
    struct inbox_run run = {.inbox = inbox_new()};
    struct producer producers[PRODUCERS];
    struct stress_threads threads = {0};
    for (unsigned i = 0; i < PRODUCERS; i++) {
        producers[i] = (struct producer){&run, i};
        stress_start(&threads, produce, &producers[i]);
    }
    for (unsigned i = 0; i < consumers; i++)
        stress_start(&threads, consume, &run);
    stress_join(&threads);
    bool ok = !atomic_load(&run.is_broken) && inbox_is_empty(run.inbox);
    inbox_free(run.inbox);
    return ok;
}

int main(void) {
    struct stress_tally tally = {0};
    stress_expect(&tally, "one consumer", inbox_holds(1), true);
    stress_expect_broken(&tally, "two consumers at once", inbox_holds, 2);
    return stress_end(&tally);
}
