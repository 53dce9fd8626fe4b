/* settings.c: putting configuration to work.
 *
 * Most rows are simply read from the snapshot at the moment they matter. Here stand the others: those that somebody
 * keeps in another form (limits of the parser, switches that any thread reads), and those that the operating system
 * must agree to. */
#include "shards/settings.h"

#include "core/base/mem.h"
#include "shards/crash.h"
#include "shards/output_limit.h"
#include "shards/server.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    SETTINGS_SPARE_FDS = 32, /* besides clients: rings, logs, listeners */
    SETTINGS_INLINE_MAX = 64 * 1024,
};

struct config *settings_snapshot(const struct config *config) {
    struct config *snapshot = mem_alloc(sizeof *snapshot);
    config_copy(config, snapshot);
    return snapshot;
}

void settings_free(struct config *snapshot) {
    config_deinit(snapshot);
    mem_free(snapshot);
}

/* Without a password everybody is the default user. */
static void settings_let_in(struct shard *shard) {
    for (struct link *node = shard->conns.next; node != &shard->conns; node = node->next)
        CONTAINER_OF(node, struct conn, all_link)->is_authenticated = true;
}

void settings_install(struct shard *shard, const struct config *config) {
    shard->engine.config = config;
    engine_set_clock(&shard->engine, shard->engine.now_us);
    shard->host.query_max_bytes = (size_t)config->client_query_buffer_limit;
    shard->host.output_watch_bytes = output_limit_watch_bytes(config);
    shard->host.limits = (struct resp_limits){
        .bulk_max_bytes = (int64_t)config->proto_max_bulk_len,
        .args_max = INT32_MAX,
        .inline_max_bytes = SETTINGS_INLINE_MAX,
        .query_max_bytes = (size_t)config->client_query_buffer_limit,
    };
    stats_configure(shard);
    slowlog_trim(shard);
    if (!config->requirepass || !config->requirepass[0])
        settings_let_in(shard);
}

/* ---- rows that need more than a new value ---- */

typedef bool settings_fn(struct server *server, const struct config *config, struct buf *error_out);

static bool apply_loglevel(struct server *server, const struct config *config, struct buf *error_out) {
    (void)error_out;
    logger_set_level(&server->logger, config->loglevel);
    return true;
}

static bool apply_visiting(struct server *server, const struct config *config, struct buf *error_out) {
    (void)error_out;
    atomic_store(&server->is_visiting_on, config->visiting);
    return true;
}

static bool apply_pipeline_order(struct server *server, const struct config *config, struct buf *error_out) {
    (void)error_out;
    atomic_store(&server->is_order_strict, config->pipeline_order == PIPELINE_ORDER_STRICT);
    return true;
}

/* Raises the limit of open files if it must be raised. */
static bool apply_maxclients(struct server *server, const struct config *config, struct buf *error_out) {
    (void)server;
    struct rlimit limit;
    rlim_t wanted = (rlim_t)config->maxclients + SETTINGS_SPARE_FDS;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return true;
    struct rlimit raised = {wanted, limit.rlim_max > wanted ? limit.rlim_max : wanted};
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
        return true;
    raised = (struct rlimit){limit.rlim_max, limit.rlim_max};
    if (limit.rlim_max >= wanted && setrlimit(RLIMIT_NOFILE, &raised) == 0)
        return true;
    buf_printf(
        error_out,
        "The operating system is not able to handle the specified number of clients, try with %" PRIu64,
        (uint64_t)(limit.rlim_cur > SETTINGS_SPARE_FDS ? limit.rlim_cur - SETTINGS_SPARE_FDS : 0));
    return false;
}

static bool apply_dir(struct server *server, const struct config *config, struct buf *error_out) {
    (void)server;
    if (chdir(config->dir) == 0)
        return true;
    buf_printf(error_out, "%s", strerror(errno));
    return false;
}

static bool apply_crash_log(struct server *server, const struct config *config, struct buf *error_out) {
    (void)error_out;
    if (config->crash_log_enabled)
        crash_start(server);
    else
        crash_stop();
    return true;
}

static bool apply_port(struct server *server, const struct config *config, struct buf *error_out) {
    (void)config;
    if (server_relisten(server))
        return true;
    BUF_PUT_LIT(error_out, "Unable to listen on this port. Check server logs.");
    return false;
}

static bool apply_bind(struct server *server, const struct config *config, struct buf *error_out) {
    (void)config;
    if (server_relisten(server))
        return true;
    BUF_PUT_LIT(error_out, "Failed to bind to specified addresses.");
    return false;
}

static bool apply_oom_score(struct server *server, const struct config *config, struct buf *error_out) {
    if (oom_score_apply(&server->oom_score, config, &server->logger))
        return true;
    BUF_PUT_LIT(error_out, "Failed to apply new oom_score_adj configuration, check server logs.");
    return false;
}

static bool apply_shutdown(struct server *server, const struct config *config, struct buf *error_out) {
    (void)error_out;
    atomic_store(&server->on_sigint, config->shutdown_on_sigint);
    atomic_store(&server->on_sigterm, config->shutdown_on_sigterm);
    return true;
}

static bool apply_never(struct server *server, const struct config *config, struct buf *error_out) {
    (void)server;
    (void)config;
    BUF_PUT_LIT(error_out, "this server can change it at a restart only");
    return false;
}

/* Refused only while the server runs; both values are good at a start. */
static const struct {
    enum config_id id;
    settings_fn *apply;
} settings_table[] = {
    {CONFIG_loglevel, apply_loglevel},
    {CONFIG_visiting, apply_visiting},
    {CONFIG_pipeline_order, apply_pipeline_order},
    {CONFIG_maxclients, apply_maxclients},
    {CONFIG_dir, apply_dir},
    {CONFIG_crash_log_enabled, apply_crash_log},
    {CONFIG_oom_score_adj, apply_oom_score},
    {CONFIG_oom_score_adj_values, apply_oom_score},
    {CONFIG_shutdown_on_sigint, apply_shutdown},
    {CONFIG_shutdown_on_sigterm, apply_shutdown},
    {CONFIG_port, apply_port},
    {CONFIG_bind, apply_bind},
    {CONFIG_appendonly, apply_never},
};

bool settings_apply(void *server, const struct config *config, enum config_id id, struct buf *error_out) {
    for (size_t i = 0; i < COUNT_OF(settings_table); i++)
        if (settings_table[i].id == id)
            return settings_table[i].apply(server, config, error_out);
    return true;
}

bool settings_needs_thread(enum config_id id) {
    return id == CONFIG_port || id == CONFIG_bind;
}
