/* OBJECT, MEMORY USAGE, DEBUG of one key, and LCS. */
#include "test/unit/core/cmd/cmd_harness.h"

/* clang-format off */

#define SYNTAX "-ERR syntax error"

STEPS_TEST(cmd_object, encodings_have_redis_names,
    {"SET k 12", "+OK"},
    {"OBJECT ENCODING k", "$3 int", "", ""},
    {"OBJECT REFCOUNT k", ":2147483647", "", ""},
    {"APPEND k 3", ":3"},
    {"OBJECT ENCODING k", "$3 raw", "", ""},
    {"OBJECT REFCOUNT k", ":1", "", ""},
    {"SET k text", "+OK"},
    {"OBJECT ENCODING k", "$6 embstr", "", ""},
    {"SET k 123456789012345678901234567890123456789012345", "+OK"},
    {"OBJECT ENCODING k", "$3 raw", "", ""},
    {"SET k 20000", "+OK"},
    {"OBJECT REFCOUNT k", ":1", "", ""},
    {"OBJECT ENCODING none", "$-1", "", ""})

STEPS_TEST(cmd_object, access_times_depend_on_the_policy,
    {"SET k v", "+OK"},
    {"@clock 1005000"},
    {"OBJECT IDLETIME k", ":5", "", ""},
    {"OBJECT IDLETIME k", ":5", "", ""},
    {"OBJECT FREQ k",
     "-ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching "
     "between policies at runtime LRU and LFU data will take some time to adjust.", "", ""},
    {"TTL k", ":-1", "", ""},
    {"OBJECT IDLETIME k", ":5", "", ""},
    {"GET k", "$1 v", "", ""},
    {"OBJECT IDLETIME k", ":0", "", ""},
    {"@policy 2"},
    {"SET f v", "+OK"},
    {"OBJECT FREQ f", ":5", "", ""},
    {"OBJECT IDLETIME f",
     "-ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between "
     "policies at runtime LRU and LFU data will take some time to adjust.", "", ""},
    {"OBJECT FREQ none", "$-1", "", ""})

STEPS_TEST(cmd_object, sizes_and_digests,
    {"SET k v", "+OK"},
    {"MEMORY USAGE none", "$-1", "", ""},
    {"MEMORY USAGE k SAMPLES -1", SYNTAX, "", ""},
    {"MEMORY USAGE k SAMPLES", SYNTAX, "", ""},
    {"MEMORY USAGE k SAMPLES x", "-ERR value is not an integer or out of range", "", ""},
    {"DEBUG OBJECT none", "-ERR no such key", "", ""},
    {"DEBUG DIGEST-VALUE k none",
     "*2 +d79ee9fe5d5ad902d7f6620efc3b07b75ddd742f +0000000000000000000000000000000000000000", "", ""})

STEPS_TEST(cmd_lcs, finds_common_subsequences,
    {"MSET a ohmytext b mynewtext", "+OK"},
    {"LCS a b", "$6 mytext", "", ""},
    {"LCS a b LEN", ":6", "", ""},
    {"LCS a b IDX", "*4 $7 matches *2 *2 *2 :4 :7 *2 :5 :8 *2 *2 :2 :3 *2 :0 :1 $3 len :6", "", ""},
    {"LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN",
     "*4 $7 matches *1 *3 *2 :4 :7 *2 :5 :8 :4 $3 len :6", "", ""},
    {"LCS a none", "$0 ", "", NULL},
    {"LCS a none IDX", "*4 $7 matches *0 $3 len :0", "", NULL},
    {"LCS a b IDX LEN", "-ERR If you want both the length and indexes, please just use IDX.", "", ""},
    {"LCS a b WHAT", SYNTAX, "", ""},
    {"LCS a b MINMATCHLEN x", "-ERR value is not an integer or out of range", "", ""},
    {"@proto 3"},
    {"LCS a b IDX MINMATCHLEN 9", "%2 $7 matches *0 $3 len :6", "", ""},
    {"@bulk 300"},
    {"LCS a b", "-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len", "", ""})
