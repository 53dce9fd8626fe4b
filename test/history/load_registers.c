/* load_registers.c: random MSET, MGET, GET, SET and SET ... GET over a few fresh keys.
 *
 * An episode is short (about a thousand transactions), because the check is cubic, and its keys are its own, so that it
 * begins empty. Threads meet at a barrier before each episode: races are likely only while all of them run. A
 * transaction's value is its number in the episode; thread i owns the numbers i * n + 1 .. i * n + n, so nothing has
 * to be agreed on while the load runs. SET ... GET reads and writes at once and so tells which of two
 * writes came first, which blind writes do not.
 *
 * Times: sent_ns is taken before the write of the pipeline, replied_ns after the read of the reply; both err to the side
 * that accuses nobody wrongly. */
#include "test/history/load_registers.h"

#include "test/history/check.h"
#include "test/history/wire.h"

#include <pthread.h>
#include <stdlib.h>

enum { EPISODE_TXNS = 960, KEYS_MAX = 6, PIPELINE_MAX = 12 };

struct episode {
    const struct load_options *options;
    struct txn *txns;
    int per_thread;
    int keys;
    int pipeline_max;
    long number;
    pthread_barrier_t begin, end;
    bool is_over;
};

static void pick_keys(uint64_t *random, int keys, int wanted, int *out) {
    for (int i = 0; i < wanted; i++) {
        bool is_taken = true;
        while (is_taken) {
            out[i] = (int)load_below(random, (unsigned)keys);
            is_taken = false;
            for (int j = 0; j < i; j++)
                is_taken |= out[j] == out[i];
        }
    }
}

static void add_keys(struct wire *wire, const struct episode *episode, struct txn *txn, bool is_write,
                     int value, uint64_t *random, int wanted) {
    char line[512];
    int keys[CHECK_PART_MAX];
    int size = snprintf(line, sizeof line, "%s", is_write ? "MSET" : "MGET");
    pick_keys(random, episode->keys, wanted, keys);
    for (int i = 0; i < wanted; i++) {
        size += snprintf(line + size, sizeof line - (size_t)size, " e%ld:%d", episode->number, keys[i]);
        if (is_write) {
            size += snprintf(line + size, sizeof line - (size_t)size, " %d", value);
            txn->write[txn->writes++] = (struct access){keys[i], value};
        } else {
            txn->read[txn->reads++] = (struct access){keys[i], 0};
        }
    }
    wire_add(wire, "%s", line);
}

/* Adds one random transaction to the pipeline. */
static void add_txn(struct wire *wire, const struct episode *episode, struct txn *txn, int value,
                    uint64_t *random) {
    unsigned what = load_below(random, 100);
    int most = episode->keys < CHECK_PART_MAX ? episode->keys : CHECK_PART_MAX;
    int key = (int)load_below(random, (unsigned)episode->keys);
    if (what < 25) {
        add_keys(wire, episode, txn, true, value, random, 2 + (int)load_below(random, (unsigned)most - 1));
    } else if (what < 55) {
        add_keys(wire, episode, txn, false, value, random, 2 + (int)load_below(random, (unsigned)most - 1));
    } else if (what < 70) {
        wire_add(wire, "GET e%ld:%d", episode->number, key);
        txn->read[txn->reads++] = (struct access){key, 0};
    } else {
        bool gets = what < 85;
        wire_add(wire, gets ? "SET e%ld:%d %d GET" : "SET e%ld:%d %d", episode->number, key, value);
        txn->write[txn->writes++] = (struct access){key, value};
        if (gets)
            txn->read[txn->reads++] = (struct access){key, 0};
    }
}

static int read_value(struct wire *wire) {
    struct reply reply = wire_read(wire);
    if (reply.kind == REPLY_NULL)
        return 0;
    if (reply.kind != REPLY_BULK)
        wire_fail("not a value: %.*s", (int)reply.size, reply.text);
    return (int)strtol(reply.text, NULL, 10);
}

static void read_txn(struct wire *wire, struct txn *txn) {
    if (txn->reads == 0 || (txn->writes == 0 && txn->reads > 1)) {
        struct reply reply = wire_read(wire);
        if (txn->reads == 0 ? reply.kind != REPLY_STATUS : reply.kind != REPLY_ARRAY)
            wire_fail("unexpected reply: %.*s", (int)reply.size, reply.text);
    }
    for (int i = 0; i < txn->reads; i++)
        txn->read[i].value = read_value(wire);
    txn->replied_ns = wire_now_ns();
}

static void run_part(struct episode *episode, struct wire *wire, int index, uint64_t *random) {
    struct txn *txns = episode->txns + 1 + index * episode->per_thread;
    for (int done = 0; done < episode->per_thread;) {
        int left = episode->per_thread - done;
        int wanted = 1 + (int)load_below(random, (unsigned)episode->pipeline_max);
        int count = wanted < left ? wanted : left;
        for (int i = 0; i < count; i++) {
            txns[done + i] = (struct txn){.conn = index + 1};
            add_txn(wire, episode, &txns[done + i], 1 + index * episode->per_thread + done + i, random);
        }
        int64_t now = wire_now_ns();
        for (int i = 0; i < count; i++)
            txns[done + i].sent_ns = now;
        wire_send(wire);
        for (int i = 0; i < count; i++)
            read_txn(wire, &txns[done + i]);
        done += count;
    }
}

static void register_thread(void *context, int index) {
    struct episode *episode = context;
    struct wire wire;
    wire_open(&wire, episode->options->port);
    uint64_t random = episode->options->seed * 1000 + (uint64_t)index;
    for (;;) {
        pthread_barrier_wait(&episode->begin);
        if (episode->is_over)
            break;
        run_part(episode, &wire, index, &random);
        pthread_barrier_wait(&episode->end);
    }
    wire_close(&wire);
}

/* Thread 0's companion: begins episodes and checks them while the others wait. */
struct director {
    struct episode episode;
    struct load_result result;
    FILE *why;
};

static void direct(struct director *director) {
    struct episode *episode = &director->episode;
    struct wire wire;
    uint64_t random = episode->options->seed;
    int64_t until = wire_now_ns() + (int64_t)(episode->options->seconds * 1e9);
    wire_open(&wire, episode->options->port);
    while (director->result.is_sound && (wire_now_ns() < until || director->result.episodes == 0)) {
        episode->number = director->result.episodes++;
        episode->keys = 2 + (int)load_below(&random, KEYS_MAX - 1);
        pthread_barrier_wait(&episode->begin);
        pthread_barrier_wait(&episode->end);
        int count = 1 + episode->per_thread * episode->options->threads;
        director->result.commands += count - 1;
        director->result.is_sound = check_history(episode->txns, count, director->why);
        wire_call(&wire, "FLUSHALL");
    }
    episode->is_over = true;
    pthread_barrier_wait(&episode->begin);
    wire_close(&wire);
}

static void director_or_register(void *context, int index) {
    struct director *director = context;
    if (index == director->episode.options->threads)
        direct(director);
    else
        register_thread(&director->episode, index);
}

static struct load_result run_registers(const struct load_options *options, FILE *why, int pipeline_max) {
    struct director director = {.result = {.is_sound = true}, .why = why};
    struct episode *episode = &director.episode;
    unsigned members = (unsigned)options->threads + 1;
    episode->options = options;
    episode->per_thread = EPISODE_TXNS / options->threads;
    episode->pipeline_max = pipeline_max;
    episode->txns = calloc((size_t)EPISODE_TXNS + 1, sizeof *episode->txns);
    pthread_barrier_init(&episode->begin, NULL, members);
    pthread_barrier_init(&episode->end, NULL, members);
    load_in_threads(options->threads + 1, director_or_register, &director);
    pthread_barrier_destroy(&episode->begin);
    pthread_barrier_destroy(&episode->end);
    free(episode->txns);
    return director.result;
}

struct load_result load_registers(const struct load_options *options, FILE *why) {
    return run_registers(options, why, PIPELINE_MAX);
}

struct load_result load_registers_calls(const struct load_options *options, FILE *why) {
    return run_registers(options, why, 1);
}
