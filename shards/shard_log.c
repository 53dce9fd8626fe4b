/* shard_log.c */
#include "shards/shard_log.h"

#include "shards/server.h"

bool shard_log_is_always(const struct shard *shard) {
    return shard->log != NULL && shard->engine.config->appendfsync == APPENDFSYNC_ALWAYS;
}
