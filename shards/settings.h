/* settings.h: how the configuration reaches the shards.
 *
 * The master copy (server->config) belongs to shard 0 and changes in place. Shards never read it: they share a snapshot
 * that nobody changes, and CONFIG SET replaces it, shard by shard, by a newer one. */
#pragma once

#include "core/config/config.h"

struct server;
struct shard;

/* Gives an independent copy of the master, to be freed by settings_free. */
struct config *settings_snapshot(const struct config *config);
void settings_free(struct config *snapshot);

/* The shard works with this snapshot from now on; borrowed until the next call. Owner: whoever acts as the shard. */
void settings_install(struct shard *shard, const struct config *snapshot);

/* True if putting this row to work needs shard 0's own thread, not only its baton: sockets are opened. */
bool settings_needs_thread(enum config_id id);

/* config_apply.apply, with the server as its owner: puts one changed row to work where it is not read from a snapshot. On
 * shard 0. */
bool settings_apply(void *server, const struct config *config, enum config_id id, struct buf *error_out);
