/* latency.c: series of slow moments. One sample stands for a second: the worst of it. A shard has its own series; LATENCY
 * merges them as if one thread had seen everything. */
#include "shards/latency.h"

#include "core/base/mem.h"
#include "shards/server.h"

void latency_deinit(struct latency *latency) {
    for (unsigned i = 0; i < LATENCY_EVENT_COUNT; i++)
        mem_free(latency->of[i]);
}

void latency_add(struct latency_series *series, struct latency_sample sample) {
    if (sample.ms > series->worst_ms)
        series->worst_ms = sample.ms;
    struct latency_sample *last = series->count ? &series->samples[series->count - 1] : NULL;
    if (last && last->unix_s == sample.unix_s) {
        last->ms = sample.ms > last->ms ? sample.ms : last->ms;
        return;
    }
    if (series->count == LATENCY_SAMPLES) {
        memmove(series->samples, series->samples + 1, (LATENCY_SAMPLES - 1) * sizeof series->samples[0]);
        series->count--;
    }
    series->samples[series->count++] = sample;
}

void latency_note(struct shard *shard, enum latency_event event, uint64_t ms) {
    int64_t threshold = shard->engine.config->latency_monitor_threshold;
    if (threshold <= 0 || ms < (uint64_t)threshold)
        return;
    struct latency_series **series = &shard->latency.of[event];
    if (!*series)
        *series = mem_zalloc(sizeof **series);
    latency_add(*series, (struct latency_sample){shard->engine.now_ms / 1000, ms});
}

bool latency_reset(struct latency *latency, enum latency_event event) {
    bool was_there = latency->of[event] != NULL;
    mem_free(latency->of[event]);
    latency->of[event] = NULL;
    return was_there;
}

void latency_merge(struct latency_series *into, const struct latency_series *other) {
    struct latency_series both = {.worst_ms =
                                      into->worst_ms > other->worst_ms ? into->worst_ms : other->worst_ms};
    unsigned a = 0;
    unsigned b = 0;
    while (a < into->count || b < other->count) {
        bool is_a =
            b == other->count || (a < into->count && into->samples[a].unix_s <= other->samples[b].unix_s);
        latency_add(&both, is_a ? into->samples[a++] : other->samples[b++]);
    }
    *into = both;
}

static const struct {
    const char *name;
    const char *meaning;
} latency_names[LATENCY_EVENT_COUNT] = {
#define X(id, name, meaning) [LATENCY_##id] = {name, meaning},
    LATENCY_EVENTS(X)
#undef X
};

const char *latency_event_name(enum latency_event event) {
    return latency_names[event].name;
}

const char *latency_event_meaning(enum latency_event event) {
    return latency_names[event].meaning;
}
