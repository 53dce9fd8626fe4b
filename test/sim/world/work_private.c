/* work_private.c: each client has keys of its own on all shards, so every reply is known beforehand: random commands of all
 * scopes in pipelines of up to some thousands, whose replies must be, byte for byte and in order, what a naive model says.
 *
 * With a log the model keeps its states, one after each command. After a crash the data must be one of them: the last one
 * answered or a later one under always, where each key is judged by itself because what was not answered may survive on
 * one shard and not on another; any of them under everysec. */
#include "test/sim/world/world.h"

#include "core/base/mem.h"

#include <stdio.h>

enum {
    PRIVATE_KEYS = 8,
    PRIVATE_DBS = 3,
    PRIVATE_VALUE_MAX = 48,
    PRIVATE_HUGE = 1500,
    PRIVATE_STATES_MAX = 2000
};

/* A key's value; a number of bytes, -1 for none. */
struct private_value {
    int len;
    char bytes[PRIVATE_VALUE_MAX];
};

struct private_state {
    struct private_value values[PRIVATE_DBS][PRIVATE_KEYS];
};

struct private_client {
    struct private_state now;
    struct private_state *states; /* of this life, NULL if they are not kept */
    unsigned state_count;
    unsigned answered; /* the state after the last command that was answered */
    bool must_renew;   /* what became of the last operation is not known */
    unsigned life;     /* connections so far: the keys' names change with them */
    unsigned db;
    struct buf expected;
};

static struct private_client *private_of(struct client *c) {
    return c->own;
}

static struct private_value *private_value(struct client *c, unsigned key) {
    return &private_of(c)->now.values[private_of(c)->db][key];
}

/* Named by client, life and number: in tags, so that they spread over the shards. */
static const char *private_key(struct client *c, unsigned key, char name[WORLD_KEY_MAX]) {
    snprintf(name, WORLD_KEY_MAX, "p{%u:%u}:%u", key, c->number, private_of(c)->life);
    return name;
}

static void private_expect(struct client *c, const char *text) {
    buf_put(&private_of(c)->expected, text, strlen(text));
}

static void private_expect_int(struct client *c, long long number) {
    buf_printf(&private_of(c)->expected, ":%lld\r\n", number);
}

static void private_expect_value(struct client *c, const struct private_value *v) {
    if (v->len < 0)
        private_expect(c, "$-1\r\n");
    else
        buf_printf(&private_of(c)->expected, "$%d\r\n%.*s\r\n", v->len, v->len, v->bytes);
}

static void private_set(struct private_value *v, const char *text) {
    v->len = (int)strlen(text);
    must(v->len < PRIVATE_VALUE_MAX);
    memcpy(v->bytes, text, (size_t)v->len);
}

static void private_keep_state(struct client *c) {
    struct private_client *own = c->own;
    if (!own->states)
        return;
    if (own->state_count < PRIVATE_STATES_MAX) {
        own->states[own->state_count++] = own->now;
        return;
    }
    mem_free(own->states); /* this life was too long */
    own->states = NULL;
}

/* Other names, and nothing there. */
static void private_renew(struct client *c) {
    struct private_client *own = c->own;
    own->life++;
    own->db = 0;
    own->must_renew = false;
    for (unsigned db = 0; db < PRIVATE_DBS; db++)
        for (unsigned k = 0; k < PRIVATE_KEYS; k++)
            own->now.values[db][k] = (struct private_value){.len = -1};
    if (c->world->options.has_log && !own->states)
        own->states = mem_alloc(PRIVATE_STATES_MAX * sizeof *own->states);
    own->state_count = own->answered = 0;
    private_keep_state(c);
}

static void private_greet(struct client *c) {
    private_renew(c);
    client_say(c, "CLIENT SETNAME private%u", c->number);
}

/* One key, one command. */
static void private_single(struct client *c) {
    char key[WORLD_KEY_MAX], text[24];
    unsigned k = client_pick(c, PRIVATE_KEYS);
    struct private_value *v = private_value(c, k);
    private_key(c, k, key);
    snprintf(text, sizeof text, "v%u", client_pick(c, 100000));
    switch (client_pick(c, 7)) {
    case 0:
        client_say(c, "GETSET %s %s", key, text);
        private_expect_value(c, v);
        private_set(v, text);
        return;
    case 1:
        client_say(c, "STRLEN %s", key);
        private_expect_int(c, v->len < 0 ? 0 : v->len);
        return;
    case 2:
        client_say(c, "SETNX %s %s", key, text);
        private_expect_int(c, v->len < 0);
        if (v->len < 0)
            private_set(v, text);
        return;
    case 3:
        if (v->len > PRIVATE_VALUE_MAX - 8)
            return;
        client_say(c, "APPEND %s +a", key);
        v->len = v->len < 0 ? 0 : v->len;
        memcpy(v->bytes + v->len, "+a", 2);
        v->len += 2;
        private_expect_int(c, v->len);
        return;
    case 4:
        client_say(c, "GETDEL %s", key);
        private_expect_value(c, v);
        v->len = -1;
        return;
    case 5:
        client_say(c, "TYPE %s", key);
        private_expect(c, v->len < 0 ? "+none\r\n" : "+string\r\n");
        return;
    default:
        client_say(c, "SET %s %s", key, text);
        private_expect(c, "+OK\r\n");
        private_set(v, text);
    }
}

static void private_read(struct client *c) {
    char key[WORLD_KEY_MAX];
    unsigned k = client_pick(c, PRIVATE_KEYS);
    client_say(c, "GET %s", private_key(c, k, key));
    private_expect_value(c, private_value(c, k));
}

/* A few keys, perhaps the same one twice, in one command that is split. */
static void private_split(struct client *c) {
    char key[WORLD_KEY_MAX], text[512];
    unsigned count = 1 + client_pick(c, 4), keys[4];
    static const char *const names[] = {"MGET", "DEL", "EXISTS", "TOUCH", "UNLINK", "MSET", "MSETNX"};
    unsigned way = client_pick(c, COUNT_OF(names));
    bool is_pairs = way >= 5;
    size_t at = (size_t)snprintf(text, sizeof text, "%s", names[way]);
    long long there = 0;
    if (way == 0)
        buf_printf(&private_of(c)->expected, "*%u\r\n", count);
    for (unsigned i = 0; i < count; i++) {
        keys[i] = client_pick(c, PRIVATE_KEYS);
        struct private_value *v = private_value(c, keys[i]);
        at += (size_t)snprintf(text + at, sizeof text - at, is_pairs ? " %s m%u" : " %s",
                               private_key(c, keys[i], key), i);
        there += v->len >= 0;
        if (way == 0)
            private_expect_value(c, v);
        if (way == 1 || way == 4)
            v->len = -1;
    }
    client_say(c, "%s", text);
    for (unsigned i = 0; is_pairs && i < count && (way == 5 || there == 0); i++)
        private_set(private_value(c, keys[i]), (char[]){'m', (char)('0' + i), '\0'});
    if (way == 5)
        private_expect(c, "+OK\r\n");
    else if (way == 6)
        private_expect_int(c, there == 0);
    else if (way != 0)
        private_expect_int(c, there);
}

/* Two keys, the result of one deciding about the other. */
static void private_move(struct client *c) {
    char a[WORLD_KEY_MAX], b[WORLD_KEY_MAX];
    unsigned ka = client_pick(c, PRIVATE_KEYS), kb = client_pick(c, PRIVATE_KEYS);
    struct private_value *va = private_value(c, ka), *vb = private_value(c, kb);
    static const char *const names[] = {"RENAME", "RENAMENX", "COPY"};
    unsigned way = client_pick(c, 3);
    private_key(c, ka, a);
    private_key(c, kb, b);
    client_say(c, "%s %s %s", names[way], a, b);
    if (way == 2 && ka == kb) {
        private_expect(c, "-ERR source and destination objects are the same\r\n");
        return;
    }
    if (va->len < 0) {
        private_expect(c, way == 2 ? ":0\r\n" : "-ERR no such key\r\n");
        return;
    }
    bool is_done = way == 0 || vb->len < 0;
    private_expect(c, way == 0 ? "+OK\r\n" : is_done ? ":1\r\n" : ":0\r\n");
    if (!is_done || ka == kb)
        return;
    *vb = *va;
    if (way != 2)
        va->len = -1;
}

/* Commands about the connection, and wrong ones. */
static void private_about(struct client *c) {
    char text[32];
    switch (client_pick(c, 6)) {
    case 0:
        private_of(c)->db = client_pick(c, PRIVATE_DBS);
        client_say(c, "SELECT %u", private_of(c)->db);
        private_expect(c, "+OK\r\n");
        return;
    case 1:
        snprintf(text, sizeof text, "e%u", client_pick(c, 1000));
        client_say(c, "ECHO %s", text);
        buf_printf(&private_of(c)->expected, "$%zu\r\n%s\r\n", strlen(text), text);
        return;
    case 2:
        client_say(c, "GET");
        private_expect(c, "-ERR wrong number of arguments for 'get' command\r\n");
        return;
    case 3:
        client_say(c, "CLIENT GETNAME");
        snprintf(text, sizeof text, "private%u", c->number);
        buf_printf(&private_of(c)->expected, "$%zu\r\n%s\r\n", strlen(text), text);
        return;
    case 4:
        client_say(c, "CONFIG GET maxmemory");
        private_expect(c, "*2\r\n$9\r\nmaxmemory\r\n$1\r\n0\r\n");
        return;
    default: client_say(c, "PING"); private_expect(c, "+PONG\r\n");
    }
}

static void private_request(struct client *c) {
    unsigned sort = client_pick(c, 40);
    unsigned count = sort == 0 && !c->world->has_small_window ? PRIVATE_HUGE
                     : sort < 8                               ? 1 + client_pick(c, 60)
                                                              : 1 + client_pick(c, 4);
    struct private_client *own = c->own;
    buf_clear(&own->expected, 0);
    if (own->must_renew) {
        private_renew(c);
        client_say(c, "SELECT 0");
        private_expect(c, "+OK\r\n");
        private_keep_state(c);
    }
    for (unsigned i = 0; i < count || c->due == 0; i++) {
        unsigned due = c->due;
        switch (client_pick(c, 8)) {
        case 0:
        case 1: private_read(c); break;
        case 2: private_split(c); break;
        case 3: private_move(c); break;
        case 4: private_about(c); break;
        default: private_single(c); break;
        }
        if (c->due != due)
            private_keep_state(c);
    }
}

static void private_check(struct client *c) {
    struct bytes expected = buf_bytes(&private_of(c)->expected);
    struct bytes got = bytes_of(c->received.ptr, c->parsed);
    if (bytes_equal(expected, got)) {
        private_of(c)->answered += c->got;
        return;
    }
    size_t at = 0;
    while (at < expected.len && at < got.len && expected.ptr[at] == got.ptr[at])
        at++;
    size_t from = at > 40 ? at - 40 : 0;
    world_fail(c->world, "client %u: at byte %zu of its replies expected \"%.*s\", got \"%.*s\"", c->number,
               at, (int)(expected.len - from < 80 ? expected.len - from : 80), expected.ptr + from,
               (int)(got.len - from < 80 ? got.len - from : 80), got.ptr + from);
}

static void private_lost(struct client *c) {
    struct private_client *own = c->own;
    own->answered += c->got;
    own->must_renew = true;
    if (!c->is_refused)
        return;
    mem_free(own->states); /* some commands were carried out, others not */
    own->states = NULL;
}

/* What the node has of this client's keys. */
static void private_find(struct client *c, struct private_state *found) {
    struct buf text = {0};
    char key[WORLD_KEY_MAX];
    for (unsigned db = 0; db < PRIVATE_DBS; db++)
        for (unsigned k = 0; k < PRIVATE_KEYS; k++) {
            buf_clear(&text, SIZE_MAX);
            struct private_value *v = &found->values[db][k];
            *v = (struct private_value){.len = -1};
            if (!world_value(c->world, (int)db, private_key(c, k, key), &text))
                continue;
            must(text.len < PRIVATE_VALUE_MAX);
            v->len = (int)text.len;
            memcpy(v->bytes, text.ptr, text.len);
        }
    buf_deinit(&text);
}

static bool private_is_same(const struct private_value *a, const struct private_value *b) {
    return a->len == b->len && (a->len < 0 || memcmp(a->bytes, b->bytes, (size_t)a->len) == 0);
}

static bool private_was(const struct private_client *own, const struct private_state *found, unsigned state) {
    for (unsigned db = 0; db < PRIVATE_DBS; db++)
        for (unsigned k = 0; k < PRIVATE_KEYS; k++)
            if (!private_is_same(&found->values[db][k], &own->states[state].values[db][k]))
                return false;
    return true;
}

static bool private_key_was(const struct private_client *own, const struct private_state *found, unsigned db,
                            unsigned k) {
    for (unsigned state = own->answered; state < own->state_count; state++)
        if (private_is_same(&found->values[db][k], &own->states[state].values[db][k]))
            return true;
    return false;
}

static void private_judge(struct client *c) {
    struct private_client *own = c->own;
    struct private_state found;
    private_find(c, &found);
    if (world_may_lose(c->world)) {
        for (unsigned state = 0; state < own->state_count; state++)
            if (private_was(own, &found, state))
                return;
        world_fail(c->world, "client %u: no prefix of what it did gives the data after the start", c->number);
        return;
    }
    for (unsigned db = 0; db < PRIVATE_DBS; db++)
        for (unsigned k = 0; k < PRIVATE_KEYS; k++)
            if (!private_key_was(own, &found, db, k)) {
                const struct private_value *is = &found.values[db][k];
                const struct private_value *was = &own->states[own->answered].values[db][k];
                world_fail(c->world,
                           "client %u: key %u of database %u has \"%.*s\" after the start; when command %u "
                           "of %u was "
                           "answered it had \"%.*s\"",
                           c->number, k, db, is->len, is->bytes, own->answered, own->state_count - 1,
                           was->len, was->bytes);
                return;
            }
}

static void private_crashed(struct world *w, void *shared) {
    for (unsigned i = 0; i < w->client_count; i++) {
        struct client *c = &w->clients[i];
        struct private_client *own = c->own;
        if (c->shared != shared)
            continue;
        if (own->states && own->state_count)
            private_judge(c);
        own->state_count = 0; /* until it connects again */
    }
}

static void private_free(struct client *c) {
    mem_free(private_of(c)->states);
    buf_deinit(&private_of(c)->expected);
}

const struct work work_private = {
    .name = "private",
    .client_bytes = sizeof(struct private_client),
    .clients_min = 1,
    .clients_max = 3,
    .bears_relaxed = true,
    .may_leave = true,
    .greet = private_greet,
    .request = private_request,
    .check = private_check,
    .lost = private_lost,
    .crashed = private_crashed,
    .free_client = private_free,
};
