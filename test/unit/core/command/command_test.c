/* The table of commands: rows are consistent, every name is found, keys are where the specification says. */
#include "core/command/command.h"
#include "core/command/command_docs.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>

static struct bytes upper(struct bytes name, char *room) {
    for (size_t i = 0; i < name.len; i++)
        room[i] = (char)toupper((unsigned char)name.ptr[i]);
    return bytes_of(room, name.len);
}

Test(command, every_row_is_found_by_its_name_in_any_case) {
    char room[64];
    for (int id = COMMAND_NONE + 1; id < COMMAND_COUNT; id++) {
        const struct command *c = command_get((enum command_id)id);
        cr_assert_eq(c->id, id);
        cr_assert_eq(command_find_name(bytes_cstr(c->fullname)), c, "%s", c->fullname);
        cr_assert_eq(command_find_name(upper(bytes_cstr(c->fullname), room)), c, "%s", c->fullname);
    }
}

Test(command, subcommands_stand_behind_their_container) {
    for (int id = COMMAND_NONE + 1; id < COMMAND_COUNT; id++) {
        const struct command *c = command_get((enum command_id)id);
        if (c->parent == COMMAND_NONE) {
            cr_assert_eq(c->name, c->fullname);
            continue;
        }
        const struct command *parent = command_get((enum command_id)c->parent);
        char full[64];
        snprintf(full, sizeof(full), "%s|%s", parent->name, c->name);
        cr_assert_str_eq(c->fullname, full);
        bool is_listed = false;
        const struct command *sub = NULL;
        while ((sub = command_sub_next(parent, sub)) != NULL)
            is_listed = is_listed || sub == c;
        cr_assert(is_listed, "%s", c->fullname);
    }
}

Test(command, rows_make_sense) {
    for (int id = COMMAND_NONE + 1; id < COMMAND_COUNT; id++) {
        const struct command *c = command_get((enum command_id)id);
        bool has_keys = c->keyspec_count > 0;
        bool is_keyed = c->scope == SCOPE_KEY || c->scope == SCOPE_SPLIT || c->scope == SCOPE_LEND;
        cr_assert_neq(c->arity, 0, "%s", c->fullname);
        cr_assert(!is_keyed || has_keys, "%s", c->fullname);
        cr_assert((c->scope == SCOPE_SPLIT || c->scope == SCOPE_ALL) == (c->merge != MERGE_NONE), "%s",
                  c->fullname);
        cr_assert((c->flags & (CMD_WRITE | CMD_READONLY)) != (CMD_WRITE | CMD_READONLY), "%s", c->fullname);
        cr_assert(strlen(c->summary) > 0 && strlen(c->since) >= 5 && strlen(c->complexity) > 0, "%s",
                  c->fullname);
        for (int k = 0; k < c->keyspec_count; k++) {
            cr_assert_gt(c->keys[k].first, 0, "%s", c->fullname);
            cr_assert_gt(c->keys[k].step, 0, "%s", c->fullname);
            cr_assert_neq(c->keys[k].flags & (KEY_RO | KEY_RW | KEY_OW | KEY_RM), 0, "%s", c->fullname);
        }
    }
}

Test(command, names_that_are_no_commands_are_not_found) {
    static const char *const names[] = {"",
                                        "g",
                                        "ge",
                                        "gett",
                                        "get ",
                                        "object|",
                                        "object|none",
                                        "|get",
                                        "get|",
                                        "get|x",
                                        "zzzzzzzzzzzzzzzzzzzzzzzz",
                                        "g\x65\x14",
                                        "GE\x54\x54"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        cr_assert_null(command_find_name(bytes_cstr(names[i])), "%s", names[i]);
    cr_assert_null(command_find_name(bytes_of("g\0t", 3)));
}

Test(command, containers_answer_for_unknown_subcommands) {
    struct bytes argv[] = {BYTES_LIT("Object"), BYTES_LIT("FREQ"), BYTES_LIT("k")};
    cr_assert_eq(command_find(3, argv)->id, COMMAND_OBJECT_FREQ);
    argv[1] = BYTES_LIT("none");
    cr_assert_eq(command_find(3, argv)->id, COMMAND_OBJECT);
    cr_assert_eq(command_find(1, argv)->id, COMMAND_OBJECT);
}

/* Arguments "a b c", positions of keys as "1 3", or "no" where they do not fit. */
static const struct {
    const char *line;
    const char *keys;
} key_rows[] = {
    {"get a", "1"},
    {"mget a b c", "1 2 3"},
    {"mset a 1 b 2", "1 3"},
    {"mset a 1 b", "no"},
    {"bitop and d a b", "2 3 4"},
    {"copy a b", "1 2"},
    {"msetex 2 a 1 b 2 ex 5", "2 4"},
    {"msetex 0 a 1", ""},
    {"msetex 3 a 1 b 2", "no"},
    {"msetex -1 a 1", "no"},
    {"msetex 9223372036854775807 a 1", "no"},
    {"msetex x a 1", "no"},
    {"object freq a", "2"},
    {"object freq", "no"},
    {"dbsize", ""},
};

Test(command, keys_are_where_the_specification_says) {
    for (size_t r = 0; r < COUNT_OF(key_rows); r++) {
        struct bytes argv[16];
        int argc = 0;
        for (const char *p = key_rows[r].line; *p != '\0'; argc++) {
            size_t len = strcspn(p, " ");
            argv[argc] = bytes_of(p, len);
            p += len + (p[len] == ' ' ? 1 : 0);
        }
        struct command_keys keys;
        char text[64] = "no";
        command_keys_init(&keys);
        if (command_keys_find(command_find(argc, argv), argc, argv, &keys)) {
            size_t at = 0;
            text[0] = '\0';
            for (int k = 0; k < keys.count; k++)
                at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%d", k > 0 ? " " : "", keys.index[k]);
        }
        command_keys_deinit(&keys);
        cr_assert_str_eq(text, key_rows[r].keys, "%s", key_rows[r].line);
    }
}

Test(command, many_keys_fit) {
    enum { ARGS = 5000 };
    static struct bytes argv[ARGS];
    argv[0] = BYTES_LIT("del");
    for (int i = 1; i < ARGS; i++)
        argv[i] = BYTES_LIT("k");
    struct command_keys keys;
    command_keys_init(&keys);
    cr_assert(command_keys_find(command_find(ARGS, argv), ARGS, argv, &keys));
    cr_assert_eq(keys.count, ARGS - 1);
    for (int i = 0; i < keys.count; i++)
        cr_assert_eq(keys.index[i], i + 1);
    command_keys_deinit(&keys);
}
