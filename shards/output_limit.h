/* output_limit.h: how much unsent output a client may have: client-output-buffer-limit, and a small limit for those who
 * have not authenticated. */
#pragma once

#include "core/config/config.h"

struct shard;
struct conn;

enum { OUTPUT_LIMIT_STRANGER_BYTES = 17 * 1024 }; /* as much as Redis lets them have */

/* Is `bytes` over the limit? *soft_since_ms remembers since when the soft limit has been exceeded; 0: it is not. */
bool output_limit_is_over(const struct config_output_limit *limit, size_t bytes, int64_t now_ms,
                          int64_t *soft_since_ms);

/* The smallest number of bytes that any of the limits minds; SIZE_MAX when there are none. */
size_t output_limit_watch_bytes(const struct config *config);

/* conn_host.on_output_watch: closes the connection if it is over its limit, and writes that to the log. */
void output_limit_check(struct conn *conn);
