/* crc64.c: CRC-64 with the Jones polynomial.
 *
 * The register holds a polynomial over GF(2) with the coefficient of x^0 in the highest bit ("reflected").
 * Feeding a byte adds it to the lowest eight bits and multiplies by x^8 modulo P.
 *
 * crc64_feed takes eight bytes at a time ("slicing by 8"): all eight are added to the register, whose bytes
 * then still have to be multiplied by different powers, x^64 down to x^8; table k holds every byte times x^(8k
 * + 8). Multiplying is linear, so an entry is the sum of the products of its bits, and the compiler makes the
 * 2048 entries from 64 constants: bit j of a byte stands for x^(63 - j), so the constants of table k are x^(63
 * - j) * x^(8k + 8), j = 0 .. 7.
 *
 * crc64_combine: the checksum of A followed by n bytes is crc(A) * x^(8n), plus the checksum of those bytes,
 * since the start value is 0. The power is made by repeated squaring.
 *
 * About 2 bytes per nanosecond. A carry-less multiplication instruction would do ten times as much, but needs
 * code per processor; the disk is slower than this. */
#include "core/base/crc64.h"

#include <stddef.h>
#include <string.h>

#define POLYNOMIAL 0x95ac9329ac4bc9b5 /* P without x^64, reflected */

#define BIT(x, j, c) (((x) >> (j)&1) ? (uint64_t)(c) : 0)
#define ENTRY(x, c0, c1, c2, c3, c4, c5, c6, c7)                                                             \
    (BIT(x, 0, c0) ^ BIT(x, 1, c1) ^ BIT(x, 2, c2) ^ BIT(x, 3, c3) ^ BIT(x, 4, c4) ^ BIT(x, 5, c5) ^         \
     BIT(x, 6, c6) ^ BIT(x, 7, c7))
#define ENTRIES_4(x, ...)                                                                                    \
    ENTRY(x, __VA_ARGS__), ENTRY((x) + 1, __VA_ARGS__), ENTRY((x) + 2, __VA_ARGS__),                         \
        ENTRY((x) + 3, __VA_ARGS__)
#define ENTRIES_16(x, ...)                                                                                   \
    ENTRIES_4(x, __VA_ARGS__), ENTRIES_4((x) + 4, __VA_ARGS__), ENTRIES_4((x) + 8, __VA_ARGS__),             \
        ENTRIES_4((x) + 12, __VA_ARGS__)
#define ENTRIES_64(x, ...)                                                                                   \
    ENTRIES_16(x, __VA_ARGS__), ENTRIES_16((x) + 16, __VA_ARGS__), ENTRIES_16((x) + 32, __VA_ARGS__),        \
        ENTRIES_16((x) + 48, __VA_ARGS__)
#define TABLE(...)                                                                                           \
    {                                                                                                        \
        ENTRIES_64(0, __VA_ARGS__), ENTRIES_64(64, __VA_ARGS__), ENTRIES_64(128, __VA_ARGS__),               \
            ENTRIES_64(192, __VA_ARGS__)                                                                     \
    }

static const uint64_t tables[8][256] = {
    TABLE(0x7ad870c830358979, 0xf5b0e190606b12f2, 0xc038e5739841b68f, 0xab28ecb46814fe75, 0x7d08ff3b88be6f81,
          0xfa11fe77117cdf02, 0xdf7adabd7a6e2d6f, 0x95ac9329ac4bc9b5),
    TABLE(0x89e99ffd73bddf69, 0x388a19a9bfec2db9, 0x711433537fd85b72, 0xe22866a6ffb0b6e4, 0xef09eb1ea7f6fea3,
          0xf54af06e177a6e2d, 0xc1ccc68f76634f31, 0xa8c0ab4db4510d09),
    TABLE(0xf4125129ce4038be, 0xc37d8400c417e217, 0xada22e52d0b85745, 0x701d7af6f9e73de1, 0xe03af5edf3ce7bc2,
          0xeb2ccd88bf0b64ef, 0xfd00bd4226815ab5, 0xd1585cd715952601),
    TABLE(0x8ce168638c796306, 0x329bf69440655567, 0x6537ed2880caaace, 0xca6fda510195559c, 0xbf8692f15bbd3853,
          0x545403b1efede3cd, 0xa8a80763dfdbc79a, 0x7a092894e7201c5f),
    TABLE(0x3504e58b9ba6dd1e, 0x6a09cb17374dba3c, 0xd413962e6e9b7478, 0x837e0a0f85a17b9b, 0x2da5324c53d5645d,
          0x5b4a6498a7aac8ba, 0xb694c9314f559174, 0x4670b431c63cb183),
    TABLE(0xe39d1389931b9354, 0xec6301407ea0b5c3, 0xf39f24d3a5d6f8ed, 0xcc676ff4133a62b1, 0xb397f9bb7ee35609,
          0x4c76d525a5513f79, 0x98edaa4b4aa27ef2, 0x1a8272c5cdd36e8f),
    TABLE(0x62a95de6e302eff2, 0xc552bbcdc605dfe4, 0xa1fc51c8d49c2ca3, 0x68a185c2f1afca2d, 0xd1430b85e35f945a,
          0x89df31589e28bbdf, 0x38e744e264c6e4d5, 0x71ce89c4c98dc9aa),
    TABLE(0x381d0015c96f4444, 0x703a002b92de8888, 0xe074005725bd1110, 0xebb126fd13edb14b, 0xfc3b6ba97f4cf1fd,
          0xd32ff101a60e7091, 0x8d06c450148b7249, 0x3154aef3718177f9),
};

uint64_t crc64_feed(uint64_t crc, const void *data, size_t len) {
    const unsigned char *at = data;
    for (; len >= 8; at += 8, len -= 8) {
        uint64_t word; /* the file format is little-endian, and so are the processors this is built for */
        memcpy(&word, at, sizeof word);
        word ^= crc;
        crc = tables[7][word & 255] ^ tables[6][word >> 8 & 255] ^ tables[5][word >> 16 & 255] ^
              tables[4][word >> 24 & 255] ^ tables[3][word >> 32 & 255] ^ tables[2][word >> 40 & 255] ^
              tables[1][word >> 48 & 255] ^ tables[0][word >> 56];
    }
    for (; len; at++, len--)
        crc = crc >> 8 ^ tables[0][(crc ^ *at) & 255];
    return crc;
}

/* a * b modulo P. */
static uint64_t multiply(uint64_t a, uint64_t b) {
    uint64_t product = 0;
    for (; a; a <<= 1) {
        if (a >> 63)
            product ^= b;
        b = b & 1 ? b >> 1 ^ POLYNOMIAL : b >> 1;
    }
    return product;
}

uint64_t crc64_combine(uint64_t crc_a, uint64_t crc_b, uint64_t b_bytes) {
    uint64_t square = (uint64_t)1 << 55; /* x^8 */
    for (; b_bytes; b_bytes >>= 1) {
        if (b_bytes & 1)
            crc_a = multiply(crc_a, square);
        square = multiply(square, square);
    }
    return crc_a ^ crc_b;
}
