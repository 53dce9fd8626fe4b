/* aof_writer_test.c: what is told durable is durable, on real files and on a simulated disk that fails. */
#include "persist/aof_writer.h"

#include "core/base/rng.h"
#include "persist/segment_scan.h"
#include "test/unit/persist/segment_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct desk {
    struct aof_writer writer;
    struct io_sim *sim; /* NULL: real files */
    struct io_fs *fs;
    struct io *io;
    uint64_t told;
    unsigned faults;
    unsigned heals;
    int64_t step_ns; /* of a turn in the simulation */
};

static void on_durable(struct aof_writer *w) {
    struct desk *desk = CONTAINER_OF(w, struct desk, writer);
    cr_assert_gt(w->durable, desk->told);
    desk->told = w->durable;
}

static void on_fault(struct aof_writer *w) {
    struct desk *desk = CONTAINER_OF(w, struct desk, writer);
    if (w->fault == ERR_OK)
        desk->heals++;
    else
        desk->faults++;
}

static void on_took(struct aof_writer *w, enum io_file_kind kind, int64_t ns) {
    (void)w;
    (void)kind;
    cr_assert_geq(ns, 0);
}

static const struct aof_writer_ops ops = {on_durable, on_fault, on_took};

static void desk_begin(struct desk *desk, const char *path) {
    struct buf head = {0};
    int fd;
    rig_put_header(&head, 7, 0, 1);
    cr_assert_eq(io_fs_open(desk->fs, path, O_RDWR | O_CREAT | O_TRUNC, 0644, &fd), ERR_OK);
    cr_assert_eq(io_fs_write(desk->fs, fd, buf_bytes(&head), 0), ERR_OK);
    cr_assert_eq(io_fs_fsync(desk->fs, fd), ERR_OK);
    aof_writer_open(&desk->writer,
                    &(struct aof_writer_options){
                        .ops = &ops, .io = desk->io, .fs = desk->fs, .fd = fd, .id = 7, .offset = head.len});
    buf_deinit(&head);
}

static struct desk *desk_new_sim(uint64_t seed) {
    static struct desk desk; /* stays at its address: the writer is embedded */
    desk = (struct desk){.sim = io_sim_new(&(struct io_sim_options){.seed = seed}), .step_ns = 5000000};
    desk.fs = io_sim_fs(desk.sim, 0);
    cr_assert_eq(io_open(&(struct io_options){.backend = IO_SIM, .sim = desk.sim}, &desk.io), ERR_OK);
    desk_begin(&desk, "s");
    cr_assert_eq(io_fs_sync_dir(desk.fs, "."), ERR_OK);
    return &desk;
}

static void desk_put(struct desk *desk, enum aof_sync sync) {
    struct segment_frame f = {.kind = SEGMENT_EFFECTS, .is_always = sync == AOF_SYNC_ALWAYS};
    aof_writer_append(&desk->writer, &f, BYTES_LIT("*1\r\n$4\r\nPING\r\n"));
}

static void desk_turn(struct desk *desk, enum aof_sync sync) {
    aof_writer_flush(&desk->writer, sync);
    if (desk->sim)
        io_sim_advance(desk->sim, desk->step_ns);
    io_poll(desk->io, desk->sim ? 0 : 5000000);
    io_dispatch(desk->io);
}

/* Number of the last frame that the file has now. */
static uint64_t desk_count(struct desk *desk, const char *path, struct segment_scan *scan) {
    struct segment_reader r;
    char why[512];
    cr_assert_eq(segment_reader_open(&r, desk->fs, path), ERR_OK);
    cr_assert_eq(segment_scan(&r, scan, why, sizeof why), ERR_OK, "%s", why);
    segment_reader_close(&r);
    uint64_t seq = scan->seq;
    segment_scan_deinit(scan);
    return seq;
}

Test(aof_writer, on_real_files_every_frame_becomes_durable) {
    static const enum io_backend backends[] = {IO_URING, IO_EPOLL};
    static const enum aof_sync syncs[] = {AOF_SYNC_ALWAYS, AOF_SYNC_EVERYSEC};
    for (size_t b = 0; b < COUNT_OF(backends) * COUNT_OF(syncs); b++) {
        static struct desk desk;
        char path[] = "/tmp/basalt-writer-XXXXXX";
        struct segment_scan scan;
        enum aof_sync sync = syncs[b / 2];
        int fd = mkstemp(path);
        cr_assert_geq(fd, 0);
        close(fd);
        desk = (struct desk){.fs = io_fs_real()};
        cr_assert_eq(io_open(&(struct io_options){.backend = backends[b % 2]}, &desk.io), ERR_OK);
        desk_begin(&desk, path);
        for (int i = 0; i < 200; i++) {
            for (int n = 0; n < 5; n++)
                desk_put(&desk, sync);
            desk_turn(&desk, sync);
        }
        for (int i = 0; desk.told < 1000; i++) {
            cr_assert_lt(i, 1000);
            desk_turn(&desk, sync);
        }
        while (!aof_writer_is_idle(&desk.writer))
            desk_turn(&desk, sync);
        cr_assert_eq(desk_count(&desk, path, &scan), 1000);
        cr_assert_eq(desk.faults, 0);
        aof_writer_close(&desk.writer);
        io_close(desk.io);
        unlink(path);
    }
}

Test(aof_writer, what_was_told_durable_survives_a_power_cut_at_any_time, .timeout = 120) {
    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct desk *desk = desk_new_sim(seed);
        struct segment_scan scan;
        struct rng rng;
        rng_init(&rng, seed);
        enum aof_sync sync = (enum aof_sync)rng_below(&rng, 3);
        for (uint64_t turns = rng_below(&rng, 400); turns > 0; turns--) {
            for (uint64_t n = rng_below(&rng, 4); n > 0; n--)
                desk_put(desk, sync);
            desk_turn(desk, sync);
        }
        uint64_t told = desk->told, appended = desk->writer.appended;
        io_sim_power_cut(desk->sim, 0);
        io_sim_kill(desk->io, true);
        uint64_t kept = desk_count(desk, "s", &scan);
        cr_assert(kept >= told && kept <= appended, "seed %zu: %zu of %zu", (size_t)seed, (size_t)kept,
                  (size_t)told);
        buf_deinit(&desk->writer.fill);
        buf_deinit(&desk->writer.flight);
        io_sim_free(desk->sim);
    }
}

Test(aof_writer, a_full_disk_is_cut_back_to_whole_frames_and_heals) {
    struct desk *desk = desk_new_sim(1);
    struct segment_scan scan;
    io_sim_faults(desk->sim, 0)->capacity_bytes = 5000;
    for (int i = 0; i < 500; i++) {
        desk_put(desk, AOF_SYNC_ALWAYS);
        desk_turn(desk, AOF_SYNC_ALWAYS);
    }
    cr_assert(desk->faults > 0 && desk->writer.fault == ERR_NOSPACE && !desk->writer.is_poisoned);
    uint64_t size;
    cr_assert_eq(io_fs_size(desk->fs, desk->writer.fd, &size), ERR_OK);
    cr_assert_eq(size, desk->writer.offset, "something stands behind the last whole frame");
    cr_assert_eq(desk_count(desk, "s", &scan), desk->writer.written);
    cr_assert_eq(desk->told, desk->writer.written);
    io_sim_faults(desk->sim, 0)->capacity_bytes = 0;
    for (int i = 0; i < 500 && desk->told < 500; i++)
        desk_turn(desk, AOF_SYNC_ALWAYS);
    cr_assert_eq(desk->told, 500);
    cr_assert_eq(desk->heals, 1);
    cr_assert_eq(desk_count(desk, "s", &scan), 500);
    aof_writer_close(&desk->writer);
    io_close(desk->io);
    io_sim_free(desk->sim);
}

Test(aof_writer, a_failed_write_is_repeated) {
    struct desk *desk = desk_new_sim(1);
    struct segment_scan scan;
    io_sim_faults(desk->sim, 0)->fail_writes = 3;
    desk_put(desk, AOF_SYNC_EVERYSEC);
    for (int i = 0; i < 2000 && desk->told < 1; i++)
        desk_turn(desk, AOF_SYNC_EVERYSEC);
    cr_assert_eq(desk->told, 1);
    cr_assert(desk->faults == 3 && desk->heals == 1);
    cr_assert_eq(desk_count(desk, "s", &scan), 1);
    aof_writer_close(&desk->writer);
    io_close(desk->io);
    io_sim_free(desk->sim);
}

/* The kernel tells of a failed fsync once. Asking again would be answered with success, without the data. */
Test(aof_writer, nothing_is_written_or_told_durable_after_a_failed_fsync) {
    static const enum aof_sync syncs[] = {AOF_SYNC_ALWAYS, AOF_SYNC_EVERYSEC};
    for (size_t s = 0; s < COUNT_OF(syncs); s++) {
        struct desk *desk = desk_new_sim(s + 1);
        io_sim_faults(desk->sim, 0)->fail_fsyncs = 1;
        for (int i = 0; i < 1000; i++) {
            desk_put(desk, syncs[s]);
            desk_turn(desk, syncs[s]);
        }
        cr_assert(desk->writer.is_poisoned && desk->faults == 1 && desk->heals == 0);
        cr_assert_eq(desk->told, 0);
        cr_assert(aof_writer_is_idle(&desk->writer));
        aof_writer_close(&desk->writer);
        io_close(desk->io);
        io_sim_free(desk->sim);
    }
}

Test(aof_writer, under_everysec_writes_go_on_while_an_fsync_is_slow) {
    struct desk *desk = desk_new_sim(1);
    bool has_overtaken = false;
    desk->step_ns = 100000;
    for (int i = 0; i < 50000 && !has_overtaken; i++) {
        desk_put(desk, AOF_SYNC_EVERYSEC);
        desk_turn(desk, AOF_SYNC_EVERYSEC);
        has_overtaken = desk->writer.is_syncing && desk->writer.written > desk->writer.syncing;
    }
    cr_assert(has_overtaken, "no write was completed beside an fsync");
    while (!aof_writer_is_idle(&desk->writer))
        desk_turn(desk, AOF_SYNC_NO);
    aof_writer_close(&desk->writer);
    io_close(desk->io);
    io_sim_free(desk->sim);
}
