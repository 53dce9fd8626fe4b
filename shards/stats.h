/* stats.h: what one shard counts about its work, and how INFO reads it.
 *
 * Counting happens where things happen, without atomics: each shard has its own counters. Reading goes over
 * shards/gather: every shard copies its counters into an answer. The fields of INFO are rows of stats.def. */
#pragma once

#include "core/exec/exec.h"
#include "shards/histogram.h"
#include "shards/request.h"

struct conn;
struct shard;

/* Calls of one command on one shard. A command in parts counts as a call where its first part runs. */
struct command_stats {
    uint64_t calls;
    uint64_t ticks;          /* of shards/cycles; converted when shown */
    uint64_t rejected;       /* not run: wrong arity, not authenticated, no memory ... */
    uint64_t failed;         /* answered with an error */
    struct histogram *times; /* in ticks; NULL before the first call */
};

/* Error replies by their code word. */
struct error_stats {
    char code[RESP_ERROR_CODE_MAX + 1];
    uint64_t count;
};

enum {
    STATS_ERRORS_MAX = 128, /* codes told apart on a shard; the rest count as the last one */
    STATS_SAMPLES = 16,     /* of rates, one per tick */
};

struct shard_stats {
    uint64_t messages; /* taken from the inbox */
    uint64_t batches;  /* sent */
    uint64_t hops;     /* commands sent to another shard */
    uint64_t visits;   /* made to others */
    uint64_t wakes;    /* of others */
    uint64_t turns;
    uint64_t order_locks;
    uint64_t txns;
    uint64_t connections;
    uint64_t rejected_connections;
    uint64_t output_limit_closes; /* clients closed for too much unsent output */
    uint64_t query_limit_closes;  /* and for too much unfinished input */
};

/* What a rate is taken from. */
struct stats_sample {
    int64_t at_ms;
    uint64_t commands;
    uint64_t net_in_bytes;
    uint64_t net_out_bytes;
};

/* A walk over the connections that is not finished. */
struct stats_walk {
    uint64_t clients;
    size_t bytes;
    size_t input_max;
    size_t output_max;
};

/* The counters of a shard that only this module touches. */
struct stats {
    struct error_stats *errors; /* error_count of them, in order of appearance */
    unsigned error_count;
    bool is_timing;         /* latency-tracking */
    uint64_t slow_ticks;    /* commands that take as long are looked at again */
    uint64_t calls;         /* of all commands */
    uint64_t net_in_before; /* values of the connection host's counters at the last reset */
    uint64_t net_out_before;
    uint64_t protocol_errors_before;
    struct stats_sample samples[STATS_SAMPLES];
    uint64_t sample_count;
    struct stats_walk walk;
    size_t recent_max_input_bytes; /* largest buffers of a client seen lately */
    size_t recent_max_output_bytes;
};

void stats_init(struct shard *shard);
void stats_deinit(struct shard *shard);

/* Takes over what the configuration says: thresholds and whether times are kept. */
void stats_configure(struct shard *shard);

/* One command has run and taken so many ticks. With is_answered false its reply comes later, and whether it was slow is
 * for whoever answers to say. */
void stats_note(struct shard *shard, const struct request *request, const struct resp_out *reply,
                uint64_t ticks, bool is_answered);

/* A command took so long that it may belong into the slow log or among the latency events. */
void stats_note_slow(struct shard *shard, const struct request *request, uint64_t us);

/* A command was refused before it ran; command is NULL when its name is unknown. */
void stats_note_rejected(struct shard *shard, const struct command *command, struct bytes error);

/* A command has been answered later, so many ticks after it began: counts an error reply, and looks whether it was slow. */
void stats_note_late(struct shard *shard, const struct request *request, const struct resp_out *reply,
                     uint64_t ticks);

/* The walk over the connections (shards/tick.c) has come to this one. */
void stats_note_client(struct shard *shard, const struct conn *conn);

/* Ten times a second: rates, memory and largest buffers of connections. */
void stats_tick(struct shard *shard);

/* Sets to zero what CONFIG RESETSTAT sets to zero. */
void stats_reset(struct shard *shard);
