/* Keys of any kind: deleting, renaming, copying, moving, and what their logs say; deadlines. */
#include "test/unit/core/cmd/cmd_harness.h"

/* clang-format off */

#define SYNTAX "-ERR syntax error"
#define NOT_INT "-ERR value is not an integer or out of range"
#define SAME "-ERR source and destination objects are the same"
#define DB_RANGE "-ERR DB index is out of range"

STEPS_TEST(cmd_key, deleting_logs_what_was_there,
    {"MSET a 1 b 2 c 3", "+OK"},
    {"EXISTS a a none", ":2", "", NULL},
    {"TOUCH a none", ":1", "", NULL},
    {"TYPE a", "+string", "", ""},
    {"TYPE none", "+none", "", NULL},
    {"DEL a none b a", ":2", "DEL a | DEL b", "del del"},
    {"UNLINK c", ":1", "DEL c", "del"},
    {"DEL c", ":0", "", ""})

STEPS_TEST(cmd_key, renaming_stands_alone_in_the_log,
    {"SET a 1 EX 10", "+OK"},
    {"SET b 2", "+OK"},
    {"RENAMENX a b", ":0", "", ""},
    {"RENAME a b", "+OK", "DEL a | SET b 1 PXAT 1010000", "rename_from rename_to"},
    {"RENAMENX b c", ":1", "DEL b | SET c 1 PXAT 1010000", "rename_from rename_to"},
    {"PTTL c", ":10000", "", ""},
    {"RENAME c c", "+OK", "", ""},
    {"RENAMENX c c", ":0", "", ""},
    {"RENAME none c", "-ERR no such key", "", ""},
    {"RENAME none none", "-ERR no such key", "", ""})

STEPS_TEST(cmd_key, copying_goes_to_any_database,
    {"SET a 1 EX 10", "+OK"},
    {"COPY a b", ":1", "SET b 1 PXAT 1010000", "copy_to"},
    {"COPY a b", ":0", "", ""},
    {"SET a 2", "+OK"},
    {"COPY a b REPLACE", ":1", "SET b 2", "copy_to"},
    {"COPY none b REPLACE", ":0", "", "keymiss"},
    {"COPY a a", SAME, "", ""},
    {"COPY a a DB 3", ":1", "SELECT 3 | SET a 2", "copy_to"},
    {"COPY a a DB 0", SAME, "", ""},
    {"COPY a b DB 16", DB_RANGE, "", ""},
    {"COPY a b DB -1", DB_RANGE, "", ""},
    {"COPY a b DB x", NOT_INT, "", ""},
    {"COPY a b DB", SYNTAX, "", ""},
    {"COPY a b DB 9999999999", "-ERR value is out of range, value must between -2147483648 and 2147483647", "", ""})

STEPS_TEST(cmd_key, moving_takes_the_deadline_along,
    {"SET a 1 EX 10", "+OK"},
    {"MOVE a 1", ":1", "DEL a | SELECT 1 | SET a 1 PXAT 1010000", "move_from move_to"},
    {"MOVE a 1", ":0", "", ""},
    {"MOVE a 0", SAME, "", ""},
    {"MOVE a 16", DB_RANGE, "", ""},
    {"MOVE a x", NOT_INT, "", ""},
    {"SET a 2", "+OK"},
    {"MOVE a 1", ":0", "", ""},
    {"@db 1"},
    {"PTTL a", ":10000", "", ""})

STEPS_TEST(cmd_key, deadlines_become_absolute,
    {"SET k v", "+OK"},
    {"EXPIRE k 10", ":1", "PEXPIREAT k 1010000", "expire"},
    {"TTL k", ":10", "", ""},
    {"PTTL k", ":10000", "", ""},
    {"EXPIRETIME k", ":1010", "", ""},
    {"PEXPIRETIME k", ":1010000", "", ""},
    {"PEXPIRE k 1499", ":1", "PEXPIREAT k 1001499", "expire"},
    {"TTL k", ":1", "", ""},
    {"PEXPIRE k 1500", ":1", "PEXPIREAT k 1001500", "expire"},
    {"TTL k", ":2", "", ""},
    {"EXPIREAT k 2000", ":1", "PEXPIREAT k 2000000", "expire"},
    {"PEXPIREAT k 2000001", ":1", "PEXPIREAT k 2000001", "expire"},
    {"PERSIST k", ":1", "PERSIST k", "persist"},
    {"PERSIST k", ":0", "", ""},
    {"TTL k", ":-1", "", ""},
    {"PEXPIRETIME k", ":-1", "", ""},
    {"TTL none", ":-2", "", NULL},
    {"EXPIRE none 10", ":0", "", ""},
    {"PERSIST none", ":0", "", ""},
    {"EXPIRE k 0", ":1", "DEL k", "del"},
    {"EXPIRE k -1", ":0", "", ""})

STEPS_TEST(cmd_key, deadlines_have_conditions,
    {"SET k v", "+OK"},
    {"EXPIRE k 10 XX", ":0", "", ""},
    {"EXPIRE k 10 GT", ":0", "", ""},
    {"EXPIRE k 10 NX", ":1", "PEXPIREAT k 1010000", "expire"},
    {"EXPIRE k 20 NX", ":0", "", ""},
    {"EXPIRE k 10 GT", ":0", "", ""},
    {"EXPIRE k 11 GT XX", ":1", "PEXPIREAT k 1011000", "expire"},
    {"EXPIRE k 11 LT", ":0", "", ""},
    {"EXPIRE k 5 lt", ":1", "PEXPIREAT k 1005000", "expire"},
    {"PERSIST k", ":1"},
    {"EXPIRE k 100 LT", ":1", "PEXPIREAT k 1100000", "expire"},
    {"EXPIRE k 1 NX XX", "-ERR NX and XX, GT or LT options at the same time are not compatible", "", ""},
    {"EXPIRE k 1 GT LT", "-ERR GT and LT options at the same time are not compatible", "", ""},
    {"EXPIRE k 1 AB", "-ERR Unsupported option AB", "", ""})

STEPS_TEST(cmd_key, deadlines_do_not_overflow,
    {"SET k v", "+OK"},
    {"EXPIRE k 9223372036854775807", "-ERR invalid expire time in 'expire' command", "", ""},
    {"EXPIRE k -9223372036854775808", "-ERR invalid expire time in 'expire' command", "", ""},
    {"PEXPIRE k 9223372036854775807", "-ERR invalid expire time in 'pexpire' command", "", ""},
    {"EXPIREAT k 9223372036854776", "-ERR invalid expire time in 'expireat' command", "", ""},
    {"PEXPIREAT k 9223372036854775807", ":1", NULL, "expire"},
    {"TTL k", ":9223372036853776", "", ""},
    {"EXPIRE k 9223372036854775808", NOT_INT, "", ""},
    {"PEXPIREAT k -9223372036854775808", ":1", "DEL k", "del"})
