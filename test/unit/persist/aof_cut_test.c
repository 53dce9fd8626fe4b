/* aof_cut_test.c: the cut against brute force over small random histories. */
#include "persist/aof_cut.h"

#include "core/base/rng.h"
#include "test/unit/persist/segment_rig.h"

enum { SHARDS = 3, EVENTS_MAX = 14, FRAMES_MAX = EVENTS_MAX + 1 };

enum event_kind { EVENT_PLAIN, EVENT_PART, EVENT_MARK };

/* One frame of a segment as the model sees it. */
struct model_frame {
    enum event_kind kind;
    unsigned event; /* its place in the serial order; parts of a transaction share it */
    uint64_t epoch;
    struct shard_set participants;
};

struct model {
    bool is_always;
    unsigned shard_count;
    struct model_frame frames[SHARDS][FRAMES_MAX];
    unsigned count[SHARDS];
    unsigned valid[SHARDS]; /* frames that survived on the disk */
};

/* A random serial order of events, dealt to the shards. */
static struct model model_new(struct rng *rng) {
    struct model m = {.is_always = rng_below(rng, 2) != 0,
                      .shard_count = 1 + (unsigned)rng_below(rng, SHARDS)};
    unsigned events = (unsigned)rng_below(rng, EVENTS_MAX);
    uint64_t epoch = 0;
    for (unsigned i = 0; i < events; i++) {
        struct model_frame f = {.kind = (enum event_kind)rng_below(rng, 3), .event = i};
        if (f.kind == EVENT_MARK)
            f.epoch = ++epoch;
        uint64_t who = 1 + rng_below(rng, (1u << m.shard_count) - 1);
        if (f.kind == EVENT_PLAIN)
            who = (uint64_t)1 << rng_below(rng, m.shard_count);
        if (f.kind == EVENT_MARK)
            who = (1u << m.shard_count) - 1;
        f.participants.words[0] = who;
        for (unsigned k = 0; k < m.shard_count; k++)
            if (who >> k & 1)
                m.frames[k][m.count[k]++] = f;
    }
    for (unsigned k = 0; k < m.shard_count; k++)
        m.valid[k] = (unsigned)rng_below(rng, m.count[k] + 1);
    return m;
}

static bool model_has(const struct model *m, unsigned k, unsigned kept, unsigned event) {
    for (unsigned i = 0; i < kept; i++)
        if (m->frames[k][i].event == event)
            return true;
    return false;
}

/* Is every part kept by all participants? */
static bool model_is_whole(const struct model *m, const unsigned *kept) {
    for (unsigned k = 0; k < m->shard_count; k++)
        for (unsigned i = 0; i < kept[k]; i++)
            for (unsigned q = 0; q < m->shard_count && m->frames[k][i].kind == EVENT_PART; q++)
                if (shard_set_has(&m->frames[k][i].participants, q) &&
                    !model_has(m, q, kept[q], m->frames[k][i].event))
                    return false;
    return true;
}

/* Under always: the greatest vector of prefixes that is whole, by trying all. */
static void model_cut_always(const struct model *m, unsigned *best) {
    unsigned kept[SHARDS] = {0};
    unsigned best_sum = 0;
    memset(best, 0, SHARDS * sizeof *best);
    for (kept[0] = 0; kept[0] <= m->valid[0]; kept[0]++)
        for (kept[1] = 0; kept[1] <= m->valid[1]; kept[1]++)
            for (kept[2] = 0; kept[2] <= m->valid[2]; kept[2]++) {
                unsigned sum = kept[0] + kept[1] + kept[2];
                if (sum > best_sum && model_is_whole(m, kept)) {
                    best_sum = sum;
                    memcpy(best, kept, sizeof kept);
                }
            }
}

/* Under everysec: everything up to the last mark that all have. */
static void model_cut_everysec(const struct model *m, unsigned *best) {
    uint64_t common = UINT64_MAX;
    for (unsigned k = 0; k < m->shard_count; k++) {
        uint64_t last = 0;
        for (unsigned i = 0; i < m->valid[k]; i++)
            if (m->frames[k][i].kind == EVENT_MARK)
                last = m->frames[k][i].epoch;
        common = last < common ? last : common;
    }
    for (unsigned k = 0; k < m->shard_count; k++) {
        best[k] = 0;
        for (unsigned i = 0; i < m->valid[k]; i++)
            if (m->frames[k][i].kind == EVENT_MARK && m->frames[k][i].epoch <= common)
                best[k] = i + 1;
    }
}

/* The model's segments as files; *end[k] is where frame n ends. */
static void model_write(const struct model *m, const struct rig *rig, size_t end[SHARDS][FRAMES_MAX + 1]) {
    for (unsigned k = 0; k < m->shard_count; k++) {
        struct buf text = {0};
        char path[8] = {'s', (char)('0' + k), '\0'};
        rig_put_header(&text, 7 + k, k, m->shard_count);
        end[k][0] = text.len;
        for (unsigned i = 0; i < m->count[k]; i++) {
            const struct model_frame *f = &m->frames[k][i];
            struct segment_frame frame = {.kind = SEGMENT_EFFECTS, .seq = i + 1, .is_always = m->is_always};
            if (f->kind == EVENT_MARK) {
                frame.kind = SEGMENT_MARK;
                frame.epoch = f->epoch;
            } else if (f->kind == EVENT_PART) {
                frame.kind = SEGMENT_PART;
                frame.txn_id = (f->event + 1) << 8;
                frame.participants = f->participants;
            }
            segment_put_frame(&text, 7 + k, &frame,
                              f->kind == EVENT_PLAIN ? BYTES_LIT("*1\r\n$1\r\nx\r\n") : BYTES_NONE);
            end[k][i + 1] = text.len;
        }
        rig_write(rig, path, bytes_of(text.ptr, end[k][m->valid[k]]));
        buf_deinit(&text);
    }
}

static enum err cut_files(const struct rig *rig, unsigned count, struct aof_cut_tail *tails, unsigned *bad,
                          char *why, size_t why_size) {
    struct segment_reader readers[SHARDS];
    struct segment_scan scans[SHARDS] = {{0}};
    for (unsigned k = 0; k < count; k++) {
        char path[8] = {'s', (char)('0' + k), '\0'};
        cr_assert_eq(segment_reader_open(&readers[k], rig->fs, path), ERR_OK);
        cr_assert_eq(segment_scan(&readers[k], &scans[k], why, why_size), ERR_OK, "%s", why);
    }
    enum err e = aof_cut(readers, scans, count, tails, bad, why, why_size);
    for (unsigned k = 0; k < count; k++) {
        segment_reader_close(&readers[k]);
        segment_scan_deinit(&scans[k]);
    }
    return e;
}

Test(aof_cut, is_the_greatest_consistent_cut, .timeout = 120) {
    struct rng rng;
    struct rig rig = rig_new();
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        struct aof_cut_tail tails[SHARDS];
        size_t end[SHARDS][FRAMES_MAX + 1];
        unsigned best[SHARDS], bad;
        char why[512];
        rng_init(&rng, seed);
        struct model m = model_new(&rng);
        model_write(&m, &rig, end);
        if (m.is_always)
            model_cut_always(&m, best);
        else
            model_cut_everysec(&m, best);
        cr_assert_eq(cut_files(&rig, m.shard_count, tails, &bad, why, sizeof why), ERR_OK, "seed %zu: %s",
                     (size_t)seed, why);
        for (unsigned k = 0; k < m.shard_count; k++) {
            cr_assert(tails[k].seq == best[k] && tails[k].end == end[k][best[k]],
                      "seed %zu, segment %u: %zu frames kept, %u wanted", (size_t)seed, k,
                      (size_t)tails[k].seq, best[k]);
            aof_cut_tail_deinit(&tails[k]);
        }
    }
    io_sim_free(rig.sim);
}

/* Two segments of frames given by the test. */
static enum err cut_two(const struct segment_frame *a, size_t a_count, const struct segment_frame *b,
                        size_t b_count, uint64_t *kept, unsigned *bad, char *why, size_t why_size) {
    struct rig rig = rig_new();
    const struct segment_frame *frames[2] = {a, b};
    size_t counts[2] = {a_count, b_count};
    struct aof_cut_tail tails[2];
    for (unsigned k = 0; k < 2; k++) {
        struct buf text = {0};
        char path[8] = {'s', (char)('0' + k), '\0'};
        rig_put_header(&text, 7 + k, k, 2);
        for (size_t i = 0; i < counts[k]; i++)
            segment_put_frame(&text, 7 + k, &frames[k][i], BYTES_NONE);
        rig_write(&rig, path, buf_bytes(&text));
        buf_deinit(&text);
    }
    enum err e = cut_files(&rig, 2, tails, bad, why, why_size);
    for (unsigned k = 0; k < 2; k++) {
        kept[k] = tails[k].seq;
        aof_cut_tail_deinit(&tails[k]);
    }
    io_sim_free(rig.sim);
    return e;
}

Test(aof_cut, frames_of_always_stand_behind_the_mark_until_the_first_other_one) {
    static const struct segment_frame a[] = {
        {.kind = SEGMENT_MARK, .seq = 1, .epoch = 1},
        {.kind = SEGMENT_EFFECTS, .is_always = true, .seq = 2},
        {.kind = SEGMENT_MARK, .is_always = true, .seq = 3, .epoch = 2},
        {.kind = SEGMENT_EFFECTS, .seq = 4},
        {.kind = SEGMENT_EFFECTS, .is_always = true, .seq = 5},
    };
    static const struct segment_frame b[] = {{.kind = SEGMENT_MARK, .seq = 1, .epoch = 1},
                                             {.kind = SEGMENT_EFFECTS, .seq = 2}};
    uint64_t kept[2];
    unsigned bad;
    char why[512];
    cr_assert_eq(cut_two(a, COUNT_OF(a), b, COUNT_OF(b), kept, &bad, why, sizeof why), ERR_OK);
    cr_assert(kept[0] == 3 && kept[1] == 1);
}

Test(aof_cut, the_last_common_epoch_may_be_older_than_every_last_one) {
    static const struct segment_frame a[] = {{.kind = SEGMENT_MARK, .seq = 1, .epoch = 3},
                                             {.kind = SEGMENT_MARK, .seq = 2, .epoch = 5}};
    static const struct segment_frame b[] = {{.kind = SEGMENT_MARK, .seq = 1, .epoch = 3},
                                             {.kind = SEGMENT_MARK, .seq = 2, .epoch = 4},
                                             {.kind = SEGMENT_MARK, .seq = 3, .epoch = 6}};
    uint64_t kept[2];
    unsigned bad;
    char why[512];
    cr_assert_eq(cut_two(a, COUNT_OF(a), b, COUNT_OF(b), kept, &bad, why, sizeof why), ERR_OK);
    cr_assert(kept[0] == 1 && kept[1] == 1);
}

Test(aof_cut, a_settled_mark_that_is_missing_is_refused) {
    static const struct segment_frame a[] = {{.kind = SEGMENT_MARK, .seq = 1, .epoch = 1},
                                             {.kind = SEGMENT_MARK, .seq = 2, .epoch = 2, .settled = 1}};
    uint64_t kept[2];
    unsigned bad;
    char why[512] = "";
    cr_assert_eq(cut_two(a, COUNT_OF(a), NULL, 0, kept, &bad, why, sizeof why), ERR_CORRUPT);
    cr_assert_eq(bad, 1);
    cr_assert(strstr(why, "mark 1 is missing") != NULL, "%s", why);
}

Test(aof_cut, acknowledged_frames_that_would_fall_are_refused) {
    static const struct shard_set both = {{3}};
    const struct segment_frame a[] = {
        {.kind = SEGMENT_PART, .is_always = true, .seq = 1, .txn_id = 256, .participants = both},
        {.kind = SEGMENT_EFFECTS, .is_always = true, .seq = 2, .known = 1},
    };
    uint64_t kept[2];
    unsigned bad;
    char why[512] = "";
    cr_assert_eq(cut_two(a, COUNT_OF(a), NULL, 0, kept, &bad, why, sizeof why), ERR_CORRUPT);
    cr_assert_eq(bad, 0);
    cr_assert(strstr(why, "acknowledged") != NULL, "%s", why);
}
