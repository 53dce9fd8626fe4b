/* digest.c: SHA-1 sums combined so that the result depends on the data alone.
 *
 * The elements of a set or hash, and the keys of a database, are each hashed by themselves and combined by exclusive or,
 * so no order must be agreed upon; everything with an order of its own is chained. */
#include "core/value/digest.h"

#include "core/value/str.h"

void digest_xor(struct digest *digest, struct bytes data) {
    uint8_t one[SHA1_DIGEST_BYTES];
    sha1_digest(data, one);
    for (int i = 0; i < SHA1_DIGEST_BYTES; i++)
        digest->of[i] ^= one[i];
}

void digest_mix(struct digest *digest, struct bytes data) {
    digest_xor(digest, data);
    sha1_digest(bytes_of(digest->of, sizeof digest->of), digest->of);
}

void digest_put_value(struct digest *digest, const struct entry *e) {
    /* Redis's type numbers: string, list, set, sorted set, hash, and 6 for stream. */
    static const uint8_t numbers[VALUE_TYPE_COUNT] = {
        [VALUE_STRING] = 0, [VALUE_LIST] = 1, [VALUE_SET] = 2,
        [VALUE_ZSET] = 3,   [VALUE_HASH] = 4, [VALUE_STREAM] = 6};
    uint8_t type[4] = {0, 0, 0, numbers[entry_type(e)]};
    digest_mix(digest, bytes_of(type, sizeof type));
    char scratch[NUM_INT_TEXT_MAX];
    if (entry_type(e) == VALUE_STRING)
        digest_mix(digest, str_view(e, scratch));
    else
        value_ops(entry_type(e))->digest(entry_object(e), entry_object_encoding(e), digest);
    if (entry_has_expire(e))
        digest_xor(digest, BYTES_LIT("!!expire!!"));
}

void digest_hex(const struct digest *digest, char hex[SHA1_HEX_BYTES]) {
    for (int i = 0; i < SHA1_HEX_BYTES; i++)
        hex[i] = "0123456789abcdef"[digest->of[i / 2] >> (i % 2 ? 0 : 4) & 15];
}
