/* info.h: everything that INFO and MEMORY STATS report, collected from all shards at about one moment. */
#pragma once

#include "core/exec/exec.h"
#include "shards/gather.h"
#include "shards/stats.h"

struct server;

struct info_db {
    uint64_t keys;
    uint64_t expires;
    uint64_t subexpiry;  /* hashes with fields that expire */
    uint64_t ttl_sum_ms; /* over a sample of keys that expire */
    uint64_t ttl_samples;
};

/* Amounts per second, over the last ticks. */
struct info_rates {
    double commands;
    double net_in_bytes;
    double net_out_bytes;
};

/* What one shard answers; and, with arrays merged, the sum over all. */
struct info_shard {
    struct engine_stats engine;
    struct shard_stats shard;
    struct info_rates rates;
    uint64_t calls;
    uint64_t net_in_bytes;
    uint64_t net_out_bytes;
    uint64_t protocol_errors;
    uint64_t waiting_clients; /* held by CLIENT PAUSE, or waiting for keys */
    uint64_t timed_clients;   /* waiting for keys, with a timeout */
    uint64_t waited_keys;
    uint64_t waited_keys_on_nokey; /* of these, keys whose end is waited for, too */
    uint64_t clients;
    uint64_t keys;
    uint64_t entry_bytes;
    uint64_t table_bytes;
    uint64_t client_bytes;
    uint64_t input_max_bytes;
    uint64_t output_max_bytes;
    uint64_t dropped_keys; /* of flushed databases, still to be freed */
    uint64_t locked_keys;
    uint64_t waiters;
    uint64_t log_bytes;
    uint64_t log_buffered_bytes;
    uint64_t logs_syncing;
    int64_t cpu_us;
    struct error_stats *errors;
    unsigned error_count;
    struct info_db *dbs; /* config.databases */
    struct command_stats *commands;
};

struct info {
    const struct server *server;
    const struct config *config;
    const struct gather *answers;
    struct info_shard sum;
    int64_t now_us;
    uint64_t used_bytes;
    uint64_t rss_bytes;
    uint64_t system_bytes;
    uint64_t committed_bytes;
    int64_t cpu_user_us, cpu_sys_us;
    int64_t cpu_user_children_us, cpu_sys_children_us;
    char word[256]; /* of the field that is being printed, when its text must be made */
};

/* Parts of the answer that are copied only when somebody wants them. */
struct info_question {
    bool wants_commands;
    bool wants_times;
};

/* gather_how.ask with a struct info_question, and struct info_shard as the answer. */
void info_ask(struct shard *shard, const void *question, void *answer);

/* Sums the answers and adds what the process knows. On shard 0. */
void info_collect(struct shard *shard, const struct gather *gather, struct info *info_out);

/* Frees what the answers and the sum own. */
void info_release(struct info *info, const struct gather *gather);

static inline const struct info_shard *info_of_shard(const struct info *info, unsigned shard) {
    return gather_answer(info->answers, shard);
}

/* ---- texts (info_text.c) ---- */

/* Sections, in the order of INFO; from stats.def. */
enum info_section {
#define STAT_SECTION(id, title, set) INFO_##id,
#include "shards/stats.def"
    INFO_SECTION_COUNT
};

enum { INFO_SECTIONS_ALL = (1 << INFO_SECTION_COUNT) - 1 };

/* Bits of the sections that a word of INFO's arguments means ("memory", "default", "all", "everything"); 0 if it means none. */
unsigned info_sections_named(struct bytes word);

/* Appends the sections. */
void info_put_sections(struct info *info, unsigned sections, struct buf *text);

/* Appends a number of bytes as people read it: "1.50M". */
void info_put_human(struct buf *text, uint64_t bytes);

/* ---- sections whose lines are not known beforehand (info_lines.c) ---- */

void info_put_listeners(const struct info *info, struct buf *text);
void info_put_loading(const struct info *info, struct buf *text);
void info_put_shards(const struct info *info, struct buf *text);
void info_put_commandstats(const struct info *info, struct buf *text);
void info_put_errorstats(const struct info *info, struct buf *text);
void info_put_latencystats(const struct info *info, struct buf *text);
void info_put_keyspace(const struct info *info, struct buf *text);
