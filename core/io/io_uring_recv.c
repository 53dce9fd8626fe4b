/* io_uring_recv.c: receiving through one multishot request per stream and one ring of provided buffers per shard.
 *
 * A thousand idle connections need no receive memory: the kernel takes a buffer when bytes are there. Large buffers
 * matter, since each receive fills at most one: small ones cut pipelines into pieces that cost a turn of the parser
 * each. Where the kernel can consume buffers incrementally (Linux 6.12) one buffer of a mebibyte holds many receives
 * one behind another, and 16 suffice; elsewhere each receive takes a whole buffer, so there are more, smaller ones.
 *
 * Views given to on_data lie in these buffers, so a buffer goes back as soon as its last view was handled, in the order of
 * the completions. The kernel sees it at the next store of the ring's tail (io_uring_recv__publish, before each enter).
 *
 * I1. buf_offset[b] is where the next receive into buffer b begins; 0 while the kernel has not touched it.
 * I2. A buffer is in the ring, or the kernel is filling it, or a completion that names it as finished is being handled.
 * I3. RECV_ARMED is set from the request until a completion without F_MORE.
 *
 * A request ends by itself when the buffers run out (-ENOBUFS) or the completion queue overflows; it is armed again
 * when its last completion is handled, and reaches the kernel after the buffers that were given back meanwhile. */
#include <liburing.h>

#include "core/base/mem.h"
#include "core/io/io_uring_ring.h"

#include <errno.h>
#include <sys/mman.h>

/* Newer than the headers this is built with. */
#define PBUF_RING_INC  2U        /* of the registration: consume buffers incrementally */
#define CQE_F_BUF_MORE (1U << 4) /* of a completion: its buffer will be filled further */

#define INCREMENTAL_COUNT 16
#define INCREMENTAL_BYTES (1U << 20)
#define WHOLE_COUNT       256
#define WHOLE_BYTES       (64U << 10)

#define BUF_COUNT_MAX (1U << 15)
#define BUF_ALIGNMENT 4096
#define BUF_GROUP     0

/* ---- the buffers ---- */

static void give(struct uring *u, unsigned index) {
    u->buf_offset[index] = 0; /* I1 */
    io_uring_buf_ring_add(u->bufs, u->buf_memory + (size_t)index * u->buf_bytes, u->buf_bytes,
                          (unsigned short)index, io_uring_buf_ring_mask(u->buf_count),
                          (int)u->buf_unpublished);
    u->buf_unpublished++;
}

void io_uring_recv__publish(struct uring *u) {
    if (u->buf_unpublished == 0)
        return;
    io_uring_buf_ring_advance(u->bufs, (int)u->buf_unpublished);
    u->buf_unpublished = 0;
}

/* Registers a ring of `count` entries; leaves nothing behind if the kernel refuses. */
static bool register_ring(struct uring *u, unsigned count, unsigned flags) {
    u->bufs = mem_zalloc_aligned(count * sizeof(struct io_uring_buf), BUF_ALIGNMENT);
    struct io_uring_buf_reg reg = {
        .ring_addr = (uint64_t)(uintptr_t)u->bufs,
        .ring_entries = count,
        .bgid = BUF_GROUP,
        .pad = (uint16_t)flags, /* the field is called flags in newer headers */
    };
    if (io_uring_register_buf_ring(u->ring, &reg, 0) == 0) {
        u->buf_count = count;
        return true;
    }
    mem_free(u->bufs);
    u->bufs = NULL;
    return false;
}

static unsigned power_of_two(unsigned count) {
    unsigned p = 1;
    while (p < count && p < BUF_COUNT_MAX)
        p *= 2;
    return p;
}

enum err io_uring_recv__init(struct uring *u, const struct io_options *options) {
    unsigned count = options->recv_buf_count ? power_of_two(options->recv_buf_count) : 0;
    u->buf_incremental =
        !options->recv_buf_whole && register_ring(u, count ? count : INCREMENTAL_COUNT, PBUF_RING_INC);
    if (!u->buf_incremental && !register_ring(u, count ? count : WHOLE_COUNT, 0)) {
        io__set_why(options, "this kernel's io_uring has no rings of provided buffers");
        return ERR_UNSUPPORTED;
    }
    u->buf_bytes = options->recv_buf_bytes ? options->recv_buf_bytes
                                           : (u->buf_incremental ? INCREMENTAL_BYTES : WHOLE_BYTES);
    size_t bytes = (size_t)u->buf_count * u->buf_bytes;
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(memory != MAP_FAILED);
    u->buf_memory = memory;
    u->buf_offset = mem_zalloc(u->buf_count * sizeof *u->buf_offset);
    for (unsigned i = 0; i < u->buf_count; i++)
        give(u, i);
    io_uring_recv__publish(u);
    return ERR_OK;
}

void io_uring_recv__deinit(struct uring *u) {
    if (!u->bufs)
        return;
    (void)io_uring_unregister_buf_ring(u->ring, BUF_GROUP);
    munmap(u->buf_memory, (size_t)u->buf_count * u->buf_bytes);
    mem_free(u->buf_offset);
    mem_free(u->bufs);
}

/* ---- requests ---- */

void io_uring_recv__arm(struct uring *u, struct io_stream *stream) {
    const uint32_t unwilling =
        IO_STREAM_RECV_ARMED | IO_STREAM_PAUSED | IO_STREAM_ENDED | IO_STREAM_BROKEN | IO_STREAM_CLOSING;
    if (stream->flags & unwilling)
        return;
    stream->flags |= IO_STREAM_RECV_ARMED; /* I3 */
    uint64_t id = io_uring_ring__user_data(u, URING_RECV, stream->backend_slot);
    struct io_uring_sqe *sqe = io_uring_ring__sqe(u, IORING_OP_RECV, stream->fd, id);
    sqe->ioprio = IORING_RECV_MULTISHOT;
    sqe->flags = IOSQE_BUFFER_SELECT;
    sqe->buf_group = BUF_GROUP;
}

void io_uring_recv__cancel(struct uring *u, struct io_stream *stream) {
    if ((stream->flags & (IO_STREAM_RECV_ARMED | IO_STREAM_RECV_CANCEL)) != IO_STREAM_RECV_ARMED)
        return;
    stream->flags |= IO_STREAM_RECV_CANCEL;
    io_uring_ring__cancel(u, io_uring_ring__user_data(u, URING_RECV, stream->backend_slot),
                          io_uring_ring__user_data(u, URING_CANCEL, stream->backend_slot));
}

/* ---- completions ---- */

static void deliver(struct io_stream *stream, int result, struct bytes data) {
    if (stream->flags & (IO_STREAM_ENDED | IO_STREAM_CLOSING))
        return;
    if (result > 0) {
        stream->ops->on_data(stream, data);
        return;
    }
    switch (-result) {
    case ENOBUFS:
    case ECANCELED:
    case EAGAIN:
    case EINTR: return; /* the request has ended, the stream has not */
    case 0:
        stream->flags |= IO_STREAM_ENDED;
        stream->ops->on_end(stream, ERR_CLOSED);
        return;
    default:
        stream->flags |= IO_STREAM_ENDED | IO_STREAM_BROKEN;
        stream->ops->on_end(stream, err_from_errno(-result));
        return;
    }
}

void io_uring_recv__complete(struct uring *u, const struct io_uring_cqe *cqe) {
    bool has_buffer = (cqe->flags & IORING_CQE_F_BUFFER) != 0;
    unsigned index = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
    struct bytes data = BYTES_NONE;
    if (has_buffer && cqe->res > 0) {
        dcheck(index < u->buf_count);
        data =
            bytes_of(u->buf_memory + (size_t)index * u->buf_bytes + u->buf_offset[index], (size_t)cqe->res);
        u->buf_offset[index] += (uint32_t)cqe->res; /* I1 */
        dcheck(u->buf_offset[index] <= u->buf_bytes);
    }

    struct io_stream *stream = io_uring_ring__object(u, cqe->user_data);
    dcheck(stream);
    if (!(cqe->flags & IORING_CQE_F_MORE))
        stream->flags &= ~(uint32_t)(IO_STREAM_RECV_ARMED | IO_STREAM_RECV_CANCEL); /* I3 */
    deliver(stream, cqe->res, data);
    if (has_buffer && !(cqe->flags & CQE_F_BUF_MORE))
        give(u, index); /* I2 */

    if (stream->flags & IO_STREAM_CLOSING)
        io_uring_send__check_closed(u, stream);
    else if (!(cqe->flags & IORING_CQE_F_MORE))
        io_uring_recv__arm(u, stream);
}
