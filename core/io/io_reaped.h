/* io_reaped.h: what a poll has reaped, for backends that read the bytes themselves (epoll, the simulation). Private to
 * this folder.
 *
 * A list of events in the order they were reaped, and an arena with the bytes that came in. io_poll fills both,
 * io_reaped__dispatch calls the handlers and empties them. */
#pragma once

#include "core/io/io_backend.h"

struct io_reaped_event;

struct io_reaped {
    struct io_reaped_event *events;
    size_t count;
    size_t cap;
    size_t next; /* the first event not yet dispatched */
    char *arena; /* moves never: views point into it */
    size_t arena_bytes;
    size_t arena_used;
};

void io_reaped__init(struct io_reaped *r, size_t arena_bytes);
void io_reaped__deinit(struct io_reaped *r);

/* Number of events that wait for dispatch. */
static inline unsigned io_reaped__waiting(const struct io_reaped *r) {
    return (unsigned)(r->count - r->next);
}

/* Free bytes of the arena, to be filled and then reported by io_reaped__data. */
static inline char *io_reaped__room(const struct io_reaped *r, size_t *bytes_out) {
    *bytes_out = r->arena_bytes - r->arena_used;
    return r->arena + r->arena_used;
}

/* The first `len` bytes of the room belong to the stream. */
void io_reaped__data(struct io_reaped *r, struct io_stream *stream, size_t len);

/* The stream ended: in an orderly way if why is ERR_CLOSED and is_broken is not set. */
void io_reaped__end(struct io_reaped *r, struct io_stream *stream, enum err why, bool is_broken);
void io_reaped__drained(struct io_reaped *r, struct io_stream *stream);
void io_reaped__closed(struct io_reaped *r, struct io_stream *stream);

/* A new connection; the list owns fd until it is dispatched. */
void io_reaped__accepted(struct io_reaped *r, struct io_listener *listener, int fd);
void io_reaped__accept_failed(struct io_reaped *r, struct io_listener *listener, int errno_value);

/* op->result and op->done_bytes say how it ended. */
void io_reaped__file(struct io_reaped *r, struct io_file_op *op);

/* Forgets a listener's events; close_fd takes the descriptors of connections that nobody will get. */
void io_reaped__forget_listener(struct io_reaped *r, const struct io_listener *listener,
                                void (*close_fd)(void *ctx, int fd), void *ctx);

void io_reaped__dispatch(struct io_reaped *r);
