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
#include "persist/aof_load.h"
#include "persist/manifest.h"
#include "shards/log_mark.h"
#include "shards/recovery_files.h"
#include "shards/recovery_internal.h"
#include "shards/recovery_move.h"
#include "shards/server.h"
#include "shards/settings.h"
#include "shards/shard_log.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

static const int64_t RECOVERY_TELL_NS = 2000000000;

struct recovery *recovery_new(struct server *server) {
    struct recovery *r = mem_zalloc(sizeof *r);
    r->server = server;
    r->threads = server->shard_count;
    r->config = settings_snapshot(server->config);
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
    settings_free(r->config);
    pthread_barrier_destroy(&r->barrier);
    mem_free(r);
}

void recovery_serve(struct recovery *r) {
    r->is_serving = true;
}

static bool recovery_must_end(const struct recovery *r) {
    return r->is_serving && atomic_load_explicit(&r->server->is_stopping, memory_order_relaxed);
}

enum err recovery__pause(struct recovery *r, unsigned k) {
    unsigned thread = r->step == STEP_CUT ? 0 : k % r->threads;
    return !r->is_serving || loading_pause(r->server->shards[thread]) ? ERR_OK : ERR_CANCELED;
}

void recovery__fail(struct recovery *r, const char *file, const char *why) {
    atomic_store(&r->has_failed, true);
    if (recovery_must_end(r))
        return; /* recovery_is_interrupted tells */
    logger_say(&r->server->logger, LOGLEVEL_WARNING, "The append-only log cannot be loaded: %s: %s", file,
               why);
}

void recovery__path(const struct recovery *r, unsigned k, char *path) {
    manifest_segment_path(&r->place, r->generation, k, path);
}

/* ---- a generation ---- */

static void recovery_open_generation(struct recovery *r, size_t i) {
    r->generation = &r->manifest.generations[i];
    r->segment_count = r->generation->shard_count;
    r->segments = mem_zalloc(r->segment_count * sizeof *r->segments);
    for (unsigned k = 0; k < r->segment_count; k++) {
        r->segments[k].recovery = r;
        r->segments[k].index = k;
    }
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
    if (recovery_must_end(r)) /* the listeners could not be opened */
        return;
    r->begun_ns = io_fresh_ns(r->server->shards[0]->io);
    atomic_store(&r->server->loading.total_bytes, 0);
    atomic_store(&r->server->loading.loaded_bytes, 0);
    r->server->loading.started_ms = io_wall_ms(r->server->shards[0]->io);
    atomic_store(&r->server->is_loading, true);
    enum err e = ERR_OK;
    if (r->server->log_lock < 0)
        e = recovery_files_lock(&r->place, &r->server->log_lock, why, sizeof why);
    if (e == ERR_OK) {
        e = manifest_read(&r->place, &r->manifest, why, sizeof why);
        if (e == ERR_NOTFOUND)
            e = recovery_files_begin(&r->place, &r->manifest, r->threads, why, sizeof why);
    }
    if (e != ERR_OK)
        recovery__fail(r, r->place.dir, why[0] ? why : err_text(e));
    else
        recovery_open_generation(r, 0);
}

/* ---- engines ---- */

static struct engine *recovery_engine(struct recovery *r, unsigned k, unsigned count) {
    struct server *server = r->server;
    if (count == server->shard_count)
        return &server->shards[k]->engine;
    struct engine *e = mem_zalloc(sizeof *e);
    engine_init(e, r->config, server->hash_seed, k, count, server->handlers);
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
    atomic_fetch_add_explicit(&server->loading.loaded_bytes, offset - s->told_bytes, memory_order_relaxed);
    s->told_bytes = offset;
    int64_t now_ns = io_fresh_ns(server->shards[p->segment % p->recovery->threads]->io);
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
    recovery_on_progress(&progress, s->reader.next);
    if (e == ERR_OK)
        return;
    recovery__path(r, k, path);
    recovery__fail(r, path, why);
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
        recovery__fail(r, r->place.dir, why);
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
        recovery__scan(r, shard->index); /* a new, empty segment */
        s->tail.end = s->scan.end;
    }
    recovery__path(r, shard->index, path);
    int fd;
    enum err e = io_fs_open(r->place.fs, path, O_RDWR, 0, &fd);
    if (e != ERR_OK) {
        recovery__fail(r, path, err_text(e));
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
        .sync = r->sync,
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
    case STEP_CUT: recovery__cut(r); return;
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
        recovery__scan(r, k);
    else if (r->step == STEP_TRIM)
        recovery__trim(r, k);
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

/* A stop was asked for; shard 0 alone looks, so all are of one mind. */
static bool recovery_is_interrupted(struct recovery *r) {
    if (!recovery_must_end(r))
        return false;
    atomic_store(&r->has_failed, true);
    if (r->begun_ns)
        logger_say(&r->server->logger, LOGLEVEL_NOTICE, "Loading was interrupted");
    return true;
}

static enum recovery_step recovery_next(struct recovery *r) {
    if (r->step == STEP_GIVE_UP || r->step == STEP_FINISH)
        return STEP_DONE;
    if (recovery_is_interrupted(r) || atomic_load(&r->has_failed)) /* I1 */
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

static void recovery_meet(struct recovery *r, struct shard *shard) {
    if (r->is_serving)
        loading_meet(shard);
    else
        pthread_barrier_wait(&r->barrier);
}

/* Shard 0. CONFIG SET works while the data is loaded: all shards open their logs under one policy, and the next mark
 * brings another one if need be. */
static void recovery_step_on(struct recovery *r) {
    r->step = recovery_next(r);
    if (r->step == STEP_OPEN)
        r->sync = log_mark_policy(r->server->config);
}

bool recovery_run(struct recovery *r, struct shard *shard) {
    while (r->step != STEP_DONE) {
        recovery_act(r, shard);
        recovery_meet(r, shard);
        if (shard->index == 0)
            recovery_step_on(r);
        recovery_meet(r, shard);
    }
    return !atomic_load(&r->has_failed);
}

bool recovery_run_alone(struct recovery *r) {
    while (r->step != STEP_DONE) {
        for (unsigned i = 0; i < r->threads; i++)
            recovery_act(r, r->server->shards[i]);
        recovery_step_on(r);
    }
    return !atomic_load(&r->has_failed);
}
