/* seeds.h: the main program of a simulator: many seeds, in child processes, so that a run that aborts is reported like one
 * that fails and the others go on. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct seeds_how {
    bool (*one)(uint64_t seed);
    uint64_t count;     /* unless the command line says another */
    unsigned per_child; /* seeds that share a process */
    bool leaks;         /* runs that end well leave memory behind */
};

/* Usage: PROGRAM [--must-fail] [SEEDS [FIRST]]. Runs `one` for each seed; prints the seed of each that returns false, aborts
 * or takes for ever; the last line is `N passed, M failed`, and the value the exit code. One seed alone runs in this
 * process, for a debugger. With --must-fail, for builds with a planted bug, the run ends at the first failure, and that is
 * what counts as passed. */
int seeds_main(int argc, char **argv, const struct seeds_how *how);
