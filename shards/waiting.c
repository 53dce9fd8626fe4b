/* waiting.c: clients that wait: how their wait begins, ends, and is taken up again.
 *
 *   I1  conn->waiter is set from the moment this shard knows of the wait until it has ended; the waiter is then in `all`,
 *       and its word is not DONE, or the message with its reply is on its way.
 *   I2  a waiter is freed when its wait has ended, no part of it is away, and no transaction runs it.
 *   I3  its reply slot is filled once: by the owner's message, by the transaction that served it, or by the end of the wait.
 *
 * A part that is to be forgotten is sent a message and comes back with it; owners answer messages in order, so whatever
 * else they had sent about it has arrived before. Such a message goes through the inbox also where the owner is this very
 * shard: the places are then given up between two commands and never inside one.
 *
 * Timers run by the wall clock, as all expiry does, because the deadline of a command is a moment of it. A wheel that
 * stands still while nobody waits catches up at the next turn. */
#include "shards/waiting.h"

#include "core/base/mem.h"
#include "shards/reply.h"
#include "shards/server.h"
#include "shards/txn.h"
#include "shards/waiters.h"

enum { WAITING_RETRY_MS = 1 }; /* until an end is tried again that came upon a running command */

void waiting_init(struct waiting *waiting) {
    *waiting = (struct waiting){0};
    link_init_head(&waiting->all);
    link_init_head(&waiting->due);
    link_init_head(&waiting->ended);
    timer_wheel_init(&waiting->wheel, 0);
}

/* At the end of the server parts may still have been on their way home. */
void waiting_deinit(struct waiting *waiting) {
    must(link_is_empty(&waiting->all));
    struct link *node;
    while ((node = link_pop_front(&waiting->ended)) != NULL)
        waiter_free(CONTAINER_OF(node, struct waiter, link));
}

static void set_timer(struct shard *shard, struct waiter *w, int64_t at_ms) {
    struct waiting *waiting = &shard->waiting;
    timer_wheel_remove(&waiting->wheel, &w->timer);
    timer_wheel_add(&waiting->wheel, &w->timer, at_ms > 0 ? (uint64_t)at_ms : 0);
    /* A visitor may have set it while our thread sleeps towards a later one. */
    atomic_store_explicit(&shard->wants_owner, true, memory_order_release);
}

/* ---- the end ---- */

static void free_if_over(struct waiter *w) {
    if (!waiter_is_done(w) || w->away || w->is_running || link_is_linked(&w->due)) /* I2 */
        return;
    link_remove(&w->link);
    waiter_free(w);
}

/* The wait is over: nobody may find the waiter by its connection, and owners give back what they have of it. `but` is the
 * owner that has given its part back already; SHARDS_MAX: none. */
static void leave(struct shard *shard, struct waiter *w, unsigned but) {
    struct waiting *waiting = &shard->waiting;
    must(w->request.to.conn->waiter == w); /* I1 */
    w->request.to.conn->waiter = NULL;
    waiting->count--;
    waiting->timed_count -= w->is_timed;
    timer_wheel_remove(&waiting->wheel, &w->timer);
    link_remove(&w->link);
    link_push_back(&waiting->ended, &w->link);
    for (unsigned i = 0; i < w->part_count; i++) {
        struct waiter_part *part = &w->parts[i];
        if (part->owner == but) {
            w->away--;
            continue;
        }
        part->forget.run = waiters_forget_arrive;
        shard_send(shard, part->owner, &part->forget);
    }
}

/* What the client of an ended wait is told; the command counts as called, now that it is answered. */
static void write_end(struct shard *shard, const struct waiter *w, enum waiter_end why, struct buf *text) {
    struct resp_out out;
    resp_out_init(&out, text, w->request.proto);
    if (why == WAITER_END_UNBLOCK_ERROR)
        resp_err(&out, REPLY_ERR_UNBLOCKED);
    else if (w->is_null_array)
        resp_null_array(&out);
    else
        resp_null(&out);
    if (why == WAITER_END_CLOSE)
        return;
    shard->engine.stats.errors += out.errors;
    stats_note(shard, &w->request, &out, 0, true);
}

/* Tries to end the wait unserved. */
static enum waiter_race end_wait(struct shard *shard, struct waiter *w, enum waiter_end why) {
    enum waiter_race race = waiter_try_end(w);
    if (race != WAITER_RACE_WON)
        return race;
    struct buf text;
    buf_init(&text);
    write_end(shard, w, why, &text);
    leave(shard, w, SHARDS_MAX);
    reply_deliver_merged(shard, w->request.to.conn, w->request.to.slot, buf_bytes(&text), NULL, 0); /* I3 */
    buf_deinit(&text);
    free_if_over(w);
    return WAITER_RACE_WON;
}

/* ---- the beginning ---- */

static void begin(struct shard *shard, struct waiter *w) {
    struct waiting *waiting = &shard->waiting;
    struct conn *conn = w->request.to.conn;
    must(conn->waiter == NULL);
    conn->waiter = w; /* I1 */
    w->away = w->part_count;
    w->is_timed = w->deadline_ms != 0;
    waiting->count++;
    waiting->timed_count += w->is_timed;
    link_push_back(&waiting->all, &w->link);
    if (w->is_timed)
        set_timer(shard, w, w->deadline_ms);
    if (conn->close_asap)
        waiting_conn_closing(conn);
}

void waiting_begin(struct shard *shard, struct waiter *w) {
    begin(shard, w);
}

void waiting_begun_arrive(struct shard *shard, struct message *message) {
    begin(shard, CONTAINER_OF(message, struct waiter, begun));
}

/* ---- served ---- */

void waiting_served_arrive(struct shard *shard, struct message *message) {
    struct waiter *w = CONTAINER_OF(message, struct waiter, served);
    const struct reply_source source = {w->served_by, w->ticket};
    leave(shard, w, w->served_by);
    reply_deliver_merged(shard, w->request.to.conn, w->request.to.slot, buf_bytes(&w->reply), &source, 1);
    free_if_over(w);
}

void waiting_home_arrive(struct shard *shard, struct message *message) {
    struct waiter *w = CONTAINER_OF(message, struct waiter_part, forget)->waiter;
    (void)shard;
    must(w->away > 0);
    w->away--;
    free_if_over(w);
}

/* ---- runs as transactions ---- */

void waiting_ready_arrive(struct shard *shard, struct message *message) {
    struct waiter *w = CONTAINER_OF(message, struct waiter_part, ready)->waiter;
    /* A run that is under way looks at this key after it became ready: else the owner would have the key's part back. */
    if (waiter_is_done(w) || w->is_running || link_is_linked(&w->due))
        return;
    link_push_back(&shard->waiting.due, &w->due);
    atomic_store_explicit(&shard->wants_owner, true, memory_order_release);
}

void waiting_run_due(struct shard *shard) {
    struct link *node;
    while ((node = link_pop_front(&shard->waiting.due)) != NULL) {
        struct waiter *w = CONTAINER_OF(node, struct waiter, due);
        if (waiter_is_done(w)) {
            free_if_over(w);
            continue;
        }
        w->is_running = true;
        txn_begin_again(shard, w);
    }
}

void waiting_txn_ran(struct shard *shard, struct waiter *w, bool is_served) {
    w->is_running = false;
    if (is_served) {
        waiter_finish(w);
        leave(shard, w, SHARDS_MAX);
    }
    free_if_over(w);
}

/* ---- ends ---- */

enum waiter_race waiting_unblock(struct shard *shard, uint64_t conn_id, bool is_error) {
    for (struct link *node = shard->waiting.all.next; node != &shard->waiting.all; node = node->next) {
        struct waiter *w = CONTAINER_OF(node, struct waiter, link);
        if (w->request.to.conn->id == conn_id)
            return end_wait(shard, w, is_error ? WAITER_END_UNBLOCK_ERROR : WAITER_END_UNBLOCK_TIMEOUT);
    }
    return WAITER_RACE_LOST;
}

void waiting_conn_closing(struct conn *conn) {
    struct shard *shard = conn->host->ctx;
    struct waiter *w = conn->waiter;
    if (!w)
        return;
    w->is_closing = true;
    if (end_wait(shard, w, WAITER_END_CLOSE) == WAITER_RACE_BUSY)
        set_timer(shard, w, shard->engine.now_ms + WAITING_RETRY_MS);
}

/* ---- time ---- */

void waiting_set_clock(struct shard *shard, int64_t now_ms) {
    timer_wheel_init(&shard->waiting.wheel, (uint64_t)now_ms);
}

static void on_time(void *ctx, struct timer_node *node) {
    struct shard *shard = ctx;
    struct waiter *w = CONTAINER_OF(node, struct waiter, timer);
    enum waiter_end why = w->is_closing ? WAITER_END_CLOSE : WAITER_END_TIMEOUT;
    if (end_wait(shard, w, why) == WAITER_RACE_BUSY)
        set_timer(shard, w, shard->engine.now_ms + WAITING_RETRY_MS);
}

void waiting_tick(struct shard *shard) {
    struct timer_wheel *wheel = &shard->waiting.wheel;
    int64_t now_ms = shard->engine.now_ms;
    if (wheel->count && now_ms > 0 && (uint64_t)now_ms > wheel->now)
        timer_wheel_advance(wheel, (uint64_t)now_ms, on_time, shard);
}

int64_t waiting_next_ms(const struct waiting *waiting) {
    uint64_t next = timer_wheel_next(&waiting->wheel);
    return next > (uint64_t)INT64_MAX ? INT64_MAX : (int64_t)next;
}
