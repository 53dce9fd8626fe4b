/* ring.c: io_uring set up as the server's event loop uses it.
 *
 * Receive buffers. The kernel picks one from a shared ring when bytes arrive, so that idle connections hold no memory.
 * Newer kernels fill one buffer by several receives (IOU_PBUF_RING_INC): few large buffers then serve many
 * connections and large pipelines arrive in one piece. Older ones spend a whole buffer per receive: more and smaller.
 *   I1. taken_bytes[b] is the offset in buffer b at which the next event's bytes begin. Events are taken in the order in
 *       which the kernel posted them, so that adding up their lengths gives the offsets.
 *   I2. A buffer goes back when its last event (no BUF_MORE flag) has been consumed, not earlier; the tail that
 *       shows this to the kernel is stored once per turn, before submission, so that a receive re-armed after
 *       ENOBUFS finds it.
 *
 * Registration goes through the raw system call because library versions disagree about the name and place of the
 * flags; the kernel's layout is the one below. */
#include "bench/wire/ring.h"

#include "core/base/attr.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    BUFFER_GROUP = 1,
    REGISTER_PBUF_RING = 22,
    PBUF_RING_INCREMENTAL = 2,
    CQE_BUFFER_MORE = 1 << 4,
    INCREMENTAL_COUNT = 16,
    INCREMENTAL_BYTES = 1 << 20,
    WHOLE_COUNT = 256,
    WHOLE_BYTES = 64 << 10,
};

/* Argument of REGISTER_PBUF_RING as the kernel reads it. */
struct buffer_registration {
    uint64_t ring_addr;
    uint32_t ring_entries;
    uint16_t group;
    uint16_t flags;
    uint64_t reserved[3];
};
_Static_assert(sizeof(struct buffer_registration) == sizeof(struct io_uring_buf_reg), "kernel layout");
_Static_assert((int)WHOLE_COUNT <= (int)RING_BUFFER_COUNT_MAX, "taken_bytes holds every buffer");

void ring_die(const char *what, int error) {
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(error));
    exit(1);
}

static uint64_t token_pack(struct ring_token token) {
    return (uint64_t)token.op << 56 | (uint64_t)(token.gen & 0xffffffU) << 32 | token.id;
}

static struct ring_token token_unpack(uint64_t data) {
    return (struct ring_token){
        .op = (enum ring_op)(data >> 56), .gen = (uint32_t)(data >> 32) & 0xffffffU, .id = (uint32_t)data};
}

static void *map_pages(size_t bytes) {
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        ring_die("mmap", errno);
    return p;
}

static bool buffers_register(struct ring *r, uint16_t count, uint32_t bytes, uint16_t flags) {
    struct buffer_registration registration = {.ring_addr = (uint64_t)(uintptr_t)r->buffers,
                                               .ring_entries = count,
                                               .group = BUFFER_GROUP,
                                               .flags = flags};
    if (syscall(__NR_io_uring_register, r->uring.ring_fd, REGISTER_PBUF_RING, &registration, 1) != 0)
        return false;
    r->buffer_count = count;
    r->buffer_bytes = bytes;
    return true;
}

static void buffer_return(struct ring *r, uint16_t buffer) {
    io_uring_buf_ring_add(r->buffers, r->memory + (size_t)buffer * r->buffer_bytes, r->buffer_bytes, buffer,
                          io_uring_buf_ring_mask(r->buffer_count), r->returned_count);
    r->taken_bytes[buffer] = 0;
    r->returned_count++;
}

static void buffers_publish(struct ring *r) {
    if (r->returned_count == 0)
        return;
    io_uring_buf_ring_advance(r->buffers, r->returned_count); /* I2 */
    r->returned_count = 0;
}

void ring_init(struct ring *r) {
    *r = (struct ring){.enter_count = 0};
    struct io_uring_params params = {.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                                              IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE,
                                     .cq_entries = RING_CQ_ENTRIES};
    int rc = io_uring_queue_init_params(RING_SQ_ENTRIES, &r->uring, &params);
    if (rc < 0)
        ring_die("io_uring_queue_init", -rc);
    /* The buffer rings come before the registered descriptor, which changes what ring_fd may be used for. */
    r->buffers = map_pages((size_t)RING_BUFFER_COUNT_MAX * sizeof(struct io_uring_buf));
    r->is_incremental = buffers_register(r, INCREMENTAL_COUNT, INCREMENTAL_BYTES, PBUF_RING_INCREMENTAL);
    if (!r->is_incremental && !buffers_register(r, WHOLE_COUNT, WHOLE_BYTES, 0))
        ring_die("registering receive buffers", errno);
    rc = io_uring_register_ring_fd(&r->uring);
    if (rc < 0)
        ring_die("registering the ring descriptor", -rc);
    r->memory = map_pages((size_t)r->buffer_count * r->buffer_bytes);
    io_uring_buf_ring_init(r->buffers);
    for (uint16_t b = 0; b < r->buffer_count; b++)
        buffer_return(r, b);
    buffers_publish(r);
}

void ring_deinit(struct ring *r) {
    io_uring_queue_exit(&r->uring);
    munmap(r->memory, (size_t)r->buffer_count * r->buffer_bytes);
    munmap(r->buffers, (size_t)RING_BUFFER_COUNT_MAX * sizeof(struct io_uring_buf));
}

struct io_uring_sqe *ring_sqe(struct ring *r, struct ring_token token) {
    struct io_uring_sqe *sqe = io_uring_get_sqe(&r->uring);
    if (UNLIKELY(sqe == NULL)) {
        buffers_publish(r);
        int rc = io_uring_submit(&r->uring);
        if (rc < 0)
            ring_die("io_uring_submit", -rc);
        r->enter_count++;
        sqe = io_uring_get_sqe(&r->uring);
        must(sqe != NULL);
    }
    memset(sqe, 0, sizeof *sqe);
    sqe->user_data = token_pack(token);
    return sqe;
}

void ring_arm_accept(struct ring *r, int fd) {
    struct io_uring_sqe *sqe = ring_sqe(r, (struct ring_token){.op = RING_ACCEPT, .id = (uint32_t)fd});
    sqe->opcode = IORING_OP_ACCEPT;
    sqe->fd = fd;
    sqe->ioprio = IORING_ACCEPT_MULTISHOT;
    sqe->accept_flags = SOCK_CLOEXEC;
}

void ring_arm_recv(struct ring *r, int fd, uint32_t gen, uint32_t id) {
    struct io_uring_sqe *sqe = ring_sqe(r, (struct ring_token){.op = RING_RECV, .gen = gen, .id = id});
    sqe->opcode = IORING_OP_RECV;
    sqe->fd = fd;
    sqe->ioprio = IORING_RECV_MULTISHOT;
    sqe->flags = IOSQE_BUFFER_SELECT;
    sqe->buf_group = BUFFER_GROUP;
}

void ring_enter(struct ring *r, int64_t timeout_ns) {
    buffers_publish(r);
    r->enter_count++;
    int rc;
    if (timeout_ns < 0) {
        rc = io_uring_submit_and_wait(&r->uring, 1);
    } else if (timeout_ns == 0) {
        rc = io_uring_submit_and_get_events(&r->uring);
    } else {
        struct io_uring_cqe *first;
        struct __kernel_timespec limit = {.tv_sec = timeout_ns / 1000000000,
                                          .tv_nsec = timeout_ns % 1000000000};
        rc = io_uring_submit_and_wait_timeout(&r->uring, &first, 1, &limit, NULL);
    }
    if (rc < 0 && rc != -ETIME && rc != -EINTR && rc != -EAGAIN)
        ring_die("io_uring_enter", -rc);
}

bool ring_next(struct ring *r, struct ring_event *event_out) {
    uint32_t head = *r->uring.cq.khead;
    if (head == ring_tail(r))
        return false;
    *event_out = ring_at(r, head);
    io_uring_cq_advance(&r->uring, 1);
    return true;
}

const char *ring_recv_begin(struct ring *r, const struct ring_event *event) {
    must(event->flags & IORING_CQE_F_BUFFER);
    uint16_t buffer = (uint16_t)(event->flags >> IORING_CQE_BUFFER_SHIFT);
    must(buffer < r->buffer_count && r->taken_bytes[buffer] + (uint32_t)event->res <= r->buffer_bytes);
    return (const char *)r->memory + (size_t)buffer * r->buffer_bytes + r->taken_bytes[buffer]; /* I1 */
}

void ring_recv_done(struct ring *r, const struct ring_event *event) {
    uint16_t buffer = (uint16_t)(event->flags >> IORING_CQE_BUFFER_SHIFT);
    r->taken_bytes[buffer] += (uint32_t)event->res;
    if (!r->is_incremental || !(event->flags & CQE_BUFFER_MORE))
        buffer_return(r, buffer); /* I2 */
}

uint32_t ring_tail(const struct ring *r) {
    return io_uring_smp_load_acquire(r->uring.cq.ktail);
}

struct ring_event ring_at(const struct ring *r, uint32_t position) {
    const struct io_uring_cqe *cqe = &r->uring.cq.cqes[position & r->uring.cq.ring_mask];
    return (struct ring_event){.token = token_unpack(cqe->user_data), .res = cqe->res, .flags = cqe->flags};
}
