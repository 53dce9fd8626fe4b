/* recovery.c: the start of a server with an append-only log, as steps that all shards' threads take together.
 *
 * In each step a thread touches only segments and engines whose number is its own modulo the number of threads, and
 * thread 0 alone does what concerns all. Between steps they meet, and thread 0 decides about the next one.
 *
 *   prepare      0     read the manifest, or begin a log where there is none
 *   for each generation:
 *     scan       all   read and verify every segment
 *     cut        0     how much of each is kept (persist/aof_cut.h)
 *     trim       all   cut the files there, and sync that
 *     move       all   bring the keys loaded so far to engines of as many shards as the generation had (4 steps)
 *     replay     all   run its effects
 *   move         all   bring the keys to the shards
 *   renew        0     with another number of shards than the last generation: begin a new one
 *   open         all   begin logging behind the last frame, with a mark
 *   finish       0
 *
 *   I1  has_failed is looked at between steps only, so all threads have the same opinion about it.
 *   I2  files are cut, and that is on the disk, before anybody serves: a frame that was cut off can never come back and
 *       stand among newer ones.
 *   I3  a generation is replayed into engines of its own number of shards, because FLUSHALL or SWAPDB in a segment mean
 *       the keys of that shard alone.
 *
 * Steps rather than one function with barriers in it, so that a simulation can take them for all shards in one thread. */
#include "shards/recovery.h"

#include "core/base/mem.h"
#include "core/io/io_sim.h"
#include "persist/aof_cut.h"
#include "persist/aof_load.h"
#include "persist/manifest.h"
#include "shards/log_mark.h"
#include "shards/planted.h"
#include "shards/recovery_files.h"
#include "shards/recovery_move.h"
#include "shards/server.h"
#include "shards/shard_log.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

enum { RECOVERY_WHY_MAX = 1024, RECOVERY_PIECE_BYTES = 256 << 10 };

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

enum recovery_step {
    STEP_PREPARE,
    STEP_SCAN,
    STEP_CUT,
    STEP_TRIM,
    STEP_TURN_OVER,
    STEP_TAKE,
    STEP_PUT,
    STEP_DROP,
    STEP_REPLAY,
    STEP_NEXT_GENERATION,
    STEP_RENEW,
    STEP_OPEN,
    STEP_FINISH,
    STEP_GIVE_UP,
    STEP_DONE,
};

struct recovery {
    struct server *server;
    enum recovery_step step;
    struct manifest_place place;
    struct manifest manifest;
    pthread_barrier_t barrier;
    atomic_bool has_failed; /* I1 */
    unsigned threads;

    /* the generation at hand; its number in the manifest's array is the number of those before */
    size_t generations_done;
    struct manifest_generation *generation;
    struct recovery_segment *segments;
    unsigned segment_count;
    struct engine **engines; /* where its keys are, or NULL before the first */
    unsigned engine_count;
    struct engine **previous; /* where the keys of the ones before are */
    unsigned previous_count;
    struct recovery_move *move;

    /* over all generations */
    uint64_t epoch;   /* the last mark in any segment of the last generation: marks are numbered above it */
    uint64_t settled; /* the last one that all its segments have */
    uint64_t txn_count;
    uint64_t effects;
    uint64_t bytes;
    int64_t begun_ns;
};

struct recovery *recovery_new(struct server *server) {
    struct recovery *r = mem_zalloc(sizeof *r);
    r->server = server;
    r->threads = server->shard_count;
    r->place = (struct manifest_place){server->sim ? io_sim_fs(server->sim, 0) : io_fs_real(),
                                       server->config->appenddirname, server->config->appendfilename};
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
    logger_say(&r->server->logger, LOGLEVEL_WARNING, "The append-only log cannot be loaded: %s: %s", file,
               why);
}

static void recovery_path(const struct recovery *r, unsigned k, char *path) {
    manifest_segment_path(&r->place, r->generation, k, path);
}

/* ---- a generation ---- */

static void recovery_open_generation(struct recovery *r, size_t i) {
    r->generation = &r->manifest.generations[i];
    r->segment_count = r->generation->shard_count;
    r->segments = mem_zalloc(r->segment_count * sizeof *r->segments);
}

static void recovery_close_generation(struct recovery *r) {
    for (unsigned k = 0; k < r->segment_count; k++) {
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

/* ---- prepare ---- */

static void recovery_prepare(struct recovery *r) {
    char why[RECOVERY_WHY_MAX] = "";
    r->begun_ns = io_fresh_ns(r->server->shards[0]->io);
    atomic_store(&r->server->is_loading, true);
    enum err e = recovery_files_lock(&r->place, &r->server->log_lock, why, sizeof why);
    if (e == ERR_OK) {
        e = manifest_read(&r->place, &r->manifest, why, sizeof why);
        if (e == ERR_NOTFOUND)
            e = recovery_files_begin(&r->place, &r->manifest, r->threads, why, sizeof why);
    }
    if (e != ERR_OK)
        recovery_fail(r, r->place.dir, why[0] ? why : err_text(e));
    else
        recovery_open_generation(r, 0);
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
        recovery_fail(r, path,
                      e == ERR_CORRUPT ? "does not begin with the header of a segment" : err_text(e));
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

static void recovery_trim(struct recovery *r, unsigned k) {
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

/* The number of shards that the engines at hand should be for: those of the generation, or, after the last, today's. */
static unsigned recovery_engines_wanted(const struct recovery *r) {
    return r->generations_done < r->manifest.count ? r->generation->shard_count : r->threads;
}

static void recovery_drop_previous(struct recovery *r) {
    if (r->move)
        recovery_move_free(r->move);
    recovery_drop_engines(r, r->previous, r->previous_count);
    r->previous = NULL;
    r->move = NULL;
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
        logger_say(&server->logger, LOGLEVEL_NOTICE,
                   "Loading segment %u of %u: %" PRIu64 " of %" PRIu64 " MB", p->segment,
                   p->recovery->generation->shard_count, offset >> 20, s->tail.end >> 20);
    s->next_tell_ns = now_ns + RECOVERY_TELL_NS;
}

static void recovery_replay(struct recovery *r, unsigned k) {
    struct recovery_segment *s = &r->segments[k];
    struct recovery_progress progress = {r, k};
    char why[RECOVERY_WHY_MAX] = "";
    char path[MANIFEST_PATH_MAX];
    enum err e = aof_load(&s->reader, s->tail.end, r->engines[k], recovery_on_progress, &progress, &s->loaded,
                          why, sizeof why);
    if (e == ERR_OK)
        return;
    recovery_path(r, k, path);
    recovery_fail(r, path, why);
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
    logger_say(&r->server->logger, LOGLEVEL_NOTICE,
               "The log was written by %u shards, now there are %u: a new generation begins",
               r->segment_count, r->threads);
    r->generation = NULL; /* the manifest's array moves */
    if (recovery_files_add(&r->place, &r->manifest, r->threads, why, sizeof why) != ERR_OK) {
        recovery_fail(r, r->place.dir, why);
        return;
    }
    recovery_close_generation(r);
    recovery_open_generation(r, r->manifest.count - 1);
    r->epoch = r->settled = 0; /* it has no marks */
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
        .epoch = r->settled,
        .sync = log_mark_policy(r->server->config),
    };
    shard_log_open(shard, &options);
    shard_log_mark(shard, r->epoch + 1, r->settled, options.sync);
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
               "DB loaded from append only file: %.3f seconds (%" PRIu64 " keys, %" PRIu64
               " effects, %.1f MB)",
               seconds, keys, r->effects, (double)r->bytes / 1e6);
}

static void recovery_give_up(struct recovery *r, struct shard *shard) {
    if (shard->log && shard_log_close(shard, r->epoch + 2) != ERR_OK)
        logger_say(&r->server->logger, LOGLEVEL_WARNING, "Shard %u: its log could not be closed",
                   shard->index);
    if (shard->index != 0)
        return;
    if (r->segments)
        recovery_close_generation(r);
    recovery_drop_previous(r);
    recovery_drop_engines(r, r->engines, r->engine_count);
    r->engines = NULL;
}

/* ---- steps ---- */

/* What thread 0 does in this step. */
static void recovery_act_alone(struct recovery *r) {
    switch (r->step) {
    case STEP_PREPARE: recovery_prepare(r); return;
    case STEP_CUT: recovery_cut(r); return;
    case STEP_TURN_OVER: recovery_turn_over(r, recovery_engines_wanted(r)); return;
    case STEP_DROP: recovery_drop_previous(r); return;
    case STEP_NEXT_GENERATION:
        recovery_close_generation(r);
        recovery_open_generation(r, r->generations_done);
        return;
    case STEP_RENEW: recovery_renew(r); return;
    case STEP_FINISH: recovery_finish(r); return;
    case STEP_SCAN:
    case STEP_TRIM:
    case STEP_TAKE:
    case STEP_PUT:
    case STEP_REPLAY:
    case STEP_OPEN:
    case STEP_GIVE_UP:
    case STEP_DONE: return;
    }
}

/* What each thread does for each segment of its own. */
static void recovery_act_on(struct recovery *r, unsigned k) {
    if (r->step == STEP_SCAN)
        recovery_scan(r, k);
    else if (r->step == STEP_TRIM)
        recovery_trim(r, k);
    else if (r->step == STEP_REPLAY)
        recovery_replay(r, k);
}

static void recovery_act(struct recovery *r, struct shard *shard) {
    unsigned thread = shard->index;
    if (thread == 0)
        recovery_act_alone(r);
    bool is_per_segment = r->step == STEP_SCAN || r->step == STEP_TRIM || r->step == STEP_REPLAY;
    for (unsigned k = thread; is_per_segment && k < r->generation->shard_count; k += r->threads)
        recovery_act_on(r, k);
    if (r->step == STEP_TAKE && r->move)
        recovery_move_take(r->move, thread);
    if (r->step == STEP_PUT && r->move)
        recovery_move_put(r->move, thread);
    if (r->step == STEP_OPEN)
        recovery_open_log(r, shard);
    if (r->step == STEP_GIVE_UP)
        recovery_give_up(r, shard);
}

/* Behind the engines' step: replay the generation, or go on when all are done. */
static enum recovery_step recovery_after_move(const struct recovery *r) {
    if (r->generations_done < r->manifest.count)
        return STEP_REPLAY;
    return r->generation->shard_count != r->threads ? STEP_RENEW : STEP_OPEN;
}

static bool recovery_must_move(const struct recovery *r) {
    return !r->engines || r->engine_count != recovery_engines_wanted(r);
}

static enum recovery_step recovery_next(struct recovery *r) {
    if (r->step == STEP_GIVE_UP || r->step == STEP_FINISH)
        return STEP_DONE;
    if (atomic_load(&r->has_failed)) /* I1 */
        return STEP_GIVE_UP;
    switch (r->step) {
    case STEP_PREPARE:
    case STEP_NEXT_GENERATION: return STEP_SCAN;
    case STEP_SCAN: return STEP_CUT;
    case STEP_CUT: return STEP_TRIM;
    case STEP_TRIM: return recovery_must_move(r) ? STEP_TURN_OVER : STEP_REPLAY;
    case STEP_TURN_OVER: return STEP_TAKE;
    case STEP_TAKE: return STEP_PUT;
    case STEP_PUT: return STEP_DROP;
    case STEP_DROP: return recovery_after_move(r);
    case STEP_REPLAY:
        if (++r->generations_done < r->manifest.count)
            return STEP_NEXT_GENERATION;
        return recovery_must_move(r) ? STEP_TURN_OVER : recovery_after_move(r);
    case STEP_RENEW: return STEP_OPEN;
    case STEP_OPEN: return STEP_FINISH;
    case STEP_FINISH:
    case STEP_GIVE_UP:
    case STEP_DONE: break;
    }
    return STEP_DONE;
}

bool recovery_run(struct recovery *r, struct shard *shard) {
    while (r->step != STEP_DONE) {
        recovery_act(r, shard);
        pthread_barrier_wait(&r->barrier);
        if (shard->index == 0)
            r->step = recovery_next(r);
        pthread_barrier_wait(&r->barrier);
    }
    return !atomic_load(&r->has_failed);
}

bool recovery_run_alone(struct recovery *r) {
    while (r->step != STEP_DONE) {
        for (unsigned i = 0; i < r->threads; i++)
            recovery_act(r, r->server->shards[i]);
        r->step = recovery_next(r);
    }
    return !atomic_load(&r->has_failed);
}
