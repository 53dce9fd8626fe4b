/* main.c: runs workloads against a server and says whether what the clients saw has an explanation.
 *
 *   history --self-test
 *   history --port 6379 [--load registers] [--seconds 5] [--threads 8] [--seed 1]
 *
 * Without --load all workloads run, sharing the seconds. Status 0: explained; 1: an anomaly, described on standard
 * output; 2: wrong usage; 3: the server went away or answered nonsense. */
#include "test/history/load.h"
#include "test/history/selftest.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static int usage(void) {
    fputs("usage: history --self-test | --port N [--load NAME] [--seconds S] [--threads N] [--seed N]\n",
          stderr);
    for (int i = 0; i < load_count; i++)
        fprintf(stderr, "  %-16s %s\n", load_table[i].name, load_table[i].promise);
    return 2;
}

static bool run_one(const struct load *load, const struct load_options *options) {
    struct load_result result = load->run(options, stdout);
    printf("%s  %s: %ld commands in %ld episodes, seed %llu\n", result.is_sound ? "sound " : "BROKEN",
           load->name, result.commands, result.episodes, (unsigned long long)options->seed);
    fflush(stdout);
    return result.is_sound;
}

int main(int argc, char **argv) {
    static const struct option names[] = {
        {"self-test", no_argument, NULL, 'T'},
        {"port", required_argument, NULL, 'p'},
        {"load", required_argument, NULL, 'l'},
        {"seconds", required_argument, NULL, 's'},
        {"threads", required_argument, NULL, 't'},
        {"seed", required_argument, NULL, 'r'},
        {NULL, 0, NULL, 0},
    };
    struct load_options options = {.threads = 8, .seconds = 5, .seed = 1};
    const char *only = NULL;
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (c) {
        case 'T': return selftest_run(stdout) ? 0 : 1;
        case 'p': options.port = (int)strtol(optarg, NULL, 10); break;
        case 'l': only = optarg; break;
        case 's': options.seconds = strtod(optarg, NULL); break;
        case 't': options.threads = (int)strtol(optarg, NULL, 10); break;
        case 'r': options.seed = strtoull(optarg, NULL, 10); break;
        default: return usage();
        }
    }
    if (options.port <= 0 || options.threads < 2)
        return usage();
    bool is_sound = true, is_known = false;
    if (!only)
        options.seconds /= load_count;
    for (int i = 0; i < load_count && is_sound; i++) {
        if (only && strcmp(only, load_table[i].name) != 0)
            continue;
        is_known = true;
        is_sound = run_one(&load_table[i], &options);
    }
    if (!is_known)
        return usage();
    return is_sound ? 0 : 1;
}
