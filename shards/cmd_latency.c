/* cmd_latency.c: LATENCY over all shards: series of slow moments, and histograms of commands' times. */
#include "core/base/mem.h"
#include "core/cmd/cmd.h"
#include "shards/gather.h"
#include "shards/latency_graph.h"
#include "shards/server.h"

/* ---- the events ---- */

static void latency_ask(struct shard *shard, const void *question, void *answer) {
    (void)question;
    struct latency *copy = answer;
    for (unsigned e = 0; e < LATENCY_EVENT_COUNT; e++) {
        if (!shard->latency.of[e])
            continue;
        copy->of[e] = mem_alloc(sizeof *copy->of[e]);
        memcpy(copy->of[e], shard->latency.of[e], sizeof *copy->of[e]);
    }
}

/* Merges the answers into the first one, which owns the result; the others are freed. */
static struct latency *latency_join(const struct gather *gather) {
    struct latency *sum = gather_answer(gather, 0);
    for (unsigned s = 1; s < gather_count(gather); s++) {
        struct latency *other = gather_answer(gather, s);
        for (unsigned e = 0; e < LATENCY_EVENT_COUNT; e++) {
            if (!sum->of[e]) {
                sum->of[e] = other->of[e];
                other->of[e] = NULL;
            } else if (other->of[e]) {
                latency_merge(sum->of[e], other->of[e]);
            }
        }
        latency_deinit(other);
    }
    return sum;
}

/* The event with this name; LATENCY_EVENT_COUNT if there is none. */
static enum latency_event latency_find(struct bytes name) {
    enum latency_event e = 0;
    while (e < LATENCY_EVENT_COUNT && !bytes_is_word(name, latency_event_name(e)))
        e++;
    return e;
}

static const struct latency_series *latency_series_of(const struct latency *latency, struct bytes name) {
    enum latency_event e = latency_find(name);
    return e < LATENCY_EVENT_COUNT ? latency->of[e] : NULL;
}

static void latency_latest(const struct latency *latency, struct resp_out *out) {
    size_t mark = resp_defer(out);
    size_t count = 0;
    for (unsigned e = 0; e < LATENCY_EVENT_COUNT; e++) {
        const struct latency_series *series = latency->of[e];
        if (!series)
            continue;
        const struct latency_sample *last = &series->samples[series->count - 1];
        resp_array(out, 4);
        resp_bulk_cstr(out, latency_event_name((enum latency_event)e));
        resp_int(out, last->unix_s);
        resp_int(out, (int64_t)last->ms);
        resp_int(out, (int64_t)series->worst_ms);
        count++;
    }
    resp_defer_array(out, mark, count);
}

static void latency_history(const struct latency_series *series, struct resp_out *out) {
    resp_array(out, series ? series->count : 0);
    for (unsigned i = 0; series && i < series->count; i++) {
        resp_array(out, 2);
        resp_int(out, series->samples[i].unix_s);
        resp_int(out, (int64_t)series->samples[i].ms);
    }
}

static void latency_graph(const struct latency_series *series, const struct request *r, int64_t now_s,
                          struct resp_out *out) {
    if (!series) {
        resp_errorf(out, "ERR No samples available for event '%.*s'", (int)r->argv[2].len, r->argv[2].ptr);
        return;
    }
    struct buf text;
    buf_init(&text);
    latency_graph_draw(latency_event_name(latency_find(r->argv[2])), series, now_s, &text);
    resp_verbatim(out, "txt", buf_bytes(&text));
    buf_deinit(&text);
}

static void latency_doctor(const struct latency *latency, const struct config *config, struct resp_out *out) {
    struct buf text;
    buf_init(&text);
    latency_doctor_write(latency, config, &text);
    resp_verbatim(out, "txt", buf_bytes(&text));
    buf_deinit(&text);
}

static void latency_finish(struct shard *shard, struct gather *gather, struct resp_out *out) {
    const struct request *r = gather_request(gather);
    struct latency *latency = latency_join(gather);
    const struct latency_series *series = r->argc > 2 ? latency_series_of(latency, r->argv[2]) : NULL;
    if (r->command->id == COMMAND_LATENCY_LATEST)
        latency_latest(latency, out);
    else if (r->command->id == COMMAND_LATENCY_HISTORY)
        latency_history(series, out);
    else if (r->command->id == COMMAND_LATENCY_GRAPH)
        latency_graph(series, r, shard->engine.now_ms / 1000, out);
    else
        latency_doctor(latency, shard->engine.config, out);
    latency_deinit(latency);
}

static const struct gather_how latency_how = {
    .answer_bytes = sizeof(struct latency), .ask = latency_ask, .finish = latency_finish};

void cmd_latency_latest(struct exec *x) {
    gather_start(x, &latency_how, NULL);
}

void cmd_latency_history(struct exec *x) {
    gather_start(x, &latency_how, NULL);
}

void cmd_latency_graph(struct exec *x) {
    gather_start(x, &latency_how, NULL);
}

void cmd_latency_doctor(struct exec *x) {
    gather_start(x, &latency_how, NULL);
}

/* ---- RESET ---- */

/* The question is a bit for each event to forget, the answer a bit for each that was there. */
static void latency_reset_ask(struct shard *shard, const void *question, void *answer) {
    unsigned wanted = *(const unsigned *)question;
    unsigned *were_there = answer;
    for (unsigned e = 0; e < LATENCY_EVENT_COUNT; e++)
        if ((wanted & (1u << e)) && latency_reset(&shard->latency, (enum latency_event)e))
            *were_there |= 1u << e;
}

static void latency_reset_finish(struct shard *shard, struct gather *gather, struct resp_out *out) {
    (void)shard;
    unsigned were_there = 0;
    for (unsigned s = 0; s < gather_count(gather); s++)
        were_there |= *(const unsigned *)gather_answer(gather, s);
    resp_int(out, __builtin_popcount(were_there));
}

static const struct gather_how latency_reset_how = {
    .answer_bytes = sizeof(unsigned),
    .ask = latency_reset_ask,
    .finish = latency_reset_finish,
    .free_question = mem_free,
};

void cmd_latency_reset(struct exec *x) {
    unsigned *wanted = mem_alloc(sizeof *wanted);
    *wanted = x->argc == 2 ? (1u << LATENCY_EVENT_COUNT) - 1 : 0;
    for (int i = 2; i < x->argc; i++) {
        enum latency_event e = latency_find(x->argv[i]);
        if (e < LATENCY_EVENT_COUNT)
            *wanted |= 1u << e;
    }
    gather_start(x, &latency_reset_how, wanted);
}

/* ---- HISTOGRAM ---- */

/* Steps double from 1024 ns; a step ends where Redis's histograms, with their two digits, end it: 1/128 later. */
enum { HISTOGRAM_STEPS = 21, HISTOGRAM_FIRST_NS = 1024 };

struct histogram_answer {
    struct command_stats *commands;
};

static void latency_histogram_ask(struct shard *shard, const void *question, void *answer) {
    (void)question;
    struct histogram_answer *a = answer;
    a->commands = mem_zalloc(COMMAND_COUNT * sizeof *a->commands);
    for (unsigned c = 0; c < COMMAND_COUNT; c++) {
        if (!shard->commands[c].times)
            continue;
        a->commands[c].calls = shard->commands[c].calls;
        a->commands[c].times = mem_alloc(sizeof(struct histogram));
        memcpy(a->commands[c].times, shard->commands[c].times, sizeof(struct histogram));
    }
}

static void latency_histogram_free(struct gather *gather) {
    for (unsigned s = 0; s < gather_count(gather); s++) {
        struct histogram_answer *a = gather_answer(gather, s);
        for (unsigned c = 0; c < COMMAND_COUNT; c++)
            mem_free(a->commands[c].times);
        mem_free(a->commands);
    }
}

/* One command: its calls, and how many took at most 1, 2, 4 ... microseconds; steps that add nothing are left out. Nothing
 * is written, and the value is false, when it was never called. */
static bool latency_histogram_put(const struct gather *gather, double ticks_per_us, unsigned c,
                                  struct resp_out *out) {
    struct histogram sum = {{0}};
    uint64_t calls = 0;
    for (unsigned s = 0; s < gather_count(gather); s++) {
        const struct command_stats *stats =
            &((struct histogram_answer *)gather_answer(gather, s))->commands[c];
        calls += stats->calls;
        if (stats->times)
            histogram_merge(&sum, stats->times);
    }
    if (calls == 0)
        return false;
    resp_bulk_cstr(out, command_get((enum command_id)c)->fullname);
    resp_map(out, 2);
    resp_bulk_cstr(out, "calls");
    resp_int(out, (int64_t)calls);
    resp_bulk_cstr(out, "histogram_usec");
    size_t mark = resp_defer(out);
    size_t steps = 0;
    uint64_t before = 0;
    for (unsigned step = 0; step < HISTOGRAM_STEPS; step++) {
        bool is_last = step == HISTOGRAM_STEPS - 1;
        uint64_t limit_ns = (uint64_t)HISTOGRAM_FIRST_NS << step;
        limit_ns += is_last ? 0 : limit_ns / 128;
        uint64_t limit = is_last ? UINT64_MAX : (uint64_t)((double)limit_ns / 1000 * ticks_per_us);
        uint64_t count = histogram_count_to(&sum, limit);
        if (count == before)
            continue;
        resp_int(out, (int64_t)(limit_ns / 1000));
        resp_int(out, (int64_t)count);
        before = count;
        steps++;
    }
    resp_defer_map(out, mark, steps);
    return true;
}

/* A command that is named stands for its subcommands too. */
static bool latency_histogram_is_wanted(const struct request *r, unsigned c) {
    if (r->argc == 2)
        return true;
    for (int i = 2; i < r->argc; i++) {
        const struct command *named = command_find_name(r->argv[i]);
        if (named && (named->id == c || named->id == command_get((enum command_id)c)->parent))
            return true;
    }
    return false;
}

static void latency_histogram_finish(struct shard *shard, struct gather *gather, struct resp_out *out) {
    const struct request *r = gather_request(gather);
    size_t mark = resp_defer(out);
    size_t count = 0;
    for (unsigned c = COMMAND_NONE + 1; c < COMMAND_COUNT; c++)
        if (latency_histogram_is_wanted(r, c))
            count += latency_histogram_put(gather, shard->server->ticks_per_us, c, out);
    resp_defer_map(out, mark, count);
    latency_histogram_free(gather);
}

static const struct gather_how latency_histogram_how = {
    .answer_bytes = sizeof(struct histogram_answer),
    .ask = latency_histogram_ask,
    .finish = latency_histogram_finish,
};

void cmd_latency_histogram(struct exec *x) {
    gather_start(x, &latency_histogram_how, NULL);
}

void cmd_latency_help(struct exec *x) {
    static const char *const lines[] = {
        "DOCTOR",
        "    Report on slow moments in words.",
        "GRAPH <event>",
        "    Draw the slow moments of one kind.",
        "HISTOGRAM [<command> ...]",
        "    Give the distribution of commands' times: how many took at most so many microseconds.",
        "HISTORY <event>",
        "    List the slow moments of one kind: time and milliseconds.",
        "LATEST",
        "    Give the last and the worst slow moment of each kind.",
        "RESET [<event> ...]",
        "    Forget slow moments, of all kinds unless some are named.",
    };
    cmd_reply_help(x, "LATENCY", lines, COUNT_OF(lines));
}
