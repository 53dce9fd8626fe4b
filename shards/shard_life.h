/* shard_life.h: a shard's beginning, its thread, and its end; for server.c. */
#pragma once

#include "shards/shard.h"

/* Makes the shard's data; its thread does not run yet. */
struct shard *shard_new(struct server *server, unsigned index);

/* Fills what the shard's connections need of it; before loop_open. (server.c) */
void server_set_up_shard(struct shard *shard);

/* The orderly end of a shard that has run: first no clients, then no messages, then no io. Waits for the other shards.
 * (server.c) */
void server_end_shard(struct shard *shard);

/* Memory of an empty shard. */
size_t shard_base_bytes(void);

/* Frees it; the thread has ended. */
void shard_free(struct shard *shard);

/* The body of the shard's thread: opens its io, runs turns until it is told to stop, closes everything. */
void *shard_main(void *shard);
