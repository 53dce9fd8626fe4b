/* keyhash.c: CRC16 by slicing four bytes at a time, and XXH3.
 *
 * Bytewise CRC is a chain of dependent table loads, some five cycles each. Slicing folds the 16-bit state into the
 * next two of four bytes and combines four independent loads, which is about three times as fast for a short key.
 * Cost: 2 KiB of tables. A server with one shard never computes a slot. */
#include "core/base/keyhash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

static const uint16_t crc_tables[4][256] = {
#include "core/base/keyhash_crc.def"
};

uint16_t keyhash_crc16(const char *ptr, size_t len) {
    const unsigned char *p = (const unsigned char *)ptr;
    uint16_t crc = 0;
    for (; len >= 4; len -= 4, p += 4)
        crc = (uint16_t)(crc_tables[3][p[0] ^ (crc >> 8)] ^ crc_tables[2][p[1] ^ (crc & 0xff)] ^
                         crc_tables[1][p[2]] ^ crc_tables[0][p[3]]);
    for (; len > 0; len--, p++)
        crc = (uint16_t)((uint16_t)(crc << 8) ^ crc_tables[0][(crc >> 8) ^ *p]);
    return crc;
}

/* The part of the key that decides its slot: the hash tag if there is a non-empty one. */
static struct bytes keyhash_tag(struct bytes key) {
    const char *open = key.len ? memchr(key.ptr, '{', key.len) : NULL;
    if (LIKELY(!open))
        return key;
    const char *inside = open + 1;
    const char *close = memchr(inside, '}', (size_t)(key.ptr + key.len - inside));
    if (!close || close == inside)
        return key;
    return bytes_of(inside, (size_t)(close - inside));
}

uint16_t keyhash_slot(struct bytes key) {
    struct bytes tag = keyhash_tag(key);
    return keyhash_crc16(tag.ptr, tag.len) & (KEYHASH_SLOT_COUNT - 1);
}

uint64_t keyhash_hash(struct bytes key, uint64_t seed) {
    return XXH3_64bits_withSeed(key.ptr, key.len, seed);
}
