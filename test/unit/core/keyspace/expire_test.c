/* Active expiry: what is due goes, in time, within the budget, and for nothing when nothing is due. */
#include "core/keyspace/expire.h"

#include <criterion/criterion.h>
#include <stdio.h>

struct witness {
    size_t expired;
    size_t asked;
    size_t limit; /* questions until time is over */
    int64_t now_ms;
};

static void on_expired(void *ctx, struct entry *e, uint64_t hash) {
    struct witness *w = ctx;
    (void)hash;
    cr_assert_leq(entry_expire_ms(e), w->now_ms);
    w->expired++;
}

static bool is_over(void *ctx) {
    struct witness *w = ctx;
    return ++w->asked >= w->limit;
}

static void put(struct keyspace *ks, size_t id, int64_t expire_ms) {
    char text[24];
    struct bytes key = bytes_of(text, (size_t)snprintf(text, sizeof(text), "k%zu", id));
    keyspace_put(ks, keyspace_hash(ks, key), entry_new_int(key, 1, expire_ms));
}

static size_t step(struct keyspace *ks, struct witness *w, int64_t now_ms) {
    struct expire_job job = {
        .now_ms = now_ms, .on_expired = on_expired, .is_over = w->limit ? is_over : NULL, .ctx = w};
    w->now_ms = now_ms;
    return expire_step(ks, &job);
}

static struct keyspace *filled(size_t count, int64_t first_ms, int64_t spread_ms) {
    struct keyspace *ks = keyspace_new(&(struct keyspace_options){.hash_seed = 3});
    for (size_t id = 0; id < count; id++)
        put(ks, id, id % 2 ? first_ms + (int64_t)id % spread_ms : ENTRY_NO_EXPIRE);
    return ks;
}

Test(expire, a_few_keys_go_within_milliseconds) {
    struct keyspace *ks = filled(10, 1000, 1);
    struct witness w = {0};
    cr_assert_eq(step(ks, &w, 999), 0);
    cr_assert_eq(step(ks, &w, 1020), 5);
    cr_assert_eq(w.expired, 5);
    cr_assert_eq(keyspace_count(ks), 5);
    cr_assert_eq(expire_next_ms(ks), INT64_MAX);
    keyspace_check(ks);
    keyspace_free(ks);
}

Test(expire, nothing_due_means_no_question_and_no_look) {
    struct keyspace *ks = filled(50000, 1000000, 1000);
    struct witness w = {.limit = 1};
    for (int64_t now_ms = 0; now_ms < 1000000; now_ms += 50000)
        cr_assert_eq(step(ks, &w, now_ms), 0);
    cr_assert_eq(w.asked, 0);
    cr_assert_geq(expire_next_ms(ks), 1000000);
    keyspace_free(ks);
}

Test(expire, a_budget_is_kept_and_the_next_step_goes_on) {
    struct keyspace *ks = filled(50000, 1000, 1);
    struct witness w = {.limit = 1};
    size_t steps = 0;
    size_t removed = 0;
    while (keyspace_expiring_count(ks) > 0) {
        w.asked = 0;
        size_t now = step(ks, &w, 9000);
        cr_assert_leq(now, 64);
        removed += now;
        cr_assert_lt(++steps, 5000);
    }
    cr_assert_eq(removed, 25000);
    cr_assert_eq(keyspace_count(ks), 25000);
    keyspace_check(ks);
    keyspace_free(ks);
}

Test(expire, keys_that_expire_one_by_one_are_at_most_late_by_the_limit) {
    struct keyspace *ks = filled(20000, 1000, 60000);
    struct witness w = {0};
    for (int64_t now_ms = 0; now_ms <= 70000; now_ms += 100) {
        step(ks, &w, now_ms);
        size_t due = 0;
        for (size_t id = 1; id < 20000; id += 2)
            due += 1000 + (int64_t)id % 60000 <= now_ms - EXPIRE_LATENESS_MS;
        cr_assert_geq(w.expired, due);
    }
    cr_assert_eq(w.expired, 10000);
    keyspace_free(ks);
}

Test(expire, an_expiry_that_is_moved_earlier_counts) {
    struct keyspace *ks = filled(1000, 1000000, 10);
    struct bytes key = BYTES_LIT("k2");
    uint64_t hash = keyspace_hash(ks, key);
    struct entry *e = keyspace_find(ks, key, hash);
    struct keyspace_edit edit = keyspace_edit_begin(e, hash);
    e = entry_set_expire(e, 500);
    keyspace_edit_end(ks, &edit, e);
    cr_assert_eq(keyspace_expiring_count(ks), 501);
    struct witness w = {0};
    cr_assert_eq(step(ks, &w, 500 + EXPIRE_LATENESS_MS), 1);
    cr_assert_null(keyspace_find(ks, key, hash));
    keyspace_free(ks);
}
