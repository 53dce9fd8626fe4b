/* reload.c: from a running server through its log to a running server.
 *
 *   I1  is_loading is set before anybody comes here, so no command that touches keys is admitted from then on; the meetings
 *       and turns below serve the rest.
 *   I2  a shard's thread that has seen the server stop comes no more. So either all come while the state is CALLED, and the
 *       last makes it ON, or one that has come sees the stop and makes it OFF; whichever is first binds all.
 *   I3  when a log is closed, no connection has anything under way (in_flight), no key is lent, no batch is out: nothing
 *       is left that would touch keys, or write to the log.
 *   I4  between the closing of the logs and their opening each shard runs one whole turn behind a meeting, so that news about
 *       the old logs, which may still stand in an inbox, never reach the new ones. */
#include "shards/reload.h"

#include "shards/loading.h"
#include "shards/loop.h"
#include "shards/parked.h"
#include "shards/recovery.h"
#include "shards/server.h"
#include "shards/shard_log.h"

static const int64_t RELOAD_WAIT_NS = 10000000000;

void reload_begin(struct exec *x) {
    struct shard *shard = x->host;
    struct server *server = shard->server;
    if (!shard->log) {
        resp_errorf(x->out, "ERR There is no log to load: appendonly is no");
        return;
    }
    if (atomic_load(&server->log_fault) != ERR_OK) {
        resp_errorf(x->out, "ERR The log cannot be written, so it is not complete");
        return;
    }
    if (atomic_exchange(&server->is_loading, true)) {
        resp_err(x->out, REPLY_ERR_LOADING);
        return;
    }
    server->reload.parked = parked_defer(x);
    server->reload.deadline_ns = io_fresh_ns(shard->io) + RELOAD_WAIT_NS;
    server->reload.is_quiet = server->reload.is_given_up = false;
    atomic_store(&server->reload.busy, 0);
    atomic_store(&server->reload.arrived, 0);
    atomic_store_explicit(&server->reload.state, RELOAD_CALLED, memory_order_release);
    for (unsigned i = 0; i < server->shard_count; i++)
        io_wake(server->shards[i]->io);
}

/* Is anything under way, but for the command that is to be answered? Clients that wait for a key to come may wait on. */
static bool reload_is_busy(const struct shard *shard) {
    const struct conn *asking = shard->server->reload.parked->request.to.conn; /* compared only */
    if (!locks_are_none(&shard->locks) || shard->flush.outstanding != 0 || !inbox_is_empty(shard->inbox))
        return true;
    for (const struct link *node = shard->conns.next; node != &shard->conns; node = node->next) {
        const struct conn *conn = CONTAINER_OF(node, const struct conn, all_link);
        if (!conn->is_blocked && conn->in_flight > (conn == asking ? 1u : 0u))
            return true;
    }
    return false;
}

static void reload_judge(struct shard *shard) {
    struct server *server = shard->server;
    struct reload *reload = &server->reload;
    reload->is_quiet = atomic_exchange(&reload->busy, 0) == 0;
    reload->is_given_up = io_fresh_ns(shard->io) > reload->deadline_ns || atomic_load(&server->is_stopping);
}

/* I3. False: it takes too long, or the server stops. */
static bool reload_wait_until_quiet(struct shard *shard) {
    struct reload *reload = &shard->server->reload;
    for (;;) {
        loop_turn(shard, false);
        loading_meet(shard);
        if (reload_is_busy(shard))
            atomic_fetch_add(&reload->busy, 1);
        loading_meet(shard);
        if (shard->index == 0)
            reload_judge(shard);
        loading_meet(shard);
        if (reload->is_given_up || reload->is_quiet)
            return !reload->is_given_up;
    }
}

static bool reload_data(struct shard *shard) {
    struct server *server = shard->server;
    if (shard_log_close(shard, server->log_epoch + 1) != ERR_OK)
        atomic_store(&server->log_fault, ERR_IO);
    loading_meet(shard);
    loop_turn(shard, false); /* I4 */
    loading_meet(shard);
    if (atomic_load(&server->log_fault) != ERR_OK)
        return false;
    for (int db = 0; db < shard->engine.db_count; db++)
        engine_drop_db(&shard->engine, db);
    if (shard->index == 0) {
        recovery_free(server->recovery);
        server->recovery = recovery_new(server);
        recovery_serve(server->recovery);
    }
    loading_meet(shard);
    return recovery_run(server->recovery, shard);
}

static void reload_answer(struct shard *shard, bool is_done) {
    struct server *server = shard->server;
    struct parked *parked = server->reload.parked;
    struct resp_out out;
    resp_out_init(&out, &parked->reply, parked->request.proto);
    if (is_done)
        resp_ok(&out);
    else if (server->reload.is_given_up)
        resp_errorf(&out, "ERR Other commands are under way for too long, or the server stops");
    else
        resp_errorf(&out, "ERR Error trying to load the append-only file, check server logs");
    server->reload.parked = NULL;
    atomic_store(&server->is_loading, false);
    parked_answer(shard, parked);
}

/* I2. True: all are here. */
static bool reload_assemble(struct shard *shard) {
    struct server *server = shard->server;
    struct reload *reload = &server->reload;
    int called = RELOAD_CALLED;
    if (atomic_fetch_add(&reload->arrived, 1) + 1 == server->shard_count) {
        atomic_compare_exchange_strong(&reload->state, &called, RELOAD_ON);
        for (unsigned i = 0; i < server->shard_count; i++)
            io_wake(server->shards[i]->io);
    }
    while (atomic_load(&reload->state) == RELOAD_CALLED) {
        called = RELOAD_CALLED;
        if (atomic_load(&server->is_stopping))
            atomic_compare_exchange_strong(&reload->state, &called, RELOAD_OFF);
        else
            loop_turn(shard, true);
    }
    return atomic_load(&reload->state) == RELOAD_ON;
}

void reload_refuse(struct shard *shard) {
    struct reload *reload = &shard->server->reload;
    if (!reload->parked)
        return;
    atomic_store(&reload->state, RELOAD_OFF);
    reload->is_given_up = true;
    reload_answer(shard, false);
}

void reload_run(struct shard *shard) {
    struct server *server = shard->server;
    if (!reload_assemble(shard))
        return;
    bool is_quiet = reload_wait_until_quiet(shard);
    bool is_done = is_quiet && reload_data(shard);
    loading_meet(shard);
    if (shard->index == 0) {
        if (is_quiet && !is_done && !atomic_load(&server->is_stopping)) {
            server->has_failed = true; /* there is neither data nor a log any more */
            server_stop(server);
        }
        reload_answer(shard, is_done);
        atomic_store_explicit(&server->reload.state, RELOAD_NONE, memory_order_release);
    }
    loading_meet(shard);
}
