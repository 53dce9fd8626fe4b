/* work_lock.c: MSETNX of two keys on different shards as a mutual exclusion: whoever got a 1 holds it alone until it sends
 * the DEL, and both keys carry its name meanwhile. */
#include "test/sim/world/world.h"

struct lock {
    int holder; /* client number + 1; 0: free, or about to be */
};

enum lock_way { LOCK_TRY, LOCK_LOOK, LOCK_RELEASE };

struct lock_client {
    enum lock_way way;
    bool has;
};

static void lock_request(struct client *c) {
    struct lock *shared = c->shared;
    struct lock_client *own = c->own;
    char a[WORLD_KEY_MAX], b[WORLD_KEY_MAX];
    world_key(c->world, "x", 0, a);
    world_key(c->world, "x", 1, b);
    own->way = !own->has           ? (client_pick(c, 4) ? LOCK_TRY : LOCK_LOOK)
               : client_pick(c, 2) ? LOCK_LOOK
                                   : LOCK_RELEASE;
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

static void lock_check(struct client *c) {
    struct lock *shared = c->shared;
    struct lock_client *own = c->own;
    if (own->way == LOCK_LOOK) {
        int64_t b = client_number(c, client_element(c, client_reply(c, 0), 0));
        int64_t a = client_number(c, client_element(c, client_reply(c, 0), 1));
        if (a != b || (own->has && a != (int64_t)c->number))
            world_fail(c->world, "a half lock, or somebody else's: %lld %lld", (long long)a, (long long)b);
        return;
    }
    int64_t got = client_number(c, client_reply(c, 0));
    if (own->way == LOCK_RELEASE) {
        if (got != 2)
            world_fail(c->world, "a lock of %lld keys was released", (long long)got);
        return;
    }
    if (got == 0)
        return;
    if (got != 1 || shared->holder)
        world_fail(c->world, "client %u holds the lock of %d", c->number, shared->holder - 1);
    shared->holder = (int)c->number + 1;
    own->has = true;
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
};
