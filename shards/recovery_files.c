/* recovery_files.c: making files so that a crash at any step leaves a start that works or refuses.
 *
 * Segments are written and synced before the manifest names them. A crash in between leaves segments that no manifest
 * names and that hold nothing but their header: those are removed by the next attempt. Anything else without a manifest
 * may be somebody's data (an incomplete backup, a log of Redis), and beginning an empty log beside it would, sooner or
 * later, overwrite it. */
#include "shards/recovery_files.h"

#include "persist/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

struct files_search {
    const struct manifest_place *place;
    char found[256]; /* a name that may hold data; "" */
};

static bool files_is_empty_segment(const struct manifest_place *place, const char *path) {
    int fd;
    char head[SEGMENT_HEADER_MAX];
    size_t got = 0, line_bytes = 0;
    uint64_t size = 0;
    struct segment_header header;
    if (io_fs_open(place->fs, path, O_RDONLY, 0, &fd) != ERR_OK)
        return false;
    bool ok = io_fs_size(place->fs, fd, &size) == ERR_OK &&
              io_fs_read(place->fs, fd, head, sizeof head, 0, &got) == ERR_OK;
    io_fs_close(place->fs, fd);
    return ok && (size == 0 ||
                  (segment_parse_header(bytes_of(head, got), &header, &line_bytes) && line_bytes == size));
}

static void files_on_name(void *ctx, const char *name) {
    struct files_search *search = ctx;
    const struct manifest_place *place = search->place;
    char path[MANIFEST_PATH_MAX];
    size_t prefix = strlen(place->name);
    if (search->found[0] || strncmp(name, place->name, prefix) != 0)
        return;
    snprintf(path, sizeof path, "%s/%s", place->dir, name);
    size_t len = strlen(name);
    bool is_segment = len > 4 && strcmp(name + len - 4, ".seg") == 0;
    bool is_temporary = strcmp(name + prefix, ".manifest.tmp") == 0;
    if (is_temporary || (is_segment && files_is_empty_segment(place, path))) {
        if (io_fs_unlink(place->fs, path) == ERR_OK)
            return;
    }
    snprintf(search->found, sizeof search->found, "%s", name);
}

enum err recovery_files_lock(const struct manifest_place *place, int *lock_out, char *why, size_t why_size) {
    *lock_out = -1;
    enum err e = io_fs_mkdir(place->fs, place->dir);
    if (e == ERR_OK)
        e = io_fs_sync_dir(place->fs, ".");
    if (e != ERR_OK && e != ERR_EXISTS) {
        snprintf(why, why_size, "cannot make the directory: %s", err_text(e));
        return e;
    }
    if (place->fs != io_fs_real())
        return ERR_OK;
    *lock_out = open(place->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*lock_out >= 0 && flock(*lock_out, LOCK_EX | LOCK_NB) == 0)
        return ERR_OK;
    e = err_from_errno(errno);
    if (*lock_out >= 0)
        close(*lock_out);
    *lock_out = -1;
    snprintf(why, why_size, "%s",
             e == ERR_AGAIN ? "another server is using these files" : "the directory cannot be locked");
    return e;
}

enum err recovery_files_begin(const struct manifest_place *place, struct manifest *manifest,
                              unsigned shard_count, char *why, size_t why_size) {
    int fd;
    why[0] = '\0';
    if (io_fs_open(place->fs, place->name, O_RDONLY, 0, &fd) == ERR_OK) {
        io_fs_close(place->fs, fd);
        snprintf(why, why_size,
                 "%s is an append-only file of the kind that Redis wrote before version 7, which this "
                 "version cannot "
                 "load yet; move it away to start without its data",
                 place->name);
        return ERR_EXISTS;
    }
    struct files_search search = {place, ""};
    enum err e = io_fs_list(place->fs, place->dir, files_on_name, &search);
    if (e != ERR_OK) {
        snprintf(why, why_size, "cannot read the directory: %s", err_text(e));
        return e;
    }
    if (search.found[0]) {
        snprintf(why, why_size,
                 "%s is there, but %s.manifest, which would say what it is, is missing: restore it, or move "
                 "the files "
                 "away to start with no data",
                 search.found, place->name);
        return ERR_EXISTS;
    }
    return recovery_files_add(place, manifest, shard_count, why, why_size);
}

static enum err files_write_segment(const struct manifest_place *place, const struct manifest_generation *g,
                                    unsigned shard) {
    char path[MANIFEST_PATH_MAX];
    struct segment_header header = {g->segments[shard].id, g->number, shard, g->shard_count};
    struct buf text;
    int fd;
    manifest_segment_path(place, g, shard, path);
    enum err e = io_fs_open(place->fs, path, O_RDWR | O_CREAT | O_TRUNC, 0644, &fd);
    if (e != ERR_OK)
        return e;
    buf_init(&text);
    segment_put_header(&text, &header);
    e = io_fs_write(place->fs, fd, buf_bytes(&text), 0);
    if (e == ERR_OK)
        e = io_fs_fsync(place->fs, fd);
    io_fs_close(place->fs, fd);
    buf_deinit(&text);
    return e;
}

/* A file of the new generation that holds data cannot be ours: no manifest has named it. */
static bool files_is_taken(const struct manifest_place *place, const struct manifest_generation *g,
                           unsigned shard) {
    char path[MANIFEST_PATH_MAX];
    int fd;
    manifest_segment_path(place, g, shard, path);
    if (io_fs_open(place->fs, path, O_RDONLY, 0, &fd) != ERR_OK)
        return false;
    io_fs_close(place->fs, fd);
    return !files_is_empty_segment(place, path);
}

enum err recovery_files_add(const struct manifest_place *place, struct manifest *manifest,
                            unsigned shard_count, char *why, size_t why_size) {
    uint64_t ids[SHARDS_MAX];
    if (getrandom(ids, shard_count * sizeof *ids, 0) != (ssize_t)(shard_count * sizeof *ids)) {
        snprintf(why, why_size, "the system gives no random numbers");
        return ERR_IO;
    }
    const struct manifest_generation *g = manifest_add(manifest, shard_count, ids);
    enum err e = ERR_OK;
    for (unsigned k = 0; k < shard_count && e == ERR_OK; k++) {
        if (files_is_taken(place, g, k)) {
            snprintf(why, why_size,
                     "a segment of generation %llu is there, but the manifest does not name it: move it away",
                     (unsigned long long)g->number);
            return ERR_EXISTS;
        }
        e = files_write_segment(place, g, k);
    }
    if (e == ERR_OK)
        e = io_fs_sync_dir(place->fs, place->dir);
    if (e == ERR_OK)
        e = manifest_write(place, manifest);
    if (e != ERR_OK)
        snprintf(why, why_size, "cannot write the files of a new generation: %s", err_text(e));
    return e;
}
