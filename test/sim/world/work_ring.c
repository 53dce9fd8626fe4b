/* work_ring.c: one token is RENAMEd around keys of several shards; everybody who looks at all keys at once finds exactly
 * one. A second token is moved by COPY and DEL in one pipeline: one or two are found, never none. */
#include "test/sim/world/world.h"

enum ring_way { RING_RENAME, RING_EXISTS, RING_MGET, RING_COPY, RING_COUNT_COPIES };

struct ring {
    unsigned copy_at; /* where the second token is; only one client moves it */
};

struct ring_client {
    enum ring_way way;
};

static void ring_key(const struct world *w, char prefix, unsigned n, char name[WORLD_KEY_MAX]) {
    world_key(w, (const char[]){prefix, '\0'}, n, name);
}

static void ring_begin(struct world *w, void *shared) {
    (void)shared;
    for (const char *prefix = "tu"; *prefix; prefix++) {
        char key[WORLD_KEY_MAX];
        ring_key(w, *prefix, 0, key);
        struct keyspace *ks = node_keyspace(&w->node, 0, bytes_cstr(key));
        keyspace_put(ks, keyspace_hash(ks, bytes_cstr(key)),
                     entry_new_str(bytes_cstr(key), BYTES_LIT("token"), ENTRY_NO_EXPIRE));
    }
}

static void ring_ask_all(struct client *c, const char *command, char prefix) {
    char keys[WORLD_KEYS][WORLD_KEY_MAX];
    for (unsigned k = 0; k < WORLD_KEYS; k++)
        ring_key(c->world, prefix, k, keys[k]);
    client_say(c, "%s %s %s %s %s", command, keys[0], keys[1], keys[2], keys[3]);
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

static void ring_request(struct client *c) {
    struct ring_client *own = c->own;
    char from[WORLD_KEY_MAX], to[WORLD_KEY_MAX];
    own->way = c->role == 0 ? RING_COPY
                            : (enum ring_way[]){RING_RENAME, RING_RENAME, RING_EXISTS, RING_MGET,
                                                RING_COUNT_COPIES}[client_pick(c, 5)];
    switch (own->way) {
    case RING_RENAME:
        ring_key(c->world, 't', client_pick(c, WORLD_KEYS), from);
        ring_key(c->world, 't', client_pick(c, WORLD_KEYS), to);
        client_say(c, "%s %s %s", client_pick(c, 4) ? "RENAME" : "RENAMENX", from, to);
        return;
    case RING_EXISTS: ring_ask_all(c, "EXISTS", 't'); return;
    case RING_MGET: ring_ask_all(c, "MGET", 't'); return;
    case RING_COPY: ring_copy(c); return;
    case RING_COUNT_COPIES: ring_ask_all(c, "EXISTS", 'u'); return;
    }
}

static void ring_check(struct client *c) {
    const struct ring_client *own = c->own;
    int64_t count = 0;
    switch (own->way) {
    case RING_RENAME: return;
    case RING_EXISTS: count = client_number(c, client_reply(c, 0)); break;
    case RING_MGET:
        for (unsigned k = 0; k < WORLD_KEYS; k++)
            count += client_element(c, client_reply(c, 0), k).len > 5;
        break;
    case RING_COPY:
        if (client_number(c, client_reply(c, 0)) != 1 || client_number(c, client_reply(c, 1)) != 1)
            world_fail(c->world, "the copied token was not there, or its place was taken");
        return;
    case RING_COUNT_COPIES:
        count = client_number(c, client_reply(c, 0));
        if (count != 1 && count != 2)
            world_fail(c->world, "%lld tokens while one is copied and then deleted", (long long)count);
        return;
    }
    if (count != 1)
        world_fail(c->world, "%lld tokens instead of one", (long long)count);
}

const struct work work_ring = {
    .name = "ring",
    .shared_bytes = sizeof(struct ring),
    .client_bytes = sizeof(struct ring_client),
    .clients_min = 2,
    .clients_max = 5,
    .begin = ring_begin,
    .request = ring_request,
    .check = ring_check,
};
