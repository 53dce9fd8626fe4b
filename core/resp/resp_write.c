/* resp_write.c: the replies that are not on the hottest path.
 *
 * A line reply ('+' and '-') must not contain CR or LF: what a client sent may be quoted in an error, and a
 * line break in it would let the client forge the next reply. So both are turned into spaces here, at the one
 * place where lines are made, as Redis does.
 *
 * A deferred header is inserted by moving what follows it. That costs one memmove of the elements, which have
 * just been written and are in the cache; a chain of buffers with patched-in nodes would make every append
 * dearer instead. */
#include "core/resp/resp_write.h"

/* Makes the line that began at `begin` harmless and ends it; line breaks at its end are cut. */
static void end_line(struct buf *b, size_t begin) {
    while (b->len > begin && (b->ptr[b->len - 1] == '\r' || b->ptr[b->len - 1] == '\n'))
        b->len--;
    for (char *at = b->ptr + begin; at < b->ptr + b->len; at++)
        if (*at == '\r' || *at == '\n')
            *at = ' ';
    BUF_PUT_LIT(b, "\r\n");
}

void resp_simple(struct resp_out *o, struct bytes text) {
    size_t begin = o->buf->len;
    buf_put_char(o->buf, RESP_SIMPLE);
    buf_put_bytes(o->buf, text);
    end_line(o->buf, begin);
}

/* ---- Errors ---- */

/* Ends the error line whose '-' is at `begin`, and counts it under its code word. */
static void end_error(struct resp_out *o, size_t begin) {
    end_line(o->buf, begin);
    const char *text = o->buf->ptr + begin + 1;
    size_t len = o->buf->len - begin - 1;
    const char *space = memchr(text, ' ', len <= RESP_ERROR_CODE_MAX ? len : RESP_ERROR_CODE_MAX + 1);
    struct bytes code = space ? bytes_of(text, (size_t)(space - text)) : BYTES_LIT("ERR");
    memcpy(o->error_code, code.ptr, code.len);
    o->error_code[code.len] = '\0';
    o->errors++;
}

void resp_error(struct resp_out *o, struct bytes text) {
    size_t begin = o->buf->len;
    buf_put_char(o->buf, RESP_FAILURE);
    buf_put_bytes(o->buf, text);
    end_error(o, begin);
}

void resp_errorf(struct resp_out *o, const char *format, ...) {
    size_t begin = o->buf->len;
    buf_put_char(o->buf, RESP_FAILURE);
    va_list args;
    va_start(args, format);
    buf_vprintf(o->buf, format, args);
    va_end(args);
    end_error(o, begin);
}

void resp_err(struct resp_out *o, enum reply_err e) {
    resp_error(o, reply_err_text(e));
}

/* ---- Strings and numbers ---- */

char *resp_bulk_room(struct resp_out *o, size_t len) {
    buf_room(o->buf, RESP_HEADER_MAX + len + 2);
    resp__header(o, RESP_BULK, (int64_t)len);
    char *room = buf_room(o->buf, len + 2);
    memcpy(room + len, "\r\n", 2);
    buf_commit(o->buf, len + 2);
    return room;
}

void resp_bulk_longdouble(struct resp_out *o, long double value) {
    char text[NUM_DOUBLE_TEXT_MAX];
    resp_bulk(o, bytes_of(text, num_from_longdouble(text, value)));
}

void resp_verbatim(struct resp_out *o, const char *format, struct bytes data) {
    if (o->proto < 3) {
        resp_bulk(o, data);
        return;
    }
    must(strlen(format) == 3);
    resp__header(o, RESP_VERBATIM, (int64_t)data.len + 4);
    buf_put(o->buf, format, 3);
    buf_put_char(o->buf, ':');
    buf_put_bytes(o->buf, data);
    BUF_PUT_LIT(o->buf, "\r\n");
}

/* A number's text: RESP3 as a line of its own type, RESP2 as a bulk string. */
static void put_number(struct resp_out *o, enum resp_type type, struct bytes text) {
    if (o->proto < 3) {
        resp_bulk(o, text);
        return;
    }
    buf_put_char(o->buf, (char)type);
    buf_put_bytes(o->buf, text);
    BUF_PUT_LIT(o->buf, "\r\n");
}

void resp_double(struct resp_out *o, double value) {
    char text[NUM_DOUBLE_SHORT_MAX];
    put_number(o, RESP_DOUBLE, bytes_of(text, num_from_double(text, value)));
}

void resp_bignum(struct resp_out *o, struct bytes digits) {
    put_number(o, RESP_BIGNUM, digits);
}

/* ---- Deferred headers ---- */

static void insert_header(struct resp_out *o, size_t mark, enum resp_type type, size_t count) {
    char header[RESP_HEADER_MAX];
    struct buf *b = o->buf;
    must(mark <= b->len);
    header[0] = (char)type;
    size_t len = 1 + num_from_uint(header + 1, count);
    header[len++] = '\r';
    header[len++] = '\n';
    buf_room(b, len);
    memmove(b->ptr + mark + len, b->ptr + mark, b->len - mark);
    memcpy(b->ptr + mark, header, len);
    buf_commit(b, len);
}

void resp_defer_array(struct resp_out *o, size_t mark, size_t count) {
    insert_header(o, mark, RESP_ARRAY, count);
}

void resp_defer_map(struct resp_out *o, size_t mark, size_t pairs) {
    if (o->proto >= 3)
        insert_header(o, mark, RESP_MAP, pairs);
    else
        insert_header(o, mark, RESP_ARRAY, 2 * pairs);
}

void resp_defer_set(struct resp_out *o, size_t mark, size_t count) {
    insert_header(o, mark, o->proto >= 3 ? RESP_SET : RESP_ARRAY, count);
}
