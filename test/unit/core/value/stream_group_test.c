/* Pending messages against an array of them. */
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/value/stream_group.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <time.h>

enum { IDS = 400, CONSUMERS = 5, RELEASED = CONSUMERS, ABSENT };

/* What is known of one message: its owner is a consumer's number, RELEASED, or ABSENT. */
struct twin_message {
    int owner;
    int64_t delivery_ms;
    int64_t deliveries;
    uint64_t order; /* of its last change */
};

struct twin {
    struct stream *stream;
    struct stream_group *group;
    struct twin_message messages[IDS];
    bool has_consumer[CONSUMERS];
    uint64_t order;
    struct rng rng;
};

static struct stream_id id_of(size_t i) {
    return (struct stream_id){i / 7 + 1, i % 7};
}

static struct bytes name_of(int consumer) {
    static const char *const names[CONSUMERS] = {"alice", "b", "carol with a long name", "", "alic"};
    return bytes_cstr(names[consumer]);
}

static struct stream_consumer *consumer_of(struct twin *t, int consumer) {
    struct stream_consumer *c = stream_find_consumer(t->group, name_of(consumer));
    cr_assert_eq(c != NULL, t->has_consumer[consumer]);
    t->has_consumer[consumer] = true;
    return c != NULL ? c : stream_add_consumer(t->stream, t->group, name_of(consumer), 1);
}

static void twin_pend(struct twin *t, size_t i) {
    int owner = (int)rng_below(&t->rng, CONSUMERS + 1);
    bool is_released = owner == RELEASED;
    struct twin_message m = {owner, is_released ? STREAM_RELEASED_MS : (int64_t)rng_below(&t->rng, 20),
                             (int64_t)rng_below(&t->rng, 9), ++t->order};
    stream_pend(t->group, id_of(i), is_released ? NULL : consumer_of(t, owner), m.delivery_ms, m.deliveries);
    t->messages[i] = m;
}

static void twin_remove_consumer(struct twin *t, int consumer) {
    size_t pending = 0;
    if (!t->has_consumer[consumer])
        return;
    for (size_t i = 0; i < IDS; i++) {
        if (t->messages[i].owner == consumer) {
            t->messages[i].owner = ABSENT;
            pending++;
        }
    }
    struct stream_consumer *c = stream_find_consumer(t->group, name_of(consumer));
    cr_assert_eq(stream_remove_consumer(t->stream, t->group, c), pending);
    t->has_consumer[consumer] = false;
}

static bool is_before(const struct twin_message *a, const struct twin_message *b) {
    return a->delivery_ms < b->delivery_ms || (a->delivery_ms == b->delivery_ms && a->order < b->order);
}

/* The list by time names every message, in the order of times and, among equal ones, of changes. */
static void check_by_time(struct twin *t) {
    struct ordset_place place;
    const struct twin_message *before = NULL;
    size_t count = 0;
    for (struct stream_due *due = ordset_seek_first(stream_by_time(t->group), &place); due != NULL;
         due = ordset_next(&place)) {
        size_t i = 0;
        while (stream_id_compare(id_of(i), due->id) != 0)
            i++;
        const struct twin_message *m = &t->messages[i];
        cr_assert_eq((int64_t)due->delivery_ms, m->delivery_ms);
        cr_assert(before == NULL || is_before(before, m));
        before = m;
        count++;
    }
    cr_assert_eq(count, t->group->pel.count);
}

static void twin_check(struct twin *t) {
    size_t counts[ABSENT + 1] = {0};
    stream_check(t->stream);
    for (size_t i = 0; i < IDS; i++) {
        const struct twin_message *m = &t->messages[i];
        const struct stream_pending *p = stream_find_pending(t->group, id_of(i));
        counts[m->owner]++;
        cr_assert_eq(p == NULL, m->owner == ABSENT);
        if (p == NULL)
            continue;
        cr_assert_eq(p->delivery_ms, m->delivery_ms);
        cr_assert_eq(p->deliveries, m->deliveries);
        cr_assert_eq(p->consumer == NULL, m->owner == RELEASED);
        if (p->consumer != NULL)
            cr_assert(bytes_equal(p->consumer->name, name_of(m->owner)));
    }
    cr_assert_eq(t->group->released_count, counts[RELEASED]);
    for (int c = 0; c < CONSUMERS; c++) {
        if (t->has_consumer[c])
            cr_assert_eq(consumer_of(t, c)->pel.count, counts[c]);
    }
}

static void run_against_twin(bool is_by_time_early) {
    struct twin *t = mem_zalloc(sizeof(*t));
    uint64_t seed = (uint64_t)time(NULL);
    printf("seed %llu\n", (unsigned long long)seed);
    rng_init(&t->rng, seed);
    t->stream = stream_new();
    t->group = stream_add_group(t->stream, BYTES_LIT("group"), STREAM_ID_MAX, 0);
    for (size_t i = 0; i < IDS; i++)
        t->messages[i].owner = ABSENT;
    if (is_by_time_early)
        check_by_time(t);
    for (int step = 0; step < 8000; step++) {
        size_t i = (size_t)rng_below(&t->rng, IDS);
        uint64_t what = rng_below(&t->rng, 100);
        if (what < (step / 2000 % 2 ? 30u : 60u)) {
            twin_pend(t, i);
        } else if (what < 99) {
            cr_assert_eq(stream_ack(t->group, id_of(i)), t->messages[i].owner != ABSENT);
            t->messages[i].owner = ABSENT;
        } else {
            twin_remove_consumer(t, (int)rng_below(&t->rng, CONSUMERS));
        }
        if (step % 80 == 0)
            twin_check(t);
    }
    check_by_time(t);
    twin_check(t);
    struct stream *copy = stream_value_ops.dup(t->stream, STREAM_ENCODING);
    stream_free(t->stream);
    t->stream = copy;
    t->group = stream_find_group(copy, BYTES_LIT("group"));
    twin_check(t);
    check_by_time(t);
    twin_check(t);
    stream_remove_group(copy, t->group);
    cr_assert_eq(copy->groups.count, 0);
    stream_check(copy);
    stream_free(copy);
    mem_free(t);
}

Test(stream_group, keeps_pending_messages_as_an_array_does) {
    run_against_twin(false);
}

Test(stream_group, keeps_the_order_of_delivery_times_from_the_beginning) {
    run_against_twin(true);
}

Test(stream_group, an_entry_is_needed_until_every_group_has_acknowledged_it) {
    struct stream *s = stream_new();
    struct stream_id id = {5, 0};
    cr_assert_not(stream_is_needed(s, id));
    struct stream_group *g = stream_add_group(s, BYTES_LIT("g"), STREAM_ID_MIN, 0);
    struct stream_group *h = stream_add_group(s, BYTES_LIT("h"), id, 0);
    cr_assert(stream_is_needed(s, id));
    g->last_id = id;
    cr_assert_not(stream_is_needed(s, id));
    stream_pend(g, id, stream_add_consumer(s, g, BYTES_LIT("c"), 1), 1, 1);
    stream_pend(h, id, NULL, STREAM_RELEASED_MS, 1);
    stream_ack(g, id);
    cr_assert(stream_is_needed(s, id));
    stream_forget(s, id);
    cr_assert_not(stream_is_needed(s, id));
    stream_check(s);
    stream_free(s);
}
