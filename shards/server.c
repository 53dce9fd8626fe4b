/* server.c: from a configuration to running shards, and back.
 *
 * Start: every shard's thread pins itself and opens its io; when all have, shard 0 opens the listeners, and the data is
 * recovered while clients hear that it is being loaded (loading.h); then the shards serve.
 * Stop: is_stopping is raised and every thread is woken; each closes its connections, which waits for what they have
 * under way elsewhere; shards go on serving each other until all have come so far (server_meet), so that nobody is sent
 * to, visited or woken after its io is closed. */
#include "shards/server.h"

#include "core/base/mem.h"
#include "shards/accept.h"
#include "shards/cycles.h"
#include "shards/dispatch.h"
#include "shards/loop.h"
#include "shards/misuse.h"
#include "shards/output_limit.h"
#include "shards/process.h"
#include "shards/recovery.h"
#include "shards/reply.h"
#include "shards/route.h"
#include "shards/settings.h"
#include "shards/shard_life.h"
#include "shards/shard_log.h"
#include "shards/yield.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static uint64_t server_random(void) {
    uint64_t value = 0;
    if (getrandom(&value, sizeof value, 0) != (ssize_t)sizeof value)
        value = (uint64_t)time(NULL) ^ ((uint64_t)getpid() << 32);
    return YIELD_RANDOM(value);
}

void server_make_id(char *id) {
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < RUN_ID_CHARS; i += 8) {
        uint64_t bits = server_random();
        for (int k = 0; k < 8; k++, bits >>= 4)
            id[i + k] = digits[bits & 15];
    }
}

static enum io_backend server_backend(const struct config *config) {
    switch (config->io_backend) {
    case IO_BACKEND_URING: return IO_URING;
    case IO_BACKEND_EPOLL: return IO_EPOLL;
    case IO_BACKEND_AUTO: break;
    }
    return IO_AUTO;
}

struct server *server_new(struct config *config, const char *executable, char *why, size_t why_size) {
    struct server *server = mem_zalloc_aligned(sizeof *server, CACHE_LINE_BYTES);
    if (!cpu_plan_make(&server->cpus, (unsigned)config->shards, config->cpu_list, SHARDS_MAX, why,
                       why_size)) {
        mem_free(server);
        return NULL;
    }
    server->config = config;
    server->log_lock = -1;
    server->snapshot = settings_snapshot(config);
    server->shard_count = server->cpus.shard_count;
    server->hash_seed = server_random();
    server->handlers = dispatch_handlers();
    server->backend = server_backend(config);
    server->start_ms = (int64_t)time(NULL) * 1000;
    server->ticks_per_us = cycles_per_us();
    server->executable = mem_alloc(strlen(executable) + 1);
    memcpy(server->executable, executable, strlen(executable) + 1);
    server_make_id(server->run_id);
    server_make_id(server->repl_id);
    atomic_init(&server->on_sigint, config->shutdown_on_sigint);
    atomic_init(&server->on_sigterm, config->shutdown_on_sigterm);
    atomic_init(&server->is_visiting_on, config->visiting);
    atomic_init(&server->is_order_strict, config->pipeline_order == PIPELINE_ORDER_STRICT);
    pthread_mutex_init(&server->start_mutex, NULL);
    pthread_cond_init(&server->start_changed, NULL);
    server->shards = mem_zalloc(server->shard_count * sizeof(struct shard *));
    for (unsigned i = 0; i < server->shard_count; i++)
        server->shards[i] = shard_new(server, i);
    server->base_bytes = server->shard_count * shard_base_bytes();
    server->used_peak_bytes = server->base_bytes;
    atomic_init(&server->used_bytes, server->base_bytes);
    return server;
}

void server_free(struct server *server) {
    for (unsigned i = 0; i < server->shard_count; i++)
        shard_free(server->shards[i]);
    mem_free(server->shards);
    mem_free(server->executable);
    recovery_free(server->recovery);
    if (server->log_lock >= 0)
        close(server->log_lock);
    settings_free(server->snapshot);
    cpu_plan_free(&server->cpus);
    pthread_mutex_destroy(&server->start_mutex);
    pthread_cond_destroy(&server->start_changed);
    mem_free(server);
}

/* ---- a shard's thread ---- */

static void server_count_start(struct shard *shard, bool is_ok) {
    struct server *server = shard->server;
    pthread_mutex_lock(&server->start_mutex);
    shard->is_open = is_ok;
    server->started += is_ok;
    server->failed += !is_ok;
    pthread_cond_broadcast(&server->start_changed);
    while (is_ok && !server->may_serve && server->failed == 0)
        pthread_cond_wait(&server->start_changed, &server->start_mutex);
    pthread_mutex_unlock(&server->start_mutex);
}

void server_set_up_shard(struct shard *shard) {
    shard->host.ctx = shard;
    shard->host.index = shard->index;
    shard->host.on_peek = route_peek;
    shard->host.on_command = route_command;
    shard->host.on_gone = accept_gone;
    shard->host.on_closing = waiting_conn_closing;
    shard->host.on_monitor = monitor_switch;
    shard->host.on_misuse = misuse_report;
    shard->host.on_output_watch = output_limit_check;
    shard->host.may_send_early = reply_may_send_early;
    shard->engine.names = shard->server->names;
    settings_install(shard, shard->server->snapshot);
}

static bool server_open_listener(struct server *server, const char *address, int port) {
    char why[256] = "";
    struct listener *listener = &server->listeners[server->listener_count];
    enum err e =
        port ? listener_open_tcp(listener, address, port, server->config->tcp_backlog, why, sizeof why)
             : listener_open_unix(listener, address, server->config->unixsocketperm,
                                  server->config->tcp_backlog, why, sizeof why);
    if (e == ERR_NOTFOUND && address[0] == '-')
        return true;
    if (e != ERR_OK) {
        logger_say(&server->logger, LOGLEVEL_WARNING, "Failed to listen: %s", why);
        return false;
    }
    listener->ctx = server->shards[0];
    listener->io.on_accept = accept_take;
    listener->io.on_accept_error = misuse_accept_failed;
    if (io_listener_start(server->shards[0]->io, &listener->io) != ERR_OK)
        return false;
    server->listener_count++;
    return true;
}

/* On shard 0's thread. */
static bool server_listen(struct server *server) {
    const struct config *config = server->config;
    bool ok = true;
    for (size_t i = 0; config->port && i < config->bind.count && server->listener_count < LISTENERS_MAX; i++)
        ok = server_open_listener(server, config->bind.items[i], config->port) && ok;
    if (config->unixsocket && config->unixsocket[0] && server->listener_count < LISTENERS_MAX)
        ok = server_open_listener(server, config->unixsocket, 0) && ok;
    return ok && (!config->port || server->listener_count != 0);
}

static void server_say_ready(const struct server *server) {
    const struct config *config = server->config;
    if (config->port)
        logger_say(&server->logger, LOGLEVEL_NOTICE, "Ready to accept connections tcp");
    if (config->unixsocket && config->unixsocket[0])
        logger_say(&server->logger, LOGLEVEL_NOTICE, "Ready to accept connections unix");
    if (server->is_notifying)
        process_notify("STATUS=Ready to accept connections\nREADY=1\n");
}

static void server_unlisten(struct server *server) {
    for (unsigned i = 0; i < server->listener_count; i++) {
        io_listener_stop(server->shards[0]->io, &server->listeners[i].io);
        listener_close(&server->listeners[i]);
    }
    if (server->config->unixsocket && server->config->unixsocket[0])
        unlink(server->config->unixsocket);
    server->listener_count = 0;
}

bool server_relisten(struct server *server) {
    server_unlisten(server);
    bool ok = server_listen(server);
    if (ok)
        server_say_ready(server);
    else
        server_unlisten(server);
    return ok;
}

/* Turns until every shard has come to this point of the stop. `met` counts arrivals at it. */
static void server_meet(struct shard *shard, atomic_uint *met) {
    atomic_fetch_add_explicit(met, 1, memory_order_acq_rel);
    while (atomic_load_explicit(met, memory_order_acquire) < shard->server->shard_count) {
        loop_turn(shard, false);
        sched_yield();
        YIELD_SPIN();
    }
}

static void server_say_unsaved(const struct shard *shard) {
    logger_say(&shard->server->logger, LOGLEVEL_WARNING,
               "Shard %u: the last of its append-only file could not be written, the latest writes are lost",
               shard->index);
}

void server_end_shard(struct shard *shard) {
    struct server *server = shard->server;
    if (shard->index == 0 && server->is_notifying)
        process_notify("STOPPING=1\n");
    if (shard->index == 0)
        server_unlisten(server);
    loop_close_conns(shard);
    server_meet(shard, &server->met_without_clients);
    loop_turn(shard, false);
    server_meet(shard, &server->met_without_messages);
    if (shard->log && shard_log_close(shard, server->log_epoch + 1) != ERR_OK)
        server_say_unsaved(shard);
    pthread_mutex_lock(&server->start_mutex);
    shard->is_open = false;
    pthread_mutex_unlock(&server->start_mutex);
    loop_close(shard);
}

/* Some shard could not open its io: nobody has clients or messages. */
static void server_abandon_shard(struct shard *shard) {
    pthread_mutex_lock(&shard->server->start_mutex);
    shard->is_open = false;
    pthread_mutex_unlock(&shard->server->start_mutex);
    loop_close(shard);
}

/* From an open io to a shard that serves, or a server that is being stopped. */
static void server_begin_shard(struct shard *shard) {
    struct server *server = shard->server;
    bool is_first = shard->index == 0;
    bool ok = !is_first || server_listen(server);
    if (!ok)
        server_stop(server);
    bool is_loaded = !server->recovery || recovery_run(server->recovery, shard);
    if (!is_first)
        return;
    bool is_stopped = atomic_load(&server->is_stopping);
    if (ok && is_loaded && !is_stopped)
        server_say_ready(server);
    if (ok && (is_loaded || is_stopped))
        return;
    server->has_failed = true;
    server_stop(server);
}

void *shard_main(void *context) {
    struct shard *shard = context;
    struct server *server = shard->server;
    char why[256] = "";
    int cpu = server->cpus.cpus[shard->index];
    if (!cpu_pin(cpu))
        logger_say(&server->logger, LOGLEVEL_WARNING, "Shard %u could not be pinned to processor %d: %s",
                   shard->index, cpu, strerror(errno));
    server_set_up_shard(shard);
    bool is_open = loop_open(shard, why, sizeof why);
    if (!is_open)
        logger_say(&server->logger, LOGLEVEL_WARNING, "Shard %u could not open its event loop: %s",
                   shard->index, why);
    else if (why[0] && shard->index == 0)
        logger_say(&server->logger, LOGLEVEL_NOTICE, "Using epoll instead of io_uring: %s", why);
    server_count_start(shard, is_open);
    if (!is_open)
        return NULL;
    if (server->failed) {
        server_abandon_shard(shard);
        return NULL;
    }
    server_begin_shard(shard);
    while (!atomic_load_explicit(&server->is_stopping, memory_order_acquire)) {
        loop_turn(shard, true);
        if (UNLIKELY(reload_is_wanted(&server->reload)))
            reload_run(shard);
    }
    if (shard->index == 0)
        reload_refuse(shard);
    server_end_shard(shard);
    return NULL;
}

void server_stop(struct server *server) {
    atomic_store_explicit(&server->is_stopping, true, memory_order_release);
    pthread_mutex_lock(&server->start_mutex); /* nobody closes its io meanwhile */
    for (unsigned i = 0; i < server->shard_count; i++)
        if (server->shards[i]->is_open)
            io_wake(server->shards[i]->io);
    pthread_mutex_unlock(&server->start_mutex);
}

/* Waits until every shard has opened its io or failed to. */
static bool server_wait_started(struct server *server) {
    pthread_mutex_lock(&server->start_mutex);
    while (server->started + server->failed < server->shard_count)
        pthread_cond_wait(&server->start_changed, &server->start_mutex);
    bool ok = server->failed == 0;
    pthread_mutex_unlock(&server->start_mutex);
    return ok;
}

static void server_prepare_recovery(struct server *server) {
    server->recovery = recovery_new(server);
    recovery_serve(server->recovery);
    atomic_store(&server->is_loading, true);
}

int server_run(struct server *server) {
    if (server->config->appendonly)
        server_prepare_recovery(server);
    for (unsigned i = 0; i < server->shard_count; i++) {
        int e = pthread_create(&server->shards[i]->thread, NULL, shard_main, server->shards[i]);
        if (e != 0) {
            logger_say(&server->logger, LOGLEVEL_WARNING, "Cannot start shard %u: %s", i, strerror(e));
            return 1;
        }
    }
    bool ok = server_wait_started(server);
    if (ok)
        logger_say(&server->logger, LOGLEVEL_NOTICE, "%u shards, multiplexing by %s", server->shard_count,
                   io_backend_name(server->shards[0]->io));
    else
        atomic_store(&server->is_stopping, true);
    pthread_mutex_lock(&server->start_mutex);
    server->may_serve = true;
    pthread_cond_broadcast(&server->start_changed);
    pthread_mutex_unlock(&server->start_mutex);
    for (unsigned i = 0; i < server->shard_count; i++)
        pthread_join(server->shards[i]->thread, NULL);
    return server->failed || server->has_failed ? 1 : 0;
}
