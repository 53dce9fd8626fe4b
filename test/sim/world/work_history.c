/* work_history.c: what a crash of the server may take. Each client writes the number of its operation to a key of its own,
 * sometimes with another key of its own in one MSET, and reads those of others. After a start the numbers that are there tell
 * exactly which operations have survived.
 *
 *   always     every operation that was answered, or whose number somebody has read
 *   everysec   a prefix of the serial order: if an operation survives, so does every one that had ended when it began; and
 *              all that had ended some seconds before the crash */
#include "test/sim/world/world.h"

enum { HISTORY_OPS = 600 };

/* Twice as long as promised and more: here a thread may be put aside for half a second, again and again. */
static const int64_t HISTORY_LOSS_NS = 6000000000;

struct history_op {
    uint64_t begun, ended; /* steps; ended 0: not known to have happened */
    int64_t ended_ns;
    bool is_pair; /* it wrote the second key, too */
};

struct history_client {
    unsigned count; /* operations begun: numbers 1 ... count */
    bool is_read;
    struct history_op ops[HISTORY_OPS];
};

static void history_key(const struct client *c, char which, char name[WORLD_KEY_MAX]) {
    snprintf(name, WORLD_KEY_MAX, "%c{%c%u}", which, which, c->number * 7);
}

static void history_request(struct client *c) {
    struct history_client *own = c->own;
    char key[WORLD_KEY_MAX], second[WORLD_KEY_MAX];
    own->is_read = client_pick(c, 3) == 0 || own->count + 1 == HISTORY_OPS;
    if (own->is_read) {
        char text[512] = "MGET";
        size_t at = strlen(text);
        for (unsigned i = 0; i < c->world->client_count; i++)
            if (c->world->clients[i].work == c->work) {
                history_key(&c->world->clients[i], 'h', key);
                at += (size_t)snprintf(text + at, sizeof text - at, " %s", key);
            }
        client_say(c, "%s", text);
        return;
    }
    struct history_op *op = &own->ops[++own->count];
    *op = (struct history_op){.begun = c->begun, .is_pair = client_pick(c, 2)};
    history_key(c, 'h', key);
    history_key(c, 'g', second);
    if (op->is_pair)
        client_say(c, "MSET %s %u %s %u", second, own->count, key, own->count);
    else
        client_say(c, "SET %s %u", key, own->count);
}

/* Operation `number` of this client is known to have happened. */
static void history_note(struct client *c, unsigned number) {
    struct history_client *own = c->own;
    if (number == 0 || own->ops[number].ended)
        return;
    own->ops[number].ended = c->world->step;
    own->ops[number].ended_ns = io_sim_now_ns(c->world->sim);
}

static void history_check(struct client *c) {
    const struct history_client *own = c->own;
    if (!own->is_read) {
        history_note(c, own->count);
        return;
    }
    unsigned n = 0;
    for (unsigned i = 0; i < c->world->client_count; i++) {
        struct client *other = &c->world->clients[i];
        if (other->work != c->work)
            continue;
        int64_t number = client_number(c, client_element(c, client_reply(c, 0), n++));
        if (number != CLIENT_NULL && number <= ((struct history_client *)other->own)->count)
            history_note(other, (unsigned)number);
        else if (number != CLIENT_NULL)
            world_fail(c->world, "a number that was never written: %lld", (long long)number);
    }
}

static void history_lost(struct client *c) {
    struct history_client *own = c->own;
    if (c->is_refused && !own->is_read)
        own->ops[own->count].is_pair = false; /* it did not happen */
}

static unsigned history_value(const struct client *c, char which) {
    char key[WORLD_KEY_MAX];
    history_key(c, which, key);
    return (unsigned)world_number(c->world, key, 0);
}

/* Of one client: has everything survived that must have, `begun` being the last survivor among all? */
static void history_judge(const struct client *c, unsigned survived, uint64_t begun, int64_t died_ns) {
    const struct history_client *own = c->own;
    struct world *w = c->world;
    unsigned pair = survived; /* the last that wrote both keys */
    while (pair && !own->ops[pair].is_pair)
        pair--;
    if (history_value(c, 'g') != pair)
        world_fail(w, "client %u: operation %u has survived, the second key has %u instead of %u", c->number,
                   survived, history_value(c, 'g'), pair);
    for (unsigned n = survived + 1; n <= own->count; n++) {
        const struct history_op *op = &own->ops[n];
        if (!op->ended)
            continue;
        if (!world_may_lose(w))
            world_fail(w, "client %u: only %u operations of %u have survived, which were answered or seen",
                       c->number, survived, n);
        if (op->ended < begun)
            world_fail(w, "client %u: operation %u was lost, but a later one of another client was not",
                       c->number, n);
        if (!w->is_disk_broken && op->ended_ns < died_ns - HISTORY_LOSS_NS)
            world_fail(w, "client %u: operation %u was lost after %lld ms", c->number, n,
                       (long long)(died_ns - op->ended_ns) / 1000000);
    }
}

static void history_crashed(struct world *w, void *shared) {
    unsigned survived[WORLD_CLIENTS_MAX] = {0};
    uint64_t begun = 0;
    for (unsigned i = 0; i < w->client_count; i++) {
        const struct client *c = &w->clients[i];
        if (c->shared != shared)
            continue;
        const struct history_client *own = c->own;
        survived[i] = history_value(c, 'h');
        if (survived[i] > own->count) {
            world_fail(w, "client %u: operation %u has survived, %u were begun", c->number, survived[i],
                       own->count);
            return;
        }
        if (survived[i] && own->ops[survived[i]].begun > begun)
            begun = own->ops[survived[i]].begun;
    }
    for (unsigned i = 0; i < w->client_count; i++) {
        struct client *c = &w->clients[i];
        if (c->shared != shared)
            continue;
        struct history_client *own = c->own;
        history_judge(c, survived[i], begun, w->died_ns);
        history_note(c, survived[i]);
        own->count = survived[i]; /* what was lost never happened */
    }
}

const struct work work_history = {
    .name = "history",
    .shared_bytes = 1,
    .client_bytes = sizeof(struct history_client),
    .clients_min = 3,
    .clients_max = 6,
    .bears_relaxed = true,
    .request = history_request,
    .check = history_check,
    .lost = history_lost,
    .crashed = history_crashed,
};
