/* load.c: what the workloads share: their table, threads, chance. */
#include "test/history/load.h"

#include "test/history/load_counters.h"
#include "test/history/load_queues.h"
#include "test/history/load_registers.h"
#include "test/history/load_tokens.h"
#include "test/history/load_whole.h"
#include "test/history/wire.h"

#include <pthread.h>

const struct load load_table[] = {
    {"registers", "MSET, MGET, SET with GET and pipelines of them have one order that clients agree on",
     load_registers},
    {"registers-calls", "the same without pipelines: one command at a time on many connections",
     load_registers_calls},
    {"causal", "INCR a, INCR b: nobody sees b ahead of a", load_causal},
    {"counters", "no increment is lost or done twice, and a connection sees its own", load_counters},
    {"ring", "RENAME and RENAMENX never lose, double or tear a token", load_ring},
    {"whole", "keys that are set, deleted, flushed and swapped together are seen together", load_whole},
    {"expiring", "keys of one MSETEX expire together (needs MSETEX)", load_expiring},
    {"queues", "clients that wait for elements get each of them once, and none waits beside one",
     load_queues},
    {"queue-order", "clients are served in the order in which they began to wait", load_queue_order},
    {"exclusive", "of several MSETNX of the same keys one wins, wholly", load_exclusive},
};
const int load_count = sizeof load_table / sizeof load_table[0];

uint64_t load_random(uint64_t *state) {
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

unsigned load_below(uint64_t *state, unsigned limit) {
    return (unsigned)(load_random(state) >> 33) % limit;
}

enum { THREADS_MAX = 64 };

struct thread_start {
    pthread_t id;
    void (*body)(void *context, int index);
    void *context;
    int index;
};

static void *thread_main(void *arg) {
    struct thread_start *start = arg;
    start->body(start->context, start->index);
    return NULL;
}

void load_in_threads(int threads, void (*body)(void *context, int index), void *context) {
    struct thread_start starts[THREADS_MAX];
    if (threads > THREADS_MAX)
        wire_fail("at most %d threads", THREADS_MAX);
    for (int i = 0; i < threads; i++) {
        starts[i] = (struct thread_start){.body = body, .context = context, .index = i};
        if (pthread_create(&starts[i].id, NULL, thread_main, &starts[i]) != 0)
            wire_fail("cannot start a thread");
    }
    for (int i = 0; i < threads; i++)
        pthread_join(starts[i].id, NULL);
}
