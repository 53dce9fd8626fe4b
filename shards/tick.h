/* tick.h: what a shard does ten times a second (hz), and its background work. */
#pragma once

struct shard;

/* Runs the periodic work that is due and sets the time of the next tick. */
void tick(struct shard *shard);
