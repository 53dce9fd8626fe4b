/* io.h: the sole door to the kernel for a shard's event loop.
 *
 * One struct io belongs to one thread, its owner. A turn of the loop is
 *
 *     io_poll()       submits what was prepared, sleeps if allowed, reaps completions and the bytes they brought
 *     (the loop takes its inbox here: everything that was sent before these bytes came in runs before them)
 *     io_dispatch()   calls the handlers of what was reaped
 *
 * Reaping and dispatching are two calls because of the order rule above: a backend must have *read* the bytes of a
 * socket before io_poll returns (the epoll backend therefore calls recv inside io_poll).
 *
 * Backends: io_uring, epoll (file operations on its own small thread pool, so that a disk never blocks a shard), and
 * a seeded simulation (network, disk and clock; short reads, torn writes, lost fsyncs, stalls). io_open(IO_AUTO)
 * probes for io_uring and takes epoll where it is refused.
 *
 * While io_poll runs, nobody else may touch the io or its streams (it copies the rests of short sends and moves the cached
 * clock), except by io_wake; that holds for whoever acts for a sleeping owner, too.
 *
 * Rules for all handlers: called on the owner's thread, inside io_dispatch only; they may start, send on and close any
 * stream. All functions are for the owner's thread unless they say otherwise. Times are nanoseconds of a monotonic
 * clock, except wall clocks, which are milliseconds since 1970.
 */
#pragma once

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/base/link.h"

#include <sys/types.h>

struct io;
struct io_sim;

enum io_backend { IO_AUTO, IO_URING, IO_EPOLL, IO_SIM };

struct io_options {
    enum io_backend backend;
    struct io_sim *sim; /* for IO_SIM: the simulated world that this io is a node's shard of; else NULL */

    /* Of io_uring only; 0 = default. Small values make the rare paths common, for tests. */
    unsigned ring_entries;   /* submissions that fit in the queue; eight times as many completions */
    unsigned recv_buf_count; /* provided buffers, rounded up to a power of two */
    unsigned recv_buf_bytes; /* bytes of each */
    bool recv_buf_whole;     /* one receive per buffer, as on kernels before 6.12 */

    char *why; /* receives why io_uring was refused, in one line ("" if it was not); may be NULL */
    size_t why_size;
};

/* Gives an io. Called on the owner's thread: io_uring binds the ring to the thread that makes it. ERR_UNSUPPORTED when
 * the wished backend is refused here (IO_AUTO falls back and succeeds). io_wake works from here on, before any poll. */
enum err io_open(const struct io_options *options, struct io **io_out) ATTR_MUST_USE;

/* Takes the io. All streams and listeners must have been closed, all file operations have completed. On the owner's
 * thread. */
void io_close(struct io *io);

/* "io_uring", "epoll" or "sim": what INFO calls multiplexing_api. */
const char *io_backend_name(const struct io *io);

/* ---- the turn ---- */

/* Submits prepared operations and reaps. timeout_ns: 0 = do not sleep, <0 = sleep until something happens. Returns the
 * number of events reaped (0 = timeout, a bare io_wake or a signal). After it returns, the bytes given to io_stream_send in the
 * turn before may be reused. */
unsigned io_poll(struct io *io, int64_t timeout_ns);

/* Calls the handlers of everything that the last io_poll reaped. */
void io_dispatch(struct io *io);

/* Makes a sleeping io_poll of this io return soon. Any thread. Calls between two polls may be merged into one. */
void io_wake(struct io *io);

/* Monotonic and wall clock as of the last io_poll (cached: no system call), and read afresh. */
int64_t io_now_ns(const struct io *io);
int64_t io_wall_ms(const struct io *io);
int64_t io_fresh_ns(const struct io *io);

/* System calls this io made since it was opened (io_uring_enter, or epoll_wait + recv + send + accept); not those of
 * io_wake, which belong to the waker. For benches. */
uint64_t io_syscalls(const struct io *io);

/* ---- listeners ---- */

struct io_listener {
    /* Takes fd (non-blocking is not promised; hand it to io_stream_start, here or in another thread's io). */
    void (*on_accept)(struct io_listener *listener, int fd);
    /* accept failed (e.g. EMFILE); the backend goes on accepting after a pause of 100 ms. */
    void (*on_accept_error)(struct io_listener *listener, int errno_value);
    int fd;        /* a listening socket, made by net/listener */
    void *backend; /* private to the backend */
};

/* Begins accepting. Borrows the listener until io_listener_stop returns. */
enum err io_listener_start(struct io *io, struct io_listener *listener) ATTR_MUST_USE;

/* Stops accepting; does not close the socket. No handler is called afterwards. */
void io_listener_stop(struct io *io, struct io_listener *listener);

/* ---- streams (connected sockets) ---- */

struct io_stream;

struct io_stream_ops {
    /* Bytes came in; the view is valid during the call only. May be called several times a turn for one stream. */
    void (*on_data)(struct io_stream *stream, struct bytes data);
    /* The peer closed (ERR_CLOSED) or the socket failed. Called at most once; no on_data follows. After an orderly close
     * sending may still work (a client may shut its own direction and then read its replies). The owner should call
     * io_stream_close. */
    void (*on_end)(struct io_stream *stream, enum err why);
    /* A send that could not complete at once has now completed: io_stream_can_send is true again. */
    void (*on_drained)(struct io_stream *stream);
    /* After io_stream_close: nothing in the backend refers to the stream any more; it may be freed. */
    void (*on_closed)(struct io_stream *stream);
};

/* Embedded in the connection that owns it. All fields but ops are the backend's. */
struct io_stream {
    const struct io_stream_ops *ops;
    int fd;
    uint32_t backend_slot;
    uint32_t flags;
    size_t unsent_bytes;  /* bytes of a short send that the backend still holds; readable by the owner */
    uint64_t sent_turn;   /* the turn of the last io_stream_send */
    struct bytes sending; /* what that send was given */
    char *rest; /* the block with what a short send left over: its last unsent_bytes are still to go */
    size_t rest_bytes;
    struct io *backend;
    struct link link; /* the backend's list */
};

/* Takes fd and begins receiving. The stream must stay at its address until on_closed. After a failure fd is closed and
 * the stream is not in use. */
enum err io_stream_start(struct io *io, struct io_stream *stream, const struct io_stream_ops *ops,
                         int fd) ATTR_MUST_USE;

/* Stops and resumes receiving (back-pressure). Bytes that the backend took from the socket before the pause reached it are
 * still delivered, in this turn or the next. A paused stream does not notice its peer's end. Idempotent. */
void io_stream_pause(struct io *io, struct io_stream *stream);
void io_stream_resume(struct io *io, struct io_stream *stream);

/* True when io_stream_send may be called: no send of this stream is under way and none was made this turn. */
bool io_stream_can_send(const struct io_stream *stream);

/* Prepares one send of at least one byte; at most one per stream and turn, and only while io_stream_can_send. Borrows `data` until the next
 * io_poll returns. What the socket does not take at once the backend copies aside and sends by itself; on_drained
 * follows in that case. Errors come through on_end. */
void io_stream_send(struct io *io, struct io_stream *stream, struct bytes data);

/* Sends at once what the socket takes, at most `data`, and returns how much that was: for output so large that its memory
 * had better be reused while it is in the cache. May be called whenever io_stream_can_send; the rest is the caller's to
 * send in the usual way. 0 also when the socket has failed, which the next usual send will tell, and in a simulation. */
size_t io_stream_send_now(struct io *io, struct io_stream *stream, struct bytes data);

/* Closes: a send prepared before it in the same turn still goes out (as far as the socket takes it at once), then the
 * socket is shut and closed; on_closed follows in a later dispatch. */
void io_stream_close(struct io *io, struct io_stream *stream);

/* ---- files ---- */

enum io_file_kind {
    IO_FILE_WRITE,       /* write all bytes at offset; partial writes are continued by the backend */
    IO_FILE_FSYNC,       /* fdatasync */
    IO_FILE_WRITE_FSYNC, /* the write, and after it succeeded the fdatasync: one completion */
};

struct io_file_op {
    enum io_file_kind kind;
    int fd;
    uint64_t offset;
    struct bytes data; /* borrowed until on_done */
    /* err ERR_OK, or the fault of the write or of the fsync; `written` counts bytes that reached the file. */
    void (*on_done)(struct io_file_op *op, enum err result, size_t written);
    bool fsync_failed; /* tells which half of WRITE_FSYNC failed */

    /* The backend's. */
    size_t done_bytes;
    enum err result;
    unsigned pending; /* completions still to come */
    bool is_pair;     /* io_uring: write and fsync are two requests */
    struct link link;
};

/* Starts the operation; on_done follows in a later dispatch. Several may be under way, and they may run and complete in any
 * order: only the two halves of IO_FILE_WRITE_FSYNC are ordered. Borrows op until on_done. */
void io_file_submit(struct io *io, struct io_file_op *op);

/* Lets what was submitted begin now rather than at the next io_poll, and gives way to the thread that carries it out: with
 * one processor for both, an fsync would else wait until all of the turn's replies are sent. May be called in the middle of
 * a turn, before its first io_stream_send. */
void io_file_begin(struct io *io);

/* ---- synchronous files: start-up, manifest, recovery (real or simulated disk) ---- */

struct io_fs;

/* The real file system, or the one of a simulated node. */
struct io_fs *io_fs_real(void);

/* Each returns a fault; paths are NUL-terminated. Descriptors are those of io_file_op. */
enum err io_fs_open(struct io_fs *fs, const char *path, int flags, mode_t mode, int *fd_out) ATTR_MUST_USE;
enum err io_fs_close(struct io_fs *fs, int fd);
enum err io_fs_size(struct io_fs *fs, int fd, uint64_t *bytes_out) ATTR_MUST_USE;
/* Reads up to len bytes at offset; *read_out < len only at the end of the file. */
enum err io_fs_read(struct io_fs *fs, int fd, void *to, size_t len, uint64_t offset,
                    size_t *read_out) ATTR_MUST_USE;
enum err io_fs_write(struct io_fs *fs, int fd, struct bytes data, uint64_t offset) ATTR_MUST_USE;
enum err io_fs_fsync(struct io_fs *fs, int fd) ATTR_MUST_USE;
enum err io_fs_truncate(struct io_fs *fs, int fd, uint64_t bytes) ATTR_MUST_USE;
enum err io_fs_rename(struct io_fs *fs, const char *from, const char *to) ATTR_MUST_USE;
enum err io_fs_unlink(struct io_fs *fs, const char *path) ATTR_MUST_USE;
enum err io_fs_mkdir(struct io_fs *fs, const char *path) ATTR_MUST_USE; /* ERR_EXISTS if it is there */
enum err io_fs_sync_dir(struct io_fs *fs, const char *path) ATTR_MUST_USE;
/* Calls `each` with the name of every entry of the directory but "." and "..". */
enum err io_fs_list(struct io_fs *fs, const char *path, void (*each)(void *ctx, const char *name),
                    void *ctx) ATTR_MUST_USE;
