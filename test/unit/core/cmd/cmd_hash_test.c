/* Hashes: replies, effects and events of their commands, fields that expire, and passing from form to form. */
#include "test/unit/core/cmd/cmd_harness.h"

#include "core/exec/field_expiry.h"
#include "core/keyspace/expire.h"

/* clang-format off */
STEPS_TEST(cmd_hash, fields_are_set_and_read,
    {"HSET h f 1 g two", ":2", "HSET h f 1 g two", "hset"},
    {"HSET h f 3 i 4", ":1", "HSET h f 3 i 4", "hset"},
    {"HSET h f", "-ERR wrong number of arguments for 'hset' command", "", ""},
    {"HSET h f 1 g", "-ERR wrong number of arguments for 'hset' command", "", ""},
    {"HMSET h f 1 j 5", "+OK", "HMSET h f 1 j 5", "hset"},
    {"HSETNX h f 9", ":0", "", ""},
    {"HSETNX h k 9", ":1", "HSETNX h k 9", "hset"},
    {"HSETNX new k 9", ":1", "HSETNX new k 9", "hset"},
    {"HGET h f", "$1 1", "", ""},
    {"HGET h missing", "$-1", "", ""},
    {"HGET missing f", "$-1", "", "keymiss"},
    {"HMGET h f missing g", "*3 $1 1 $-1 $3 two", "", ""},
    {"HMGET missing a b", "*2 $-1 $-1", "", "keymiss"},
    {"HLEN h", ":5", "", ""},
    {"HLEN missing", ":0", "", "keymiss"},
    {"HSTRLEN h g", ":3", "", ""},
    {"HSTRLEN h missing", ":0", "", ""},
    {"HEXISTS h g", ":1", "", ""},
    {"HEXISTS h missing", ":0", "", ""},
    {"HGETALL h", "*10 $1 f $1 1 $1 g $3 two $1 i $1 4 $1 j $1 5 $1 k $1 9", "", ""},
    {"HKEYS h", "*5 $1 f $1 g $1 i $1 j $1 k"},
    {"HVALS h", "*5 $1 1 $3 two $1 4 $1 5 $1 9"},
    {"HGETALL missing", "*0", "", "keymiss"},
    {"@proto 3"},
    {"HGETALL h", "%5 $1 f $1 1 $1 g $3 two $1 i $1 4 $1 j $1 5 $1 k $1 9", "", ""},
    {"HKEYS missing", "*0"},
    {"HGETALL missing", "%0"},
    {"HGET h missing", "_"},
    {"OBJECT ENCODING h", "$8 listpack"})

STEPS_TEST(cmd_hash, other_types_are_refused,
    {"SET s x", "+OK"},
    {"HSET s a b", "-WRONGTYPE Operation against a key holding the wrong kind of value", "", ""},
    {"HSETNX s a b", "-WRONGTYPE Operation against a key holding the wrong kind of value", "", ""},
    {"HGET s a", "-WRONGTYPE Operation against a key holding the wrong kind of value", "", ""},
    {"HDEL s a", "-WRONGTYPE Operation against a key holding the wrong kind of value", "", ""},
    {"HGETALL s", "-WRONGTYPE Operation against a key holding the wrong kind of value", "", ""},
    {"HINCRBY s a 1", "-WRONGTYPE Operation against a key holding the wrong kind of value", "", ""},
    {"HINCRBYFLOAT s a 1", "-WRONGTYPE Operation against a key holding the wrong kind of value", "", ""},
    {"HRANDFIELD s", "-WRONGTYPE Operation against a key holding the wrong kind of value", "", ""},
    {"HRANDFIELD s 2", "-WRONGTYPE Operation against a key holding the wrong kind of value", "", ""},
    {"HSCAN s 0", "-WRONGTYPE Operation against a key holding the wrong kind of value", "", ""},
    {"HEXPIRE s a FIELDS 1 f", "-WRONGTYPE Operation against a key holding the wrong kind of value", "", ""},
    {"HTTL s FIELDS 1 f", "-WRONGTYPE Operation against a key holding the wrong kind of value", "", ""},
    {"HPERSIST s FIELDS 1 f", "-WRONGTYPE Operation against a key holding the wrong kind of value", "", ""},
    {"HGETEX s FIELDS 2 f", "-WRONGTYPE Operation against a key holding the wrong kind of value", "", ""},
    {"HSETEX s FIELDS 1 f v", "-WRONGTYPE Operation against a key holding the wrong kind of value", "", ""},
    {"HGETDEL s FIELDS 1 f", "-WRONGTYPE Operation against a key holding the wrong kind of value", "", ""},
    {"HSET h a b", ":1"},
    {"GET h", "-WRONGTYPE Operation against a key holding the wrong kind of value", "", ""})

STEPS_TEST(cmd_hash, the_last_field_takes_the_key_with_it,
    {"HSET h a 1 b 2 c 3", ":3"},
    {"HDEL h x", ":0", "", ""},
    {"HDEL h a x a", ":1", "HDEL h a x a", "hdel"},
    {"HDEL h b c", ":2", "HDEL h b c", "hdel del"},
    {"EXISTS h", ":0"},
    {"HDEL h b", ":0", "", ""})

STEPS_TEST(cmd_hash, numbers_are_added_to,
    {"HINCRBY h n 5", ":5", "HINCRBY h n 5", "hincrby"},
    {"HINCRBY h n -7", ":-2", "HINCRBY h n -7", "hincrby"},
    {"HINCRBY h n x", "-ERR value is not an integer or out of range", "", ""},
    {"HSET h s text m 9223372036854775807", ":2"},
    {"HINCRBY h s 1", "-ERR hash value is not an integer", "", ""},
    {"HINCRBY h m 1", "-ERR increment or decrement would overflow", "", ""},
    {"HINCRBY none m x", "-ERR value is not an integer or out of range", "", ""},
    {"HINCRBYFLOAT h n 1.5", "$4 -0.5", "HSET h n -0.5", "hincrbyfloat"},
    {"HINCRBYFLOAT h s 1", "-ERR hash value is not a float", "", ""},
    {"HINCRBYFLOAT h n x", "-ERR value is not a valid float", "", ""},
    {"HINCRBYFLOAT h n inf", "-ERR value is NaN or Infinity", "", ""},
    {"HSET h big 1.1e4932", ":1"},
    {"HINCRBYFLOAT h big 1.1e4932", "-ERR increment would produce NaN or Infinity", "", ""},
    {"HEXPIRE h 100 FIELDS 1 n", "*1 :1", "HPEXPIREAT h 1100000 FIELDS 1 n", "hexpire"},
    {"HINCRBYFLOAT h n 1", "$3 0.5", "HSETEX h PXAT 1100000 FIELDS 1 n 0.5", "hincrbyfloat"},
    {"HSET h n 3", ":0"},
    {"HEXPIRE h 100 FIELDS 1 n", "*1 :1"},
    {"HINCRBY h n 1", ":4", "HINCRBY h n 1", "hincrby"},
    {"HTTL h FIELDS 1 n", "*1 :100"})

STEPS_TEST(cmd_hash, times_are_set_asked_for_and_taken_away,
    {"HSET h a 1 b 2 c 3", ":3"},
    {"HEXPIRE h 100 FIELDS 2 a x", "*2 :1 :-2", "HPEXPIREAT h 1100000 FIELDS 1 a", "hexpire"},
    {"OBJECT ENCODING h", "$10 listpackex"},
    {"HPEXPIRE h 50000 NX FIELDS 2 a b", "*2 :0 :1", "HPEXPIREAT h 1050000 FIELDS 1 b", "hexpire"},
    {"HPEXPIREAT h 1060000 XX FIELDS 2 b c", "*2 :1 :0", "HPEXPIREAT h 1060000 FIELDS 1 b", "hexpire"},
    {"HEXPIREAT h 1070 GT FIELDS 3 a b c", "*3 :0 :1 :0", "HPEXPIREAT h 1070000 FIELDS 1 b", "hexpire"},
    {"HEXPIREAT h 1080 LT FIELDS 3 a b c", "*3 :1 :0 :1", "HPEXPIREAT h 1080000 FIELDS 2 a c", "hexpire"},
    {"HEXPIREAT h 1080 GT FIELDS 1 a", "*1 :0", "", ""},
    {"HTTL h FIELDS 4 a b c x", "*4 :80 :70 :80 :-2"},
    {"HPTTL h FIELDS 2 a b", "*2 :80000 :70000"},
    {"HEXPIRETIME h FIELDS 1 b", "*1 :1070"},
    {"HPEXPIRETIME h FIELDS 1 b", "*1 :1070000"},
    {"HGETALL h", "*6 $1 b $1 2 $1 c $1 3 $1 a $1 1"},
    {"HPERSIST h FIELDS 3 a x b", "*3 :1 :-2 :1", "HPERSIST h FIELDS 2 a b", "hpersist"},
    {"HPERSIST h FIELDS 1 a", "*1 :-1", "", ""},
    {"HTTL h FIELDS 3 a b c", "*3 :-1 :-1 :80"},
    {"HSET h c 4", ":0"},
    {"HTTL h FIELDS 1 c", "*1 :-1"},
    {"HTTL missing FIELDS 2 a b", "*2 :-2 :-2"},
    {"HEXPIRE missing 1 FIELDS 2 a b", "*2 :-2 :-2", "", ""},
    {"HPERSIST missing FIELDS 1 a", "*1 :-2", "", ""},
    {"OBJECT ENCODING h", "$10 listpackex"})

STEPS_TEST(cmd_hash, arguments_about_times_are_checked,
    {"HSET h a 1", ":1"},
    {"HEXPIRE h x FIELDS 1 a", "-ERR value is not an integer or out of range", "", ""},
    {"HEXPIRE h -1 FIELDS 1 a", "-ERR invalid expire time, must be >= 0", "", ""},
    {"HEXPIRE h 9223372036854775807 FIELDS 1 a", "-ERR invalid expire time in 'hexpire' command", "", ""},
    {"HPEXPIREAT h 70368744177664 FIELDS 1 a", "-ERR invalid expire time in 'hpexpireat' command", "", ""},
    {"HPEXPIREAT h 70368744177663 FIELDS 1 a", "*1 :1"},
    {"HPEXPIRE h 70368744177663 FIELDS 1 a", "-ERR invalid expire time in 'hpexpire' command", "", ""},
    {"HEXPIRE h 10 FIELDS 0 a", "-ERR Parameter `numFields` should be greater than 0", "", ""},
    {"HEXPIRE h 10 FIELDS x a", "-ERR Parameter `numFields` should be greater than 0", "", ""},
    {"HEXPIRE h 10 FIELDS 2 a", "-ERR The `numfields` parameter must match the number of arguments", "", ""},
    {"HEXPIRE h 10 NX GT FIELDS 1 a",
     "-ERR Mandatory argument FIELDS is missing or not at the right position", "", ""},
    {"HEXPIRE h 10 NX FIELDS 1", "-ERR The `numfields` parameter must match the number of arguments", "", ""},
    {"HTTL h FIELDS 0 a", "-ERR Number of fields must be a positive integer"},
    {"HTTL h FIELDS 2 a", "-ERR The `numfields` parameter must match the number of arguments"},
    {"HTTL h FOO 2 a", "-ERR Mandatory argument FIELDS is missing or not at the right position"},
    {"HPERSIST h FIELDS x a", "-ERR Number of fields must be a positive integer"})

STEPS_TEST(cmd_hash, a_time_that_has_passed_deletes,
    {"HSET h a 1 b 2 c 3", ":3"},
    {"HEXPIREAT h 1 FIELDS 3 a a x", "*3 :2 :-2 :-2", "HDEL h a", "hdel"},
    {"HPEXPIRE h 0 XX FIELDS 1 b", "*1 :0", "", ""},
    {"HPEXPIRE h 0 FIELDS 2 b c", "*2 :2 :2", "HDEL h b c", "hdel del"},
    {"EXISTS h", ":0"})

STEPS_TEST(cmd_hash, an_expired_field_goes_when_it_is_met,
    {"HSET h a 1 b 2 c 3 d 4", ":4"},
    {"HPEXPIRE h 10 FIELDS 3 a b c", "*3 :1 :1 :1"},
    {"@clock 1000010"},
    {"HLEN h", ":4", "", ""},
    {"HGETALL h", "*2 $1 d $1 4", "", ""},
    {"HKEYS h", "*1 $1 d", "", ""},
    {"HVALS h", "*1 $1 4", "", ""},
    {"HSCAN h 0", "*2 $1 0 *2 $1 d $1 4", "", ""},
    {"HTTL h FIELDS 2 a d", "*2 :-2 :-1", "", ""},
    {"HGET h a", "$-1", "HDEL h a", "hexpired"},
    {"HGET h a", "$-1", "", ""},
    {"HMGET h b c d b", "*4 $-1 $-1 $1 4 $-1", "HDEL h b | HDEL h c", "hexpired"},
    {"HLEN h", ":1"},
    {"HPEXPIRE h 10 FIELDS 1 d", "*1 :1"},
    {"@clock 1000020"},
    {"HEXISTS h d", ":0", "HDEL h d", "hexpired del"},
    {"EXISTS h", ":0"},
    {"HSET h a 1", ":1"},
    {"HPEXPIRE h 10 FIELDS 1 a", "*1 :1"},
    {"@clock 1000030"},
    {"EXISTS h", ":1"},
    {"HSTRLEN h a", ":0", "HDEL h a", "hexpired del"})

STEPS_TEST(cmd_hash, an_expired_field_is_nothing_to_writers,
    {"HSET h a 7 b 7 c 7 d 7 e 7", ":5"},
    {"HPEXPIRE h 10 FIELDS 4 a b c d", "*4 :1 :1 :1 :1"},
    {"@clock 1000010"},
    {"HINCRBY h a 1", ":1", "HDEL h a | HINCRBY h a 1", "hexpired hincrby"},
    {"HTTL h FIELDS 1 a", "*1 :-1"},
    {"HSETNX h b 1", ":1", "HDEL h b | HSETNX h b 1", "hexpired hset"},
    {"HPEXPIRE h 100 FIELDS 1 c", "*1 :-2", "HDEL h c", "hexpired"},
    {"HINCRBYFLOAT h d 1.5", "$3 1.5", "HDEL h d | HSET h d 1.5", "hexpired hincrbyfloat"},
    {"HPEXPIRE h 10 FIELDS 2 a b", "*2 :1 :1"},
    {"@clock 1000020"},
    {"HSET h a 5", ":0", "HSET h a 5", "hset"},
    {"HDEL h b", ":1", "HDEL h b", "hdel"},
    {"HSET one f 1", ":1"},
    {"HPEXPIRE one 10 FIELDS 1 f", "*1 :1"},
    {"@clock 1000030"},
    {"HINCRBY one f 1", ":1", "HDEL one f | HINCRBY one f 1", "hexpired del hincrby"},
    {"HPEXPIRE one 10 FIELDS 1 f", "*1 :1"},
    {"@clock 1000040"},
    {"HPERSIST one FIELDS 1 f", "*1 :-2", "HDEL one f", "hexpired del"})

STEPS_TEST(cmd_hash, random_fields_are_never_expired_ones,
    {"HRANDFIELD missing", "$-1"},
    {"HRANDFIELD missing 3", "*0"},
    {"HSET h a 1 b 2 c 3", ":3"},
    {"HPEXPIRE h 10 FIELDS 2 a b", "*2 :1 :1"},
    {"@clock 1000010"},
    {"HRANDFIELD h", "$1 c", "HDEL h b a", "hexpired"},
    {"HRANDFIELD h 2", "*1 $1 c", "", ""},
    {"HRANDFIELD h -2", "*2 $1 c $1 c", "", ""},
    {"HRANDFIELD h 2 WITHVALUES", "*2 $1 c $1 3"},
    {"HRANDFIELD h -1 withvalues", "*2 $1 c $1 3"},
    {"HRANDFIELD h 0", "*0"},
    {"HRANDFIELD h 2 x", "-ERR syntax error"},
    {"HRANDFIELD h x", "-ERR value is not an integer or out of range"},
    {"HRANDFIELD h -9223372036854775808",
     "-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"},
    {"HRANDFIELD h -9223372036854775807 withvalues", "-ERR value is out of range"},
    {"@proto 3"},
    {"HRANDFIELD h 2 WITHVALUES", "*1 *2 $1 c $1 3"},
    {"HPEXPIRE h 10 FIELDS 1 c", "*1 :1"},
    {"@clock 1000020"},
    {"HRANDFIELD h", "_", "HDEL h c", "hexpired del"})

STEPS_TEST(cmd_hash, scans_take_patterns_and_leave_values_away,
    {"HSET h aa 1 ab 2 b 3", ":3"},
    {"HSCAN h 0", "*2 $1 0 *6 $2 aa $1 1 $2 ab $1 2 $1 b $1 3"},
    {"HSCAN h 0 MATCH a* COUNT 1", "*2 $1 0 *4 $2 aa $1 1 $2 ab $1 2"},
    {"HSCAN h 0 NOVALUES MATCH a*", "*2 $1 0 *2 $2 aa $2 ab"},
    {"HSCAN h x", "-ERR invalid cursor"},
    {"HSCAN h 0 COUNT 0", "-ERR syntax error"},
    {"HSCAN h 0 COUNT x", "-ERR value is not an integer or out of range"},
    {"HSCAN h 0 TYPE hash", "-ERR syntax error"},
    {"HSCAN h 0 MATCH", "-ERR syntax error"},
    {"HSCAN missing 0 nonsense", "*2 $1 0 *0"})

STEPS_TEST(cmd_hash, getex_reads_and_times,
    {"HSET h a 1 b 2 c 3", ":3"},
    {"HGETEX h FIELDS 2 a x", "*2 $1 1 $-1", "", ""},
    {"HGETEX h EX 100 FIELDS 2 a x", "*2 $1 1 $-1", "HPEXPIREAT h 1100000 FIELDS 1 a", "hexpire"},
    {"HGETEX h EX 100 FIELDS 1 x", "*1 $-1", "", ""},
    {"HGETEX h PERSIST FIELDS 2 a b", "*2 $1 1 $1 2", "HPERSIST h FIELDS 1 a", "hpersist"},
    {"HGETEX h PERSIST FIELDS 1 b", "*1 $1 2", "", ""},
    {"HGETEX h PXAT 1 FIELDS 2 a b", "*2 $1 1 $1 2", "HDEL h a b", "hdel"},
    {"HGETEX h EXAT 1 FIELDS 1 c", "*1 $1 3", "HDEL h c", "hdel del"},
    {"HGETEX h EX 100 FIELDS 1 c", "*1 $-1", "", ""},
    {"HSET h a 1 b 2", ":2"},
    {"HGETEX h PX 10 FIELDS 1 a", "*1 $1 1", "HPEXPIREAT h 1000010 FIELDS 1 a", "hexpire"},
    {"@clock 1000010"},
    {"HGETEX h EX 100 FIELDS 2 a b", "*2 $-1 $1 2", "HDEL h a | HPEXPIREAT h 1100010 FIELDS 1 b", "hexpired hexpire"},
    {"HGETEX h EX 100 PX 100 FIELDS 1 b",
     "-ERR Mandatory argument FIELDS is missing or not at the right position", "", ""},
    {"HGETEX h EX x FIELDS 1 b", "-ERR value is not an integer or out of range"},
    {"HGETEX h EX -1 FIELDS 1 b", "-ERR invalid expire time, must be >= 0"},
    {"HGETEX h EX 99999999999999 FIELDS 1 b", "-ERR invalid expire time in 'hgetex' command"},
    {"HGETEX h EX 100 b", "-ERR wrong number of arguments for 'hgetex' command"},
    {"HGETEX h FIELDS 0 b", "-ERR Number of fields must be a positive integer"},
    {"HGETEX h FIELDS 2 b", "-ERR The `numfields` parameter must match the number of arguments"},
    {"HGETEX h KEEPTTL FIELDS 1 b", "-ERR Mandatory argument FIELDS is missing or not at the right position"})

STEPS_TEST(cmd_hash, setex_sets_and_times,
    {"HSETEX h EX 100 FIELDS 2 a 1 b 2", ":1", "HSETEX h PXAT 1100000 FIELDS 2 a 1 b 2", "hset hexpire"},
    {"HTTL h FIELDS 2 a b", "*2 :100 :100"},
    {"HSETEX h KEEPTTL FIELDS 2 a 3 c 4", ":1", "HSETEX h KEEPTTL FIELDS 2 a 3 c 4", "hset"},
    {"HTTL h FIELDS 2 a c", "*2 :100 :-1"},
    {"HSETEX h FIELDS 1 a 5", ":1", "HSET h a 5", "hset"},
    {"HTTL h FIELDS 1 a", "*1 :-1"},
    {"HSETEX h FNX FIELDS 2 a 6 x 7", ":0", "", ""},
    {"HSETEX h FXX FIELDS 2 a 6 x 7", ":0", "", ""},
    {"HSETEX h FXX PX 50 FIELDS 2 a 6 b 7", ":1", "HSETEX h PXAT 1000050 FIELDS 2 a 6 b 7", "hset hexpire"},
    {"HSETEX h FNX FIELDS 1 x 7", ":1", "HSET h x 7", "hset"},
    {"@clock 1000050"},
    {"HSETEX h FNX EX 100 FIELDS 1 a 8", ":1", "HDEL h a | HSETEX h PXAT 1100050 FIELDS 1 a 8", "hexpired hset hexpire"},
    {"HSETEX h FXX FIELDS 1 b 8", ":0", "HDEL h b", "hexpired"},
    {"HSETEX h PXAT 1 FIELDS 2 a 9 q 9", ":1", "HDEL h a", "hset hdel"},
    {"HSETEX new EXAT 1 FIELDS 1 a 9", ":1", "", "hset hdel del"},
    {"HGETALL h", "*4 $1 c $1 4 $1 x $1 7"},
    {"HSETEX h EX 100 KEEPTTL FIELDS 1 a 1",
     "-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified"},
    {"HSETEX h FNX FXX FIELDS 1 a 1", "-ERR Only one of FXX or FNX arguments can be specified"},
    {"HSETEX h FIELDS 0 a 1", "-ERR invalid number of fields"},
    {"HSETEX h FIELDS 2 a 1", "-ERR wrong number of arguments for 'hsetex' command"},
    {"HSETEX h FOO FIELDS 1 a 1", "-ERR unknown argument: FOO"},
    {"HSETEX h EX x FIELDS 1 a 1", "-ERR value is not an integer or out of range"},
    {"HSETEX one PX 10 FIELDS 1 a 1", ":1"},
    {"@clock 1000060"},
    {"HSETEX one FXX FIELDS 1 a 2", ":0", "HDEL one a", "hexpired del"},
    {"EXISTS one", ":0"})

STEPS_TEST(cmd_hash, getdel_reads_and_deletes,
    {"HSET h a 1 b 2 c 3", ":3"},
    {"HGETDEL h FIELDS 3 a a x", "*3 $1 1 $-1 $-1", "HDEL h a", "hdel"},
    {"HGETDEL h FIELDS 1 x", "*1 $-1", "", ""},
    {"HPEXPIRE h 10 FIELDS 1 b", "*1 :1"},
    {"@clock 1000010"},
    {"HGETDEL h FIELDS 2 b c", "*2 $-1 $1 3", "HDEL h b | HDEL h c", "hexpired hdel del"},
    {"HGETDEL h FIELDS 1 a", "*1 $-1", "", ""},
    {"HGETDEL h FIELDS 2 a", "-ERR The `numfields` parameter must match the number of arguments"},
    {"HGETDEL h FOO 1 a", "-ERR Mandatory argument FIELDS is missing or not at the right position"},
    {"HGETDEL h FIELDS x a", "-ERR Number of fields must be a positive integer"})
/* clang-format on */

/* A hash that begins as a listpack and outgrows it must go on as before. */
Test(cmd_hash, a_hash_outgrows_its_listpack_by_fields_or_by_their_length) {
    struct harness h;
    harness_init(&h);
    h.config.hash_max_listpack_entries = 4;
    h.twin.config = &h.config;
    /* clang-format off */
    static const struct step steps[] = {
        {"HSET h a 1 b 2 c 3 d 4", ":4"},
        {"OBJECT ENCODING h", "$8 listpack"},
        {"HEXPIRE h 100 FIELDS 1 b", "*1 :1"},
        {"HSET h e 5", ":1", "HSET h e 5", "hset"},
        {"OBJECT ENCODING h", "$9 hashtable"},
        {"HLEN h", ":5"},
        {"HMGET h a b c d e", "*5 $1 1 $1 2 $1 3 $1 4 $1 5"},
        {"HTTL h FIELDS 2 a b", "*2 :-1 :100"},
        {"HPEXPIRE h 50 FIELDS 2 a c", "*2 :1 :1", "HPEXPIREAT h 1000050 FIELDS 2 a c", "hexpire"},
        {"@clock 1000050"},
        {"HGET h a", "$-1", "HDEL h a", "hexpired"},
        {"HRANDFIELD h -1", NULL, "HDEL h c", "hexpired"},
        {"HDEL h b d e", ":3", "HDEL h b d e", "hdel del"},
        {"HSET l a 1234567890123456789012345678901234567890123456789012345678901234567890", ":1"},
        {"OBJECT ENCODING l", "$9 hashtable"},
        {"HSET m a 1", ":1"},
        {"HSETNX m b 1234567890123456789012345678901234567890123456789012345678901234567890", ":1"},
        {"OBJECT ENCODING m", "$9 hashtable"},
        {"HPEXPIRE m 0 FIELDS 2 a b", "*2 :2 :2", "HDEL m a b", "hdel del"},
        {"HSET n a 1 b 2 c 3 d 4 e 5 f 6", ":6"},
        {"OBJECT ENCODING n", "$9 hashtable"},
        {"HEXPIRE n 7 FIELDS 1 a", "*1 :1"},
        {"HSET n a 2", ":0"},
        {"HTTL n FIELDS 1 a", "*1 :-1"},
    };
    /* clang-format on */
    harness_steps(&h, steps, COUNT_OF(steps));
    harness_deinit(&h);
}

struct active {
    struct harness *h;
    struct exec x;
};

static void active_on_expired(void *ctx, struct entry *e, uint64_t hash) {
    struct active *a = ctx;
    struct key_view kv = {.x = &a->x, .key = entry_key(e), .hash = hash};
    effect_put_del(&kv);
}

static bool active_expire_parts(void *ctx, struct entry *e, uint64_t hash) {
    struct active *a = ctx;
    return field_expiry_step(&a->x, 0, e, hash);
}

/* One round of active expiry; the effects are replayed and compared. */
static void expire_actively(struct harness *h, int64_t now_ms) {
    struct active a = {h, {.engine = &h->engine}};
    struct buf ignored;
    buf_init(&ignored);
    buf_clear(&h->events, SIZE_MAX);
    buf_clear(&h->engine.effects, SIZE_MAX);
    h->engine.effects_db = 0;
    engine_set_clock(&h->engine, now_ms * 1000);
    struct expire_job job = {
        .now_ms = now_ms, .on_expired = active_on_expired, .expire_parts = active_expire_parts, .ctx = &a};
    expire_step(engine_find_db(&h->engine, 0), &job);
    harness_feed(&h->twin, &h->twin_db, 2, buf_bytes(&h->engine.effects), &ignored, NULL);
    harness_compare(h);
    buf_deinit(&ignored);
}

static void active_expiry_with(int64_t listpack_entries) {
    static const struct step before[] = {
        {"HSET h a 1 b 2 c 3 d 4", ":4"},
        {"HPEXPIRE h 10 FIELDS 2 a b", "*2 :1 :1"},
        {"HPEXPIRE h 5000 FIELDS 1 c", "*1 :1"},
        {"HSET g a 1 b 2", ":2"},
        {"HPEXPIRE g 10 FIELDS 2 a b", "*2 :1 :1"},
        {"SET s x PX 20", "+OK"},
        {"HSET plain a 1", ":1"},
    };
    static const struct step after[] = {
        {"HLEN h", ":2"},
        {"EXISTS g", ":0"},
        {"DBSIZE", ":2"},
    };
    struct harness h;
    harness_init(&h);
    h.config.hash_max_listpack_entries = listpack_entries;
    harness_steps(&h, before, COUNT_OF(before));
    struct keyspace *ks = engine_find_db(&h.engine, 0);
    cr_assert_eq(keyspace_subexpiring_count(ks), 2);
    expire_actively(&h, HARNESS_START_MS + 9);
    cr_assert_eq(h.engine.stats.expired_fields, 0);
    expire_actively(&h, HARNESS_START_MS + 10 + EXPIRE_LATENESS_MS);
    cr_assert_eq(h.engine.stats.expired_fields, 4);
    cr_assert_eq(keyspace_subexpiring_count(ks), 1);
    harness_steps(&h, after, COUNT_OF(after));
    expire_actively(&h, HARNESS_START_MS + 5000 + EXPIRE_LATENESS_MS);
    cr_assert_eq(keyspace_subexpiring_count(ks), 0);
    cr_assert_eq(keyspace_expiring_count(ks), 0);
    harness_deinit(&h);
}

Test(cmd_hash, fields_of_listpacks_expire_without_being_touched) {
    active_expiry_with(512);
}

Test(cmd_hash, fields_of_tables_expire_without_being_touched) {
    active_expiry_with(0);
}

Test(cmd_hash, many_fields_expire_in_steps_and_take_the_key_with_them) {
    struct harness h;
    char line[64];
    struct buf effects;
    harness_init(&h);
    buf_init(&effects);
    for (int i = 0; i < 1000; i++) {
        snprintf(line, sizeof line, "HSETEX h PX %d FIELDS 1 field:%d %d", 10 + i % 7, i, i);
        buf_clear(&effects, SIZE_MAX);
        cr_assert_str_eq(harness_run(&h, line, &effects), ":1");
    }
    expire_actively(&h, HARNESS_START_MS + 16 + EXPIRE_LATENESS_MS);
    cr_assert_eq(h.engine.stats.expired_fields, 1000);
    cr_assert_eq(keyspace_count(engine_find_db(&h.engine, 0)), 0);
    buf_deinit(&effects);
    harness_deinit(&h);
}
