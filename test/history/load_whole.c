/* load_whole.c: a group of keys that only ever change together.
 *
 * Writers set all keys of the group to one new value with MSET, delete them all with one DEL, empty the database with
 * FLUSHALL or FLUSHDB, or swap it with SWAPDB for another one in which the same is going on. So at every moment the group
 * is there wholly, with one value, or not at all; MGET, EXISTS, KEYS and DBSIZE must agree. A command that acts on
 * its shards at different places of the order is seen halfway.
 *
 * The expiring variant sets the group with MSETEX and a time to live of few milliseconds: the keys have one deadline and
 * every command has one clock, so here too nobody may see a part. DBSIZE is left out there, because it counts
 * expired keys until they are found, as in Redis. */
#include "test/history/load_whole.h"

#include "test/history/wire.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { WHOLE = 6 };

struct whole {
    const struct load_options *options;
    int64_t until_ns;
    FILE *why;
    bool is_expiring;
    atomic_bool is_broken;
    atomic_long commands;
    atomic_long value;
};

static void report(struct whole *whole, const char *text, long long is) {
    if (!atomic_exchange(&whole->is_broken, true))
        fprintf(whole->why, "%s: %lld of %d\n", text, is, WHOLE);
}

static void add_group(struct wire *wire, const char *head, long value, const char *tail) {
    char line[512];
    int size = snprintf(line, sizeof line, "%s", head);
    for (int i = 0; i < WHOLE; i++) {
        size += snprintf(line + size, sizeof line - (size_t)size, " w:%d", i);
        if (value)
            size += snprintf(line + size, sizeof line - (size_t)size, " %ld", value);
    }
    wire_add(wire, "%s%s", line, tail);
}

static void add_change(struct whole *whole, struct wire *wire, uint64_t *random) {
    unsigned what = load_below(random, 20);
    char head[32];
    snprintf(head, sizeof head, "MSETEX %d", WHOLE);
    if (what < 12 && whole->is_expiring)
        add_group(wire, head, atomic_fetch_add(&whole->value, 1) + 1,
                  what % 3 == 0   ? " PX 1"
                  : what % 3 == 1 ? " PX 3"
                                  : " PX 6");
    else if (what < 12)
        add_group(wire, "MSET", atomic_fetch_add(&whole->value, 1) + 1, "");
    else if (what < 15)
        add_group(wire, what == 14 ? "UNLINK" : "DEL", 0, "");
    else if (what < 17)
        wire_add(wire, what == 15 ? "FLUSHALL" : "FLUSHDB");
    else
        wire_add(wire, "SWAPDB 0 1");
}

static void change(struct whole *whole, struct wire *wire, uint64_t *random) {
    int count = 1 + (int)load_below(random, 4);
    for (int i = 0; i < count; i++)
        add_change(whole, wire, random);
    wire_send(wire);
    for (int i = 0; i < count; i++) {
        struct reply reply = wire_read(wire);
        if (reply.kind == REPLY_ERROR)
            wire_fail("a change failed: %.*s", (int)reply.size, reply.text);
    }
    atomic_fetch_add(&whole->commands, count);
}

static void look_at_values(struct whole *whole, struct wire *wire) {
    long first = 0;
    int found = 0;
    bool is_mixed = false;
    wire_read(wire);
    for (int i = 0; i < WHOLE; i++) {
        struct reply reply = wire_read(wire);
        if (reply.kind != REPLY_BULK)
            continue;
        long value = strtol(reply.text, NULL, 10);
        is_mixed |= found > 0 && value != first;
        first = value;
        found++;
    }
    if (found != 0 && found != WHOLE)
        report(whole, "MGET saw only some keys", found);
    if (is_mixed)
        report(whole, "MGET saw several values", found);
}

static void look_at_count(struct whole *whole, struct wire *wire, const char *text) {
    struct reply reply = wire_read(wire);
    int64_t count = reply.integer;
    if (reply.kind == REPLY_ARRAY)
        for (int64_t i = 0; i < count; i++)
            wire_read(wire);
    else if (reply.kind != REPLY_INTEGER)
        wire_fail("not a count: %.*s", (int)reply.size, reply.text);
    if (count != 0 && count != WHOLE)
        report(whole, text, count);
}

static void look(struct whole *whole, struct wire *wire, uint64_t *random) {
    wire_add(wire, "SELECT %u", load_below(random, 2));
    add_group(wire, "MGET", 0, "");
    add_group(wire, "EXISTS", 0, "");
    add_group(wire, "TOUCH", 0, "");
    wire_add(wire, "KEYS w:*");
    wire_add(wire, whole->is_expiring ? "PING" : "DBSIZE");
    wire_send(wire);
    wire_read(wire);
    look_at_values(whole, wire);
    look_at_count(whole, wire, "EXISTS saw only some keys");
    look_at_count(whole, wire, "TOUCH found only some keys");
    look_at_count(whole, wire, "KEYS found only some keys");
    if (whole->is_expiring)
        wire_read(wire);
    else
        look_at_count(whole, wire, "DBSIZE");
    atomic_fetch_add(&whole->commands, 6);
}

static void whole_thread(void *context, int index) {
    struct whole *whole = context;
    struct wire wire;
    uint64_t random = whole->options->seed * 17 + (uint64_t)index;
    wire_open(&wire, whole->options->port);
    while (!atomic_load(&whole->is_broken) && wire_now_ns() < whole->until_ns) {
        if (index % 2 == 0)
            change(whole, &wire, &random);
        else
            look(whole, &wire, &random);
    }
    wire_close(&wire);
}

static struct load_result run_whole(const struct load_options *options, FILE *why, bool is_expiring) {
    struct whole whole = {.options = options, .why = why, .is_expiring = is_expiring};
    struct wire wire;
    wire_open(&wire, options->port);
    wire_call(&wire, "FLUSHALL");
    whole.until_ns = wire_now_ns() + (int64_t)(options->seconds * 1e9);
    load_in_threads(options->threads, whole_thread, &whole);
    wire_close(&wire);
    return (struct load_result){
        .is_sound = !atomic_load(&whole.is_broken), .episodes = 1, .commands = atomic_load(&whole.commands)};
}

struct load_result load_whole(const struct load_options *options, FILE *why) {
    return run_whole(options, why, false);
}

struct load_result load_expiring(const struct load_options *options, FILE *why) {
    return run_whole(options, why, true);
}
