/* evict_loop.h: keeping the process within maxmemory.
 *
 * Every shard publishes the bytes it accounts for; their sum, not RSS, is compared with maxmemory, so that the limit is
 * one number for the whole server however uneven its shards are. A shard that is asked to make room gives up its own
 * keys, in the order that maxmemory-policy says, until the sum fits or it has done its share. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct shard;

/* True when a command that needs memory may run; evicts keys of this shard if that helps. */
bool evict_loop_make_room(struct shard *shard);

/* Publishes this shard's accounted bytes; once a turn. */
void evict_loop_publish(struct shard *shard);
