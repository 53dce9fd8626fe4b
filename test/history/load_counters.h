/* load_counters.h: workloads on counters, checked while they run. */
#pragma once

#include "test/history/load.h"

struct load_result load_causal(const struct load_options *options, FILE *why);
struct load_result load_counters(const struct load_options *options, FILE *why);
