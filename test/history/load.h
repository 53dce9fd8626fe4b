/* load.h: the workloads. Each one runs threads against a server for a while and says whether what they saw can be
 * explained. A workload is a row of load_table; adding one touches nothing else. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct load_options {
    int port;
    int threads;
    double seconds;
    uint64_t seed;
};

struct load_result {
    bool is_sound;
    long episodes;
    long commands;
};

struct load {
    const char *name;
    const char *promise; /* what it looks for, as a sentence */
    struct load_result (*run)(const struct load_options *options, FILE *why);
};

extern const struct load load_table[];
extern const int load_count;

/* A small generator of one thread's own (splitmix64). */
uint64_t load_random(uint64_t *state);
unsigned load_below(uint64_t *state, unsigned limit);

/* Runs `body(context, index)` in `threads` threads and waits for them all. */
void load_in_threads(int threads, void (*body)(void *context, int index), void *context);
