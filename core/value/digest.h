/* digest.h: the digest of a key's value, as DEBUG DIGEST and DIGEST-VALUE give it: the same as Redis's for the same data,
 * whatever the encodings, the order of unordered elements, and the number of shards.
 *
 * Two ways of adding data: digest_mix where the order of the parts matters, digest_xor where it does not. */
#pragma once

#include "core/base/sha1.h"
#include "core/value/entry.h"

struct digest {
    uint8_t of[SHA1_DIGEST_BYTES]; /* all zero to begin with */
};

/* digest ^= SHA1(data) */
void digest_xor(struct digest *digest, struct bytes data);

/* digest = SHA1(digest ^ SHA1(data)) */
void digest_mix(struct digest *digest, struct bytes data);

/* Adds the type, the value, and whether it expires. */
void digest_put_value(struct digest *digest, const struct entry *e);

/* 40 lower-case hexadecimal digits, without a NUL. */
void digest_hex(const struct digest *digest, char hex[SHA1_HEX_BYTES]);
