/* work_registers.c: MSET writes one unique number to keys of several shards, MGET reads them. What is read is the same
 * everywhere, and never a number that was certainly overwritten before the read began. */
#include "test/sim/world/world.h"

#include "core/base/mem.h"

/* Steps between which a number was written; `ended` is the first moment at which it is known to have been. */
struct registers_write {
    uint64_t begun, ended; /* ended 0: not known */
};

struct registers {
    struct registers_write *writes; /* [0]: never written */
    unsigned count, cap;
};

struct registers_client {
    unsigned value; /* 0: it reads */
    int single;     /* which key a GET reads; -1: MGET */
};

static void registers_begin(struct world *w, void *shared) {
    (void)w;
    struct registers *r = shared;
    r->count = 1;
    r->cap = 8192;
    r->writes = mem_zalloc(r->cap * sizeof *r->writes);
}

static void registers_write(struct client *c) {
    struct registers *r = c->shared;
    struct registers_client *own = c->own;
    char key[WORLD_KEY_MAX];
    char text[512] = "MSET";
    must(r->count < r->cap);
    own->value = r->count++;
    r->writes[own->value].begun = c->begun;
    size_t at = strlen(text);
    for (unsigned k = 0; k < WORLD_KEYS; k++) {
        world_key(c->world, "r", k, key);
        at += (size_t)snprintf(text + at, sizeof text - at, " %s %u", key, own->value);
    }
    client_say(c, "%s", text);
}

static void registers_request(struct client *c) {
    struct registers_client *own = c->own;
    char keys[WORLD_KEYS][WORLD_KEY_MAX];
    if (c->role % 2 == 0) {
        registers_write(c);
        return;
    }
    for (unsigned k = 0; k < WORLD_KEYS; k++)
        world_key(c->world, "r", k, keys[k]);
    own->single = client_pick(c, 4) == 0 ? (int)client_pick(c, WORLD_KEYS) : -1;
    if (own->single >= 0)
        client_say(c, "GET %s", keys[own->single]);
    else
        client_say(c, "MGET %s %s %s %s", keys[0], keys[1], keys[2], keys[3]);
}

/* True if some write began after `value` was there and was there before the step `read_begun`. */
static bool registers_is_overwritten(const struct registers *r, unsigned value, uint64_t read_begun) {
    uint64_t ended = r->writes[value].ended;
    if (value && !ended)
        return false;
    for (unsigned v = 1; v < r->count; v++) {
        const struct registers_write *other = &r->writes[v];
        if (v != value && other->ended && other->begun > ended && other->ended < read_begun)
            return true;
    }
    return false;
}

static void registers_check_read(struct client *c) {
    struct registers *r = c->shared;
    const struct registers_client *own = c->own;
    bool is_single = own->single >= 0;
    int64_t first = 0;
    for (unsigned k = 0; k < (is_single ? 1 : WORLD_KEYS); k++) {
        struct bytes one = is_single ? client_reply(c, 0) : client_element(c, client_reply(c, 0), k);
        int64_t value = client_number(c, one);
        if (value == CLIENT_NULL)
            value = 0;
        if (k > 0 && value != first)
            world_fail(c->world, "a torn MGET: %.*s", (int)client_replies(c).len, client_replies(c).ptr);
        first = value;
    }
    if (first < 0 || first >= r->count) {
        world_fail(c->world, "a number that nobody wrote: %lld", (long long)first);
        return;
    }
    if (registers_is_overwritten(r, (unsigned)first, c->begun))
        world_fail(c->world, "a stale read: %lld", (long long)first);
    if (first && !r->writes[first].ended)
        r->writes[first].ended = c->world->step; /* it was seen, so it is there */
}

static void registers_check(struct client *c) {
    struct registers *r = c->shared;
    const struct registers_client *own = c->own;
    if (c->role % 2 != 0)
        registers_check_read(c);
    else if (!r->writes[own->value].ended)
        r->writes[own->value].ended = c->world->step;
}

static void registers_free(void *shared) {
    struct registers *r = shared;
    mem_free(r->writes);
}

/* The numbers that may have been lost are as if they had never ended. */
static void registers_crashed(struct world *w, void *shared) {
    struct registers *r = shared;
    unsigned first = 0;
    for (unsigned k = 0; k < WORLD_KEYS; k++) {
        char key[WORLD_KEY_MAX];
        world_key(w, "r", k, key);
        unsigned value = (unsigned)world_number(w, key, 0);
        if (k > 0 && value != first)
            world_fail(w, "a torn MSET after the start: %u %u", first, value);
        first = value;
    }
    if (first >= r->count) {
        world_fail(w, "a number that nobody wrote after the start: %u", first);
        return;
    }
    if (!world_may_lose(w) && registers_is_overwritten(r, first, w->step))
        world_fail(w, "what was written, and answered, is lost: %u is there", first);
    for (unsigned v = 1; v < r->count; v++)
        r->writes[v].ended = 0;
    if (first)
        r->writes[first].ended = w->step;
}

const struct work work_registers = {
    .name = "registers",
    .shared_bytes = sizeof(struct registers),
    .client_bytes = sizeof(struct registers_client),
    .clients_min = 2,
    .clients_max = 5,
    .bears_relaxed = true,
    .may_leave = true,
    .begin = registers_begin,
    .request = registers_request,
    .check = registers_check,
    .crashed = registers_crashed,
    .free_shared = registers_free,
};
