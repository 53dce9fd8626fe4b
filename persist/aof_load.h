/* aof_load.h: replaying a segment's effects into an engine.
 *
 * Effects run through the same handlers as clients' commands, with engine->is_replaying set: expired keys are kept (the
 * expiry that follows deletes them), and no effects are made. Owner: one thread, the engine's. */
#pragma once

#include "core/exec/exec.h"
#include "persist/segment_reader.h"

struct aof_load_stats {
    uint64_t frames;
    uint64_t effects;
    uint64_t bytes;
};

/* Replays the frames from the reader's beginning up to offset `end`, which must be the end of a frame. `on_progress` (may
 * be NULL) is called every few megabytes with the offset reached. Faults: ERR_CORRUPT, `why` says which effect could not be
 * repeated; the engine is then half full and of no use. */
enum err aof_load(struct segment_reader *r, uint64_t end, struct engine *engine,
                  void (*on_progress)(void *ctx, uint64_t offset), void *ctx,
                  struct aof_load_stats *stats_out, char *why, size_t why_size) ATTR_MUST_USE;
