/* options.c: the command line of basalt-load. */
#include "bench/load/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: basalt-load [options]\n"
    "  --host A --port P | --unix PATH   the server (127.0.0.1:6379)\n"
    "  --connections N   --pipeline N    in all threads together (50); commands per batch (1)\n"
    "  --requests N | --seconds S        when to stop (5 seconds)\n"
    "  --warmup S                        not measured (0.5; 0 with --requests)\n"
    "  --rate N                          open loop: so many requests per second, latency from the planned "
    "time\n"
    "  --idle                            connect and send nothing\n"
    "  --ratio S:G                       SETs to GETs (1:10)\n"
    "  --command TEXT [--weight N]       instead of --ratio, may be repeated; __key__ and __data__ are "
    "replaced\n"
    "  --keys N  --key-min N  --key-bytes N  --key-prefix TEXT   (100000, 0, 16, \"key:\")\n"
    "  --key-dist uniform|zipf|sequential  --zipf EXPONENT       (uniform; 0.99)\n"
    "  --data-bytes N | MIN-MAX          value size (32)\n"
    "  --cluster                         ask CLUSTER SLOTS; every key goes straight to the endpoint that "
    "owns it\n"
    "  --cpu LIST  --threads N           pin thread i to the i-th processor of a list such as 1 or 2,3\n"
    "  --pid N                           report the CPU time of that server per operation; may be repeated\n"
    "  --seed N   --json\n";

enum option_id {
    OPT_HOST = 1,
    OPT_PORT,
    OPT_UNIX,
    OPT_CONNECTIONS,
    OPT_PIPELINE,
    OPT_REQUESTS,
    OPT_SECONDS,
    OPT_WARMUP,
    OPT_RATE,
    OPT_IDLE,
    OPT_RATIO,
    OPT_COMMAND,
    OPT_WEIGHT,
    OPT_KEYS,
    OPT_KEY_MIN,
    OPT_KEY_BYTES,
    OPT_KEY_PREFIX,
    OPT_KEY_DIST,
    OPT_ZIPF,
    OPT_DATA_BYTES,
    OPT_CLUSTER,
    OPT_CPU,
    OPT_THREADS,
    OPT_PID,
    OPT_SEED,
    OPT_JSON,
};

static const struct option known[] = {{"host", required_argument, NULL, OPT_HOST},
                                      {"port", required_argument, NULL, OPT_PORT},
                                      {"unix", required_argument, NULL, OPT_UNIX},
                                      {"connections", required_argument, NULL, OPT_CONNECTIONS},
                                      {"pipeline", required_argument, NULL, OPT_PIPELINE},
                                      {"requests", required_argument, NULL, OPT_REQUESTS},
                                      {"seconds", required_argument, NULL, OPT_SECONDS},
                                      {"warmup", required_argument, NULL, OPT_WARMUP},
                                      {"rate", required_argument, NULL, OPT_RATE},
                                      {"idle", no_argument, NULL, OPT_IDLE},
                                      {"ratio", required_argument, NULL, OPT_RATIO},
                                      {"command", required_argument, NULL, OPT_COMMAND},
                                      {"weight", required_argument, NULL, OPT_WEIGHT},
                                      {"keys", required_argument, NULL, OPT_KEYS},
                                      {"key-min", required_argument, NULL, OPT_KEY_MIN},
                                      {"key-bytes", required_argument, NULL, OPT_KEY_BYTES},
                                      {"key-prefix", required_argument, NULL, OPT_KEY_PREFIX},
                                      {"key-dist", required_argument, NULL, OPT_KEY_DIST},
                                      {"zipf", required_argument, NULL, OPT_ZIPF},
                                      {"data-bytes", required_argument, NULL, OPT_DATA_BYTES},
                                      {"cluster", no_argument, NULL, OPT_CLUSTER},
                                      {"cpu", required_argument, NULL, OPT_CPU},
                                      {"threads", required_argument, NULL, OPT_THREADS},
                                      {"pid", required_argument, NULL, OPT_PID},
                                      {"seed", required_argument, NULL, OPT_SEED},
                                      {"json", no_argument, NULL, OPT_JSON},
                                      {NULL, 0, NULL, 0}};

static void refuse(const char *why, const char *text) __attribute__((noreturn));
static void refuse(const char *why, const char *text) {
    fprintf(stderr, "basalt-load: %s: %s\n%s", why, text, usage);
    exit(2);
}

static double real(const char *text, double min) {
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || value < min)
        refuse("not a number in range", text);
    return value;
}

static uint64_t whole(const char *text, uint64_t min, uint64_t max) {
    char *end;
    unsigned long long value = strtoull(text, &end, 10);
    if (end == text || *end != '\0' || value < min || value > max)
        refuse("not a number in range", text);
    return value;
}

static void read_data_bytes(struct options *o, const char *text) {
    unsigned long min, max;
    int n = 0;
    if (sscanf(text, "%lu-%lu%n", &min, &max, &n) == 2 && text[n] == '\0' && min <= max) {
        o->data_bytes_min = min;
        o->data_bytes_max = max;
        return;
    }
    o->data_bytes_min = o->data_bytes_max = whole(text, 0, 512UL << 20);
}

static void read_cpus(struct options *o, const char *text) {
    char *end;
    for (o->cpu_count = 0; o->cpu_count < OPTIONS_THREADS_MAX; text = end + 1) {
        long cpu = strtol(text, &end, 10);
        if (end == text || cpu < 0 || (*end != ',' && *end != '\0'))
            refuse("not a list of processors", text);
        o->cpus[o->cpu_count++] = (int)cpu;
        if (*end == '\0')
            return;
    }
    refuse("too many processors", text);
}

static void add_command(struct options *o, const char *text, uint32_t weight) {
    if (o->command_count == OPTIONS_COMMANDS_MAX)
        refuse("too many commands", text);
    o->weights[o->command_count] = weight;
    o->commands[o->command_count++] = text;
}

static void set_ratio(struct options *o, uint32_t sets, uint32_t gets) {
    if (sets > 0)
        add_command(o, "SET __key__ __data__", sets);
    if (gets > 0)
        add_command(o, "GET __key__", gets);
}

static void read_ratio(struct options *o, const char *text) {
    uint32_t sets, gets;
    int n = 0;
    if (sscanf(text, "%u:%u%n", &sets, &gets, &n) != 2 || text[n] != '\0' || sets + gets == 0)
        refuse("not a ratio", text);
    set_ratio(o, sets, gets);
}

static enum key_dist read_dist(const char *text) {
    if (strcmp(text, "uniform") == 0)
        return KEY_UNIFORM;
    if (strcmp(text, "zipf") == 0)
        return KEY_ZIPF;
    if (strcmp(text, "sequential") == 0)
        return KEY_SEQUENTIAL;
    refuse("not a distribution", text);
}

static void read_keys_option(struct options *o, enum option_id id, const char *text) {
    if (id == OPT_KEYS)
        o->keys = whole(text, 1, 1ULL << 40);
    else if (id == OPT_KEY_MIN)
        o->key_min = whole(text, 0, 1ULL << 40);
    else if (id == OPT_KEY_BYTES)
        o->key_bytes = whole(text, 1, 1 << 16);
    else if (id == OPT_KEY_PREFIX)
        o->key_prefix = text;
    else if (id == OPT_KEY_DIST)
        o->key_dist = read_dist(text);
    else if (id == OPT_ZIPF)
        o->zipf_exponent = real(text, 0.01);
    else
        read_data_bytes(o, text);
}

static void read_work_option(struct options *o, enum option_id id, const char *text) {
    if (id == OPT_RATIO) {
        read_ratio(o, text);
    } else if (id == OPT_COMMAND) {
        add_command(o, text, 1);
    } else if (id == OPT_WEIGHT) {
        if (o->command_count == 0)
            refuse("--weight comes behind a --command", text);
        o->weights[o->command_count - 1] = (uint32_t)whole(text, 1, 1000000);
    } else if (id == OPT_PID) {
        if (o->pid_count == OPTIONS_PIDS_MAX)
            refuse("too many processes", text);
        o->pids[o->pid_count++] = (int)whole(text, 1, 1 << 30);
    } else if (id == OPT_CPU) {
        read_cpus(o, text);
    } else if (id == OPT_THREADS) {
        o->threads = (uint32_t)whole(text, 1, OPTIONS_THREADS_MAX);
    } else if (id == OPT_SEED) {
        o->seed = whole(text, 0, UINT64_MAX);
    } else {
        read_keys_option(o, id, text);
    }
}

static void read_option(struct options *o, enum option_id id, const char *text) {
    if (id == OPT_HOST)
        o->host = text;
    else if (id == OPT_PORT)
        o->port = (uint16_t)whole(text, 1, 65535);
    else if (id == OPT_UNIX)
        o->unix_path = text;
    else if (id == OPT_CONNECTIONS)
        o->connections = (uint32_t)whole(text, 1, 60000);
    else if (id == OPT_PIPELINE)
        o->pipeline = (uint32_t)whole(text, 1, 100000);
    else if (id == OPT_REQUESTS)
        o->requests = whole(text, 1, UINT64_MAX);
    else if (id == OPT_SECONDS)
        o->seconds = real(text, 0.001);
    else if (id == OPT_WARMUP)
        o->warmup_seconds = real(text, 0);
    else if (id == OPT_RATE)
        o->rate = real(text, 0.001);
    else if (id == OPT_IDLE)
        o->is_idle = true;
    else if (id == OPT_CLUSTER)
        o->is_cluster = true;
    else if (id == OPT_JSON)
        o->is_json = true;
    else
        read_work_option(o, id, text);
}

void options_read(struct options *o, int argc, char **argv) {
    *o = (struct options){.host = "127.0.0.1",
                          .port = 6379,
                          .connections = 50,
                          .pipeline = 1,
                          .seconds = 5,
                          .warmup_seconds = -1,
                          .key_prefix = "key:",
                          .key_bytes = 16,
                          .keys = 100000,
                          .zipf_exponent = 0.99,
                          .data_bytes_min = 32,
                          .data_bytes_max = 32,
                          .seed = 1,
                          .threads = 1};
    int id;
    while ((id = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (id == '?')
            refuse("unknown option", "see below");
        read_option(o, (enum option_id)id, optarg);
    }
    if (optind < argc)
        refuse("unexpected argument", argv[optind]);
    if (o->warmup_seconds < 0)
        o->warmup_seconds = o->requests ? 0 : 0.5;
    if (o->command_count == 0)
        set_ratio(o, 1, 10);
    if (o->threads > o->connections)
        refuse("more threads than connections", "--threads");
    if (o->unix_path != NULL && o->is_cluster)
        refuse("--cluster needs TCP", o->unix_path);
}
