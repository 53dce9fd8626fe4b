/* recovery_files.h: beginning a log: a directory without a manifest, and a new generation of segments.
 *
 * Texts `why` name the file. Owner: one thread of recovery. */
#pragma once

#include "persist/manifest.h"

/* Makes the directory if it is missing, and takes the lock on it, which nobody else must have: two servers that append to
 * the same files destroy them. *lock_out is the descriptor that holds the lock until it is closed, or -1 on a simulated
 * disk. */
enum err recovery_files_lock(const struct manifest_place *place, int *lock_out, char *why,
                             size_t why_size) ATTR_MUST_USE;

/* There is no manifest: begins a log for `shard_count` shards, if nothing is there that may hold data. ERR_EXISTS when
 * there is: `why` says what, and what to do. */
enum err recovery_files_begin(const struct manifest_place *place, struct manifest *manifest,
                              unsigned shard_count, char *why, size_t why_size) ATTR_MUST_USE;

/* Adds a generation for `shard_count` shards to the manifest: writes its segments, which hold a header only, and then
 * the manifest. */
enum err recovery_files_add(const struct manifest_place *place, struct manifest *manifest,
                            unsigned shard_count, char *why, size_t why_size) ATTR_MUST_USE;
