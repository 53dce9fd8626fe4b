/* manifest.h: the file that names the files of the append-only log (docs/FORMATS.md, "Manifest").
 *
 * A *generation* is a set of segments, one for each shard of a server that had that many shards. A start with another
 * number of shards begins a new generation; the older ones are closed and stay as history, to be replayed first. Nothing
 * that the manifest does not name is ever loaded.
 *
 * Owner: one thread. All texts `why` are one line without an end. */
#pragma once

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/shard_set.h"
#include "core/io/io.h"

enum { MANIFEST_PATH_MAX = 4096 };

struct manifest_segment {
    uint64_t id;
    bool is_closed;      /* nothing will be appended any more: its end is known */
    uint64_t end_bytes;  /* of a closed segment: size of the file */
    uint64_t end_frames; /* and number of its last frame */
};

struct manifest_generation {
    uint64_t number; /* 1, 2, 3 ... */
    unsigned shard_count;
    struct manifest_segment *segments; /* shard_count */
};

struct manifest {
    struct manifest_generation *generations;
    size_t count;
};

/* Where the log lives. Borrows its fields. */
struct manifest_place {
    struct io_fs *fs;
    const char *dir;  /* of the files; "." for the working directory */
    const char *name; /* what the names of all files begin with */
};

/* Adds a generation for `shard_count` shards, whose segments have these ids. Gives the generation. */
struct manifest_generation *manifest_add(struct manifest *m, unsigned shard_count, const uint64_t *ids);
void manifest_deinit(struct manifest *m);

/* The text of the manifest, and back. manifest_parse: false when it is not one; `why` tells. Free in any case. */
void manifest_print(const struct manifest *m, const char *name, struct buf *to);
bool manifest_parse(struct bytes text, const char *name, struct manifest *manifest_out, char *why,
                    size_t why_size);

/* Reads the manifest. ERR_NOTFOUND: there is none. ERR_CORRUPT: `why` tells. Free in any case. */
enum err manifest_read(const struct manifest_place *place, struct manifest *manifest_out, char *why,
                       size_t why_size) ATTR_MUST_USE;

/* Replaces it: whatever happens, the old one or the new one is there afterwards, and on the disk when it returns ERR_OK. */
enum err manifest_write(const struct manifest_place *place, const struct manifest *m) ATTR_MUST_USE;

/* The path of a segment; at most MANIFEST_PATH_MAX bytes with the NUL. */
void manifest_segment_path(const struct manifest_place *place, const struct manifest_generation *g,
                           unsigned shard, char *path_out);
