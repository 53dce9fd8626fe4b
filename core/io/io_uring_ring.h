/* io_uring_ring.h: the io_uring backend's shared structure. Private to io_uring*.c, each of which includes liburing.h
 * itself, so that no header drags it in. What each file is for:
 *
 *     io_uring_ring.c    making the ring, entering the kernel, submission entries, slots
 *     io_uring_recv.c    provided buffers and receiving
 *     io_uring_send.c    sending, short sends, closing
 *     io_uring_accept.c  listeners
 *     io_uring_file.c    files
 *     io_uring.c         the table of operations and the turn */
#pragma once

#include "core/io/io_backend.h"

struct io_uring;
struct io_uring_sqe;
struct io_uring_cqe;
struct io_uring_buf_ring;

/* What a completion is about: the top byte of its user_data. For the file kinds the other 56 bits are the address of
 * the struct io_file_op, else a slot (32 bits) and its generation (24 bits). */
enum uring_kind {
    URING_WAKE = 1, /* no events of the owner's: */
    URING_CANCEL,
    URING_CLOSE,
    URING_ACCEPT, /* events: */
    URING_RECV,
    URING_SEND,
    URING_RESEND,
    URING_WRITE,
    URING_FSYNC,
};

#define URING_GENERATION_BITS 24

/* Translates what a completion carries to the stream or listener it was for. */
struct uring_slot {
    void *object;        /* NULL: free */
    uint32_t generation; /* raised when the slot is freed: an older completion finds nobody */
    uint32_t next_free;
};

struct uring_listener;

struct uring {
    struct io base;
    struct io_uring *ring;
    unsigned enter_flags; /* IORING_ENTER_REGISTERED_RING where the ring fd is registered */
    int wake_fd;

    /* Completions. Those up to `scanned` were looked through for short sends; those up to `reaped` may be dispatched. */
    unsigned scanned;
    unsigned reaped;
    struct io_uring_cqe *spill; /* completions moved out of a ring that overflowed; dispatched first */
    size_t spill_count;
    size_t spill_cap;
    size_t spill_next;

    struct uring_slot *slots;
    uint32_t slot_count;
    uint32_t slot_free; /* first of the free list, or UINT32_MAX */

    /* Provided buffers. */
    struct io_uring_buf_ring *bufs;
    char *buf_memory;
    unsigned buf_count;
    unsigned buf_bytes;
    bool buf_incremental;     /* the kernel fills one buffer with several receives */
    uint32_t *buf_offset;     /* of each buffer: bytes used up; incremental only */
    unsigned buf_unpublished; /* given back, the tail not yet stored */

    struct link closed;    /* streams that only wait for on_closed */
    struct link listeners; /* of struct uring_listener */
    unsigned retry_count;  /* listeners that wait after a failed accept */
};

/* ---- io_uring_ring.c ---- */

/* Makes the ring; io_uring_ring__deinit frees it. */
enum err io_uring_ring__init(struct uring *u, const struct io_options *options);
void io_uring_ring__deinit(struct uring *u);

/* A submission entry for `fd` with everything else zero; enters the kernel if the queue is full. */
struct io_uring_sqe *io_uring_ring__sqe(struct uring *u, int opcode, int fd, uint64_t user_data);

/* Makes room for `count` entries that must be submitted together. */
void io_uring_ring__reserve(struct uring *u, unsigned count);

/* Submits everything and, if wait is set, sleeps until a completion or the timeout (<0: none). One system call, more
 * only if the kernel took part of the entries. */
void io_uring_ring__enter(struct uring *u, bool wait, int64_t timeout_ns);

/* True if entering could bring something: entries to submit, or the kernel says that it has work. */
bool io_uring_ring__is_due(const struct uring *u);

/* Requests that the operation with this user_data end. */
void io_uring_ring__cancel(struct uring *u, uint64_t target, uint64_t user_data);

/* Slots. `object` is found by the user_data of any kind until the slot is freed. */
uint32_t io_uring_ring__take_slot(struct uring *u, void *object);
void io_uring_ring__free_slot(struct uring *u, uint32_t slot);
void *io_uring_ring__object(const struct uring *u, uint64_t user_data);

static inline uint64_t io_uring_ring__user_data(const struct uring *u, enum uring_kind kind, uint32_t slot) {
    return (uint64_t)kind << 56 | (uint64_t)u->slots[slot].generation << 32 | slot;
}

/* ---- io_uring_recv.c ---- */

enum err io_uring_recv__init(struct uring *u, const struct io_options *options);
void io_uring_recv__deinit(struct uring *u);

/* Makes the buffers that were given back visible to the kernel. */
void io_uring_recv__publish(struct uring *u);

/* Begins receiving unless the stream receives already or does not want to. */
void io_uring_recv__arm(struct uring *u, struct io_stream *stream);

/* Requests that receiving end; RECV_ARMED stays until it has. */
void io_uring_recv__cancel(struct uring *u, struct io_stream *stream);

void io_uring_recv__complete(struct uring *u, const struct io_uring_cqe *cqe);

/* ---- io_uring_send.c ---- */

void io_uring_send__start(struct uring *u, struct io_stream *stream);

/* The look at a send's completion before io_poll returns: saves what a short send left. */
void io_uring_send__scan(struct uring *u, const struct io_uring_cqe *cqe);

void io_uring_send__complete(struct uring *u, const struct io_uring_cqe *cqe);
void io_uring_send__resent(struct uring *u, const struct io_uring_cqe *cqe);

void io_uring_send__close(struct uring *u, struct io_stream *stream);

/* Puts a closing stream on the `closed` list if the kernel has nothing of it any more. */
void io_uring_send__check_closed(struct uring *u, struct io_stream *stream);

/* Calls on_closed for the `closed` list. */
void io_uring_send__finish_closed(struct uring *u);

/* A request to cancel found nothing; repeats it if it is still needed. */
void io_uring_send__cancel_missed(struct uring *u, struct io_stream *stream);

/* ---- io_uring_accept.c ---- */

enum err io_uring_accept__start(struct uring *u, struct io_listener *listener);
void io_uring_accept__stop(struct uring *u, struct io_listener *listener);
void io_uring_accept__complete(struct uring *u, const struct io_uring_cqe *cqe);

/* Re-arms listeners whose pause is over; shortens the timeout to the next such moment. */
void io_uring_accept__retry(struct uring *u, int64_t *timeout_ns);

/* ---- io_uring_file.c ---- */

void io_uring_file__submit(struct uring *u, struct io_file_op *op);
void io_uring_file__complete(struct uring *u, const struct io_uring_cqe *cqe);
