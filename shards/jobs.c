/* jobs.c: slices of background work, and commands that end as such.
 *
 * A command that was put off reads the keyspace while other commands change it. Keys that a transaction has borrowed are
 * not in the table meanwhile, so a slice must not run then: it would pass over a key that is there all the time. Such a
 * slice waits as a barrier, like any command over the whole keyspace, runs when nothing is lent, and lets go again. */
#include "shards/jobs.h"

#include "core/base/mem.h"
#include "shards/fanout_clock.h"
#include "shards/parked.h"
#include "shards/shard.h"

enum { JOB_FREE_ENTRIES = 256 }; /* freed between two looks at the clock */

static bool job_free_dropped(struct shard *shard, struct job *job, int64_t deadline_ns) {
    (void)job;
    while (!engine_free_step(&shard->engine, JOB_FREE_ENTRIES))
        if (io_fresh_ns(shard->io) >= deadline_ns)
            return true;
    return false;
}

void jobs_init(struct jobs *jobs) {
    link_init_head(&jobs->list);
    jobs->freeing = (struct job){.step = job_free_dropped};
}

bool jobs_are_due(const struct shard *shard) {
    return !link_is_empty(&shard->jobs.list) || engine_has_garbage(&shard->engine);
}

void jobs_add(struct shard *shard, struct job *job) {
    link_push_back(&shard->jobs.list, &job->link);
}

void jobs_run(struct shard *shard) {
    struct jobs *jobs = &shard->jobs;
    if (LIKELY(!jobs_are_due(shard)))
        return;
    if (engine_has_garbage(&shard->engine) && !link_is_linked(&jobs->freeing.link))
        jobs_add(shard, &jobs->freeing);
    struct job *job = CONTAINER_OF(link_pop_front(&jobs->list), struct job, link);
    if (job->step(shard, job, io_fresh_ns(shard->io) + JOB_SLICE_NS))
        jobs_add(shard, job);
}

/* ---- commands that were put off ---- */

struct put_off {
    struct job job;
    struct lock_waiter waiter;
    struct parked *parked;
    struct exec_rest *rest;
};

/* Goes on until the deadline; true when there is more to do. */
static bool put_off_go_on(struct shard *shard, struct put_off *p, int64_t deadline_ns) {
    struct resp_out out;
    resp_out_init(&out, &p->parked->reply, p->parked->request.proto);
    while (!p->rest->step(&shard->engine, p->rest, &out))
        if (io_fresh_ns(shard->io) >= deadline_ns)
            return true;
    if (p->parked->request.flags & REQUEST_IS_PART)
        fanout_clock_close(&p->rest->part, shard->engine.now_ms, &p->parked->reply);
    parked_answer(shard, p->parked);
    p->rest->free(p->rest);
    mem_free(p);
    return false;
}

static void put_off_ready(struct shard *shard, struct lock_waiter *waiter) {
    struct put_off *p = CONTAINER_OF(waiter, struct put_off, waiter);
    locks_leave(&shard->locks, waiter); /* nothing is lent now, nor will be before this returns */
    p->waiter = (struct lock_waiter){0};
    if (put_off_go_on(shard, p, io_fresh_ns(shard->io) + JOB_SLICE_NS))
        jobs_add(shard, &p->job);
}

static bool put_off_step(struct shard *shard, struct job *job, int64_t deadline_ns) {
    struct put_off *p = CONTAINER_OF(job, struct put_off, job);
    if (locks_are_none(&shard->locks))
        return put_off_go_on(shard, p, deadline_ns);
    p->waiter.on_ready = put_off_ready;
    locks_enter(&shard->locks, &p->waiter, NULL, 0, shard->engine.now_ms);
    locks_run_ready(shard, &shard->locks);
    return false;
}

void jobs_put_off(void *ctx, struct exec *x, struct exec_rest *rest) {
    struct shard *shard = ctx;
    struct put_off *p = mem_zalloc(sizeof *p);
    p->job.step = put_off_step;
    p->rest = rest;
    p->parked = parked_defer(x);
    jobs_add(shard, &p->job);
}
