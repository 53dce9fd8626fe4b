/* fanout_clock.h: one moment for all parts of a one-phase command.
 *
 * Every shard has its own clock, read once a turn. Two keys that expire in the same millisecond could therefore be seen
 * apart by one MGET: alive on the shard whose clock lags, gone on the other. So each part says at what time it ran and which
 * of the keys that it found alive were about to expire, and the coordinator judges them all by the latest of the times.
 *
 * Why this is enough: a shard's clock never passes the real time, and a key that any part found gone had expired by that
 * part's clock. At the latest clock both judgements hold for all keys. What is corrected is the reply alone; a key that
 * is counted as gone expires on its own shard as soon as that looks at the time.
 *
 * A part's reply carries this behind the RESP text: entries, then their number and the clock. */
#pragma once

#include "core/exec/exec.h"

/* Owner: appends the trailer to a part's reply. Takes what the part has collected. */
void fanout_clock_close(struct exec_part *part, int64_t now_ms, struct buf *reply);

/* Coordinator: splits a part's reply. Gives its RESP text; the rest stays in *clock_out, which borrows from `reply`. */
struct fanout_clock {
    int64_t now_ms;
    uint32_t soon_count;
    const char *soon; /* packed struct exec_soon */
};

struct bytes fanout_clock_split(struct bytes reply, struct fanout_clock *clock_out);

/* True if the nth key of the part, found alive, has expired by `now_ms`. */
bool fanout_clock_is_gone(const struct fanout_clock *clock, uint32_t nth, int64_t now_ms);

/* How many keys of the part have expired by `now_ms`. */
uint32_t fanout_clock_gone_count(const struct fanout_clock *clock, int64_t now_ms);
