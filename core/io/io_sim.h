/* io_sim.h: a simulated world behind io.h: a clock, a network and one disk per node, all driven by one seed.
 *
 * Several ios (the shards of several nodes) live in one world and are run by a test driver in one thread. The driver asks
 * io_sim_step which io is to run its next turn; time passes only there and in io_sim_advance. The same seed and the same
 * calls give the same run, so a failure is replayed by its seed.
 *
 *     struct io_sim *sim = io_sim_new(&options);
 *     ... io_open with IO_SIM for every shard, io_sim_fs for every node ...
 *     while ((io = io_sim_step(sim)) != NULL)
 *         run one turn (io_poll, the inbox, io_dispatch, the flush) of the shard that owns io
 *
 * io_poll never sleeps here: it returns what is due now, and remembers the timeout for io_sim_step.
 *
 * Descriptors of the world (listeners, connections, files) are numbers from IO_SIM_FD_BASE up and mean nothing to the real
 * kernel. Everything is for one thread, io_wake included. */
#pragma once

#include "core/io/io.h"

#define IO_SIM_FD_BASE (1 << 20)

/* Times in nanoseconds; a field left 0 takes its default. */
struct io_sim_options {
    uint64_t seed;
    int64_t wall_start_ms;    /* wall clock at the beginning; default: some day in 2023 */
    int64_t net_delay_min_ns; /* one-way delay of each piece of a transfer, uniform in [min, max]; */
    int64_t net_delay_max_ns; /* default 10 us to 200 us */
    size_t
        net_window_bytes; /* bytes under way in one direction before the sender must wait; default 64 KiB */
    bool net_whole;       /* transfers are neither split nor read in parts */
    int64_t disk_delay_min_ns; /* from io_file_submit to its completion; */
    int64_t disk_delay_max_ns; /* default 20 us to 2 ms */
};

/* Copies options. */
struct io_sim *io_sim_new(const struct io_sim_options *options);

/* Takes the world. All its ios must have been closed or killed. */
void io_sim_free(struct io_sim *sim);

/* ---- time and turns ---- */

int64_t io_sim_now_ns(const struct io_sim *sim);

/* Lets time pass. */
void io_sim_advance(struct io_sim *sim, int64_t ns);

/* Steps the wall clock, to and fro, as an operator or NTP may. */
void io_sim_jump_wall(struct io_sim *sim, int64_t ms);

/* An io that has reason to run a turn: it was woken, something is due for it, its sleep is over, or its last turn was
 * not idle (idle: io_poll was allowed to sleep and found nothing). If there are several, chance decides; if there
 * is none, time first moves to the earliest reason. NULL: nothing will ever happen by itself. */
struct io *io_sim_step(struct io_sim *sim);

/* Ends an io as a crash of its process would: no handler is called, its streams and file operations are forgotten, its
 * memory is freed. Connections are reset; or, if the machine lost power (`silent`), simply never answer again. */
void io_sim_kill(struct io *io, bool silent);

/* ---- network ---- */

/* Gives a listener's descriptor for io_listener_start; -1 if the port is taken. */
int io_sim_listen(struct io_sim *sim, int port);

/* Gives the client's end of a new connection, to be used by the functions below or by io_stream_start of any io of this
 * world; -1 if nobody listens. */
int io_sim_connect(struct io_sim *sim, int port);

enum { IO_SIM_NOTHING = -1, IO_SIM_RESET = -2 };

/* Gives the bytes taken (0: the window is full), or IO_SIM_RESET when the connection is dead. */
ssize_t io_sim_write(struct io_sim *sim, int fd, struct bytes data);

/* Gives the bytes read, 0 at the end, IO_SIM_NOTHING when nothing has arrived, or IO_SIM_RESET. */
ssize_t io_sim_read(struct io_sim *sim, int fd, void *to, size_t len);

/* Says that no more will be written. */
void io_sim_shutdown(struct io_sim *sim, int fd);

/* Closes a connection's end or a listener: in order, or with a reset that destroys what is under way. */
void io_sim_close_fd(struct io_sim *sim, int fd);
void io_sim_reset(struct io_sim *sim, int fd);

/* From now on the connection carries nothing, not even its end, in either direction; or carries on. */
void io_sim_cut(struct io_sim *sim, int fd, bool is_cut);

/* The next `count` accepts fail with this errno. */
void io_sim_fail_accepts(struct io_sim *sim, unsigned count, int errno_value);

/* ---- disks ---- */

/* What goes wrong on a disk; written by the test, at any time. All zero at first. */
struct io_sim_faults {
    unsigned fail_writes; /* the next n writes fail with ERR_IO */
    unsigned
        fail_fsyncs; /* the next n fsyncs fail with ERR_IO, and what they covered will never become durable */
    unsigned lie_fsyncs;     /* the next n fsyncs report success and do nothing */
    uint64_t capacity_bytes; /* 0: endless; else writes beyond fail with ERR_NOSPACE after what still fits */
    int64_t stall_until_ns;  /* no asynchronous operation completes before */
};

/* The file system of a node, made at the first call. Nodes are small numbers. Borrowed from the world. */
struct io_fs *io_sim_fs(struct io_sim *sim, unsigned node);

struct io_sim_faults *io_sim_faults(struct io_sim *sim, unsigned node);

/* The node loses power. Of what was written and not synced, each page is kept, lost, or torn at sector borders; of the
 * changes of names not yet covered by io_fs_sync_dir, the first few are kept. What was synced stays. Operations under way
 * may have been carried out in part; they never complete. All descriptors of the node's files become invalid. Kill the
 * node's ios afterwards. */
void io_sim_power_cut(struct io_sim *sim, unsigned node);
