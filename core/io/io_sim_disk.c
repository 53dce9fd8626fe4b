/* io_sim_disk.c: files of a simulated node: what is on the platter, what is only in the page cache, and what a power cut
 * makes of the difference.
 *
 * A file has two contents: `data` is what reads see, `stable` is what is surely on the platter, and a mark per page says
 * where they may differ. Names have two maps likewise, `now` and `stable`, with the list of changes between them, in
 * order. An fsync copies the marked pages; io_fs_sync_dir moves changes to the stable map. A power cut decides by chance
 * about every marked page (kept, lost, or torn at sector borders) and about how many of the changes of names survive,
 * always the first ones, as a journal keeps them; then what is stable is all there is.
 *
 * Stricter than most real file systems: an fsync of a new file does not make its name durable. Code that holds here
 * holds there. Pages also reach the platter by themselves now and then, as write-back makes them.
 *
 * A failed fsync clears the marks without copying: as on Linux, the pages count as clean, a second fsync succeeds, and
 * the bytes are lost with the power all the same. This is why a failed fsync must never be retried.
 *
 * I1. Where a page is not marked and no fsync failed, data and stable agree on it.
 * I2. A file lives while a map, a change or a descriptor refers to it (refs).
 * I3. stable map + all changes in order = now map. */
#include "core/io/io_sim_names.h"
#include "core/io/io_sim_world.h"

#include "core/base/buf.h"
#include "core/base/mem.h"

#include <fcntl.h>

#define PAGE_BYTES   ((size_t)4096)
#define SECTOR_BYTES ((size_t)512)

enum sim_change_kind { CHANGE_PUT, CHANGE_REMOVE, CHANGE_MOVE };

struct sim_change {
    struct link link;
    enum sim_change_kind kind;
    char *path;
    char *to;              /* of CHANGE_MOVE */
    struct sim_file *file; /* of CHANGE_PUT */
};

struct sim_handle {
    struct sim_disk *disk;
    struct sim_file *file;
    bool can_write;
};

struct sim_disk {
    struct io_fs fs;
    struct io_sim *sim;
    struct sim_names now;
    struct sim_names stable;
    struct link changes;
    struct io_sim_faults faults;
};

static struct sim_disk *disk_of(struct io_fs *fs) {
    return CONTAINER_OF(fs, struct sim_disk, fs);
}

/* ---- files ---- */

static void resize(struct buf *b, size_t len) {
    if (len > b->len) {
        memset(buf_room(b, len - b->len), 0, len - b->len);
        buf_commit(b, len - b->len);
    }
    b->len = len;
}

static size_t page_count(size_t bytes) {
    return (bytes + PAGE_BYTES - 1) / PAGE_BYTES;
}

/* Copies bytes [from, to) of a page to the platter; the file there grows if it must. */
static void settle(struct sim_file *file, size_t from, size_t to) {
    if (to > file->data.len)
        to = file->data.len;
    if (from >= to)
        return;
    if (file->stable.len < to)
        resize(&file->stable, to);
    memcpy(file->stable.ptr + from, file->data.ptr + from, to - from);
}

static void settle_page(struct sim_file *file, size_t page) {
    settle(file, page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
    file->marks.ptr[page] = 0;
}

static void settle_all(struct sim_file *file) {
    for (size_t page = 0; page < file->marks.len; page++) {
        if (file->marks.ptr[page])
            settle_page(file, page);
    }
    resize(&file->stable, file->data.len);
    file->is_size_unsynced = false;
}

static void mark(struct sim_file *file, size_t from, size_t to) {
    resize(&file->marks, page_count(file->data.len));
    for (size_t page = from / PAGE_BYTES; page < page_count(to); page++)
        file->marks.ptr[page] = 1; /* I1 */
}

/* Bytes of all files that are visible now. */
static uint64_t used_bytes(const struct sim_disk *disk) {
    uint64_t sum = 0;
    for (size_t i = 0; i < disk->now.count; i++)
        sum += disk->now.items[i].file ? disk->now.items[i].file->data.len : 0;
    return sum;
}

/* How many of `len` bytes at offset the disk has room for. */
static size_t room_for(const struct sim_disk *disk, const struct sim_file *file, uint64_t offset,
                       size_t len) {
    uint64_t end = offset + len;
    if (disk->faults.capacity_bytes == 0 || end <= file->data.len)
        return len;
    uint64_t used = used_bytes(disk);
    uint64_t free_bytes = disk->faults.capacity_bytes > used ? disk->faults.capacity_bytes - used : 0;
    uint64_t last = file->data.len + free_bytes;
    if (end <= last)
        return len;
    return last > offset ? (size_t)(last - offset) : 0;
}

static enum err write_file(struct sim_disk *disk, struct sim_file *file, struct bytes data, uint64_t offset,
                           size_t *written_out) {
    *written_out = 0;
    if (disk->faults.fail_writes > 0) {
        disk->faults.fail_writes--;
        return ERR_IO;
    }
    size_t len = room_for(disk, file, offset, data.len);
    if (len > 0) {
        size_t old = file->data.len;
        if (old < offset + len)
            resize(&file->data, offset + len);
        memcpy(file->data.ptr + offset, data.ptr, len);
        mark(file, old < offset ? old : offset, offset + len); /* a gap is new, too */
        if (io_sim__chance(disk->sim, 8))
            settle_page(file, rng_below(&disk->sim->rng, file->marks.len));
    }
    *written_out = len;
    return len < data.len ? ERR_NOSPACE : ERR_OK;
}

static enum err sync_file(struct sim_disk *disk, struct sim_file *file) {
    if (disk->faults.lie_fsyncs > 0) {
        disk->faults.lie_fsyncs--;
        return ERR_OK;
    }
    if (disk->faults.fail_fsyncs > 0) {
        disk->faults.fail_fsyncs--;
        for (size_t page = 0; page < file->marks.len; page++)
            file->marks.ptr[page] = 0;
        return ERR_IO;
    }
    settle_all(file);
    return ERR_OK;
}

/* ---- names ---- */

static void apply(struct sim_names *names, const struct sim_change *c) {
    const struct sim_name *moved;
    switch (c->kind) {
    case CHANGE_PUT: io_sim_names__put(names, c->path, c->file); return;
    case CHANGE_REMOVE: io_sim_names__remove(names, c->path); return;
    case CHANGE_MOVE:
        moved = io_sim_names__find(names, c->path);
        if (!moved)
            return;
        io_sim_names__put(names, c->to, moved->file);
        io_sim_names__remove(names, c->path);
        return;
    }
}

static void free_change(struct sim_change *c) {
    link_remove(&c->link);
    mem_free(c->path);
    mem_free(c->to);
    io_sim_names__unref(c->file);
    mem_free(c);
}

/* Takes the paths. */
static void change_names(struct sim_disk *disk, enum sim_change_kind kind, char *path, char *to,
                         struct sim_file *file) {
    struct sim_change *c = mem_zalloc(sizeof *c);
    c->kind = kind;
    c->path = path;
    c->to = to;
    c->file = io_sim_names__ref(file);
    link_push_back(&disk->changes, &c->link);
    apply(&disk->now, c); /* I3 */
}

/* Makes the first `count` changes durable and forgets the others. */
static void settle_changes(struct sim_disk *disk, size_t count) {
    while (!link_is_empty(&disk->changes)) {
        struct sim_change *c = CONTAINER_OF(disk->changes.next, struct sim_change, link);
        if (count > 0) {
            apply(&disk->stable, c);
            count--;
        }
        free_change(c);
    }
}

/* ---- the table of io_fs ---- */

static struct sim_handle *handle_of(const struct io_sim *sim, int fd) {
    return io_sim__fd_object(sim, fd, SIM_FD_FILE);
}

static enum err sim_open(struct io_fs *fs, const char *path, int flags, mode_t mode, int *fd_out) {
    (void)mode;
    struct sim_disk *disk = disk_of(fs);
    char *normal = io_sim_names__normal(path);
    const struct sim_name *name = io_sim_names__find(&disk->now, normal);
    enum err e = ERR_OK;
    *fd_out = -1;
    if (name && (flags & O_CREAT) && (flags & O_EXCL))
        e = ERR_EXISTS;
    else if (name && !name->file)
        e = ERR_IO; /* a directory */
    else if (!name && (!(flags & O_CREAT) || !io_sim_names__has_parent(&disk->now, normal)))
        e = ERR_NOTFOUND;
    if (e != ERR_OK) {
        mem_free(normal);
        return e;
    }
    struct sim_file *file = name ? name->file : mem_zalloc(sizeof *file);
    struct sim_handle *handle = mem_alloc(sizeof *handle);
    *handle = (struct sim_handle){disk, io_sim_names__ref(file), (flags & O_ACCMODE) != O_RDONLY};
    if (!name)
        change_names(disk, CHANGE_PUT, normal, NULL, file);
    else
        mem_free(normal);
    *fd_out = io_sim__take_fd(disk->sim, SIM_FD_FILE, handle);
    return flags & O_TRUNC ? io_fs_truncate(fs, *fd_out, 0) : ERR_OK;
}

static enum err sim_close(struct io_fs *fs, int fd) {
    struct io_sim *sim = disk_of(fs)->sim;
    struct sim_handle *handle = handle_of(sim, fd);
    if (!handle)
        return ERR_IO;
    io_sim__free_fd(sim, fd);
    io_sim_names__unref(handle->file);
    mem_free(handle);
    return ERR_OK;
}

static enum err sim_size(struct io_fs *fs, int fd, uint64_t *bytes_out) {
    const struct sim_handle *handle = handle_of(disk_of(fs)->sim, fd);
    *bytes_out = handle ? handle->file->data.len : 0;
    return handle ? ERR_OK : ERR_IO;
}

static enum err sim_read(struct io_fs *fs, int fd, void *to, size_t len, uint64_t offset, size_t *read_out) {
    const struct sim_handle *handle = handle_of(disk_of(fs)->sim, fd);
    *read_out = 0;
    if (!handle)
        return ERR_IO;
    const struct buf *data = &handle->file->data;
    if (offset >= data->len)
        return ERR_OK;
    *read_out = len < data->len - offset ? len : data->len - offset;
    memcpy(to, data->ptr + offset, *read_out);
    return ERR_OK;
}

static enum err sim_write(struct io_fs *fs, int fd, struct bytes data, uint64_t offset) {
    struct sim_handle *handle = handle_of(disk_of(fs)->sim, fd);
    size_t written;
    if (!handle || !handle->can_write)
        return ERR_IO;
    return write_file(handle->disk, handle->file, data, offset, &written);
}

static enum err sim_fsync(struct io_fs *fs, int fd) {
    struct sim_handle *handle = handle_of(disk_of(fs)->sim, fd);
    return handle ? sync_file(handle->disk, handle->file) : ERR_IO;
}

static enum err sim_truncate(struct io_fs *fs, int fd, uint64_t bytes) {
    struct sim_handle *handle = handle_of(disk_of(fs)->sim, fd);
    if (!handle || !handle->can_write)
        return ERR_IO;
    struct sim_file *file = handle->file;
    size_t old = file->data.len;
    resize(&file->data, bytes);
    resize(&file->marks, page_count(bytes));
    if (bytes > old)
        mark(file, old, bytes);
    else if (bytes < old)
        file->is_size_unsynced = true;
    /* What lies behind the new end of its last page must read as zeros when the file grows again. */
    if (bytes < old && bytes % PAGE_BYTES != 0)
        mark(file, bytes - 1, bytes);
    return ERR_OK;
}

static enum err sim_rename(struct io_fs *fs, const char *from, const char *to) {
    struct sim_disk *disk = disk_of(fs);
    char *old_path = io_sim_names__normal(from);
    char *new_path = io_sim_names__normal(to);
    const struct sim_name *name = io_sim_names__find(&disk->now, old_path);
    const struct sim_name *target = io_sim_names__find(&disk->now, new_path);
    enum err e = ERR_OK;
    if (!name || !io_sim_names__has_parent(&disk->now, new_path))
        e = ERR_NOTFOUND;
    else if (!name->file || (target && !target->file))
        e = ERR_UNSUPPORTED; /* directories keep their names here */
    if (e == ERR_OK && strcmp(old_path, new_path) != 0) {
        change_names(disk, CHANGE_MOVE, old_path, new_path, NULL);
        return ERR_OK;
    }
    mem_free(old_path);
    mem_free(new_path);
    return e;
}

static enum err sim_unlink(struct io_fs *fs, const char *path) {
    struct sim_disk *disk = disk_of(fs);
    char *normal = io_sim_names__normal(path);
    const struct sim_name *name = io_sim_names__find(&disk->now, normal);
    if (name && name->file) {
        change_names(disk, CHANGE_REMOVE, normal, NULL, NULL);
        return ERR_OK;
    }
    mem_free(normal);
    return name ? ERR_IO : ERR_NOTFOUND;
}

static enum err sim_mkdir(struct io_fs *fs, const char *path) {
    struct sim_disk *disk = disk_of(fs);
    char *normal = io_sim_names__normal(path);
    enum err e = ERR_OK;
    if (normal[0] == '\0' || io_sim_names__find(&disk->now, normal))
        e = ERR_EXISTS;
    else if (!io_sim_names__has_parent(&disk->now, normal))
        e = ERR_NOTFOUND;
    if (e == ERR_OK)
        change_names(disk, CHANGE_PUT, normal, NULL, NULL);
    else
        mem_free(normal);
    return e;
}

static enum err sim_sync_dir(struct io_fs *fs, const char *path) {
    struct sim_disk *disk = disk_of(fs);
    char *dir = io_sim_names__normal(path);
    /* A journal is written in order: whatever came before the last change of this directory goes with it. */
    size_t index = 0, count = 0;
    for (struct link *n = disk->changes.next; n != &disk->changes; n = n->next) {
        const struct sim_change *c = CONTAINER_OF(n, struct sim_change, link);
        index++;
        if (io_sim_names__is_in(c->path, dir) || (c->to && io_sim_names__is_in(c->to, dir)))
            count = index;
    }
    mem_free(dir);
    while (count-- > 0) {
        struct sim_change *c = CONTAINER_OF(disk->changes.next, struct sim_change, link);
        apply(&disk->stable, c);
        free_change(c);
    }
    return ERR_OK;
}

static enum err sim_list(struct io_fs *fs, const char *path, void (*each)(void *ctx, const char *name),
                         void *ctx) {
    struct sim_disk *disk = disk_of(fs);
    char *dir = io_sim_names__normal(path);
    const struct sim_name *self = io_sim_names__find(&disk->now, dir);
    bool is_there = dir[0] == '\0' || (self && !self->file);
    for (size_t i = 0; is_there && i < disk->now.count; i++) {
        const char *name = disk->now.items[i].path;
        if (io_sim_names__is_in(name, dir))
            each(ctx, dir[0] ? name + strlen(dir) + 1 : name);
    }
    mem_free(dir);
    return is_there ? ERR_OK : ERR_NOTFOUND;
}

static const struct io_fs_ops sim_fs_ops = {
    .open = sim_open,
    .close = sim_close,
    .size = sim_size,
    .read = sim_read,
    .write = sim_write,
    .fsync = sim_fsync,
    .truncate = sim_truncate,
    .rename = sim_rename,
    .unlink = sim_unlink,
    .mkdir = sim_mkdir,
    .sync_dir = sim_sync_dir,
    .list = sim_list,
};

/* ---- disks ---- */

static struct sim_disk *get_disk(struct io_sim *sim, unsigned node) {
    while (sim->disk_count <= node) {
        sim->disks = mem_realloc(sim->disks, (sim->disk_count + 1) * sizeof(struct sim_disk *));
        sim->disks[sim->disk_count++] = NULL;
    }
    if (!sim->disks[node]) {
        struct sim_disk *disk = mem_zalloc(sizeof *disk);
        disk->fs.ops = &sim_fs_ops;
        disk->sim = sim;
        link_init_head(&disk->changes);
        sim->disks[node] = disk;
    }
    return sim->disks[node];
}

struct io_fs *io_sim_fs(struct io_sim *sim, unsigned node) {
    return &get_disk(sim, node)->fs;
}

struct io_sim_faults *io_sim_faults(struct io_sim *sim, unsigned node) {
    return &get_disk(sim, node)->faults;
}

static void close_all(struct io_sim *sim, const struct sim_disk *disk) {
    for (size_t i = 0; i < sim->fd_count; i++) {
        struct sim_handle *handle = handle_of(sim, IO_SIM_FD_BASE + (int)i);
        if (handle && handle->disk == disk)
            (void)sim_close(&handle->disk->fs, IO_SIM_FD_BASE + (int)i);
    }
}

void io_sim_disk__free_all(struct io_sim *sim) {
    for (size_t i = 0; i < sim->disk_count; i++) {
        struct sim_disk *disk = sim->disks[i];
        if (!disk)
            continue;
        close_all(sim, disk);
        settle_changes(disk, 0);
        io_sim_names__clear(&disk->now);
        io_sim_names__clear(&disk->stable);
        mem_free(disk->now.items);
        mem_free(disk->stable.items);
        mem_free(disk);
    }
    mem_free(sim->disks);
}

/* ---- power cuts ---- */

static void cut_page(struct io_sim *sim, struct sim_file *file, size_t page) {
    switch (rng_below(&sim->rng, 3)) {
    case 0: return; /* lost */
    case 1: settle_page(file, page); return;
    default: /* torn */
        for (size_t at = page * PAGE_BYTES; at < (page + 1) * PAGE_BYTES; at += SECTOR_BYTES) {
            if (io_sim__chance(sim, 2))
                settle(file, at, at + SECTOR_BYTES);
        }
        return;
    }
}

static void cut_file(struct io_sim *sim, struct sim_file *file) {
    size_t len = file->data.len;
    for (size_t page = 0; page < file->marks.len; page++) {
        if (file->marks.ptr[page])
            cut_page(sim, file, page);
    }
    if (file->is_size_unsynced && file->stable.len > len && io_sim__chance(sim, 2))
        resize(&file->stable, len);
    buf_clear(&file->data, SIZE_MAX);
    buf_put_bytes(&file->data, buf_bytes(&file->stable));
    file->marks.len = 0;
    resize(&file->marks, page_count(file->data.len));
    file->is_size_unsynced = false;
}

void io_sim_disk__power_cut(struct io_sim *sim, unsigned node) {
    struct sim_disk *disk = get_disk(sim, node);
    close_all(sim, disk);
    size_t changes = 0;
    for (struct link *n = disk->changes.next; n != &disk->changes; n = n->next)
        changes++;
    settle_changes(disk, rng_below(&sim->rng, changes + 1));
    io_sim_names__clear(&disk->now);
    for (size_t i = 0; i < disk->stable.count; i++) {
        const struct sim_name *name = &disk->stable.items[i];
        io_sim_names__put(&disk->now, name->path, name->file);
        if (name->file)
            cut_file(sim, name->file);
    }
}

/* ---- operations of the backend ---- */

void io_sim_disk__perform(struct io_sim *sim, struct io_file_op *op) {
    struct sim_handle *handle = handle_of(sim, op->fd);
    if (!handle || (op->kind != IO_FILE_FSYNC && !handle->can_write)) {
        op->result = ERR_IO;
        return;
    }
    if (op->kind != IO_FILE_FSYNC)
        op->result = write_file(handle->disk, handle->file, op->data, op->offset, &op->done_bytes);
    if (op->kind != IO_FILE_WRITE && op->result == ERR_OK) {
        op->result = sync_file(handle->disk, handle->file);
        op->fsync_failed = op->result != ERR_OK;
    }
}

int64_t io_sim_disk__stalled_until(const struct io_sim *sim, int fd) {
    const struct sim_handle *handle = handle_of(sim, fd);
    return handle ? handle->disk->faults.stall_until_ns : 0;
}

bool io_sim_disk__is_on_node(const struct io_sim *sim, int fd, unsigned node) {
    const struct sim_handle *handle = handle_of(sim, fd);
    return handle && node < sim->disk_count && handle->disk == sim->disks[node];
}

void io_sim_disk__interrupt(struct io_sim *sim, struct io_file_op *op) {
    const struct sim_handle *handle = handle_of(sim, op->fd);
    if (op->kind == IO_FILE_FSYNC || !handle->can_write)
        return;
    size_t part = (size_t)rng_below(&sim->rng, op->data.len + 1);
    size_t written;
    (void)write_file(handle->disk, handle->file, bytes_of(op->data.ptr, part), op->offset, &written);
}
