/* segment_test.c: the format of headers and frames, to the byte. */
#include "persist/segment.h"

#include <criterion/criterion.h>

static const uint64_t id = 0x7d6600111370d9bb;

static struct segment_frame parse_whole(struct bytes text, size_t *line_bytes) {
    struct segment_frame f;
    cr_assert_eq(segment_parse_frame(text, &f, line_bytes), SEGMENT_LINE);
    cr_assert_eq(text.len, *line_bytes + f.payload_bytes);
    return f;
}

static bool is_valid(uint64_t segment_id, struct bytes text) {
    struct segment_frame f;
    size_t line_bytes;
    if (segment_parse_frame(text, &f, &line_bytes) != SEGMENT_LINE ||
        text.len - line_bytes != f.payload_bytes)
        return false;
    return segment_verify(segment_id, bytes_of(text.ptr, line_bytes),
                          bytes_of(text.ptr + line_bytes, text.len - line_bytes));
}

/* The bytes of a log written by version 1 of the format. They must never change. */
Test(segment, golden_bytes) {
    struct buf b = {0};
    segment_put_header(&b, &(struct segment_header){.id = id, .generation = 1, .shard = 0, .shard_count = 2});
    segment_put_frame(&b, id, &(struct segment_frame){.kind = SEGMENT_MARK, .seq = 1, .epoch = 1},
                      BYTES_NONE);
    struct shard_set both = {{3}};
    struct bytes effects =
        BYTES_LIT("*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$1\r\n2\r\n"
                  "*3\r\n$3\r\nSET\r\n$1\r\nc\r\n$1\r\n3\r\n");
    segment_put_frame(&b, id,
                      &(struct segment_frame){
                          .kind = SEGMENT_PART, .seq = 2, .known = 1, .txn_id = 256, .participants = both},
                      effects);
    struct bytes wanted =
        BYTES_LIT("#BASALT-SEGMENT 1 7d6600111370d9bb 1 0 2 7d43227a290fe85b\r\n"
                  "#m 1 0 0 1 0 5efa64ee38074f84\r\n"
                  "#t 2 4d 1 100 3 4b29d0ec90654155\r\n"
                  "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$1\r\n2\r\n"
                  "*3\r\n$3\r\nSET\r\n$1\r\nc\r\n$1\r\n3\r\n");
    cr_assert(bytes_equal(buf_bytes(&b), wanted), "%.*s", (int)b.len, b.ptr);
    buf_deinit(&b);
}

Test(segment, every_kind_of_frame_reads_back) {
    struct shard_set few = {{5}}, many = {{0}};
    for (unsigned k = 0; k < SHARDS_MAX; k += 3)
        shard_set_add(&many, k);
    const struct segment_frame frames[] = {
        {.kind = SEGMENT_EFFECTS, .seq = 1},
        {.kind = SEGMENT_EFFECTS, .is_always = true, .seq = UINT64_MAX, .known = UINT64_MAX - 1},
        {.kind = SEGMENT_PART, .seq = 0x10, .known = 0xf, .txn_id = 0x1234, .participants = few},
        {.kind = SEGMENT_PART, .is_always = true, .seq = 7, .txn_id = UINT64_MAX, .participants = many},
        {.kind = SEGMENT_MARK, .seq = 9, .epoch = 77, .settled = 76},
        {.kind = SEGMENT_MARK, .is_always = true, .seq = 9, .epoch = UINT64_MAX, .settled = UINT64_MAX},
    };
    for (size_t i = 0; i < COUNT_OF(frames); i++) {
        struct buf b = {0};
        size_t line_bytes;
        struct bytes payload =
            frames[i].kind == SEGMENT_MARK ? BYTES_NONE : BYTES_LIT("*1\r\n$4\r\nPING\r\n");
        segment_put_frame(&b, id, &frames[i], payload);
        struct segment_frame f = parse_whole(buf_bytes(&b), &line_bytes);
        cr_assert(line_bytes <= SEGMENT_LINE_MAX);
        cr_assert(f.kind == frames[i].kind && f.is_always == frames[i].is_always && f.seq == frames[i].seq);
        cr_assert(f.known == frames[i].known && f.txn_id == frames[i].txn_id && f.epoch == frames[i].epoch);
        cr_assert(f.settled == frames[i].settled);
        cr_assert(memcmp(&f.participants, &frames[i].participants, sizeof f.participants) == 0);
        cr_assert(is_valid(id, buf_bytes(&b)));
        cr_assert_not(is_valid(id + 1, buf_bytes(&b)), "a frame of another file is valid here");
        buf_deinit(&b);
    }
}

Test(segment, a_frame_with_any_bit_flipped_is_not_valid) {
    struct buf b = {0};
    struct shard_set both = {{3}};
    segment_put_frame(&b, id,
                      &(struct segment_frame){
                          .kind = SEGMENT_PART, .seq = 2, .known = 1, .txn_id = 256, .participants = both},
                      BYTES_LIT("*1\r\n$4\r\nPING\r\n"));
    for (size_t bit = 0; bit < b.len * 8; bit++) {
        b.ptr[bit / 8] = (char)(b.ptr[bit / 8] ^ (1 << (bit % 8)));
        cr_assert_not(is_valid(id, buf_bytes(&b)), "bit %zu", bit);
        b.ptr[bit / 8] = (char)(b.ptr[bit / 8] ^ (1 << (bit % 8)));
    }
    cr_assert(is_valid(id, buf_bytes(&b)));
    buf_deinit(&b);
}

Test(segment, an_unfinished_line_asks_for_more_and_a_wrong_one_does_not) {
    struct buf b = {0};
    struct segment_frame f;
    size_t line_bytes;
    segment_put_frame(&b, id, &(struct segment_frame){.kind = SEGMENT_EFFECTS, .seq = 1}, BYTES_NONE);
    for (size_t len = 0; len < b.len; len++)
        cr_assert_eq(segment_parse_frame(bytes_of(b.ptr, len), &f, &line_bytes), SEGMENT_MORE, "%zu bytes",
                     len);
    buf_deinit(&b);
    static const char *const wrong[] = {
        "*1\r\n$4\r\nPING\r\n",
        "#\r\n",
        "#TS:1700000000\r\n",
        "#x 1 0 0 0123456789abcdef\r\n",
        "#e 1 0 0 1 0123456789abcdef\r\n",
        "#e 1 0 0123456789abcdef\r\n",
        "#e 11111111111111111 0 0 0123456789abcdef\r\n",
        "#m 1 5 0 1 0 0123456789abcdef\r\n",
        "#e 1 0 0 0123456789abcdef\n",
        "#e  1 0 0 0123456789abcdef\r\n",
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        cr_assert_eq(segment_parse_frame(bytes_cstr(wrong[i]), &f, &line_bytes), SEGMENT_BAD, "%s", wrong[i]);
    char endless[SEGMENT_LINE_MAX];
    memset(endless, '#', sizeof endless);
    cr_assert_eq(segment_parse_frame(bytes_of(endless, sizeof endless), &f, &line_bytes), SEGMENT_BAD);
}

Test(segment, a_header_with_any_bit_flipped_is_refused) {
    struct buf b = {0};
    struct segment_header h = {.id = id, .generation = 12, .shard = 3, .shard_count = 256}, got;
    size_t line_bytes;
    segment_put_header(&b, &h);
    cr_assert(b.len <= SEGMENT_HEADER_MAX);
    cr_assert(segment_parse_header(buf_bytes(&b), &got, &line_bytes));
    cr_assert(got.id == id && got.generation == 12 && got.shard == 3 && got.shard_count == 256 &&
              line_bytes == b.len);
    for (size_t bit = 0; bit < b.len * 8; bit++) {
        b.ptr[bit / 8] = (char)(b.ptr[bit / 8] ^ (1 << (bit % 8)));
        cr_assert_not(segment_parse_header(buf_bytes(&b), &got, &line_bytes), "bit %zu", bit);
        b.ptr[bit / 8] = (char)(b.ptr[bit / 8] ^ (1 << (bit % 8)));
    }
    for (size_t len = 0; len < b.len; len++)
        cr_assert_not(segment_parse_header(bytes_of(b.ptr, len), &got, &line_bytes));
    buf_deinit(&b);
}
