/* segment_scan_test.c: torn tails are cut, damage to what was on the disk is refused. */
#include "persist/segment_scan.h"

#include "test/unit/persist/segment_rig.h"

enum { FRAMES = 8 };

/* A segment of effects and marks, and where its frames end. */
struct sample {
    struct buf text;
    size_t ends[FRAMES + 1]; /* [n]: behind frame n; [0]: behind the header */
};

/* Frame n knows frame n - `lag` on the disk. */
static struct sample sample_new(unsigned lag) {
    struct sample s = {0};
    rig_put_header(&s.text, 7, 0, 2);
    s.ends[0] = s.text.len;
    for (unsigned n = 1; n <= FRAMES; n++) {
        struct segment_frame f = {.kind = SEGMENT_EFFECTS, .seq = n, .known = n > lag ? n - lag : 0};
        if (n % 3 == 0) {
            f.kind = SEGMENT_MARK;
            f.epoch = n / 3;
            f.settled = f.epoch - 1;
        }
        segment_put_frame(&s.text, 7, &f, n % 3 ? BYTES_LIT("*1\r\n$4\r\nPING\r\n") : BYTES_NONE);
        s.ends[n] = s.text.len;
    }
    return s;
}

static enum err scan_text(const struct rig *rig, struct bytes text, struct segment_scan *scan) {
    struct segment_reader r;
    char why[512];
    rig_write(rig, "s", text);
    *scan = (struct segment_scan){0};
    enum err e = segment_reader_open(&r, rig->fs, "s");
    if (e != ERR_OK)
        return e;
    e = segment_scan(&r, scan, why, sizeof why);
    segment_reader_close(&r);
    return e;
}

Test(segment_scan, a_whole_segment_is_valid_to_its_end) {
    struct rig rig = rig_new();
    struct sample s = sample_new(1);
    struct segment_scan scan;
    cr_assert_eq(scan_text(&rig, buf_bytes(&s.text), &scan), ERR_OK);
    cr_assert(scan.end == s.text.len && scan.seq == FRAMES && scan.first == s.ends[0]);
    cr_assert_eq(scan.mark_count, 2);
    cr_assert(scan.marks[1].epoch == 2 && scan.marks[1].seq == 6 && scan.marks[1].end == s.ends[6]);
    cr_assert_eq(scan.settled, 1);
    cr_assert_eq(segment_scan_mark(&scan, 1), &scan.marks[0]);
    cr_assert_eq(segment_scan_mark(&scan, 0), NULL);
    cr_assert_eq(segment_scan_mark(&scan, 99), &scan.marks[1]);
    segment_scan_deinit(&scan);
    buf_deinit(&s.text);
    io_sim_free(rig.sim);
}

Test(segment_scan, a_file_cut_anywhere_is_valid_up_to_the_last_whole_frame) {
    struct rig rig = rig_new();
    struct sample s = sample_new(1);
    for (size_t len = s.ends[0]; len <= s.text.len; len++) {
        struct segment_scan scan;
        unsigned whole = 0;
        while (whole < FRAMES && s.ends[whole + 1] <= len)
            whole++;
        cr_assert_eq(scan_text(&rig, bytes_of(s.text.ptr, len), &scan), ERR_OK);
        cr_assert(scan.end == s.ends[whole] && scan.seq == whole, "cut at %zu", len);
        segment_scan_deinit(&scan);
    }
    buf_deinit(&s.text);
    io_sim_free(rig.sim);
}

/* Zeroes, flips or replaces one byte at each offset. Frame n knows frame n - 3: so damage to one of the last three is a
 * torn tail, damage before is none. */
Test(segment_scan, damage_is_torn_or_refused_by_what_was_known) {
    struct rig rig = rig_new();
    struct sample s = sample_new(3);
    for (int kind = 0; kind < 3; kind++) {
        for (size_t at = s.ends[0]; at < s.text.len; at++) {
            struct segment_scan scan;
            char was = s.text.ptr[at];
            unsigned hit = 1;
            while (s.ends[hit] <= at)
                hit++;
            s.text.ptr[at] = kind == 0 ? 0 : kind == 1 ? (char)(was ^ 0x10) : '#';
            if (s.text.ptr[at] == was)
                continue;
            enum err e = scan_text(&rig, buf_bytes(&s.text), &scan);
            if (hit + 3 <= FRAMES)
                cr_assert_eq(e, ERR_CORRUPT, "offset %zu", at);
            else
                cr_assert(e == ERR_OK && scan.end == s.ends[hit - 1] && scan.seq == hit - 1, "offset %zu",
                          at);
            segment_scan_deinit(&scan);
            s.text.ptr[at] = was;
        }
    }
    buf_deinit(&s.text);
    io_sim_free(rig.sim);
}

Test(segment_scan, a_hole_before_known_frames_is_refused_whatever_stands_in_it) {
    struct rig rig = rig_new();
    struct sample s = sample_new(1);
    for (unsigned from = 1; from < FRAMES; from++) {
        struct segment_scan scan;
        struct buf holed = {0};
        buf_put(&holed, s.text.ptr, s.text.len);
        memset(holed.ptr + s.ends[from - 1], 0, s.ends[from] - s.ends[from - 1]);
        cr_assert_eq(scan_text(&rig, buf_bytes(&holed), &scan), ERR_CORRUPT);
        segment_scan_deinit(&scan);
        /* The frame is missing altogether. */
        holed.len = s.ends[from - 1];
        buf_put(&holed, s.text.ptr + s.ends[from], s.text.len - s.ends[from]);
        cr_assert_eq(scan_text(&rig, buf_bytes(&holed), &scan), ERR_CORRUPT);
        segment_scan_deinit(&scan);
        buf_deinit(&holed);
    }
    buf_deinit(&s.text);
    io_sim_free(rig.sim);
}

Test(segment_scan, frames_of_another_file_are_a_torn_tail) {
    struct rig rig = rig_new();
    struct sample s = sample_new(1);
    struct segment_scan scan;
    segment_put_frame(&s.text, 8,
                      &(struct segment_frame){.kind = SEGMENT_EFFECTS, .seq = FRAMES + 1, .known = FRAMES},
                      BYTES_NONE);
    cr_assert_eq(scan_text(&rig, buf_bytes(&s.text), &scan), ERR_OK);
    cr_assert(scan.seq == FRAMES && scan.end == s.ends[FRAMES] && scan.size > scan.end);
    segment_scan_deinit(&scan);
    buf_deinit(&s.text);
    io_sim_free(rig.sim);
}

Test(segment_scan, a_payload_that_imitates_frames_does_not_mislead) {
    struct rig rig = rig_new();
    struct buf text = {0}, inner = {0};
    struct segment_scan scan;
    rig_put_header(&text, 7, 0, 1);
    /* A frame inside of the payload, valid for this file. Nobody but us knows the id, but recovery must not care. */
    segment_put_frame(&inner, 7, &(struct segment_frame){.kind = SEGMENT_EFFECTS, .seq = 9, .known = 8},
                      BYTES_NONE);
    segment_put_frame(&text, 7, &(struct segment_frame){.kind = SEGMENT_EFFECTS, .seq = 1},
                      buf_bytes(&inner));
    cr_assert_eq(scan_text(&rig, buf_bytes(&text), &scan), ERR_OK);
    cr_assert_eq(scan.seq, 1);
    segment_scan_deinit(&scan);
    buf_deinit(&text);
    buf_deinit(&inner);
    io_sim_free(rig.sim);
}

Test(segment_scan, a_search_full_of_false_traces_ends) {
    struct rig rig = rig_new();
    struct buf text = {0};
    struct segment_scan scan;
    rig_put_header(&text, 7, 0, 1);
    buf_put(&text, "damage", 6);
    for (int i = 0; i < 20000; i++) /* each announces a payload of the size of nearly all that follows */
        buf_printf(&text, "#e 5 %x 0 0123456789abcdef\r\n",
                   20000 * 32 - i * 34 > 0 ? 20000 * 32 - i * 34 : 0);
    cr_assert_eq(scan_text(&rig, buf_bytes(&text), &scan), ERR_CORRUPT);
    segment_scan_deinit(&scan);
    buf_deinit(&text);
    io_sim_free(rig.sim);
}

Test(segment_scan, a_frame_larger_than_the_window_is_read) {
    struct rig rig = rig_new();
    struct buf text = {0}, big = {0};
    struct segment_scan scan;
    rig_put_header(&text, 7, 0, 1);
    memset(buf_room(&big, 5 << 20), 'x', 5 << 20);
    buf_commit(&big, 5 << 20);
    for (unsigned n = 1; n <= 3; n++)
        segment_put_frame(&text, 7, &(struct segment_frame){.kind = SEGMENT_EFFECTS, .seq = n},
                          buf_bytes(&big));
    cr_assert_eq(scan_text(&rig, buf_bytes(&text), &scan), ERR_OK);
    cr_assert(scan.seq == 3 && scan.end == text.len);
    segment_scan_deinit(&scan);
    buf_deinit(&text);
    buf_deinit(&big);
    io_sim_free(rig.sim);
}

Test(segment_scan, intact_frames_that_contradict_each_other_are_refused) {
    static const struct segment_frame second[] = {
        {.kind = SEGMENT_EFFECTS, .seq = 3},                                  /* a gap */
        {.kind = SEGMENT_EFFECTS, .seq = 1},                                  /* twice */
        {.kind = SEGMENT_EFFECTS, .seq = 2, .known = 2},                      /* knows itself */
        {.kind = SEGMENT_MARK, .seq = 2, .epoch = 5},                         /* an epoch again */
        {.kind = SEGMENT_PART, .seq = 2, .txn_id = 1, .participants = {{2}}}, /* not a participant */
        {.kind = SEGMENT_PART, .seq = 2, .txn_id = 1, .participants = {{5}}}, /* a shard that there is not */
    };
    struct rig rig = rig_new();
    for (size_t i = 0; i < COUNT_OF(second); i++) {
        struct buf text = {0};
        struct segment_scan scan;
        rig_put_header(&text, 7, 0, 2);
        segment_put_frame(&text, 7, &(struct segment_frame){.kind = SEGMENT_MARK, .seq = 1, .epoch = 5},
                          BYTES_NONE);
        segment_put_frame(&text, 7, &second[i], BYTES_NONE);
        cr_assert_eq(scan_text(&rig, buf_bytes(&text), &scan), ERR_CORRUPT, "case %zu", i);
        segment_scan_deinit(&scan);
        buf_deinit(&text);
    }
    io_sim_free(rig.sim);
}
