/* load_tokens.h: workloads in which keys move or appear together, checked while they run. */
#pragma once

#include "test/history/load.h"

struct load_result load_ring(const struct load_options *options, FILE *why);
struct load_result load_exclusive(const struct load_options *options, FILE *why);
