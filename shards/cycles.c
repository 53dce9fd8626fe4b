/* cycles.c: how long a tick is, by comparison with the monotonic clock. */
#include "shards/cycles.h"

static double cycles_clock_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

double cycles_per_us(void) {
    double from_us = cycles_clock_us();
    uint64_t from = cycles_now();
    struct timespec pause = {.tv_nsec = 2000000};
    nanosleep(&pause, NULL);
    double us = cycles_clock_us() - from_us;
    return us > 0 ? (double)(cycles_now() - from) / us : 1.0;
}
