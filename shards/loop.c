/* loop.c: one turn after the other.
 *
 *   1  io_poll: submit, sleep if nothing is due, reap
 *   2  run the inbox, as it stands after the reaping
 *   3  dispatch what was reaped: bytes become commands, commands run or go into batches
 *   4  push the batches, look after sleeping targets (and run what came back at once)
 *   5  write the log's records, send each connection's replies
 *   6  timers and background work, within a budget
 *
 * That 2 comes before 3 is a rule of correctness: a command may take the fast path only after every message that was in
 * the inbox when its bytes were reaped.
 *
 * Sleeping: with replies outstanding the shard first spins for a bounded while, because they usually come within a
 * microsecond and a wake-up costs more than a whole receive and send. Then it puts the baton down, looks at the inbox
 * once more, and sleeps until the next timer. */
#include "shards/loop.h"

#include "shards/accept.h"
#include "shards/cycles.h"
#include "shards/evict_loop.h"
#include "shards/gather.h"
#include "shards/server.h"
#include "shards/shard_life.h"
#include "shards/shard_log.h"
#include "shards/tick.h"
#include "shards/yield.h"

#include <stdio.h>

enum {
    LOOP_SPINS = 400,         /* looks at the inbox before sleeping, with replies outstanding: about 20 us */
    LOOP_LOCAL_ROUNDS = 8,    /* rounds of step 4 before the turn goes on */
    LOOP_TIMER_MAX_MS = 1000, /* timers farther off than this are behind some tick */
};

bool loop_open(struct shard *shard, char *why, size_t why_size) {
    struct io_options options = {
        .backend = shard->server->backend, .sim = shard->server->sim, .why = why, .why_size = why_size};
    enum err e = io_open(&options, &shard->io);
    if (e != ERR_OK) {
        if (why[0] == '\0')
            snprintf(why, why_size, "%s", err_text(e));
        return false;
    }
    shard->host.io = shard->io;
    shard->host.now_ms = io_wall_ms(shard->io);
    waiting_set_clock(shard, io_wall_ms(shard->io));
    engine_set_clock(&shard->engine, io_wall_ms(shard->io) * 1000);
    return true;
}

static bool loop_is_busy(const struct shard *shard) {
    return !link_is_empty(&shard->host.with_output) || !link_is_empty(&shard->resume) ||
           !inbox_is_empty(shard->inbox) || jobs_are_due(shard) ||
           atomic_load_explicit(&shard->wants_owner, memory_order_relaxed);
}

/* Waits a bounded while for outstanding replies; true when something came. */
static bool loop_spin(struct shard *shard) {
    if (shard->flush.outstanding == 0)
        return false;
    for (int i = 0; i < LOOP_SPINS; i++) {
        if (!inbox_is_empty(shard->inbox))
            return true;
        order_lock_pause();
        YIELD_POINT();
    }
    return false;
}

/* The time until the next tick or timer. Timers count in milliseconds of the wall clock, as of the last look at it. */
static int64_t loop_wait_ns(const struct shard *shard) {
    int64_t now_ns = io_fresh_ns(shard->io);
    int64_t at_ns = shard->next_tick_ns;
    int64_t timer_ms = waiting_next_ms(&shard->waiting) - shard->engine.now_ms;
    if (timer_ms < LOOP_TIMER_MAX_MS && io_now_ns(shard->io) + timer_ms * 1000000 < at_ns)
        at_ns = io_now_ns(shard->io) + timer_ms * 1000000;
    return at_ns - now_ns;
}

/* Enters the kernel; sleeps, with the baton down, when nothing is due. */
static void loop_poll(struct shard *shard, bool may_sleep) {
    if (!may_sleep || loop_is_busy(shard) || loop_spin(shard)) {
        io_poll(shard->io, 0);
        return;
    }
    int64_t wait_ns = loop_wait_ns(shard);
    baton_put_down(&shard->baton);
    if (!inbox_is_empty(shard->inbox) && baton_try_take(&shard->baton, BATON_OWNER)) {
        io_poll(shard->io, 0);
        return;
    }
    YIELD_SLEEP();
    io_poll(shard->io, wait_ns > 0 ? wait_ns : 0);
    baton_take_back(&shard->baton);
}

/* Lets connections go on that had to wait. */
static void loop_resume(struct shard *shard) {
    struct link waiting;
    struct link *node;
    link_init_head(&waiting);
    while ((node = link_pop_front(&shard->resume)) != NULL)
        link_push_back(&waiting, node);
    while ((node = link_pop_front(&waiting)) != NULL)
        conn_resume(CONTAINER_OF(node, struct conn, paused_link));
}

/* Step 4. A visited shard's replies are in our inbox at once; running them now saves a turn. */
static void loop_exchange(struct shard *shard) {
    for (int round = 0; round < LOOP_LOCAL_ROUNDS; round++) {
        flush_push(shard);
        flush_look(shard);
        if (inbox_is_empty(shard->inbox))
            return;
        shard_run_inbox(shard);
    }
    flush_push(shard);
    flush_look(shard);
}

/* Background work has made keys ready, or rather made them go away. */
static void loop_serve_waiters(struct shard *shard) {
    if (LIKELY(!waiters_are_due(&shard->waiters)))
        return;
    waiters_serve_apart(shard, false);
    flush_look(shard);
}

void loop_turn(struct shard *shard, bool may_sleep) {
    loop_poll(shard, may_sleep);
    atomic_store_explicit(&shard->wants_owner, false, memory_order_relaxed);
    shard->turn++;
    shard->stats.turns++;
    shard->ticks = cycles_now();
    shard->host.now_ms = io_wall_ms(shard->io);
    shard_set_clock(shard, io_wall_ms(shard->io) * 1000);
    shard_run_inbox(shard);
    pause_check(shard);
    waiting_tick(shard);
    accept_newcomers(shard);
    gather_run_waiting(shard);
    loop_resume(shard);
    waiting_run_due(shard);
    io_dispatch(shard->io);
    monitor_flush(shard);
    loop_exchange(shard);
    if (io_now_ns(shard->io) >= shard->next_tick_ns)
        tick(shard);
    loop_serve_waiters(shard);
    jobs_run(shard);
    if (shard->log)
        shard_log_flush(shard);
    evict_loop_publish(shard);
    conn_flush_all(&shard->host);
}

void loop_close_conns(struct shard *shard) {
    struct link *node;
    for (node = shard->conns.next; node != &shard->conns;) {
        struct link *next = node->next;
        conn_close(CONTAINER_OF(node, struct conn, all_link), CONN_CLOSED_BY_SHUTDOWN);
        node = next;
    }
    while (!link_is_empty(&shard->conns))
        loop_turn(shard, true);
}

void loop_close(struct shard *shard) {
    io_close(shard->io);
}
