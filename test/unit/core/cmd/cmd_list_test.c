/* Lists: replies, effects and events of every command, forms, and what does not fit into memory. */
#include "test/unit/core/cmd/cmd_harness.h"

/* clang-format off */

#define WRONGTYPE "-WRONGTYPE Operation against a key holding the wrong kind of value"
#define SYNTAX "-ERR syntax error"

STEPS_TEST(cmd_list, pushing_is_logged_as_it_came,
    {"RPUSH l a b", ":2", "RPUSH l a b", "rpush"},
    {"LPUSH l c d", ":4", "LPUSH l c d", "lpush"},
    {"LPUSHX l e", ":5", "LPUSHX l e", "lpush"},
    {"RPUSHX l f", ":6", "RPUSHX l f", "rpush"},
    {"LPUSHX none e", ":0", "", ""},
    {"RPUSHX none e", ":0", "", ""},
    {"LRANGE l 0 -1", "*6 $1 e $1 d $1 c $1 a $1 b $1 f", "", ""},
    {"OBJECT ENCODING l", "$8 listpack", "", ""},
    {"SET s v", "+OK"},
    {"LPUSH s a", WRONGTYPE, "", ""},
    {"RPUSHX s a", WRONGTYPE, "", ""})

STEPS_TEST(cmd_list, popping_the_last_element_deletes_the_key,
    {"RPUSH l a b c d e", ":5"},
    {"LPOP l", "$1 a", "LPOP l", "lpop"},
    {"RPOP l 2", "*2 $1 e $1 d", "RPOP l 2", "rpop"},
    {"LPOP l 0", "*0", "", ""},
    {"LPOP l 9", "*2 $1 b $1 c", "LPOP l 9", "lpop del"},
    {"LPOP l", "$-1", "", ""},
    {"LPOP l 2", "*-1", "", ""},
    {"RPUSH l a", ":1"},
    {"RPOP l", "$1 a", "RPOP l", "rpop del"},
    {"EXISTS l", ":0"})

STEPS_TEST(cmd_list, changing_the_middle,
    {"RPUSH l a b c b a", ":5"},
    {"LSET l 1 B", "+OK", "LSET l 1 B", "lset"},
    {"LSET l 9 B", "-ERR index out of range", "", ""},
    {"LINSERT l BEFORE c x", ":6", "LINSERT l BEFORE c x", "linsert"},
    {"LINSERT l AFTER nope x", ":-1", "", ""},
    {"LREM l 0 nope", ":0", "", ""},
    {"LREM l -1 a", ":1", "LREM l -1 a", "lrem"},
    {"LRANGE l 0 -1", "*5 $1 a $1 B $1 x $1 c $1 b"},
    {"LTRIM l 0 -1", "+OK", "", "ltrim"},
    {"LTRIM l 1 -2", "+OK", "LTRIM l 1 -2", "ltrim"},
    {"LRANGE l 0 -1", "*3 $1 B $1 x $1 c"},
    {"LTRIM l 2 1", "+OK", "LTRIM l 2 1", "ltrim del"},
    {"RPUSH l a a", ":2"},
    {"LREM l 5 a", ":2", "LREM l 5 a", "lrem del"},
    {"EXISTS l", ":0"})

STEPS_TEST(cmd_list, a_move_is_a_pop_and_a_push_in_the_logs_of_two_keys,
    {"RPUSH a 1 2 3", ":3"},
    {"LMOVE a b LEFT RIGHT", "$1 1", "RPUSH b 1 | LPOP a", "rpush lpop"},
    {"RPOPLPUSH a b", "$1 3", "LPUSH b 3 | RPOP a", "lpush rpop"},
    {"LMOVE a b RIGHT RIGHT", "$1 2", "RPUSH b 2 | RPOP a", "rpush rpop del"},
    {"LMOVE a b LEFT LEFT", "$-1", "", ""},
    {"LRANGE b 0 -1", "*3 $1 3 $1 1 $1 2"},
    {"LMOVE b b LEFT RIGHT", "$1 3", "LMOVE b b LEFT RIGHT", "rpush lpop"},
    {"RPOPLPUSH b b", "$1 3", "LMOVE b b RIGHT LEFT", "lpush rpop"},
    {"LMOVE b b LEFT LEFT", "$1 3", "LMOVE b b LEFT LEFT", "lpush lpop"},
    {"LRANGE b 0 -1", "*3 $1 3 $1 1 $1 2"},
    {"SET s v", "+OK"},
    {"LMOVE b s LEFT LEFT", WRONGTYPE, "", ""},
    {"LMOVE s b LEFT LEFT", WRONGTYPE, "", ""})

STEPS_TEST(cmd_list, several_keys_are_popped_in_the_order_of_the_arguments,
    {"RPUSH a 1 2 3", ":3"},
    {"RPUSH b 4", ":1"},
    {"LMPOP 3 x b a LEFT COUNT 2", "*2 $1 b *1 $1 4", "LPOP b 1", "lpop del"},
    {"LMPOP 3 x b a RIGHT COUNT 2", "*2 $1 a *2 $1 3 $1 2", "RPOP a 2", "rpop"},
    {"LMPOP 2 x b LEFT", "*-1", "", ""})

STEPS_TEST(cmd_list, commands_that_wait_pop_at_once_when_they_can,
    {"RPUSH a 1 2 3 4 5", ":5"},
    {"BLPOP x a 0", "*2 $1 a $1 1", "LPOP a", "lpop"},
    {"BRPOP x a 0", "*2 $1 a $1 5", "RPOP a", "rpop"},
    {"BLMOVE a b LEFT RIGHT 0", "$1 2", "RPUSH b 2 | LPOP a", "rpush lpop"},
    {"BRPOPLPUSH a b 0", "$1 4", "LPUSH b 4 | RPOP a", "lpush rpop"},
    {"BLMPOP 0 2 x a LEFT", "*2 $1 a *1 $1 3", "LPOP a 1", "lpop del"},
    {"BLPOP x 0", "*-1", "", ""},
    {"BLMOVE x b LEFT LEFT 0", "$-1", "", ""},
    {"BLMPOP 0 1 x LEFT", "*-1", "", ""},
    {"BLPOP x 1e300", "-ERR timeout is out of range", "", ""},
    {"BLPOP x -1", "-ERR timeout is negative", "", ""},
    {"BLPOP x y", "-ERR timeout is not a float or out of range", "", ""})

STEPS_TEST(cmd_list, several_elements_move_one_by_one_or_as_a_block,
    {"RPUSH a 1 2 3 4 5 6 7 8 9", ":9"},
    {"LMOVEM a b LEFT RIGHT", "*1 $1 1", "RPUSH b 1 | LPOP a 1", "rpush lpop"},
    {"LMOVEM a b LEFT RIGHT COUNT 2 OBO", "*2 $1 2 $1 3", "RPUSH b 2 3 | LPOP a 2", "rpush lpop"},
    {"LMOVEM a b LEFT LEFT COUNT 2 OBO", "*2 $1 5 $1 4", "LPUSH b 4 5 | LPOP a 2", "lpush lpop"},
    {"LMOVEM a c LEFT LEFT COUNT 2 BULK", "*2 $1 6 $1 7", "LPUSH c 7 6 | LPOP a 2", "lpush lpop"},
    {"LMOVEM a c RIGHT LEFT EXACTLY 3 BULK", "*-1", "", ""},
    {"LMOVEM a c RIGHT LEFT EXACTLY 2 BULK", "*2 $1 8 $1 9", "LPUSH c 9 8 | RPOP a 2", "lpush rpop del"},
    {"LRANGE c 0 -1", "*4 $1 8 $1 9 $1 6 $1 7"},
    {"LMOVEM b c RIGHT RIGHT COUNT 2 OBO", "*2 $1 3 $1 2", "RPUSH c 3 2 | RPOP b 2", "rpush rpop"},
    {"LMOVEM c d RIGHT RIGHT COUNT 2 BULK", "*2 $1 3 $1 2", "RPUSH d 3 2 | RPOP c 2", "rpush rpop"},
    {"LMOVEM none d LEFT LEFT", "*-1", "", ""},
    {"LMOVEM c c LEFT RIGHT COUNT 2 OBO", "*2 $1 8 $1 9", "LMOVEM c c LEFT RIGHT COUNT 2 OBO", "rpush lpop"},
    {"LRANGE c 0 -1", "*4 $1 6 $1 7 $1 8 $1 9"},
    {"LMOVEM c c RIGHT LEFT COUNT 9 BULK", "*4 $1 6 $1 7 $1 8 $1 9", "LMOVEM c c RIGHT LEFT COUNT 4 BULK", NULL},
    {"LMOVEM c c LEFT LEFT COUNT 2 BULK", "*2 $1 6 $1 7", NULL, "lpush lpop"},
    {"LMOVEM c c LEFT LEFT COUNT 2 OBO", "*2 $1 6 $1 6", NULL, "lpush lpop"},
    {"LRANGE c 0 -1", "*4 $1 6 $1 7 $1 8 $1 9"},
    {"LMOVEM c d LEFT LEFT COUNT 1", SYNTAX, "", ""},
    {"LMOVEM c d LEFT LEFT COUNT 1 FOO", SYNTAX, "", ""},
    {"LMOVEM c d LEFT LEFT FOO 1 OBO", SYNTAX, "", ""},
    {"LMOVEM c d LEFT LEFT COUNT 0 OBO", "-ERR count should be greater than 0", "", ""},
    {"LMOVEM c d LEFT UP", SYNTAX, "", ""},
    {"BLMOVEM c d LEFT RIGHT 0 EXACTLY 4 BULK", "*4 $1 6 $1 7 $1 8 $1 9", NULL, "rpush lpop del"},
    {"BLMOVEM c d LEFT RIGHT 0 EXACTLY 4 BULK", "*-1", "", ""},
    {"SET s v", "+OK"},
    {"LMOVEM s d LEFT LEFT", WRONGTYPE, "", ""},
    {"LMOVEM d s LEFT LEFT EXACTLY 100 OBO", WRONGTYPE, "", ""})

STEPS_TEST(cmd_list, positions_are_found_from_both_ends,
    {"RPUSH l a b c 1 2 3 c c", ":8"},
    {"LPOS l c", ":2", "", ""},
    {"LPOS l c RANK -1", ":7"},
    {"LPOS l c RANK 2 COUNT 0", "*2 :6 :7"},
    {"LPOS l c RANK -1 COUNT 2", "*2 :7 :6"},
    {"LPOS l c COUNT 0 MAXLEN 7", "*2 :2 :6"},
    {"LPOS l 2", ":4"},
    {"LPOS l c RANK -9223372036854775808",
     "-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"},
    {"LREM l -9223372036854775808 c",
     "-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"})

/* clang-format on */

static void step_run(struct harness *h, const char *line) {
    struct buf effects;
    buf_init(&effects);
    harness_run(h, line, &effects);
    buf_deinit(&effects);
}

static void step_expect(struct harness *h, const char *line, const char *want) {
    struct buf effects;
    buf_init(&effects);
    const char *reply = harness_run(h, line, &effects);
    cr_expect_str_eq(reply, want, "%s: %s, not %s", line, reply, want);
    buf_deinit(&effects);
}

Test(cmd_list, the_form_follows_the_length_both_ways) {
    static const struct {
        int size;
        int fits; /* elements of 8 bytes that are still a listpack */
        int back; /* elements at which it becomes one again: when the first node is used up, and half full at most */
    } cases[] = {{4, 4, 1}, {1, 1, 0}, {0, 1, 0}};
    for (size_t c = 0; c < COUNT_OF(cases); c++) {
        struct harness h;
        harness_init(&h);
        h.config.list_max_listpack_size = cases[c].size;
        for (int i = 0; i < cases[c].fits; i++)
            step_run(&h, "RPUSH l eight_by");
        step_expect(&h, "OBJECT ENCODING l", "$8 listpack");
        step_run(&h, "RPUSH l eight_by");
        step_expect(&h, "OBJECT ENCODING l", "$9 quicklist");
        for (int left = cases[c].fits + 1; left > cases[c].back; left--) {
            step_expect(&h, "OBJECT ENCODING l", "$9 quicklist");
            step_run(&h, "LPOP l");
        }
        if (cases[c].back > 0)
            step_expect(&h, "OBJECT ENCODING l", "$8 listpack");
        harness_deinit(&h);
    }
}

Test(cmd_list, an_element_longer_than_a_node_makes_a_quicklist) {
    struct harness h;
    harness_init(&h);
    struct buf line;
    buf_init(&line);
    buf_printf(&line, "RPUSH l %.*d", 9000, 7);
    buf_put_char(&line, '\0');
    struct buf effects = {0};
    harness_run(&h, line.ptr, &effects);
    step_expect(&h, "OBJECT ENCODING l", "$9 quicklist");
    step_expect(&h, "LSET l 0 small", "+OK");
    step_expect(&h, "OBJECT ENCODING l", "$8 listpack");
    line.ptr[0] = 'L';
    h.fail_nth = 1;
    cr_expect_str_eq(harness_run(&h, line.ptr, &effects),
                     "-OOM command not allowed when used memory > 'maxmemory'.");
    h.fail_nth = 0;
    step_expect(&h, "LRANGE l 0 -1", "*1 $5 small");
    buf_deinit(&line);
    buf_deinit(&effects);
    harness_deinit(&h);
}

/* Random commands over a few lists, with tiny nodes and compression: the replay must agree after each (the harness), and
 * the reads must not break anything. */
Test(cmd_list, random_commands_replay_to_the_same_lists, .timeout = 60) {
    static const char *const forms[] = {
        "RPUSH %c %d %d",
        "LPUSH %c %d x%d",
        "LPOP %c",
        "RPOP %c 2",
        "LSET %c %d v%d",
        "LINSERT %c BEFORE %d %d",
        "LREM %c 1 %d",
        "LREM %c -2 %d",
        "LTRIM %c 0 %d",
        "LRANGE %c %d %d",
        "LINDEX %c %d",
        "LPOS %c %d COUNT 0 RANK -1",
        "LMOVE %c b LEFT RIGHT",
        "LMOVEM %c a RIGHT LEFT COUNT %d BULK",
        "LMPOP 2 %c b RIGHT COUNT %d",
        "RPUSHX %c %d",
        "LINSERT %c AFTER %d a_rather_long_element_that_takes_more_room_than_others_%d",
    };
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct harness h;
        harness_init(&h);
        struct rng rng;
        rng_init(&rng, seed);
        h.config.list_max_listpack_size = seed % 3 == 0 ? 3 : seed % 3 == 1 ? 10 : -1;
        h.config.list_compress_depth = (int)(seed % 2);
        for (int step = 0; step < 1500; step++) {
            char line[200];
            struct buf effects = {0};
            const char *form = forms[rng_below(&rng, COUNT_OF(forms))];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            snprintf(line, sizeof line, form, (int)('a' + rng_below(&rng, 3)), (int)rng_below(&rng, 20),
                     (int)rng_below(&rng, 20));
#pragma GCC diagnostic pop
            cr_log_info("seed %llu: %s", (unsigned long long)seed, line);
            harness_run(&h, line, &effects);
            buf_deinit(&effects);
        }
        harness_deinit(&h);
    }
}
