/* command_docs.h: documentation facts of commands, from command_docs.def. Constant data; any thread may read it. */
#pragma once

#include "core/command/command.h"

struct command_docs {
    const char *fullname;
    const char *syntax;           /* see command_docs.def */
    const char *tips;             /* separated by spaces */
    const char *deprecated_since; /* NULL: it is not */
    const char *replaced_by;
};

/* The row of a command; one with empty texts when it has none. Never NULL. A linear search. */
const struct command_docs *command_docs_get(const struct command *c);
