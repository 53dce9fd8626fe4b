/* loading.h: the time between the opened port and the loaded data.
 *
 * The listeners open before the data is recovered: a client that connects hears -LOADING at once (commands with the
 * LOADING flag, such as INFO, work) instead of a refused connection. So the threads, while they load, run a turn of their
 * loops between two pieces of their work, and while they wait for each other. Such a turn touches no keys: admission lets
 * no command through that would. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct shard;

struct loading {
    atomic_uint_fast64_t total_bytes; /* of the log's segments that are known so far */
    atomic_uint_fast64_t loaded_bytes;
    int64_t started_ms; /* shard 0 */
    atomic_uint met;    /* threads that wait in this round */
    atomic_uint round;
};

/* Between two pieces: serves what has come. False: the server is being stopped, so the work is to be given up. */
bool loading_pause(struct shard *shard);

/* Waits, serving, until all shards' threads have come here. What was done before is visible to all afterwards. */
void loading_meet(struct shard *shard);
