/* timer_wheel_test.c: the timer wheel against a naive list, and its edges. */
#include "core/io/timer_wheel.h"

#include "core/base/rng.h"

#include <criterion/criterion.h>

#define TIMERS 300

struct model_timer {
    struct timer_node node;
    bool is_set;
    uint64_t deadline;
    uint64_t order; /* when it was added */
};

struct model {
    struct timer_wheel wheel;
    struct model_timer timers[TIMERS];
    uint64_t next_order;
    uint64_t fired_count;
    uint64_t last_deadline;
    uint64_t last_order;
    uint64_t advancing_to;
};

/* Checks each firing against the naive list: it must be the earliest timer set, the first added of its equals. */
static void check_fire(void *ctx, struct timer_node *node) {
    struct model *m = ctx;
    struct model_timer *t = CONTAINER_OF(node, struct model_timer, node);
    cr_assert(t->is_set, "a timer fired that was not set");
    cr_assert(t->deadline <= m->advancing_to);
    for (unsigned i = 0; i < TIMERS; i++) {
        const struct model_timer *other = &m->timers[i];
        if (!other->is_set || other == t)
            continue;
        cr_assert(other->deadline > t->deadline ||
                  (other->deadline == t->deadline && other->order > t->order));
    }
    t->is_set = false;
    m->fired_count++;
    cr_assert_not(timer_node_is_set(node));
}

static uint64_t random_delay(struct rng *r) {
    /* All magnitudes alike, so that every level is used. */
    return rng_next(r) >> (20 + rng_below(r, 44));
}

static void model_add(struct model *m, struct rng *r, struct model_timer *t) {
    uint64_t deadline = m->wheel.now + random_delay(r);
    timer_wheel_add(&m->wheel, &t->node, deadline);
    t->is_set = true;
    t->deadline = deadline > m->wheel.now ? deadline : m->wheel.now + 1;
    t->order = m->next_order++;
}

static void model_step(struct model *m, struct rng *r) {
    struct model_timer *t = &m->timers[rng_below(r, TIMERS)];
    switch (rng_below(r, 4)) {
    case 0:
    case 1:
        if (!t->is_set)
            model_add(m, r, t);
        break;
    case 2:
        timer_wheel_remove(&m->wheel, &t->node);
        t->is_set = false;
        break;
    default:
        m->advancing_to = m->wheel.now + random_delay(r) / 8;
        timer_wheel_advance(&m->wheel, m->advancing_to, check_fire, m);
        break;
    }
}

static void model_check(const struct model *m) {
    timer_wheel_check(&m->wheel);
    uint64_t earliest = TIMER_WHEEL_NEVER;
    uint64_t count = 0;
    for (unsigned i = 0; i < TIMERS; i++) {
        const struct model_timer *t = &m->timers[i];
        cr_assert_eq(timer_node_is_set(&t->node), t->is_set);
        if (!t->is_set)
            continue;
        count++;
        cr_assert_gt(t->deadline, m->wheel.now, "a due timer has not fired");
        earliest = t->deadline < earliest ? t->deadline : earliest;
    }
    cr_assert_eq(count, m->wheel.count);
    uint64_t next = timer_wheel_next(&m->wheel);
    cr_assert_leq(next, earliest);
    cr_assert_eq(next == TIMER_WHEEL_NEVER, count == 0);
    cr_assert(count == 0 || next > m->wheel.now);
}

Test(timer_wheel, behaves_like_a_naive_list_of_timers) {
    for (uint64_t seed = 1; seed <= 20; seed++) {
        cr_log_info("seed %lu", (unsigned long)seed);
        struct rng r;
        rng_init(&r, seed);
        static struct model m;
        memset(&m, 0, sizeof m);
        timer_wheel_init(&m.wheel, rng_next(&r) >> 20);
        for (unsigned i = 0; i < TIMERS; i++)
            timer_node_init(&m.timers[i].node);
        for (unsigned step = 0; step < 3000; step++) {
            model_step(&m, &r);
            model_check(&m);
        }
        cr_assert_gt(m.fired_count, 100);
    }
}

struct recorder {
    struct timer_wheel wheel;
    struct timer_node *readd;
    uint64_t readd_deadline;
    struct timer_node *remove;
    unsigned count;
};

static void record(void *ctx, struct timer_node *node) {
    struct recorder *rec = ctx;
    rec->count++;
    if (rec->readd == node && rec->count < 100)
        timer_wheel_add(&rec->wheel, node, rec->readd_deadline);
    if (rec->remove) {
        timer_wheel_remove(&rec->wheel, rec->remove);
        rec->remove = NULL;
    }
}

Test(timer_wheel, a_past_deadline_falls_due_at_the_next_tick) {
    struct recorder rec = {.count = 0};
    timer_wheel_init(&rec.wheel, 1000);
    struct timer_node node;
    timer_node_init(&node);
    timer_wheel_add(&rec.wheel, &node, 3);
    cr_assert_eq(timer_wheel_next(&rec.wheel), 1001);
    timer_wheel_advance(&rec.wheel, 1000, record, &rec);
    cr_assert_eq(rec.count, 0);
    timer_wheel_advance(&rec.wheel, 1001, record, &rec);
    cr_assert_eq(rec.count, 1);
    cr_assert_eq(timer_wheel_next(&rec.wheel), TIMER_WHEEL_NEVER);
}

Test(timer_wheel, a_timer_that_renews_itself_fires_once_per_tick) {
    struct timer_node node;
    timer_node_init(&node);
    struct recorder rec = {.readd = &node, .readd_deadline = 0};
    timer_wheel_init(&rec.wheel, 0);
    timer_wheel_add(&rec.wheel, &node, 0);
    timer_wheel_advance(&rec.wheel, 10, record, &rec);
    cr_assert_eq(rec.count, 10);
    timer_wheel_check(&rec.wheel);
}

Test(timer_wheel, a_handler_may_remove_a_timer_that_is_due_in_the_same_tick) {
    struct timer_node a, b;
    timer_node_init(&a);
    timer_node_init(&b);
    struct recorder rec = {.remove = &b};
    timer_wheel_init(&rec.wheel, 0);
    timer_wheel_add(&rec.wheel, &a, 77);
    timer_wheel_add(&rec.wheel, &b, 77);
    timer_wheel_advance(&rec.wheel, 100, record, &rec);
    cr_assert_eq(rec.count, 1);
    cr_assert_not(timer_node_is_set(&b));
    timer_wheel_check(&rec.wheel);
}

Test(timer_wheel, a_deadline_beyond_the_wheel_is_brought_in) {
    struct timer_node node;
    timer_node_init(&node);
    struct recorder rec = {.count = 0};
    timer_wheel_init(&rec.wheel, 5);
    timer_wheel_add(&rec.wheel, &node, UINT64_MAX - 1);
    timer_wheel_check(&rec.wheel);
    timer_wheel_advance(&rec.wheel, (UINT64_C(1) << 48) - 2, record, &rec);
    cr_assert_eq(rec.count, 0);
    timer_wheel_advance(&rec.wheel, UINT64_C(1) << 48, record, &rec);
    cr_assert_eq(rec.count, 1);
}
