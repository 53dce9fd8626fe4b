/* work_mortal.c: one client writes keys, now with a short life, now for good; others borrow them, so that keys expire while
 * they are locked and the next write waits. Whatever happens to the mortal value, a value that was written for good, and
 * answered, is there, also after a crash: a deletion of the expired one must never come behind it in the log. */
#include "test/sim/world/world.h"

enum { MORTAL_MS_MAX = 6 };

struct mortal_key {
    int64_t value;     /* written for good and answered; 0: none */
    bool is_under_way; /* an operation writes it */
};

struct mortal {
    struct mortal_key keys[WORLD_KEYS];
    int64_t last;
};

struct mortal_client {
    unsigned key;
    int64_t value; /* 0: the operation writes a mortal value, or the client is none that writes */
    bool is_read;
};

static void mortal_write(struct client *c) {
    struct mortal *m = c->shared;
    struct mortal_client *own = c->own;
    char key[WORLD_KEY_MAX];
    own->key = client_pick(c, WORLD_KEYS);
    own->value = 0;
    world_key(c->world, "m", own->key, key);
    own->is_read = client_pick(c, 6) == 0;
    if (own->is_read) {
        client_say(c, "GET %s", key);
        return;
    }
    m->keys[own->key].is_under_way = true;
    if (client_pick(c, 2))
        client_say(c, "SET %s 77 PX %u", key, 1 + client_pick(c, MORTAL_MS_MAX));
    else
        client_say(c, "SET %s %lld", key, (long long)(own->value = 1000 + ++m->last));
}

/* Reads of several keys: a key that has come to the head of its queue is locked, and still in its table, while the
 * transaction waits for another key of the same shard. */
static void mortal_borrow(struct client *c) {
    char to[WORLD_KEY_MAX], from[3][WORLD_KEY_MAX];
    for (unsigned i = 1 + client_pick(c, 4); i > 0; i--) {
        world_key(c->world, "n", client_pick(c, WORLD_KEYS), to);
        for (unsigned k = 0; k < COUNT_OF(from); k++)
            world_key(c->world, "m", client_pick(c, WORLD_KEYS), from[k]);
        client_say(c, "BITOP OR %s %s %s %s", to, from[0], from[1], from[2]);
    }
}

static void mortal_request(struct client *c) {
    if (c->role == 0)
        mortal_write(c);
    else
        mortal_borrow(c);
}

static void mortal_check(struct client *c) {
    struct mortal *m = c->shared;
    const struct mortal_client *own = c->own;
    if (c->role != 0)
        return;
    struct mortal_key *key = &m->keys[own->key];
    if (!own->is_read) {
        *key = (struct mortal_key){.value = own->value};
        return;
    }
    int64_t found = client_number(c, client_reply(c, 0));
    if (key->value && found != key->value)
        world_fail(c->world, "%lld was written for good, and %lld is there", (long long)key->value,
                   (long long)found);
}

/* Nobody knows whether the operation under way has happened. */
static void mortal_forget(struct mortal *m) {
    for (unsigned k = 0; k < WORLD_KEYS; k++)
        if (m->keys[k].is_under_way)
            m->keys[k] = (struct mortal_key){0};
}

static void mortal_lost(struct client *c) {
    if (c->role == 0)
        mortal_forget(c->shared);
}

static void mortal_crashed(struct world *w, void *shared) {
    struct mortal *m = shared;
    mortal_forget(m);
    for (unsigned k = 0; k < WORLD_KEYS; k++) {
        char key[WORLD_KEY_MAX];
        world_key(w, "m", k, key);
        int64_t found = world_number(w, key, 0);
        if (m->keys[k].value && found != m->keys[k].value && !world_may_lose(w))
            world_fail(w, "%lld was written for good, and %lld is there after the start",
                       (long long)m->keys[k].value, (long long)found);
        m->keys[k].value = found >= 1000 ? found : 0;
    }
}

const struct work work_mortal = {
    .name = "mortal",
    .shared_bytes = sizeof(struct mortal),
    .client_bytes = sizeof(struct mortal_client),
    .clients_min = 5,
    .clients_max = 9,
    .request = mortal_request,
    .check = mortal_check,
    .lost = mortal_lost,
    .crashed = mortal_crashed,
};
