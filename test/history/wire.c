/* wire.c: the blocking RESP2 client.
 *
 * Requests are inline-like texts turned into multibulk form, because a test that spells out lengths by hand gets them
 * wrong. Replies are not built into trees: the caller knows what it asked for, so it reads head after head. */
#include "test/history/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { WIRE_WORDS_MAX = 64, WIRE_LINE_MAX = 4096 };

void wire_fail(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fputs("history: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(3);
}

int64_t wire_now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void wire_open(struct wire *wire, int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *wire = (struct wire){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (wire->fd < 0 || connect(wire->fd, (struct sockaddr *)&address, sizeof address) != 0)
        wire_fail("cannot connect to port %d: %s", port, strerror(errno));
    int one = 1;
    setsockopt(wire->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct timeval limit = {.tv_sec = 20};
    setsockopt(wire->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    wire->out_cap = wire->in_cap = 1 << 16;
    wire->out = malloc(wire->out_cap);
    wire->in = malloc(wire->in_cap);
    if (!wire->out || !wire->in)
        wire_fail("no memory");
}

void wire_close(struct wire *wire) {
    close(wire->fd);
    free(wire->out);
    free(wire->in);
}

static void wire_append(struct wire *wire, const char *text, size_t size) {
    while (wire->out_size + size > wire->out_cap) {
        wire->out_cap *= 2;
        wire->out = realloc(wire->out, wire->out_cap);
        if (!wire->out)
            wire_fail("no memory");
    }
    memcpy(wire->out + wire->out_size, text, size);
    wire->out_size += size;
}

void wire_add(struct wire *wire, const char *format, ...) {
    char line[WIRE_LINE_MAX];
    const char *words[WIRE_WORDS_MAX];
    size_t sizes[WIRE_WORDS_MAX];
    int count = 0;
    va_list args;
    va_start(args, format);
    int size = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (size < 0 || (size_t)size >= sizeof line)
        wire_fail("a command is too long");
    for (char *at = line; *at;) {
        size_t length = strcspn(at, " ");
        if (count == WIRE_WORDS_MAX)
            wire_fail("a command has too many words");
        words[count] = at;
        sizes[count++] = length;
        at += length;
        at += *at == ' ';
    }
    char head[32];
    wire_append(wire, head, (size_t)snprintf(head, sizeof head, "*%d\r\n", count));
    for (int i = 0; i < count; i++) {
        wire_append(wire, head, (size_t)snprintf(head, sizeof head, "$%zu\r\n", sizes[i]));
        wire_append(wire, words[i], sizes[i]);
        wire_append(wire, "\r\n", 2);
    }
}

void wire_send(struct wire *wire) {
    for (size_t sent = 0; sent < wire->out_size;) {
        ssize_t n = send(wire->fd, wire->out + sent, wire->out_size - sent, MSG_NOSIGNAL);
        if (n <= 0 && errno != EINTR)
            wire_fail("cannot send: %s", strerror(errno));
        sent += n > 0 ? (size_t)n : 0;
    }
    wire->out_size = 0;
}

static void wire_fill(struct wire *wire) {
    if (wire->in_begin > 0) {
        memmove(wire->in, wire->in + wire->in_begin, wire->in_end - wire->in_begin);
        wire->in_end -= wire->in_begin;
        wire->in_begin = 0;
    }
    if (wire->in_end == wire->in_cap) {
        wire->in_cap *= 2;
        wire->in = realloc(wire->in, wire->in_cap);
        if (!wire->in)
            wire_fail("no memory");
    }
    ssize_t n = recv(wire->fd, wire->in + wire->in_end, wire->in_cap - wire->in_end, 0);
    if (n == 0)
        wire_fail("the server has closed the connection");
    if (n < 0 && errno != EINTR)
        wire_fail("no reply came: %s", strerror(errno));
    wire->in_end += n > 0 ? (size_t)n : 0;
}

/* Waits until `size` bytes are there; returns where they begin. */
static char *wire_need(struct wire *wire, size_t size) {
    while (wire->in_end - wire->in_begin < size)
        wire_fill(wire);
    return wire->in + wire->in_begin;
}

static size_t wire_line(struct wire *wire) {
    for (size_t seen = 0;;) {
        char *from = wire->in + wire->in_begin;
        size_t here = wire->in_end - wire->in_begin;
        char *end = here > seen ? memchr(from + seen, '\n', here - seen) : NULL;
        if (end)
            return (size_t)(end - from) + 1;
        seen = here;
        wire_fill(wire);
    }
}

struct reply wire_read(struct wire *wire) {
    size_t line = wire_line(wire);
    char *at = wire->in + wire->in_begin;
    struct reply reply = {.text = at + 1, .size = line - 3};
    char kind = at[0];
    if (kind != '+' && kind != '-')
        reply.integer = strtoll(at + 1, NULL, 10);
    if (kind == '$' && reply.integer >= 0) {
        size_t size = (size_t)reply.integer;
        at = wire_need(wire, line + size + 2);
        reply.text = at + line;
        reply.size = size;
        line += size + 2;
    }
    wire->in_begin += line;
    switch (kind) {
    case '+': reply.kind = REPLY_STATUS; return reply;
    case '-': reply.kind = REPLY_ERROR; return reply;
    case ':': reply.kind = REPLY_INTEGER; return reply;
    case '$': reply.kind = reply.integer < 0 ? REPLY_NULL : REPLY_BULK; return reply;
    case '*': reply.kind = reply.integer < 0 ? REPLY_NULL : REPLY_ARRAY; return reply;
    default: break;
    }
    wire_fail("a reply cannot begin with '%c'", kind);
}

struct reply wire_call(struct wire *wire, const char *command) {
    wire_add(wire, "%s", command);
    wire_send(wire);
    return wire_read(wire);
}
