/* load_whole.h: keys that come and go together, checked while they run. */
#pragma once

#include "test/history/load.h"

struct load_result load_whole(const struct load_options *options, FILE *why);
struct load_result load_expiring(const struct load_options *options, FILE *why);
