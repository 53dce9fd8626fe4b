/* work_cause.c: one writer SETs a rising number to keys 0, 1, 2 ... of different shards, in one pipeline. So whoever has seen
 * a number in one key, by whatever connection, finds at least that number in the keys before it from then on.
 *
 * Readers use a pipeline of GETs from the last key to the first, an MGET, or single GETs. With pipeline-order relaxed only the
 * keys' own order and what was acknowledged is promised. */
#include "test/sim/world/world.h"

enum cause_way { CAUSE_WRITE, CAUSE_PIPELINE, CAUSE_MGET, CAUSE_SINGLE };

struct cause {
    int64_t next;
    int64_t loose;             /* numbers up to here may have reached some keys and not those before them */
    int64_t floor[WORLD_KEYS]; /* number that the key is known to have reached */
    int64_t told[WORLD_KEYS];  /* the same, but only what was answered or read in this very key */
};

struct cause_client {
    enum cause_way way;
    int64_t value;
    unsigned rounds;
    unsigned key;
    int64_t floor[WORLD_KEYS]; /* when the operation began */
};

static void cause_write(struct client *c) {
    struct cause *shared = c->shared;
    struct cause_client *own = c->own;
    char key[WORLD_KEY_MAX];
    own->rounds = 1 + client_pick(c, 3);
    for (unsigned round = 0; round < own->rounds; round++) {
        shared->next++;
        for (unsigned k = 0; k < WORLD_KEYS; k++) {
            world_key(c->world, "c", k, key);
            client_say(c, "SET %s %lld", key, (long long)shared->next);
        }
    }
    own->value = shared->next;
}

static void cause_request(struct client *c) {
    const struct cause *shared = c->shared;
    struct cause_client *own = c->own;
    char keys[WORLD_KEYS][WORLD_KEY_MAX];
    own->way = c->role == 0 ? CAUSE_WRITE : CAUSE_PIPELINE + client_pick(c, 3);
    memcpy(own->floor, shared->floor, sizeof own->floor);
    for (unsigned k = 0; k < WORLD_KEYS; k++)
        world_key(c->world, "c", k, keys[k]);
    switch (own->way) {
    case CAUSE_WRITE: cause_write(c); return;
    case CAUSE_PIPELINE:
        for (unsigned k = WORLD_KEYS; k-- > 0;)
            client_say(c, "GET %s", keys[k]);
        return;
    case CAUSE_MGET: client_say(c, "MGET %s %s %s %s", keys[3], keys[2], keys[1], keys[0]); return;
    case CAUSE_SINGLE:
        own->key = own->key && client_pick(c, 2) ? own->key - 1 : client_pick(c, WORLD_KEYS);
        client_say(c, "GET %s", keys[own->key]);
        return;
    }
}

/* Is nothing promised about the keys before one that has this number? With a broken disk a part of a pipeline may have
 * been refused. */
static bool cause_is_loose(const struct client *c, int64_t value) {
    const struct cause *shared = c->shared;
    return c->world->options.is_order_relaxed || c->world->is_disk_broken || value <= shared->loose;
}

/* Key `key` has at least `value`. */
static void cause_learn(struct client *c, unsigned key, int64_t value) {
    struct cause *shared = c->shared;
    unsigned from = cause_is_loose(c, value) ? key : 0;
    for (unsigned k = from; k <= key; k++)
        if (value > shared->floor[k])
            shared->floor[k] = value;
    if (value > shared->told[key])
        shared->told[key] = value;
}

static int64_t cause_number(struct client *c, struct bytes reply) {
    int64_t value = client_number(c, reply);
    return value == CLIENT_NULL ? 0 : value;
}

static void cause_check_one(struct client *c, unsigned key, int64_t value) {
    const struct cause_client *own = c->own;
    if (value < own->floor[key])
        world_fail(c->world, "key %u has %lld, it was known to have %lld", key, (long long)value,
                   (long long)own->floor[key]);
    cause_learn(c, key, value);
}

static void cause_check(struct client *c) {
    const struct cause_client *own = c->own;
    int64_t before = 0;
    if (own->way == CAUSE_WRITE) {
        for (unsigned k = 0; k < WORLD_KEYS; k++)
            cause_learn(c, k, own->value);
        return;
    }
    if (own->way == CAUSE_SINGLE) {
        cause_check_one(c, own->key, cause_number(c, client_reply(c, 0)));
        return;
    }
    for (unsigned n = 0; n < WORLD_KEYS; n++) {
        struct bytes reply =
            own->way == CAUSE_MGET ? client_element(c, client_reply(c, 0), n) : client_reply(c, n);
        int64_t value = cause_number(c, reply);
        if (value < before && !cause_is_loose(c, before))
            world_fail(c->world, "an effect before its cause: %.*s", (int)client_replies(c).len,
                       client_replies(c).ptr);
        cause_check_one(c, WORLD_KEYS - 1 - n, value);
        before = value;
    }
}

static void cause_lost(struct client *c) {
    struct cause *shared = c->shared;
    if (c->is_refused)
        shared->loose = shared->next;
}

static void cause_crashed(struct world *w, void *shared) {
    struct cause *cause = shared;
    int64_t before = 0;
    for (unsigned k = WORLD_KEYS; k-- > 0;) {
        char key[WORLD_KEY_MAX];
        world_key(w, "c", k, key);
        int64_t value = world_number(w, key, 0);
        if (value > cause->next || (value < cause->told[k] && !world_may_lose(w)))
            world_fail(w, "key %u has %lld after the start, it was known to have %lld", k, (long long)value,
                       (long long)cause->told[k]);
        if (value < before && world_may_lose(w) && !w->options.is_order_relaxed && !w->is_disk_broken)
            world_fail(w, "after the start an effect without its cause: %lld %lld", (long long)value,
                       (long long)before);
        before = value;
        cause->floor[k] = cause->told[k] = value;
    }
    if (!world_may_lose(w) || w->is_disk_broken)
        cause->loose = cause->next;
}

const struct work work_cause = {
    .name = "cause",
    .shared_bytes = sizeof(struct cause),
    .client_bytes = sizeof(struct cause_client),
    .clients_min = 2,
    .clients_max = 4,
    .bears_relaxed = true,
    .request = cause_request,
    .check = cause_check,
    .lost = cause_lost,
    .crashed = cause_crashed,
};
