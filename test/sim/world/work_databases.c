/* work_databases.c: commands over whole databases among transactions: in databases 3 and 4 all keys are written by one MSET,
 * removed by FLUSHDB and exchanged by SWAPDB; so whoever looks finds all of them or none. */
#include "test/sim/world/world.h"

enum databases_way {
    DATABASES_COUNT,
    DATABASES_KEYS,
    DATABASES_MGET,
    DATABASES_RANDOM,
    DATABASES_SET,
    DATABASES_OTHER
};

struct databases_client {
    enum databases_way way;
};

static void databases_greet(struct client *c) {
    client_say(c, "SELECT %u", 3 + c->role % 2);
}

static void databases_request(struct client *c) {
    struct databases_client *own = c->own;
    char keys[WORLD_KEYS][WORLD_KEY_MAX];
    unsigned n = client_pick(c, 1000);
    for (unsigned k = 0; k < WORLD_KEYS; k++)
        world_key(c->world, "d", k, keys[k]);
    own->way = client_pick(c, 6);
    switch (own->way) {
    case DATABASES_COUNT: client_say(c, "DBSIZE"); return;
    case DATABASES_KEYS: client_say(c, "KEYS *"); return;
    case DATABASES_MGET: client_say(c, "MGET %s %s %s %s", keys[0], keys[1], keys[2], keys[3]); return;
    case DATABASES_RANDOM: client_say(c, "RANDOMKEY"); return;
    case DATABASES_SET:
        client_say(c, "MSET %s %u %s %u %s %u %s %u", keys[0], n, keys[1], n, keys[2], n, keys[3], n);
        return;
    case DATABASES_OTHER:
        if (client_pick(c, 3) == 0)
            client_say(c, "%s%s", c->world->work_count == 1 ? "FLUSHALL" : "FLUSHDB",
                       client_pick(c, 2) ? " ASYNC" : "");
        else if (client_pick(c, 2))
            client_say(c, "SWAPDB 3 4");
        else
            client_say(c, "COPY %s %s DB %u REPLACE", keys[n % 4], keys[n % 4], 5 + n % 2);
        return;
    }
}

static void databases_check(struct client *c) {
    const struct databases_client *own = c->own;
    struct bytes reply = client_reply(c, 0);
    int64_t first = 0;
    switch (own->way) {
    case DATABASES_COUNT:
    case DATABASES_KEYS: {
        bool is_none = reply.len == 4 && reply.ptr[1] == '0';
        bool is_all = reply.len >= 4 && reply.ptr[1] == '0' + WORLD_KEYS && reply.ptr[2] == '\r';
        if (!is_none && !is_all)
            world_fail(c->world, "a part of a database: %.*s", (int)reply.len, reply.ptr);
        return;
    }
    case DATABASES_MGET:
        for (unsigned k = 0; k < WORLD_KEYS; k++) {
            int64_t value = client_number(c, client_element(c, reply, k));
            if (k > 0 && value != first)
                world_fail(c->world, "a torn MGET of a database: %.*s", (int)reply.len, reply.ptr);
            first = value;
        }
        return;
    case DATABASES_RANDOM:
    case DATABASES_SET:
    case DATABASES_OTHER:
        if (reply.ptr[0] == '-')
            world_fail(c->world, "an error: %.*s", (int)reply.len, reply.ptr);
        return;
    }
}

const struct work work_databases = {
    .name = "databases",
    .client_bytes = sizeof(struct databases_client),
    .clients_min = 2,
    .clients_max = 5,
    .bears_relaxed = true,
    .may_leave = true,
    .greet = databases_greet,
    .request = databases_request,
    .check = databases_check,
};
