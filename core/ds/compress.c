/* compress.c: liblzf behind compress.h; the sole file that knows which library compresses.
 *
 * The library counts in 32 bits and takes at most 2^32 - 1 bytes; longer data are not compressed, and what claims to
 * unpack to more is not sound. Its reader checks each copy against both ends, so that a stranger's bytes do no harm. */
#include "core/ds/compress.h"

#include <liblzf/lzf.h>

size_t compress_pack(struct bytes data, void *to, size_t capacity) {
    if (data.len == 0 || data.len > UINT32_MAX || capacity == 0)
        return 0;
    if (capacity > UINT32_MAX)
        capacity = UINT32_MAX;
    return lzf_compress(data.ptr, (unsigned)data.len, to, (unsigned)capacity);
}

bool compress_unpack(struct bytes packed, void *to, size_t len) {
    if (packed.len == 0 || packed.len > UINT32_MAX || len == 0 || len > UINT32_MAX)
        return false;
    return lzf_decompress(packed.ptr, (unsigned)packed.len, to, (unsigned)len) == len;
}
