/* Ziplists and zipmaps: made here element by element, then read; and every way of damaging one byte. */
#include "core/rdb/rdb_old_blocks.h"

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/ds/listpack.h"

#include <criterion/criterion.h>
#include <stdio.h>

static void put_le(struct buf *b, uint64_t value, unsigned width) {
    for (unsigned i = 0; i < width; i++)
        buf_put_char(b, (char)(value >> (8 * i)));
}

static void put_ziplist_element(struct buf *b, struct bytes text) {
    int64_t v;
    if (num_parse_int(text, &v)) {
        if (v >= 0 && v <= 12) {
            buf_put_char(b, (char)(0xf1 + v));
        } else {
            unsigned width = v == (int8_t)v                 ? 1
                             : v == (int16_t)v              ? 2
                             : v >= -8388608 && v < 8388608 ? 3
                             : v == (int32_t)v              ? 4
                                                            : 8;
            static const unsigned char codes[9] = {
                [1] = 0xfe, [2] = 0xc0, [3] = 0xf0, [4] = 0xd0, [8] = 0xe0};
            buf_put_char(b, (char)codes[width]);
            put_le(b, (uint64_t)v, width);
        }
        return;
    }
    if (text.len < 64) {
        buf_put_char(b, (char)text.len);
    } else if (text.len < 16384) {
        buf_put_char(b, (char)(0x40 | text.len >> 8));
        buf_put_char(b, (char)(text.len & 0xff));
    } else {
        buf_put_char(b, (char)0x80);
        for (int i = 3; i >= 0; i--)
            buf_put_char(b, (char)(text.len >> (8 * i)));
    }
    buf_put_bytes(b, text);
}

static void make_ziplist(struct buf *b, const struct bytes *texts, size_t count) {
    size_t before = 0;
    size_t last = 10;
    buf_clear(b, SIZE_MAX);
    put_le(b, 0, 8); /* total and tail are known at the end, the count too */
    put_le(b, 0, 2);
    for (size_t i = 0; i < count; i++) {
        last = b->len;
        if (before < 254) {
            put_le(b, before, 1);
        } else {
            put_le(b, 254, 1);
            put_le(b, before, 4);
        }
        put_ziplist_element(b, texts[i]);
        before = b->len - last;
    }
    buf_put_char(b, (char)0xff);
    uint32_t head[2] = {(uint32_t)b->len, (uint32_t)last};
    memcpy(b->ptr, head, sizeof head);
    uint16_t shown = (uint16_t)(count > 65534 ? 65535 : count);
    memcpy(b->ptr + 8, &shown, sizeof shown);
}

static void make_zipmap(struct buf *b, const struct bytes *texts, size_t pairs) {
    buf_clear(b, SIZE_MAX);
    put_le(b, pairs > 253 ? 254 : pairs, 1);
    for (size_t i = 0; i < pairs * 2; i++) {
        if (texts[i].len < 254) {
            put_le(b, texts[i].len, 1);
        } else {
            put_le(b, 254, 1);
            put_le(b, texts[i].len, 4);
        }
        if (i % 2 == 1)
            put_le(b, i % 3, 1);
        buf_put_bytes(b, texts[i]);
        if (i % 2 == 1)
            buf_put(b, "xx", i % 3);
    }
    buf_put_char(b, (char)0xff);
}

static void expect_elements(unsigned char *lp, const struct bytes *texts, size_t count) {
    char scratch[NUM_INT_TEXT_MAX];
    cr_assert_not_null(lp);
    listpack_check(lp);
    cr_assert_eq(listpack_count(lp), count);
    const unsigned char *at = listpack_first(lp);
    for (size_t i = 0; i < count; i++, at = listpack_next(lp, at))
        cr_assert(bytes_equal(listpack_get(at, scratch), texts[i]), "element %zu", i);
    listpack_free(lp);
}

enum { TEXTS = 40, TEXT_MAX = 20000 };

static size_t random_texts(struct rng *rng, struct bytes *texts, char *room) {
    size_t count = rng_below(rng, TEXTS / 2) * 2;
    for (size_t i = 0; i < count; i++) {
        static const size_t most[] = {5, 70, 300, TEXT_MAX};
        size_t len = rng_below(rng, most[rng_below(rng, rng_below(rng, 20) == 0 ? 4 : 3)]);
        char *at = room + i * TEXT_MAX;
        if (rng_below(rng, 2)) {
            len = num_from_int(at,
                               (int64_t)(rng_next(rng) >> rng_below(rng, 64)) * (rng_below(rng, 2) ? 1 : -1));
        } else {
            for (size_t j = 0; j < len; j++)
                at[j] = (char)rng_below(rng, 256);
        }
        texts[i] = bytes_of(at, len);
    }
    return count;
}

Test(rdb_old_blocks, elements_of_all_encodings_are_read) {
    static char room[TEXTS * TEXT_MAX];
    struct bytes texts[TEXTS];
    struct rng rng;
    struct buf block;
    buf_init(&block);
    rng_init(&rng, 11);
    for (int round = 0; round < 400; round++) {
        size_t count = random_texts(&rng, texts, room);
        make_ziplist(&block, texts, count);
        expect_elements(rdb_old_blocks_ziplist(buf_bytes(&block)), texts, count);
        make_zipmap(&block, texts, count / 2);
        expect_elements(rdb_old_blocks_zipmap(buf_bytes(&block)), texts, count);
    }
    buf_deinit(&block);
}

Test(rdb_old_blocks, a_block_that_is_cut_or_changed_is_refused_or_sound) {
    const struct bytes texts[] = {BYTES_LIT("a"), BYTES_LIT("17"), BYTES_LIT("some longer text"),
                                  BYTES_LIT("70000")};
    struct buf block;
    buf_init(&block);
    for (int kind = 0; kind < 2; kind++) {
        unsigned char *(*read)(struct bytes) = kind ? rdb_old_blocks_zipmap : rdb_old_blocks_ziplist;
        if (kind)
            make_zipmap(&block, texts, 2);
        else
            make_ziplist(&block, texts, 4);
        for (size_t i = 0; i < block.len; i++)
            cr_expect_null(read(bytes_of(block.ptr, i)), "kind %d cut at %zu", kind, i);
        for (size_t i = 0; i < block.len; i++) {
            for (int byte = 0; byte < 256; byte++) {
                /* In a block of its own, so that a sanitizer sees a read beyond the end. */
                char *copy = mem_alloc(block.len);
                memcpy(copy, block.ptr, block.len);
                copy[i] = (char)byte;
                unsigned char *lp = read(bytes_of(copy, block.len));
                if (lp != NULL)
                    listpack_check(lp);
                listpack_free(lp);
                mem_free(copy);
            }
        }
    }
    buf_deinit(&block);
}
