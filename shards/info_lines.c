/* info_lines.c: the sections of INFO that have a line for each command, error, shard or database. */
#include "shards/info.h"
#include "shards/server.h"

#include <inttypes.h>

void info_put_listeners(const struct info *info, struct buf *text) {
    const struct config *config = info->config;
    unsigned n = 0;
    if (config->port) {
        buf_printf(text, "listener%u:name=tcp", n++);
        for (size_t i = 0; i < config->bind.count; i++)
            buf_printf(text, ",bind=%s", config->bind.items[i]);
        buf_printf(text, ",port=%d\r\n", config->port);
    }
    if (config->unixsocket && config->unixsocket[0])
        buf_printf(text, "listener%u:name=unix,bind=%s\r\n", n, config->unixsocket);
}

void info_put_loading(const struct info *info, struct buf *text) {
    const struct loading *loading = &info->server->loading;
    if (!atomic_load_explicit(&info->server->is_loading, memory_order_relaxed))
        return;
    uint64_t total = atomic_load_explicit(&loading->total_bytes, memory_order_relaxed);
    uint64_t loaded = atomic_load_explicit(&loading->loaded_bytes, memory_order_relaxed);
    double seconds = (double)(info->now_us / 1000 - loading->started_ms) / 1000;
    double eta = loaded ? seconds * (double)(total > loaded ? total - loaded : 0) / (double)loaded : 1;
    buf_printf(text,
               "loading_start_time:%" PRId64 "\r\nloading_total_bytes:%" PRIu64
               "\r\nloading_loaded_bytes:%" PRIu64 "\r\nloading_loaded_perc:%.2f\r\n"
               "loading_eta_seconds:%" PRId64 "\r\n",
               loading->started_ms / 1000, total, loaded, total ? (double)loaded * 100 / (double)total : 0.0,
               (int64_t)eta);
}

void info_put_shards(const struct info *info, struct buf *text) {
    for (unsigned s = 0; s < gather_count(info->answers); s++) {
        const struct info_shard *a = info_of_shard(info, s);
        buf_printf(text,
                   "shard_%u:cpu_usec=%" PRId64 ",clients=%" PRIu64 ",keys=%" PRIu64 ",calls=%" PRIu64
                   ",turns=%" PRIu64 ",messages=%" PRIu64 ",batches=%" PRIu64 ",hops=%" PRIu64
                   ",visits=%" PRIu64 ",wakes=%" PRIu64 ",order_locks=%" PRIu64 ",txns=%" PRIu64
                   ",locked_keys=%" PRIu64 ",waiters=%" PRIu64 "\r\n",
                   s, a->cpu_us, a->clients, a->keys, a->calls, a->shard.turns, a->shard.messages,
                   a->shard.batches, a->shard.hops, a->shard.visits, a->shard.wakes, a->shard.order_locks,
                   a->shard.txns, a->locked_keys, a->waiters);
    }
}

static double info_ticks_us(const struct info *info, uint64_t ticks) {
    return (double)ticks / info->server->ticks_per_us;
}

void info_put_commandstats(const struct info *info, struct buf *text) {
    for (unsigned c = COMMAND_NONE + 1; c < COMMAND_COUNT; c++) {
        const struct command_stats *stats = &info->sum.commands[c];
        if (stats->calls == 0 && stats->rejected == 0 && stats->failed == 0)
            continue;
        double us = info_ticks_us(info, stats->ticks);
        buf_printf(text,
                   "cmdstat_%s:calls=%" PRIu64 ",usec=%.0f,usec_per_call=%.2f,rejected_calls=%" PRIu64
                   ",failed_calls=%" PRIu64 "\r\n",
                   command_get((enum command_id)c)->fullname, stats->calls, us,
                   stats->calls ? us / (double)stats->calls : 0, stats->rejected, stats->failed);
    }
}

void info_put_errorstats(const struct info *info, struct buf *text) {
    for (unsigned e = 0; e < info->sum.error_count; e++)
        buf_printf(text, "errorstat_%s:count=%" PRIu64 "\r\n", info->sum.errors[e].code,
                   info->sum.errors[e].count);
}

void info_put_latencystats(const struct info *info, struct buf *text) {
    const struct config_percentiles *wanted = &info->config->latency_tracking_info_percentiles;
    for (unsigned c = COMMAND_NONE + 1; c < COMMAND_COUNT; c++) {
        const struct command_stats *stats = &info->sum.commands[c];
        if (!stats->times || wanted->count == 0)
            continue;
        buf_printf(text, "latency_percentiles_usec_%s:", command_get((enum command_id)c)->fullname);
        for (size_t p = 0; p < wanted->count; p++) {
            double us = info_ticks_us(info, histogram_percentile(stats->times, wanted->values[p]));
            buf_printf(text, "%sp%.10g=%.3f", p ? "," : "", wanted->values[p], us);
        }
        BUF_PUT_LIT(text, "\r\n");
    }
}

void info_put_keyspace(const struct info *info, struct buf *text) {
    for (int db = 0; db < info->config->databases; db++) {
        const struct info_db *d = &info->sum.dbs[db];
        if (d->keys == 0)
            continue;
        buf_printf(
            text, "db%d:keys=%" PRIu64 ",expires=%" PRIu64 ",avg_ttl=%" PRIu64 ",subexpiry=%" PRIu64 "\r\n",
            db, d->keys, d->expires, d->ttl_samples ? d->ttl_sum_ms / d->ttl_samples : 0, d->subexpiry);
    }
}
