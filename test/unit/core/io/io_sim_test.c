/* io_sim_test.c: the simulated world: its scheduler, its determinism, its disk and what power cuts do to it. */
#include "core/io/io_sim.h"

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/base/rng.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>

#define SEEDS 300

static struct io_sim *new_world(uint64_t seed) {
    return io_sim_new(&(struct io_sim_options){.seed = seed});
}

static struct io *open_io(struct io_sim *sim) {
    struct io_options options = {.backend = IO_SIM, .sim = sim};
    struct io *io;
    cr_assert_eq(io_open(&options, &io), ERR_OK);
    return io;
}

/* ---- two nodes that talk ---- */

struct node {
    struct io *io;
    struct io_listener listener;
    struct io_stream stream;
    bool is_open;
    unsigned left; /* messages still to send */
    size_t received;
    bool has_ended;
    bool is_closed;
    uint64_t trace; /* of everything that happened, and when */
};

static void trace(struct node *n, uint64_t what) {
    n->trace = (n->trace ^ what ^ (uint64_t)io_now_ns(n->io)) * 0x100000001b3u;
}

static void node_data(struct io_stream *stream, struct bytes data) {
    struct node *n = CONTAINER_OF(stream, struct node, stream);
    n->received += data.len;
    trace(n, data.len);
}

static void node_end(struct io_stream *stream, enum err why) {
    struct node *n = CONTAINER_OF(stream, struct node, stream);
    n->has_ended = true;
    trace(n, 1000 + (uint64_t)why);
}

static void node_drained(struct io_stream *stream) {
    trace(CONTAINER_OF(stream, struct node, stream), 2000);
}

static void node_closed(struct io_stream *stream) {
    CONTAINER_OF(stream, struct node, stream)->is_closed = true;
}

static const struct io_stream_ops node_ops = {node_data, node_end, node_drained, node_closed};

static void node_accept(struct io_listener *listener, int fd) {
    struct node *n = CONTAINER_OF(listener, struct node, listener);
    cr_assert_eq(io_stream_start(n->io, &n->stream, &node_ops, fd), ERR_OK);
    n->is_open = true;
}

static void node_turn(struct node *n) {
    static char message[3000];
    io_poll(n->io, -1);
    io_dispatch(n->io);
    if (n->is_open && n->left > 0 && io_stream_can_send(&n->stream)) {
        n->left--;
        io_stream_send(n->io, &n->stream, bytes_of(message, sizeof message));
    }
}

/* Two nodes send each other 50 messages. Gives a number that stands for the whole course of events. */
static uint64_t run_pair(uint64_t seed) {
    struct io_sim *sim = new_world(seed);
    struct node nodes[2] = {{.left = 50}, {.left = 50}};
    nodes[0].io = open_io(sim);
    nodes[1].io = open_io(sim);
    nodes[0].listener = (struct io_listener){.on_accept = node_accept, .fd = io_sim_listen(sim, 6379)};
    cr_assert_eq(io_listener_start(nodes[0].io, &nodes[0].listener), ERR_OK);
    cr_assert_eq(io_stream_start(nodes[1].io, &nodes[1].stream, &node_ops, io_sim_connect(sim, 6379)),
                 ERR_OK);
    nodes[1].is_open = true;

    unsigned turns = 0;
    for (struct io *io; (io = io_sim_step(sim)) != NULL; turns++) {
        cr_assert_lt(turns, 100000, "the world does not come to rest");
        node_turn(&nodes[io == nodes[1].io]);
    }
    cr_assert_eq(nodes[0].received, 150000);
    cr_assert_eq(nodes[1].received, 150000);
    uint64_t result = nodes[0].trace ^ nodes[1].trace * 31;
    io_listener_stop(nodes[0].io, &nodes[0].listener);
    for (unsigned i = 0; i < 2; i++) {
        io_stream_close(nodes[i].io, &nodes[i].stream);
        for (unsigned n = 0; n < 3 && !nodes[i].is_closed; n++)
            node_turn(&nodes[i]);
        cr_assert(nodes[i].is_closed);
        io_close(nodes[i].io);
    }
    io_sim_free(sim);
    return result;
}

Test(io_sim, the_same_seed_gives_the_same_run_and_another_seed_another) {
    uint64_t first = run_pair(1);
    cr_assert_eq(run_pair(1), first);
    unsigned different = 0;
    for (uint64_t seed = 2; seed < 12; seed++)
        different += run_pair(seed) != first;
    cr_assert_eq(different, 10);
}

Test(io_sim, time_moves_to_the_end_of_the_next_sleep_when_nothing_else_is_due) {
    struct io_sim *sim = new_world(3);
    struct io *io = open_io(sim);
    cr_assert_eq(io_sim_step(sim), io, "a new io runs at once");
    int64_t before = io_sim_now_ns(sim);
    cr_assert_eq(io_poll(io, 5000000), 0);
    cr_assert_eq(io_sim_step(sim), io);
    cr_assert_eq(io_sim_now_ns(sim), before + 5000000);
    io_poll(io, -1);
    cr_assert_null(io_sim_step(sim));
    io_wake(io);
    cr_assert_eq(io_sim_step(sim), io);
    io_close(io);
    io_sim_free(sim);
}

Test(io_sim, the_wall_clock_can_jump_and_the_other_cannot) {
    struct io_sim *sim = new_world(3);
    struct io *io = open_io(sim);
    io_poll(io, 0);
    int64_t wall = io_wall_ms(io), now = io_now_ns(io);
    io_sim_advance(sim, 3000000);
    io_sim_jump_wall(sim, -5000);
    io_poll(io, 0);
    cr_assert_eq(io_wall_ms(io), wall + 3 - 5000);
    cr_assert_eq(io_now_ns(io), now + 3000000);
    io_close(io);
    io_sim_free(sim);
}

/* A client and a node with one connection; the node's io is killed. What does the client see? */
static ssize_t client_after_kill(bool silent) {
    struct io_sim *sim = new_world(5);
    struct node node = {.io = open_io(sim)};
    int port = io_sim_listen(sim, 1);
    node.listener = (struct io_listener){.on_accept = node_accept, .fd = port};
    cr_assert_eq(io_listener_start(node.io, &node.listener), ERR_OK);
    int fd = io_sim_connect(sim, 1);
    while (!node.is_open) {
        io_sim_advance(sim, 100000);
        node_turn(&node);
    }
    io_sim_kill(node.io, silent);
    io_sim_advance(sim, 1000000000);
    char byte;
    ssize_t result = io_sim_read(sim, fd, &byte, 1);
    if (silent)
        cr_assert_eq(io_sim_write(sim, fd, BYTES_LIT("anybody there?")), 14);
    io_sim_close_fd(sim, fd);
    io_sim_free(sim);
    return result;
}

Test(io_sim, a_killed_io_resets_its_connections_or_falls_silent) {
    cr_assert_eq(client_after_kill(false), IO_SIM_RESET);
    cr_assert_eq(client_after_kill(true), IO_SIM_NOTHING);
}

Test(io_sim, a_cut_connection_carries_nothing_until_it_is_mended) {
    struct io_sim *sim = new_world(5);
    struct node node = {.io = open_io(sim)};
    node.listener = (struct io_listener){.on_accept = node_accept, .fd = io_sim_listen(sim, 1)};
    cr_assert_eq(io_listener_start(node.io, &node.listener), ERR_OK);
    int fd = io_sim_connect(sim, 1);
    while (!node.is_open) {
        io_sim_advance(sim, 100000);
        node_turn(&node);
    }
    io_sim_cut(sim, fd, true);
    io_sim_write(sim, fd, BYTES_LIT("hello"));
    for (unsigned i = 0; i < 20; i++) {
        io_sim_advance(sim, 1000000);
        node_turn(&node);
    }
    cr_assert_eq(node.received, 0);
    io_sim_cut(sim, fd, false);
    while (node.received < 5)
        node_turn(&node);
    io_sim_kill(node.io, false);
    io_sim_free(sim);
}

/* ---- disk: asynchronous operations ---- */

struct file_op {
    struct io_file_op op;
    unsigned done;
    enum err result;
    size_t written;
};

static void op_done(struct io_file_op *op, enum err result, size_t written) {
    struct file_op *f = CONTAINER_OF(op, struct file_op, op);
    f->done++;
    f->result = result;
    f->written = written;
}

static int open_file(struct io_fs *fs, const char *path) {
    int fd;
    cr_assert_eq(io_fs_open(fs, path, O_RDWR | O_CREAT, 0644, &fd), ERR_OK);
    return fd;
}

static struct file_op run_op(struct io_sim *sim, struct io *io, enum io_file_kind kind, int fd,
                             struct bytes data) {
    struct file_op f = {.op = {.kind = kind, .fd = fd, .data = data, .on_done = op_done}};
    io_file_submit(io, &f.op);
    while (f.done == 0) {
        cr_assert_eq(io_sim_step(sim), io);
        io_poll(io, -1);
        io_dispatch(io);
    }
    return f;
}

Test(io_sim, file_operations_complete_later_and_fail_as_they_are_told_to) {
    struct io_sim *sim = new_world(9);
    struct io *io = open_io(sim);
    struct io_fs *fs = io_sim_fs(sim, 0);
    struct io_sim_faults *faults = io_sim_faults(sim, 0);
    int fd = open_file(fs, "file");
    int64_t before = io_sim_now_ns(sim);
    struct file_op f = run_op(sim, io, IO_FILE_WRITE_FSYNC, fd, BYTES_LIT("0123456789"));
    cr_assert_eq(f.result, ERR_OK);
    cr_assert_eq(f.written, 10);
    cr_assert_gt(io_sim_now_ns(sim), before);

    faults->fail_writes = 1;
    f = run_op(sim, io, IO_FILE_WRITE_FSYNC, fd, BYTES_LIT("abc"));
    cr_assert(f.result == ERR_IO && f.written == 0 && !f.op.fsync_failed);
    faults->fail_fsyncs = 1;
    f = run_op(sim, io, IO_FILE_WRITE_FSYNC, fd, BYTES_LIT("abc"));
    cr_assert(f.result == ERR_IO && f.written == 3 && f.op.fsync_failed);
    faults->capacity_bytes = 12;
    f = run_op(sim, io, IO_FILE_WRITE, fd, BYTES_LIT("a line of twenty-five chars"));
    cr_assert(f.result == ERR_NOSPACE && f.written == 12);
    faults->stall_until_ns = io_sim_now_ns(sim) + 5000000000;
    f = run_op(sim, io, IO_FILE_FSYNC, fd, BYTES_NONE);
    cr_assert_eq(f.result, ERR_OK);
    cr_assert_eq(io_sim_now_ns(sim), faults->stall_until_ns);
    io_close(io);
    io_sim_free(sim);
}

/* ---- disk: power cuts ---- */

/* True if the file is there; its content then. */
static bool read_file(struct io_fs *fs, const char *path, char *to, size_t size, size_t *len_out) {
    int fd;
    *len_out = 0;
    enum err e = io_fs_open(fs, path, O_RDONLY, 0, &fd);
    if (e == ERR_NOTFOUND)
        return false;
    cr_assert_eq(e, ERR_OK);
    cr_assert_eq(io_fs_read(fs, fd, to, size, 0, len_out), ERR_OK);
    cr_assert_eq(io_fs_close(fs, fd), ERR_OK);
    return true;
}

Test(io_sim, what_was_synced_survives_a_power_cut_and_the_rest_may_not) {
    unsigned kept = 0, lost = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct io_sim *sim = new_world(seed);
        struct io_fs *fs = io_sim_fs(sim, 0);
        int fd = open_file(fs, "dir-less");
        cr_assert_eq(io_fs_write(fs, fd, BYTES_LIT("durable"), 0), ERR_OK);
        cr_assert_eq(io_fs_fsync(fs, fd), ERR_OK);
        cr_assert_eq(io_fs_sync_dir(fs, "."), ERR_OK);
        cr_assert_eq(io_fs_write(fs, fd, BYTES_LIT("fleeting"), 8192), ERR_OK);
        io_sim_power_cut(sim, 0);
        cr_assert_neq(io_fs_fsync(fs, fd), ERR_OK, "the descriptor outlived the power");
        static char got[20000];
        size_t len;
        cr_assert(read_file(fs, "dir-less", got, sizeof got, &len));
        cr_assert_geq(len, 7);
        cr_assert_arr_eq(got, "durable", 7);
        bool is_kept = len == 8200 && memcmp(got + 8192, "fleeting", 8) == 0;
        kept += is_kept;
        lost += !is_kept;
        io_sim_free(sim);
    }
    cr_assert(kept > SEEDS / 10 && lost > SEEDS / 10, "%u kept, %u lost", kept, lost);
}

enum { SECTOR = 512, SECTORS = 64 };

/* Sectors are written with rising version numbers, synced now and then, and the power fails: each sector must hold a
 * version between the one synced last and the one written last. */
static unsigned sectors_lost(uint64_t seed) {
    struct io_sim *sim = new_world(seed);
    struct io_fs *fs = io_sim_fs(sim, 2);
    struct rng r;
    rng_init(&r, seed);
    uint32_t written[SECTORS] = {0}, synced[SECTORS] = {0};
    unsigned lost = 0;
    int fd = open_file(fs, "f");
    cr_assert_eq(io_fs_sync_dir(fs, "/"), ERR_OK);
    for (uint32_t version = 1; version < 200; version++) {
        unsigned first = (unsigned)rng_below(&r, SECTORS);
        unsigned count = 1 + (unsigned)rng_below(&r, SECTORS - first);
        static uint32_t block[SECTORS][SECTOR / 4];
        for (unsigned i = first; i < first + count; i++) {
            for (unsigned k = 0; k < SECTOR / 4; k++)
                block[i][k] = version;
            written[i] = version;
        }
        cr_assert_eq(
            io_fs_write(fs, fd, bytes_of(block[first], (size_t)count * SECTOR), (uint64_t)first * SECTOR),
            ERR_OK);
        if (rng_below(&r, 10) == 0) {
            cr_assert_eq(io_fs_fsync(fs, fd), ERR_OK);
            memcpy(synced, written, sizeof synced);
        }
    }
    io_sim_power_cut(sim, 2);
    static uint32_t got[SECTORS][SECTOR / 4];
    size_t len;
    memset(got, 0, sizeof got);
    cr_assert(read_file(fs, "f", (char *)got, sizeof got, &len));
    for (unsigned i = 0; i < SECTORS; i++) {
        for (unsigned k = 1; k < SECTOR / 4; k++)
            cr_assert_eq(got[i][k], got[i][0], "a sector is torn");
        cr_assert_geq(got[i][0], synced[i], "seed %lu: sector %u lost what was synced", (unsigned long)seed,
                      i);
        cr_assert_leq(got[i][0], written[i]);
        lost += got[i][0] < written[i];
    }
    io_sim_free(sim);
    return lost;
}

Test(io_sim, every_sector_holds_a_version_between_the_last_synced_and_the_last_written) {
    unsigned runs_with_loss = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        runs_with_loss += sectors_lost(seed) > 0;
    cr_assert_gt(runs_with_loss, SEEDS / 4);
}

Test(io_sim, a_name_is_durable_only_after_its_directory_was_synced) {
    unsigned there = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct io_sim *sim = new_world(seed);
        struct io_fs *fs = io_sim_fs(sim, 0);
        char got[16];
        size_t len;
        cr_assert_eq(io_fs_mkdir(fs, "d"), ERR_OK);
        cr_assert_eq(io_fs_sync_dir(fs, ""), ERR_OK);
        cr_assert_eq(io_fs_fsync(fs, open_file(fs, "d/synced")), ERR_OK);
        cr_assert_eq(io_fs_sync_dir(fs, "d/"), ERR_OK);
        cr_assert_eq(io_fs_fsync(fs, open_file(fs, "d/unsynced")), ERR_OK);
        io_sim_power_cut(sim, 0);
        cr_assert(read_file(fs, "./d/synced", got, sizeof got, &len));
        there += read_file(fs, "d/unsynced", got, sizeof got, &len);
        io_sim_free(sim);
    }
    cr_assert(there > SEEDS / 10 && there < SEEDS * 9 / 10, "%u of %u", there, SEEDS);
}

/* The manifest's way: write a new file, sync it, rename it over the old one. */
Test(io_sim, a_rename_over_a_file_leaves_the_old_content_or_the_new_one) {
    unsigned old_count = 0, new_count = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct io_sim *sim = new_world(seed);
        struct io_fs *fs = io_sim_fs(sim, 0);
        char got[16];
        size_t len;
        int fd = open_file(fs, "manifest");
        cr_assert_eq(io_fs_write(fs, fd, BYTES_LIT("old"), 0), ERR_OK);
        cr_assert_eq(io_fs_fsync(fs, fd), ERR_OK);
        cr_assert_eq(io_fs_sync_dir(fs, ""), ERR_OK);
        fd = open_file(fs, "manifest.tmp");
        cr_assert_eq(io_fs_write(fs, fd, BYTES_LIT("new"), 0), ERR_OK);
        cr_assert_eq(io_fs_fsync(fs, fd), ERR_OK);
        cr_assert_eq(io_fs_rename(fs, "manifest.tmp", "manifest"), ERR_OK);
        io_sim_power_cut(sim, 0);
        cr_assert(read_file(fs, "manifest", got, sizeof got, &len));
        cr_assert_eq(len, 3);
        bool is_new = memcmp(got, "new", 3) == 0;
        cr_assert(is_new || memcmp(got, "old", 3) == 0);
        new_count += is_new;
        old_count += !is_new;
        io_sim_free(sim);
    }
    cr_assert(old_count > SEEDS / 10 && new_count > SEEDS / 10);
}

Test(io_sim, bytes_under_a_failed_or_lying_fsync_are_lost_although_a_later_one_succeeds) {
    struct io_sim *sim = new_world(1);
    struct io_fs *fs = io_sim_fs(sim, 0);
    struct io_sim_faults *faults = io_sim_faults(sim, 0);
    static char page[4096];
    memset(page, 'x', sizeof page);
    int fd = open_file(fs, "f");
    cr_assert_eq(io_fs_truncate(fs, fd, 3 * sizeof page), ERR_OK);
    cr_assert_eq(io_fs_fsync(fs, fd), ERR_OK);
    cr_assert_eq(io_fs_sync_dir(fs, ""), ERR_OK);
    unsigned lost_by_failure = 0, lost_by_lie = 0;
    for (unsigned i = 0; i < 50; i++) {
        fd = open_file(fs, "f");
        memset(page, 'a' + (int)i % 26, sizeof page);
        faults->fail_fsyncs = 1;
        cr_assert_eq(io_fs_write(fs, fd, bytes_of(page, sizeof page), 0), ERR_OK);
        cr_assert_eq(io_fs_fsync(fs, fd), ERR_IO);
        cr_assert_eq(io_fs_fsync(fs, fd), ERR_OK);
        faults->lie_fsyncs = 1;
        cr_assert_eq(io_fs_write(fs, fd, bytes_of(page, sizeof page), sizeof page), ERR_OK);
        cr_assert_eq(io_fs_fsync(fs, fd), ERR_OK);
        static char got[3 * sizeof page];
        size_t len;
        cr_assert(read_file(fs, "f", got, sizeof got, &len));
        cr_assert_arr_eq(got, page, sizeof page, "before the cut all is to be seen");
        io_sim_power_cut(sim, 0);
        cr_assert(read_file(fs, "f", got, sizeof got, &len));
        lost_by_failure += memcmp(got, page, sizeof page) != 0;
        lost_by_lie += memcmp(got + sizeof page, page, sizeof page) != 0;
    }
    cr_assert_gt(lost_by_failure, 25);
    cr_assert_gt(lost_by_lie, 10);
    io_sim_free(sim);
}

Test(io_sim, a_write_under_way_when_the_power_fails_never_completes) {
    unsigned parts[3] = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct io_sim *sim = new_world(seed);
        struct io *io = open_io(sim);
        struct io_fs *fs = io_sim_fs(sim, 0);
        int fd = open_file(fs, "f");
        cr_assert_eq(io_fs_sync_dir(fs, ""), ERR_OK);
        static char block[20000];
        memset(block, 'x', sizeof block);
        struct file_op f = {.op = {.kind = IO_FILE_WRITE_FSYNC,
                                   .fd = fd,
                                   .data = bytes_of(block, sizeof block),
                                   .on_done = op_done}};
        io_file_submit(io, &f.op);
        io_sim_power_cut(sim, 0);
        io_sim_kill(io, true);
        cr_assert_eq(f.done, 0);
        static char got[sizeof block + 1];
        size_t len;
        cr_assert(read_file(fs, "f", got, sizeof got, &len));
        cr_assert_leq(len, sizeof block);
        parts[len == 0 ? 0 : len < sizeof block ? 1 : 2]++;
        io_sim_free(sim);
    }
    cr_assert(parts[0] > 0 && parts[1] > SEEDS / 10);
}

static void collect(void *ctx, const char *name) {
    buf_printf(ctx, "%s ", name);
}

Test(io_sim, the_simulated_file_system_answers_as_the_real_one) {
    struct io_sim *sim = new_world(1);
    struct io_fs *fs = io_sim_fs(sim, 7);
    int fd;
    cr_assert_eq(io_fs_open(fs, "/a/b", O_RDWR | O_CREAT, 0644, &fd), ERR_NOTFOUND);
    cr_assert_eq(io_fs_mkdir(fs, "/a"), ERR_OK);
    cr_assert_eq(io_fs_mkdir(fs, "/a/"), ERR_EXISTS);
    cr_assert_eq(io_fs_open(fs, "/a/b", O_RDWR | O_CREAT | O_EXCL, 0644, &fd), ERR_OK);
    cr_assert_geq(fd, IO_SIM_FD_BASE);
    cr_assert_eq(io_fs_write(fs, fd, BYTES_LIT("0123456789"), 2), ERR_OK);
    cr_assert_eq(io_fs_truncate(fs, fd, 6), ERR_OK);
    uint64_t size;
    cr_assert_eq(io_fs_size(fs, fd, &size), ERR_OK);
    cr_assert_eq(size, 6);
    char got[8];
    size_t n;
    cr_assert_eq(io_fs_read(fs, fd, got, sizeof got, 1, &n), ERR_OK);
    cr_assert_eq(n, 5);
    cr_assert_arr_eq(got,
                     "\0"
                     "0123",
                     5);
    cr_assert_eq(io_fs_open(fs, "/a/b", O_RDWR | O_CREAT | O_EXCL, 0644, &fd), ERR_EXISTS);
    cr_assert_eq(io_fs_rename(fs, "/a/b", "/c"), ERR_OK);
    cr_assert_eq(io_fs_rename(fs, "/a/b", "/c"), ERR_NOTFOUND);
    struct buf names;
    buf_init(&names);
    cr_assert_eq(io_fs_list(fs, "", collect, &names), ERR_OK);
    cr_assert_eq(names.len, 4);
    cr_assert_eq(io_fs_list(fs, "a", collect, &names), ERR_OK);
    cr_assert_eq(names.len, 4, "the directory is empty now");
    cr_assert_eq(io_fs_list(fs, "nowhere", collect, &names), ERR_NOTFOUND);
    buf_deinit(&names);
    cr_assert_eq(io_fs_unlink(fs, "c"), ERR_OK);
    cr_assert_eq(io_fs_unlink(fs, "c"), ERR_NOTFOUND);
    io_sim_free(sim);
}
