/* work_ring.c: one token is RENAMEd around keys of several shards; everybody who looks at all keys at once finds exactly
 * one. A second token is moved by COPY and DEL in one pipeline: one or two are found, never none.
 *
 * Client 0 makes the tokens and moves the second one. When it does not know what became of its last operation, it looks; and
 * while the tokens are not known to be there, nobody promises anything about their number but that it is not too big. */
#include "test/sim/world/world.h"

enum ring_way { RING_COPY, RING_LOOK, RING_MAKE, RING_RENAME, RING_EXISTS, RING_MGET, RING_COUNT_COPIES };

struct ring {
    bool is_known;    /* both tokens are there */
    unsigned copy_at; /* where the second one is */
};

struct ring_client {
    enum ring_way way;
    bool was_known; /* when the operation began */
    bool must_make_first, must_make_second;
};

static void ring_key(const struct world *w, char prefix, unsigned n, char name[WORLD_KEY_MAX]) {
    world_key(w, (const char[]){prefix, '\0'}, n, name);
}

static void ring_ask_all(struct client *c, const char *command, char prefix) {
    char keys[WORLD_KEYS][WORLD_KEY_MAX];
    for (unsigned k = 0; k < WORLD_KEYS; k++)
        ring_key(c->world, prefix, k, keys[k]);
    client_say(c, "%s %s %s %s %s", command, keys[0], keys[1], keys[2], keys[3]);
}

static void ring_make(struct client *c) {
    const struct ring *shared = c->shared;
    const struct ring_client *own = c->own;
    char key[WORLD_KEY_MAX];
    if (own->must_make_first) {
        ring_key(c->world, 't', 0, key);
        client_say(c, "SET %s token", key);
    }
    ring_key(c->world, 'u', shared->copy_at, key);
    if (own->must_make_second)
        client_say(c, "SET %s token", key);
    for (unsigned k = 0; k < WORLD_KEYS; k++) {
        ring_key(c->world, 'u', k, key);
        if (k != shared->copy_at)
            client_say(c, "DEL %s", key);
    }
}

static void ring_copy(struct client *c) {
    struct ring *shared = c->shared;
    char from[WORLD_KEY_MAX], to[WORLD_KEY_MAX];
    unsigned next = (shared->copy_at + 1 + client_pick(c, WORLD_KEYS - 1)) % WORLD_KEYS;
    ring_key(c->world, 'u', shared->copy_at, from);
    ring_key(c->world, 'u', next, to);
    client_say(c, "COPY %s %s", from, to);
    client_say(c, "DEL %s", from);
    shared->copy_at = next;
}

static enum ring_way ring_choose(struct client *c) {
    const struct ring *shared = c->shared;
    const struct ring_client *own = c->own;
    static const enum ring_way others[] = {RING_RENAME, RING_RENAME, RING_EXISTS, RING_MGET,
                                           RING_COUNT_COPIES};
    if (c->role != 0)
        return others[client_pick(c, COUNT_OF(others))];
    if (shared->is_known)
        return RING_COPY;
    return own->must_make_first || own->must_make_second || own->way == RING_LOOK ? RING_MAKE : RING_LOOK;
}

static void ring_request(struct client *c) {
    const struct ring *shared = c->shared;
    struct ring_client *own = c->own;
    char from[WORLD_KEY_MAX], to[WORLD_KEY_MAX];
    own->way = ring_choose(c);
    own->was_known = shared->is_known;
    switch (own->way) {
    case RING_LOOK:
        ring_ask_all(c, "EXISTS", 't');
        ring_ask_all(c, "MGET", 'u');
        return;
    case RING_MAKE: ring_make(c); return;
    case RING_COPY: ring_copy(c); return;
    case RING_RENAME:
        ring_key(c->world, 't', client_pick(c, WORLD_KEYS), from);
        ring_key(c->world, 't', client_pick(c, WORLD_KEYS), to);
        client_say(c, "%s %s %s", client_pick(c, 4) ? "RENAME" : "RENAMENX", from, to);
        return;
    case RING_EXISTS: ring_ask_all(c, "EXISTS", 't'); return;
    case RING_MGET: ring_ask_all(c, "MGET", 't'); return;
    case RING_COUNT_COPIES: ring_ask_all(c, "EXISTS", 'u'); return;
    }
}

static int64_t ring_count_tokens(struct client *c, struct bytes reply, unsigned *last_out) {
    int64_t count = 0;
    for (unsigned k = 0; k < WORLD_KEYS; k++)
        if (client_element(c, reply, k).len > 5) {
            count++;
            *last_out = k;
        }
    return count;
}

/* What client 0 has found out; the rest is put right by RING_MAKE. */
static void ring_learn(struct client *c) {
    struct ring *shared = c->shared;
    struct ring_client *own = c->own;
    unsigned at = shared->copy_at;
    own->must_make_first = client_number(c, client_reply(c, 0)) == 0;
    own->must_make_second = ring_count_tokens(c, client_reply(c, 1), &at) == 0;
    shared->copy_at = at;
}

static void ring_check_count(struct client *c, int64_t count, int64_t max) {
    const struct ring *shared = c->shared;
    const struct ring_client *own = c->own;
    int64_t min = shared->is_known && own->was_known ? 1 : 0;
    if (count < min || count > max)
        world_fail(c->world, "%lld tokens", (long long)count);
}

static void ring_check(struct client *c) {
    struct ring *shared = c->shared;
    struct ring_client *own = c->own;
    unsigned last = 0;
    switch (own->way) {
    case RING_RENAME: return;
    case RING_LOOK: ring_learn(c); return;
    case RING_MAKE:
        own->must_make_first = own->must_make_second = false;
        shared->is_known = true;
        return;
    case RING_EXISTS: ring_check_count(c, client_number(c, client_reply(c, 0)), 1); return;
    case RING_MGET: ring_check_count(c, ring_count_tokens(c, client_reply(c, 0), &last), 1); return;
    case RING_COPY:
        if (client_number(c, client_reply(c, 0)) != 1 || client_number(c, client_reply(c, 1)) != 1)
            world_fail(c->world, "the copied token was not there, or its place was taken");
        return;
    case RING_COUNT_COPIES: ring_check_count(c, client_number(c, client_reply(c, 0)), 2); return;
    }
}

static void ring_lost(struct client *c) {
    struct ring *shared = c->shared;
    struct ring_client *own = c->own;
    if (c->role != 0)
        return;
    shared->is_known = false;
    own->must_make_first = own->must_make_second = false;
    own->way = RING_COPY; /* so that it looks next */
}

/* What was acknowledged may be lost as well. Under always the first token may not. */
static void ring_crashed(struct world *w, void *shared) {
    struct ring *ring = shared;
    bool was_known = ring->is_known;
    unsigned tokens = 0;
    char key[WORLD_KEY_MAX];
    for (unsigned k = 0; k < WORLD_KEYS; k++) {
        ring_key(w, 't', k, key);
        tokens += world_value(w, 0, key, NULL);
    }
    if (tokens > 1 || (tokens == 0 && was_known && !world_may_lose(w)))
        world_fail(w, "%u tokens after the start", tokens);
    ring->is_known = false;
    for (unsigned i = 0; i < w->client_count; i++)
        if (w->clients[i].shared == shared)
            ring_lost(&w->clients[i]);
}

const struct work work_ring = {
    .name = "ring",
    .shared_bytes = sizeof(struct ring),
    .client_bytes = sizeof(struct ring_client),
    .clients_min = 2,
    .clients_max = 5,
    .request = ring_request,
    .check = ring_check,
    .lost = ring_lost,
    .crashed = ring_crashed,
};
