/* cycles.h: a cheap clock for measuring commands: the processor's time-stamp counter where there is one. The unit is a
 * tick; cycles_per_us, measured once at start, converts. Not for wall-clock or deadlines. */
#pragma once

#include <stdint.h>
#include <time.h>

static inline uint64_t cycles_now(void) {
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    uint64_t ticks;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
#else
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
#endif
}

/* Ticks per microsecond; takes about 2 ms. */
double cycles_per_us(void);
