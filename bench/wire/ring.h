/* ring.h: the io_uring of one benchmark thread, with a ring of provided receive buffers.
 *
 * Shared by bench/ceiling and bench/load, which must not cost more than the kernel makes them: one system call per
 * turn, multishot accept and receive, received bytes read where the kernel put them. One thread owns a ring.
 * Failures end the program with a message: a benchmark that goes on after one would print a wrong number.
 *
 * Terms: an *event* is one completion. Its *token* says which operation (`op`) on which connection (`id`) it
 * completes; `gen` tells a connection from an earlier one with the same id. */
#pragma once

#include <liburing.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RING_SQ_ENTRIES = 4096,
    RING_CQ_ENTRIES = 32768,
    RING_BUFFER_COUNT_MAX = 256,
};

enum ring_op {
    RING_ACCEPT = 1,
    RING_RECV,
    RING_SEND,      /* one that completes only when it was short or failed */
    RING_SEND_REST, /* one that always completes */
};

struct ring_token {
    enum ring_op op;
    uint32_t gen; /* 24 bits are kept */
    uint32_t id;
};

struct ring_event {
    struct ring_token token;
    int32_t res;
    uint32_t flags;
};

struct ring {
    struct io_uring uring;
    struct io_uring_buf_ring *buffers;
    unsigned char *memory; /* buffer_count x buffer_bytes */
    uint32_t buffer_bytes;
    uint16_t buffer_count;
    bool is_incremental;     /* the kernel fills a buffer by several receives */
    uint16_t returned_count; /* buffers given back in this turn, not yet published */
    uint32_t taken_bytes[RING_BUFFER_COUNT_MAX];
    uint64_t enter_count;
};

/* Sets up the ring of the calling thread. Ends the program where io_uring is not to be had. */
void ring_init(struct ring *r);
void ring_deinit(struct ring *r);

/* A zeroed submission entry carrying `token`; enters the kernel first when the queue is full. Never NULL. */
struct io_uring_sqe *ring_sqe(struct ring *r, struct ring_token token);

/* Arms a multishot accept or receive. */
void ring_arm_accept(struct ring *r, int fd);
void ring_arm_recv(struct ring *r, int fd, uint32_t gen, uint32_t id);

/* Publishes returned buffers, submits, and sleeps until there is an event or `timeout_ns` has passed;
 * 0 returns at once, a negative one waits for ever. */
void ring_enter(struct ring *r, int64_t timeout_ns);

/* Takes the oldest event. False when there is none. */
bool ring_next(struct ring *r, struct ring_event *event_out);

/* The bytes that a RING_RECV event with res > 0 brought. Lent until ring_recv_done. */
const char *ring_recv_begin(struct ring *r, const struct ring_event *event);
void ring_recv_done(struct ring *r, const struct ring_event *event);

/* Position behind the newest event, and the event at a position, taken or not: for looking ahead. */
uint32_t ring_tail(const struct ring *r);
struct ring_event ring_at(const struct ring *r, uint32_t position);

/* Prints "program: what: strerror(error)" and exits. */
void ring_die(const char *what, int error) __attribute__((noreturn));
