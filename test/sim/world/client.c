/* client.c: clients of the simulated world: they send and read when the scheduler lets them. */
#include "core/base/mem.h"
#include "core/resp/resp_read.h"
#include "test/sim/world/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { CLIENT_LEAVE_STEPS = 60 };

void client_put(struct client *c, int argc, const char *const *argv) {
    buf_printf(&c->to_send, "*%d\r\n", argc);
    for (int i = 0; i < argc; i++)
        buf_printf(&c->to_send, "$%zu\r\n%s\r\n", strlen(argv[i]), argv[i]);
    c->due++;
}

void client_say(struct client *c, const char *format, ...) {
    char text[1024];
    const char *argv[64];
    int argc = 0;
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    must(len >= 0 && (size_t)len < sizeof text);
    char *rest = NULL;
    for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        must(argc < (int)COUNT_OF(argv));
        argv[argc++] = word;
    }
    client_put(c, argc, argv);
}

struct bytes client_reply(const struct client *c, unsigned n) {
    must(n < c->got);
    size_t from = n ? c->ends[n - 1] : 0;
    return bytes_of(c->received.ptr + from, c->ends[n] - from);
}

struct bytes client_replies(const struct client *c) {
    return bytes_of(c->received.ptr, c->parsed < 300 ? c->parsed : 300);
}

unsigned client_pick(struct client *c, unsigned bound) {
    return (unsigned)rng_below(&c->world->rng, bound);
}

int64_t client_number(struct client *c, struct bytes reply) {
    bool is_bulk = reply.len > 1 && reply.ptr[0] == '$';
    if (is_bulk && reply.ptr[1] == '-')
        return CLIENT_NULL;
    if (!is_bulk && (reply.len < 2 || reply.ptr[0] != ':')) {
        world_fail(c->world, "%s: no number: %.*s", c->work->name, (int)reply.len, reply.ptr);
        return CLIENT_NULL;
    }
    const char *digits = is_bulk ? (const char *)memchr(reply.ptr, '\n', reply.len) + 1 : reply.ptr + 1;
    return strtoll(digits, NULL, 10);
}

struct bytes client_element(struct client *c, struct bytes reply, unsigned n) {
    const char *end = reply.len ? memchr(reply.ptr, '\n', reply.len) : NULL;
    if (!end || reply.ptr[0] != '*' || strtol(reply.ptr + 1, NULL, 10) <= (long)n) {
        world_fail(c->world, "%s: no array with %u elements: %.*s", c->work->name, n + 1, (int)reply.len,
                   reply.ptr);
        return BYTES_LIT("$-1\r\n");
    }
    struct bytes rest = bytes_of(end + 1, reply.len - (size_t)(end + 1 - reply.ptr));
    for (;; n--) {
        size_t len = resp_reply_skip(rest);
        must(len != 0 && len != RESP_REPLY_BROKEN);
        if (n == 0)
            return bytes_of(rest.ptr, len);
        rest = bytes_of(rest.ptr + len, rest.len - len);
    }
}

static void client_end_operation(struct client *c) {
    if (!c->steps_to_listen)
        buf_clear(&c->received, 0);
    c->due = c->got = 0;
    c->parsed = 0;
    c->is_greeting = c->is_refused = false;
}

static void client_forget(struct client *c) {
    c->steps_to_leave = c->steps_to_listen = 0;
    buf_clear(&c->to_send, 0);
    client_end_operation(c);
}

/* Was a command of the operation refused, as far as it was answered? */
static bool client_is_refused(struct client *c) {
    for (unsigned n = 0; n < c->got && !c->is_refused; n++) {
        struct bytes reply = client_reply(c, n);
        c->is_refused = reply.len > 8 && memcmp(reply.ptr, "-MISCONF", 8) == 0;
    }
    return c->is_refused;
}

void client_drop(struct client *c) {
    if (c->fd < 0)
        return;
    if (client_pick(c, 2))
        io_sim_close_fd(c->world->sim, c->fd);
    else
        io_sim_reset(c->world->sim, c->fd);
    c->fd = -1;
    client_is_refused(c);
    if (c->due && !c->is_greeting && c->work->lost)
        c->work->lost(c);
    client_forget(c);
}

static void client_connect(struct client *c) {
    c->fd = io_sim_connect(c->world->sim, NODE_PORT);
    if (c->fd < 0 || !c->work->greet)
        return;
    c->is_greeting = true;
    c->work->greet(c);
}

static void client_send(struct client *c) {
    if (!c->to_send.len)
        return;
    ssize_t n = io_sim_write(c->world->sim, c->fd, buf_bytes(&c->to_send));
    if (n > 0)
        buf_consume(&c->to_send, (size_t)n);
}

/* Finds the ends of replies in what has come. */
static void client_parse(struct client *c) {
    while (c->got < c->due) {
        size_t len = resp_reply_skip(bytes_of(c->received.ptr + c->parsed, c->received.len - c->parsed));
        if (len == RESP_REPLY_BROKEN) {
            world_fail(c->world, "%s: not a reply: %.*s", c->work->name, 80, c->received.ptr + c->parsed);
            return;
        }
        if (len == 0)
            return;
        if (c->got == c->ends_cap) {
            c->ends_cap = c->ends_cap ? c->ends_cap * 2 : 16;
            c->ends = mem_realloc(c->ends, c->ends_cap * sizeof *c->ends);
        }
        c->parsed += len;
        c->ends[c->got++] = c->parsed;
    }
}

/* Reads a part of what has arrived. False: the connection has ended. */
static bool client_read(struct client *c) {
    char bytes[16384];
    size_t room = c->is_slow ? 1 + client_pick(c, 64) : sizeof bytes;
    ssize_t n = io_sim_read(c->world->sim, c->fd, bytes, room);
    if (n == 0 || n == IO_SIM_RESET)
        return false;
    if (n < 0)
        return true;
    buf_put(&c->received, bytes, (size_t)n);
    client_parse(c);
    return true;
}

/* MONITOR: what comes is thrown away, if it is whole status lines. */
static void client_listen(struct client *c) {
    bool is_open = client_read(c);
    size_t len;
    while (is_open && (len = resp_reply_skip(buf_bytes(&c->received))) != 0) {
        if (len == RESP_REPLY_BROKEN || c->received.ptr[0] != '+') {
            world_fail(c->world, "not a line of MONITOR: %.*s", 80, c->received.ptr);
            return;
        }
        buf_consume(&c->received, len);
    }
    if (--c->steps_to_listen == 0 || !is_open)
        client_drop(c);
}

void client_step(struct client *c) {
    if (c->fd < 0) {
        if (c->ops_left)
            client_connect(c);
        return;
    }
    if (c->steps_to_listen) {
        client_listen(c);
        return;
    }
    if (c->due == 0 && c->ops_left) {
        c->ops_left--;
        c->begun = c->world->step;
        const struct world *w = c->world;
        if (w->leave_one_in && c->work->may_leave && client_pick(c, w->leave_one_in) == 0)
            c->steps_to_leave = 1 + client_pick(c, CLIENT_LEAVE_STEPS);
        c->work->request(c);
    }
    client_send(c);
    if (!client_read(c)) {
        if (c->world->node.is_up && !c->work->may_leave)
            world_fail(c->world, "%s: the server has closed a connection", c->work->name);
        client_drop(c);
        return;
    }
    if (c->due == 0 && c->received.len)
        world_fail(c->world, "%s: a reply to nothing: %.*s", c->work->name, 80, c->received.ptr);
    if (c->due && c->got == c->due) {
        if (c->is_greeting)
            c->is_greeting = false;
        else if (!client_is_refused(c))
            c->work->check(c);
        else if (c->work->lost)
            c->work->lost(c);
        if (c->steps_to_listen)
            buf_consume(&c->received, c->parsed); /* the rest came unasked */
        else if (c->received.len != c->parsed)
            world_fail(c->world, "%s: a reply too many: %.*s", c->work->name, 80,
                       c->received.ptr + c->parsed);
        client_end_operation(c);
    }
    if (c->steps_to_leave && --c->steps_to_leave == 0)
        client_drop(c);
}

void client_free(struct client *c) {
    if (c->work->free_client)
        c->work->free_client(c);
    buf_deinit(&c->to_send);
    buf_deinit(&c->received);
    mem_free(c->ends);
    mem_free(c->own);
}
