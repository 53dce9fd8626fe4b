/* recovery_internal.h: the state of a recovery as its files see it: recovery.c takes the steps, recovery_check.c judges
 * the files. For these alone. */
#pragma once

#include "core/io/io.h"
#include "persist/aof_cut.h"
#include "persist/aof_load.h"
#include "persist/aof_writer.h"
#include "persist/manifest.h"
#include "shards/recovery.h"
#include "shards/recovery_move.h"

#include <pthread.h>
#include <stdatomic.h>

enum { RECOVERY_WHY_MAX = 1024 };

/* One segment of the generation at hand. */
struct recovery_segment {
    bool is_open;
    struct recovery *recovery;
    unsigned index;
    struct segment_reader reader;
    struct segment_scan scan;
    struct aof_cut_tail tail;
    struct aof_load_stats loaded;
    int64_t next_tell_ns; /* progress */
    uint64_t told_bytes;  /* of loading.loaded_bytes */
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
    bool is_serving;
    struct config *config; /* for engines of our own: the shards' snapshots come and go */
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
    enum aof_sync sync; /* the policy under which the logs are opened */
};

/* The start has failed because of this file. */
void recovery__fail(struct recovery *r, const char *file, const char *why);

/* Between two pieces of the work on segment k. ERR_CANCELED: the server is being stopped. */
enum err recovery__pause(struct recovery *r, unsigned k);

/* The path of a segment of the generation at hand. */
void recovery__path(const struct recovery *r, unsigned k, char *path);

/* ---- recovery_check.c: steps that judge the files of the generation at hand ---- */

/* Opens segment k, reads and verifies it. */
void recovery__scan(struct recovery *r, unsigned k);

/* Decides how much of each segment is kept. */
void recovery__cut(struct recovery *r);

/* Cuts segment k there and puts what is kept on the disk. */
void recovery__trim(struct recovery *r, unsigned k);
