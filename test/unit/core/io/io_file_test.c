/* io_file_test.c: file operations of every backend that has real files, and the synchronous ones. */
#include "core/base/buf.h"
#include "core/io/io.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static const enum io_backend backends[] = {IO_URING, IO_EPOLL};

struct file_op {
    struct io_file_op op;
    unsigned done;
    enum err result;
    size_t written;
};

static void on_done(struct io_file_op *op, enum err result, size_t written) {
    struct file_op *f = CONTAINER_OF(op, struct file_op, op);
    f->done++;
    f->result = result;
    f->written = written;
}

static struct io *open_io(enum io_backend backend) {
    struct io_options options = {.backend = backend};
    struct io *io;
    cr_assert_eq(io_open(&options, &io), ERR_OK);
    return io;
}

static struct file_op file_op_of(enum io_file_kind kind, int fd, uint64_t offset, struct bytes data) {
    return (struct file_op){
        .op = {.kind = kind, .fd = fd, .offset = offset, .data = data, .on_done = on_done},
        .result = ERR_COUNT};
}

static void run(struct io *io, struct file_op *f) {
    io_file_submit(io, &f->op);
    for (unsigned i = 0; i < 5000 && f->done == 0; i++) {
        io_poll(io, 2000000);
        io_dispatch(io);
    }
    cr_assert_eq(f->done, 1);
}

static int temporary_file(char path[64]) {
    snprintf(path, 64, "/tmp/basalt-io-XXXXXX");
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    return fd;
}

Test(io_file, a_write_with_fsync_reaches_the_file_and_completes_once) {
    for (unsigned i = 0; i < COUNT_OF(backends); i++) {
        struct io *io = open_io(backends[i]);
        char path[64];
        int fd = temporary_file(path);
        struct file_op f = file_op_of(IO_FILE_WRITE_FSYNC, fd, 5, BYTES_LIT("durable"));
        run(io, &f);
        cr_assert_eq(f.result, ERR_OK);
        cr_assert_eq(f.written, 7);
        char got[16];
        cr_assert_eq(pread(fd, got, sizeof got, 0), 12);
        cr_assert_arr_eq(got, "\0\0\0\0\0durable", 12);
        f = file_op_of(IO_FILE_FSYNC, fd, 0, BYTES_NONE);
        run(io, &f);
        cr_assert_eq(f.result, ERR_OK);
        close(fd);
        unlink(path);
        io_close(io);
    }
}

Test(io_file, a_full_device_is_reported_as_no_space) {
    for (unsigned i = 0; i < COUNT_OF(backends); i++) {
        struct io *io = open_io(backends[i]);
        int fd = open("/dev/full", O_WRONLY);
        cr_assert_geq(fd, 0);
        static const enum io_file_kind kinds[] = {IO_FILE_WRITE, IO_FILE_WRITE_FSYNC};
        for (unsigned k = 0; k < COUNT_OF(kinds); k++) {
            struct file_op f = file_op_of(kinds[k], fd, 0, BYTES_LIT("nowhere to go"));
            run(io, &f);
            cr_assert_eq(f.result, ERR_NOSPACE);
            cr_assert_eq(f.written, 0);
            cr_assert_not(f.op.fsync_failed, "the write failed, not the fsync");
        }
        close(fd);
        io_close(io);
    }
}

/* This device takes writes but has no fsync. */
Test(io_file, a_failed_fsync_is_told_from_a_failed_write) {
    for (unsigned i = 0; i < COUNT_OF(backends); i++) {
        struct io *io = open_io(backends[i]);
        int fd = open("/dev/null", O_WRONLY);
        struct file_op f = file_op_of(IO_FILE_WRITE_FSYNC, fd, 0, BYTES_LIT("abc"));
        run(io, &f);
        cr_assert_eq(f.result, ERR_INVALID);
        cr_assert_eq(f.written, 3);
        cr_assert(f.op.fsync_failed);
        close(fd);
        io_close(io);
    }
}

/* A limit on the file's size makes the kernel write a part of what it was asked for, then refuse the rest. */
Test(io_file, a_short_write_is_continued_and_its_fault_reported_with_the_bytes_written) {
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit old, limit;
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    limit = old;
    limit.rlim_cur = 1000;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    for (unsigned i = 0; i < COUNT_OF(backends); i++) {
        struct io *io = open_io(backends[i]);
        char path[64];
        int fd = temporary_file(path);
        static char block[4096];
        struct file_op f = file_op_of(IO_FILE_WRITE_FSYNC, fd, 0, bytes_of(block, sizeof block));
        run(io, &f);
        cr_assert_eq(f.result, ERR_IO);
        cr_assert_eq(f.written, 1000);
        cr_assert_not(f.op.fsync_failed);
        close(fd);
        unlink(path);
        io_close(io);
    }
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
}

Test(io_file, a_descriptor_open_for_reading_refuses_writes) {
    for (unsigned i = 0; i < COUNT_OF(backends); i++) {
        struct io *io = open_io(backends[i]);
        int fd = open("/dev/null", O_RDONLY);
        struct file_op f = file_op_of(IO_FILE_WRITE_FSYNC, fd, 0, BYTES_LIT("abc"));
        run(io, &f);
        cr_assert_neq(f.result, ERR_OK);
        cr_assert_eq(f.written, 0);
        close(fd);
        io_close(io);
    }
}

Test(io_file, many_operations_may_be_under_way) {
    enum { COUNT = 500, BYTES = 4096 };
    for (unsigned i = 0; i < COUNT_OF(backends); i++) {
        struct io *io = open_io(backends[i]);
        char path[64];
        int fd = temporary_file(path);
        static struct file_op ops[COUNT];
        static char blocks[COUNT][BYTES];
        for (unsigned n = 0; n < COUNT; n++) {
            memset(blocks[n], (int)n, BYTES);
            ops[n] = file_op_of(n % 7 ? IO_FILE_WRITE : IO_FILE_WRITE_FSYNC, fd, (uint64_t)n * BYTES,
                                bytes_of(blocks[n], BYTES));
            io_file_submit(io, &ops[n].op);
        }
        for (unsigned n = 0; n < COUNT; n++) {
            while (ops[n].done == 0) {
                io_poll(io, -1);
                io_dispatch(io);
            }
            cr_assert_eq(ops[n].result, ERR_OK);
            cr_assert_eq(ops[n].written, BYTES);
            char got[BYTES];
            cr_assert_eq(pread(fd, got, BYTES, (off_t)n * BYTES), BYTES);
            cr_assert_arr_eq(got, blocks[n], BYTES);
        }
        close(fd);
        unlink(path);
        io_close(io);
    }
}

/* ---- synchronous ---- */

static void count_name(void *ctx, const char *name) {
    unsigned *count = ctx;
    *count += strcmp(name, "b") == 0 ? 1 : 100;
}

Test(io_fs, the_real_file_system_does_what_the_header_says) {
    struct io_fs *fs = io_fs_real();
    char root[] = "/tmp/basalt-io-XXXXXX";
    cr_assert_not_null(mkdtemp(root));
    char dir[64], a[80], b[80];
    snprintf(dir, sizeof dir, "%s/dir", root);
    snprintf(a, sizeof a, "%s/a", dir);
    snprintf(b, sizeof b, "%s/b", dir);
    cr_assert_eq(io_fs_mkdir(fs, dir), ERR_OK);
    cr_assert_eq(io_fs_mkdir(fs, dir), ERR_EXISTS);
    int fd;
    cr_assert_eq(io_fs_open(fs, a, O_RDWR, 0, &fd), ERR_NOTFOUND);
    cr_assert_eq(io_fs_open(fs, a, O_RDWR | O_CREAT | O_EXCL, 0644, &fd), ERR_OK);
    cr_assert_eq(io_fs_write(fs, fd, BYTES_LIT("0123456789"), 2), ERR_OK);
    cr_assert_eq(io_fs_fsync(fs, fd), ERR_OK);
    uint64_t size;
    cr_assert_eq(io_fs_size(fs, fd, &size), ERR_OK);
    cr_assert_eq(size, 12);
    cr_assert_eq(io_fs_truncate(fs, fd, 6), ERR_OK);
    char got[16];
    size_t n;
    cr_assert_eq(io_fs_read(fs, fd, got, sizeof got, 1, &n), ERR_OK);
    cr_assert_eq(n, 5);
    cr_assert_arr_eq(got,
                     "\0"
                     "0123",
                     5);
    cr_assert_eq(io_fs_close(fs, fd), ERR_OK);
    cr_assert_eq(io_fs_rename(fs, a, b), ERR_OK);
    cr_assert_eq(io_fs_sync_dir(fs, dir), ERR_OK);
    unsigned count = 0;
    cr_assert_eq(io_fs_list(fs, dir, count_name, &count), ERR_OK);
    cr_assert_eq(count, 1);
    cr_assert_eq(io_fs_unlink(fs, b), ERR_OK);
    cr_assert_eq(io_fs_unlink(fs, b), ERR_NOTFOUND);
    rmdir(dir);
    rmdir(root);
}
