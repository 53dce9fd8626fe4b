/* keyhash.h: the two numbers made of a key: its cluster slot, and its 64-bit hash.
 *
 * Slot: CRC16 (XMODEM: polynomial 0x1021, start 0) of the key, or of its hash tag, modulo 16384, as Redis Cluster
 * defines it. The hash tag is what stands between the first '{' and the next '}' if that is not empty.
 * Hash: XXH3 with a secret seed chosen once per process, so that strangers cannot aim collisions. Every shard of a
 * server uses the same seed: an entry's hash travels with it between shards. */
#pragma once

#include "core/base/bytes.h"

enum { KEYHASH_SLOT_COUNT = 16384 };

/* The slot of a key, 0 .. 16383. */
uint16_t keyhash_slot(struct bytes key) ATTR_PURE;

/* CRC16 of plain bytes. */
uint16_t keyhash_crc16(const char *ptr, size_t len) ATTR_PURE;

/* The hash of a key under `seed`. */
uint64_t keyhash_hash(struct bytes key, uint64_t seed) ATTR_PURE;
