/* redact.h: which arguments of a command are secrets, for everything that shows commands to people: MONITOR, the slow
 * log, the server's log. */
#pragma once

#include "core/command/command.h"

/* What is shown instead. */
#define REDACT_TEXT "(redacted)"

/* The position of the first argument that must not be shown; argc when all may. Those behind it must not be shown
 * either. */
int redact_from(const struct command *command, int argc, const struct bytes *argv);
