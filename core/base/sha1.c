/* sha1.c: SHA-1 as FIPS 180-4 describes it.
 *
 * The message schedule is kept in a ring of 16 words instead of 80. The four kinds of rounds are four loops, so
 * that no round asks which kind it is. */
#include "core/base/sha1.h"

static uint32_t rotate(uint32_t x, unsigned bits) {
    return x << bits | x >> (32 - bits);
}

static uint32_t load_be32(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void store_be32(uint8_t *at, uint32_t x) {
    at[0] = (uint8_t)(x >> 24);
    at[1] = (uint8_t)(x >> 16);
    at[2] = (uint8_t)(x >> 8);
    at[3] = (uint8_t)x;
}

/* Schedule word `t`, in place of word t - 16. */
static uint32_t schedule(uint32_t w[16], unsigned t) {
    if (t >= 16)
        w[t & 15] = rotate(w[(t - 3) & 15] ^ w[(t - 8) & 15] ^ w[(t - 14) & 15] ^ w[t & 15], 1);
    return w[t & 15];
}

/* One round: v[0..4] are the working variables a..e, `mix` is the round's function of b, c, d plus its
 * constant. */
static void turn(uint32_t v[5], uint32_t mix, uint32_t word) {
    uint32_t next = rotate(v[0], 5) + mix + v[4] + word;
    v[4] = v[3];
    v[3] = v[2];
    v[2] = rotate(v[1], 30);
    v[1] = v[0];
    v[0] = next;
}

static void digest_block(uint32_t state[5], const uint8_t block[64]) {
    uint32_t w[16];
    uint32_t v[5];
    for (unsigned i = 0; i < 16; i++)
        w[i] = load_be32(block + 4 * i);
    memcpy(v, state, sizeof v);

    unsigned t = 0;
    for (; t < 20; t++)
        turn(v, (v[3] ^ (v[1] & (v[2] ^ v[3]))) + 0x5a827999, schedule(w, t));
    for (; t < 40; t++)
        turn(v, (v[1] ^ v[2] ^ v[3]) + 0x6ed9eba1, schedule(w, t));
    for (; t < 60; t++)
        turn(v, ((v[1] & v[2]) | (v[3] & (v[1] | v[2]))) + 0x8f1bbcdc, schedule(w, t));
    for (; t < 80; t++)
        turn(v, (v[1] ^ v[2] ^ v[3]) + 0xca62c1d6, schedule(w, t));
    for (unsigned i = 0; i < 5; i++)
        state[i] += v[i];
}

void sha1_init(struct sha1 *s) {
    *s = (struct sha1){.state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}};
}

void sha1_feed(struct sha1 *s, const void *data, size_t len) {
    if (len == 0)
        return;
    const uint8_t *at = data;
    size_t held = s->total_bytes % 64;
    s->total_bytes += len;
    if (held) {
        size_t take = len < 64 - held ? len : 64 - held;
        memcpy(s->block + held, at, take);
        at += take;
        len -= take;
        if (held + take < 64)
            return;
        digest_block(s->state, s->block);
    }
    for (; len >= 64; at += 64, len -= 64)
        digest_block(s->state, at);
    memcpy(s->block, at, len);
}

void sha1_end(struct sha1 *s, uint8_t digest[SHA1_DIGEST_BYTES]) {
    uint64_t bits = s->total_bytes * 8;
    static const uint8_t padding[64] = {0x80};
    size_t held = s->total_bytes % 64;
    sha1_feed(s, padding, held < 56 ? 56 - held : 120 - held);
    uint8_t length[8];
    store_be32(length, (uint32_t)(bits >> 32));
    store_be32(length + 4, (uint32_t)bits);
    sha1_feed(s, length, sizeof length);
    for (size_t i = 0; i < 5; i++)
        store_be32(digest + 4 * i, s->state[i]);
}

void sha1_digest(struct bytes data, uint8_t digest[SHA1_DIGEST_BYTES]) {
    struct sha1 s;
    sha1_init(&s);
    sha1_feed(&s, data.ptr, data.len);
    sha1_end(&s, digest);
}

void sha1_hex(struct bytes data, char hex[SHA1_HEX_BYTES]) {
    uint8_t digest[SHA1_DIGEST_BYTES];
    sha1_digest(data, digest);
    for (size_t i = 0; i < SHA1_DIGEST_BYTES; i++) {
        hex[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
}
