/* work_expiry.c: a token with a short life is RENAMEd around keys of several shards, so that it expires before, within and
 * behind transactions. There is never more than one, and it always has its value and its time. */
#include "test/sim/world/world.h"

enum expiry_way { EXPIRY_COUNT, EXPIRY_SET, EXPIRY_RENAME, EXPIRY_MGET, EXPIRY_TTL };

enum { EXPIRY_MS_MAX = 8 };

struct expiry_client {
    enum expiry_way way;
    bool is_none; /* the maker has seen that there is no token, and nobody else makes one */
};

/* The maker makes a token only when it knows that there is none. */
static enum expiry_way expiry_choose(struct client *c, const struct expiry_client *own) {
    if (c->role == 0)
        return own->is_none ? EXPIRY_SET : EXPIRY_COUNT;
    return (enum expiry_way[]){EXPIRY_COUNT, EXPIRY_RENAME, EXPIRY_RENAME, EXPIRY_MGET,
                               EXPIRY_TTL}[client_pick(c, 5)];
}

static void expiry_request(struct client *c) {
    struct expiry_client *own = c->own;
    char keys[WORLD_KEYS][WORLD_KEY_MAX];
    for (unsigned k = 0; k < WORLD_KEYS; k++)
        world_key(c->world, "e", k, keys[k]);
    unsigned from = client_pick(c, WORLD_KEYS), to = client_pick(c, WORLD_KEYS);
    own->way = expiry_choose(c, own);
    own->is_none = false;
    switch (own->way) {
    case EXPIRY_COUNT: client_say(c, "EXISTS %s %s %s %s", keys[0], keys[1], keys[2], keys[3]); return;
    case EXPIRY_SET: client_say(c, "SET %s 77 PX %u", keys[from], 1 + client_pick(c, EXPIRY_MS_MAX)); return;
    case EXPIRY_RENAME:
        client_say(c, "%s %s %s", from % 2 ? "RENAME" : "RENAMENX", keys[from], keys[to]);
        return;
    case EXPIRY_MGET: client_say(c, "MGET %s %s %s %s", keys[0], keys[1], keys[2], keys[3]); return;
    case EXPIRY_TTL: client_say(c, "PTTL %s", keys[from]); return;
    }
}

static void expiry_check(struct client *c) {
    struct expiry_client *own = c->own;
    int64_t count = 0;
    switch (own->way) {
    case EXPIRY_SET:
    case EXPIRY_RENAME: return;
    case EXPIRY_COUNT:
        count = client_number(c, client_reply(c, 0));
        own->is_none = count == 0;
        break;
    case EXPIRY_MGET:
        for (unsigned k = 0; k < WORLD_KEYS; k++) {
            int64_t value = client_number(c, client_element(c, client_reply(c, 0), k));
            if (value != CLIENT_NULL && value != 77)
                world_fail(c->world, "the token has another value: %lld", (long long)value);
            count += value == 77;
        }
        break;
    case EXPIRY_TTL: {
        int64_t ttl = client_number(c, client_reply(c, 0));
        if (ttl == -1)
            world_fail(c->world, "the token lives for ever");
        return;
    }
    }
    if (count > 1)
        world_fail(c->world, "%lld tokens", (long long)count);
}

const struct work work_expiry = {
    .name = "expiry",
    .client_bytes = sizeof(struct expiry_client),
    .clients_min = 2,
    .clients_max = 5,
    .request = expiry_request,
    .check = expiry_check,
};
