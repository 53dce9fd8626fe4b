/* io_sim_world.h: the simulation's shared structure. Private to io_sim*.c:
 *
 *     io_sim.c       the world, its clock and scheduler, and the io backend
 *     io_sim_net.c   connections
 *     io_sim_disk.c  files, names, power cuts */
#pragma once

#include "core/io/io_fs_ops.h"
#include "core/io/io_reaped.h"
#include "core/io/io_sim.h"

#include "core/base/rng.h"

#define SIM_NEVER INT64_MAX

enum sim_fd_kind { SIM_FD_FREE, SIM_FD_LISTENER, SIM_FD_END, SIM_FD_FILE };

struct sim_fd {
    enum sim_fd_kind kind;
    void *object;
};

struct sim_disk;
struct sim_end;
struct sim_port;

struct io_sim {
    struct io_sim_options options;
    struct rng rng;
    int64_t now_ns;
    int64_t wall_jump_ms;
    struct link ios;   /* of struct sim_io */
    struct link ports; /* of struct sim_port */
    struct sim_fd *fds;
    size_t fd_count;
    struct sim_disk **disks; /* by node; NULL where none was made */
    size_t disk_count;
    unsigned accepts_to_fail;
    int accept_errno;
};

struct sim_io {
    struct io base;
    struct io_sim *sim;
    struct link link;      /* in io_sim.ios */
    struct link streams;   /* all that were started and not yet closed */
    struct link listeners; /* of struct sim_listener */
    struct link file_ops;  /* of struct sim_file_op */
    struct io_reaped reaped;
    bool is_awake; /* its last turn was not idle, or somebody woke it */
    int64_t sleeps_until_ns;
};

/* ---- io_sim.c ---- */

/* The lowest free descriptor now means this object. */
int io_sim__take_fd(struct io_sim *sim, enum sim_fd_kind kind, void *object);
void io_sim__free_fd(struct io_sim *sim, int fd);

/* NULL if fd is not of this kind. */
void *io_sim__fd_object(const struct io_sim *sim, int fd, enum sim_fd_kind kind);

/* True in one of `n` cases. */
bool io_sim__chance(struct io_sim *sim, unsigned n);

/* Uniform in [min, max]. */
int64_t io_sim__between(struct io_sim *sim, int64_t min, int64_t max);

/* ---- io_sim_net.c: what the backend does with a connection's end ---- */

/* As io_sim_write, io_sim_read and io_sim_close_fd. */
ssize_t io_sim_net__write(struct io_sim *sim, struct sim_end *end, struct bytes data);
ssize_t io_sim_net__read(struct io_sim *sim, struct sim_end *end, void *to, size_t len);
void io_sim_net__close(struct io_sim *sim, struct sim_end *end);
void io_sim_net__reset(struct io_sim *sim, struct sim_end *end);
void io_sim_net__cut(struct sim_end *end, bool is_cut);

/* When a read, or a write, will give something else than nothing: a time up to now if it would now. */
int64_t io_sim_net__readable_at(const struct sim_end *end);
int64_t io_sim_net__writable_at(const struct io_sim *sim, const struct sim_end *end);

/* Takes a connection that has arrived at the port: a descriptor, or -1. */
int io_sim_net__accept(struct io_sim *sim, struct sim_port *port);
int64_t io_sim_net__acceptable_at(const struct sim_port *port);

void io_sim_net__free_all(struct io_sim *sim);

/* ---- io_sim_disk.c ---- */

/* Performs the operation on the simulated file now; fills in result, done_bytes and fsync_failed. */
void io_sim_disk__perform(struct io_sim *sim, struct io_file_op *op);

/* The moment before which operations on this file do not complete. */
int64_t io_sim_disk__stalled_until(const struct io_sim *sim, int fd);

/* Power is lost under an operation: a part of its write may have been done. */
void io_sim_disk__interrupt(struct io_sim *sim, struct io_file_op *op);
bool io_sim_disk__is_on_node(const struct io_sim *sim, int fd, unsigned node);

/* What io_sim_power_cut does to the disk. */
void io_sim_disk__power_cut(struct io_sim *sim, unsigned node);

void io_sim_disk__free_all(struct io_sim *sim);
