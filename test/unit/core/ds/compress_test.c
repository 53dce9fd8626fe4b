/* Compression: there and back, bytes that stock Redis wrote, and damage. */
#include "core/ds/compress.h"

#include "core/base/mem.h"
#include "core/base/rng.h"

#include <criterion/criterion.h>

Test(compress, what_was_packed_unpacks) {
    const uint64_t seed = 5;
    struct rng rng;
    rng_init(&rng, seed);
    size_t packed_count = 0;
    for (int round = 0; round < 2000; round++) {
        size_t len = 1 + (size_t)rng_below(&rng, round % 10 ? 300 : 100000);
        uint64_t letters = 1 + rng_below(&rng, round % 2 ? 3 : 256);
        char *data = mem_alloc(len), *packed = mem_alloc(len), *back = mem_alloc(len);
        for (size_t i = 0; i < len; i++)
            data[i] = (char)('a' + rng_below(&rng, letters));
        size_t n = compress_pack(bytes_of(data, len), packed, len);
        cr_assert_leq(n, len);
        if (n > 0) {
            packed_count++;
            cr_assert(compress_unpack(bytes_of(packed, n), back, len), "seed %llu", (unsigned long long)seed);
            cr_assert_arr_eq(back, data, len);
            if (len > 1)
                cr_assert_not(compress_unpack(bytes_of(packed, n), back, len - 1),
                              "the length must be exact");
        }
        mem_free(data);
        mem_free(packed);
        mem_free(back);
    }
    cr_assert_gt(packed_count, 500, "%zu", packed_count);
}

Test(compress, bytes_that_redis_packed_unpack) {
    /* DUMP of a string of 100 times 'a' in Redis 7.0, behind type, encoding and the two lengths. */
    static const unsigned char packed[] = {0x01, 0x61, 0x61, 0xe0, 0x57, 0x00, 0x01, 0x61, 0x61};
    char back[100], want[100];
    memset(want, 'a', sizeof want);
    cr_assert(compress_unpack(bytes_of(packed, sizeof packed), back, sizeof back));
    cr_assert_arr_eq(back, want, sizeof want);
}

Test(compress, what_does_not_get_smaller_is_not_packed) {
    char to[64];
    cr_assert_eq(compress_pack(BYTES_LIT("abcdefghijklmnopqrstuvwxyz"), to, 26), 0);
    cr_assert_eq(compress_pack(BYTES_LIT(""), to, sizeof to), 0);
    cr_assert_eq(compress_pack(BYTES_LIT("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), to, 2), 0);
}

Test(compress, damage_is_refused_or_harmless) {
    struct rng rng;
    rng_init(&rng, 77);
    char data[500], packed[500];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (char)('a' + (i * i >> 5) % 7);
    size_t n = compress_pack(bytes_of(data, sizeof data), packed, sizeof packed);
    cr_assert_gt(n, 0);
    size_t refused = 0;
    for (int round = 0; round < 50000; round++) {
        size_t len = 1 + (size_t)rng_below(&rng, n);
        char *copy = mem_alloc(len), *back = mem_alloc(sizeof data);
        memcpy(copy, packed, len);
        copy[rng_below(&rng, len)] = (char)rng_next(&rng);
        refused += !compress_unpack(bytes_of(copy, len), back, sizeof data);
        mem_free(copy);
        mem_free(back);
    }
    cr_assert_gt(refused, 40000, "%zu", refused); /* most copies are cut short; a changed letter passes */
    char out[8];
    cr_assert_not(compress_unpack(BYTES_NONE, out, 8));
    cr_assert_not(compress_unpack(bytes_of(packed, n), out, 0));
}
