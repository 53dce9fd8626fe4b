/* manifest.c: reading and replacing the manifest.
 *
 * One line per segment, and a last line with a checksum over the ones before:
 *
 *   file appendonly.aof.1.0-of-2.seg seq 1 type s shard 0 of 2 id 92c1... [end BYTES frames COUNT]
 *   file appendonly.aof.1.1-of-2.seg seq 1 type s shard 1 of 2 id 01f4...
 *   check 5b0c...
 *
 * A line is read and printed again, and must come out the same: so there is one way to write each, and no byte of it is
 * ignored.
 *
 *   I1  generations are numbered 1, 2, 3 ...; each has all its shards, in order; all but the last are closed.
 *
 * It is replaced by writing a temporary file, syncing it, renaming it and syncing the directory: a crash leaves the old
 * one or the new one. */
#include "persist/manifest.h"

#include "core/base/mem.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { MANIFEST_BYTES_MAX = 64 << 20 };

struct manifest_generation *manifest_add(struct manifest *m, unsigned shard_count, const uint64_t *ids) {
    must(shard_count >= 1 && shard_count <= SHARDS_MAX);
    m->generations = mem_realloc(m->generations, (m->count + 1) * sizeof *m->generations);
    struct manifest_generation *g = &m->generations[m->count++];
    *g = (struct manifest_generation){.number = m->count, .shard_count = shard_count};
    g->segments = mem_zalloc(shard_count * sizeof *g->segments);
    for (unsigned k = 0; k < shard_count; k++)
        g->segments[k].id = ids[k];
    return g;
}

void manifest_deinit(struct manifest *m) {
    for (size_t i = 0; i < m->count; i++)
        mem_free(m->generations[i].segments);
    mem_free(m->generations);
    *m = (struct manifest){0};
}

/* ---- text ---- */

static void manifest_put_file_name(struct buf *to, const char *name, uint64_t number, unsigned shard,
                                   unsigned shard_count) {
    buf_printf(to, "%s.%" PRIu64 ".%u-of-%u.seg", name, number, shard, shard_count);
}

static void manifest_put_line(struct buf *to, const char *name, uint64_t number, unsigned shard,
                              unsigned shard_count, const struct manifest_segment *s) {
    BUF_PUT_LIT(to, "file ");
    manifest_put_file_name(to, name, number, shard, shard_count);
    buf_printf(to, " seq %" PRIu64 " type s shard %u of %u id %016" PRIx64, number, shard, shard_count,
               s->id);
    if (s->is_closed)
        buf_printf(to, " end %" PRIu64 " frames %" PRIu64, s->end_bytes, s->end_frames);
    buf_put_char(to, '\n');
}

static void manifest_put_check(struct buf *to) {
    buf_printf(to, "check %016" PRIx64 "\n", (uint64_t)XXH3_64bits(to->len ? to->ptr : "", to->len));
}

void manifest_print(const struct manifest *m, const char *name, struct buf *to) {
    struct buf text;
    buf_init(&text);
    for (size_t i = 0; i < m->count; i++) {
        const struct manifest_generation *g = &m->generations[i];
        for (unsigned k = 0; k < g->shard_count; k++)
            manifest_put_line(&text, name, g->number, k, g->shard_count, &g->segments[k]);
    }
    manifest_put_check(&text);
    buf_put_bytes(to, buf_bytes(&text));
    buf_deinit(&text);
}

/* What one line says. */
struct manifest_line {
    uint64_t number;
    unsigned shard;
    unsigned shard_count;
    struct manifest_segment segment;
};

static bool manifest_read_line(struct bytes line, const char *name, struct manifest_line *l) {
    char text[512];
    const char *found = memmem(line.ptr, line.len, " seq ", 5);
    size_t at = found ? (size_t)(found - line.ptr) : 0;
    if (!found || line.len - at >= sizeof text)
        return false;
    memcpy(text, found, line.len - at);
    text[line.len - at] = '\0';
    *l = (struct manifest_line){0};
    int fields =
        sscanf(text, " seq %" SCNu64 " type s shard %u of %u id %" SCNx64 " end %" SCNu64 " frames %" SCNu64,
               &l->number, &l->shard, &l->shard_count, &l->segment.id, &l->segment.end_bytes,
               &l->segment.end_frames);
    if (fields != 4 && fields != 6)
        return false;
    l->segment.is_closed = fields == 6;
    struct buf again;
    buf_init(&again);
    manifest_put_line(&again, name, l->number, l->shard, l->shard_count, &l->segment);
    bool is_same = again.len == line.len + 1 && memcmp(again.ptr, line.ptr, line.len) == 0;
    buf_deinit(&again);
    return is_same && l->shard_count >= 1 && l->shard_count <= SHARDS_MAX && l->shard < l->shard_count;
}

/* Adds what a line says; false when it does not follow the ones before (I1). *next is the shard that is due. */
static bool manifest_take_line(struct manifest *m, const struct manifest_line *l, unsigned *next) {
    if (*next == 0) {
        uint64_t ids[SHARDS_MAX] = {0};
        if (l->number != m->count + 1)
            return false;
        if (m->count > 0)
            for (unsigned k = 0; k < m->generations[m->count - 1].shard_count; k++)
                if (!m->generations[m->count - 1].segments[k].is_closed)
                    return false;
        manifest_add(m, l->shard_count, ids);
    }
    struct manifest_generation *g = &m->generations[m->count - 1];
    if (l->number != g->number || l->shard_count != g->shard_count || l->shard != *next)
        return false;
    g->segments[l->shard] = l->segment;
    *next = (*next + 1) % g->shard_count;
    return true;
}

/* Is this line one of a manifest that Redis has written? */
static bool manifest_is_foreign(struct bytes line) {
    const char *type = memmem(line.ptr, line.len, " type ", 6);
    return type && type + 6 < line.ptr + line.len && strchr("bhi", type[6]) != NULL;
}

static bool manifest_refuse_line(struct bytes line, unsigned number, char *why, size_t why_size) {
    if (manifest_is_foreign(line))
        snprintf(why, why_size,
                 "line %u names a file written by Redis, which this version cannot load yet: %.*s", number,
                 (int)line.len, line.ptr);
    else
        snprintf(why, why_size, "line %u cannot be understood or is out of place: %.*s", number,
                 (int)line.len, line.ptr);
    return false;
}

bool manifest_parse(struct bytes text, const char *name, struct manifest *m, char *why, size_t why_size) {
    *m = (struct manifest){0};
    unsigned next = 0;
    unsigned number = 1;
    size_t at = 0;
    while (at < text.len) {
        struct bytes rest = bytes_of(text.ptr + at, text.len - at);
        const char *newline = memchr(rest.ptr, '\n', rest.len);
        struct bytes line = bytes_of(rest.ptr, newline ? (size_t)(newline - rest.ptr) : rest.len);
        if (line.len > 6 && memcmp(line.ptr, "check ", 6) == 0) {
            struct buf sum = {0};
            buf_put(&sum, text.ptr, at);
            manifest_put_check(&sum);
            bool is_true = sum.len == text.len && memcmp(sum.ptr, text.ptr, sum.len) == 0;
            buf_deinit(&sum);
            if (is_true && next == 0 && m->count > 0)
                return true;
            snprintf(why, why_size, "line %u: the checksum is wrong, or files are missing before it", number);
            return false;
        }
        struct manifest_line l;
        if (!newline || !manifest_read_line(line, name, &l) || !manifest_take_line(m, &l, &next))
            return manifest_refuse_line(line, number, why, why_size);
        at += line.len + 1;
        number++;
    }
    snprintf(why, why_size, "it ends without its checksum");
    return false;
}

/* ---- files ---- */

static void manifest_path(const struct manifest_place *place, const char *suffix, char *path_out) {
    snprintf(path_out, MANIFEST_PATH_MAX, "%s/%s%s", place->dir, place->name, suffix);
}

void manifest_segment_path(const struct manifest_place *place, const struct manifest_generation *g,
                           unsigned shard, char *path_out) {
    snprintf(path_out, MANIFEST_PATH_MAX, "%s/%s.%" PRIu64 ".%u-of-%u.seg", place->dir, place->name,
             g->number, shard, g->shard_count);
}

enum err manifest_read(const struct manifest_place *place, struct manifest *m, char *why, size_t why_size) {
    char path[MANIFEST_PATH_MAX];
    *m = (struct manifest){0};
    manifest_path(place, ".manifest", path);
    int fd;
    enum err e = io_fs_open(place->fs, path, O_RDONLY, 0, &fd);
    if (e != ERR_OK) {
        snprintf(why, why_size, "%s: %s", path, err_text(e));
        return e;
    }
    uint64_t size;
    size_t got = 0;
    char *text = NULL;
    e = io_fs_size(place->fs, fd, &size);
    if (e == ERR_OK && size > MANIFEST_BYTES_MAX)
        e = ERR_LIMIT;
    if (e == ERR_OK) {
        text = mem_alloc((size_t)size + 1);
        e = io_fs_read(place->fs, fd, text, (size_t)size, 0, &got);
    }
    io_fs_close(place->fs, fd);
    if (e != ERR_OK) {
        snprintf(why, why_size, "%s: %s", path, err_text(e));
    } else {
        char what[512];
        if (!manifest_parse(bytes_of(text, got), place->name, m, what, sizeof what)) {
            snprintf(why, why_size, "%s: %s", path, what);
            e = ERR_CORRUPT;
        }
    }
    mem_free(text);
    return e;
}

static enum err manifest_write_file(struct io_fs *fs, const char *path, struct bytes text) {
    int fd;
    enum err e = io_fs_open(fs, path, O_WRONLY | O_CREAT | O_TRUNC, 0644, &fd);
    if (e != ERR_OK)
        return e;
    e = io_fs_write(fs, fd, text, 0);
    if (e == ERR_OK)
        e = io_fs_fsync(fs, fd);
    io_fs_close(fs, fd);
    return e;
}

enum err manifest_write(const struct manifest_place *place, const struct manifest *m) {
    char path[MANIFEST_PATH_MAX];
    char temporary[MANIFEST_PATH_MAX];
    struct buf text;
    buf_init(&text);
    manifest_path(place, ".manifest", path);
    manifest_path(place, ".manifest.tmp", temporary);
    manifest_print(m, place->name, &text);
    enum err e = manifest_write_file(place->fs, temporary, buf_bytes(&text));
    if (e == ERR_OK)
        e = io_fs_rename(place->fs, temporary, path);
    if (e == ERR_OK)
        e = io_fs_sync_dir(place->fs, place->dir);
    buf_deinit(&text);
    return e;
}
