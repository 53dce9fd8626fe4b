/* load_tokens.c: tokens on a ring, and MSETNX against itself.
 *
 * ring. A number of tokens lie on a ring of keys. Movers rename them with RENAMENX, which refuses an occupied place, so
 * their number is constant at every moment: MGET over the ring, EXISTS over the ring and DBSIZE must always find just
 * that many, and MGET each of them once. One more token on a ring of its own is moved with RENAME, which needs its
 * source: exactly one of its keys exists. Moves of one ring run over all shards in two phases, so a read that falls
 * between the phases would find a token missing or twice.
 *
 * exclusive. In each round all threads try MSETNX on the same fresh keys in different orders. One answer is 1; and
 * readers see no key or all keys of a round, with one winner's name on them. */
#include "test/history/load_tokens.h"

#include "test/history/wire.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { RING = 9, TOKENS = 4, SINGLE = 5, GROUP = 5 };

struct tokens {
    const struct load_options *options;
    int64_t until_ns;
    FILE *why;
    atomic_bool is_broken;
    atomic_long commands;
    atomic_long rounds;
    atomic_int winners;
    pthread_barrier_t barrier;
    bool is_over;
};

static void report(struct tokens *tokens, const char *text, long long is, long long should) {
    if (!atomic_exchange(&tokens->is_broken, true))
        fprintf(tokens->why, "%s: %lld, not %lld\n", text, is, should);
}

static bool is_going_on(struct tokens *tokens) {
    return !atomic_load(&tokens->is_broken) && wire_now_ns() < tokens->until_ns;
}

static void add_range(struct wire *wire, const char *command, const char *prefix, int count) {
    char line[512];
    int size = snprintf(line, sizeof line, "%s", command);
    for (int i = 0; i < count; i++)
        size += snprintf(line + size, sizeof line - (size_t)size, " %s:%d", prefix, i);
    wire_add(wire, "%s", line);
}

/* Reads an MGET over the ring: each token once. */
static void read_ring(struct tokens *tokens, struct wire *wire) {
    int times[TOKENS] = {0}, found = 0;
    wire_read(wire);
    for (int i = 0; i < RING; i++) {
        struct reply reply = wire_read(wire);
        if (reply.kind == REPLY_NULL)
            continue;
        found++;
        times[strtol(reply.text, NULL, 10) % TOKENS]++;
    }
    if (found != TOKENS)
        report(tokens, "MGET over the ring found tokens", found, TOKENS);
    for (int i = 0; i < TOKENS; i++)
        if (times[i] != 1)
            report(tokens, "MGET over the ring found one token so often", times[i], 1);
}

static void watch_ring(struct tokens *tokens, struct wire *wire) {
    add_range(wire, "MGET", "ring", RING);
    add_range(wire, "EXISTS", "ring", RING);
    add_range(wire, "EXISTS", "one", SINGLE);
    wire_add(wire, "DBSIZE");
    wire_send(wire);
    read_ring(tokens, wire);
    struct reply ring = wire_read(wire);
    if (ring.integer != TOKENS)
        report(tokens, "EXISTS over the ring found tokens", ring.integer, TOKENS);
    struct reply one = wire_read(wire);
    if (one.integer != 1)
        report(tokens, "EXISTS over the single token's places found", one.integer, 1);
    struct reply size = wire_read(wire);
    if (size.integer != TOKENS + 1)
        report(tokens, "DBSIZE", size.integer, TOKENS + 1);
    atomic_fetch_add(&tokens->commands, 4);
}

static void move_ring(struct tokens *tokens, struct wire *wire, uint64_t *random) {
    int moves = 1 + (int)load_below(random, 5);
    for (int i = 0; i < moves; i++) {
        unsigned from = load_below(random, RING), to = load_below(random, RING);
        if (load_below(random, 4) == 0)
            wire_add(wire, "RENAME one:%u one:%u", from % SINGLE, to % SINGLE);
        else
            wire_add(wire, "RENAMENX ring:%u ring:%u", from, to);
    }
    wire_send(wire);
    for (int i = 0; i < moves; i++) {
        struct reply reply = wire_read(wire);
        if (reply.kind == REPLY_ERROR &&
            !(reply.size >= 15 && memcmp(reply.text, "ERR no such key", 15) == 0))
            wire_fail("a move failed: %.*s", (int)reply.size, reply.text);
    }
    atomic_fetch_add(&tokens->commands, moves);
}

static void ring_thread(void *context, int index) {
    struct tokens *tokens = context;
    struct wire wire;
    uint64_t random = tokens->options->seed * 31 + (uint64_t)index;
    wire_open(&wire, tokens->options->port);
    while (is_going_on(tokens)) {
        if (index % 2 == 0)
            move_ring(tokens, &wire, &random);
        else
            watch_ring(tokens, &wire);
    }
    wire_close(&wire);
}

struct load_result load_ring(const struct load_options *options, FILE *why) {
    struct tokens tokens = {.options = options, .why = why};
    struct wire wire;
    wire_open(&wire, options->port);
    wire_call(&wire, "FLUSHALL");
    for (int i = 0; i < TOKENS; i++) {
        wire_add(&wire, "SET ring:%d %d", i, i);
        wire_send(&wire);
        wire_read(&wire);
    }
    wire_call(&wire, "SET one:0 x");
    tokens.until_ns = wire_now_ns() + (int64_t)(options->seconds * 1e9);
    load_in_threads(options->threads, ring_thread, &tokens);
    wire_close(&wire);
    return (struct load_result){.is_sound = !atomic_load(&tokens.is_broken),
                                .episodes = 1,
                                .commands = atomic_load(&tokens.commands)};
}

static void look_at_group(struct tokens *tokens, struct wire *wire, long round) {
    char line[512], names[GROUP][32];
    int found = 0;
    int size = snprintf(line, sizeof line, "MGET");
    for (int i = 0; i < GROUP; i++)
        size += snprintf(line + size, sizeof line - (size_t)size, " x%ld:%d", round, i);
    wire_add(wire, "%s", line);
    wire_send(wire);
    wire_read(wire);
    for (int i = 0; i < GROUP; i++) {
        struct reply reply = wire_read(wire);
        if (reply.kind != REPLY_BULK)
            continue;
        snprintf(names[found++], sizeof names[0], "%.*s", (int)reply.size, reply.text);
    }
    if (found != 0 && found != GROUP)
        report(tokens, "MGET saw so many keys of an MSETNX", found, GROUP);
    for (int i = 1; i < found; i++)
        if (strncmp(names[0], names[i], sizeof names[0]) != 0)
            report(tokens, "two MSETNX both left their mark, on key", i, 0);
}

static void try_group(struct tokens *tokens, struct wire *wire, long round, int index, uint64_t *random) {
    char line[512];
    unsigned shift = load_below(random, GROUP);
    int size = snprintf(line, sizeof line, "MSETNX");
    for (unsigned i = 0; i < GROUP; i++)
        size += snprintf(line + size, sizeof line - (size_t)size, " x%ld:%u t%d", round, (i + shift) % GROUP,
                         index);
    wire_add(wire, "%s", line);
    wire_send(wire);
    struct reply reply = wire_read(wire);
    if (reply.kind != REPLY_INTEGER)
        wire_fail("MSETNX answered %.*s", (int)reply.size, reply.text);
    atomic_fetch_add(&tokens->winners, (int)reply.integer);
}

static void exclusive_thread(void *context, int index) {
    struct tokens *tokens = context;
    struct wire wire;
    uint64_t random = tokens->options->seed * 53 + (uint64_t)index;
    wire_open(&wire, tokens->options->port);
    for (long round = 0;; round++) {
        pthread_barrier_wait(&tokens->barrier);
        if (tokens->is_over)
            break;
        if (index % 2 == 0)
            try_group(tokens, &wire, round, index, &random);
        else
            for (int i = 0; i < 3; i++)
                look_at_group(tokens, &wire, round);
        atomic_fetch_add(&tokens->commands, 2);
        pthread_barrier_wait(&tokens->barrier);
        if (index != 0)
            continue;
        if (atomic_exchange(&tokens->winners, 0) != 1)
            report(tokens, "winners of an MSETNX round other than", 0, 1);
        atomic_fetch_add(&tokens->rounds, 1);
        wire_call(&wire, "FLUSHALL");
        tokens->is_over = !is_going_on(tokens);
    }
    wire_close(&wire);
}

struct load_result load_exclusive(const struct load_options *options, FILE *why) {
    struct tokens tokens = {.options = options, .why = why};
    pthread_barrier_init(&tokens.barrier, NULL, (unsigned)options->threads);
    tokens.until_ns = wire_now_ns() + (int64_t)(options->seconds * 1e9);
    load_in_threads(options->threads, exclusive_thread, &tokens);
    pthread_barrier_destroy(&tokens.barrier);
    return (struct load_result){.is_sound = !atomic_load(&tokens.is_broken),
                                .episodes = atomic_load(&tokens.rounds),
                                .commands = atomic_load(&tokens.commands)};
}
