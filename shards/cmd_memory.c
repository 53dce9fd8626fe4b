/* cmd_memory.c: MEMORY STATS, DOCTOR, MALLOC-STATS. USAGE and PURGE are in core/cmd: they are about keys and the allocator
 * alone. */
#include "core/base/mem.h"
#include "core/cmd/cmd.h"
#include "shards/gather.h"
#include "shards/info.h"
#include "shards/server.h"

/* ---- STATS ---- */

struct memory_sums {
    uint64_t overhead;
    uint64_t dataset;
    uint64_t since_start;
};

static struct memory_sums memory_sums(const struct info *info) {
    uint64_t base = info->server->base_bytes;
    uint64_t overhead = base + info->sum.table_bytes + info->sum.client_bytes;
    return (struct memory_sums){
        .overhead = overhead,
        .dataset = info->used_bytes > overhead ? info->used_bytes - overhead : 0,
        .since_start = info->used_bytes > base ? info->used_bytes - base : 0,
    };
}

static void memory_put_int(struct resp_out *out, const char *name, uint64_t value) {
    resp_bulk_cstr(out, name);
    resp_int(out, (int64_t)value);
}

static void memory_put_ratio(struct resp_out *out, const char *name, uint64_t part, uint64_t whole,
                             double times) {
    resp_bulk_cstr(out, name);
    resp_double(out, whole ? (double)part * times / (double)whole : 0);
}

static void memory_stats_put(struct shard *shard, const struct info *info, struct resp_out *out) {
    struct memory_sums sums = memory_sums(info);
    size_t mark = resp_defer(out);
    size_t count = 0;
    (void)shard;
#define PUT_INT(name, value)                (memory_put_int(out, name, value), count++)
#define PUT_RATIO(name, part, whole, times) (memory_put_ratio(out, name, part, whole, times), count++)
    PUT_INT("peak.allocated", info->server->used_peak_bytes);
    PUT_INT("total.allocated", info->used_bytes);
    PUT_INT("startup.allocated", info->server->base_bytes);
    PUT_INT("replication.backlog", 0);
    PUT_INT("clients.slaves", 0);
    PUT_INT("clients.normal", info->sum.client_bytes);
    PUT_INT("cluster.links", 0);
    PUT_INT("aof.buffer", 0);
    PUT_INT("lua.caches", 0);
    PUT_INT("functions.caches", 0);
    PUT_INT("tables.bytes", info->sum.table_bytes);
    PUT_INT("overhead.total", sums.overhead);
    PUT_INT("keys.count", info->sum.keys);
    PUT_INT("keys.bytes-per-key", info->sum.keys ? sums.since_start / info->sum.keys : 0);
    PUT_INT("dataset.bytes", sums.dataset);
    PUT_RATIO("dataset.percentage", sums.dataset, sums.since_start, 100);
    PUT_RATIO("peak.percentage", info->used_bytes, info->server->used_peak_bytes, 100);
    PUT_INT("allocator.active", info->committed_bytes);
    PUT_INT("allocator.resident", info->rss_bytes);
    PUT_RATIO("fragmentation", info->rss_bytes, info->used_bytes, 1);
    resp_bulk_cstr(out, "fragmentation.bytes");
    resp_int(out, (int64_t)info->rss_bytes - (int64_t)info->used_bytes);
    count++;
#undef PUT_INT
#undef PUT_RATIO
    resp_defer_map(out, mark, count);
}

/* ---- DOCTOR ---- */

enum {
    DOCTOR_SMALL_BYTES = 5 * 1024 * 1024, /* below this every ratio is meaningless */
    DOCTOR_CLIENT_BYTES = 200 * 1024,
};

static void memory_doctor_put(struct shard *shard, const struct info *info, struct resp_out *out) {
    struct memory_sums sums = memory_sums(info);
    struct buf text;
    (void)shard;
    buf_init(&text);
    if (sums.since_start < DOCTOR_SMALL_BYTES) {
        BUF_PUT_LIT(&text, "There is too little data for a judgement.\n");
    } else {
        if (info->server->used_peak_bytes > info->used_bytes / 2 * 3)
            BUF_PUT_LIT(&text,
                        "* Peak: memory was in use in the past that is free now. The allocator keeps some of "
                        "it; MEMORY PURGE gives it back.\n");
        if (info->rss_bytes > info->used_bytes / 10 * 14 &&
            info->rss_bytes - info->used_bytes > (uint64_t)DOCTOR_SMALL_BYTES * info->server->shard_count)
            BUF_PUT_LIT(&text,
                        "* Fragmentation: the process holds over 1.4 times the memory that is accounted for. "
                        "MEMORY PURGE may help; values that change their size often cause it.\n");
        if (info->sum.clients && info->sum.client_bytes / info->sum.clients > DOCTOR_CLIENT_BYTES)
            BUF_PUT_LIT(&text,
                        "* Clients: their buffers hold more than 200 kB each on average. Look for slow "
                        "readers with CLIENT LIST, and limit them with client-output-buffer-limit.\n");
        if (text.len == 0)
            BUF_PUT_LIT(&text, "No problem was found.\n");
    }
    resp_verbatim(out, "txt", buf_bytes(&text));
    buf_deinit(&text);
}

static void memory_finish(struct shard *shard, struct gather *gather, struct resp_out *out) {
    struct info info;
    info_collect(shard, gather, &info);
    if (gather_request(gather)->command->id == COMMAND_MEMORY_STATS)
        memory_stats_put(shard, &info, out);
    else
        memory_doctor_put(shard, &info, out);
    info_release(&info, gather);
}

static const struct gather_how memory_how = {
    .answer_bytes = sizeof(struct info_shard),
    .ask = info_ask,
    .finish = memory_finish,
    .free_question = mem_free,
};

void cmd_memory_stats(struct exec *x) {
    gather_start(x, &memory_how, mem_zalloc(sizeof(struct info_question)));
}

void cmd_memory_doctor(struct exec *x) {
    gather_start(x, &memory_how, mem_zalloc(sizeof(struct info_question)));
}

/* ---- MALLOC-STATS, HELP ---- */

static void memory_report_put(const char *text, void *ctx) {
    buf_put_bytes(ctx, bytes_cstr(text));
}

void cmd_memory_malloc_stats(struct exec *x) {
    struct buf text;
    buf_init(&text);
    mem_report(memory_report_put, &text);
    resp_verbatim(x->out, "txt", buf_bytes(&text));
    buf_deinit(&text);
}

void cmd_memory_help(struct exec *x) {
    static const char *const lines[] = {
        "DOCTOR",
        "    Report on memory problems in words.",
        "MALLOC-STATS",
        "    Give the allocator's own report.",
        "PURGE",
        "    Ask the allocator to give unused memory back to the system.",
        "STATS",
        "    Give the figures of memory use.",
        "USAGE <key> [SAMPLES <count>]",
        "    Tell the bytes that a key and its value occupy. They are known exactly: nothing is sampled.",
    };
    cmd_reply_help(x, "MEMORY", lines, COUNT_OF(lines));
}
