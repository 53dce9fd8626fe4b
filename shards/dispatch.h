/* dispatch.h: command id -> handler. */
#pragma once

#include "core/exec/exec.h"

/* COMMAND_COUNT handlers, by command id; constant. */
exec_handler *const *dispatch_handlers(void);
