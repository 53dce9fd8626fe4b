/* Which arguments are secrets. */
#include "shards/redact.h"

#include <criterion/criterion.h>

enum { WORDS_MAX = 8 };

Test(redact, passwords_are_hidden_and_nothing_else) {
    static const struct {
        const char *words[WORDS_MAX];
        int from; /* -1: nothing is hidden */
    } rows[] = {
        {{"AUTH", "p"}, 1},
        {{"auth", "u", "p"}, 1},
        {{"HELLO", "3"}, -1},
        {{"HELLO", "3", "SETNAME", "n", "auth", "u", "p"}, 5},
        {{"CONFIG", "SET", "maxmemory", "1"}, -1},
        {{"config", "set", "RequirePass", "p"}, 3},
        {{"CONFIG", "SET", "maxmemory", "1", "requirepass", "p", "hz", "1"}, 5},
        {{"CONFIG", "GET", "requirepass"}, -1},
        {{"SET", "auth", "p"}, -1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct bytes argv[WORDS_MAX];
        int argc = 0;
        for (; argc < WORDS_MAX && rows[i].words[argc]; argc++)
            argv[argc] = bytes_cstr(rows[i].words[argc]);
        const struct command *command = command_find(argc, argv);
        cr_assert_not_null(command);
        cr_assert_eq(redact_from(command, argc, argv), rows[i].from < 0 ? argc : rows[i].from, "row %zu", i);
    }
}
