/* Stream commands: replies, effects, events; and after every step, the replayed stream must be the same one with the same
 * groups, consumers and pending messages. */
#include "test/unit/core/cmd/cmd_harness.h"

#include "core/value/stream.h"

/* clang-format off */

#define BAD_ID "-ERR Invalid stream ID specified as stream command argument"
#define NOT_INT "-ERR value is not an integer or out of range"
#define SYNTAX "-ERR syntax error"
#define NO_GROUP "-NOGROUP No such key 's' or consumer group 'x'"
#define WRONG "-WRONGTYPE Operation against a key holding the wrong kind of value"

/* ---- comparing streams whole ---- */

/* Writes what XINFO STREAM key FULL says; times at which consumers were seen, and what depends on the clock or counts
 * duplicates, left out. */
static void describe(struct engine *engine, int db, const char *key, struct buf *text) {
    struct bytes argv[6] = {BYTES_LIT("XINFO"), BYTES_LIT("STREAM"), bytes_cstr(key), BYTES_LIT("FULL"),
                            BYTES_LIT("COUNT"), BYTES_LIT("0")};
    static const char *const times[] = {"seen-time\r\n:", "active-time\r\n:", "pids-tracked\r\n:", "iids-tracked\r\n:",
                                        "iids-added\r\n:", "iids-duplicates\r\n:"};
    bool was_replaying = engine->is_replaying;
    struct engine_ops ops = engine->ops;
    engine->ops = (struct engine_ops){0};
    engine->is_replaying = true; /* what has expired is still to be compared */
    harness_exec(engine, &db, 2, 6, argv, text);
    engine->is_replaying = was_replaying;
    engine->ops = ops;
    for (size_t t = 0; t < COUNT_OF(times); t++) {
        size_t len = strlen(times[t]);
        for (size_t i = 0; i + len < text->len; i++) {
            for (size_t j = i + len; memcmp(text->ptr + i, times[t], len) == 0 && text->ptr[j] != '\r'; j++)
                text->ptr[j] = '_';
        }
    }
}

static void compare_stream(struct harness *h, const char *line) {
    struct buf ours;
    struct buf theirs;
    struct keyspace *ks = engine_find_db(&h->engine, h->db);
    struct bytes key = BYTES_LIT("s");
    struct entry *e = ks == NULL ? NULL : keyspace_find(ks, key, keyspace_hash(ks, key));
    if (e == NULL || entry_type(e) != VALUE_STREAM)
        return;
    stream_check(entry_object(e));
    buf_init(&ours);
    buf_init(&theirs);
    describe(&h->engine, h->db, "s", &ours);
    describe(&h->twin, h->db, "s", &theirs);
    buf_put_char(&ours, '\0');
    buf_put_char(&theirs, '\0');
    cr_expect_str_eq(ours.ptr, theirs.ptr, "after %s", line);
    buf_deinit(&ours);
    buf_deinit(&theirs);
}

#define STREAM_TEST(name, ...)                                                                                \
    Test(cmd_stream, name) {                                                                                  \
        static const struct step steps[] = {__VA_ARGS__};                                                     \
        struct harness h;                                                                                     \
        harness_init(&h);                                                                                     \
        for (size_t i = 0; i < COUNT_OF(steps); i++) {                                                        \
            harness_steps(&h, &steps[i], 1);                                                                  \
            if (steps[i].line[0] != '@')                                                                      \
                compare_stream(&h, steps[i].line);                                                            \
        }                                                                                                     \
        harness_deinit(&h);                                                                                   \
    }

/* ---- entries ---- */

STREAM_TEST(adding_logs_the_id_that_was_given,
    {"XADD s * a 1", "$9 1000000-0", "XADD s 1000000-0 a 1", "xadd"},
    {"XADD s * a 1", "$9 1000000-1", "XADD s 1000000-1 a 1", "xadd"},
    {"@clock 999000"},
    {"XADD s * a 1", "$9 1000000-2", NULL, NULL},
    {"@clock 1000500"},
    {"XADD s 1000000-* a 1 b 2", "$9 1000000-3", "XADD s 1000000-3 a 1 b 2", "xadd"},
    {"XADD s 1000001-* a 1", "$9 1000001-0", "XADD s 1000001-0 a 1", "xadd"},
    {"XADD s 1000001-0 a 1", "-ERR The ID specified in XADD is equal or smaller than the target stream top item", "", ""},
    {"XADD s 5-* a 1", "-ERR The ID specified in XADD is equal or smaller than the target stream top item", "", ""},
    {"XADD s 0-0 a 1", "-ERR The ID specified in XADD must be greater than 0-0", "", ""},
    {"XADD n 0-* a 1", "$3 0-1", "XADD n 0-1 a 1", "xadd"},
    {"XADD n 0-18446744073709551615 a 1", "$22 0-18446744073709551615"},
    {"XADD n 0-* a 1", "-ERR The ID specified in XADD is equal or smaller than the target stream top item", "", ""},
    {"XADD n 18446744073709551615-18446744073709551615 a 1", "$41 18446744073709551615-18446744073709551615"},
    {"XADD n * a 1", "-ERR The stream has exhausted the last possible ID, unable to add more items", "", ""},
    {"XADD none NOMKSTREAM * a 1", "$-1", "", ""},
    {"XADD s NOMKSTREAM 2000000 a 1", "$9 2000000-0", "XADD s 2000000-0 a 1", "xadd"},
    {"XADD s * a", "-ERR wrong number of arguments for 'xadd' command", "", ""},
    {"XADD s * a b c", "-ERR wrong number of arguments for 'xadd' command", "", ""},
    {"XADD s x a 1", BAD_ID, "", ""},
    {"XADD s - a 1", BAD_ID, "", ""},
    {"XADD s 1-2-3 a 1", BAD_ID, "", ""},
    {"SET str 1", "+OK"},
    {"XADD str * a 1", WRONG, "", ""},
    {"XLEN s", ":6", "", ""},
    {"XLEN none", ":0", "", NULL},
    {"XLEN str", WRONG, "", ""})

STREAM_TEST(trimming_is_logged_exactly,
    {"XADD s 1-0 a 1", NULL}, {"XADD s 2-0 a 1", NULL}, {"XADD s 3-0 a 1", NULL}, {"XADD s 4-0 a 1", NULL},
    {"XADD s MAXLEN 3 5-0 a 1", "$3 5-0", "XADD s MAXLEN = 3 5-0 a 1", "xadd xtrim"},
    {"XADD s MAXLEN ~ 1 6-0 a 1", "$3 6-0", "XADD s MAXLEN = 4 6-0 a 1", "xadd"},
    {"XADD s MINID = 4 7-0 a 1", "$3 7-0", "XADD s MINID = 4-0 7-0 a 1", "xadd xtrim"},
    {"XTRIM s MAXLEN 10", ":0", "", ""},
    {"XTRIM s MAXLEN ~ 2", ":0", "", ""},
    {"XTRIM s MINID 6-0", ":2", "XTRIM s MINID = 6-0", "xtrim"},
    {"XTRIM s MAXLEN ~ 0", ":2", "XTRIM s MAXLEN = 0", "xtrim"},
    {"XLEN s", ":0", "", ""},
    {"XTRIM none MAXLEN 0", ":0", "", ""},
    {"XADD s MAXLEN 0 9-0 a 1", "$3 9-0", "XADD s MAXLEN = 0 9-0 a 1", "xadd xtrim"},
    {"XTRIM s MAXLEN -1", "-ERR The MAXLEN argument must be >= 0.", "", ""},
    {"XTRIM s MAXLEN 1 MINID 1", "-ERR syntax error, MAXLEN and MINID options at the same time are not compatible", "", ""},
    {"XTRIM s LIMIT 1 DELREF", "-ERR syntax error, LIMIT cannot be used without specifying a trimming strategy", "", ""},
    {"XTRIM s LIMIT 0 DELREF", "-ERR syntax error, XTRIM must be called with a trimming strategy", "", ""},
    {"XTRIM s MAXLEN 1 LIMIT 1", "-ERR syntax error, LIMIT cannot be used without the special ~ option", "", ""},
    {"XTRIM s MAXLEN ~ 1 LIMIT -1", "-ERR The LIMIT argument must be >= 0.", "", ""},
    {"XTRIM s MAXLEN x", NOT_INT, "", ""},
    {"XTRIM s WHAT 1", SYNTAX, "", ""})

STREAM_TEST(ranges_go_both_ways,
    {"XADD s 1-1 a 1", NULL}, {"XADD s 1-2 a 2 b 3", NULL}, {"XADD s 3 c 7", NULL},
    {"XRANGE s - +", "*3 *2 $3 1-1 *2 $1 a $1 1 *2 $3 1-2 *4 $1 a $1 2 $1 b $1 3 *2 $3 3-0 *2 $1 c $1 7", "", ""},
    {"XREVRANGE s + - COUNT 1", "*1 *2 $3 3-0 *2 $1 c $1 7", "", ""},
    {"XRANGE s 1 1", "*2 *2 $3 1-1 *2 $1 a $1 1 *2 $3 1-2 *4 $1 a $1 2 $1 b $1 3", "", ""},
    {"XRANGE s (1-1 (3-0", "*1 *2 $3 1-2 *4 $1 a $1 2 $1 b $1 3", "", ""},
    {"XREVRANGE s (3-0 (1-1", "*1 *2 $3 1-2 *4 $1 a $1 2 $1 b $1 3", "", ""},
    {"XRANGE s 5 +", "*0", "", ""},
    {"XRANGE s - + COUNT 0", "*-1", "", ""},
    {"XRANGE none - + COUNT 0", "*0", "", NULL},
    {"XRANGE s - + COUNT", SYNTAX, "", ""},
    {"XRANGE s - + COUNT x", NOT_INT, "", ""},
    {"XRANGE s x +", BAD_ID, "", ""},
    {"XRANGE s (- +", BAD_ID, "", ""},
    {"XRANGE s (18446744073709551615-18446744073709551615 +", "-ERR invalid start ID for the interval", "", ""},
    {"XRANGE s - (0-0", "-ERR invalid end ID for the interval", "", ""})

STREAM_TEST(deleting_remembers_the_greatest_id,
    {"XADD s 1-0 a 1", NULL}, {"XADD s 2-0 a 1", NULL}, {"XADD s 3-0 a 1", NULL},
    {"XDEL s 2-0 9-0", ":1", "XDEL s 2-0 9-0", "xdel"},
    {"XDEL s 2-0", ":0", "", ""},
    {"XDEL s 1-0 x", BAD_ID, "", ""},
    {"XDEL none 1-0", ":0", "", ""},
    {"XDEL s 1-0 3-0", ":2", "XDEL s 1-0 3-0", "xdel"},
    {"XINFO STREAM s", "*20 $6 length :0 $15 radix-tree-keys :0 $16 radix-tree-nodes :1 $17 last-generated-id $3 3-0 "
        "$20 max-deleted-entry-id $3 3-0 $13 entries-added :3 $23 recorded-first-entry-id $3 0-0 $6 groups :0 "
        "$11 first-entry $-1 $10 last-entry $-1", "", ""},
    {"XSETID s 2-0", "-ERR The ID specified in XSETID is smaller than current max_deleted_entry_id", "", ""},
    {"XSETID s 5-0 ENTRIESADDED 7 MAXDELETEDID 4-0", "+OK", "XSETID s 5-0 ENTRIESADDED 7 MAXDELETEDID 4-0", "xsetid"},
    {"XADD s 6-0 a 1", NULL},
    {"XSETID s 5-5", "-ERR The ID specified in XSETID is smaller than the target stream top item", "", ""},
    {"XSETID s 7 ENTRIESADDED 0", "-ERR The entries_added specified in XSETID is smaller than the target stream length", "", ""},
    {"XSETID s 7 ENTRIESADDED -1", "-ERR entries_added must be positive", "", ""},
    {"XSETID s 7 MAXDELETEDID 8", "-ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id", "", ""},
    {"XSETID s 7 WHAT", SYNTAX, "", ""},
    {"XSETID none 7", "-ERR no such key", "", ""})

/* ---- groups ---- */

STREAM_TEST(groups_are_made_moved_and_removed,
    {"XGROUP CREATE s g 0", "-ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to "
        "use the MKSTREAM option to create an empty stream automatically.", "", ""},
    {"XGROUP CREATE s g $ MKSTREAM", "+OK", "XGROUP CREATE s g $ MKSTREAM", "xgroup-create"},
    {"XGROUP CREATE s g 0", "-BUSYGROUP Consumer Group name already exists", "", ""},
    {"XADD s 1-0 a 1", NULL},
    {"XGROUP CREATE s h $ ENTRIESREAD 1", "+OK", "XGROUP CREATE s h $ ENTRIESREAD 1", "xgroup-create"},
    {"XGROUP CREATE s i 0 ENTRIESREAD -2", "-ERR value for ENTRIESREAD must be positive or -1", "", ""},
    {"XGROUP CREATE s i 0 WHAT", "-ERR unknown subcommand or wrong number of arguments for 'CREATE'. Try XGROUP HELP.", "", ""},
    {"XGROUP CREATE s i -", BAD_ID, "", ""},
    {"XINFO GROUPS s", "*2 *12 $4 name $1 g $9 consumers :0 $7 pending :0 $17 last-delivered-id $3 0-0 $12 entries-read $-1 "
        "$3 lag :1 *12 $4 name $1 h $9 consumers :0 $7 pending :0 $17 last-delivered-id $3 1-0 $12 entries-read :1 $3 lag :0", "", ""},
    {"XGROUP SETID s h 0", "+OK", "XGROUP SETID s h 0", "xgroup-setid"},
    {"XGROUP SETID s x 0", "-NOGROUP No such consumer group 'x' for key name 's'", "", ""},
    {"XGROUP CREATECONSUMER s g c", ":1", "XGROUP CREATECONSUMER s g c", "xgroup-createconsumer"},
    {"XGROUP CREATECONSUMER s g c", ":0", "", ""},
    {"XINFO CONSUMERS s g", "*1 *8 $4 name $1 c $7 pending :0 $4 idle :0 $8 inactive :-1", "", ""},
    {"XINFO CONSUMERS s x", "-NOGROUP No such consumer group 'x' for key name 's'", "", ""},
    {"XREADGROUP GROUP g c STREAMS s >", NULL},
    {"XGROUP DELCONSUMER s g c", ":1", "XGROUP DELCONSUMER s g c", "xgroup-delconsumer"},
    {"XGROUP DELCONSUMER s g c", ":0", "", ""},
    {"XGROUP DESTROY s g", ":1", "XGROUP DESTROY s g", "xgroup-destroy"},
    {"XGROUP DESTROY s g", ":0", "", ""})

STREAM_TEST(reading_in_a_group_logs_what_became_pending,
    {"XADD s 1-0 a 1", NULL}, {"XADD s 2-0 a 2", NULL}, {"XADD s 3-0 a 3", NULL}, {"XGROUP CREATE s g 0", NULL},
    {"XREADGROUP GROUP g c COUNT 2 STREAMS s >", "*1 *2 $1 s *2 *2 $3 1-0 *2 $1 a $1 1 *2 $3 2-0 *2 $1 a $1 2",
        "XGROUP CREATECONSUMER s g c | XCLAIM s g c 0 1-0 2-0 TIME 1000000 RETRYCOUNT 1 FORCE JUSTID LASTID 2-0 | "
        "XGROUP SETID s g 2-0 ENTRIESREAD 2", "xgroup-createconsumer"},
    {"XREADGROUP GROUP g d NOACK STREAMS s >", "*1 *2 $1 s *1 *2 $3 3-0 *2 $1 a $1 3",
        "XGROUP CREATECONSUMER s g d | XGROUP SETID s g 3-0 ENTRIESREAD 3", "xgroup-createconsumer"},
    {"XREADGROUP GROUP g d STREAMS s >", "*-1", "", ""},
    {"@clock 1000500"},
    {"XPENDING s g", "*4 :2 $3 1-0 $3 2-0 *1 *2 $1 c $1 2", "", ""},
    {"XPENDING s g - + 10", "*2 *4 $3 1-0 $1 c :500 :1 *4 $3 2-0 $1 c :500 :1", "", ""},
    {"XPENDING s g IDLE 501 - + 10", "*0", "", ""},
    {"XPENDING s g (1-0 + 10 c", "*1 *4 $3 2-0 $1 c :500 :1", "", ""},
    {"XPENDING s g - + 10 d", "*0", "", ""},
    {"XPENDING s g - + 10 none", "*0", "", ""},
    {"XPENDING s g - +", SYNTAX, "", ""},
    {"XPENDING s x", NO_GROUP, "", ""},
    {"XREADGROUP GROUP g c STREAMS s 1", "*1 *2 $1 s *1 *2 $3 2-0 *2 $1 a $1 2",
        "XCLAIM s g c 0 2-0 TIME 1000500 RETRYCOUNT 2 FORCE JUSTID LASTID 3-0", ""},
    {"XDEL s 1-0", ":1"},
    {"XREADGROUP GROUP g c STREAMS s 0", "*1 *2 $1 s *2 *2 $3 1-0 *-1 *2 $3 2-0 *2 $1 a $1 2",
        "XCLAIM s g c 0 2-0 TIME 1000500 RETRYCOUNT 3 FORCE JUSTID LASTID 3-0", ""},
    {"XACK s g 1-0 2-0 7-0", ":2", "XACK s g 1-0 2-0 7-0", ""},
    {"XACK s g 1-0", ":0", "", ""},
    {"XACK s x 1-0", ":0", "", ""},
    {"XACK none g 1-0", ":0", "", ""},
    {"XPENDING s g", "*4 :0 $-1 $-1 *-1", "", ""},
    {"XREADGROUP GROUP g d STREAMS s 0", "*1 *2 $1 s *0", "", ""},
    {"XGROUP SETID s g 0", "+OK"},
    {"@proto 3"},
    {"XREADGROUP GROUP g d STREAMS s >", "%1 $1 s *2 *2 $3 2-0 *2 $1 a $1 2 *2 $3 3-0 *2 $1 a $1 3", NULL, ""})

STREAM_TEST(reading_tells_what_is_wrong,
    {"XADD s 1-0 a 1", NULL}, {"XGROUP CREATE s g 0", NULL}, {"SET str 1", NULL},
    {"XREAD STREAMS s t 0", "-ERR Unbalanced 'xread' list of streams: for each stream key an ID, '+', or '$' must be specified.", "", ""},
    {"XREADGROUP GROUP g c STREAMS s t 0", "-ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be specified.", "", ""},
    {"XREAD COUNT 1 BLOCK 1", SYNTAX, "", ""},
    {"XREAD BLOCK x STREAMS s 0", "-ERR timeout is not an integer or out of range", "", ""},
    {"XREAD BLOCK -1 STREAMS s 0", "-ERR timeout is negative", "", ""},
    {"XREAD GROUP g c STREAMS s 0", "-ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.", "", ""},
    {"XREAD NOACK STREAMS s 0", "-ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.", "", ""},
    {"XREAD STREAMS s >", "-ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.", "", ""},
    {"XREAD STREAMS s x", BAD_ID, "", ""},
    {"XREAD STREAMS str 0", WRONG, "", ""},
    {"XREADGROUP COUNT 1 STREAMS s s > >", "-ERR Missing GROUP option for XREADGROUP", "", ""},
    {"XREADGROUP GROUP x c STREAMS s >", "-NOGROUP No such key 's' or consumer group 'x' in XREADGROUP with GROUP option", "", ""},
    {"XREADGROUP GROUP x c STREAMS none >", "-NOGROUP No such key 'none' or consumer group 'x' in XREADGROUP with GROUP option", "", NULL},
    {"XREADGROUP GROUP g c STREAMS s $", NULL, "", ""},
    {"XREAD STREAMS s $", "*-1", "", ""},
    {"XREAD BLOCK 10 STREAMS s $", "*-1", "", ""},
    {"XREAD STREAMS s +", "*1 *2 $1 s *1 *2 $3 1-0 *2 $1 a $1 1", "", ""},
    {"XREAD COUNT 1 STREAMS none s 0 0", "*1 *2 $1 s *1 *2 $3 1-0 *2 $1 a $1 1", "", NULL})

STREAM_TEST(claiming_moves_messages_between_consumers,
    {"XADD s 1-0 a 1", NULL}, {"XADD s 2-0 a 2", NULL}, {"XADD s 3-0 a 3", NULL}, {"XGROUP CREATE s g 0", NULL},
    {"XREADGROUP GROUP g c STREAMS s >", NULL},
    {"@clock 1000100"},
    {"XCLAIM s g d 200 1-0", "*0", "XGROUP CREATECONSUMER s g d", "xgroup-createconsumer"},
    {"XCLAIM s g d 50 1-0 9-0", "*1 *2 $3 1-0 *2 $1 a $1 1", "XCLAIM s g d 0 1-0 TIME 1000100 RETRYCOUNT 2 FORCE JUSTID LASTID 3-0", ""},
    {"XCLAIM s g d 0 2-0 JUSTID IDLE 10 RETRYCOUNT 7", "*1 $3 2-0", "XCLAIM s g d 0 2-0 TIME 1000090 RETRYCOUNT 7 FORCE JUSTID LASTID 3-0", ""},
    {"XDEL s 2-0", ":1"},
    {"XCLAIM s g c 0 2-0", "*0", "XACK s g 2-0", ""},
    {"XCLAIM s g c 0 2-0 FORCE", "*0", "", ""},
    {"XACK s g 3-0", ":1"},
    {"XCLAIM s g c 0 3-0", "*0", "", ""},
    {"XCLAIM s g c 0 3-0 FORCE TIME 5", "*1 *2 $3 3-0 *2 $1 a $1 3", "XCLAIM s g c 0 3-0 TIME 5 RETRYCOUNT 2 FORCE JUSTID LASTID 3-0", ""},
    {"XCLAIM s g c 0 9-9 LASTID 4-0", "*0", "XGROUP SETID s g 4-0 ENTRIESREAD 3", ""},
    {"XCLAIM s g c 0 1-0 WHAT", "-ERR Unrecognized XCLAIM option 'WHAT'", "", ""},
    {"XCLAIM s g c x 1-0", "-ERR Invalid min-idle-time argument for XCLAIM", "", ""},
    {"XCLAIM s g c 0 1-0 TIME x", "-ERR Invalid TIME option argument for XCLAIM", "", ""},
    {"XCLAIM s g c 0 1-0 IDLE x", "-ERR Invalid IDLE option argument for XCLAIM", "", ""},
    {"XCLAIM s g c 0 1-0 RETRYCOUNT x", "-ERR Invalid RETRYCOUNT option argument for XCLAIM", "", ""},
    {"XCLAIM s x c 0 1-0", NO_GROUP, "", ""})

STREAM_TEST(autoclaiming_walks_what_is_pending,
    {"XADD s 1-0 a 1", NULL}, {"XADD s 2-0 a 2", NULL}, {"XADD s 3-0 a 3", NULL}, {"XADD s 4-0 a 4", NULL},
    {"XGROUP CREATE s g 0", NULL},
    {"XREADGROUP GROUP g c STREAMS s >", NULL},
    {"XDEL s 2-0", NULL},
    {"@clock 1000100"},
    {"XAUTOCLAIM s g d 500 - ", "*3 $3 0-0 *0 *1 $3 2-0", "XGROUP CREATECONSUMER s g d | XACK s g 2-0", "xgroup-createconsumer"},
    {"XAUTOCLAIM s g d 50 - COUNT 1", "*3 $3 3-0 *1 *2 $3 1-0 *2 $1 a $1 1 *0",
        "XCLAIM s g d 0 1-0 TIME 1000100 RETRYCOUNT 2 FORCE JUSTID LASTID 4-0", ""},
    {"XAUTOCLAIM s g d 50 (3-0 JUSTID", "*3 $3 0-0 *1 $3 4-0 *0",
        "XCLAIM s g d 0 4-0 TIME 1000100 RETRYCOUNT 1 FORCE JUSTID LASTID 4-0", ""},
    {"XAUTOCLAIM s g d 0 - COUNT 0", "-ERR COUNT must be > 0", "", ""},
    {"XAUTOCLAIM s g d x -", "-ERR Invalid min-idle-time argument for XAUTOCLAIM", "", ""},
    {"XAUTOCLAIM s g d 0 - WHAT", SYNTAX, "", ""},
    {"XAUTOCLAIM s x d 0 -", NO_GROUP, "", ""})

/* ---- what newer versions have ---- */

STREAM_TEST(entries_go_with_or_without_their_references,
    {"XADD s 1-0 a 1", NULL}, {"XADD s 2-0 a 2", NULL}, {"XADD s 3-0 a 3", NULL}, {"XADD s 4-0 a 4", NULL},
    {"XGROUP CREATE s g 0", NULL}, {"XGROUP CREATE s h 0", NULL},
    {"XREADGROUP GROUP g c COUNT 3 STREAMS s >", NULL},
    {"XREADGROUP GROUP h c COUNT 2 STREAMS s >", NULL},
    {"XDELEX s ACKED IDS 2 1-0 9-0", "*2 :2 :-1", "", ""},
    {"XDELEX s KEEPREF IDS 1 1-0", "*1 :1", "XDEL s 1-0", "xdel"},
    {"XPENDING s g", "*4 :3 $3 1-0 $3 3-0 *1 *2 $1 c $1 3", "", ""},
    {"XDELEX s DELREF IDS 1 1-0", "*1 :-1", "XDELEX s DELREF IDS 1 1-0", ""},
    {"XPENDING s g", "*4 :2 $3 2-0 $3 3-0 *1 *2 $1 c $1 2", "", ""},
    {"XACKDEL s g ACKED IDS 2 2-0 1-0", "*2 :2 :-1", "XACK s g 2-0", ""},
    {"XACKDEL s h ACKED IDS 1 2-0", "*1 :1", "XACK s h 2-0 | XDEL s 2-0", "xdel"},
    {"XTRIM s MAXLEN 0 ACKED", ":0", "", ""},
    {"XREADGROUP GROUP h c STREAMS s >", NULL},
    {"XTRIM s MAXLEN 1 DELREF", ":1", "XTRIM s MAXLEN = 1 DELREF", "xtrim"},
    {"XPENDING s h", "*4 :1 $3 4-0 $3 4-0 *1 *2 $1 c $1 1", "", ""},
    {"XACK s h 4-0", NULL},
    {"XTRIM s MAXLEN 0 ACKED", ":0", "", ""},
    {"XREADGROUP GROUP g c NOACK STREAMS s >", NULL},
    {"XADD s MAXLEN ~ 0 ACKED 5-0 a 5", "$3 5-0", "XADD s MAXLEN = 1 ACKED 5-0 a 5", "xadd xtrim"},
    {"XTRIM s MAXLEN 0 ACKED", ":0", "", ""},
    {"XDELEX none ACKED IDS 2 1-0 2-0", "*2 :-1 :-1", "", ""},
    {"XDELEX s IDS 0 1-0", "-ERR Number of IDs must be a positive integer", "", ""},
    {"XDELEX s IDS 2 1-0", "-ERR The `numids` parameter must match the number of arguments", "", ""},
    {"XDELEX s IDS 1 1-0 2-0", SYNTAX, "", ""},
    {"XACKDEL s none IDS 1 1-0", "*1 :-1", "", ""})

STREAM_TEST(messages_can_be_given_back,
    {"XADD s 1-0 a 1", NULL}, {"XADD s 2-0 a 2", NULL}, {"XADD s 3-0 a 3", NULL}, {"XGROUP CREATE s g 0", NULL},
    {"XREADGROUP GROUP g c STREAMS s >", NULL},
    {"XNACK s g FAIL IDS 1 2-0", ":1", "XNACK s g FAIL IDS 1 2-0", ""},
    {"XNACK s g SILENT IDS 2 1-0 9-0", ":1", "XNACK s g SILENT IDS 2 1-0 9-0", ""},
    {"XPENDING s g", "*4 :3 $3 1-0 $3 3-0 *1 *2 $1 c $1 1", "", ""},
    {"XPENDING s g - + 10", "*3 *4 $3 1-0 $0  :-1 :0 *4 $3 2-0 $0  :-1 :1 *4 $3 3-0 $1 c :0 :1", "", ""},
    {"@clock 1000500"},
    {"XADD s 4-0 a 4", NULL},
    {"XREADGROUP GROUP g d COUNT 2 CLAIM 1000 STREAMS s >", "*1 *2 $1 s *2 *4 $3 2-0 *2 $1 a $1 2 :1000500 :1 "
        "*4 $3 1-0 *2 $1 a $1 1 :1000500 :0", "XGROUP CREATECONSUMER s g d | "
        "XCLAIM s g d 0 2-0 TIME 1000500 RETRYCOUNT 2 FORCE JUSTID LASTID 3-0 | "
        "XCLAIM s g d 0 1-0 TIME 1000500 RETRYCOUNT 1 FORCE JUSTID LASTID 3-0", "xgroup-createconsumer"},
    {"XREADGROUP GROUP g d CLAIM 100 STREAMS s >", "*1 *2 $1 s *2 *4 $3 3-0 *2 $1 a $1 3 :500 :1 *4 $3 4-0 *2 $1 a $1 4 :0 :0",
        NULL, ""},
    {"XREADGROUP GROUP g d CLAIM 100 STREAMS s >", "*-1", "", ""},
    {"XNACK s g FATAL IDS 1 3-0", ":1", NULL, ""},
    {"XPENDING s g 3 3 10", "*1 *4 $3 3-0 $0  :-1 :9223372036854775807", "", ""},
    {"XCLAIM s g c 1000 3-0", "*1 *2 $3 3-0 *2 $1 a $1 3", NULL, ""},
    {"XACK s g 4-0", NULL},
    {"XNACK s g FAIL IDS 1 4-0", ":0", "", ""},
    {"XNACK s g FAIL IDS 1 4-0 FORCE RETRYCOUNT 3", ":1", "XNACK s g FAIL IDS 1 4-0 FORCE RETRYCOUNT 3", ""},
    {"XDEL s 4-0", NULL},
    {"XREADGROUP GROUP g d CLAIM 100 STREAMS s >", "*-1", "XACK s g 4-0", ""},
    {"XNACK s g WHAT IDS 1 4-0", SYNTAX, "", ""},
    {"XNACK s x FAIL IDS 1 4-0", NO_GROUP, "", ""})

STREAM_TEST(a_message_that_is_sent_twice_is_added_once,
    {"XADD s IDMP p 1 * a 1", "$9 1000000-0", "XADD s 1000000-0 a 1 | XIDMPRECORD s p 1 1000000-0", "xadd"},
    {"XADD s IDMP p 1 * a 2", "$9 1000000-0", "", ""},
    {"XADD s IDMP q 1 * a 1", "$9 1000000-1", "XADD s 1000000-1 a 1 | XIDMPRECORD s q 1 1000000-1", "xadd"},
    {"XADD s IDMPAUTO p * a 1", "$9 1000000-2", NULL, "xadd"},
    {"XADD s IDMPAUTO p * a 1", "$9 1000000-2", "", ""},
    {"XADD s IDMPAUTO p * a 2", "$9 1000000-3", NULL, "xadd"},
    {"XADD s IDMP p 1 5-5 a 1", "-ERR IDMP and IDMPAUTO can only be used with the ID *", "", ""},
    {"XADD s IDMP p 1 IDMPAUTO p * a 1", SYNTAX, "", ""},
    {"XINFO STREAM s", "*32 $6 length :4 $15 radix-tree-keys :1 $16 radix-tree-nodes :2 $17 last-generated-id $9 1000000-3 "
        "$20 max-deleted-entry-id $3 0-0 $13 entries-added :4 $23 recorded-first-entry-id $9 1000000-0 $13 idmp-duration :100 "
        "$12 idmp-maxsize :100 $12 pids-tracked :2 $12 iids-tracked :4 $10 iids-added :4 $15 iids-duplicates :2 $6 groups :0 "
        "$11 first-entry *2 $9 1000000-0 *2 $1 a $1 1 $10 last-entry *2 $9 1000000-3 *2 $1 a $1 2", "", ""},
    {"XIDMPRECORD s p 1 1000000-0", "+OK", "", ""},
    {"XIDMPRECORD s p 1 1000000-1", "-ERR the idempotent ID belongs to another entry", "", ""},
    {"XIDMPRECORD s r 1 7-7", "-ERR there is no entry with this ID", "", ""},
    {"XIDMPRECORD none r 1 7-7", "-ERR no such key", "", ""},
    {"@clock 1100000"},
    {"XADD s IDMP p 1 * a 3", "$9 1000000-0", "", ""},
    {"@clock 1100001"},
    {"XADD s IDMP p 1 * a 3", "$9 1100001-0", NULL, "xadd"},
    {"XCFGSET s IDMP-MAXSIZE 2", "+OK", "XCFGSET s IDMP-MAXSIZE 2", ""},
    {"XADD s IDMP p 1 * a 4", "$9 1100001-1", NULL, "xadd"},
    {"XADD s IDMP p 2 * a 4", "$9 1100001-2", NULL, "xadd"},
    {"XADD s IDMP p 3 * a 4", "$9 1100001-3", NULL, "xadd"},
    {"XADD s IDMP p 1 * a 4", "$9 1100001-4", NULL, "xadd"},
    {"XADD s IDMP p 3 * a 4", "$9 1100001-3", "", ""},
    {"RENAME s t", "+OK", NULL, NULL},
    {"XADD t IDMP p 3 * a 4", "$9 1100001-3", "", ""},
    {"XCFGSET t IDMP-DURATION 0", "-ERR IDMP-DURATION must be between 1 and 86400 seconds", "", ""},
    {"XCFGSET t IDMP-MAXSIZE 10001", "-ERR IDMP-MAXSIZE must be between 1 and 10000 entries", "", ""},
    {"XCFGSET t WHAT 1", SYNTAX, "", ""},
    {"XCFGSET none IDMP-MAXSIZE 1", "-ERR no such key", "", ""})

STREAM_TEST(a_stream_is_copied_and_renamed_whole,
    {"XADD t 1-0 a 1", NULL}, {"XADD t 2-0 a 2", NULL}, {"XGROUP CREATE t g 0", NULL}, {"XDEL t 1-0", NULL},
    {"XREADGROUP GROUP g c STREAMS t >", NULL},
    {"XGROUP CREATECONSUMER t g d", NULL},
    {"COPY t s", ":1", NULL, "copy_to"},
    {"XPENDING s g", "*4 :1 $3 2-0 $3 2-0 *1 *2 $1 c $1 1", "", ""},
    {"XADD s 3-0 a 3", NULL},
    {"XLEN t", ":1", "", ""},
    {"RENAME t s", "+OK", NULL, "rename_from rename_to"},
    {"XINFO GROUPS s", "*1 *12 $4 name $1 g $9 consumers :2 $7 pending :1 $17 last-delivered-id $3 2-0 $12 entries-read :2 $3 lag :0", "", ""},
    {"OBJECT ENCODING s", "$6 stream", "", NULL})
