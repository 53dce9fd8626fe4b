/* jobs.h: work that goes on between turns: what would stop a shard for too long is done in slices.
 *
 * A shard has a list of jobs. Each turn runs one slice of the first, of at most JOB_SLICE_NS, and puts it behind the
 * others; while there are jobs the shard does not sleep. Databases that FLUSHALL has left behind are freed by a job that
 * is always there; a command whose handler gave a rest (core/exec/exec.h) becomes one.
 *
 * Owner: whoever acts as the shard adds jobs; only the shard's own thread runs them, in its turn. */
#pragma once

#include "core/base/link.h"
#include "core/exec/exec.h"

#include <stdbool.h>
#include <stdint.h>

struct shard;

enum { JOB_SLICE_NS = 100000 };

struct job {
    struct link link;
    /* Goes on until `deadline_ns` (of io_fresh_ns), roughly. True: there is more to do. False: the job is finished, or
     * has gone to wait elsewhere, and may have freed itself. */
    bool (*step)(struct shard *shard, struct job *job, int64_t deadline_ns);
};

struct jobs {
    struct link list;
    struct job freeing; /* of dropped databases; on the list while there are any */
};

void jobs_init(struct jobs *jobs);

/* True when jobs_run has something to do. */
bool jobs_are_due(const struct shard *shard);

/* Once a turn: one slice of one job. */
void jobs_run(struct shard *shard);

/* Borrows the job until its step gives false. */
void jobs_add(struct shard *shard, struct job *job);

/* engine_ops.put_off: the running command will be answered when its rest is done. `ctx` is the shard. */
void jobs_put_off(void *ctx, struct exec *x, struct exec_rest *rest);
