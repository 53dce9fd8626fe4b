/* stress.h: what stress programs share: threads, and counting.
 *
 * A program shows that something holds with real threads, and that it sees when a rule is broken. Broken rules are data
 * races, so that half is left out under ThreadSanitizer. */
#pragma once

#include "core/base/attr.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>

#if defined(__SANITIZE_THREAD__)
#define STRESS_IS_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define STRESS_IS_TSAN 1
#endif
#endif
#ifndef STRESS_IS_TSAN
#define STRESS_IS_TSAN 0
#endif

enum { STRESS_THREADS_MAX = 16, STRESS_TRIES = 3000 };

struct stress_threads {
    pthread_t threads[STRESS_THREADS_MAX];
    unsigned count;
};

static inline void stress_start(struct stress_threads *t, void *(*body)(void *ctx), void *ctx) {
    must(t->count < STRESS_THREADS_MAX);
    must(pthread_create(&t->threads[t->count++], NULL, body, ctx) == 0);
}

static inline void stress_join(struct stress_threads *t) {
    for (unsigned i = 0; i < t->count; i++)
        pthread_join(t->threads[i], NULL);
    t->count = 0;
}

/* In loops that wait for another thread; there may be fewer processors than threads. */
static inline void stress_pause(void) {
    sched_yield();
}

struct stress_tally {
    unsigned passed, failed;
};

static inline void stress_expect(struct stress_tally *tally, const char *what, bool is, bool wanted) {
    printf("%s: %s\n", what, is == wanted ? "as it should be" : wanted ? "BROKEN" : "NOT NOTICED");
    fflush(stdout);
    tally->passed += is == wanted;
    tally->failed += is != wanted;
}

/* `holds(how)` must be false in one of some tries. */
static inline void stress_expect_broken(struct stress_tally *tally, const char *what,
                                        bool (*holds)(unsigned how), unsigned how) {
    bool ok = true;
    for (int i = 0; i < STRESS_TRIES && ok && !STRESS_IS_TSAN; i++)
        ok = holds(how);
    if (!STRESS_IS_TSAN)
        stress_expect(tally, what, ok, false);
}

static inline int stress_end(const struct stress_tally *tally) {
    printf("%u passed, %u failed\n", tally->passed, tally->failed);
    return tally->failed != 0;
}
