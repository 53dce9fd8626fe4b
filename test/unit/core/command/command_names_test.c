/* Commands under other names: what is found, what is not, and what rename-command refuses. */
#include "core/command/command_names.h"

#include <criterion/criterion.h>

static const struct command *find(const struct command_names *names, const char *first, const char *second) {
    struct bytes argv[2] = {bytes_cstr(first), bytes_cstr(second ? second : "")};
    return command_names_find(names, second ? 2 : 1, argv);
}

static const char *rename_to(struct command_names *names, const char *from, const char *to) {
    const char *why = NULL;
    bool is_done = command_names_rename(names, bytes_cstr(from), bytes_cstr(to), &why);
    cr_assert_eq(is_done, why[0] == '\0');
    return why;
}

Test(command_names, without_changes_everything_is_found_as_ever) {
    struct command_names *names = command_names_new();
    for (int id = COMMAND_NONE + 1; id < COMMAND_COUNT; id++) {
        const struct command *c = command_get((enum command_id)id);
        const struct command *parent =
            c->parent == COMMAND_NONE ? NULL : command_get((enum command_id)c->parent);
        cr_assert_eq(find(names, parent ? parent->name : c->name, parent ? c->name : NULL), c);
        cr_assert_eq(find(NULL, parent ? parent->name : c->name, parent ? c->name : NULL), c);
    }
    cr_assert_null(find(names, "nosuch", NULL));
    command_names_free(names);
}

Test(command_names, a_renamed_command_is_found_by_its_new_name_in_any_case_and_not_by_the_old_one) {
    struct command_names *names = command_names_new();
    cr_assert_str_eq(rename_to(names, "Get", "fetch-it"), "");
    cr_assert_null(find(names, "get", "k"));
    cr_assert_eq(find(names, "FETCH-it", "k")->id, COMMAND_GET);
    cr_assert_eq(find(names, "set", "k")->id, COMMAND_SET);
    command_names_free(names);
}

Test(command_names, an_empty_name_takes_the_command_away) {
    struct command_names *names = command_names_new();
    cr_assert_str_eq(rename_to(names, "flushall", ""), "");
    cr_assert_null(find(names, "FLUSHALL", NULL));
    cr_assert_null(find(names, "", NULL));
    command_names_free(names);
}

Test(command_names, subcommands_follow_their_container) {
    struct command_names *names = command_names_new();
    cr_assert_str_eq(rename_to(names, "object", "thing"), "");
    cr_assert_eq(find(names, "thing", "Encoding")->id, COMMAND_OBJECT_ENCODING);
    cr_assert_eq(find(names, "thing", "nosuch")->id, COMMAND_OBJECT);
    cr_assert_null(find(names, "object", "encoding"));
    command_names_free(names);
}

Test(command_names, names_that_were_left_can_be_taken_and_chains_are_followed) {
    struct command_names *names = command_names_new();
    cr_assert_str_eq(rename_to(names, "set", "put"), "");
    cr_assert_str_eq(rename_to(names, "get", "set"), "");
    cr_assert_str_eq(rename_to(names, "put", "store"), "");
    cr_assert_eq(find(names, "set", NULL)->id, COMMAND_GET);
    cr_assert_eq(find(names, "store", NULL)->id, COMMAND_SET);
    cr_assert_null(find(names, "put", NULL));
    cr_assert_str_eq(rename_to(names, "set", "get"), "");
    cr_assert_eq(find(names, "get", NULL)->id, COMMAND_GET);
    cr_assert_null(find(names, "set", NULL));
    cr_assert_str_eq(rename_to(names, "get", "GET"), "");
    cr_assert_eq(find(names, "get", NULL)->id, COMMAND_GET);
    command_names_free(names);
}

Test(command_names, what_is_not_there_and_what_is_taken_is_refused) {
    struct command_names *names = command_names_new();
    cr_assert_str_eq(rename_to(names, "nosuch", "x"), "No such command in rename-command");
    cr_assert_str_eq(rename_to(names, "get", "SET"), "Target command name already exists");
    cr_assert_str_eq(rename_to(names, "get", "x"), "");
    cr_assert_str_eq(rename_to(names, "get", "y"), "No such command in rename-command");
    cr_assert_str_eq(rename_to(names, "set", "X"), "Target command name already exists");
    cr_assert_eq(find(names, "set", NULL)->id, COMMAND_SET);
    command_names_free(names);
}
