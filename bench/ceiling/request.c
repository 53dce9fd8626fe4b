/* request.c: as much of the protocol as every server has to do, and nothing that a server need not do.
 *
 * Each length is read and checked, each argument skipped by its length and its line end verified, so that the work
 * per command is a fair floor. The reply is chosen by the command's name and is the same every time. A command cut
 * by the end of the input is parsed again from its start when more has come: the caller learns how many bytes it
 * must add at least, so that a large value is not parsed over and over. */
#include "bench/ceiling/request.h"

#include "core/base/attr.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARGC_MAX = 1 << 20, BULK_BYTES_MAX = 512 << 20 };

/* Reads "digits CR LF". Returns the bytes read, REQUEST_INCOMPLETE or REQUEST_BAD. */
static long number_line(const char *p, const char *end, long *value_out) {
    const char *start = p;
    long value = 0;
    for (; p < end && *p >= '0' && *p <= '9'; p++) {
        value = value * 10 + (*p - '0');
        if (value > BULK_BYTES_MAX)
            return REQUEST_BAD;
    }
    if (end - p < 2)
        return p < end && *p != '\r' ? REQUEST_BAD : REQUEST_INCOMPLETE;
    if (p == start || p[0] != '\r' || p[1] != '\n')
        return REQUEST_BAD;
    *value_out = value;
    return p + 2 - start;
}

static long parse_inline(const char *ptr, size_t len, struct request *out) {
    const char *newline = memchr(ptr, '\n', len);
    if (newline == NULL) {
        out->need = 1;
        return REQUEST_INCOMPLETE;
    }
    size_t name_len = 0;
    while (ptr + name_len < newline && ptr[name_len] != ' ' && ptr[name_len] != '\r')
        name_len++;
    *out = (struct request){.name = ptr, .name_len = name_len, .argc = 1};
    return newline + 1 - ptr;
}

long request_parse(const char *ptr, size_t len, struct request *out) {
    const char *p = ptr, *end = ptr + len;
    long argc, arg_len, n;
    out->need = 1;
    if (len == 0)
        return REQUEST_INCOMPLETE;
    if (UNLIKELY(*p != '*'))
        return parse_inline(ptr, len, out);
    if ((n = number_line(p + 1, end, &argc)) <= 0)
        return n;
    if (argc < 1 || argc > ARGC_MAX)
        return REQUEST_BAD;
    p += 1 + n;
    for (long i = 0; i < argc; i++) {
        if (p == end)
            return REQUEST_INCOMPLETE;
        if (*p != '$')
            return REQUEST_BAD;
        if ((n = number_line(p + 1, end, &arg_len)) <= 0)
            return n;
        p += 1 + n;
        if (end - p < arg_len + 2) {
            out->need = (size_t)(arg_len + 2 - (end - p));
            return REQUEST_INCOMPLETE;
        }
        if (i == 0) {
            out->name = p;
            out->name_len = (size_t)arg_len;
        }
        p += arg_len;
        if (p[0] != '\r' || p[1] != '\n')
            return REQUEST_BAD;
        p += 2;
    }
    out->argc = argc;
    return p - ptr;
}

void request_value_init(struct request_value *v, size_t value_bytes) {
    v->text = malloc(value_bytes + 32);
    must(v->text != NULL);
    size_t header = (size_t)snprintf(v->text, 32, "$%zu\r\n", value_bytes);
    memset(v->text + header, 'x', value_bytes);
    v->text[header + value_bytes] = '\r';
    v->text[header + value_bytes + 1] = '\n';
    v->len = header + value_bytes + 2;
}

void request_value_deinit(struct request_value *v) {
    free(v->text);
}

size_t request_reply_bytes_max(const struct request *request, const struct request_value *value) {
    return 32 + value->len * (size_t)request->argc;
}

static size_t put(char *out, const char *text, size_t len) {
    memcpy(out, text, len);
    return len;
}

static size_t reply_mget(char *out, const struct request *request, const struct request_value *value) {
    size_t n = (size_t)snprintf(out, 32, "*%ld\r\n", request->argc - 1);
    for (long i = 1; i < request->argc; i++)
        n += put(out + n, value->text, value->len);
    return n;
}

/* True when the name is `word`, given in lower case; the lengths are equal. */
static bool name_is(const struct request *request, const char *word) {
    for (size_t i = 0; i < request->name_len; i++)
        if ((request->name[i] | 0x20) != word[i])
            return false;
    return true;
}

size_t request_reply(char *out, const struct request *request, const struct request_value *value) {
    switch (request->name_len) {
    case 3:
        if (name_is(request, "get"))
            return put(out, value->text, value->len);
        break;
    case 4:
        if (name_is(request, "ping"))
            return put(out, "+PONG\r\n", 7);
        if (name_is(request, "mget"))
            return reply_mget(out, request, value);
        if (name_is(request, "info"))
            return put(out, "$0\r\n\r\n", 6);
        break;
    case 6:
        if (name_is(request, "config"))
            return put(out, "*0\r\n", 4);
        break;
    case 7:
        if (name_is(request, "command"))
            return put(out, "*0\r\n", 4);
        break;
    default: break;
    }
    return put(out, "+OK\r\n", 5);
}
