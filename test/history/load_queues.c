/* load_queues.c: clients that wait for elements of lists.
 *
 * A conductor has many connections that wait; the other threads push. All of them go round by round.
 *
 * queues. Every waiting client waits for all keys, in an order of its own, and there are as many elements as clients, pushed
 * while these are still coming. So each must get an element before long, although some are unblocked and come again,
 * others go away in the middle of their wait, and movers take elements from one key to another. An element that nobody
 * got, though nobody went away, or that two got, is an anomaly; so is a client that waits in vain: its wake-up was lost.
 *
 * queue-order. The clients begin to wait one after the other, each for some keys, and only then elements are pushed, those of
 * each key by one thread. Of the clients that a key has served, those who came earlier have the earlier elements. */
#include "test/history/load_queues.h"

#include "test/history/wire.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { QUEUES = 6, CLIENTS = 10, MOVERS = 2, LEAVERS = 2, WAIT_S = 3, ELEMENTS_MAX = CLIENTS + LEAVERS };

struct queues {
    const struct load_options *options;
    int64_t until_ns;
    FILE *why;
    bool is_order;
    atomic_bool is_broken;
    atomic_bool is_over;
    atomic_long commands;
    atomic_long rounds;
    atomic_int next_element;
    long client_ids[CLIENTS];
    pthread_barrier_t barrier;
};

static void report(struct queues *queues, const char *text, long long a, long long b) {
    if (!atomic_exchange(&queues->is_broken, true))
        fprintf(queues->why, "%s: %lld, %lld\n", text, a, b);
}

static void count_commands(struct queues *queues, long count) {
    atomic_fetch_add(&queues->commands, count);
}

/* ---- those who push ---- */

/* queues: elements on any key, and now and then a client is unblocked. */
static void push_some(struct queues *queues, struct wire *wire, uint64_t *random) {
    for (;;) {
        int element = atomic_fetch_add(&queues->next_element, 1);
        if (element >= ELEMENTS_MAX)
            return;
        bool is_unblocking = load_below(random, 4) == 0;
        if (is_unblocking)
            wire_add(wire, "CLIENT UNBLOCK %ld", queues->client_ids[load_below(random, CLIENTS)]);
        wire_add(wire, "%s queue:%u %d", load_below(random, 2) ? "RPUSH" : "LPUSH",
                 load_below(random, QUEUES), element);
        wire_send(wire);
        if (is_unblocking)
            wire_read(wire);
        struct reply reply = wire_read(wire);
        if (reply.kind != REPLY_INTEGER)
            wire_fail("a push failed: %.*s", (int)reply.size, reply.text);
        count_commands(queues, 1 + is_unblocking);
    }
}

/* queue-order: as many elements as clients on each key of this thread, in their order. */
static void push_in_order(struct queues *queues, struct wire *wire, int index, uint64_t *random) {
    int pushers = queues->options->threads - 1;
    int count = 0;
    for (int i = 0; i < CLIENTS; i++) {
        for (int key = index - 1; key < QUEUES; key += pushers) {
            wire_add(wire, "RPUSH queue:%d %d", key, i);
            count++;
        }
        if (load_below(random, 3) == 0)
            wire_send(wire);
    }
    wire_send(wire);
    for (int i = 0; i < count; i++)
        wire_read(wire);
    count_commands(queues, count);
}

static void push_thread(struct queues *queues, int index) {
    struct wire wire;
    uint64_t random = queues->options->seed * 97 + (uint64_t)index;
    wire_open(&wire, queues->options->port);
    for (;;) {
        pthread_barrier_wait(&queues->barrier);
        if (atomic_load(&queues->is_over))
            break;
        if (queues->is_order)
            push_in_order(queues, &wire, index, &random);
        else
            push_some(queues, &wire, &random);
        pthread_barrier_wait(&queues->barrier);
    }
    wire_close(&wire);
}

/* ---- those who wait ---- */

/* Sends BLPOP for `count` different keys in random order. */
static void send_wait(struct wire *wire, uint64_t *random, int count) {
    int keys[QUEUES];
    char line[256];
    int size = snprintf(line, sizeof line, "BLPOP");
    for (int i = 0; i < QUEUES; i++)
        keys[i] = i;
    for (int i = 0; i < count; i++) {
        int other = i + (int)load_below(random, (unsigned)(QUEUES - i));
        int key = keys[other];
        keys[other] = keys[i];
        size += snprintf(line + size, sizeof line - (size_t)size, " queue:%d", key);
    }
    wire_add(wire, "%s %d", line, WAIT_S);
    wire_send(wire);
}

/* Reads what a waiting client got: the element, and its key. -1: nothing. */
static int read_element(struct wire *wire, int *key_out) {
    struct reply head = wire_read(wire);
    *key_out = -1;
    if (head.kind == REPLY_NULL)
        return -1;
    if (head.kind != REPLY_ARRAY || head.integer != 2)
        wire_fail("not what BLPOP answers: %.*s", (int)head.size, head.text);
    struct reply key = wire_read(wire);
    *key_out = key.size == 7 ? key.text[6] - '0' : -1;
    struct reply value = wire_read(wire);
    return (int)strtol(value.text, NULL, 10);
}

static void note_element(struct queues *queues, bool *seen, int element) {
    if (element < 0 || element >= ELEMENTS_MAX)
        report(queues, "an element that was never pushed", element, 0);
    else if (seen[element])
        report(queues, "an element that was got twice", element, 0);
    else
        seen[element] = true;
}

/* Reads until the client has got an element; unblocked ones try again. */
static void be_served(struct queues *queues, struct wire *wire, bool *seen, uint64_t *random) {
    int64_t begun_ns = wire_now_ns();
    while (!atomic_load(&queues->is_broken)) {
        int key;
        int element = read_element(wire, &key);
        if (element >= 0) {
            note_element(queues, seen, element);
            return;
        }
        if (wire_now_ns() - begun_ns > (int64_t)(WAIT_S - 1) * 1000000000) {
            report(queues, "a client has waited in vain beside its element, round, seconds",
                   atomic_load(&queues->rounds), WAIT_S);
            return;
        }
        send_wait(wire, random, QUEUES);
        count_commands(queues, 1);
    }
}

static void drain(struct queues *queues, struct wire *wire, bool *seen) {
    for (int key = 0; key < QUEUES; key++) {
        for (;;) {
            char line[64];
            snprintf(line, sizeof line, "LPOP queue:%d", key);
            struct reply reply = wire_call(wire, line);
            if (reply.kind != REPLY_BULK)
                break;
            note_element(queues, seen, (int)strtol(reply.text, NULL, 10));
        }
    }
}

static void race_round(struct queues *queues, struct wire *control, struct wire *clients, struct wire *movers,
                       uint64_t *random) {
    struct wire leavers[LEAVERS];
    bool seen[ELEMENTS_MAX] = {false};
    int leaver_count = (int)load_below(random, LEAVERS + 1);
    int gone = 0;
    atomic_store(&queues->next_element, LEAVERS - leaver_count);
    for (int i = 0; i < LEAVERS - leaver_count; i++)
        seen[i] = true;
    for (int i = 0; i < leaver_count; i++)
        wire_open(&leavers[i], queues->options->port);
    pthread_barrier_wait(&queues->barrier);
    for (int i = 0; i < CLIENTS; i++) {
        if (gone < leaver_count && load_below(random, 3) == 0) {
            send_wait(&leavers[gone], random, 1 + (int)load_below(random, QUEUES));
            gone++;
        }
        if (i < MOVERS) {
            wire_add(&movers[i], "BLMOVE queue:%u queue:%u LEFT RIGHT 0.02", load_below(random, QUEUES),
                     load_below(random, QUEUES));
            wire_send(&movers[i]);
        }
        send_wait(&clients[i], random, QUEUES);
    }
    for (int i = 0; i < leaver_count; i++)
        wire_close(&leavers[i]);
    for (int i = 0; i < CLIENTS; i++)
        be_served(queues, &clients[i], seen, random);
    for (int i = 0; i < MOVERS; i++)
        wire_read(&movers[i]);
    count_commands(queues, CLIENTS + MOVERS + gone);
    pthread_barrier_wait(&queues->barrier);
    drain(queues, control, seen);
    int missing = 0;
    for (int i = 0; i < ELEMENTS_MAX; i++)
        missing += !seen[i];
    if (missing > gone)
        report(queues, "elements that nobody got, clients that went away", missing, gone);
}

/* Waits until so many clients wait. */
static void wait_for_waiting(struct wire *control, int count) {
    for (;;) {
        struct reply reply = wire_call(control, "INFO clients");
        const char *at = memmem(reply.text, reply.size, "blocked_clients:", 16);
        if (!at)
            wire_fail("INFO has no blocked_clients");
        if (strtol(at + 16, NULL, 10) == count)
            return;
    }
}

static void order_round(struct queues *queues, struct wire *control, struct wire *clients, uint64_t *random) {
    int client_of[QUEUES][CLIENTS];
    memset(client_of, -1, sizeof client_of);
    for (int i = 0; i < CLIENTS; i++) {
        send_wait(&clients[i], random, 1 + (int)load_below(random, 3));
        wait_for_waiting(control, i + 1);
    }
    pthread_barrier_wait(&queues->barrier);
    for (int i = 0; i < CLIENTS; i++) {
        int key;
        int element = read_element(&clients[i], &key);
        if (element < 0 || element >= CLIENTS || key < 0 || key >= QUEUES)
            report(queues, "a client has waited in vain, number, element", i, element);
        else
            client_of[key][element] = i;
    }
    for (int key = 0; key < QUEUES; key++) {
        int last = -1;
        for (int element = 0; element < CLIENTS; element++) {
            int client = client_of[key][element];
            if (client >= 0 && client < last)
                report(queues,
                       "the later of two clients got the earlier element, the earlier one, the later one",
                       client, last);
            if (client >= 0)
                last = client;
        }
    }
    count_commands(queues, CLIENTS);
    pthread_barrier_wait(&queues->barrier);
    wire_call(control, "FLUSHALL");
}

static void conduct(struct queues *queues) {
    struct wire control, clients[CLIENTS], movers[MOVERS];
    uint64_t random = queues->options->seed * 89;
    wire_open(&control, queues->options->port);
    for (int i = 0; i < MOVERS; i++)
        wire_open(&movers[i], queues->options->port);
    for (int i = 0; i < CLIENTS; i++) {
        wire_open(&clients[i], queues->options->port);
        queues->client_ids[i] = (long)wire_call(&clients[i], "CLIENT ID").integer;
    }
    wire_call(&control, "FLUSHALL");
    while (!atomic_load(&queues->is_broken) && wire_now_ns() < queues->until_ns) {
        if (queues->is_order)
            order_round(queues, &control, clients, &random);
        else
            race_round(queues, &control, clients, movers, &random);
        atomic_fetch_add(&queues->rounds, 1);
    }
    atomic_store(&queues->is_over, true);
    pthread_barrier_wait(&queues->barrier);
    for (int i = 0; i < CLIENTS; i++)
        wire_close(&clients[i]);
    for (int i = 0; i < MOVERS; i++)
        wire_close(&movers[i]);
    wire_close(&control);
}

static void queues_thread(void *context, int index) {
    if (index == 0)
        conduct(context);
    else
        push_thread(context, index);
}

static struct load_result run(const struct load_options *options, FILE *why, bool is_order) {
    struct queues queues = {.options = options, .why = why, .is_order = is_order};
    pthread_barrier_init(&queues.barrier, NULL, (unsigned)options->threads);
    queues.until_ns = wire_now_ns() + (int64_t)(options->seconds * 1e9);
    load_in_threads(options->threads, queues_thread, &queues);
    pthread_barrier_destroy(&queues.barrier);
    return (struct load_result){.is_sound = !atomic_load(&queues.is_broken),
                                .episodes = atomic_load(&queues.rounds),
                                .commands = atomic_load(&queues.commands)};
}

struct load_result load_queues(const struct load_options *options, FILE *why) {
    return run(options, why, false);
}

struct load_result load_queue_order(const struct load_options *options, FILE *why) {
    return run(options, why, true);
}
