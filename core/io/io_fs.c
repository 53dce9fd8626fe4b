/* io_fs.c: synchronous files: the calls of io.h forwarded to a table, and the table of the real file system.
 *
 * Start-up, recovery and the manifest are written as plain sequential code; only the data path is asynchronous. Putting
 * them behind a table costs nothing there and lets the same recovery code run over a simulated disk that loses power.
 * The real functions continue short reads and writes and repeat interrupted calls, so that callers see all or a fault. */
#include "core/io/io_fs_ops.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err fault(void) {
    return err_from_errno(errno);
}

static enum err real_open(struct io_fs *fs, const char *path, int flags, mode_t mode, int *fd_out) {
    (void)fs;
    *fd_out = open(path, flags | O_CLOEXEC, mode);
    return *fd_out < 0 ? fault() : ERR_OK;
}

static enum err real_close(struct io_fs *fs, int fd) {
    (void)fs;
    /* On Linux the descriptor is gone whatever close returns; an interrupted one must not be closed twice. */
    return close(fd) < 0 && errno != EINTR ? fault() : ERR_OK;
}

static enum err real_size(struct io_fs *fs, int fd, uint64_t *bytes_out) {
    (void)fs;
    struct stat st;
    *bytes_out = 0;
    if (fstat(fd, &st) < 0)
        return fault();
    *bytes_out = (uint64_t)st.st_size;
    return ERR_OK;
}

static enum err real_read(struct io_fs *fs, int fd, void *to, size_t len, uint64_t offset, size_t *read_out) {
    (void)fs;
    size_t done = 0;
    while (done < len) {
        ssize_t n = pread(fd, (char *)to + done, len - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            *read_out = done;
            return fault();
        }
        if (n == 0)
            break;
        done += (size_t)n;
    }
    *read_out = done;
    return ERR_OK;
}

static enum err real_write(struct io_fs *fs, int fd, struct bytes data, uint64_t offset) {
    (void)fs;
    size_t done = 0;
    while (done < data.len) {
        ssize_t n = pwrite(fd, data.ptr + done, data.len - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fault();
        if (n == 0)
            return ERR_IO;
        done += (size_t)n;
    }
    return ERR_OK;
}

static enum err real_fsync(struct io_fs *fs, int fd) {
    (void)fs;
    return fdatasync(fd) < 0 ? fault() : ERR_OK;
}

static enum err real_truncate(struct io_fs *fs, int fd, uint64_t bytes) {
    (void)fs;
    while (ftruncate(fd, (off_t)bytes) < 0) {
        if (errno != EINTR)
            return fault();
    }
    return ERR_OK;
}

static enum err real_rename(struct io_fs *fs, const char *from, const char *to) {
    (void)fs;
    return rename(from, to) < 0 ? fault() : ERR_OK;
}

static enum err real_unlink(struct io_fs *fs, const char *path) {
    (void)fs;
    return unlink(path) < 0 ? fault() : ERR_OK;
}

static enum err real_mkdir(struct io_fs *fs, const char *path) {
    (void)fs;
    return mkdir(path, 0755) < 0 ? fault() : ERR_OK;
}

static enum err real_sync_dir(struct io_fs *fs, const char *path) {
    (void)fs;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fault();
    enum err e = fsync(fd) < 0 ? fault() : ERR_OK;
    close(fd);
    return e;
}

static enum err real_list(struct io_fs *fs, const char *path, void (*each)(void *ctx, const char *name),
                          void *ctx) {
    (void)fs;
    DIR *dir = opendir(path);
    if (!dir)
        return fault();
    enum err e = ERR_OK;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (!entry) {
            e = errno ? fault() : ERR_OK;
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            each(ctx, entry->d_name);
    }
    closedir(dir);
    return e;
}

struct io_fs *io_fs_real(void) {
    static const struct io_fs_ops ops = {
        .open = real_open,
        .close = real_close,
        .size = real_size,
        .read = real_read,
        .write = real_write,
        .fsync = real_fsync,
        .truncate = real_truncate,
        .rename = real_rename,
        .unlink = real_unlink,
        .mkdir = real_mkdir,
        .sync_dir = real_sync_dir,
        .list = real_list,
    };
    /* Stateless: nobody writes through the pointer. */
    static const struct io_fs real = {&ops};
    return (struct io_fs *)&real;
}

enum err io_fs_open(struct io_fs *fs, const char *path, int flags, mode_t mode, int *fd_out) {
    return fs->ops->open(fs, path, flags, mode, fd_out);
}

enum err io_fs_close(struct io_fs *fs, int fd) {
    return fs->ops->close(fs, fd);
}

enum err io_fs_size(struct io_fs *fs, int fd, uint64_t *bytes_out) {
    return fs->ops->size(fs, fd, bytes_out);
}

enum err io_fs_read(struct io_fs *fs, int fd, void *to, size_t len, uint64_t offset, size_t *read_out) {
    return fs->ops->read(fs, fd, to, len, offset, read_out);
}

enum err io_fs_write(struct io_fs *fs, int fd, struct bytes data, uint64_t offset) {
    return fs->ops->write(fs, fd, data, offset);
}

enum err io_fs_fsync(struct io_fs *fs, int fd) {
    return fs->ops->fsync(fs, fd);
}

enum err io_fs_truncate(struct io_fs *fs, int fd, uint64_t bytes) {
    return fs->ops->truncate(fs, fd, bytes);
}

enum err io_fs_rename(struct io_fs *fs, const char *from, const char *to) {
    return fs->ops->rename(fs, from, to);
}

enum err io_fs_unlink(struct io_fs *fs, const char *path) {
    return fs->ops->unlink(fs, path);
}

enum err io_fs_mkdir(struct io_fs *fs, const char *path) {
    return fs->ops->mkdir(fs, path);
}

enum err io_fs_sync_dir(struct io_fs *fs, const char *path) {
    return fs->ops->sync_dir(fs, path);
}

enum err io_fs_list(struct io_fs *fs, const char *path, void (*each)(void *ctx, const char *name),
                    void *ctx) {
    return fs->ops->list(fs, path, each, ctx);
}
