/* io_uring_ring.c: making a ring, entering the kernel, submission entries, slots.
 *
 * The ring: one issuer, deferred task work (completions are made when the owner enters the kernel, never by an
 * interrupt of its user code), no stop at a bad entry, and a completion queue eight times the submission queue, because
 * multishot operations complete many times. NO_SQARRAY and the registered descriptor save a little each and are left out
 * where the kernel does not know them. What we cannot do without (deferred task work, multishot receive, provided
 * buffer rings) exists since Linux 6.1; older kernels are refused, and io_open falls back to epoll.
 *
 * The completion queue is read directly instead of through liburing's helpers, since io_poll and io_dispatch look at
 * the same window twice. Overflow: the kernel then keeps completions in a list of its own and says so in a flag. A short
 * send among them must be seen before io_poll returns, so the visible ones are moved aside until the list is empty.
 *
 * I1. The submission array, where there is one, is the identity: entry i is submitted from place i.
 * I2. A slot's generation differs from that in any user_data made before the slot was freed last (up to a wrap of 2^24).
 * I3. scanned - khead <= entries, and every completion before `scanned` went through io_uring_send__scan once. */
#include <liburing.h>

#include "core/base/mem.h"
#include "core/io/io_uring_ring.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/* Newer than the headers this is built with. */
#define URING_SETUP_NO_SQARRAY (1U << 16)

#define SQ_ENTRIES     4096
#define SQ_ENTRIES_MIN 256
#define CQ_PER_SQ      8

/* Kernel threads for file writes and fsyncs of one shard. */
#define FILE_WORKERS_MAX 2

/* ---- making ---- */

static void explain_refusal(const struct io_options *options, int error) {
    switch (error) {
    case ENOSYS: io__set_why(options, "this kernel has no io_uring"); break;
    case EPERM:
    case EACCES:
        io__set_why(options,
                    "io_uring is forbidden here (a seccomp profile, or the sysctl kernel.io_uring_disabled)");
        break;
    case EINVAL:
        io__set_why(options, "this kernel's io_uring is too old (Linux 6.1 or newer is needed)");
        break;
    case ENOMEM:
        io__set_why(
            options,
            "io_uring got no memory (RLIMIT_MEMLOCK or the memory of the control group is too small)");
        break;
    default: io__set_why(options, "io_uring was refused: %s", strerror(error)); break;
    }
}

/* Tries ever more modest rings. Gives the descriptor or -errno. */
static int setup(unsigned entries, struct io_uring_params *params_out) {
    const unsigned base = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                          IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE |
                          IORING_SETUP_CLAMP;
    unsigned flags = base | URING_SETUP_NO_SQARRAY;
    for (;;) {
        *params_out = (struct io_uring_params){.flags = flags, .cq_entries = entries * CQ_PER_SQ};
        int fd = io_uring_setup(entries, params_out);
        if (fd >= 0)
            return fd;
        if (fd == -EINVAL && flags != base)
            flags = base;
        else if (fd == -ENOMEM && entries > SQ_ENTRIES_MIN)
            entries /= 2;
        else
            return fd;
    }
}

enum err io_uring_ring__init(struct uring *u, const struct io_options *options) {
    struct io_uring_params params;
    int fd = setup(options->ring_entries ? options->ring_entries : SQ_ENTRIES, &params);
    if (fd < 0) {
        explain_refusal(options, -fd);
        return ERR_UNSUPPORTED;
    }
    struct io_uring *ring = mem_zalloc(sizeof *ring);
    int error = io_uring_queue_mmap(fd, &params, ring);
    if (error < 0) {
        close(fd);
        mem_free(ring);
        explain_refusal(options, -error);
        return ERR_UNSUPPORTED;
    }
    ring->features = params.features;
    u->ring = ring;
    if (!(params.flags & URING_SETUP_NO_SQARRAY)) {
        for (unsigned i = 0; i < params.sq_entries; i++)
            ring->sq.array[i] = i; /* I1 */
    }
    u->slot_free = UINT32_MAX;
    u->scanned = u->reaped = *ring->cq.khead;
    if (io_uring_register_ring_fd(ring) == 1)
        u->enter_flags = IORING_ENTER_REGISTERED_RING;
    unsigned workers[2] = {FILE_WORKERS_MAX, FILE_WORKERS_MAX};
    (void)io_uring_register_iowq_max_workers(ring, workers);
    cpu_set_t cpus;
    if (io__process_cpus(&cpus))
        (void)io_uring_register_iowq_aff(ring, sizeof cpus, &cpus);

    /* Some sandboxes let a ring be made, but not be used. */
    error = io_uring_enter2((unsigned)ring->enter_ring_fd, 0, 0, u->enter_flags | IORING_ENTER_GETEVENTS,
                            NULL, 0);
    if (error < 0) {
        explain_refusal(options, -error);
        io_uring_ring__deinit(u);
        return ERR_UNSUPPORTED;
    }
    return ERR_OK;
}

void io_uring_ring__deinit(struct uring *u) {
    if (u->enter_flags)
        (void)io_uring_unregister_ring_fd(u->ring);
    io_uring_queue_exit(u->ring);
    mem_free(u->ring);
    mem_free(u->slots);
    mem_free(u->spill);
}

/* ---- entering the kernel ---- */

bool io_uring_ring__is_due(const struct uring *u) {
    const struct io_uring_sq *sq = &u->ring->sq;
    return sq->sqe_tail != *sq->khead ||
           (IO_URING_READ_ONCE(*sq->kflags) & (IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN)) != 0;
}

/* Looks through the completions that came since the last time. Saving a short send may enter the kernel and so come
 * here again, hence the step before the look. */
static void scan(struct uring *u) {
    const struct io_uring_cq *cq = &u->ring->cq;
    while (u->scanned != io_uring_smp_load_acquire(cq->ktail)) {
        const struct io_uring_cqe *cqe = &cq->cqes[u->scanned++ & cq->ring_mask];
        if (UNLIKELY(cqe->user_data >> 56 == URING_SEND))
            io_uring_send__scan(u, cqe);
    }
}

/* Moves all visible completions out of the ring. */
ATTR_COLD static void spill(struct uring *u) {
    scan(u);
    struct io_uring_cq *cq = &u->ring->cq;
    unsigned head = *cq->khead;
    size_t count = u->scanned - head;
    if (u->spill_cap - u->spill_count < count) {
        u->spill_cap = (u->spill_count + count) * 2;
        u->spill = mem_realloc(u->spill, u->spill_cap * sizeof *u->spill);
    }
    for (; head != u->scanned; head++)
        u->spill[u->spill_count++] = cq->cqes[head & cq->ring_mask];
    io_uring_smp_store_release(cq->khead, head);
    u->reaped = head;
}

void io_uring_ring__enter(struct uring *u, bool wait, int64_t timeout_ns) {
    io_uring_recv__publish(u);
    struct io_uring_sq *sq = &u->ring->sq;
    struct __kernel_timespec ts = {.tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000};
    struct io_uring_getevents_arg arg = {.sigmask_sz = _NSIG / 8};
    if (timeout_ns >= 0)
        arg.ts = (uint64_t)(uintptr_t)&ts;
    unsigned flags = u->enter_flags | IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG;
    for (;;) {
        io_uring_smp_store_release(sq->ktail, sq->sqe_tail);
        unsigned to_submit = sq->sqe_tail - *sq->khead;
        u->base.syscalls++;
        int result = io_uring_enter2((unsigned)u->ring->enter_ring_fd, to_submit, wait, flags,
                                     (sigset_t *)&arg, sizeof arg);
        must(result >= 0 || result == -ETIME || result == -EINTR || result == -EAGAIN || result == -EBUSY);
        bool overflow = (IO_URING_READ_ONCE(*sq->kflags) & IORING_SQ_CQ_OVERFLOW) != 0;
        if (UNLIKELY(overflow))
            spill(u);
        if (LIKELY(!overflow && sq->sqe_tail == *sq->khead))
            break;
        wait = false;
    }
    scan(u);
}

/* ---- submission entries ---- */

void io_uring_ring__reserve(struct uring *u, unsigned count) {
    const struct io_uring_sq *sq = &u->ring->sq;
    if (UNLIKELY(sq->ring_entries - (sq->sqe_tail - *sq->khead) < count))
        io_uring_ring__enter(u, false, 0);
}

struct io_uring_sqe *io_uring_ring__sqe(struct uring *u, int opcode, int fd, uint64_t user_data) {
    io_uring_ring__reserve(u, 1);
    struct io_uring_sq *sq = &u->ring->sq;
    struct io_uring_sqe *sqe = &sq->sqes[sq->sqe_tail++ & sq->ring_mask];
    memset(sqe, 0, sizeof *sqe);
    sqe->opcode = (uint8_t)opcode;
    sqe->fd = fd;
    sqe->user_data = user_data;
    return sqe;
}

void io_uring_ring__cancel(struct uring *u, uint64_t target, uint64_t user_data) {
    struct io_uring_sqe *sqe = io_uring_ring__sqe(u, IORING_OP_ASYNC_CANCEL, -1, user_data);
    sqe->addr = target;
    sqe->flags = IOSQE_CQE_SKIP_SUCCESS;
}

/* ---- slots ---- */

static void grow_slots(struct uring *u) {
    uint32_t old_count = u->slot_count;
    uint32_t count = old_count ? old_count * 2 : 64;
    u->slots = mem_realloc(u->slots, count * sizeof *u->slots);
    for (uint32_t i = count; i-- > old_count;) {
        u->slots[i] = (struct uring_slot){NULL, 1, u->slot_free};
        u->slot_free = i;
    }
    u->slot_count = count;
}

uint32_t io_uring_ring__take_slot(struct uring *u, void *object) {
    if (u->slot_free == UINT32_MAX)
        grow_slots(u);
    uint32_t slot = u->slot_free;
    u->slot_free = u->slots[slot].next_free;
    u->slots[slot].object = object;
    return slot;
}

void io_uring_ring__free_slot(struct uring *u, uint32_t slot) {
    struct uring_slot *s = &u->slots[slot];
    must(s->object);
    s->object = NULL;
    s->generation = (s->generation + 1) & ((1U << URING_GENERATION_BITS) - 1); /* I2 */
    s->next_free = u->slot_free;
    u->slot_free = slot;
}

void *io_uring_ring__object(const struct uring *u, uint64_t user_data) {
    uint32_t slot = (uint32_t)user_data;
    uint32_t generation = (uint32_t)(user_data >> 32) & ((1U << URING_GENERATION_BITS) - 1);
    dcheck(slot < u->slot_count);
    const struct uring_slot *s = &u->slots[slot];
    return LIKELY(s->generation == generation) ? s->object : NULL;
}
