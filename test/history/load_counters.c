/* load_counters.c: counters that must not overtake each other.
 *
 * causal. Writers increment a and then b, half of them in one pipeline and half in two calls. At every moment b <= a; so a
 * reader that asks for b and then for a, or for both at once in either order, never finds b ahead. A server whose shards
 * take the two halves of a pipeline independently fails within seconds. Several pairs, so that some pairs lie on two
 * shards and some on one.
 *
 * counters. Every increment counts exactly once, replies of one connection's increments of a counter rise, and a GET
 * behind them in the same pipeline sees them. */
#include "test/history/load_counters.h"

#include "test/history/wire.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { PAIRS = 6, COUNTERS = 5, PIPELINE = 10 };

struct counting {
    const struct load_options *options;
    int64_t until_ns;
    FILE *why;
    atomic_bool is_broken;
    atomic_long commands;
    atomic_long added[COUNTERS];
};

static void report(struct counting *counting, const char *text, int64_t a, int64_t b) {
    if (!atomic_exchange(&counting->is_broken, true))
        fprintf(counting->why, "%s: %lld and %lld\n", text, (long long)a, (long long)b);
}

static bool is_going_on(struct counting *counting) {
    return !atomic_load(&counting->is_broken) && wire_now_ns() < counting->until_ns;
}

static int64_t read_number(struct wire *wire) {
    struct reply reply = wire_read(wire);
    if (reply.kind == REPLY_INTEGER)
        return reply.integer;
    if (reply.kind == REPLY_NULL)
        return 0;
    if (reply.kind != REPLY_BULK)
        wire_fail("not a number: %.*s", (int)reply.size, reply.text);
    return strtoll(reply.text, NULL, 10);
}

static void causal_write(struct counting *counting, struct wire *wire, uint64_t *random) {
    unsigned pair = load_below(random, PAIRS);
    bool is_pipeline = load_below(random, 2);
    unsigned padding = is_pipeline ? load_below(random, 3) : 0;
    wire_add(wire, "INCR a:%u", pair);
    for (unsigned i = 0; i < padding; i++)
        wire_add(wire, "GET pad:%u", load_below(random, 1000));
    if (!is_pipeline) {
        wire_send(wire);
        wire_read(wire);
    }
    wire_add(wire, "INCR b:%u", pair);
    wire_send(wire);
    for (unsigned i = 0; i < (is_pipeline ? padding + 2 : 1); i++)
        wire_read(wire);
    atomic_fetch_add(&counting->commands, 2 + (long)padding);
}

static void causal_read(struct counting *counting, struct wire *wire, uint64_t *random) {
    unsigned pair = load_below(random, PAIRS);
    unsigned how = load_below(random, 4);
    int64_t a, b;
    if (how < 2) {
        wire_add(wire, how == 0 ? "MGET a:%u b:%u" : "MGET b:%u a:%u", pair, pair);
        wire_send(wire);
        wire_read(wire);
        a = read_number(wire);
        b = read_number(wire);
        if (how == 1) {
            int64_t first = a;
            a = b;
            b = first;
        }
    } else {
        wire_add(wire, "GET b:%u", pair);
        if (how == 2) {
            wire_send(wire);
            b = read_number(wire);
            wire_add(wire, "GET a:%u", pair);
            wire_send(wire);
            a = read_number(wire);
        } else {
            wire_add(wire, "GET a:%u", pair);
            wire_send(wire);
            b = read_number(wire);
            a = read_number(wire);
        }
    }
    atomic_fetch_add(&counting->commands, 2);
    if (b > a)
        report(counting, how < 2 ? "MGET saw b ahead of a" : "GET b, GET a saw b ahead of a", b, a);
}

static void causal_thread(void *context, int index) {
    struct counting *counting = context;
    struct wire wire;
    uint64_t random = counting->options->seed * 77 + (uint64_t)index;
    wire_open(&wire, counting->options->port);
    while (is_going_on(counting)) {
        if (index % 2 == 0)
            causal_write(counting, &wire, &random);
        else
            causal_read(counting, &wire, &random);
    }
    wire_close(&wire);
}

static void counter_round(struct counting *counting, struct wire *wire, uint64_t *random, int64_t *last) {
    unsigned which[PIPELINE];
    bool is_get[PIPELINE];
    for (int i = 0; i < PIPELINE; i++) {
        which[i] = load_below(random, COUNTERS);
        is_get[i] = load_below(random, 3) == 0;
        wire_add(wire, is_get[i] ? "GET c:%u" : "INCR c:%u", which[i]);
    }
    wire_send(wire);
    for (int i = 0; i < PIPELINE; i++) {
        int64_t now = read_number(wire);
        int64_t *seen = &last[which[i]];
        if (is_get[i] ? now < *seen : now <= *seen)
            report(counting, "a counter went back on one connection", *seen, now);
        *seen = now;
        if (!is_get[i])
            atomic_fetch_add(&counting->added[which[i]], 1);
    }
    atomic_fetch_add(&counting->commands, PIPELINE);
}

static void counter_thread(void *context, int index) {
    struct counting *counting = context;
    struct wire wire;
    int64_t last[COUNTERS] = {0};
    uint64_t random = counting->options->seed * 91 + (uint64_t)index;
    wire_open(&wire, counting->options->port);
    while (is_going_on(counting))
        counter_round(counting, &wire, &random, last);
    wire_close(&wire);
}

static struct load_result run_counting(const struct load_options *options, FILE *why,
                                       void (*body)(void *context, int index)) {
    struct counting counting = {.options = options, .why = why};
    struct wire wire;
    wire_open(&wire, options->port);
    wire_call(&wire, "FLUSHALL");
    counting.until_ns = wire_now_ns() + (int64_t)(options->seconds * 1e9);
    load_in_threads(options->threads, body, &counting);
    for (unsigned i = 0; i < COUNTERS; i++) {
        wire_add(&wire, "GET c:%u", i);
        wire_send(&wire);
        int64_t is = read_number(&wire);
        if (is != atomic_load(&counting.added[i]))
            report(&counting, "a counter is not what was added to it", is, atomic_load(&counting.added[i]));
    }
    wire_close(&wire);
    return (struct load_result){.is_sound = !atomic_load(&counting.is_broken),
                                .episodes = 1,
                                .commands = atomic_load(&counting.commands)};
}

struct load_result load_causal(const struct load_options *options, FILE *why) {
    return run_counting(options, why, causal_thread);
}

struct load_result load_counters(const struct load_options *options, FILE *why) {
    return run_counting(options, why, counter_thread);
}
