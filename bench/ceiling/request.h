/* request.h: finds the next command in a byte stream and chooses the constant reply to it. Pure functions. */
#pragma once

#include <stddef.h>

enum { REQUEST_BAD = -1, REQUEST_INCOMPLETE = 0 };

struct request {
    const char *name; /* borrowed from the stream */
    size_t name_len;
    long argc;   /* name included */
    size_t need; /* when incomplete: at least so many bytes are missing */
};

/* Parses one command (array form or inline) from `len` bytes. Returns its length in bytes, REQUEST_INCOMPLETE
 * (then only `need` is written), or REQUEST_BAD. */
long request_parse(const char *ptr, size_t len, struct request *request_out);

/* The bulk string that reads are answered with. */
struct request_value {
    char *text; /* header and line end included */
    size_t len;
};

void request_value_init(struct request_value *v, size_t value_bytes);
void request_value_deinit(struct request_value *v);

/* Bytes that request_reply writes at most for `request`. */
size_t request_reply_bytes_max(const struct request *request, const struct request_value *value);

/* Writes the reply at `out`; returns its length. */
size_t request_reply(char *out, const struct request *request, const struct request_value *value);
