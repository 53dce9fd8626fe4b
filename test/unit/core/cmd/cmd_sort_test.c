/* SORT and SORT_RO where all keys are within reach: what they store, log and tell. What they reply is compared with stock
 * Redis by test/compat/scripts/sort.txt. */
#include "test/unit/core/cmd/cmd_harness.h"

STEPS_TEST(cmd_sort, stores_the_list_that_came_out_and_logs_it_whole, {"RPUSH l 3 1 2", ":3"},
           {"SORT l", "*3 $1 1 $1 2 $1 3", "", ""}, {"SORT l STORE d", ":3", NULL, "sortstore"},
           {"LRANGE d 0 -1", "*3 $1 1 $1 2 $1 3"}, {"SORT l DESC LIMIT 0 2 STORE d", ":2", NULL, "sortstore"},
           {"LRANGE d 0 -1", "*2 $1 3 $1 2"}, {"SORT l STORE l", ":3", NULL, "sortstore"},
           {"LRANGE l 0 -1", "*3 $1 1 $1 2 $1 3"})

STEPS_TEST(cmd_sort, an_empty_result_deletes_the_destination, {"SET d old", "+OK"},
           {"SORT missing STORE d", ":0", "DEL d", "keymiss del"}, {"EXISTS d", ":0"},
           {"SORT missing STORE d", ":0", "", "keymiss"}, {"RPUSH l 1", ":1"}, {"SET d old", "+OK"},
           {"SORT l LIMIT 5 1 STORE d", ":0", "DEL d", "del"})

STEPS_TEST(cmd_sort, patterns_look_up_strings_and_fields, {"RPUSH l 1 2 3", ":3"},
           {"MSET w_1 30 w_2 20 w_3 10 o_1 one", "+OK"}, {"HSET h_2 name zwei", ":1"},
           {"SORT l BY w_* GET # GET o_* GET h_*->name", "*9 $1 3 $-1 $-1 $1 2 $-1 $4 zwei $1 1 $3 one $-1"},
           {"SORT l BY w_* GET o_* STORE d", ":3"}, {"LRANGE d 0 -1", "*3 $0  $0  $3 one"},
           {"SORT l BY h_*->name ALPHA", "*3 $1 1 $1 3 $1 2"})

STEPS_TEST(cmd_sort, a_field_that_has_expired_is_not_found, {"RPUSH l 1", ":1"}, {"HSET h_1 name eins", ":1"},
           {"HPEXPIRE h_1 1000 FIELDS 1 name", "*1 :1"}, {"SORT l GET h_*->name", "*1 $4 eins"},
           {"@clock 1002000"}, {"SORT l GET h_*->name", "*1 $-1"})

STEPS_TEST(cmd_sort, numbers_are_read_as_strtod_does, {"RPUSH l 1e400 1", ":2"},
           {"SORT l", "-ERR One or more scores can't be converted into double"}, {"RPUSH m 0x10 1e1 3", ":3"},
           {"SORT m", "*3 $1 3 $3 1e1 $4 0x10"}, {"RPUSH n inf -inf 0", ":3"},
           {"SORT n", "*3 $4 -inf $1 0 $3 inf"}, {"RPUSH o nan", ":1"},
           {"SORT o", "-ERR One or more scores can't be converted into double"})

STEPS_TEST(cmd_sort, a_set_that_is_stored_unsorted_is_sorted_by_its_texts, {"SADD s c a b", ":3"},
           {"SORT s BY nosort STORE d", ":3"}, {"LRANGE d 0 -1", "*3 $1 a $1 b $1 c"})

STEPS_TEST(cmd_sort, a_wrong_word_is_told_before_the_key_is_looked_at, {"SET s text", "+OK"},
           {"SORT s NONSENSE", "-ERR syntax error", "", ""},
           {"SORT s LIMIT a b", "-ERR value is not an integer or out of range", "", ""},
           {"SORT s", "-WRONGTYPE Operation against a key holding the wrong kind of value", "", ""},
           {"SORT_RO s STORE d", "-ERR syntax error", "", ""})
