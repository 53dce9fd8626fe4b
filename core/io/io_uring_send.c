/* io_uring_send.c: sending, what happens to short sends, and closing.
 *
 * The usual send: the socket's buffer has room, the kernel copies everything while it takes the submission entry, and
 * nothing needs to be said. So it is submitted with "no completion if it succeeds" and MSG_DONTWAIT | MSG_WAITALL: the
 * first makes it finish inside the submission, the second makes anything less than everything a failure, which does
 * complete. When io_poll returns, a send without a completion is done and its bytes may be reused; a short one has its
 * rest copied aside by io_uring_send__scan before that.
 *
 * The rest goes out by a second kind of request that waits for room. Until it is complete the stream is BUSY and takes no
 * further send: two sends of one stream in flight could swap their bytes when the first is short.
 *
 * Closing: cancel what is in flight, close the descriptor in the same order of submission behind the last send, and call
 * on_closed when the last completion was seen.
 *
 * I1. At most one of {a send of this turn, a resend} of a stream is with the kernel.
 * I2. RESENDING is set from the resend's submission to its completion; `rest` is not freed meanwhile.
 * I3. A stream is on the `closed` list only when neither RECV_ARMED nor RESENDING is set, so no completion for it can
 *     come but that of a send in the coming submission, which its freed slot swallows. */
#include <liburing.h>

#include "core/io/io_uring_ring.h"

#include <errno.h>
#include <sys/socket.h>

static void prepare(struct uring *u, struct io_stream *stream, enum uring_kind kind, struct bytes data,
                    int flags) {
    uint64_t id = io_uring_ring__user_data(u, kind, stream->backend_slot);
    struct io_uring_sqe *sqe = io_uring_ring__sqe(u, IORING_OP_SEND, stream->fd, id);
    bool is_cut = data.len > IO_TRANSFER_BYTES_MAX;
    sqe->addr = (uint64_t)(uintptr_t)data.ptr;
    sqe->len = (uint32_t)(is_cut ? IO_TRANSFER_BYTES_MAX : data.len);
    sqe->msg_flags = (uint32_t)(flags | MSG_WAITALL | MSG_NOSIGNAL);
    if (kind == URING_SEND && !is_cut)
        sqe->flags = IOSQE_CQE_SKIP_SUCCESS;
}

void io_uring_send__start(struct uring *u, struct io_stream *stream) {
    prepare(u, stream, URING_SEND, stream->sending, MSG_DONTWAIT); /* I1: io.c has checked can_send */
}

static void resend(struct uring *u, struct io_stream *stream) {
    stream->flags |= IO_STREAM_RESENDING; /* I2 */
    prepare(u, stream, URING_RESEND, io__rest(stream), 0);
}

/* True if the result of a send only means that the socket's buffer is full. */
static bool is_short(int result) {
    return result >= 0 || result == -EAGAIN || result == -EINTR;
}

static void fail(struct io_stream *stream, int result) {
    bool is_news = !(stream->flags & (IO_STREAM_ENDED | IO_STREAM_CLOSING));
    stream->flags |= IO_STREAM_BROKEN | IO_STREAM_ENDED;
    if (is_news)
        stream->ops->on_end(stream, err_from_errno(-result));
}

void io_uring_send__scan(struct uring *u, const struct io_uring_cqe *cqe) {
    struct io_stream *stream = io_uring_ring__object(u, cqe->user_data);
    if (!stream || !is_short(cqe->res))
        return;
    size_t sent = cqe->res > 0 ? (size_t)cqe->res : 0;
    if (sent < stream->sending.len && !(stream->flags & IO_STREAM_CLOSING)) {
        io__keep_rest(stream, sent);
        resend(u, stream);
    }
}

void io_uring_send__complete(struct uring *u, const struct io_uring_cqe *cqe) {
    struct io_stream *stream = io_uring_ring__object(u, cqe->user_data);
    if (stream && !is_short(cqe->res))
        fail(stream, cqe->res);
}

void io_uring_send__resent(struct uring *u, const struct io_uring_cqe *cqe) {
    struct io_stream *stream = io_uring_ring__object(u, cqe->user_data);
    must(stream && (stream->flags & IO_STREAM_RESENDING));
    stream->flags &= ~(uint32_t)IO_STREAM_RESENDING; /* I2 */
    if (cqe->res > 0)
        stream->unsent_bytes -= (size_t)cqe->res;
    if (stream->flags & IO_STREAM_CLOSING) {
        io_uring_send__check_closed(u, stream);
    } else if (!is_short(cqe->res)) {
        io__drop_rest(stream);
        fail(stream, cqe->res);
    } else if (stream->unsent_bytes > 0) {
        resend(u, stream);
    } else {
        io__drop_rest(stream);
        stream->ops->on_drained(stream);
    }
}

/* ---- closing ---- */

void io_uring_send__close(struct uring *u, struct io_stream *stream) {
    io_uring_recv__cancel(u, stream);
    if (stream->flags & IO_STREAM_RESENDING)
        io_uring_ring__cancel(u, io_uring_ring__user_data(u, URING_RESEND, stream->backend_slot),
                              io_uring_ring__user_data(u, URING_CANCEL, stream->backend_slot));
    io_uring_send__check_closed(u, stream);
}

void io_uring_send__check_closed(struct uring *u, struct io_stream *stream) {
    if (stream->flags & (IO_STREAM_RECV_ARMED | IO_STREAM_RESENDING))
        return;
    if (!link_is_linked(&stream->link))
        link_push_back(&u->closed, &stream->link); /* I3 */
}

void io_uring_send__cancel_missed(struct uring *u, struct io_stream *stream) {
    /* The request may have been between two attempts, where a cancel does not see it. */
    bool is_closing = (stream->flags & IO_STREAM_CLOSING) != 0;
    stream->flags &= ~(uint32_t)IO_STREAM_RECV_CANCEL;
    if (is_closing || (stream->flags & IO_STREAM_PAUSED))
        io_uring_recv__cancel(u, stream);
    if (is_closing && (stream->flags & IO_STREAM_RESENDING))
        io_uring_ring__cancel(u, io_uring_ring__user_data(u, URING_RESEND, stream->backend_slot),
                              io_uring_ring__user_data(u, URING_CANCEL, stream->backend_slot));
}

void io_uring_send__finish_closed(struct uring *u) {
    /* on_closed may free the stream and close others, which wait for the next round: their sends are not submitted. */
    struct link *last = u->closed.prev;
    for (bool more = !link_is_empty(&u->closed); more;) {
        struct link *node = link_pop_front(&u->closed);
        more = node != last;
        struct io_stream *stream = CONTAINER_OF(node, struct io_stream, link);
        io__drop_rest(stream);
        struct io_uring_sqe *sqe =
            io_uring_ring__sqe(u, IORING_OP_CLOSE, stream->fd, (uint64_t)URING_CLOSE << 56);
        sqe->flags = IOSQE_CQE_SKIP_SUCCESS;
        io_uring_ring__free_slot(u, stream->backend_slot);
        stream->ops->on_closed(stream);
    }
}
