/* fanout_merge.h: from the replies of the parts to the reply of the command. Pure. */
#pragma once

#include "core/base/rng.h"
#include "core/resp/resp_write.h"
#include "shards/fanout.h"
#include "shards/fanout_clock.h"

struct fanout_part {
    struct buf reply;  /* with the trailer of fanout_clock.h */
    struct bytes text; /* without it */
    struct fanout_clock clock;
    unsigned shard;
    uint64_t ticket;
};

/* Appends the merged reply to `out`; keys that have expired by the latest of the parts' clocks count as gone. An error of any part is the command's answer (the first in order of parts). */
void fanout_merge(struct fanout *fanout, struct resp_out *out, struct rng *rng);
