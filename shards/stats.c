/* stats.c: counting, on one shard.
 *
 * The hot path is stats_note: a few additions in the command's own counters and one in its histogram. Everything rare
 * (errors, slow commands) is behind one comparison each.
 *
 * A command that is cut into parts (MGET over three shards) is one call, not three: the part with number 0 stands for it.
 * Times are added up over the parts, for they are what the command has cost. */
#include "shards/stats.h"

#include "core/base/mem.h"
#include "shards/latency.h"
#include "shards/server.h"
#include "shards/slowlog.h"

void stats_init(struct shard *shard) {
    shard->commands = mem_zalloc(COMMAND_COUNT * sizeof *shard->commands);
    shard->counted.errors = mem_zalloc(STATS_ERRORS_MAX * sizeof *shard->counted.errors);
    stats_configure(shard);
}

void stats_deinit(struct shard *shard) {
    for (unsigned i = 0; i < COMMAND_COUNT; i++)
        mem_free(shard->commands[i].times);
    mem_free(shard->commands);
    mem_free(shard->counted.errors);
}

void stats_configure(struct shard *shard) {
    const struct config *config = shard->engine.config;
    struct stats *stats = &shard->counted;
    double per_us = shard->server->ticks_per_us;
    stats->is_timing = config->latency_tracking;
    stats->slow_ticks = UINT64_MAX;
    if (config->slowlog_log_slower_than >= 0)
        stats->slow_ticks = (uint64_t)((double)config->slowlog_log_slower_than * per_us);
    if (config->latency_monitor_threshold > 0) {
        uint64_t ticks = (uint64_t)((double)config->latency_monitor_threshold * 1000 * per_us);
        if (ticks < stats->slow_ticks)
            stats->slow_ticks = ticks;
    }
}

static void stats_count_error(struct stats *stats, struct bytes code) {
    if (code.len > RESP_ERROR_CODE_MAX || code.len == 0)
        code = BYTES_LIT("ERR");
    unsigned i = 0;
    while (i < stats->error_count && !bytes_equal(bytes_cstr(stats->errors[i].code), code))
        i++;
    if (i == STATS_ERRORS_MAX) {
        i--;
    } else if (i == stats->error_count) {
        memcpy(stats->errors[i].code, code.ptr, code.len);
        stats->error_count++;
    }
    stats->errors[i].count++;
}

ATTR_COLD static void stats_note_failed(struct shard *shard, struct command_stats *command,
                                        const struct resp_out *reply) {
    command->failed++;
    stats_count_error(&shard->counted, bytes_cstr(reply->error_code));
}

static bool stats_is_first_part(const struct request *r) {
    return LIKELY(!(r->flags & REQUEST_IS_PART)) || r->to.part == 0;
}

static uint64_t stats_us(const struct shard *shard, uint64_t ticks) {
    return (uint64_t)((double)ticks / shard->server->ticks_per_us);
}

void stats_note_slow(struct shard *shard, const struct request *r, uint64_t us) {
    bool is_fast = (r->command->flags & CMD_FAST) != 0;
    latency_note(shard, is_fast ? LATENCY_FAST_COMMAND : LATENCY_COMMAND, us / 1000);
    slowlog_note(shard, r, us);
}

void stats_note(struct shard *shard, const struct request *r, const struct resp_out *reply, uint64_t ticks,
                bool is_answered) {
    struct command_stats *command = &shard->commands[r->command->id];
    if (stats_is_first_part(r)) {
        command->calls++;
        shard->counted.calls++;
        if (UNLIKELY(reply->errors != 0))
            stats_note_failed(shard, command, reply);
    }
    command->ticks += ticks;
    if (LIKELY(shard->counted.is_timing)) {
        if (UNLIKELY(!command->times))
            command->times = mem_zalloc(sizeof *command->times);
        histogram_add(command->times, ticks);
    }
    if (UNLIKELY(ticks >= shard->counted.slow_ticks) && is_answered)
        stats_note_slow(shard, r, stats_us(shard, ticks));
}

void stats_note_rejected(struct shard *shard, const struct command *command, struct bytes error) {
    const char *space = error.len ? memchr(error.ptr, ' ', error.len) : NULL;
    size_t len = space ? (size_t)(space - error.ptr) : error.len;
    stats_count_error(&shard->counted, bytes_of(error.ptr, len));
    shard->engine.stats.errors++;
    if (command)
        shard->commands[command->id].rejected++;
}

void stats_note_late(struct shard *shard, const struct request *r, const struct resp_out *reply,
                     uint64_t ticks) {
    if (reply->errors != 0) {
        stats_note_failed(shard, &shard->commands[r->command->id], reply);
        shard->engine.stats.errors += reply->errors;
    }
    if (ticks >= shard->counted.slow_ticks)
        stats_note_slow(shard, r, stats_us(shard, ticks));
}

void stats_note_client(struct shard *shard, const struct conn *conn) {
    struct stats_walk *walk = &shard->counted.walk;
    size_t output = conn_output_bytes(conn);
    walk->bytes += conn_memory(conn);
    walk->input_max = conn->query.cap > walk->input_max ? conn->query.cap : walk->input_max;
    walk->output_max = output > walk->output_max ? output : walk->output_max;
    walk->clients++;
}

/* The figures become valid when the walk has come round. */
static void stats_end_walk(struct shard *shard) {
    struct stats_walk *walk = &shard->counted.walk;
    if (walk->clients < shard->conn_count)
        return;
    shard->conn_bytes = walk->bytes;
    shard->counted.recent_max_input_bytes = walk->input_max;
    shard->counted.recent_max_output_bytes = walk->output_max;
    *walk = (struct stats_walk){0};
}

static void stats_note_peak(struct server *server) {
    uint64_t used = atomic_load_explicit(&server->used_bytes, memory_order_relaxed);
    if (used > server->used_peak_bytes)
        server->used_peak_bytes = used;
}

void stats_tick(struct shard *shard) {
    struct stats *stats = &shard->counted;
    struct stats_sample *sample = &stats->samples[stats->sample_count++ % STATS_SAMPLES];
    *sample = (struct stats_sample){.at_ms = shard->host.now_ms,
                                    .commands = stats->calls,
                                    .net_in_bytes = shard->host.net_in_bytes,
                                    .net_out_bytes = shard->host.net_out_bytes};
    stats_end_walk(shard);
    if (shard->index == 0)
        stats_note_peak(shard->server);
}

void stats_reset(struct shard *shard) {
    struct stats *stats = &shard->counted;
    for (unsigned i = 0; i < COMMAND_COUNT; i++) {
        mem_free(shard->commands[i].times);
        shard->commands[i] = (struct command_stats){0};
    }
    memset(stats->errors, 0, STATS_ERRORS_MAX * sizeof *stats->errors);
    stats->error_count = 0;
    stats->calls = 0;
    stats->sample_count = 0;
    stats->net_in_before = shard->host.net_in_bytes;
    stats->net_out_before = shard->host.net_out_bytes;
    stats->protocol_errors_before = shard->host.protocol_errors;
    uint64_t dirty = shard->engine.stats.dirty;
    shard->engine.stats = (struct engine_stats){.dirty = dirty};
    shard->stats = (struct shard_stats){0};
}
