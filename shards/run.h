/* run.h: running one request on this shard, now or when its keys are free. */
#pragma once

#include "core/base/buf.h"
#include "shards/request.h"

struct shard;

/* Runs the request and appends its reply to `out`; *ticket_out is the log record the reply stands on, or 0. False: the
 * reply will come by itself (a key is lent away, or the handler answers later); nothing was appended. The request's
 * arguments are copied in that case. */
bool run_request(struct shard *shard, const struct request *request, struct buf *out, uint64_t *ticket_out);

/* The same for a request whose keys are known to be free (a parked one whose turn has come). */
bool run_request_unlocked(struct shard *shard, const struct request *request, struct buf *out,
                          uint64_t *ticket_out);

/* Collects the hashes of all keys of the request into `hashes` (at most max); returns their number, which may be more
 * than max. */
unsigned run_key_hashes(const struct shard *shard, const struct request *request, uint64_t *hashes,
                        unsigned max);
