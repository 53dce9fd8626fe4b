/* load_queues.h: clients that wait for elements of lists. */
#pragma once

#include "test/history/load.h"

struct load_result load_queues(const struct load_options *options, FILE *why);
struct load_result load_queue_order(const struct load_options *options, FILE *why);
