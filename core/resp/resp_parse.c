/* resp_parse.c: the request parser.
 *
 * Problem. Almost every command arrives whole and small, and then parsing is a large part of what the server
 * does for it; but a command may also arrive in any number of pieces, at changing addresses, and may be a
 * gigabyte long or have a million arguments. Neither the price of one nor of the other must be paid by the
 * first kind.
 *
 * Structure. One pass over the input that writes the argument views directly. Only when the input ends too
 * early is the state written to the parser ("midway"), and the views of this call are turned into positions,
 * because the data may move before the next call. When the command completes, those positions become views
 * again. So each argument is converted at most once each way, and a command that arrives whole is never
 * converted.
 *
 * Invariants
 *   I1  Between calls the parser is either fresh (at = scanned = args_done = 0, args_left = bulk_bytes = -1) or
 *       midway.
 *   I2  Midway, argv[0 .. args_done) hold positions instead of pointers, and at, scanned <= length of the last
 *       data.
 *   I3  args_cap never exceeds twice the arguments that arrived, whatever the header announced.
 *   I4  What is returned depends on the bytes only, not on how they were cut: a limit on a line is checked
 *       against the place of its end, not against what happens to be buffered.
 *
 * I4 makes one difference to Redis: an inline line beyond the limit is refused always, and not only when its
 * beginning happened to be read alone. And one exception: when a command is both too long for query_max_bytes
 * and wrong further on, which of the two errors is found first depends on the cuts.
 *
 * As in Redis, the byte after a line's CR and the two bytes after an argument are skipped without being looked
 * at. Unlike Redis, a NUL byte in a line is a byte like others; Redis would wait for 64 KiB and then give up.
 *
 * Not taken: a state machine that is fed one byte at a time (several times slower for whole commands); copying
 * arguments out of the input (the engine copies what it stores anyhow); memchr for the header's end (a header
 * has four bytes). */
#include "core/resp/resp_parse.h"

#include "core/base/mem.h"
#include "core/base/num.h"

#include <limits.h>
#include <stdio.h>

enum {
    ARGS_FIRST = 8,                /* elements of the first argument array */
    ARGS_KEEP = 1024,              /* an array up to this size is never given back between commands */
    LENGTH_DIGITS_MAX = 18,        /* so many digits always fit an int64_t */
    UNAUTHENTICATED_ARGS_MAX = 10, /* as in Redis: a stranger cannot make the server buffer much */
    UNAUTHENTICATED_BULK_MAX = 16384,
};

#define NO_POSITION SIZE_MAX

/* ---- Life ---- */

static void parser_start_command(struct resp_parser *p) { /* I1 */
    p->args_done = 0;
    p->args_left = -1;
    p->bulk_bytes = -1;
    p->at = 0;
    p->scanned = 0;
}

void resp_parser_init(struct resp_parser *p) {
    *p = (struct resp_parser){.argv = NULL};
    parser_start_command(p);
}

void resp_parser_deinit(struct resp_parser *p) {
    mem_free(p->argv);
    mem_free(p->scratch);
    resp_parser_init(p);
}

void resp_parser_trim(struct resp_parser *p) {
    if (resp_parser_is_midway(p))
        return;
    mem_free(p->argv);
    mem_free(p->scratch);
    p->argv = NULL;
    p->scratch = NULL;
    p->args_cap = 0;
    p->argc = 0;
}

size_t resp_parser_memory(const struct resp_parser *p) {
    return (p->argv ? mem_usable(p->argv) : 0) + (p->scratch ? mem_usable(p->scratch) : 0);
}

/* ---- Outcomes ---- */

ATTR_COLD static enum resp_status parser_fail(struct resp_parser *p, const char *error) {
    p->error = error;
    return RESP_ERROR;
}

ATTR_COLD static enum resp_status parser_too_long(struct resp_parser *p) {
    p->is_silent = true;
    return parser_fail(p, "Protocol error: query buffer limit exceeded");
}

/* The input ended; `need` is the length at which it makes sense to look again. */
static enum resp_status parser_need(struct resp_parser *p, const struct resp_limits *limits, size_t need) {
    if (limits->query_max_bytes && need > limits->query_max_bytes)
        return parser_too_long(p);
    p->need_bytes = need;
    return RESP_MORE;
}

static enum resp_status parser_done(struct resp_parser *p, const struct resp_limits *limits, size_t argc,
                                    size_t used, size_t *used_out) {
    parser_start_command(p);
    if (UNLIKELY(limits->query_max_bytes && used > limits->query_max_bytes))
        return parser_too_long(p); /* I4 */
    p->argc = (int)argc;
    *used_out = used;
    return RESP_COMMAND;
}

ATTR_COLD static void parser_grow_args(struct resp_parser *p) { /* I3 */
    size_t cap = p->args_cap ? 2 * p->args_cap : ARGS_FIRST;
    p->argv = mem_realloc(p->argv, cap * sizeof *p->argv);
    p->args_cap = cap;
}

/* Before a new command: gives back what only the last one needed. */
ATTR_COLD static void parser_shrink(struct resp_parser *p) {
    mem_free(p->scratch);
    p->scratch = NULL;
    if (p->args_cap > ARGS_KEEP && (size_t)p->argc < p->args_cap / 4)
        resp_parser_trim(p);
}

/* ---- Lines ---- */

/* Position of the first `end_byte` at or after `at`, which must be within inline_max_bytes of it; NO_POSITION
 * when there is none, and then p->error is set to `too_big` if there cannot be one any more. */
static size_t find_line_end(struct resp_parser *p, const struct resp_limits *limits, struct bytes data,
                            size_t at, char end_byte, const char *too_big) {
    size_t from = p->scanned > at ? p->scanned : at;
    bool is_over = data.len - at > limits->inline_max_bytes;
    size_t stop = is_over ? at + limits->inline_max_bytes + 1 : data.len;
    const char *found = from < stop ? memchr(data.ptr + from, end_byte, stop - from) : NULL;
    if (found) {
        p->scanned = (size_t)(found - data.ptr);
        return p->scanned;
    }
    p->scanned = data.len;
    if (is_over)
        parser_fail(p, too_big);
    return NO_POSITION;
}

/* Reads a length line from just behind its type byte, if it is wholly there, short and canonical: digits, CR,
 * any byte. Returns what stands behind it, or NULL: then read_length_slow finds out why. */
static inline const char *read_length(const char *ptr, const char *end, int64_t *value_out) {
    if (UNLIKELY(end - ptr < 3))
        return NULL;
    unsigned digit = (unsigned)(unsigned char)ptr[0] - '0';
    if (UNLIKELY(digit > 9))
        return NULL;
    int64_t value = digit;
    if (LIKELY(ptr[1] == '\r')) {
        *value_out = value;
        return ptr + 3;
    }
    if (UNLIKELY(digit == 0))
        return NULL;
    const char *stop = end - ptr > LENGTH_DIGITS_MAX + 2 ? ptr + LENGTH_DIGITS_MAX : end - 2;
    for (ptr++; ptr < stop; ptr++) {
        digit = (unsigned)(unsigned char)*ptr - '0';
        if (digit > 9)
            break;
        value = value * 10 + digit;
    }
    if (UNLIKELY(*ptr != '\r'))
        return NULL;
    *value_out = value;
    return ptr + 2;
}

/* Reads any length line at `at`, where its type byte is. Returns the position behind it, or NO_POSITION:
 * p->error tells whether it is wrong or just not all there. *is_number_out is false when the text is no number.
 * */
ATTR_COLD static size_t read_length_slow(struct resp_parser *p, const struct resp_limits *limits,
                                         struct bytes data, size_t at, const char *too_big,
                                         int64_t *value_out, bool *is_number_out) {
    *value_out = 0;
    *is_number_out = false;
    size_t line_end = find_line_end(p, limits, data, at, '\r', too_big);
    if (line_end == NO_POSITION || data.len - line_end < 2)
        return NO_POSITION;
    if (line_end > at)
        *is_number_out = num_parse_int(bytes_of(data.ptr + at + 1, line_end - at - 1), value_out);
    return line_end + 2;
}

/* ---- Arrays of bulk strings ---- */

/* Reads "*<count>" at the front of the data; afterwards at and args_left are set. False: more or error. */
static bool read_array_header(struct resp_parser *p, const struct resp_limits *limits, struct bytes data) {
    int64_t count;
    size_t next;
    const char *behind = read_length(data.ptr + 1, data.ptr + data.len, &count);
    if (LIKELY(behind != NULL)) {
        next = (size_t)(behind - data.ptr);
    } else {
        bool is_number;
        next = read_length_slow(p, limits, data, 0, "Protocol error: too big mbulk count string", &count,
                                &is_number);
        if (next == NO_POSITION)
            return false;
        if (!is_number) {
            parser_fail(p, "Protocol error: invalid multibulk length");
            return false;
        }
    }
    if (UNLIKELY(count > limits->args_max || count > INT_MAX)) {
        parser_fail(p, "Protocol error: invalid multibulk length");
        return false;
    }
    if (UNLIKELY(!limits->authenticated && count > UNAUTHENTICATED_ARGS_MAX)) {
        parser_fail(p, "Protocol error: unauthenticated multibulk length");
        return false;
    }
    p->at = next;
    p->args_left = count > 0 ? count : 0;
    return true;
}

/* Reads the line "$<length>" at `at` when the fast way did not do: it is unusual, wrong or incomplete. Returns
 * the position behind it or NO_POSITION. */
ATTR_COLD static size_t read_bulk_header_slow(struct resp_parser *p, const struct resp_limits *limits,
                                              struct bytes data, size_t at, int64_t *bytes_out) {
    bool is_number;
    size_t next = read_length_slow(p, limits, data, at, "Protocol error: too big bulk count string",
                                   bytes_out, &is_number);
    if (next == NO_POSITION)
        return NO_POSITION;
    if (data.ptr[at] != '$') {
        char got = data.ptr[at] == '\r' || data.ptr[at] == '\n'
                       ? ' '
                       : data.ptr[at]; /* it goes into a reply's line */
        snprintf(p->error_text, sizeof p->error_text, "Protocol error: expected '$', got '%c'", got);
        parser_fail(p, p->error_text);
        return NO_POSITION;
    }
    if (!is_number || *bytes_out < 0 || *bytes_out > limits->bulk_max_bytes) {
        parser_fail(p, "Protocol error: invalid bulk length");
        return NO_POSITION;
    }
    if (!limits->authenticated && *bytes_out > UNAUTHENTICATED_BULK_MAX) {
        parser_fail(p, "Protocol error: unauthenticated bulk length");
        return NO_POSITION;
    }
    return next;
}

/* Leaves the parser midway: the views that this call made, from `first` on, become positions. */
ATTR_COLD static void parser_suspend(struct resp_parser *p, struct bytes data, size_t first, size_t done,
                                     size_t at, int64_t bulk_bytes) { /* I2 */
    for (size_t i = first; i < done; i++)
        p->argv[i].ptr = (const char *)(uintptr_t)(p->argv[i].ptr - data.ptr);
    p->args_left -= (int64_t)(done - p->args_done);
    p->args_done = done;
    p->at = at;
    p->bulk_bytes = bulk_bytes;
}

ATTR_COLD static void parser_resolve(struct resp_parser *p, struct bytes data, size_t count) {
    for (size_t i = 0; i < count; i++)
        p->argv[i].ptr = data.ptr + (uintptr_t)p->argv[i].ptr;
}

static enum resp_status parse_array(struct resp_parser *p, const struct resp_limits *limits,
                                    struct bytes data, size_t *used_out) {
    if (p->args_left < 0 && !read_array_header(p, limits, data))
        return p->error ? RESP_ERROR : parser_need(p, limits, data.len + 1);

    const size_t first = p->args_done;
    const size_t total = first + (size_t)p->args_left;
    const char *end = data.ptr + data.len;
    int64_t bulk_max = limits->bulk_max_bytes;
    if (UNLIKELY(!limits->authenticated && bulk_max > UNAUTHENTICATED_BULK_MAX))
        bulk_max = UNAUTHENTICATED_BULK_MAX;

    size_t at = p->at;
    int64_t bulk_bytes = p->bulk_bytes;
    size_t done = first;
    for (; done < total; done++) {
        if (LIKELY(bulk_bytes < 0)) {
            const char *behind = NULL;
            if (LIKELY(at < data.len && data.ptr[at] == '$'))
                behind = read_length(data.ptr + at + 1, end, &bulk_bytes);
            if (LIKELY(behind != NULL && bulk_bytes <= bulk_max)) {
                at = (size_t)(behind - data.ptr);
            } else {
                size_t next = read_bulk_header_slow(p, limits, data, at, &bulk_bytes);
                if (next == NO_POSITION) {
                    parser_suspend(p, data, first, done, at, -1);
                    return p->error ? RESP_ERROR : parser_need(p, limits, data.len + 1);
                }
                at = next;
            }
        }
        if (UNLIKELY(data.len - at < (size_t)bulk_bytes + 2)) {
            parser_suspend(p, data, first, done, at, bulk_bytes);
            return parser_need(p, limits, at + (size_t)bulk_bytes + 2);
        }
        if (UNLIKELY(done == p->args_cap))
            parser_grow_args(p);
        p->argv[done] = bytes_of(data.ptr + at, (size_t)bulk_bytes);
        at += (size_t)bulk_bytes + 2;
        bulk_bytes = -1;
    }
    if (UNLIKELY(first != 0))
        parser_resolve(p, data, first);
    return parser_done(p, limits, total, at, used_out);
}

/* ---- Inline commands ---- */

static bool is_blank(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* What ends a word without quotes; vertical tab and form feed do not, as in Redis. */
static bool ends_word(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Reads one element between double quotes at `in`: a byte or an escape. Returns how many bytes it took. */
static size_t unescape(const char *in, const char *end, char *byte_out) {
    if (end - in >= 4 && in[0] == '\\' && in[1] == 'x' && hex_value(in[2]) >= 0 && hex_value(in[3]) >= 0) {
        *byte_out = (char)(hex_value(in[2]) * 16 + hex_value(in[3]));
        return 4;
    }
    if (in[0] != '\\' || end - in < 2) {
        *byte_out = in[0];
        return 1;
    }
    switch (in[1]) {
    case 'n': *byte_out = '\n'; break;
    case 'r': *byte_out = '\r'; break;
    case 't': *byte_out = '\t'; break;
    case 'b': *byte_out = '\b'; break;
    case 'a': *byte_out = '\a'; break;
    default: *byte_out = in[1]; break;
    }
    return 2;
}

/* Copies the inside of a quoted part, whose opening quote is at `in`, to *out. Returns what stands behind the
 * closing quote, which must be a blank or the end of the line; NULL when it is not so. */
static const char *unquote(const char *in, const char *end, char **out) {
    const char quote = *in++;
    while (in < end && *in != quote) {
        if (quote == '"') {
            in += unescape(in, end, (*out)++);
        } else {
            in += in[0] == '\\' && end - in >= 2 && in[1] == '\'';
            *(*out)++ = *in++;
        }
    }
    if (in == end || (in + 1 < end && !is_blank(in[1])))
        return NULL;
    return in + 1;
}

/* Takes the word at *in, which is not blank. A word with quotes is written to *scratch, others are views. False
 * when the quotes do not balance. */
static bool take_word(const char **in, const char *end, char **scratch, struct bytes *word_out) {
    const char *begin = *in;
    const char *at = begin;
    while (at < end && !ends_word(*at) && *at != '"' && *at != '\'')
        at++;
    *word_out = bytes_of(begin, (size_t)(at - begin));
    *in = at;
    if (at == end || ends_word(*at))
        return true;

    char *out = *scratch;
    memcpy(out, begin, word_out->len);
    char *behind = out + word_out->len;
    *in = unquote(at, end, &behind);
    *word_out = bytes_of(out, (size_t)(behind - out));
    *scratch = behind;
    return *in != NULL;
}

static enum resp_status parse_inline(struct resp_parser *p, const struct resp_limits *limits,
                                     struct bytes data, size_t *used_out) {
    size_t line_end = find_line_end(p, limits, data, 0, '\n', "Protocol error: too big inline request");
    if (line_end == NO_POSITION)
        return p->error ? RESP_ERROR : parser_need(p, limits, data.len + 1);

    const char *in = data.ptr;
    const char *end = in + line_end;
    if (end > in && end[-1] == '\r')
        end--;
    size_t line_bytes = (size_t)(end - in);
    if (line_bytes && (memchr(in, '"', line_bytes) || memchr(in, '\'', line_bytes)))
        p->scratch = mem_alloc(line_bytes);

    char *scratch = p->scratch;
    size_t argc = 0;
    for (;;) {
        while (in < end && is_blank(*in))
            in++;
        if (in == end)
            break;
        if (argc == p->args_cap)
            parser_grow_args(p);
        if (!take_word(&in, end, &scratch, &p->argv[argc++]))
            return parser_fail(p, "Protocol error: unbalanced quotes in request");
    }
    return parser_done(p, limits, argc, line_end + 1, used_out);
}

/* ---- The door ---- */

enum resp_status resp_parse(struct resp_parser *p, const struct resp_limits *limits, struct bytes data,
                            size_t *used_out) {
    *used_out = 0;
    if (UNLIKELY(p->error != NULL))
        return RESP_ERROR;
    if (UNLIKELY(p->scratch != NULL || p->args_cap > ARGS_KEEP) && !resp_parser_is_midway(p))
        parser_shrink(p);
    p->argc = 0;
    if (UNLIKELY(data.len == 0))
        return parser_need(p, limits, 1);
    dcheck(p->at <= data.len);
    if (LIKELY(data.ptr[0] == '*'))
        return parse_array(p, limits, data, used_out);
    return parse_inline(p, limits, data, used_out);
}
