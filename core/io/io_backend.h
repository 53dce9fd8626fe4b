/* io_backend.h: what a backend of io.h is made of. Private to this folder.
 *
 * A backend's own structure begins with struct io, whose first field is the table of its operations; io.c forwards
 * every call through it. Terms: a turn is the time from one io_poll to the next. */
#pragma once

#include "core/io/io.h"

#include <sched.h>

struct io_ops {
    const char *name;
    bool has_sockets; /* descriptors of streams are real */
    void (*close)(struct io *io);
    unsigned (*poll)(struct io *io, int64_t timeout_ns);
    void (*dispatch)(struct io *io);
    void (*wake)(struct io *io);
    int64_t (*fresh_ns)(const struct io *io);
    enum err (*listener_start)(struct io *io, struct io_listener *listener);
    void (*listener_stop)(struct io *io, struct io_listener *listener);
    enum err (*stream_start)(struct io *io, struct io_stream *stream);
    void (*stream_pause)(struct io *io, struct io_stream *stream);
    void (*stream_resume)(struct io *io, struct io_stream *stream);
    void (*stream_send)(struct io *io, struct io_stream *stream);
    void (*stream_close)(struct io *io, struct io_stream *stream);
    void (*file_submit)(struct io *io, struct io_file_op *op);
    void (*file_begin)(struct io *io); /* NULL: operations begin by themselves */
};

struct io {
    const struct io_ops *ops;
    uint64_t turn; /* number of polls so far, counted from 1; a stream whose sent_turn equals it has sent */
    uint64_t syscalls;
    int64_t now_ns;       /* monotonic clock of the last poll */
    int64_t wall_ms;      /* wall clock of the last poll */
    int64_t wall_read_ns; /* when the real wall clock was read last, on the monotonic clock, */
    int64_t wall_read_ms; /* and what it said */
};

/* Bits of io_stream.flags. The first group means the same everywhere. */
enum {
    IO_STREAM_BUSY = 1 << 0,    /* the rest of a short send is still to go */
    IO_STREAM_PAUSED = 1 << 1,  /* by io_stream_pause */
    IO_STREAM_ENDED = 1 << 2,   /* on_end was called */
    IO_STREAM_BROKEN = 1 << 3,  /* the socket failed: nothing can be sent */
    IO_STREAM_CLOSING = 1 << 4, /* by io_stream_close; only on_closed may be called */

    /* io_uring: operations that the kernel has. */
    IO_STREAM_RECV_ARMED = 1 << 8,
    IO_STREAM_RECV_CANCEL = 1 << 9, /* and a request to cancel it was made */
    IO_STREAM_RESENDING = 1 << 10,

    /* epoll: what the descriptor is registered for. */
    IO_STREAM_WATCH_IN = 1 << 16,
    IO_STREAM_WATCH_OUT = 1 << 17,
};

/* Pause after a failed accept. */
#define IO_ACCEPT_RETRY_NS (100 * 1000 * 1000LL)

/* One system call never gets more than this many bytes; longer sends and writes go on as short ones do. Hostile builds
 * make that common. */
#if BASALT_HOSTILE
#define IO_TRANSFER_BYTES_MAX ((size_t)10000)
#else
#define IO_TRANSFER_BYTES_MAX ((size_t)1 << 30)
#endif

/* Each gives a backend, or ERR_UNSUPPORTED and one line in options->why. */
enum err io_uring__open(const struct io_options *options, struct io **io_out);
enum err io_epoll__open(const struct io_options *options, struct io **io_out);
enum err io_sim__open(const struct io_options *options, struct io **io_out);

/* Fills in what all backends share. */
void io__init(struct io *io, const struct io_ops *ops);

/* Reads the clocks into the io. */
void io__update_clock(struct io *io);

/* Writes why a backend was refused. */
void io__set_why(const struct io_options *options, const char *format, ...) ATTR_PRINTF(2, 3);

/* The kernel's monotonic clock. */
int64_t io__monotonic_ns(void);

/* The processors that this process may use, whichever the calling thread is pinned to: file operations run on any of them,
 * because a shard's own is busy with commands. False: unknown. */
bool io__process_cpus(cpu_set_t *cpus_out);

/* Keeps what a send of stream->sending left over after its first `sent` bytes: copies it aside and marks the stream busy. */
void io__keep_rest(struct io_stream *stream, size_t sent);

/* What is still to go of a stream that is busy. */
static inline struct bytes io__rest(const struct io_stream *stream) {
    return bytes_of(stream->rest + (stream->rest_bytes - stream->unsent_bytes), stream->unsent_bytes);
}

/* Frees the copy; the stream is not busy afterwards. */
void io__drop_rest(struct io_stream *stream);

/* Makes a socket's accept never block. */
void io__set_nonblocking(int fd);
