/* wire.h: a blocking RESP2 client made for load: requests are gathered, sent with one write, and replies are walked in
 * place. One thread per connection; nothing is shared. Faults (the server gone, bytes that are no reply) end the program
 * with a message: a history without its end proves nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire {
    int fd;
    char *out;
    size_t out_size, out_cap;
    char *in;
    size_t in_begin, in_end, in_cap;
};

enum reply_kind { REPLY_STATUS, REPLY_ERROR, REPLY_INTEGER, REPLY_BULK, REPLY_NULL, REPLY_ARRAY };

/* One reply's head; text points into the connection's buffer and is good until the next read. */
struct reply {
    enum reply_kind kind;
    int64_t integer; /* the number, or the count of an array's items, which follow as replies of their own */
    const char *text;
    size_t size;
};

/* Connects to 127.0.0.1. */
void wire_open(struct wire *wire, int port);
void wire_close(struct wire *wire);

/* Adds one command, its words separated by single spaces, to what the next wire_send sends. printf-like. */
void wire_add(struct wire *wire, const char *format, ...) __attribute__((format(printf, 2, 3)));
void wire_send(struct wire *wire);

/* Reads one reply's head (an array's items are read one by one after it). */
struct reply wire_read(struct wire *wire);

/* Sends one command and reads its head. */
struct reply wire_call(struct wire *wire, const char *command);

/* Monotonic nanoseconds. */
int64_t wire_now_ns(void);

/* Ends the program, saying why. */
void wire_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
