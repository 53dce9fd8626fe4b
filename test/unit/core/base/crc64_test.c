/* CRC-64 against the published check value and a bit-by-bit twin. */
#include "core/base/crc64.h"

#include "core/base/bytes.h"
#include "core/base/rng.h"

#include <criterion/criterion.h>

static uint64_t naive_crc64(uint64_t crc, const unsigned char *data, size_t len) {
    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0x95ac9329ac4bc9b5 : crc >> 1;
    }
    return crc;
}

Test(crc64, the_check_value_is_the_published_one) {
    cr_assert_eq(crc64_feed(0, "123456789", 9), 0xe9c6d914c4b8d9ca);
    cr_assert_eq(crc64_feed(0, NULL, 0), 0);
}

Test(crc64, every_length_and_alignment_agrees_with_the_definition) {
    struct rng rng;
    rng_init(&rng, 5);
    unsigned char data[300];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)rng_next(&rng);
    for (size_t begin = 0; begin < 16; begin++)
        for (size_t len = 0; begin + len <= sizeof data; len++) {
            uint64_t start = rng_next(&rng);
            cr_assert_eq(crc64_feed(start, data + begin, len), naive_crc64(start, data + begin, len),
                         "%zu bytes at %zu", len, begin);
        }
}

Test(crc64, sums_of_blocks_combine_to_the_sum_of_the_whole) {
    struct rng rng;
    rng_init(&rng, 6);
    unsigned char data[5000];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)rng_next(&rng);
    uint64_t whole = crc64_feed(0, data, sizeof data);
    for (int round = 0; round < 2000; round++) {
        size_t cut = (size_t)rng_below(&rng, sizeof data + 1);
        uint64_t a = crc64_feed(0, data, cut);
        uint64_t b = crc64_feed(0, data + cut, sizeof data - cut);
        cr_assert_eq(crc64_combine(a, b, sizeof data - cut), whole, "cut at %zu", cut);
    }
}

Test(crc64, combining_skips_long_runs_of_zeros) {
    static const unsigned char zeros[1 << 16];
    uint64_t a = crc64_feed(0, "abc", 3);
    uint64_t fed = a;
    for (int i = 0; i < 64; i++)
        fed = crc64_feed(fed, zeros, sizeof zeros);
    cr_assert_eq(crc64_combine(a, 0, 64 * sizeof zeros), fed);
}
