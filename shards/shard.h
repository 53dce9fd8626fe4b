/* shard.h: a shard: one pinned thread and all it owns.
 *
 * Fields above the line "own" may be touched by any thread, by the rules of their types. The rest belongs to whoever
 * holds the baton, except the parts marked "thread": they need the shard's own thread (its ring and its sockets), so a
 * visitor leaves them alone and asks for a wake-up instead (wants_owner).
 */
#pragma once

#include "core/base/buf.h"
#include "core/base/shard_set.h"
#include "core/exec/exec.h"
#include "core/io/io.h"
#include "net/conn.h"
#include "shards/baton.h"
#include "shards/flush.h"
#include "shards/inbox.h"
#include "shards/jobs.h"
#include "shards/latency.h"
#include "shards/locks.h"
#include "shards/monitor.h"
#include "shards/order_lock.h"
#include "shards/pause.h"
#include "shards/promises.h"
#include "shards/request.h"
#include "shards/slowlog.h"
#include "shards/stats.h"
#include "shards/waiters.h"
#include "shards/waiting.h"

#include <pthread.h>
#include <stdatomic.h>

struct server;
struct shard_log;

struct shard {
    /* any thread */
    struct order_lock order;
    struct baton baton;
    struct inbox *inbox;
    atomic_uint load;          /* connections, for the choice of the least loaded */
    atomic_bool wants_owner;   /* a visitor left work for the shard's own thread */
    atomic_int log_fault;      /* enum err: why our log cannot be written */
    atomic_uint monitor_count; /* our connections that MONITOR */
    unsigned index;
    struct server *server;
    struct io *io; /* io_wake only */
    bool is_open;  /* io may be woken; under server->start_mutex */

    /* own */
    struct engine engine;
    struct flush flush;
    struct locks locks;
    struct waiters waiters; /* for our keys */
    struct waiting waiting; /* our clients that wait */
    struct promises promises;
    const struct request *current; /* the request that is running, for handlers that answer later */
    struct buf scratch;            /* replies that go through a slot */
    struct bytes *argv;            /* decoded arguments of a batch item */
    int argv_cap;
    struct command_stats *commands; /* COMMAND_COUNT */
    struct shard_stats stats;
    struct stats counted;
    struct slowlog slowlog;
    struct latency latency;
    uint64_t txn_count;             /* transactions coordinated so far: their numbers */
    struct shard_log *log;          /* NULL: appendonly no */
    struct evict_pool *evict_pools; /* one per database */
    uint64_t published_bytes;       /* our part of server->used_bytes */
    uint64_t conn_bytes;            /* memory of our connections, as of the last tick */
    struct pause pause;
    struct jobs jobs;

    /* own, thread */
    pthread_t thread;
    struct conn_host host;
    struct link conns;     /* every connection */
    struct link resume;    /* connections that may take commands again (conn->paused_link) */
    struct link stalled;   /* connections whose writes wait for the log (conn->paused_link) */
    struct link questions; /* of gather.h, waiting for our thread */
    struct link newcomers; /* sockets handed to us, not opened yet */
    struct monitor monitor;
    uint64_t conn_count;
    uint64_t
        ticks; /* cycles_now() when the last command ended, or before the first of a window or message: the time of a
                     * command is counted from there, with one look at the clock for each */
    uint64_t turn;
    int64_t next_tick_ns;
    bool is_cron_paused; /* DEBUG PAUSE-CRON 1 */
    bool is_stopping;
};

/* The shard that owns a slot. */
unsigned shard_of_slot(const struct server *server, unsigned slot);

/* The shard that owns a key. */
unsigned shard_of_key(const struct server *server, struct bytes key);

/* Sets the shard's clock, but not back by less than a second: threads read the time at different moments, and a key that has
 * expired must not come back. A clock that was really set back is followed. */
void shard_set_clock(struct shard *shard, int64_t wall_us);

/* Sends a message to a shard (itself included) that needs no order among commands: replies, lends, returns. The target is
 * visited or woken at the end of the turn. */
void shard_send(struct shard *from, unsigned to, struct message *message);

/* Takes and runs the whole inbox; the caller holds the baton. Returns whether there was anything. */
bool shard_run_inbox(struct shard *shard);
