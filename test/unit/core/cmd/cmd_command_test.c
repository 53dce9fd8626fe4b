/* COMMAND: facts, documentation, lists and keys. */
#include "core/command/command.h"
#include "core/exec/exec.h"

exec_handler cmd_command, cmd_command_info, cmd_command_docs, cmd_command_list, cmd_command_count,
    cmd_command_getkeys, cmd_command_getkeysandflags, cmd_command_help;

#define HARNESS_HANDLERS                                                                                     \
    [COMMAND_COMMAND] = cmd_command, [COMMAND_COMMAND_INFO] = cmd_command_info,                              \
    [COMMAND_COMMAND_DOCS] = cmd_command_docs, [COMMAND_COMMAND_LIST] = cmd_command_list,                    \
    [COMMAND_COMMAND_COUNT] = cmd_command_count, [COMMAND_COMMAND_GETKEYS] = cmd_command_getkeys,            \
    [COMMAND_COMMAND_GETKEYSANDFLAGS] = cmd_command_getkeysandflags,                                         \
    [COMMAND_COMMAND_HELP] = cmd_command_help,
#include "core/resp/resp_read.h"
#include "test/unit/core/cmd/cmd_harness.h"

/* clang-format off */

STEPS_TEST(cmd_command, info_tells_the_facts,
    {"COMMAND INFO getbit nosuch",
     "*2 *10 $6 getbit :3 *2 +readonly +fast :1 :1 :1 *3 +@read +@bitmap +@fast *0 *1 *6 $5 flags *2 +RO +access "
     "$12 begin_search *4 $4 type $5 index $4 spec *2 $5 index :1 $9 find_keys *4 $4 type $5 range $4 spec *6 "
     "$7 lastkey :0 $7 keystep :1 $5 limit :0 *0 $-1", "", ""},
    {"COMMAND INFO command|count", "*1 *10 $13 command|count :2 *2 +loading +stale :0 :0 :0 *2 +@slow +@connection *0 *0 *0"},
    {"@proto 3"},
    {"COMMAND INFO mget",
     "*1 *10 $4 mget :-2 ~2 +readonly +fast :1 :-1 :1 ~3 +@read +@string +@fast ~1 $26 request_policy:multi_shard ~1 "
     "%3 $5 flags ~2 +RO +access $12 begin_search %2 $4 type $5 index $4 spec %1 $5 index :1 $9 find_keys %2 $4 type "
     "$5 range $4 spec %3 $7 lastkey :-1 $7 keystep :1 $5 limit :0 ~0", "", ""})

STEPS_TEST(cmd_command, keys_are_found_among_arguments,
    {"COMMAND GETKEYS mset a 1 b 2", "*2 $1 a $1 b", "", ""},
    {"COMMAND GETKEYS msetex 2 a 1 b 2 EX 5", "*2 $1 a $1 b", "", ""},
    {"COMMAND GETKEYS bitop and d a b", "*3 $1 d $1 a $1 b", "", ""},
    {"COMMAND GETKEYS msetex 3 a", "-ERR Invalid number of arguments specified for command", "", ""},
    {"COMMAND GETKEYS msetex 3 a 1 b 2", "-ERR Invalid arguments specified for command", "", ""},
    {"COMMAND GETKEYS nosuch a", "-ERR Invalid command specified", "", ""},
    {"COMMAND GETKEYS dbsize a", "-ERR The command has no key arguments", "", ""},
    {"COMMAND GETKEYS get a b", "-ERR Invalid number of arguments specified for command", "", ""},
    {"COMMAND GETKEYSANDFLAGS set a b", "*1 *2 $1 a *2 +OW +update", "", ""},
    {"COMMAND GETKEYSANDFLAGS set a b get", "*1 *2 $1 a *3 +RW +access +update", "", ""},
    {"COMMAND GETKEYSANDFLAGS bitfield a get u8 0", "*1 *2 $1 a *2 +RO +access", "", ""},
    {"COMMAND GETKEYSANDFLAGS bitfield a get u8 0 set u8 0 1", "*1 *2 $1 a *3 +RW +access +update", "", ""},
    {"COMMAND GETKEYSANDFLAGS copy a b", "*2 *2 $1 a *2 +RO +access *2 $1 b *2 +OW +update", "", ""})

STEPS_TEST(cmd_command, lists_can_be_filtered,
    {"COMMAND LIST FILTERBY PATTERN getr*", "*1 $8 getrange", "", ""},
    {"COMMAND LIST FILTERBY PATTERN object|f*", "*1 $11 object|freq", "", ""},
    {"COMMAND LIST FILTERBY MODULE any", "*0", "", ""},
    {"COMMAND LIST FILTERBY ACLCAT none", "*0", "", ""},
    {"COMMAND LIST FILTERBY COLOUR red", "-ERR syntax error", "", ""},
    {"COMMAND LIST what", "-ERR syntax error", "", ""},
    {"COMMAND FLY", "-ERR unknown subcommand 'FLY'. Try COMMAND HELP.", "", ""})

STEPS_TEST(cmd_command, docs_have_a_tree_of_arguments,
    {"@proto 3"},
    {"COMMAND DOCS nosuch substr",
     "%1 $6 substr %8 $7 summary $25 The old name of GETRANGE. $5 since $5 1.0.0 $5 group $6 string $10 complexity "
     "$26 O(N), N bytes in the reply $9 doc_flags ~1 +deprecated $16 deprecated_since $5 2.0.0 $11 replaced_by $8 "
     "GETRANGE $9 arguments *3 %3 $4 name $3 key $4 type $3 key $14 key_spec_index :0 %2 $4 name $5 start $4 type $7 "
     "integer %2 $4 name $3 end $4 type $7 integer", "", ""})

/* Whatever the rows say, the replies are well-formed: a broken syntax text or a wrong count would break them. */
Test(cmd_command, replies_about_all_commands_are_whole) {
    static const char *const lines[] = {"COMMAND", "COMMAND INFO", "COMMAND DOCS", "COMMAND LIST", "COMMAND HELP"};
    struct harness h;
    harness_init(&h);
    for (uint8_t proto = 2; proto <= 3; proto++) {
        for (size_t i = 0; i < COUNT_OF(lines); i++) {
            char line[32];
            int len = snprintf(line, sizeof(line), "%s\r\n", lines[i]);
            buf_clear(&h.reply, SIZE_MAX);
            harness_feed(&h.engine, &h.db, proto, bytes_of(line, (size_t)len), &h.reply, NULL);
            cr_assert_eq(resp_reply_skip(buf_bytes(&h.reply)), h.reply.len, "%s", lines[i]);
            cr_assert_neq(h.reply.ptr[0], '-');
        }
    }
    harness_deinit(&h);
}
