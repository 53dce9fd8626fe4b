/* Whole databases: walking, counting, emptying, exchanging. */
#include "test/unit/core/cmd/cmd_harness.h"

/* clang-format off */

#define SYNTAX "-ERR syntax error"

STEPS_TEST(cmd_db, keys_are_listed_and_counted,
    {"KEYS *", "*0", "", ""},
    {"SCAN 0", "*2 $1 0 *0", "", ""},
    {"RANDOMKEY", "$-1", "", ""},
    {"DBSIZE", ":0", "", ""},
    {"SET a1 v", "+OK"},
    {"KEYS a?", "*1 $2 a1", "", ""},
    {"KEYS b?", "*0", "", ""},
    {"SCAN 0", "*2 $1 0 *1 $2 a1", "", ""},
    {"SCAN 0 MATCH b* COUNT 5", "*2 $1 0 *0", "", ""},
    {"SCAN 0 TYPE STRING", "*2 $1 0 *1 $2 a1", "", ""},
    {"SCAN 0 TYPE list", "*2 $1 0 *0", "", ""},
    {"RANDOMKEY", "$2 a1", "", ""},
    {"SET a2 v PX 5", "+OK"},
    {"DBSIZE", ":2", "", ""},
    {"@clock 1000005"},
    {"KEYS *", "*1 $2 a1", "", ""},
    {"DBSIZE", ":2", "", ""},
    {"SCAN 0", "*2 $1 0 *1 $2 a1", "DEL a2", "expired"},
    {"DBSIZE", ":1", "", ""},
    {"PEXPIRE a1 5", ":1"},
    {"@clock 1000010"},
    {"RANDOMKEY", "$-1", "DEL a1", "expired"})

STEPS_TEST(cmd_db, cursors_may_be_anything_that_is_a_number,
    {"SET a v", "+OK"},
    {"SCAN 18446744073709551615", "*2 $1 0 *0", "", ""},
    {"SCAN -1", "*2 $1 0 *0", "", ""},
    {"SCAN 1023", NULL, "", ""},
    {"SCAN \"\"", "*2 $1 0 *1 $1 a", "", ""},
    {"SCAN 007", "*2 $1 0 *1 $1 a", "", ""},
    {"SCAN 18446744073709551616", "-ERR invalid cursor", "", ""},
    {"SCAN x", "-ERR invalid cursor", "", ""},
    {"SCAN 0 COUNT 0", SYNTAX, "", ""},
    {"SCAN 0 COUNT x", "-ERR value is not an integer or out of range", "", ""},
    {"SCAN 0 MATCH", SYNTAX, "", ""},
    {"SCAN 0 NOVALUES", "-ERR NOVALUES option can only be used in HSCAN", "", ""},
    {"SCAN 0 WHAT x", SYNTAX, "", ""})

STEPS_TEST(cmd_db, databases_are_emptied_and_exchanged,
    {"SET a 1", "+OK"},
    {"@db 2"},
    {"SET a 2", "+OK"},
    {"SWAPDB 0 2", "+OK", "SWAPDB 0 2", ""},
    {"GET a", "$1 1", "", ""},
    {"FLUSHDB", "+OK", "FLUSHDB", ""},
    {"DBSIZE", ":0", "", ""},
    {"@db 0"},
    {"GET a", "$1 2", "", ""},
    {"FLUSHDB ASYNC", "+OK", "FLUSHDB", ""},
    {"SET a 1", "+OK"},
    {"FLUSHALL SYNC", "+OK", "FLUSHALL", ""},
    {"GET a", "$-1", "", NULL},
    {"FLUSHALL NOW", SYNTAX, "", ""},
    {"FLUSHDB SYNC SYNC", SYNTAX, "", ""},
    {"SWAPDB x 1", "-ERR invalid first DB index", "", ""},
    {"SWAPDB 1 x", "-ERR invalid second DB index", "", ""},
    {"SWAPDB 16 x", "-ERR invalid second DB index", "", ""},
    {"SWAPDB 1 16", "-ERR DB index is out of range", "", ""})

Test(cmd_db, a_walk_gives_every_key_once_whatever_the_step) {
    enum { KEYS = 3000 };
    struct harness h;
    harness_init(&h);
    char line[64];
    for (int i = 0; i < KEYS; i++) {
        struct key_view kv;
        struct exec x = {.engine = &h.engine};
        char key[16];
        int len = snprintf(key, sizeof(key), "k%d", i);
        (void)key_open_write(&x, bytes_of(key, (size_t)len), &kv);
        key_put(&kv, entry_new_int(kv.key, i, ENTRY_NO_EXPIRE));
    }
    static const int steps[] = {1, 7, 100, 100000};
    for (size_t s = 0; s < COUNT_OF(steps); s++) {
        static unsigned char seen[KEYS];
        memset(seen, 0, sizeof(seen));
        unsigned long long cursor = 0;
        int rounds = 0;
        do {
            buf_clear(&h.reply, SIZE_MAX);
            int len = snprintf(line, sizeof(line), "SCAN %llu COUNT %d\r\n", cursor, steps[s]);
            harness_feed(&h.engine, &h.db, 2, bytes_of(line, (size_t)len), &h.reply, NULL);
            const char *p = harness_flatten(&h.reply);
            cr_assert_eq(sscanf(p, "*2 $%*d %llu", &cursor), 1);
            while ((p = strchr(p, 'k')) != NULL)
                seen[strtol(++p, NULL, 10)]++;
            rounds++;
        } while (cursor != 0);
        for (int i = 0; i < KEYS; i++)
            cr_assert_eq(seen[i], 1, "key %d was given %d times at step %d", i, seen[i], steps[s]);
        cr_assert(rounds >= KEYS / steps[s] / 16);
    }
    harness_deinit(&h);
}

Test(cmd_db, a_walk_goes_on_in_the_next_shard) {
    struct harness h;
    harness_init(&h);
    h.engine.shard_index = 1;
    h.engine.shard_count = 3;
    static const struct step steps[] = {
        {"SCAN 1", "*2 $1 2 *0", "", ""},
        {"SET a v", "+OK"},
        {"SCAN 1", "*2 $1 2 *1 $1 a", "", ""},
    };
    harness_steps(&h, steps, COUNT_OF(steps));
    h.engine.shard_index = 2;
    static const struct step last[] = {{"SCAN 2", "*2 $1 0 *1 $1 a", "", ""}};
    harness_steps(&h, last, COUNT_OF(last));
    harness_deinit(&h);
}

struct put_off_test {
    struct exec_rest *rest;
};

static void put_off_test_take(void *ctx, struct exec *x, struct exec_rest *rest) {
    x->is_deferred = true;
    ((struct put_off_test *)ctx)->rest = rest;
}

Test(cmd_db, listing_many_keys_is_put_off_and_misses_nothing_that_stays) {
    enum { KEYS = 5000 };
    struct harness h;
    struct put_off_test test = {0};
    harness_init(&h);
    struct exec x = {.engine = &h.engine};
    struct key_view kv;
    char key[16];
    for (int i = 0; i < KEYS; i++) {
        int len = snprintf(key, sizeof(key), "k%d", i);
        (void)key_open_write(&x, bytes_of(key, (size_t)len), &kv);
        key_put(&kv, entry_new_int(kv.key, i, ENTRY_NO_EXPIRE));
    }
    h.engine.ops = (struct engine_ops){.ctx = &test, .put_off = put_off_test_take};
    harness_feed(&h.engine, &h.db, 2, BYTES_LIT("KEYS k*\r\n"), &h.reply, NULL);
    cr_assert_not_null(test.rest);
    cr_assert_eq(h.reply.len, 0);
    struct resp_out out;
    resp_out_init(&out, &h.reply, 2);
    int steps = 0;
    for (; !test.rest->step(&h.engine, test.rest, &out); steps++) {
        int len = snprintf(key, sizeof(key), "k%d", steps); /* some go, others come */
        if (key_open_write(&x, bytes_of(key, (size_t)len), &kv))
            key_delete(&kv);
        len = snprintf(key, sizeof(key), "new%d", steps);
        (void)key_open_write(&x, bytes_of(key, (size_t)len), &kv);
        key_put(&kv, entry_new_int(kv.key, 0, ENTRY_NO_EXPIRE));
    }
    test.rest->free(test.rest);
    cr_assert_gt(steps, 4);
    static unsigned char seen[KEYS];
    const char *p = harness_flatten(&h.reply);
    while ((p = strchr(p, 'k')) != NULL)
        seen[strtol(++p, NULL, 10)]++;
    for (int i = steps; i < KEYS; i++)
        cr_assert_eq(seen[i], 1, "key %d was listed %d times", i, seen[i]);
    harness_deinit(&h);
}

Test(cmd_db, a_dropped_database_is_freed_in_steps) {
    struct harness h;
    harness_init(&h);
    static const struct step steps[] = {{"SET a v", "+OK"}, {"FLUSHALL", "+OK"}, {"SET a w", "+OK"}};
    harness_steps(&h, steps, COUNT_OF(steps));
    cr_assert_eq(h.engine.dropped_count, 1);
    int rounds = 0;
    while (!engine_free_step(&h.engine, 1))
        cr_assert(rounds++ < 100);
    cr_assert_eq(h.engine.dropped_count, 0);
    static const struct step after[] = {{"GET a", "$1 w", "", ""}};
    harness_steps(&h, after, COUNT_OF(after));
    harness_deinit(&h);
}
