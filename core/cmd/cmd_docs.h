/* cmd_docs.h: the reply of COMMAND DOCS. */
#pragma once

#include "core/cmd/cmd.h"

/* Replies the name of a command and the map that documents it, its subcommands included. */
void cmd_docs_reply(struct exec *x, const struct command *c);
