/* Commands of sorted sets: replies, effects, events. */
#include "test/unit/core/cmd/cmd_harness.h"

STEPS_TEST(cmd_zset, zadd_logs_what_it_did_and_says_so, {"ZADD z 1 a 2 b", ":2", "ZADD z 1 a 2 b", "zadd"},
           {"ZADD z 1 a", ":0", "", ""}, {"ZADD z CH 3 a 3 c", ":2", "ZADD z CH 3 a 3 c", "zadd"},
           {"ZADD z NX 9 a", ":0", "", ""}, {"ZADD z GT 1 a 5 b", ":0", "ZADD z GT 1 a 5 b", "zadd"},
           {"ZADD none XX 1 a", ":0", "", ""}, {"ZADD z XX INCR 1 none", "$-1", "", ""},
           {"ZADD none XX INCR 1 a", "$-1", "", ""}, {"ZADD z INCR 1.5 a", "$3 4.5", "ZADD z 4.5 a", "zincr"},
           {"ZADD z GT INCR -1 a", "$-1", "", ""}, {"ZINCRBY z 0.5 a", "$1 5", "ZADD z 5 a", "zincr"},
           {"ZINCRBY z 0 a", "$1 5", "", ""}, {"ZINCRBY new 2 a", "$1 2", "ZADD new 2 a", "zincr"},
           {"ZADD z inf a", ":0", "ZADD z inf a", "zadd"},
           {"ZINCRBY z -inf a", "-ERR resulting score is not a number (NaN)", "", ""},
           {"ZADD z 1 a x b", "-ERR value is not a valid float", "", ""},
           {"ZADD z 1 a 2", "-ERR syntax error", "", ""}, {"SET s v", "+OK"},
           {"ZADD s 1 a", "-WRONGTYPE Operation against a key holding the wrong kind of value", "", ""},
           {"@proto 3", NULL}, {"ZADD z INCR 1 b", ",6", "ZADD z 6 b", "zincr"}, {"ZSCORE z b", ",6"},
           {"ZSCORE z none", "_"})

STEPS_TEST(cmd_zset, the_last_member_takes_the_key_along, {"ZADD z 1 a 2 b 3 c 4 d", ":4"},
           {"ZREM z a none", ":1", "ZREM z a none", "zrem"}, {"ZREM z none", ":0", "", ""},
           {"ZREM z b c d a", ":3", "ZREM z b c d a", "zrem del"}, {"EXISTS z", ":0"},
           {"ZADD z 1 a 2 b", ":2"},
           {"ZREMRANGEBYSCORE z 1 (2", ":1", "ZREMRANGEBYSCORE z 1 (2", "zremrangebyscore"},
           {"ZREMRANGEBYRANK z 5 9", ":0", "", ""},
           {"ZREMRANGEBYRANK z 0 -1", ":1", "ZREMRANGEBYRANK z 0 -1", "zremrangebyrank del"},
           {"EXISTS z", ":0"}, {"ZADD z 0 a", ":1"},
           {"ZREMRANGEBYLEX z - +", ":1", "ZREMRANGEBYLEX z - +", "zremrangebylex del"},
           {"ZADD z 1 a 2 b 3 c", ":3"}, {"ZPOPMIN z", "*2 $1 a $1 1", "ZPOPMIN z 1", "zpopmin"},
           {"ZPOPMAX z 9", "*4 $1 c $1 3 $1 b $1 2", "ZPOPMAX z 2", "zpopmax del"},
           {"ZPOPMAX z 9", "*0", "", ""}, {"ZADD z 1 a 2 b", ":2"},
           {"ZMPOP 2 none z MIN", "*2 $1 z *1 *2 $1 a $1 1", "ZPOPMIN z 1", "zpopmin"},
           {"BZMPOP 0 2 none z MAX COUNT 5", "*2 $1 z *1 *2 $1 b $1 2", "ZPOPMAX z 1", "zpopmax del"},
           {"BZPOPMIN none z 1", "*-1", "", ""}, {"ZADD z 1 a", ":1"},
           {"BZPOPMAX none z 1", "*3 $1 z $1 a $1 1", "ZPOPMAX z 1", "zpopmax del"}, {"@proto 3", NULL},
           {"ZADD z 1 a 2 b 3 c", ":3"}, {"ZPOPMIN z", "*2 $1 a ,1"}, {"ZPOPMIN z 1", "*1 *2 $1 b ,2"},
           {"ZRANGE z 0 -1 WITHSCORES", "*1 *2 $1 c ,3"}, {"BZPOPMIN z 0", "*3 $1 z $1 c ,3"})

STEPS_TEST(cmd_zset, results_are_stored_whole, {"ZADD a 1 x 2 y 3 z", ":3"}, {"ZADD b 10 y 20 z", ":2"},
           {"ZUNIONSTORE out 2 a b", ":3", NULL, "zunionstore"},
           {"ZINTERSTORE out 2 a b WEIGHTS 1 0.5", ":2", NULL, "zinterstore"},
           {"ZDIFFSTORE out 2 a b", ":1", NULL, "zdiffstore"},
           {"ZDIFFSTORE out 2 a a", ":0", "DEL out", "del"}, {"ZDIFFSTORE out 2 a a", ":0", "", ""},
           {"ZRANGESTORE out a 1 -1", ":2", NULL, "zrangestore"},
           {"ZRANGESTORE out a 7 9", ":0", "DEL out", "del"}, {"SET out v", "+OK"},
           {"ZUNIONSTORE out 2 a b AGGREGATE COUNT WEIGHTS 1 5", ":3", NULL, NULL},
           {"ZINTER 2 a b AGGREGATE COUNT WITHSCORES", "*4 $1 y $1 2 $1 z $1 2"}, {"SADD plain x 7", ":2"},
           {"ZUNION 2 a plain WITHSCORES", "*8 $1 7 $1 1 $1 x $1 2 $1 y $1 2 $1 z $1 3"},
           {"ZINTER 2 a plain WITHSCORES", "*2 $1 x $1 2"}, {"ZDIFF 2 plain a WITHSCORES", "*2 $1 7 $1 1"},
           {"ZUNIONSTORE out 1 plain WEIGHTS 2", ":2", NULL, "zunionstore"},
           {"ZINTERCARD 3 a plain a LIMIT 5", ":1"}, {"ZUNION 1 s", "*0"}, {"SET s v", "+OK"},
           {"ZUNION 2 a s", "-WRONGTYPE Operation against a key holding the wrong kind of value"})

STEPS_TEST(cmd_zset, ranks_come_with_scores_where_asked, {"ZADD z 1 a 2.5 b", ":2"},
           {"ZRANK z b WITHSCORE", "*2 :1 $3 2.5"}, {"ZREVRANK z b WITHSCORE", "*2 :0 $3 2.5"},
           {"ZRANK z none WITHSCORE", "*-1"}, {"ZRANK none a WITHSCORE", "*-1"}, {"ZRANK none a", "$-1"},
           {"ZRANK z b WITHSCORES", "-ERR syntax error"},
           {"ZRANK z b WITHSCORE x", "-ERR wrong number of arguments for 'zrank' command"})

/* ---- large ones ---- */

static const char *run(struct harness *h, const char *line) {
    struct buf effects;
    buf_init(&effects);
    const char *reply = harness_run(h, line, &effects);
    buf_deinit(&effects);
    return reply;
}

Test(cmd_zset, random_members_are_members_and_different_where_asked) {
    struct harness h;
    harness_init(&h);
    char line[64];
    for (int i = 0; i < 300; i++) {
        snprintf(line, sizeof line, "ZADD z %d m%d", i, i);
        run(&h, line);
    }
    static const int counts[] = {1, 10, 90, 110, 299, 300, 1000};
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        bool seen[300] = {false};
        snprintf(line, sizeof line, "ZRANDMEMBER z %d", counts[i]);
        const char *reply = run(&h, line);
        int given = 0;
        for (const char *at = strchr(reply, 'm'); at != NULL; at = strchr(at + 1, 'm')) {
            long n = strtol(at + 1, NULL, 10);
            cr_assert(n >= 0 && n < 300 && !seen[n]);
            seen[n] = true;
            given++;
        }
        cr_assert_eq(given, counts[i] < 300 ? counts[i] : 300);
    }
    harness_deinit(&h);
}

Test(cmd_zset, a_large_one_replays_and_is_freed) {
    struct harness h;
    harness_init(&h);
    struct buf line;
    buf_init(&line);
    for (int i = 0; i < 20; i++) {
        buf_clear(&line, SIZE_MAX);
        buf_printf(&line, "ZADD z");
        for (int j = 0; j < 100; j++)
            buf_printf(&line, " %d.5 m%d", (i * 7919 + j * 104729) % 1000, i * 100 + j);
        buf_put_char(&line, '\0');
        run(&h, line.ptr);
    }
    cr_assert_str_eq(run(&h, "ZCARD z"), ":2000");
    cr_assert_str_eq(run(&h, "OBJECT ENCODING z"), "$8 skiplist");
    cr_assert_str_eq(run(&h, "ZRANGESTORE copy z 0 -1"), ":2000");
    cr_assert_str_eq(run(&h, "ZDIFF 2 z copy"), "*0");
    cr_assert_str_eq(run(&h, "ZREMRANGEBYRANK z 100 -101"), ":1800");
    cr_assert_str_eq(run(&h, "ZINTERCARD 2 z copy"), ":200");
    cr_assert_str_eq(run(&h, "DEL z copy"), ":2");
    while (!engine_free_step(&h.engine, 64))
        continue;
    buf_deinit(&line);
    harness_deinit(&h);
}
