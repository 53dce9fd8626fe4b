/* seeds.c: a child runs seeds one after the other and tells by shared memory how far it has come. */
#include "test/sim/world/seeds.h"

#include "core/base/attr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SEEDS_FAILED_MAX = 5, SEEDS_ALARM_S = 60 };

struct seeds_progress {
    uint64_t seed;   /* the one that runs */
    uint64_t failed; /* of this child */
};

static void seeds_child(struct seeds_progress *progress, uint64_t end, const struct seeds_how *how) {
    while (progress->seed < end) {
        alarm(SEEDS_ALARM_S); /* for ever */
        if (!how->one(progress->seed))
            progress->failed++;
        progress->seed++;
        if (progress->failed)
            break;
    }
    fflush(stdout);
    if (progress->failed || how->leaks)
        _exit(0);
    exit(0); /* with the checks for leaks */
}

static int seeds_end(uint64_t ran, uint64_t failed, bool must_fail) {
    if (must_fail && failed)
        printf("caught by seed %llu of these\n1 passed, 0 failed\n", (unsigned long long)ran);
    else if (must_fail)
        printf("not caught by %llu seeds\n0 passed, 1 failed\n", (unsigned long long)ran);
    else
        printf("%llu passed, %llu failed\n", (unsigned long long)(ran - failed), (unsigned long long)failed);
    return must_fail ? failed == 0 : failed != 0;
}

int seeds_main(int argc, char **argv, const struct seeds_how *how) {
    bool must_fail = argc > 1 && strcmp(argv[1], "--must-fail") == 0;
    argc -= must_fail;
    argv += must_fail;
    uint64_t seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : how->count;
    uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    uint64_t failed = 0;
    uint64_t end = first + seeds;
    if (seeds == 1)
        return seeds_end(1, !how->one(first), must_fail);
    struct seeds_progress *progress =
        mmap(NULL, sizeof *progress, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(progress != MAP_FAILED);
    progress->seed = first;
    while (progress->seed < end && failed < (must_fail ? 1 : SEEDS_FAILED_MAX)) {
        uint64_t stop = progress->seed + how->per_child < end ? progress->seed + how->per_child : end;
        int status = 0;
        progress->failed = 0;
        fflush(stdout);
        pid_t child = fork();
        must(child >= 0);
        if (child == 0)
            seeds_child(progress, stop, how);
        must(waitpid(child, &status, 0) == child);
        failed += progress->failed;
        if (status == 0)
            continue;
        if (progress->failed == 0) {
            failed++;
            printf("seed %llu: the program ended with %s %d\n", (unsigned long long)progress->seed,
                   WIFSIGNALED(status) ? "signal" : "status",
                   WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
            progress->seed++;
        }
    }
    return seeds_end(progress->seed - first, failed, must_fail);
}
