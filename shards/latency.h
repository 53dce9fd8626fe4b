/* latency.h: slow moments of a shard by their kind, as LATENCY shows them, once latency-monitor-threshold is set. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct shard;

/* Kinds, with the names that users see and what they are, for LATENCY DOCTOR. */
#define LATENCY_EVENTS(X)                                                                                    \
    X(COMMAND, "command", "commands that are not O(1) or O(log N)")                                          \
    X(FAST_COMMAND, "fast-command", "commands that are O(1) or O(log N)")                                    \
    X(EXPIRE_CYCLE, "expire-cycle", "removing expired keys between commands")                                \
    X(EVICTION_CYCLE, "eviction-cycle", "evicting keys to stay within maxmemory")                            \
    X(AOF_WRITE, "aof-write", "writing the append-only file")                                                \
    X(AOF_FSYNC_ALWAYS, "aof-fsync-always", "writing and syncing the append-only file before replies")       \
    X(AOF_FSYNC, "aof-fsync", "syncing the append-only file once a second")

enum latency_event {
#define X(id, name, meaning) LATENCY_##id,
    LATENCY_EVENTS(X)
#undef X
        LATENCY_EVENT_COUNT
};

enum { LATENCY_SAMPLES = 160 };

struct latency_sample {
    int64_t unix_s;
    uint64_t ms; /* the worst of that second */
};

/* The last samples of one kind, oldest first, and the worst ever. */
struct latency_series {
    struct latency_sample samples[LATENCY_SAMPLES];
    unsigned count;
    uint64_t worst_ms;
};

struct latency {
    struct latency_series *of[LATENCY_EVENT_COUNT]; /* NULL: nothing happened yet */
};

void latency_deinit(struct latency *latency);

/* Something took `ms`; kept if it is as long as the threshold. Owner: whoever acts as the shard. */
void latency_note(struct shard *shard, enum latency_event event, uint64_t ms);

/* Forgets one kind; false when there was nothing. */
bool latency_reset(struct latency *latency, enum latency_event event);

/* Adds a sample to a series whose last one is not newer. */
void latency_add(struct latency_series *series, struct latency_sample sample);

/* Merges two series by time into `into`. */
void latency_merge(struct latency_series *into, const struct latency_series *other);

const char *latency_event_name(enum latency_event event);
const char *latency_event_meaning(enum latency_event event);
