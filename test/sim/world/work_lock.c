/* work_lock.c: MSETNX of two keys on different shards as a mutual exclusion: whoever got a 1 holds it alone until it sends
 * the DEL, and both keys carry its name meanwhile. */
#include "test/sim/world/world.h"

struct lock {
    int holder; /* client number + 1; 0: free, or about to be, or not known */
};

enum lock_way { LOCK_TRY, LOCK_LOOK, LOCK_RELEASE };

struct lock_client {
    enum lock_way way;
    bool has;
    bool must_look; /* it does not know whether it has */
};

static enum lock_way lock_choose(struct client *c, const struct lock_client *own) {
    if (own->must_look)
        return LOCK_LOOK;
    if (own->has)
        return client_pick(c, 2) ? LOCK_LOOK : LOCK_RELEASE;
    return client_pick(c, 4) ? LOCK_TRY : LOCK_LOOK;
}

static void lock_request(struct client *c) {
    struct lock *shared = c->shared;
    struct lock_client *own = c->own;
    char a[WORLD_KEY_MAX], b[WORLD_KEY_MAX];
    world_key(c->world, "x", 0, a);
    world_key(c->world, "x", 1, b);
    own->way = lock_choose(c, own);
    switch (own->way) {
    case LOCK_TRY: client_say(c, "MSETNX %s %u %s %u", a, c->number, b, c->number); return;
    case LOCK_LOOK: client_say(c, "MGET %s %s", b, a); return;
    case LOCK_RELEASE:
        shared->holder = 0;
        own->has = false;
        client_say(c, "%s %s %s", client_pick(c, 2) ? "DEL" : "UNLINK", b, a);
        return;
    }
}

static void lock_get(struct client *c) {
    struct lock *shared = c->shared;
    struct lock_client *own = c->own;
    if (shared->holder && shared->holder != (int)c->number + 1)
        world_fail(c->world, "client %u holds the lock of %d", c->number, shared->holder - 1);
    shared->holder = (int)c->number + 1;
    own->has = true;
}

static void lock_check_look(struct client *c) {
    struct lock_client *own = c->own;
    int64_t b = client_number(c, client_element(c, client_reply(c, 0), 0));
    int64_t a = client_number(c, client_element(c, client_reply(c, 0), 1));
    if (a != b || (own->has && a != (int64_t)c->number))
        world_fail(c->world, "a half lock, or somebody else's: %lld %lld", (long long)a, (long long)b);
    own->must_look = false;
    if (a == (int64_t)c->number)
        lock_get(c);
}

static void lock_check(struct client *c) {
    struct lock_client *own = c->own;
    if (own->way == LOCK_LOOK) {
        lock_check_look(c);
        return;
    }
    int64_t got = client_number(c, client_reply(c, 0));
    if (own->way == LOCK_RELEASE && got != 2)
        world_fail(c->world, "a lock of %lld keys was released", (long long)got);
    if (own->way == LOCK_TRY && got == 1)
        lock_get(c);
}

static void lock_lost(struct client *c) {
    struct lock_client *own = c->own;
    own->must_look = true;
}

static void lock_crashed(struct world *w, void *shared) {
    struct lock *lock = shared;
    char key[WORLD_KEY_MAX];
    world_key(w, "x", 0, key);
    int64_t a = world_number(w, key, CLIENT_NULL);
    world_key(w, "x", 1, key);
    int64_t b = world_number(w, key, CLIENT_NULL);
    if (a != b)
        world_fail(w, "a half lock after the start: %lld %lld", (long long)a, (long long)b);
    if (lock->holder && !world_may_lose(w) && a != lock->holder - 1)
        world_fail(w, "the lock of client %d is lost", lock->holder - 1);
    lock->holder = 0;
    for (unsigned i = 0; i < w->client_count; i++) {
        struct client *c = &w->clients[i];
        if (c->shared == shared)
            *(struct lock_client *)c->own = (struct lock_client){.must_look = true};
    }
}

const struct work work_lock = {
    .name = "lock",
    .shared_bytes = sizeof(struct lock),
    .client_bytes = sizeof(struct lock_client),
    .clients_min = 2,
    .clients_max = 4,
    .bears_relaxed = true,
    .request = lock_request,
    .check = lock_check,
    .lost = lock_lost,
    .crashed = lock_crashed,
};
