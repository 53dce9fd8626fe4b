/* crc64.h: the CRC-64 that ends RDB files and DUMP payloads: "Jones" polynomial 0xad93d23594c935a9, reflected
 * in and out, start value 0, no final xor. crc64_feed(0, "123456789") is 0xe9c6d914c4b8d9ca. */
#pragma once

#include "core/base/attr.h"

#include <stdint.h>

/* The checksum of what `crc` covers, followed by `data`. Begin with 0. */
uint64_t crc64_feed(uint64_t crc, const void *data, size_t len) ATTR_PURE;

/* The checksum of A followed by B, from crc64_feed(0, A), crc64_feed(0, B) and B's length: so that blocks can
 * be summed apart, by different threads or before their place is known. O(log b_bytes). */
uint64_t crc64_combine(uint64_t crc_a, uint64_t crc_b, uint64_t b_bytes) ATTR_PURE;
