/* reply.c: a byte-driven walk over RESP2 and RESP3, so that a reply may be cut anywhere.
 *
 * A reply is a tree of values. Only the number of values still missing is kept: an aggregate of n adds n, each value
 * takes one away, and the reply is complete at 0. An attribute adds its values without being one itself. */
#include "bench/load/reply.h"

#include "core/base/attr.h"

#include <string.h>

static void value_done(struct reply_state *s, struct reply_counts *counts) {
    s->type = 0;
    if (--s->pending == 0)
        counts->replies++;
}

static void line_begin(struct reply_state *s, char type, struct reply_counts *counts) {
    s->type = type;
    s->number = 0;
    s->is_negative = false;
    if (s->pending == 0)
        s->pending = 1;
    if (type == '-' || type == '!')
        counts->errors++;
}

static void line_end(struct reply_state *s, struct reply_counts *counts) {
    bool is_nil = s->is_negative || s->type == '_';
    uint64_t number = (uint64_t)s->number;
    switch (s->type) {
    case '$':
    case '=':
    case '!':
        if (!s->is_negative) {
            s->skip = number + 2;
            return;
        }
        break;
    case '*':
    case '~':
    case '>': s->pending += s->is_negative ? 0 : number; break;
    case '%': s->pending += 2 * number; break;
    case '|':
        s->pending += 2 * number;
        s->type = 0;
        return;
    default: is_nil = s->type == '_'; break;
    }
    if (is_nil)
        counts->nils++;
    value_done(s, counts);
}

/* Reads on in a header line; returns the bytes taken. */
static size_t line_feed(struct reply_state *s, const char *ptr, size_t len, struct reply_counts *counts) {
    bool is_error = s->type == '-' && counts->errors == 1;
    for (size_t i = 0; i < len; i++) {
        char c = ptr[i];
        if (c >= '0' && c <= '9')
            s->number = s->number * 10 + (c - '0');
        else if (c == '-' && s->number == 0)
            s->is_negative = true;
        if (is_error && c != '\r' && c != '\n' && counts->first_error_len < sizeof counts->first_error - 1)
            counts->first_error[counts->first_error_len++] = c;
        if (c == '\n') {
            line_end(s, counts);
            return i + 1;
        }
    }
    return len;
}

uint64_t reply_feed(struct reply_state *s, const char *ptr, size_t len, struct reply_counts *counts) {
    const char *p = ptr, *end = ptr + len;
    uint64_t before = counts->replies;
    while (p < end) {
        if (s->skip > 0) {
            uint64_t step = s->skip < (uint64_t)(end - p) ? s->skip : (uint64_t)(end - p);
            p += step;
            s->skip -= step;
            if (s->skip == 0)
                value_done(s, counts);
        } else if (s->type != 0) {
            p += line_feed(s, p, (size_t)(end - p), counts);
        } else if (LIKELY(s->pending == 0 && end - p >= 5 && memcmp(p, "+OK\r\n", 5) == 0)) {
            counts->replies++;
            p += 5;
        } else {
            line_begin(s, *p, counts);
            p++;
        }
    }
    return counts->replies - before;
}
