/* The log of a stream against an array of entries. */
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/ds/listpack.h"
#include "core/value/stream.h"
#include "core/value/stream_group.h"
#include "core/value/stream_iter.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { TWIN_MAX = 3000, PAIRS_MAX = 4, TEXT_MAX = 24 };

struct twin_entry {
    struct stream_id id;
    size_t pair_count;
    char text[2 * PAIRS_MAX][TEXT_MAX];
};

struct twin {
    struct stream *stream;
    struct rng rng;
    struct twin_entry entries[TWIN_MAX];
    size_t count;
    struct stream_id max_deleted;
};

static struct twin *twin_new(void) {
    struct twin *t = mem_zalloc(sizeof(*t));
    uint64_t seed = (uint64_t)time(NULL);
    printf("seed %llu\n", (unsigned long long)seed);
    rng_init(&t->rng, seed);
    t->stream = stream_new();
    return t;
}

static void twin_free(struct twin *t) {
    stream_free(t->stream);
    mem_free(t);
}

static void twin_cut(struct twin *t, size_t at) {
    t->count--;
    memmove(&t->entries[at], &t->entries[at + 1], (t->count - at) * sizeof(t->entries[0]));
}

static void twin_append(struct twin *t, struct stream_node_limits limits) {
    struct bytes pairs[2 * PAIRS_MAX];
    struct twin_entry *e = &t->entries[t->count];
    e->id = t->stream->last_id;
    e->id.ms += rng_below(&t->rng, 3) * rng_below(&t->rng, 1000);
    e->id.seq =
        e->id.ms > t->stream->last_id.ms ? rng_below(&t->rng, 5) : e->id.seq + 1 + rng_below(&t->rng, 2);
    bool is_usual = rng_below(&t->rng, 4) != 0;
    e->pair_count = is_usual ? 2 : 1 + (size_t)rng_below(&t->rng, PAIRS_MAX);
    for (size_t i = 0; i < 2 * e->pair_count; i++) {
        if (i % 2 == 0 && is_usual)
            snprintf(e->text[i], TEXT_MAX, "field%c", (char)('a' + i));
        else
            snprintf(e->text[i], TEXT_MAX, rng_below(&t->rng, 2) ? "%llu" : "v%llu",
                     (unsigned long long)rng_next(&t->rng) >> rng_below(&t->rng, 63));
        pairs[i] = bytes_cstr(e->text[i]);
    }
    cr_assert_eq(stream_append(t->stream, e->id, pairs, e->pair_count, limits), STREAM_APPENDED);
    t->count++;
}

static void twin_delete(struct twin *t) {
    struct stream_id id = {rng_below(&t->rng, t->stream->last_id.ms + 1), rng_below(&t->rng, 3)};
    if (t->count > 0 && rng_below(&t->rng, 8) != 0)
        id = t->entries[rng_below(&t->rng, t->count)].id;
    for (size_t at = 0; at < t->count; at++) {
        if (stream_id_compare(t->entries[at].id, id) == 0) {
            cr_assert(stream_has(t->stream, id));
            cr_assert(stream_delete(t->stream, id));
            cr_assert_not(stream_has(t->stream, id));
            twin_cut(t, at);
            if (stream_id_compare(id, t->max_deleted) > 0)
                t->max_deleted = id;
            return;
        }
    }
    cr_assert_not(stream_delete(t->stream, id));
}

static void twin_trim(struct twin *t) {
    struct stream_trim how = {.by = rng_below(&t->rng, 2) ? STREAM_TRIM_MAXLEN : STREAM_TRIM_MINID};
    size_t keep = t->count - (size_t)rng_below(&t->rng, 1 + t->count / 4);
    how.max_length = keep;
    if (t->count > keep)
        how.min_id = t->entries[t->count - keep].id;
    how.is_approx = rng_below(&t->rng, 2);
    how.limit = how.is_approx && rng_below(&t->rng, 2) ? 200 : 0;
    uint64_t deleted = stream_trim(t->stream, &how);
    cr_assert_leq(deleted, t->count - keep);
    if (!how.is_approx)
        cr_assert_eq(deleted, t->count - keep);
    if (how.limit != 0)
        cr_assert_leq(deleted, how.limit);
    for (; deleted > 0; deleted--)
        twin_cut(t, 0);
}

static void same_entry(struct stream_iter *it, const struct twin_entry *e) {
    cr_assert_eq(stream_id_compare(it->id, e->id), 0);
    cr_assert_eq(it->pair_count, e->pair_count);
    for (size_t i = 0; i < e->pair_count; i++) {
        struct bytes field;
        struct bytes value;
        stream_iter_pair(it, &field, &value);
        cr_assert(bytes_equal(field, bytes_cstr(e->text[2 * i])));
        cr_assert(bytes_equal(value, bytes_cstr(e->text[2 * i + 1])));
    }
}

/* Walks a random range in both directions; reads the pairs of some entries only. */
static void twin_walk(struct twin *t) {
    struct stream_id ends[2];
    struct stream_iter it;
    for (int i = 0; i < 2; i++)
        ends[i] = (struct stream_id){rng_below(&t->rng, t->stream->last_id.ms + 2), rng_below(&t->rng, 3)};
    if (rng_below(&t->rng, 4) == 0)
        ends[0] = STREAM_ID_MIN, ends[1] = STREAM_ID_MAX;
    size_t low = 0;
    size_t high = t->count;
    while (low < t->count && stream_id_compare(t->entries[low].id, ends[0]) < 0)
        low++;
    while (high > low && stream_id_compare(t->entries[high - 1].id, ends[1]) > 0)
        high--;
    stream_iter_init(&it, t->stream, ends[0], ends[1], false);
    for (size_t at = low; at < high; at++) {
        cr_assert(stream_iter_next(&it));
        if (rng_below(&t->rng, 2))
            same_entry(&it, &t->entries[at]);
    }
    cr_assert_not(stream_iter_next(&it));
    stream_iter_init(&it, t->stream, ends[0], ends[1], true);
    for (size_t at = high; at > low; at--) {
        cr_assert(stream_iter_next(&it));
        if (rng_below(&t->rng, 2))
            same_entry(&it, &t->entries[at - 1]);
    }
    cr_assert_not(stream_iter_next(&it));
}

static void twin_check(struct twin *t) {
    stream_check(t->stream);
    cr_assert_eq(t->stream->length, t->count);
    cr_assert_eq(stream_id_compare(t->stream->max_deleted_id, t->max_deleted), 0);
    cr_assert_eq(stream_id_compare(stream_last_entry_id(t->stream),
                                   t->count > 0 ? t->entries[t->count - 1].id : STREAM_ID_MIN),
                 0);
}

Test(stream, does_what_an_array_of_entries_does) {
    struct twin *t = twin_new();
    for (int step = 0; step < 12000; step++) {
        struct stream_node_limits limits = {step / 3000 % 2 ? 400 : 4096, step / 2000 % 2 ? 10 : 100};
        uint64_t what = rng_below(&t->rng, 100);
        if (what < 70 && t->count < TWIN_MAX)
            twin_append(t, limits);
        else if (what < 95)
            twin_delete(t);
        else if (what < 97)
            twin_trim(t);
        else
            twin_walk(t);
        if (step % 50 == 0)
            twin_check(t);
    }
    twin_check(t);
    struct stream *copy = stream_value_ops.dup(t->stream, STREAM_ENCODING);
    stream_check(copy);
    stream_free(t->stream);
    t->stream = copy;
    twin_check(t);
    twin_free(t);
}

static struct stream *filled(size_t count, struct stream_node_limits limits) {
    struct stream *s = stream_new();
    for (size_t i = 1; i <= count; i++) {
        struct bytes pairs[2] = {BYTES_LIT("f"), BYTES_LIT("v")};
        struct stream_id id = {i, 0};
        cr_assert_eq(stream_append(s, id, pairs, 1, limits), STREAM_APPENDED);
    }
    return s;
}

Test(stream, begins_a_node_when_one_has_enough_entries_or_bytes) {
    struct stream *s = filled(250, (struct stream_node_limits){4096, 100});
    cr_assert_eq(s->log.count, 3);
    stream_free(s);
    s = filled(250, (struct stream_node_limits){100, 0});
    cr_assert_gt(s->log.count, 10);
    stream_check(s);
    stream_free(s);
    s = filled(250, (struct stream_node_limits){0, 0});
    cr_assert_eq(s->log.count, 1);
    stream_free(s);
}

Test(stream, is_freed_in_steps) {
    struct stream *s = filled(1000, (struct stream_node_limits){4096, 10});
    struct stream_group *g = stream_add_group(s, BYTES_LIT("g"), STREAM_ID_MIN, 0);
    struct stream_consumer *c = stream_add_consumer(s, g, BYTES_LIT("c"), 1);
    for (uint64_t i = 1; i <= 1000; i++)
        stream_pend(g, (struct stream_id){i, 0}, c, 5, 1);
    stream_check(s);
    int steps = 1;
    while (!stream_value_ops.free_step(s, STREAM_ENCODING, 7))
        steps++;
    cr_assert_gt(steps, 18);
}

Test(stream, refuses_an_entry_there_is_no_memory_for) {
    struct stream *s = stream_new();
    size_t len = 1 << 20;
    char *text = mem_zalloc(len);
    struct bytes pairs[2] = {BYTES_LIT("f"), bytes_of(text, len)};
    mem_fail_nth(1);
    enum stream_append got =
        stream_append(s, (struct stream_id){1, 1}, pairs, 1, (struct stream_node_limits){0, 0});
    mem_fail_nth(0);
    cr_assert_eq(got, STREAM_APPEND_NO_MEMORY);
    stream_check(s);
    cr_assert_eq(s->length, 0);
    cr_assert_eq(stream_append(s, (struct stream_id){1, 1}, pairs, 1, (struct stream_node_limits){4096, 100}),
                 STREAM_APPENDED);
    stream_check(s);
    mem_free(text);
    stream_free(s);
}

/* ---- strangers' nodes ---- */

static bool is_sound(const unsigned char *lp) {
    uint64_t live;
    struct stream_id last;
    return stream_node_is_sound(lp, listpack_bytes(lp), (struct stream_id){1, 0}, &live, &last);
}

Test(stream, takes_only_sound_nodes_from_strangers) {
    struct stream *s = filled(5, (struct stream_node_limits){4096, 100});
    struct stream_node *node = ordset_first(&s->log);
    cr_assert(is_sound(node->lp));
    size_t count = listpack_count(node->lp);
    size_t unsound = 0;
    for (size_t i = 0; i < count; i++) {
        static const char *const values[] = {"x", "-1", "0", "1", "2", "3", "7", "9223372036854775807"};
        for (size_t v = 0; v < COUNT_OF(values); v++) {
            unsigned char *lp = listpack_dup(node->lp);
            unsigned char *at = listpack_at(lp, (int64_t)i);
            lp = listpack_replace(lp, &at, bytes_cstr(values[v]));
            unsound += is_sound(lp) ? 0 : 1; /* and does not crash */
            listpack_free(lp);
        }
        unsigned char *shorter = listpack_dup(node->lp);
        shorter = listpack_remove_range(shorter, (int64_t)i, 1);
        cr_assert_not(is_sound(shorter));
        listpack_free(shorter);
    }
    cr_assert_gt(unsound, count * 4);
    stream_free(s);
}

/* ---- what is known of places in the log ---- */

Test(stream, counts_entries_up_to_an_id_only_where_nothing_was_deleted) {
    struct stream *s = stream_new();
    cr_assert_eq(stream_count_until(s, (struct stream_id){5, 0}), 0);
    stream_free(s);
    s = filled(10, (struct stream_node_limits){4096, 100});
    cr_assert_eq(stream_count_until(s, STREAM_ID_MIN), 0);
    cr_assert_eq(stream_count_until(s, (struct stream_id){1, 0}), 1);
    cr_assert_eq(stream_count_until(s, (struct stream_id){5, 0}), -1);
    cr_assert_eq(stream_count_until(s, (struct stream_id){10, 0}), 10);
    cr_assert_eq(stream_count_until(s, (struct stream_id){11, 0}), -1);
    cr_assert_not(stream_has_holes_from(s, STREAM_ID_MIN));
    cr_assert(stream_delete(s, (struct stream_id){3, 0}));
    cr_assert(stream_has_holes_from(s, (struct stream_id){3, 0}));
    cr_assert_not(stream_has_holes_from(s, (struct stream_id){4, 0}));
    cr_assert_eq(stream_count_until(s, (struct stream_id){1, 0}), -1);
    cr_assert_eq(stream_count_until(s, (struct stream_id){10, 0}), 10);
    stream_free(s);
}
