/* resp_write.h: replies, as appends to a buffer, in RESP2 or RESP3.
 *
 * A handler says what it answers (a map, a null, a double) and never how that looks on the wire: the protocol
 * version in struct resp_out decides. Aggregates announce their length first; where it is not known yet, take a
 * mark with resp_defer, write the elements, then set the header with resp_defer_array or one of its sisters.
 *
 * Owner: the executing thread; the buffer is borrowed. No function fails. */
#pragma once

#include "core/base/buf.h"
#include "core/base/num.h"
#include "core/resp/reply_err.h"
#include "core/resp/resp.h"

enum {
    RESP_ERROR_CODE_MAX = 30, /* longest code word that is told apart; longer ones count as "ERR" */
    RESP_HEADER_MAX = 24,     /* bytes of a type byte, a 64-bit number and CR LF */
};

struct resp_out {
    struct buf *buf;
    uint64_t errors; /* error replies written since resp_out_init */
    uint8_t proto;   /* 2 or 3 */

    /* Code word of the last error, such as "WRONGTYPE"; "" before the first. */
    char error_code[RESP_ERROR_CODE_MAX + 1];
};

static inline void resp_out_init(struct resp_out *o, struct buf *buf, uint8_t proto) {
    o->buf = buf;
    o->errors = 0;
    o->proto = proto;
    o->error_code[0] = '\0';
}

/* ---- Shared by the inline functions below ---- */

/* Appends a type byte, a number, CR LF. */
static inline void resp__header(struct resp_out *o, enum resp_type type, int64_t n) {
    char *text = buf_room(o->buf, RESP_HEADER_MAX);
    size_t len = 1;
    text[0] = (char)type;
    if (LIKELY(n >= 0 && n < 10))
        text[len++] = (char)('0' + n);
    else
        len += num_from_int(text + 1, n);
    text[len] = '\r';
    text[len + 1] = '\n';
    buf_commit(o->buf, len + 2);
}

/* ---- Strings ---- */

static inline void resp_ok(struct resp_out *o) {
    BUF_PUT_LIT(o->buf, "+OK\r\n");
}

/* A status line such as "PONG". CR and LF inside become spaces. */
void resp_simple(struct resp_out *o, struct bytes text);

/* Same, from a literal without CR and LF. */
#define RESP_SIMPLE_LIT(o, text) BUF_PUT_LIT((o)->buf, "+" text "\r\n")

static inline void resp_bulk(struct resp_out *o, struct bytes data) {
    struct buf *b = o->buf;
    char *text = buf_room(b, RESP_HEADER_MAX + data.len + 2);
    size_t at = 1;
    text[0] = RESP_BULK;
    if (LIKELY(data.len < 10))
        text[at++] = (char)('0' + data.len);
    else
        at += num_from_uint(text + 1, data.len);
    text[at++] = '\r';
    text[at++] = '\n';
    if (data.len != 0)
        memcpy(text + at, data.ptr, data.len);
    at += data.len;
    text[at++] = '\r';
    text[at++] = '\n';
    buf_commit(b, at);
}

static inline void resp_bulk_cstr(struct resp_out *o, const char *text) {
    resp_bulk(o, bytes_cstr(text));
}

/* A bulk string that holds the decimal text of `value`. */
static inline void resp_bulk_int(struct resp_out *o, int64_t value) {
    char text[NUM_INT_TEXT_MAX];
    resp_bulk(o, bytes_of(text, num_from_int(text, value)));
}

/* A bulk string that holds `value` as num_from_longdouble prints it (INCRBYFLOAT, HINCRBYFLOAT). */
void resp_bulk_longdouble(struct resp_out *o, long double value);

/* Room for a bulk string of exactly `len` bytes: returns where the caller writes them, before any other append.
 * For values that are assembled in place. */
char *resp_bulk_room(struct resp_out *o, size_t len);

/* RESP3 "=len txt:...", RESP2 a bulk string. `format` has three characters: "txt" or "mkd". */
void resp_verbatim(struct resp_out *o, const char *format, struct bytes data);

/* Appends a finished reply as it is, e.g. one that another shard wrote under the same protocol version. */
static inline void resp_raw(struct resp_out *o, struct bytes reply) {
    buf_put_bytes(o->buf, reply);
}

/* ---- Numbers and nulls ---- */

static inline void resp_int(struct resp_out *o, int64_t value) {
    resp__header(o, RESP_INT, value);
}

/* RESP3 ",3.14", RESP2 a bulk string; the text is num_from_double's. */
void resp_double(struct resp_out *o, double value);

/* RESP3 "#t" or "#f", RESP2 :1 or :0. */
static inline void resp_bool(struct resp_out *o, bool value) {
    if (o->proto >= 3)
        buf_put(o->buf, value ? "#t\r\n" : "#f\r\n", 4);
    else
        buf_put(o->buf, value ? ":1\r\n" : ":0\r\n", 4);
}

/* RESP3 "(digits", RESP2 a bulk string. */
void resp_bignum(struct resp_out *o, struct bytes digits);

/* "There is no such string": RESP2 "$-1", RESP3 "_". */
static inline void resp_null(struct resp_out *o) {
    if (o->proto >= 3)
        BUF_PUT_LIT(o->buf, "_\r\n");
    else
        BUF_PUT_LIT(o->buf, "$-1\r\n");
}

/* "There is no such array": RESP2 "*-1", RESP3 "_". */
static inline void resp_null_array(struct resp_out *o) {
    if (o->proto >= 3)
        BUF_PUT_LIT(o->buf, "_\r\n");
    else
        BUF_PUT_LIT(o->buf, "*-1\r\n");
}

/* ---- Aggregates: the header; the caller then writes the elements ---- */

static inline void resp_array(struct resp_out *o, size_t count) {
    resp__header(o, RESP_ARRAY, (int64_t)count);
}

/* `pairs` keys each followed by its value; RESP2: an array of 2 * pairs. */
static inline void resp_map(struct resp_out *o, size_t pairs) {
    resp__header(o, o->proto >= 3 ? RESP_MAP : RESP_ARRAY, (int64_t)(o->proto >= 3 ? pairs : 2 * pairs));
}

static inline void resp_set(struct resp_out *o, size_t count) {
    resp__header(o, o->proto >= 3 ? RESP_SET : RESP_ARRAY, (int64_t)count);
}

/* A message that answers no request (pub/sub, invalidation); RESP2: an array. */
static inline void resp_push(struct resp_out *o, size_t count) {
    resp__header(o, o->proto >= 3 ? RESP_PUSH : RESP_ARRAY, (int64_t)count);
}

/* Out-of-band pairs before a reply. RESP3 only: a caller that speaks RESP2 must not write the pairs either. */
static inline void resp_attribute(struct resp_out *o, size_t pairs) {
    must(o->proto >= 3);
    resp__header(o, RESP_ATTRIBUTE, (int64_t)pairs);
}

/* ---- Aggregates whose length is known last ----
 *
 * A mark is a place in the buffer. Marks nest: the last one taken is the first one to be given its header.
 * Setting a header moves what was written since the mark by a few bytes. A caller that changes its mind drops
 * everything since the mark with resp_undo. */

static inline size_t resp_defer(struct resp_out *o) {
    return o->buf->len;
}

void resp_defer_array(struct resp_out *o, size_t mark, size_t count);
void resp_defer_map(struct resp_out *o, size_t mark, size_t pairs);
void resp_defer_set(struct resp_out *o, size_t mark, size_t count);

/* Takes back what was written since `mark`, except that errors stay counted. */
static inline void resp_undo(struct resp_out *o, size_t mark) {
    must(mark <= o->buf->len);
    o->buf->len = mark;
}

/* ---- Errors ---- */

/* `text` begins with its code word ("ERR no such key"), without '-'. CR and LF become spaces, at the end they
 * are cut. */
void resp_error(struct resp_out *o, struct bytes text);

/* The same, formatted. */
void resp_errorf(struct resp_out *o, const char *format, ...) ATTR_PRINTF(2, 3);

/* One of the fixed texts. */
void resp_err(struct resp_out *o, enum reply_err e);
