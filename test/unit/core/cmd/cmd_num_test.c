/* Counters: integers up to their limits, decimals as Redis prints them, INCREX with bounds and deadlines. */
#include "test/unit/core/cmd/cmd_harness.h"

/* clang-format off */

#define SYNTAX "-ERR syntax error"
#define NOT_INT "-ERR value is not an integer or out of range"
#define OVERFLOW_TEXT "-ERR increment or decrement would overflow"

STEPS_TEST(cmd_num, integers_count_up_and_down,
    {"INCR n", ":1", "INCR n", "incrby"},
    {"INCRBY n 41", ":42", "INCRBY n 41", "incrby"},
    {"DECR n", ":41", "DECR n", "incrby"},
    {"DECRBY n 50", ":-9", "DECRBY n 50", "incrby"},
    {"PEXPIRE n 500", ":1", "PEXPIREAT n 1000500", "expire"},
    {"INCR n", ":-8", "INCR n", "incrby"},
    {"PTTL n", ":500", "", ""},
    {"INCRBY n x", NOT_INT, "", ""},
    {"SET s text", "+OK"},
    {"INCR s", NOT_INT, "", ""},
    {"SET s 012", "+OK"},
    {"INCR s", NOT_INT, "", ""})

STEPS_TEST(cmd_num, integers_do_not_wrap,
    {"SET n 9223372036854775807", "+OK"},
    {"INCR n", OVERFLOW_TEXT, "", ""},
    {"DECRBY n -1", OVERFLOW_TEXT, "", ""},
    {"SET n -9223372036854775808", "+OK"},
    {"DECR n", OVERFLOW_TEXT, "", ""},
    {"DECRBY n -9223372036854775808", "-ERR decrement would overflow", "", ""},
    {"INCRBY n 9223372036854775807", ":-1", "INCRBY n 9223372036854775807", "incrby"},
    {"INCRBY n 9223372036854775808", NOT_INT, "", ""})

STEPS_TEST(cmd_num, decimals_are_logged_as_results,
    {"INCRBYFLOAT f 10.50", "$4 10.5", "SET f 10.5 KEEPTTL", "incrbyfloat"},
    {"INCRBYFLOAT f 0.1", "$4 10.6", "SET f 10.6 KEEPTTL", "incrbyfloat"},
    {"INCRBYFLOAT f -5", "$3 5.6", "SET f 5.6 KEEPTTL", "incrbyfloat"},
    {"INCRBYFLOAT f 2.0e2", "$21 205.60000000000000001", "SET f 205.60000000000000001 KEEPTTL", "incrbyfloat"},
    {"EXPIRE f 1", ":1"},
    {"INCRBYFLOAT f -205", "$19 0.60000000000000001", "SET f 0.60000000000000001 KEEPTTL", "incrbyfloat"},
    {"PTTL f", ":1000", "", ""},
    {"INCRBYFLOAT f x", "-ERR value is not a valid float", "", ""},
    {"INCRBYFLOAT f inf", "-ERR increment would produce NaN or Infinity", "", ""},
    {"SET f text", "+OK"},
    {"INCRBYFLOAT f 1", "-ERR value is not a valid float", "", ""})

STEPS_TEST(cmd_num, increx_counts_within_bounds,
    {"INCREX n", "*2 :1 :1", "SET n 1 KEEPTTL", "incrby"},
    {"INCREX n BYINT 9", "*2 :10 :9", "SET n 10 KEEPTTL", "incrby"},
    {"INCREX n BYINT 10 UBOUND 15", "*2 :10 :0", "", ""},
    {"INCREX n BYINT 10 UBOUND 15 SATURATE", "*2 :15 :5", "SET n 15 KEEPTTL", "incrby"},
    {"INCREX n BYINT -100 LBOUND 0 SATURATE", "*2 :0 :-15", "SET n 0 KEEPTTL", "incrby"},
    {"INCREX n BYINT -1 LBOUND 0", "*2 :0 :0", "", ""},
    {"INCREX new BYINT 5 LBOUND 10", "*2 :0 :0", "", ""},
    {"EXISTS new", ":0", "", NULL},
    {"SET n 50", "+OK"},
    {"INCREX n BYINT 5 UBOUND 30 SATURATE", "*2 :30 :-20", "SET n 30 KEEPTTL", "incrby"},
    {"SET n 9223372036854775800", "+OK"},
    {"INCREX n BYINT 100", "*2 :9223372036854775800 :0", "", ""},
    {"INCREX n BYINT 100 SATURATE", "*2 :9223372036854775807 :7", NULL, "incrby"},
    {"INCREX n BYINT 1 SATURATE UBOUND -9223372036854775808", "-ERR applied increment would overflow", "", ""})

STEPS_TEST(cmd_num, increx_counts_decimals,
    {"SET f 1.5", "+OK"},
    {"INCREX f BYFLOAT 0.25", "*2 $4 1.75 $4 0.25", "SET f 1.75 KEEPTTL", "incrbyfloat"},
    {"INCREX f BYFLOAT 100 UBOUND 42.5", "*2 $4 1.75 $1 0", "", ""},
    {"INCREX f BYFLOAT 100 UBOUND 42.5 SATURATE", "*2 $4 42.5 $5 40.75", "SET f 42.5 KEEPTTL", "incrbyfloat"},
    {"INCREX f BYFLOAT inf", "-ERR BYFLOAT increment cannot be Infinity", "", ""},
    {"INCREX f BYFLOAT x", "-ERR Increment is not a valid float", "", ""},
    {"@proto 3"},
    {"INCREX f BYFLOAT 0.5", "*2 ,43 ,0.5", "SET f 43 KEEPTTL", "incrbyfloat"},
    {"SET f inf", "+OK"},
    {"INCREX f BYFLOAT 1", "-ERR value cannot be Infinity", "", ""})

STEPS_TEST(cmd_num, increx_sets_deadlines,
    {"INCREX n EX 10", "*2 :1 :1", "SET n 1 PXAT 1010000", "incrby expire"},
    {"INCREX n EX 99 ENX", "*2 :2 :1", "SET n 2 KEEPTTL", "incrby"},
    {"INCREX n EXAT 1 ENX", "*2 :3 :1", "SET n 3 KEEPTTL", "incrby"},
    {"INCREX n PERSIST", "*2 :4 :1", "SET n 4", "incrby persist"},
    {"INCREX n PX 7 ENX", "*2 :5 :1", "SET n 5 PXAT 1000007", "incrby expire"},
    {"INCREX n BYINT 9 UBOUND 1 EX 50", "*2 :5 :0", "", ""},
    {"PTTL n", ":7", "", ""},
    {"INCREX n EXAT 1", "*2 :6 :1", "DEL n", "del"},
    {"EXISTS n", ":0", "", NULL})

STEPS_TEST(cmd_num, increx_reads_its_options_strictly,
    {"INCREX n BYINT 1 BYINT 2", SYNTAX, "", ""},
    {"INCREX n BYINT 1 BYFLOAT 2", SYNTAX, "", ""},
    {"INCREX n EX 1 PX 1", SYNTAX, "", ""},
    {"INCREX n EX 1 PERSIST", SYNTAX, "", ""},
    {"INCREX n PERSIST ENX", SYNTAX, "", ""},
    {"INCREX n SATURATE SATURATE", SYNTAX, "", ""},
    {"INCREX n FOO", SYNTAX, "", ""},
    {"INCREX n ENX", "-ERR ENX flag requires an expiration option", "", ""},
    {"INCREX n BYINT 1.5", "-ERR Increment is not an integer or out of range", "", ""},
    {"INCREX n LBOUND 2 UBOUND 1", "-ERR LBOUND can't be greater than UBOUND", "", ""},
    {"INCREX n EX 0", "-ERR invalid expire time in 'increx' command", "", ""},
    {"SET n text", "+OK"},
    {"INCREX n", NOT_INT, "", ""},
    {"INCREX n BYFLOAT 1", "-ERR value is not a valid float", "", ""})
