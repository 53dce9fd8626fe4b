/* fanout_merge.h: from the replies of the parts to the reply of the command. Pure. */
#pragma once

#include "core/base/rng.h"
#include "core/resp/resp_write.h"
#include "shards/fanout.h"

struct fanout_part {
    struct buf reply;
    unsigned shard;
    uint64_t ticket;
};

/* Appends the merged reply to `out`. An error of any part is the command's answer (the first in order of parts). */
void fanout_merge(const struct fanout *fanout, struct resp_out *out, struct rng *rng);
