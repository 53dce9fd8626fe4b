/* command_names.h: the names under which clients reach commands, where rename-command has changed them.
 *
 * The table of commands itself never changes: the log, replies about commands and everything inside the server go on using
 * the commands' own names.
 *
 * Owner: the start-up object makes it; afterwards it is constant, and any thread may look names up. */
#pragma once

#include "core/command/command.h"

struct command_names;

/* A set without changes. */
struct command_names *command_names_new(void);
void command_names_free(struct command_names *names);

/* The command now called `from` is called `to` from here on; an empty `to` takes it away. False: *why_out says what is
 * wrong, nothing changed. Names are matched without regard to case. */
bool command_names_rename(struct command_names *names, struct bytes from, struct bytes to,
                          const char **why_out);

/* As command_find. */
const struct command *command_names_find_changed(const struct command_names *names, int argc,
                                                 const struct bytes *argv);

/* The same; names may be NULL: nothing was renamed. */
static inline const struct command *command_names_find(const struct command_names *names, int argc,
                                                       const struct bytes *argv) {
    return LIKELY(!names) ? command_find(argc, argv) : command_names_find_changed(names, argc, argv);
}
