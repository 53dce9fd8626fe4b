/* seeds.h: the main program of a simulator: many seeds, in child processes, so that a run that aborts is reported like one
 * that fails and the others go on. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Usage: PROGRAM [--must-fail] [SEEDS [FIRST]]. Runs `one` for each seed; prints the seed of each that returns false, aborts
 * or takes for ever; the last line is `N passed, M failed`, and the value the exit code. One seed alone runs in this
 * process, for a debugger. With --must-fail, for builds with a planted bug, the run ends at the first failure, and that is
 * what counts as passed. */
int seeds_main(int argc, char **argv, uint64_t default_seeds, bool (*one)(uint64_t seed));
