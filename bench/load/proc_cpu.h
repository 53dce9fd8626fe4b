/* proc_cpu.h: the CPU time that a process has used, from outside. */
#pragma once

#include <stdint.h>

struct proc_cpu {
    uint64_t run_ns; /* on a processor, all threads that exist */
    uint64_t
        wait_ns; /* runnable, but waiting for a processor: high when something else disturbed the measurement */
    uint64_t switches; /* times a thread was put on a processor */
};

/* Adds what the threads of `pid` have used to *sum. Threads that have ended are not seen. */
void proc_cpu_add(int pid, struct proc_cpu *sum);
