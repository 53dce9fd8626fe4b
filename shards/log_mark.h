/* log_mark.h: marks: numbered points at which all shards' logs are cut at one place of the serial order.
 *
 * Shard 0 sends a mark to all shards in one flush, under the order locks of all of them (order_lock.h, R1), so it stands
 * at the same place of the order of arrival everywhere, and each shard logs it there. Recovery cuts at the last mark that
 * all segments have (persist/aof_cut.h). A mark also carries the fsync policy, so that it changes at one place too. */
#pragma once

#include "core/config/config.h"
#include "persist/aof_writer.h"

struct shard;

/* The policy that the configuration asks for. */
enum aof_sync log_mark_policy(const struct config *config);

/* Shard 0's thread, at each tick: makes a mark if something was logged since the last one. */
void log_mark_tick(struct shard *shard);
