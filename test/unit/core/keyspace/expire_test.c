/* Active expiry: what is due goes, in time, within the budget, and for nothing when nothing is due. */
#include "core/keyspace/expire.h"
#include "core/value/hash.h"

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

/* A hash with one field, which expires by itself. */
static void put_hash(struct keyspace *ks, size_t id, int64_t due_ms, int64_t expire_ms) {
    char text[24];
    struct hash_limits limits = {.fields_max = 10, .string_bytes_max = 10};
    struct bytes key = bytes_of(text, (size_t)snprintf(text, sizeof(text), "h%zu", id));
    struct entry *e = hash_new_entry(key);
    cr_assert_eq(hash_put(e, &limits, BYTES_LIT("f"), BYTES_LIT("v"), due_ms), HASH_ADDED);
    if (expire_ms != ENTRY_NO_EXPIRE)
        e = entry_set_expire(e, expire_ms);
    keyspace_put(ks, keyspace_hash(ks, key), e);
}

static void forget(void *ctx, const struct hash_item *item) {
    (void)item;
    ++*(size_t *)ctx;
}

struct parts_witness {
    size_t removed;
    int64_t now_ms;
};

static bool expire_parts(void *ctx, struct entry *e, uint64_t hash) {
    struct parts_witness *w = ctx;
    (void)hash;
    cr_assert(hash_remove_due(e, w->now_ms, 10, (struct hash_visitor){forget, &w->removed}));
    return hash_count(e) == 0;
}

Test(expire, parts_of_entries_expire_and_the_empty_entry_goes) {
    struct keyspace *ks = filled(2000, 1000000, 10);
    struct parts_witness w = {0, 999};
    struct expire_job job = {.expire_parts = expire_parts, .ctx = &w};
    for (size_t id = 0; id < 300; id++)
        put_hash(ks, id, 1000 + (int64_t)id, id % 3 ? ENTRY_NO_EXPIRE : 500000);
    cr_assert_eq(keyspace_subexpiring_count(ks), 300);
    cr_assert_eq(keyspace_expiring_count(ks), 1100);
    for (; w.now_ms <= 1300 + EXPIRE_LATENESS_MS; w.now_ms += 50) {
        job.now_ms = w.now_ms;
        expire_step(ks, &job);
        cr_assert_leq(w.removed, w.now_ms < 1000 ? 0 : (size_t)(w.now_ms - 999));
        keyspace_check(ks);
    }
    cr_assert_eq(w.removed, 300);
    cr_assert_eq(keyspace_count(ks), 2000);
    cr_assert_eq(keyspace_subexpiring_count(ks), 0);
    cr_assert_eq(keyspace_expiring_count(ks), 1000);
    keyspace_free(ks);
}

Test(expire, an_entry_of_which_only_parts_expire_is_not_drawn_as_expiring) {
    struct keyspace *ks = keyspace_new(&(struct keyspace_options){.hash_seed = 3});
    struct rng rng;
    rng_init(&rng, 1);
    for (size_t id = 0; id < 3000; id++)
        put_hash(ks, id, 1000, ENTRY_NO_EXPIRE);
    cr_assert_null(keyspace_random_expiring(ks, &rng));
    put(ks, 1, 5000);
    for (int i = 0; i < 20; i++)
        cr_assert(entry_has_expire(keyspace_random_expiring(ks, &rng)));
    keyspace_free(ks);
}
