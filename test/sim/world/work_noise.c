/* work_noise.c: commands about the server and about connections, which ask or tell all shards: lists of clients, pauses,
 * kills, settings, MONITOR, sessions that end in the middle of a command. It promises nothing but well-formed replies; the
 * other works' promises must hold meanwhile. */
#include "test/sim/world/world.h"

enum { NOISE_LISTEN_STEPS = 300 };

struct noise {
    int64_t victim; /* the id of a connection of this work */
};

enum noise_way { NOISE_OTHER, NOISE_ID, NOISE_MONITOR, NOISE_HALF };

struct noise_client {
    enum noise_way way;
};

static void noise_say_setting(struct client *c) {
    static const char *const settings[] = {"hz 10",
                                           "hz 100",
                                           "visiting yes",
                                           "visiting no",
                                           "timeout 1000000",
                                           "maxclients 5000",
                                           "latency-monitor-threshold 1",
                                           "slowlog-log-slower-than 0"};
    client_say(c, "CONFIG SET %s", settings[client_pick(c, COUNT_OF(settings))]);
}

static void noise_request(struct client *c) {
    static const char *const commands[] = {
        "INFO",
        "CLIENT LIST",
        "CLIENT INFO",
        "SLOWLOG GET",
        "SLOWLOG RESET",
        "CONFIG GET *",
        "TIME",
        "LATENCY LATEST",
        "COMMAND COUNT",
        "CONFIG RESETSTAT",
        "MEMORY STATS",
        "CLIENT UNPAUSE",
        "CLIENT PAUSE 1",
        "CLIENT PAUSE 1 WRITE",
        "CLIENT NO-EVICT on",
        "HELLO 3",
        "RESET",
        "NOSUCHCOMMAND a b",
        "DBSIZE extra",
        "SELECT 99999",
        "SCAN 0 COUNT 3",
        "RANDOMKEY",
        "QUIT",
    };
    const struct noise *shared = c->shared;
    struct noise_client *own = c->own;
    unsigned choice = client_pick(c, COUNT_OF(commands) + 8);
    own->way = NOISE_OTHER;
    if (choice < COUNT_OF(commands)) {
        client_say(c, "%s", commands[choice]);
    } else if (choice == COUNT_OF(commands)) {
        own->way = NOISE_ID;
        client_say(c, "CLIENT ID");
    } else if (choice == COUNT_OF(commands) + 1) {
        own->way = NOISE_MONITOR;
        client_say(c, "MONITOR");
    } else if (choice == COUNT_OF(commands) + 2) {
        client_say(c, "CLIENT KILL ID %lld", (long long)shared->victim);
    } else if (choice == COUNT_OF(commands) + 3) {
        client_say(c, "PING");
        buf_printf(&c->to_send, "*3\r\n$3\r\nSET\r\n$5\r\nhalf"); /* and nothing more */
        own->way = NOISE_HALF;
    } else {
        noise_say_setting(c);
    }
}

static void noise_check(struct client *c) {
    struct noise *shared = c->shared;
    const struct noise_client *own = c->own;
    if (own->way == NOISE_ID)
        shared->victim = client_number(c, client_reply(c, 0));
    if (own->way == NOISE_HALF)
        c->steps_to_leave = 1;
    if (own->way == NOISE_MONITOR)
        c->steps_to_listen = 1 + client_pick(c, NOISE_LISTEN_STEPS);
}

static void noise_crashed(struct world *w, void *shared) {
    struct noise *noise = shared;
    (void)w;
    noise->victim = 0; /* numbers begin anew */
}

const struct work work_noise = {
    .name = "noise",
    .shared_bytes = sizeof(struct noise),
    .client_bytes = sizeof(struct noise_client),
    .clients_min = 1,
    .clients_max = 3,
    .bears_relaxed = true,
    .may_leave = true,
    .request = noise_request,
    .check = noise_check,
    .crashed = noise_crashed,
};
