/* Bit operations against a naive twin that looks at one bit at a time. */
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/ds/bitops.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <time.h>

static bool naive_bit(struct bytes s, uint64_t at) {
    return at / 8 < s.len && ((unsigned char)s.ptr[at / 8] >> (7 - at % 8) & 1);
}

static struct rng seeded(void) {
    struct rng rng;
    uint64_t seed = (uint64_t)time(NULL);
    printf("seed %llu\n", (unsigned long long)seed);
    rng_init(&rng, seed);
    return rng;
}

/* Random bytes with long runs of equal bits, where skipping matters. */
static struct bytes random_string(struct rng *rng, char *room, size_t max) {
    size_t len = (size_t)rng_below(rng, max + 1);
    int kind = (int)rng_below(rng, 3);
    for (size_t i = 0; i < len; i++)
        room[i] = (char)(kind == 0 || rng_below(rng, 30) == 0 ? (int)rng_below(rng, 256)
                         : kind == 1                          ? 0
                                                              : 255);
    return bytes_of(room, len);
}

Test(bitops, counts_and_finds_as_the_naive_twin) {
    struct rng rng = seeded();
    char room[80];
    for (int round = 0; round < 20000; round++) {
        struct bytes s = random_string(&rng, room, sizeof(room));
        if (s.len == 0)
            continue;
        uint64_t first = rng_below(&rng, s.len * 8);
        uint64_t last = rng_below(&rng, s.len * 8);
        uint64_t count = 0;
        int64_t found[2] = {-1, -1};
        for (uint64_t at = first; at <= last; at++) {
            bool bit = naive_bit(s, at);
            count += bit;
            if (found[bit] < 0)
                found[bit] = (int64_t)at;
        }
        cr_assert_eq(bitops_count(s, first, last), count);
        cr_assert_eq(bitops_find(s, false, first, last), found[0]);
        cr_assert_eq(bitops_find(s, true, first, last), found[1]);
    }
}

Test(bitops, packs_integers_as_the_naive_twin) {
    struct rng rng = seeded();
    char room[24];
    for (int round = 0; round < 20000; round++) {
        for (size_t i = 0; i < sizeof(room); i++)
            room[i] = (char)rng_below(&rng, 256);
        char before[24];
        memcpy(before, room, sizeof(room));
        unsigned width = 1 + (unsigned)rng_below(&rng, 64);
        uint64_t at = rng_below(&rng, sizeof(room) * 8 - width + 1);
        uint64_t value = rng_next(&rng);
        uint64_t low = width == 64 ? value : value & ((UINT64_C(1) << width) - 1);
        bitops_set(room, at, width, value);
        cr_assert_eq(bitops_get(bytes_of(room, sizeof(room)), at, width), low);
        for (uint64_t i = 0; i < sizeof(room) * 8; i++) {
            bool inside = i >= at && i < at + width;
            bool want =
                inside ? low >> (at + width - 1 - i) & 1 : naive_bit(bytes_of(before, sizeof(before)), i);
            cr_assert_eq(naive_bit(bytes_of(room, sizeof(room)), i), want);
        }
    }
}

Test(bitops, bits_behind_the_end_are_zero) {
    struct bytes s = BYTES_LIT("\xff");
    cr_assert_eq(bitops_get(s, 4, 8), 0xf0);
    cr_assert_eq(bitops_get(s, 100, 64), 0);
    cr_assert_eq(bitops_get(BYTES_NONE, 0, 1), 0);
}

static bool naive_combine(enum bitops_op op, const struct bytes *sources, size_t count, uint64_t at) {
    bool first = naive_bit(sources[0], at);
    size_t set = 0;
    for (size_t i = 0; i < count; i++)
        set += naive_bit(sources[i], at);
    size_t others = set - first;
    switch (op) {
    case BITOPS_AND: return set == count;
    case BITOPS_OR: return set > 0;
    case BITOPS_XOR: return set % 2 == 1;
    case BITOPS_NOT: return !first;
    case BITOPS_DIFF: return first && others == 0;
    case BITOPS_DIFF1: return !first && others > 0;
    case BITOPS_ANDOR: return first && others > 0;
    case BITOPS_ONE: return set == 1;
    }
    return false;
}

Test(bitops, combines_strings_of_different_lengths) {
    enum { LONGEST = 5000, SOURCES = 4 };
    struct rng rng = seeded();
    char *rooms = mem_alloc(SOURCES * LONGEST);
    char *dst = mem_alloc(LONGEST);
    for (int round = 0; round < 160; round++) {
        enum bitops_op op = (enum bitops_op)(round % (BITOPS_ONE + 1));
        size_t count = op == BITOPS_NOT                          ? 1
                       : op >= BITOPS_DIFF && op <= BITOPS_ANDOR ? 2 + rng_below(&rng, 3)
                                                                 : 1 + rng_below(&rng, 4);
        struct bytes sources[SOURCES];
        size_t len = 0;
        for (size_t i = 0; i < count; i++) {
            sources[i] = random_string(&rng, rooms + i * LONGEST, LONGEST);
            len = sources[i].len > len ? sources[i].len : len;
        }
        bitops_combine(op, sources, count, dst, len);
        for (uint64_t at = 0; at < len * 8; at++)
            cr_assert_eq(naive_bit(bytes_of(dst, len), at), naive_combine(op, sources, count, at),
                         "op %d bit %llu", (int)op, (unsigned long long)at);
    }
    mem_free(rooms);
    mem_free(dst);
}
