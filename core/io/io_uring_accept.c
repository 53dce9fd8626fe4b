/* io_uring_accept.c: listeners: one multishot accept each.
 *
 * A failed accept (no descriptors left, say) ends the request. The pending connection stays in the listen queue, so a new
 * request would fail again at once; it is made after a pause, whose end io_uring_accept__retry watches by shortening
 * the sleep of io_poll.
 *
 * I1. A struct uring_listener is on uring.listeners from start to stop; retry_count counts those with retry_at_ns set.
 * I2. After stop no completion finds the listener (its slot is freed), and one that still brings a connection has it
 *     closed. */
#include <liburing.h>

#include "core/base/mem.h"
#include "core/io/io_uring_ring.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

struct uring_listener {
    struct link link;
    struct io_listener *listener;
    uint32_t slot;
    int64_t retry_at_ns; /* 0: not waiting */
};

static void arm(struct uring *u, struct uring_listener *l) {
    struct io_uring_sqe *sqe = io_uring_ring__sqe(u, IORING_OP_ACCEPT, l->listener->fd,
                                                  io_uring_ring__user_data(u, URING_ACCEPT, l->slot));
    sqe->ioprio = IORING_ACCEPT_MULTISHOT;
    sqe->accept_flags = SOCK_CLOEXEC;
}

enum err io_uring_accept__start(struct uring *u, struct io_listener *listener) {
    struct uring_listener *l = mem_zalloc(sizeof *l);
    l->listener = listener;
    l->slot = io_uring_ring__take_slot(u, l);
    listener->backend = l;
    link_push_back(&u->listeners, &l->link);
    arm(u, l);
    return ERR_OK;
}

void io_uring_accept__stop(struct uring *u, struct io_listener *listener) {
    struct uring_listener *l = listener->backend;
    /* Entered at once: the caller may close the socket and bind its address again. */
    io_uring_ring__cancel(u, io_uring_ring__user_data(u, URING_ACCEPT, l->slot),
                          (uint64_t)URING_CANCEL << 56 | l->slot);
    io_uring_ring__enter(u, false, 0);
    if (l->retry_at_ns != 0)
        u->retry_count--;
    io_uring_ring__free_slot(u, l->slot); /* I2 */
    link_remove(&l->link);
    mem_free(l);
    listener->backend = NULL;
}

static void fail(struct uring *u, struct uring_listener *l, int error) {
    l->retry_at_ns = io__monotonic_ns() + IO_ACCEPT_RETRY_NS;
    u->retry_count++;
    if (l->listener->on_accept_error)
        l->listener->on_accept_error(l->listener, error);
}

void io_uring_accept__complete(struct uring *u, const struct io_uring_cqe *cqe) {
    struct uring_listener *l = io_uring_ring__object(u, cqe->user_data);
    if (!l) { /* I2 */
        if (cqe->res >= 0)
            close(cqe->res);
        return;
    }
    bool has_ended = !(cqe->flags & IORING_CQE_F_MORE);
    bool is_transient =
        cqe->res >= 0 || cqe->res == -ECONNABORTED || cqe->res == -EINTR || cqe->res == -EAGAIN;
    if (has_ended && is_transient)
        arm(u, l);
    if (cqe->res >= 0)
        l->listener->on_accept(l->listener, cqe->res);
    else if (has_ended && !is_transient)
        fail(u, l, -cqe->res);
}

void io_uring_accept__retry(struct uring *u, int64_t *timeout_ns) {
    if (LIKELY(u->retry_count == 0))
        return;
    int64_t now = io__monotonic_ns();
    for (struct link *node = u->listeners.next; node != &u->listeners; node = node->next) {
        struct uring_listener *l = CONTAINER_OF(node, struct uring_listener, link);
        if (l->retry_at_ns == 0)
            continue;
        int64_t left = l->retry_at_ns - now;
        if (left <= 0) {
            l->retry_at_ns = 0;
            u->retry_count--;
            arm(u, l);
        } else if (*timeout_ns < 0 || *timeout_ns > left) {
            *timeout_ns = left;
        }
    }
}
