/* rdb_old_blocks.h: the packed blocks of older Redis versions, turned into listpacks, so that no loader must know them.
 *
 * A ziplist was the small encoding of lists, hashes and sorted sets up to Redis 6; a zipmap that of hashes up to 2.4. Both
 * come from strangers: they are walked to the last byte, and a block that is not sound gives nothing. */
#pragma once

#include "core/base/bytes.h"

/* Gives a listpack with the ziplist's elements; NULL when it is not sound or too long. */
unsigned char *rdb_old_blocks_ziplist(struct bytes block) ATTR_MUST_USE;

/* Gives a listpack of field, value, ...; NULL when the zipmap is not sound or too long. */
unsigned char *rdb_old_blocks_zipmap(struct bytes block) ATTR_MUST_USE;
