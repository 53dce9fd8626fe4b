/* load_registers.h: random transactions over registers, each episode checked as a whole by check.h. */
#pragma once

#include "test/history/load.h"

struct load_result load_registers(const struct load_options *options, FILE *why);
struct load_result load_registers_calls(const struct load_options *options, FILE *why);
