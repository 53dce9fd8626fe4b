/* options.h: what to send, to whom, how fast and for how long, as given on the command line. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    OPTIONS_COMMANDS_MAX = 16,
    OPTIONS_PIDS_MAX = 16,
    OPTIONS_THREADS_MAX = 64,
};

enum key_dist { KEY_UNIFORM, KEY_ZIPF, KEY_SEQUENTIAL };

struct options {
    const char *host;
    const char *unix_path; /* NULL: TCP */
    uint16_t port;
    uint32_t connections;
    uint32_t pipeline;
    uint64_t requests; /* 0: run for `seconds` */
    double seconds;
    double warmup_seconds;
    double rate;     /* requests per second of all threads; 0: closed loop */
    bool is_idle;    /* connect and send nothing */
    bool is_cluster; /* each connection sends only keys that its endpoint owns, by CLUSTER SLOTS */
    const char *commands[OPTIONS_COMMANDS_MAX];
    uint32_t weights[OPTIONS_COMMANDS_MAX];
    uint32_t command_count;
    const char *key_prefix;
    size_t key_bytes;
    uint64_t key_min;
    uint64_t keys;
    enum key_dist key_dist;
    double zipf_exponent;
    size_t data_bytes_min;
    size_t data_bytes_max;
    uint64_t seed;
    int cpus[OPTIONS_THREADS_MAX];
    uint32_t cpu_count;
    uint32_t threads;
    int pids[OPTIONS_PIDS_MAX]; /* whose CPU time is charged to the operations */
    uint32_t pid_count;
    bool is_json;
};

/* Reads the command line; explains and exits where it is wrong. */
void options_read(struct options *o, int argc, char **argv);
