/* cpu.h: which processors the shards may use: affinity, cgroup quota, --cpu-list. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct cpu_plan {
    unsigned shard_count;
    int *cpus;       /* processor of each shard, or -1: not pinned */
    unsigned usable; /* processors this process may use, quota included */
};

/* Plans shards and their processors. wanted = 0: one shard per usable processor. `list` ("0-3,8") may be NULL; with a list,
 * shards are pinned to its processors in turn, otherwise to the affinity's if there is one for each. False: `why` tells
 * what is wrong with the list. */
bool cpu_plan_make(struct cpu_plan *plan, unsigned wanted, const char *list, unsigned shards_max, char *why,
                   size_t why_size);
void cpu_plan_free(struct cpu_plan *plan);

/* Pins the calling thread; cpu -1 does nothing. False when the system refuses. */
bool cpu_pin(int cpu);
