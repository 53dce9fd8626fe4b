/* Set commands: replies, effects, events. Orders that chance decides are avoided: sets of integers reply in order. */
#include "test/unit/core/cmd/cmd_harness.h"

#include "core/value/set.h"

STEPS_TEST(cmd_set, adding_and_removing, {"SADD s 3 1 2", ":3", "SADD s 3 1 2", "sadd"},
           {"SADD s 3 1", ":0", "", ""}, {"SADD s 3 4 4", ":1", "SADD s 3 4 4", "sadd"},
           {"SMEMBERS s", "*4 $1 1 $1 2 $1 3 $1 4", "", ""}, {"SCARD s", ":4", "", ""},
           {"SISMEMBER s 4", ":1"}, {"SISMEMBER s 04", ":0"}, {"SMISMEMBER s 1 9 2", "*3 :1 :0 :1"},
           {"SMISMEMBER none 1 9", "*2 :0 :0"}, {"SREM s 9", ":0", "", ""},
           {"SREM s 1 9 2", ":2", "SREM s 1 9 2", "srem"}, {"SREM s 3 4 5", ":2", "SREM s 3 4 5", "srem del"},
           {"EXISTS s", ":0"}, {"SREM s 1", ":0", "", NULL}, {"SMEMBERS s", "*0", "", "keymiss"},
           {"@proto 3"}, {"SADD s 1", ":1"}, {"SMEMBERS s", "~1 $1 1"}, {"SMEMBERS none", "~0"})

STEPS_TEST(cmd_set, wrong_types_are_refused_and_nothing_changes, {"SET str v", "+OK"}, {"SADD s 1", ":1"},
           {"SADD str a", "-WRONGTYPE Operation against a key holding the wrong kind of value", "", ""},
           {"SMOVE s str 1", "-WRONGTYPE Operation against a key holding the wrong kind of value", "", ""},
           {"SUNIONSTORE d s str", "-WRONGTYPE Operation against a key holding the wrong kind of value", "",
            ""},
           {"SINTERCARD 2 s str", "-WRONGTYPE Operation against a key holding the wrong kind of value", "",
            ""},
           {"SPOP str", "-WRONGTYPE Operation against a key holding the wrong kind of value", "", ""},
           {"SMEMBERS s", "*1 $1 1"})

STEPS_TEST(cmd_set, moving, {"SADD a 1 2", ":2"}, {"SMOVE a b 1", ":1", "SREM a 1 | SADD b 1", "srem sadd"},
           {"SMOVE a b 7", ":0", "", ""}, {"SMOVE a a 2", ":1", "", ""}, {"SMOVE a a 3", ":0", "", ""},
           {"SADD b 2", ":1"}, {"SMOVE a b 2", ":1", "SREM a 2", "srem del"}, {"EXISTS a", ":0"},
           {"SMOVE a b 2", ":0", "", NULL}, {"SMEMBERS b", "*2 $1 1 $1 2"})

STEPS_TEST(cmd_set, pop_is_logged_as_what_went, {"SADD s 7", ":1"},
           {"SPOP s", "$1 7", "SREM s 7", "spop del"}, {"SPOP s", "$-1", "", NULL},
           {"SPOP s 3", "*0", "", NULL}, {"SADD s 1 2 3", ":3"}, {"SPOP s 0", "*0", "", ""},
           {"SPOP s 3", "*3 $1 1 $1 2 $1 3", "DEL s", "spop del"}, {"SADD s 1 2 3", ":3"},
           {"SPOP s 9", "*3 $1 1 $1 2 $1 3", "DEL s", "spop del"}, {"SADD s 1 2 3 4 5 6", ":6"},
           {"SPOP s 2", NULL, NULL, "spop"}, {"SCARD s", ":4"},
           {"SPOP s -1", "-ERR value is out of range, must be positive", "", ""},
           {"SPOP s x", "-ERR value is out of range, must be positive", "", ""},
           {"SPOP s 1 1", "-ERR syntax error", "", ""})

STEPS_TEST(cmd_set, algebra_stores_whole_results, {"SADD a 1 2 3", ":3"}, {"SADD b 2 3 4", ":3"},
           {"SINTER a b", "*2 $1 2 $1 3", "", ""}, {"SUNION a b", "*4 $1 1 $1 2 $1 3 $1 4", "", ""},
           {"SDIFF a b", "*1 $1 1", "", ""}, {"SINTERCARD 2 a b", ":2"}, {"SINTERCARD 2 a b LIMIT 1", ":1"},
           {"SUNIONCARD 2 a b", ":4"}, {"SUNIONCARD 2 a b LIMIT 3", ":3"}, {"SUNIONCARD 2 a b APPROX", ":4"},
           {"SUNIONCARD 2 a b APPROX LIMIT 2", ":2"}, {"SUNIONCARD 2 a b LIMIT 0 approx", ":4"},
           {"SUNIONCARD 2 a none", ":3"}, {"SDIFFCARD 2 a b", ":1"}, {"SDIFFCARD 2 a none LIMIT 2", ":2"},
           {"SDIFFCARD 2 none a", ":0"}, {"SDIFFCARD 2 a b APPROX", "-ERR syntax error"},
           {"SDIFFCARD 0 a", "-ERR numkeys should be greater than 0"},
           {"SUNIONCARD 3 a b", "-ERR Number of keys can't be greater than number of args"},
           {"SUNIONCARD 2 a b LIMIT -1", "-ERR LIMIT can't be negative"},
           {"SINTERSTORE d a b", ":2", NULL, "sinterstore"}, {"SMEMBERS d", "*2 $1 2 $1 3"},
           {"SUNIONSTORE d a b", ":4", NULL, "sunionstore"}, {"SDIFFSTORE d a b", ":1", NULL, "sdiffstore"},
           {"SMEMBERS d", "*1 $1 1"}, {"EXPIRE d 100", ":1"}, {"SDIFFSTORE d a b", ":1"}, {"TTL d", ":-1"},
           {"SINTERSTORE d a none", ":0", "DEL d", NULL}, {"SINTERSTORE d a none", ":0", "", NULL},
           {"SET str v", "+OK"}, {"SUNIONSTORE str a", ":3", NULL, "sunionstore"}, {"TYPE str", "+set"},
           {"SUNIONSTORE a a b", ":4", NULL, "sunionstore"}, {"SMEMBERS a", "*4 $1 1 $1 2 $1 3 $1 4"},
           {"SINTER a a", "*4 $1 1 $1 2 $1 3 $1 4"}, {"SDIFF a a", "*0"})

STEPS_TEST(cmd_set, encodings_follow_what_is_stored, {"SADD s 1 2", ":2"}, {"OBJECT ENCODING s", "$6 intset"},
           {"SADD s x", ":1"}, {"OBJECT ENCODING s", "$8 listpack"},
           {"SADD s aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", ":1"},
           {"OBJECT ENCODING s", "$9 hashtable"},
           {"SREM s aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", ":1"},
           {"OBJECT ENCODING s", "$9 hashtable"}, {"SADD n 1", ":1"}, {"SINTERSTORE d s s", ":3"},
           {"OBJECT ENCODING d", "$8 listpack"}, {"SREM s x", ":1"}, {"SUNIONSTORE d s n", ":2"},
           {"OBJECT ENCODING d", "$6 intset"}, {"COPY s t", ":1"}, {"OBJECT ENCODING t", NULL},
           {"RENAME t u", "+OK"}, {"SCARD u", ":2"})

STEPS_TEST(cmd_set, scanning, {"SSCAN none 0", "*2 $1 0 *0"}, {"SADD s 1 2 30", ":3"},
           {"SSCAN s 0", "*2 $1 0 *3 $1 1 $1 2 $2 30"}, {"SSCAN s 0 MATCH 3*", "*2 $1 0 *1 $2 30"},
           {"SSCAN s 0 COUNT 0", "-ERR syntax error"}, {"SSCAN s x", "-ERR invalid cursor"})

/* ---- by chance, and large ---- */

static size_t count_words(const char *text, const char *word) {
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, word)) != NULL; at++)
        count++;
    return count;
}

/* SPOP and SRANDMEMBER of every size, over every encoding: what is popped is gone, and the rest stays. */
Test(cmd_set, popping_any_number_leaves_the_others) {
    static const struct {
        int members;
        const char *prefix;
    } sets[] = {{40, ""}, {40, "t"}, {1000, "t"}};
    struct harness h;
    struct buf effects;
    struct buf line;
    char text[64];
    harness_init(&h);
    buf_init(&effects);
    buf_init(&line);
    for (size_t s = 0; s < COUNT_OF(sets); s++) {
        for (int part = 1; part < 10; part += 2) {
            int count = sets[s].members * part / 10;
            buf_clear(&line, SIZE_MAX);
            BUF_PUT_LIT(&line, "SADD s");
            for (int i = 0; i < sets[s].members; i++)
                buf_printf(&line, " %s%d", sets[s].prefix, i);
            buf_put_char(&line, '\0');
            harness_run(&h, line.ptr, &effects);
            snprintf(text, sizeof(text), "SRANDMEMBER s %d", count);
            cr_assert_eq((int)strtol(harness_run(&h, text, &effects) + 1, NULL, 10), count);
            snprintf(text, sizeof(text), "SRANDMEMBER s -%d", count * 3);
            cr_assert_eq((int)strtol(harness_run(&h, text, &effects) + 1, NULL, 10), count * 3);
            snprintf(text, sizeof(text), "SPOP s %d", count);
            const char *reply = harness_run(&h, text, &effects);
            cr_assert_eq((int)strtol(reply + 1, NULL, 10), count);
            cr_assert_eq(count_words(reply, "$"), (size_t)count);
            snprintf(text, sizeof(text), ":%d", sets[s].members - count);
            cr_assert_str_eq(harness_run(&h, "SCARD s", &effects), text);
            harness_run(&h, "DEL s", &effects);
        }
    }
    buf_deinit(&effects);
    buf_deinit(&line);
    harness_deinit(&h);
}

/* Algebra over large sets of all encodings against sums that are known. */
Test(cmd_set, algebra_of_many_large_sets) {
    struct harness h;
    struct buf effects;
    struct buf line;
    harness_init(&h);
    buf_init(&effects);
    buf_init(&line);
    for (int s = 0; s < 8; s++) { /* set s: the numbers 0 .. 999 whose bit s is 1, as words or as numbers */
        buf_clear(&line, SIZE_MAX);
        buf_printf(&line, "SADD s%d", s);
        for (int i = 0; i < 1000; i++)
            if (i >> s & 1)
                buf_printf(&line, " %d", i);
        buf_put_char(&line, '\0');
        harness_run(&h, line.ptr, &effects);
    }
    cr_assert_str_eq(harness_run(&h, "SINTERCARD 3 s0 s1 s2", &effects), ":125");
    cr_assert_str_eq(harness_run(&h, "SUNIONCARD 2 s0 s1", &effects), ":750");
    cr_assert_str_eq(harness_run(&h, "SUNIONCARD 8 s0 s1 s2 s3 s4 s5 s6 s7", &effects), ":996");
    cr_assert_str_eq(harness_run(&h, "SUNIONSTORE u s0 s1 s2 s3 s4 s5 s6 s7", &effects), ":996");
    cr_assert_str_eq(harness_run(&h, "SDIFFCARD 2 u s0", &effects), ":496");
    cr_assert_str_eq(harness_run(&h, "SDIFFCARD 7 u s0 s1 s2 s3 s4 s5", &effects), ":12");
    cr_assert_str_eq(harness_run(&h, "SDIFFSTORE u u s0", &effects), ":496");
    cr_assert_str_eq(harness_run(&h, "SADD small 1 2 3 5", &effects), ":4");
    cr_assert_str_eq(harness_run(&h, "SDIFFCARD 5 s0 small small small small", &effects), ":497");
    buf_deinit(&effects);
    buf_deinit(&line);
    harness_deinit(&h);
}

/* A long member that finds no memory, after others were added: none of them is there then. */
Test(cmd_set, an_error_for_lack_of_memory_changes_nothing) {
    struct harness h;
    struct buf effects;
    char line[700] = "SADD s new ";
    size_t len = strlen(line);
    harness_init(&h);
    buf_init(&effects);
    memset(line + len, 'x', 600);
    line[len + 600] = '\0';
    harness_run(&h, "SADD s a b", &effects);
    h.fail_nth = 1;
    cr_assert(strncmp(harness_run(&h, line, &effects), "-OOM", 4) == 0);
    h.fail_nth = 0;
    cr_assert_str_eq(harness_run(&h, "SCARD s", &effects), ":2");
    cr_assert_str_eq(harness_run(&h, "SISMEMBER s new", &effects), ":0");
    cr_assert_str_eq(harness_run(&h, line, &effects), ":2");
    line[5] = 't'; /* a key that is to be made */
    h.fail_nth = 1;
    cr_assert(strncmp(harness_run(&h, line, &effects), "-OOM", 4) == 0);
    h.fail_nth = 0;
    cr_assert_str_eq(harness_run(&h, "EXISTS t", &effects), ":0");
    buf_deinit(&effects);
    harness_deinit(&h);
}

/* SSCAN over a table gives every member, while members come and go. */
Test(cmd_set, scanning_a_table_gives_every_member) {
    struct harness h;
    struct buf effects;
    char text[64];
    bool *seen = calloc(2000, sizeof *seen);
    unsigned long long cursor = 0;
    int round = 0;
    harness_init(&h);
    buf_init(&effects);
    for (int i = 0; i < 2000; i++) {
        snprintf(text, sizeof(text), "SADD s member:%d", i);
        harness_run(&h, text, &effects);
    }
    do {
        snprintf(text, sizeof(text), "SSCAN s %llu COUNT 50", cursor);
        const char *at = harness_run(&h, text, &effects);
        cursor = strtoull(strchr(at + 3, ' ') + 1, NULL, 10);
        while ((at = strstr(at, "member:")) != NULL) {
            at += strlen("member:");
            seen[strtol(at, NULL, 10)] = true;
        }
        snprintf(text, sizeof(text), "SADD s other:%d", round++);
        harness_run(&h, text, &effects);
        cr_assert_lt(round, 1000);
    } while (cursor != 0);
    for (int i = 0; i < 2000; i++)
        cr_assert(seen[i], "member %d was not given", i);
    cr_assert_gt(round, 20);
    free(seen);
    buf_deinit(&effects);
    harness_deinit(&h);
}
