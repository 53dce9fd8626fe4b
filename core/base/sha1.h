/* sha1.h: the SHA-1 digest (FIPS 180-4), for script names, DEBUG DIGEST and password-free fingerprints. Not for
 * security: collisions can be made. */
#pragma once

#include "core/base/bytes.h"

enum { SHA1_DIGEST_BYTES = 20, SHA1_HEX_BYTES = 40 };

struct sha1 {
    uint64_t total_bytes; /* fed so far */
    uint32_t state[5];
    uint8_t block[64]; /* the first total_bytes % 64 bytes wait for a full block */
};

void sha1_init(struct sha1 *s);
void sha1_feed(struct sha1 *s, const void *data, size_t len);

/* Writes the digest of everything fed. The state must be initialised again before it is used again. */
void sha1_end(struct sha1 *s, uint8_t digest[SHA1_DIGEST_BYTES]);

/* All in one. */
void sha1_digest(struct bytes data, uint8_t digest[SHA1_DIGEST_BYTES]);

/* The same as 40 lower-case hexadecimal digits, without a NUL. */
void sha1_hex(struct bytes data, char hex[SHA1_HEX_BYTES]);
