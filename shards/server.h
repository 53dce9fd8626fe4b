/* server.h: the one start-up object: configuration, shards, listeners, identity.
 *
 * Everything here is written before the shards start, or by shard 0 alone, except the atomics. Several servers can live
 * in one process; nothing of ours is global. */
#pragma once

#include "core/config/config.h"
#include "core/io/io.h"
#include "net/listener.h"
#include "shards/cpu.h"
#include "shards/loading.h"
#include "shards/logger.h"
#include "shards/oom_score.h"
#include "shards/reload.h"
#include "shards/shard.h"

#include <stdatomic.h>

enum { RUN_ID_CHARS = 40 };

struct server {
    /* constant after the start */
    struct shard **shards;
    unsigned shard_count;
    uint64_t hash_seed;
    char run_id[RUN_ID_CHARS + 1];
    char repl_id[RUN_ID_CHARS + 1]; /* shard 0: name of the history of this server's data */
    char *executable;
    int64_t start_ms;
    exec_handler *const *handlers;
    const struct command_names *names; /* borrowed; NULL: nothing was renamed */
    bool is_notifying;                 /* systemd wants to be told when we are ready and when we stop */
    enum io_backend backend;
    struct io_sim *sim; /* with IO_SIM: the simulated world */
    struct cpu_plan cpus;
    double ticks_per_us; /* of shards/cycles.h */
    uint64_t base_bytes; /* of used_bytes: what was there before the first key and client */
    struct logger logger;
    struct listener listeners[LISTENERS_MAX];
    unsigned listener_count;
    pthread_t signal_thread;
    bool has_signal_thread;

    /* shard 0 writes; other shards have a snapshot through their engine */
    struct config *config;
    struct config
        *snapshot; /* what the shards work with, or will when CONFIG SET has answered (settings.h) */

    struct oom_score oom_score;
    uint64_t used_peak_bytes; /* most that used_bytes was seen to be */

    /* any thread */
    atomic_uint_fast64_t next_conn_id;
    atomic_uint_fast64_t next_slowlog_id;
    atomic_uint conn_count;               /* for maxclients */
    atomic_uint_fast64_t used_bytes;      /* sum of what the shards last published */
    atomic_uint monitor_count;            /* of all shards */
    atomic_int_fast64_t attack_logged_ms; /* when misuse.h last wrote of these; 0: never */
    atomic_int_fast64_t accept_fault_logged_ms;
    atomic_bool is_loading;
    atomic_bool is_stopping;
    atomic_uint on_sigint;  /* enum config_shutdown: options of the shutdown that the signal starts */
    atomic_uint on_sigterm; /* the same */
    atomic_bool is_visiting_on;
    atomic_bool is_order_strict;
    pthread_mutex_t start_mutex; /* guards the next three: start-up only */
    pthread_cond_t start_changed;
    unsigned started;                /* shards whose io is open */
    unsigned failed;                 /* shards that could not start */
    bool has_failed;                 /* shard 0: could not listen, or the data could not be loaded */
    atomic_uint met_without_clients; /* shards that have come so far in the stop */
    atomic_uint met_without_messages;
    bool may_serve;            /* recovery is done: shards may run */
    atomic_int log_fault;      /* enum err: writes are refused with MISCONF while it is not ERR_OK */
    atomic_bool log_is_dirty;  /* something was logged since the last mark */
    atomic_uint logs_full;     /* logs that cannot take more: no commands are read meanwhile */
    uint64_t log_epoch;        /* shard 0: the last mark */
    int64_t next_mark_ns;      /* shard 0: under appendfsync always */
    int log_lock;              /* descriptor that holds the lock on the log's files; -1: none */
    struct recovery *recovery; /* the last one; NULL: there was none */
    struct loading loading;
    struct reload reload;
};

/* Makes shards and their engines from the configuration (borrowed until server_free); no thread runs yet. NULL: `why`
 * says what is wrong. */
struct server *server_new(struct config *config, const char *executable, char *why, size_t why_size);
void server_free(struct server *server);

/* Starts the shards' threads, recovers the data, opens the listeners, and returns when the server has been stopped. The
 * value is the exit code of the process. */
int server_run(struct server *server);

/* Fills in a new random name of RUN_ID_CHARS digits. */
void server_make_id(char *id);

/* Closes the listeners and opens those that the configuration names now; connections stay. False when one cannot be
 * opened: then none is. On shard 0's own thread. */
bool server_relisten(struct server *server);

/* Asks all shards to stop; any thread. */
void server_stop(struct server *server);
