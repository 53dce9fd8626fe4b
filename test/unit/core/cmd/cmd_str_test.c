/* SET and GET and their older relatives: replies, effects, events. */
#include "test/unit/core/cmd/cmd_harness.h"

/* clang-format off */

#define WRONG "-WRONGTYPE Operation against a key holding the wrong kind of value"
#define SYNTAX "-ERR syntax error"
#define NOT_INT "-ERR value is not an integer or out of range"
#define ARITY(name) "-ERR wrong number of arguments for '" name "' command"
#define BAD_TIME(name) "-ERR invalid expire time in '" name "' command"

STEPS_TEST(cmd_str, set_stores_and_forgets_the_deadline,
    {"SET k v", "+OK", "SET k v", "set"},
    {"GET k", "$1 v", "", ""},
    {"set k w EX 10", "+OK", "SET k w PXAT 1010000", "set expire"},
    {"PTTL k", ":10000", "", ""},
    {"SET k x", "+OK", "SET k x", "set"},
    {"PTTL k", ":-1", "", ""},
    {"GET none", "$-1", "", "keymiss"},
    {"SET k", ARITY("set"), "", ""})

STEPS_TEST(cmd_str, set_takes_every_kind_of_time,
    {"SET k v px 15", "+OK", "SET k v PXAT 1000015", "set expire"},
    {"SET k v exat 2000", "+OK", "SET k v PXAT 2000000", "set expire"},
    {"SET k v pxat 2000", "+OK", "SET k v PXAT 2000", "set expire"},
    {"SET k v PXAT 2000000", "+OK", "DEL k | SET k v PXAT 2000000", "expired set expire"},
    {"SET k w keepttl", "+OK", "SET k w KEEPTTL", "set"},
    {"PTTL k", ":1000000", "", ""},
    {"SET k v EX 0", BAD_TIME("set"), "", ""},
    {"SET k v EX -1", BAD_TIME("set"), "", ""},
    {"SET k v EX 9223372036854775807", BAD_TIME("set"), "", ""},
    {"SET k v PX 9223372036854775807", BAD_TIME("set"), "", ""},
    {"SET k v PXAT 9223372036854775807", "+OK", "SET k v PXAT 9223372036854775807", "set expire"},
    {"SET k v EX ten", NOT_INT, "", ""},
    {"SET k v EX", SYNTAX, "", ""},
    {"SET k v EX 1 PX 1", SYNTAX, "", ""},
    {"SET k v EX 1 KEEPTTL", SYNTAX, "", ""},
    {"SET k v KEEPTTL EX 1", SYNTAX, "", ""},
    {"SET k v EX 1 EX 2", "+OK", "SET k v PXAT 1002000", NULL},
    {"SET k v wat", SYNTAX, "", ""})

STEPS_TEST(cmd_str, set_obeys_nx_and_xx,
    {"SET k v XX", "$-1", "", ""},
    {"SET k v NX", "+OK", "SET k v", "set"},
    {"SET k w NX", "$-1", "", ""},
    {"SET k w XX", "+OK", "SET k w", "set"},
    {"SET k w NX XX", SYNTAX, "", ""},
    {"SET k x GET", "$1 w", "SET k x", "set"},
    {"SET k y NX GET", "$1 x", "", ""},
    {"SET new y XX GET", "$-1", "", "keymiss"},
    {"SET new y NX GET EX 1", "$-1", "SET new y PXAT 1001000", "keymiss set expire"},
    {"@proto 3"},
    {"SET k v NX", "_", "", ""},
    {"GET none", "_", "", NULL})

STEPS_TEST(cmd_str, set_compares_values_and_digests,
    {"SET k v IFEQ a", "$-1", "", ""},
    {"SET k hello IFNE a", "+OK", "SET k hello", "set"},
    {"SET k v IFEQ a", "$-1", "", ""},
    {"SET k v IFNE hello", "$-1", "", ""},
    {"SET k v IFEQ a GET", "$5 hello", "", ""},
    {"SET k v IFEQ hello EX 1", "+OK", "SET k v PXAT 1001000", "set expire"},
    {"SET d v8lf0c11xh8ymlqztfd3eeq16kfn4sspw7fqmnuuq3k3t75em5wdizgcdw7uc26nnf961u2jkfzkjytls2kwlj7626sd", "+OK"},
    {"DIGEST d", "$16 00006c38adf31777", "", ""},
    {"DIGEST none", "$-1", "", NULL},
    {"SET d w IFDEQ 00006c38adf31778", "$-1", "", ""},
    {"SET d w IFDNE 00006C38ADF31777", "$-1", "", ""},
    {"SET d w IFDEQ 6c38adf31777", "-ERR must be exactly 16 hexadecimal characters", "", ""},
    {"SET d w IFDEQ 00006C38ADF31777", "+OK", "SET d w", "set"},
    {"SET none v IFDEQ 1", "$-1", "", ""},
    {"SET none v IFDNE 1", "+OK", "SET none v", ""  "set"},
    {"SET k v IFEQ v NX", SYNTAX, "", ""},
    {"SET k v IFEQ v IFNE w", SYNTAX, "", ""},
    {"SET k v IFEQ", SYNTAX, "", ""})

STEPS_TEST(cmd_str, old_setters_log_plain_sets,
    {"SETNX k v", ":1", "SET k v", "set"},
    {"SETNX k v", ":0", "", ""},
    {"SETEX k 10 v", "+OK", "SET k v PXAT 1010000", "set expire"},
    {"PSETEX k 10 v", "+OK", "SET k v PXAT 1000010", "set expire"},
    {"SETEX k 0 v", BAD_TIME("setex"), "", ""},
    {"PSETEX k -5 v", BAD_TIME("psetex"), "", ""},
    {"SETEX k x v", NOT_INT, "", ""},
    {"GETSET k w", "$1 v", "SET k w", "set"},
    {"PTTL k", ":-1", "", ""},
    {"GETSET new w", "$-1", "SET new w", "keymiss set"})

STEPS_TEST(cmd_str, getting_may_delete_or_give_a_deadline,
    {"SET k v", "+OK"},
    {"GETEX k", "$1 v", "", ""},
    {"GETEX k EX 5", "$1 v", "PEXPIREAT k 1005000", "expire"},
    {"GETEX k PERSIST", "$1 v", "PERSIST k", "persist"},
    {"GETEX k PERSIST", "$1 v", "", ""},
    {"GETEX k PX 0", BAD_TIME("getex"), "", ""},
    {"GETEX none PX 0", "$-1", "", "keymiss"},
    {"GETEX k EX 1 PERSIST", SYNTAX, "", ""},
    {"GETEX k KEEPTTL", SYNTAX, "", ""},
    {"GETEX k PXAT 5", "$1 v", "DEL k", "del"},
    {"EXISTS k", ":0", "", NULL},
    {"SET k v", "+OK"},
    {"GETDEL k", "$1 v", "DEL k", "del"},
    {"GETDEL k", "$-1", "", "keymiss"})

STEPS_TEST(cmd_str, delex_deletes_under_a_condition,
    {"SET k v", "+OK"},
    {"DELEX k IFEQ w", ":0", "", ""},
    {"DELEX k IFNE v", ":0", "", ""},
    {"DELEX k IFEQ", ARITY("delex"), "", ""},
    {"DELEX k IFFY v", "-ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE", "", ""},
    {"DELEX k IFDEQ 1", "-ERR must be exactly 16 hexadecimal characters", "", ""},
    {"DELEX k IFEQ v", ":1", "DEL k", "del"},
    {"DELEX k IFDEQ 1", ":0", "", ""},
    {"SET k v", "+OK"},
    {"DELEX k", ":1", "DEL k", "del"},
    {"DELEX k", ":0", "", ""},
    {"SET k 5", "+OK"},
    {"DELIFEQ k 05", ":0", "", ""},
    {"DELIFEQ k 5", ":1", "DEL k", "del"},
    {"DELIFEQ k 5", ":0", "", ""},
    {"DELIFEQ k", ARITY("delifeq"), "", ""})

STEPS_TEST(cmd_str, expired_keys_are_deleted_by_whoever_opens_them,
    {"MSET k v l v m v n v", "+OK"},
    {"PEXPIRE k 10", ":1"},
    {"PEXPIRE l 10", ":1"},
    {"PEXPIRE m 10", ":1"},
    {"PEXPIRE n 10", ":1"},
    {"@clock 1000010"},
    {"DBSIZE", ":4", "", ""},
    {"GET k", "$-1", "DEL k", "expired keymiss"},
    {"EXISTS k", ":0", "", "keymiss"},
    {"TTL l", ":-2", "DEL l", "expired keymiss"},
    {"MEMORY USAGE m", "$-1", "", ""},
    {"OBJECT ENCODING m", "$-1", "DEL m", "expired"},
    {"DBSIZE", ":1", "", ""},
    {"SET n w KEEPTTL", "+OK", "DEL n | SET n w KEEPTTL", "expired set"},
    {"PTTL n", ":-1", "", ""})

Test(cmd_str, reads_hide_expired_keys_while_expiry_is_held) {
    struct harness h;
    static const struct step steps[] = {{"SET k v PX 10", "+OK"}, {"@clock 1000010"}};
    harness_init(&h);
    harness_steps(&h, steps, COUNT_OF(steps));
    struct key_view kv;
    struct exec x = {.engine = &h.engine, .is_expiry_held = true};
    cr_assert_not(key_open_read(&x, BYTES_LIT("k"), &kv));
    cr_assert_eq(keyspace_count(h.engine.dbs[0]), 1);
    x.is_expiry_held = false;
    cr_assert_not(key_open_read(&x, BYTES_LIT("k"), &kv));
    cr_assert_eq(keyspace_count(h.engine.dbs[0]), 0);
    harness_deinit(&h);
}

STEPS_TEST(cmd_str, several_keys_at_once,
    {"MSET a 1 b 2 a 3", "+OK", "SET a 1 | SET b 2 | SET a 3", "set set set"},
    {"MGET a b none a", "*4 $1 3 $1 2 $-1 $1 3", "", "keymiss"},
    {"MSET a", ARITY("mset"), "", ""},
    {"MSET a 1 b", ARITY("mset"), "", ""},
    {"MSETNX c 1 a 1", ":0", "", ""},
    {"EXISTS c", ":0", "", NULL},
    {"MSETNX c 1 d 1 c 2", ":1", "SET c 1 | SET d 1 | SET c 2", "set set set"},
    {"MSETNX c", ARITY("msetnx"), "", ""},
    {"@proto 3"},
    {"MGET none", "*1 _", "", NULL})

STEPS_TEST(cmd_str, msetex_sets_all_or_none,
    {"MSETEX 2 a 1 b 2 EX 10", ":1", "SET a 1 PXAT 1010000 | SET b 2 PXAT 1010000", "set expire set expire"},
    {"MSETEX 2 a 5 c 5 NX", ":0", "", ""},
    {"MSETEX 2 a 5 c 5 XX", ":0", "", ""},
    {"MSETEX 1 a 5 KEEPTTL XX", ":1", "SET a 5 KEEPTTL", "set"},
    {"PTTL a", ":10000", "", ""},
    {"MSETEX 1 a 5", ":1", "SET a 5", "set"},
    {"MSETEX 0 a 5", "-ERR invalid numkeys value", "", ""},
    {"MSETEX a a 5", "-ERR invalid numkeys value", "", ""},
    {"MSETEX 2147483648 a 5", "-ERR invalid numkeys value", "", ""},
    {"MSETEX 2147483647 a 5", "-ERR wrong number of key-value pairs", "", ""},
    {"MSETEX 2 a 5 b", "-ERR wrong number of key-value pairs", "", ""},
    {"MSETEX 1 a 5 EX 1 PX 1", SYNTAX, "", ""},
    {"MSETEX 1 a 5 NX XX", SYNTAX, "", ""},
    {"MSETEX 1 a 5 EX 0", BAD_TIME("msetex"), "", ""},
    {"MSETEX 1 a 5 what", SYNTAX, "", ""})

STEPS_TEST(cmd_str, parts_of_strings,
    {"APPEND k ab", ":2", "APPEND k ab", "append"},
    {"APPEND k cd", ":4", "APPEND k cd", "append"},
    {"STRLEN k", ":4", "", ""},
    {"STRLEN none", ":0", "", NULL},
    {"SETRANGE k 6 z", ":7", "SETRANGE k 6 z", "setrange"},
    {"SETRANGE k 0 \"\"", ":7", "", ""},
    {"SETRANGE none 3 \"\"", ":0", "", ""},
    {"EXISTS none", ":0", "", NULL},
    {"SETRANGE n 1 z", ":2", "SETRANGE n 1 z", "setrange"},
    {"SETRANGE n -1 z", "-ERR offset is out of range", "", ""},
    {"SETRANGE n x z", NOT_INT, "", ""},
    {"SETRANGE n 9223372036854775807 z", "-ERR string exceeds maximum allowed size (proto-max-bulk-len)", "", ""},
    {"SET g hello", "+OK"},
    {"GETRANGE g 0 -1", "$5 hello", "", ""},
    {"GETRANGE g -3 -2", "$2 ll", "", ""},
    {"GETRANGE g 2 1", "$0 ", "", ""},
    {"GETRANGE g -1 -5", "$0 ", "", ""},
    {"GETRANGE g -100 100", "$5 hello", "", ""},
    {"GETRANGE g -100 -99", "$1 h", "", ""},
    {"GETRANGE g 5 9", "$0 ", "", ""},
    {"GETRANGE g -9223372036854775808 9223372036854775807", "$5 hello", "", ""},
    {"SUBSTR g 1 1", "$1 e", "", ""},
    {"GETRANGE none 0 -1", "$0 ", "", NULL},
    {"GETRANGE g a 1", NOT_INT, "", ""},
    {"@bulk 5"},
    {"APPEND g x", "-ERR string exceeds maximum allowed size (proto-max-bulk-len)", "", ""})
