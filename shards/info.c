/* info.c: collecting what INFO shows.
 *
 * Each shard copies its counters into its answer; shard 0 adds the answers up. So no counter is read while its shard
 * changes it, and a shard is held up for the time of a copy of some ten kilobytes. */
#include "shards/info.h"

#include "core/base/mem.h"
#include "shards/evict_loop.h"
#include "shards/server.h"
#include "shards/shard_log.h"

#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { INFO_TTL_SAMPLES = 16 };

/* ---- on every shard ---- */

static void info_ask_dbs(struct shard *shard, struct info_shard *a) {
    struct engine *engine = &shard->engine;
    a->dbs = mem_zalloc((size_t)engine->db_count * sizeof *a->dbs);
    for (int db = 0; db < engine->db_count; db++) {
        const struct keyspace *ks = engine_find_db(engine, db);
        if (!ks)
            continue;
        a->dbs[db].keys = keyspace_count(ks);
        a->dbs[db].expires = keyspace_expiring_count(ks);
        a->dbs[db].subexpiry = keyspace_subexpiring_count(ks);
        a->keys += a->dbs[db].keys;
        a->entry_bytes += keyspace_bytes(ks);
        a->table_bytes += keyspace_table_bytes(ks);
        for (int i = 0; i < INFO_TTL_SAMPLES && a->dbs[db].expires > 0; i++) {
            const struct entry *e = keyspace_random_expiring(ks, &engine->rng);
            int64_t ttl_ms = e ? entry_expire_ms(e) - engine->now_ms : 0;
            if (!e)
                break;
            a->dbs[db].ttl_sum_ms += ttl_ms > 0 ? (uint64_t)ttl_ms : 0;
            a->dbs[db].ttl_samples++;
        }
    }
    for (size_t i = 0; i < engine->dropped_count; i++)
        a->dropped_keys += keyspace_count(engine->dropped[i]);
}

/* From the oldest sample kept to the newest. */
static void info_ask_rates(const struct stats *stats, struct info_rates *rates) {
    if (stats->sample_count < 2)
        return;
    const struct stats_sample *newest = &stats->samples[(stats->sample_count - 1) % STATS_SAMPLES];
    const struct stats_sample *oldest = &stats->samples[0];
    if (stats->sample_count > STATS_SAMPLES)
        oldest = &stats->samples[stats->sample_count % STATS_SAMPLES];
    double s = (double)(newest->at_ms - oldest->at_ms) / 1000;
    if (s <= 0)
        return;
    rates->commands = (double)(newest->commands - oldest->commands) / s;
    rates->net_in_bytes = (double)(newest->net_in_bytes - oldest->net_in_bytes) / s;
    rates->net_out_bytes = (double)(newest->net_out_bytes - oldest->net_out_bytes) / s;
}

static void info_ask_commands(const struct shard *shard, bool wants_times, struct info_shard *a) {
    a->commands = mem_alloc(COMMAND_COUNT * sizeof *a->commands);
    memcpy(a->commands, shard->commands, COMMAND_COUNT * sizeof *a->commands);
    for (unsigned c = 0; c < COMMAND_COUNT; c++) {
        a->commands[c].times = NULL;
        if (!wants_times || !shard->commands[c].times)
            continue;
        a->commands[c].times = mem_alloc(sizeof(struct histogram));
        memcpy(a->commands[c].times, shard->commands[c].times, sizeof(struct histogram));
    }
}

static int64_t info_cpu_us(const struct shard *shard) {
    clockid_t clock;
    struct timespec t;
    if (pthread_getcpuclockid(shard->thread, &clock) != 0 || clock_gettime(clock, &t) != 0)
        return 0;
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void info_ask(struct shard *shard, const void *question, void *answer) {
    const struct info_question *q = question;
    struct info_shard *a = answer;
    const struct stats *stats = &shard->counted;
    evict_loop_publish(shard);
    a->engine = shard->engine.stats;
    a->shard = shard->stats;
    a->calls = stats->calls;
    a->net_in_bytes = shard->host.net_in_bytes - stats->net_in_before;
    a->net_out_bytes = shard->host.net_out_bytes - stats->net_out_before;
    a->protocol_errors = shard->host.protocol_errors - stats->protocol_errors_before;
    a->clients = shard->conn_count;
    a->waiting_clients = pause_count(shard) + shard->waiting.count;
    a->timed_clients = shard->waiting.timed_count;
    a->waited_keys = waiters_key_count(&shard->waiters);
    a->waited_keys_on_nokey = waiters_needy_count(&shard->waiters);
    a->client_bytes = shard->conn_bytes;
    a->input_max_bytes = stats->recent_max_input_bytes;
    a->output_max_bytes = stats->recent_max_output_bytes;
    a->locked_keys = shard->locks.count;
    a->waiters = shard->locks.waiters;
    a->cpu_us = info_cpu_us(shard);
    struct shard_log_sizes log = shard_log_sizes(shard);
    a->log_bytes = log.file_bytes;
    a->log_buffered_bytes = log.buffered_bytes;
    a->logs_syncing = log.is_syncing;
    info_ask_rates(stats, &a->rates);
    info_ask_dbs(shard, a);
    a->error_count = stats->error_count;
    a->errors = mem_zalloc(STATS_ERRORS_MAX * sizeof *a->errors);
    memcpy(a->errors, stats->errors, stats->error_count * sizeof *a->errors);
    if (q->wants_commands)
        info_ask_commands(shard, q->wants_times, a);
}

/* ---- on shard 0 ---- */

static void info_add_counters(struct info_shard *sum, const struct info_shard *a) {
    sum->engine.commands += a->engine.commands;
    sum->engine.hits += a->engine.hits;
    sum->engine.misses += a->engine.misses;
    sum->engine.expired += a->engine.expired;
    sum->engine.expired_fields += a->engine.expired_fields;
    sum->engine.evicted += a->engine.evicted;
    sum->engine.dirty += a->engine.dirty;
    sum->engine.errors += a->engine.errors;
    sum->engine.lazyfreed += a->engine.lazyfreed;
    sum->shard.connections += a->shard.connections;
    sum->shard.rejected_connections += a->shard.rejected_connections;
    sum->shard.output_limit_closes += a->shard.output_limit_closes;
    sum->shard.query_limit_closes += a->shard.query_limit_closes;
    sum->rates.commands += a->rates.commands;
    sum->rates.net_in_bytes += a->rates.net_in_bytes;
    sum->rates.net_out_bytes += a->rates.net_out_bytes;
    sum->calls += a->calls;
    sum->net_in_bytes += a->net_in_bytes;
    sum->net_out_bytes += a->net_out_bytes;
    sum->protocol_errors += a->protocol_errors;
    sum->clients += a->clients;
    sum->waiting_clients += a->waiting_clients;
    sum->timed_clients += a->timed_clients;
    sum->waited_keys += a->waited_keys;
    sum->waited_keys_on_nokey += a->waited_keys_on_nokey;
    sum->keys += a->keys;
    sum->entry_bytes += a->entry_bytes;
    sum->table_bytes += a->table_bytes;
    sum->client_bytes += a->client_bytes;
    sum->dropped_keys += a->dropped_keys;
    sum->log_bytes += a->log_bytes;
    sum->log_buffered_bytes += a->log_buffered_bytes;
    sum->logs_syncing += a->logs_syncing;
    if (a->input_max_bytes > sum->input_max_bytes)
        sum->input_max_bytes = a->input_max_bytes;
    if (a->output_max_bytes > sum->output_max_bytes)
        sum->output_max_bytes = a->output_max_bytes;
}

static void info_add_errors(struct info_shard *sum, const struct info_shard *a) {
    for (unsigned e = 0; e < a->error_count; e++) {
        unsigned i = 0;
        while (i < sum->error_count && strcmp(sum->errors[i].code, a->errors[e].code) != 0)
            i++;
        if (i == STATS_ERRORS_MAX)
            i--;
        else if (i == sum->error_count)
            memcpy(sum->errors[sum->error_count++].code, a->errors[e].code, sizeof sum->errors[i].code);
        sum->errors[i].count += a->errors[e].count;
    }
}

static void info_add_commands(struct info_shard *sum, const struct info_shard *a) {
    for (unsigned c = 0; c < COMMAND_COUNT; c++) {
        struct command_stats *to = &sum->commands[c];
        const struct command_stats *from = &a->commands[c];
        to->calls += from->calls;
        to->ticks += from->ticks;
        to->rejected += from->rejected;
        to->failed += from->failed;
        if (!from->times)
            continue;
        if (!to->times)
            to->times = mem_zalloc(sizeof *to->times);
        histogram_merge(to->times, from->times);
    }
}

static uint64_t info_rss_bytes(void) {
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return 0;
    if (fscanf(file, "%*u %lu", &pages) != 1)
        pages = 0;
    fclose(file);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int64_t info_us(struct timeval t) {
    return (int64_t)t.tv_sec * 1000000 + t.tv_usec;
}

static void info_ask_process(struct info *info) {
    struct rusage self = {0};
    struct rusage children = {0};
    size_t rss;
    size_t peak;
    size_t committed;
    getrusage(RUSAGE_SELF, &self);
    getrusage(RUSAGE_CHILDREN, &children);
    info->cpu_user_us = info_us(self.ru_utime);
    info->cpu_sys_us = info_us(self.ru_stime);
    info->cpu_user_children_us = info_us(children.ru_utime);
    info->cpu_sys_children_us = info_us(children.ru_stime);
    mem_process_info(&rss, &peak, &committed);
    info->committed_bytes = committed;
    info->rss_bytes = info_rss_bytes();
    info->system_bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
}

void info_collect(struct shard *shard, const struct gather *gather, struct info *info) {
    struct server *server = shard->server;
    const struct info_question *q = gather_question(gather);
    *info = (struct info){.server = server, .config = server->config, .answers = gather};
    struct info_shard *sum = &info->sum;
    sum->dbs = mem_zalloc((size_t)server->config->databases * sizeof *sum->dbs);
    sum->errors = mem_zalloc(STATS_ERRORS_MAX * sizeof *sum->errors);
    if (q->wants_commands)
        sum->commands = mem_zalloc(COMMAND_COUNT * sizeof *sum->commands);
    for (unsigned s = 0; s < gather_count(gather); s++) {
        const struct info_shard *a = gather_answer(gather, s);
        info_add_counters(sum, a);
        info_add_errors(sum, a);
        if (q->wants_commands)
            info_add_commands(sum, a);
        for (int db = 0; db < server->config->databases; db++) {
            sum->dbs[db].keys += a->dbs[db].keys;
            sum->dbs[db].expires += a->dbs[db].expires;
            sum->dbs[db].subexpiry += a->dbs[db].subexpiry;
            sum->dbs[db].ttl_sum_ms += a->dbs[db].ttl_sum_ms;
            sum->dbs[db].ttl_samples += a->dbs[db].ttl_samples;
        }
    }
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    info->now_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
    info->used_bytes = atomic_load_explicit(&server->used_bytes, memory_order_relaxed);
    if (info->used_bytes > server->used_peak_bytes)
        server->used_peak_bytes = info->used_bytes;
    info_ask_process(info);
}

static void info_release_shard(struct info_shard *a) {
    for (unsigned c = 0; a->commands && c < COMMAND_COUNT; c++)
        mem_free(a->commands[c].times);
    mem_free(a->commands);
    mem_free(a->errors);
    mem_free(a->dbs);
}

void info_release(struct info *info, const struct gather *gather) {
    info_release_shard(&info->sum);
    for (unsigned s = 0; s < gather_count(gather); s++)
        info_release_shard(gather_answer(gather, s));
}
