/* io_reaped.c: the list behind io_reaped.h.
 *
 * A handler may close any stream and stop any listener, also ones with events further down the list. So the rules of
 * io.h ("no on_data after on_end", "only on_closed after io_stream_close") are checked here when an event is dispatched,
 * not when it is reaped. A stream lives until its on_closed, which is reaped in a later poll than the close, so behind all
 * of its other events. */
#include "core/io/io_reaped.h"

#include "core/base/mem.h"

enum io_reaped_kind {
    REAPED_NOTHING, /* forgotten */
    REAPED_DATA,
    REAPED_END,
    REAPED_DRAINED,
    REAPED_CLOSED,
    REAPED_ACCEPTED,
    REAPED_ACCEPT_FAILED,
    REAPED_FILE,
};

struct io_reaped_event {
    enum io_reaped_kind kind;
    int value; /* a descriptor, an errno or an enum err */
    bool is_broken;
    void *object;
    struct bytes data;
};

void io_reaped__init(struct io_reaped *r, size_t arena_bytes) {
    *r = (struct io_reaped){.arena = mem_alloc(arena_bytes), .arena_bytes = arena_bytes};
}

void io_reaped__deinit(struct io_reaped *r) {
    mem_free(r->arena);
    mem_free(r->events);
}

static struct io_reaped_event *push(struct io_reaped *r, enum io_reaped_kind kind, void *object) {
    if (r->count == r->cap) {
        r->cap = r->cap ? r->cap * 2 : 64;
        r->events = mem_realloc(r->events, r->cap * sizeof *r->events);
    }
    struct io_reaped_event *event = &r->events[r->count++];
    *event = (struct io_reaped_event){.kind = kind, .object = object};
    return event;
}

void io_reaped__data(struct io_reaped *r, struct io_stream *stream, size_t len) {
    dcheck(len > 0 && len <= r->arena_bytes - r->arena_used);
    push(r, REAPED_DATA, stream)->data = bytes_of(r->arena + r->arena_used, len);
    r->arena_used += len;
}

void io_reaped__end(struct io_reaped *r, struct io_stream *stream, enum err why, bool is_broken) {
    struct io_reaped_event *event = push(r, REAPED_END, stream);
    event->value = (int)why;
    event->is_broken = is_broken;
}

void io_reaped__drained(struct io_reaped *r, struct io_stream *stream) {
    push(r, REAPED_DRAINED, stream);
}

void io_reaped__closed(struct io_reaped *r, struct io_stream *stream) {
    push(r, REAPED_CLOSED, stream);
}

void io_reaped__accepted(struct io_reaped *r, struct io_listener *listener, int fd) {
    push(r, REAPED_ACCEPTED, listener)->value = fd;
}

void io_reaped__accept_failed(struct io_reaped *r, struct io_listener *listener, int errno_value) {
    push(r, REAPED_ACCEPT_FAILED, listener)->value = errno_value;
}

void io_reaped__file(struct io_reaped *r, struct io_file_op *op) {
    push(r, REAPED_FILE, op);
}

void io_reaped__forget_listener(struct io_reaped *r, const struct io_listener *listener,
                                void (*close_fd)(void *ctx, int fd), void *ctx) {
    for (size_t i = r->next; i < r->count; i++) {
        struct io_reaped_event *event = &r->events[i];
        bool is_accepted = event->kind == REAPED_ACCEPTED;
        if (event->object != listener || (!is_accepted && event->kind != REAPED_ACCEPT_FAILED))
            continue;
        if (is_accepted)
            close_fd(ctx, event->value);
        event->kind = REAPED_NOTHING;
    }
}

static void dispatch_stream(struct io_reaped_event event) {
    struct io_stream *stream = event.object;
    if (event.kind == REAPED_CLOSED) {
        stream->ops->on_closed(stream);
        return;
    }
    if (stream->flags & IO_STREAM_CLOSING)
        return;
    if (event.kind == REAPED_DRAINED) {
        if (!(stream->flags & IO_STREAM_BROKEN))
            stream->ops->on_drained(stream);
        return;
    }
    if (event.is_broken)
        stream->flags |= IO_STREAM_BROKEN;
    if (stream->flags & IO_STREAM_ENDED)
        return;
    if (event.kind == REAPED_DATA) {
        stream->ops->on_data(stream, event.data);
        return;
    }
    stream->flags |= IO_STREAM_ENDED;
    stream->ops->on_end(stream, (enum err)event.value);
}

static void dispatch_event(struct io_reaped_event event) {
    struct io_listener *listener = event.object;
    struct io_file_op *op = event.object;
    switch (event.kind) {
    case REAPED_NOTHING: return;
    case REAPED_DATA:
    case REAPED_END:
    case REAPED_DRAINED:
    case REAPED_CLOSED: dispatch_stream(event); return;
    case REAPED_ACCEPTED: listener->on_accept(listener, event.value); return;
    case REAPED_ACCEPT_FAILED:
        if (listener->on_accept_error)
            listener->on_accept_error(listener, event.value);
        return;
    case REAPED_FILE: op->on_done(op, op->result, op->done_bytes); return;
    }
}

void io_reaped__dispatch(struct io_reaped *r) {
    while (r->next < r->count) {
        struct io_reaped_event event = r->events[r->next++];
        dispatch_event(event);
    }
    r->next = r->count = r->arena_used = 0;
}
