/* command_names.c: a short list of added names and a mark on each command whose own name is gone.
 *
 * I1  An added name is no command's own name, unless that command is hidden, and stands in the list once.
 *
 * Servers rename a handful of commands, so the list is searched from end to end; who renames nothing has no list. */
#include "core/command/command_names.h"

#include "core/base/mem.h"

struct added_name {
    char *name;
    size_t len;
    const struct command *command;
};

struct command_names {
    bool is_hidden[COMMAND_COUNT];
    struct added_name *added;
    size_t added_count;
};

struct command_names *command_names_new(void) {
    return mem_zalloc(sizeof(struct command_names));
}

void command_names_free(struct command_names *names) {
    if (!names)
        return;
    for (size_t i = 0; i < names->added_count; i++)
        mem_free(names->added[i].name);
    mem_free(names->added);
    mem_free(names);
}

static struct added_name *find_added(const struct command_names *names, struct bytes name) {
    for (size_t i = 0; i < names->added_count; i++)
        if (bytes_equal_nocase(bytes_of(names->added[i].name, names->added[i].len), name))
            return &names->added[i];
    return NULL;
}

static const struct command *find_top(const struct command_names *names, struct bytes name) {
    const struct added_name *added = find_added(names, name);
    if (added)
        return added->command;
    const struct command *c = command_find(1, &name);
    return c && names->is_hidden[c->id] ? NULL : c;
}

static void add(struct command_names *names, struct bytes name, const struct command *command) {
    names->added = mem_realloc(names->added, (names->added_count + 1) * sizeof *names->added);
    struct added_name *added = &names->added[names->added_count++];
    *added = (struct added_name){mem_alloc(name.len), name.len, command};
    memcpy(added->name, name.ptr, name.len);
}

bool command_names_rename(struct command_names *names, struct bytes from, struct bytes to,
                          const char **why_out) {
    const struct command *command = find_top(names, from);
    *why_out = "";
    if (!command) {
        *why_out = "No such command in rename-command";
        return false;
    }
    if (to.len && !bytes_equal_nocase(from, to) && find_top(names, to)) {
        *why_out = "Target command name already exists";
        return false;
    }
    struct added_name *old = find_added(names, from);
    if (old) {
        mem_free(old->name);
        *old = names->added[--names->added_count];
    } else {
        names->is_hidden[command->id] = true;
    }
    if (to.len)
        add(names, to, command); /* I1 */
    return true;
}

const struct command *command_names_find_changed(const struct command_names *names, int argc,
                                                 const struct bytes *argv) {
    const struct command *top = find_top(names, argv[0]);
    if (!top || argc < 2)
        return top;
    for (const struct command *sub = NULL; (sub = command_sub_next(top, sub)) != NULL;)
        if (bytes_is_word(argv[1], sub->name))
            return sub;
    return top;
}
