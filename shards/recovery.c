/* recovery.c: the start of a server with an append-only log.
 *
 * Threads work in steps with a barrier between them; in each step a thread touches only segments and engines whose number
 * is its own modulo the number of threads, and thread 0 alone does what concerns all.
 *
 *   prepare   0     read the manifest, or begin a log where there is none
 *   for each generation:
 *     scan    all   read and verify every segment
 *     cut     0     how much of each is kept (persist/aof_cut.h)
 *     trim    all   cut the files there, and sync that
 *     move    all   bring the keys loaded so far to engines of as many shards as the generation had
 *     replay  all   run its effects
 *   move      all   bring the keys to the shards
 *   renew     0     with another number of shards than the last generation: begin a new one
 *   open      all   begin logging behind the last frame, with a mark
 *
 *   I1  all threads leave a step with the same opinion whether the start has failed: it changes before barriers only.
 *   I2  files are cut, and that is on the disk, before anybody serves: a frame that was cut off can never come back and
 *       stand among newer ones.
 *   I3  a generation is replayed into engines of its own number of shards, because FLUSHALL or SWAPDB in a segment mean
 *       the keys of that shard alone. */
#include "shards/recovery.h"

#include "core/base/mem.h"
#include "persist/aof_cut.h"
#include "persist/aof_load.h"
#include "persist/manifest.h"
#include "shards/log_mark.h"
#include "shards/recovery_files.h"
#include "shards/recovery_move.h"
#include "shards/server.h"
#include "shards/shard_log.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

enum { RECOVERY_WHY_MAX = 1024 };

static const int64_t RECOVERY_TELL_NS = 2000000000;

/* One segment of the generation at hand. */
struct recovery_segment {
    bool is_open;
    struct segment_reader reader;
    struct segment_scan scan;
    struct aof_cut_tail tail;
    struct aof_load_stats loaded;
    int64_t next_tell_ns; /* progress */
};

struct recovery {
    struct server *server;
    struct manifest_place place;
    struct manifest manifest;
    pthread_barrier_t barrier;
    atomic_bool has_failed; /* I1 */
    unsigned threads;

    /* the generation at hand */
    struct manifest_generation *generation;
    struct recovery_segment *segments;
    struct engine **engines;  /* where its keys are, or NULL before the first */
    unsigned engine_count;
    struct engine **previous; /* where the keys of the ones before are */
    unsigned previous_count;
    struct recovery_move *move;

    /* over all generations */
    uint64_t epoch;
    uint64_t txn_count;
    uint64_t effects;
    uint64_t bytes;
    int64_t begun_ns;
};

struct recovery *recovery_new(struct server *server) {
    struct recovery *r = mem_zalloc(sizeof *r);
    r->server = server;
    r->threads = server->shard_count;
    r->place = (struct manifest_place){io_fs_real(), server->config->appenddirname, server->config->appendfilename};
    pthread_barrier_init(&r->barrier, NULL, r->threads);
    return r;
}

void recovery_free(struct recovery *r) {
    if (!r)
        return;
    must(!r->segments && !r->engines);
    manifest_deinit(&r->manifest);
    pthread_barrier_destroy(&r->barrier);
    mem_free(r);
}

static void recovery_fail(struct recovery *r, const char *file, const char *why) {
    atomic_store(&r->has_failed, true);
    logger_say(&r->server->logger, LOGLEVEL_WARNING, "The append-only log cannot be loaded: %s: %s", file, why);
}

/* The end of a step. False when the start has failed (I1). */
static bool recovery_meet(struct recovery *r) {
    pthread_barrier_wait(&r->barrier);
    bool ok = !atomic_load(&r->has_failed);
    pthread_barrier_wait(&r->barrier); /* nobody enters the next step, and fails, before all have looked */
    return ok;
}

static void recovery_path(const struct recovery *r, unsigned k, char *path) {
    manifest_segment_path(&r->place, r->generation, k, path);
}

/* ---- prepare ---- */

static void recovery_prepare(struct recovery *r) {
    char why[RECOVERY_WHY_MAX] = "";
    r->begun_ns = io_fresh_ns(r->server->shards[0]->io);
    atomic_store(&r->server->is_loading, true);
    enum err e = manifest_read(&r->place, &r->manifest, why, sizeof why);
    if (e == ERR_NOTFOUND)
        e = recovery_files_begin(&r->place, &r->manifest, r->threads, why, sizeof why);
    if (e != ERR_OK)
        recovery_fail(r, r->place.dir, why[0] ? why : err_text(e));
}

/* ---- scan ---- */

static void recovery_scan(struct recovery *r, unsigned k) {
    struct recovery_segment *s = &r->segments[k];
    const struct manifest_generation *g = r->generation;
    char path[MANIFEST_PATH_MAX];
    char why[RECOVERY_WHY_MAX];
    recovery_path(r, k, path);
    enum err e = segment_reader_open(&s->reader, r->place.fs, path);
    if (e != ERR_OK) {
        recovery_fail(r, path, e == ERR_CORRUPT ? "does not begin with the header of a segment" : err_text(e));
        return;
    }
    s->is_open = true;
    const struct segment_header *h = &s->reader.header;
    if (h->id != g->segments[k].id || h->generation != g->number || h->shard != k ||
        h->shard_count != g->shard_count) {
        recovery_fail(r, path, "is not the file that the manifest means: it was exchanged with another one");
        return;
    }
    if (segment_scan(&s->reader, &s->scan, why, sizeof why) != ERR_OK)
        recovery_fail(r, path, why);
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
        recovery_path(r, k, path);
        recovery_fail(r, path, "has not the size and number of frames that it was closed with");
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
    for (unsigned k = 0; k < count; k++) {
        r->segments[k].reader = readers[k]; /* its window may have moved */
        r->segments[k].tail = tails[k];
    }
    mem_free(readers);
    mem_free(scans);
    mem_free(tails);
    if (e == ERR_OK)
        return true;
    recovery_path(r, bad, path);
    recovery_fail(r, path, why);
    return false;
}

static void recovery_tell_cut(const struct recovery *r, unsigned k) {
    const struct recovery_segment *s = &r->segments[k];
    if (s->tail.end == s->scan.size)
        return;
    char path[MANIFEST_PATH_MAX];
    recovery_path(r, k, path);
    logger_say(&r->server->logger, LOGLEVEL_WARNING,
               "%s: cut from %" PRIu64 " to %" PRIu64 " bytes (frame %" PRIu64 "): %s", path, s->scan.size,
               s->tail.end, s->tail.seq,
               s->scan.end < s->scan.size ? "its end is torn, as after a crash"
                                          : "what follows had not reached the disk of all shards");
}

static void recovery_cut(struct recovery *r) {
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

static void recovery_trim(struct recovery *r, unsigned k) {
    struct recovery_segment *s = &r->segments[k];
    char path[MANIFEST_PATH_MAX];
    if (r->generation->segments[k].is_closed)
        return;
    enum err e = ERR_OK;
    if (s->tail.end < s->reader.size)
        e = io_fs_truncate(r->place.fs, s->reader.fd, s->tail.end);
    if (e == ERR_OK)
        e = io_fs_fsync(r->place.fs, s->reader.fd); /* I2: what a killed process wrote is not on the disk yet either */
    s->reader.size = s->reader.limit = s->tail.end;
    recovery_path(r, k, path);
    if (e != ERR_OK)
        recovery_fail(r, path, err_text(e));
}

/* ---- engines ---- */

static struct engine *recovery_engine(struct recovery *r, unsigned k, unsigned count) {
    struct server *server = r->server;
    if (count == server->shard_count)
        return &server->shards[k]->engine;
    struct engine *e = mem_zalloc(sizeof *e);
    engine_init(e, server->config, server->hash_seed, k, count, server->handlers);
    engine_set_clock(e, server->shards[0]->engine.now_us);
    return e;
}

/* Makes engines for `count` shards the ones at hand; those at hand become the previous ones. */
static void recovery_turn_over(struct recovery *r, unsigned count) {
    r->previous = r->engines;
    r->previous_count = r->engine_count;
    r->engines = mem_alloc(count * sizeof(struct engine *));
    r->engine_count = count;
    for (unsigned k = 0; k < count; k++)
        r->engines[k] = recovery_engine(r, k, count);
    if (r->previous)
        r->move = recovery_move_new(r->previous, r->previous_count, r->engines, count, r->threads);
}

static void recovery_drop_engines(struct recovery *r, struct engine **engines, unsigned count) {
    for (unsigned k = 0; engines && k < count; k++) {
        if (count == r->server->shard_count)
            continue; /* the shards' own */
        engine_deinit(engines[k]);
        mem_free(engines[k]);
    }
    mem_free(engines);
}

/* Brings the keys to engines of `count` shards, if they are not in such. All threads. */
static bool recovery_move_keys(struct recovery *r, unsigned thread, unsigned count) {
    bool is_needed = !r->engines || r->engine_count != count;
    if (!recovery_meet(r))
        return false;
    if (!is_needed)
        return true;
    if (thread == 0)
        recovery_turn_over(r, count);
    recovery_meet(r);
    if (r->previous) {
        recovery_move_take(r->move, thread);
        recovery_meet(r);
        recovery_move_put(r->move, thread);
        recovery_meet(r);
    }
    if (thread == 0 && r->previous) {
        recovery_move_free(r->move);
        recovery_drop_engines(r, r->previous, r->previous_count);
        r->previous = NULL;
        r->move = NULL;
    }
    return recovery_meet(r);
}

/* ---- replay ---- */

struct recovery_progress {
    struct recovery *recovery;
    unsigned segment;
};

static void recovery_on_progress(void *ctx, uint64_t offset) {
    struct recovery_progress *p = ctx;
    struct recovery_segment *s = &p->recovery->segments[p->segment];
    struct server *server = p->recovery->server;
    int64_t now_ns = io_fresh_ns(server->shards[0]->io);
    if (now_ns < s->next_tell_ns)
        return;
    if (s->next_tell_ns != 0)
        logger_say(&server->logger, LOGLEVEL_NOTICE, "Loading segment %u of %u: %" PRIu64 " of %" PRIu64 " MB",
                   p->segment, p->recovery->generation->shard_count, offset >> 20, s->tail.end >> 20);
    s->next_tell_ns = now_ns + RECOVERY_TELL_NS;
}

static void recovery_replay(struct recovery *r, unsigned k) {
    struct recovery_segment *s = &r->segments[k];
    struct recovery_progress progress = {r, k};
    char why[RECOVERY_WHY_MAX] = "";
    char path[MANIFEST_PATH_MAX];
    enum err e = aof_load(&s->reader, s->tail.end, r->engines[k], recovery_on_progress, &progress, &s->loaded, why,
                          sizeof why);
    if (e == ERR_OK)
        return;
    recovery_path(r, k, path);
    recovery_fail(r, path, why);
}

/* ---- a generation ---- */

static void recovery_open_generation(struct recovery *r, size_t i) {
    r->generation = &r->manifest.generations[i];
    r->segments = mem_zalloc(r->generation->shard_count * sizeof *r->segments);
}

static void recovery_close_generation(struct recovery *r) {
    for (unsigned k = 0; k < r->generation->shard_count; k++) {
        struct recovery_segment *s = &r->segments[k];
        if (s->is_open)
            segment_reader_close(&s->reader);
        segment_scan_deinit(&s->scan);
        aof_cut_tail_deinit(&s->tail);
        r->effects += s->loaded.effects;
        r->bytes += s->loaded.bytes;
    }
    mem_free(r->segments);
    r->segments = NULL;
}

/* All steps of one generation; its files stay open. */
static bool recovery_load_generation(struct recovery *r, unsigned thread, size_t i) {
    if (thread == 0)
        recovery_open_generation(r, i);
    recovery_meet(r);
    unsigned count = r->generation->shard_count;
    for (unsigned k = thread; k < count; k += r->threads)
        recovery_scan(r, k);
    if (!recovery_meet(r))
        return false;
    if (thread == 0)
        recovery_cut(r);
    if (!recovery_meet(r))
        return false;
    for (unsigned k = thread; k < count; k += r->threads)
        recovery_trim(r, k);
    if (!recovery_move_keys(r, thread, count))
        return false;
    for (unsigned k = thread; k < count; k += r->threads)
        recovery_replay(r, k);
    return recovery_meet(r);
}

/* ---- renew, open ---- */

/* Closes the last generation in the manifest and begins one for today's number of shards. */
static void recovery_renew(struct recovery *r) {
    char why[RECOVERY_WHY_MAX] = "";
    for (unsigned k = 0; k < r->generation->shard_count; k++) {
        struct manifest_segment *m = &r->generation->segments[k];
        m->is_closed = true;
        m->end_bytes = r->segments[k].tail.end;
        m->end_frames = r->segments[k].tail.seq;
    }
    if (recovery_files_add(&r->place, &r->manifest, r->threads, why, sizeof why) != ERR_OK) {
        recovery_fail(r, r->place.dir, why);
        return;
    }
    logger_say(&r->server->logger, LOGLEVEL_NOTICE,
               "The log was written by %u shards, now there are %u: a new generation begins",
               r->generation->shard_count, r->threads);
    recovery_close_generation(r);
    recovery_open_generation(r, r->manifest.count - 1);
}

static void recovery_open_log(struct recovery *r, struct shard *shard) {
    struct recovery_segment *s = &r->segments[shard->index];
    char path[MANIFEST_PATH_MAX];
    if (!s->is_open) {
        recovery_scan(r, shard->index); /* a new, empty segment */
        s->tail.end = s->scan.end;
    }
    recovery_path(r, shard->index, path);
    int fd;
    enum err e = io_fs_open(r->place.fs, path, O_RDWR, 0, &fd);
    if (e != ERR_OK) {
        recovery_fail(r, path, err_text(e));
        return;
    }
    shard->txn_count = r->txn_count;
    struct shard_log_options options = {
        .fd = fd,
        .fs = r->place.fs,
        .id = s->reader.header.id,
        .offset = s->tail.end,
        .seq = s->tail.seq,
        .epoch = r->epoch,
        .sync = log_mark_policy(r->server->config),
    };
    shard_log_open(shard, &options);
    shard_log_mark(shard, r->epoch + 1, r->epoch, options.sync);
}

static void recovery_finish(struct recovery *r) {
    struct server *server = r->server;
    uint64_t keys = 0;
    server->log_epoch = r->epoch + 1;
    recovery_close_generation(r);
    recovery_drop_engines(r, r->engines, r->engine_count);
    r->engines = NULL;
    for (unsigned i = 0; i < server->shard_count; i++)
        for (int db = 0; db < server->shards[i]->engine.db_count; db++)
            if (server->shards[i]->engine.dbs[db])
                keys += keyspace_count(server->shards[i]->engine.dbs[db]);
    double seconds = (double)(io_fresh_ns(server->shards[0]->io) - r->begun_ns) / 1e9;
    atomic_store(&server->is_loading, false);
    logger_say(&server->logger, LOGLEVEL_NOTICE,
               "DB loaded from append only file: %.3f seconds (%" PRIu64 " keys, %" PRIu64 " effects, %.1f MB)", seconds,
               keys, r->effects, (double)r->bytes / 1e6);
}

/* The start has failed: thread 0 cleans up after all. */
static bool recovery_give_up(struct recovery *r, unsigned thread) {
    if (thread == 0) {
        if (r->segments)
            recovery_close_generation(r);
        recovery_drop_engines(r, r->engines, r->engine_count);
        r->engines = NULL;
    }
    return false;
}

static bool recovery_load(struct recovery *r, unsigned thread) {
    if (thread == 0)
        recovery_prepare(r);
    if (!recovery_meet(r))
        return false;
    size_t count = r->manifest.count;
    for (size_t i = 0; i < count; i++) {
        if (!recovery_load_generation(r, thread, i))
            return false;
        if (thread == 0 && i + 1 < count)
            recovery_close_generation(r);
        if (!recovery_meet(r))
            return false;
    }
    if (!recovery_move_keys(r, thread, r->threads))
        return false;
    if (thread == 0 && r->generation->shard_count != r->threads)
        recovery_renew(r);
    return recovery_meet(r);
}

bool recovery_run(struct recovery *r, struct shard *shard) {
    if (!recovery_load(r, shard->index))
        return recovery_give_up(r, shard->index);
    recovery_open_log(r, shard);
    if (!recovery_meet(r)) {
        if (shard->log && shard_log_close(shard, r->epoch + 2) != ERR_OK)
            logger_say(&r->server->logger, LOGLEVEL_WARNING, "Shard %u: its log could not be closed", shard->index);
        recovery_meet(r);
        return recovery_give_up(r, shard->index);
    }
    if (shard->index == 0)
        recovery_finish(r);
    return recovery_meet(r);
}
