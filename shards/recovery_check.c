/* recovery_check.c: what a generation's files hold, how much of it is kept, and making that so.
 *
 *   I1  a file is changed only after all files of its generation have been understood.
 *   I2  when a segment has been trimmed, all that is kept is on the disk, also what the page cache had only seemed to have
 *       written. */
#include "core/base/mem.h"
#include "shards/planted.h"
#include "shards/recovery_internal.h"
#include "shards/server.h"

#include <inttypes.h>
#include <stdio.h>

enum { RECOVERY_PIECE_BYTES = 256 << 10 };

/* ---- scan ---- */

static enum err recovery_on_piece(void *ctx) {
    const struct recovery_segment *s = ctx;
    return recovery__pause(s->recovery, s->index);
}

void recovery__scan(struct recovery *r, unsigned k) {
    struct recovery_segment *s = &r->segments[k];
    const struct manifest_generation *g = r->generation;
    char path[MANIFEST_PATH_MAX];
    char why[RECOVERY_WHY_MAX];
    recovery__path(r, k, path);
    enum err e = segment_reader_open(&s->reader, r->place.fs, path);
    if (e != ERR_OK) {
        recovery__fail(r, path,
                       e == ERR_CORRUPT ? "does not begin with the header of a segment" : err_text(e));
        return;
    }
    s->is_open = true;
    s->reader.on_piece = recovery_on_piece;
    s->reader.ctx = s;
    atomic_fetch_add_explicit(&r->server->loading.total_bytes, s->reader.size, memory_order_relaxed);
    const struct segment_header *h = &s->reader.header;
    if (h->id != g->segments[k].id || h->generation != g->number || h->shard != k ||
        h->shard_count != g->shard_count) {
        recovery__fail(r, path, "is not the file that the manifest means: it was exchanged with another one");
        return;
    }
    if (segment_scan(&s->reader, &s->scan, why, sizeof why) != ERR_OK)
        recovery__fail(r, path, why);
}

/* ---- cut ---- */

static bool recovery_check_closed(struct recovery *r) {
    char path[MANIFEST_PATH_MAX];
    for (unsigned k = 0; k < r->generation->shard_count; k++) {
        const struct manifest_segment *m = &r->generation->segments[k];
        struct recovery_segment *s = &r->segments[k];
        s->tail.end = s->scan.end;
        s->tail.seq = s->scan.seq;
        if (s->scan.end == m->end_bytes && s->scan.seq == m->end_frames && s->scan.size == m->end_bytes)
            continue;
        recovery__path(r, k, path);
        recovery__fail(r, path, "has not the size and number of frames that it was closed with");
        return false;
    }
    return true;
}

static bool recovery_cut_open(struct recovery *r) {
    unsigned count = r->generation->shard_count;
    struct segment_reader *readers = mem_alloc(count * sizeof *readers);
    struct segment_scan *scans = mem_alloc(count * sizeof *scans);
    struct aof_cut_tail *tails = mem_alloc(count * sizeof *tails);
    char path[MANIFEST_PATH_MAX];
    char why[RECOVERY_WHY_MAX];
    unsigned bad;
    for (unsigned k = 0; k < count; k++) {
        readers[k] = r->segments[k].reader;
        scans[k] = r->segments[k].scan;
    }
    enum err e = aof_cut(readers, scans, count, tails, &bad, why, sizeof why);
    r->settled = aof_cut_epoch(scans, count);
    for (unsigned k = 0; k < count; k++) {
        r->segments[k].reader = readers[k]; /* its window may have moved */
        r->segments[k].tail = tails[k];
    }
    mem_free(readers);
    mem_free(scans);
    mem_free(tails);
    if (e == ERR_OK)
        return true;
    recovery__path(r, bad, path);
    recovery__fail(r, path, why);
    return false;
}

static void recovery_tell_cut(const struct recovery *r, unsigned k) {
    const struct recovery_segment *s = &r->segments[k];
    if (s->tail.end == s->scan.size)
        return;
    char path[MANIFEST_PATH_MAX];
    recovery__path(r, k, path);
    logger_say(&r->server->logger, LOGLEVEL_WARNING,
               "%s: cut from %" PRIu64 " to %" PRIu64 " bytes (frame %" PRIu64 "): %s", path, s->scan.size,
               s->tail.end, s->tail.seq,
               s->scan.end < s->scan.size ? "its end is torn, as after a crash"
                                          : "what follows had not reached the disk of all shards");
}

/* Torn tails are cut, unless the operator wants to look at them first. */
static bool recovery_allows_tails(struct recovery *r) {
    char path[MANIFEST_PATH_MAX];
    char why[RECOVERY_WHY_MAX];
    for (unsigned k = 0; k < r->segment_count && !r->server->config->aof_load_truncated; k++) {
        const struct segment_scan *scan = &r->segments[k].scan;
        if (scan->end == scan->size)
            continue;
        snprintf(why, sizeof why, "its end is torn behind offset %" PRIu64 ", and aof-load-truncated is no",
                 scan->end);
        recovery__path(r, k, path);
        recovery__fail(r, path, why);
        return false;
    }
    return true;
}

void recovery__cut(struct recovery *r) {
    if (!recovery_allows_tails(r))
        return;
    bool is_last = r->generation == &r->manifest.generations[r->manifest.count - 1];
    if (is_last && !r->generation->segments[0].is_closed ? !recovery_cut_open(r) : !recovery_check_closed(r))
        return;
    for (unsigned k = 0; k < r->generation->shard_count; k++) {
        const struct recovery_segment *s = &r->segments[k];
        const struct segment_mark *last = segment_scan_mark(&s->scan, UINT64_MAX);
        recovery_tell_cut(r, k);
        if (is_last && last && last->epoch > r->epoch)
            r->epoch = last->epoch;
        if (s->scan.txn_count > r->txn_count)
            r->txn_count = s->scan.txn_count;
    }
}

/* Writes again what is not known to be on the disk. After a failed fsync the kernel keeps the pages and takes them for
 * written: they can be read until the power goes, and no later fsync covers them unless they are written anew. */
static enum err recovery_write_again(struct recovery *r, const struct recovery_segment *s) {
    const struct segment_mark *settled = segment_scan_mark(&s->scan, s->scan.settled);
    uint64_t at = settled ? settled->end : s->scan.first;
    char *piece = mem_alloc(RECOVERY_PIECE_BYTES);
    enum err e = ERR_OK;
    while (e == ERR_OK && at < s->tail.end) {
        size_t got = 0;
        uint64_t left = s->tail.end - at;
        e = recovery__pause(r, s->index);
        if (e != ERR_OK)
            break;
        e = io_fs_read(r->place.fs, s->reader.fd, piece,
                       left < RECOVERY_PIECE_BYTES ? left : RECOVERY_PIECE_BYTES, at, &got);
        if (e == ERR_OK && got == 0)
            e = ERR_IO;
        if (e == ERR_OK)
            e = io_fs_write(r->place.fs, s->reader.fd, bytes_of(piece, got), at);
        at += got;
    }
    mem_free(piece);
    return e;
}

void recovery__trim(struct recovery *r, unsigned k) {
    struct recovery_segment *s = &r->segments[k];
    char path[MANIFEST_PATH_MAX];
    if (r->generation->segments[k].is_closed)
        return;
    enum err e = ERR_OK;
    if (s->tail.end < s->reader.size)
        e = io_fs_truncate(r->place.fs, s->reader.fd, s->tail.end);
    if (e == ERR_OK && !PLANTED(TRUST_CACHE))
        e = recovery_write_again(r, s);
    if (e == ERR_OK)
        e = io_fs_fsync(r->place.fs,
                        s->reader.fd); /* I2: what a killed process wrote is not on the disk yet either */
    s->reader.size = s->reader.limit = s->tail.end;
    recovery__path(r, k, path);
    if (e != ERR_OK)
        recovery__fail(r, path, err_text(e));
}
