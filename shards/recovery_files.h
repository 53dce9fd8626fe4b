/* recovery_files.h: beginning a log: a directory without a manifest, and a new generation of segments.
 *
 * Texts `why` name the file. Owner: one thread of recovery. */
#pragma once

#include "persist/manifest.h"

/* There is no manifest: begins a log for `shard_count` shards, if nothing is there that may hold data. ERR_EXISTS when
 * there is: `why` says what, and what to do. */
enum err recovery_files_begin(const struct manifest_place *place, struct manifest *manifest, unsigned shard_count,
                              char *why, size_t why_size) ATTR_MUST_USE;

/* Adds a generation for `shard_count` shards to the manifest: writes its segments, which hold a header only, and then
 * the manifest. */
enum err recovery_files_add(const struct manifest_place *place, struct manifest *manifest, unsigned shard_count,
                            char *why, size_t why_size) ATTR_MUST_USE;
