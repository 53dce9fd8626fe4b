/* io_fs_ops.h: the table behind struct io_fs. Private to this folder: io_fs.c forwards to it, io_sim_disk.c fills one. */
#pragma once

#include "core/io/io.h"

struct io_fs_ops {
    enum err (*open)(struct io_fs *fs, const char *path, int flags, mode_t mode, int *fd_out);
    enum err (*close)(struct io_fs *fs, int fd);
    enum err (*size)(struct io_fs *fs, int fd, uint64_t *bytes_out);
    enum err (*read)(struct io_fs *fs, int fd, void *to, size_t len, uint64_t offset, size_t *read_out);
    enum err (*write)(struct io_fs *fs, int fd, struct bytes data, uint64_t offset);
    enum err (*fsync)(struct io_fs *fs, int fd);
    enum err (*truncate)(struct io_fs *fs, int fd, uint64_t bytes);
    enum err (*rename)(struct io_fs *fs, const char *from, const char *to);
    enum err (*unlink)(struct io_fs *fs, const char *path);
    enum err (*mkdir)(struct io_fs *fs, const char *path);
    enum err (*sync_dir)(struct io_fs *fs, const char *path);
    enum err (*list)(struct io_fs *fs, const char *path, void (*each)(void *ctx, const char *name),
                     void *ctx);
};

struct io_fs {
    const struct io_fs_ops *ops;
};
