/* compress.h: LZF, the compression of strings in RDB files and of the inner nodes of lists. Fast, weak, and without a
 * header: whoever stores compressed bytes stores the original length with them.
 * Thread: any; pure functions. */
#pragma once

#include "core/base/bytes.h"

enum {
    COMPRESS_MIN = 21, /* shorter data are not worth trying: RDB's own rule */
};

/* Compresses `data` into at most `capacity` bytes at `to`; returns how many, or 0 when they would not suffice. */
size_t compress_pack(struct bytes data, void *to, size_t capacity);

/* Undoes it. True if `packed` is sound and gives exactly `len` bytes, now at `to`; else what is there is undefined. */
bool compress_unpack(struct bytes packed, void *to, size_t len) ATTR_MUST_USE;
