/* loop.h: the turn of a shard's loop (docs/ARCHITECTURE.md, "One turn"). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct shard;

/* Opens the shard's io on the calling thread, which becomes its own. False: `why` says what failed. */
bool loop_open(struct shard *shard, char *why, size_t why_size);

/* Runs one turn; may sleep if `may_sleep`. */
void loop_turn(struct shard *shard, bool may_sleep);

/* Closes all connections and turns until they are gone, their commands on other shards answered. */
void loop_close_conns(struct shard *shard);

/* Closes the io; nobody may wake or visit this shard any more. */
void loop_close(struct shard *shard);
