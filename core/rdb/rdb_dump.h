/* rdb_dump.h: a value as one piece of text, as DUMP gives and RESTORE takes it:
 *
 *   offset        bytes  field
 *        0            1  type
 *        1            n  body
 *      n+1            2  RDB version, little endian
 *      n+3            8  CRC64 of everything before, little endian */
#pragma once

#include "core/rdb/rdb_value.h"

/* Appends the dump of the entry's value. The version is the lowest that has all it needs, 10 at least. */
void rdb_dump(const struct entry *e, enum rdb_reach reach, bool is_compressing, struct buf *out);

/* True when length, version and checksum are those of a dump that can be read. */
bool rdb_dump_is_whole(struct bytes dump);

/* Gives the entry made from a whole dump; NULL unless *result_out is RDB_LOADED. Bytes behind the body break it. */
struct entry *rdb_undump(struct bytes dump, const struct rdb_load *how, enum rdb_loaded *result_out);
