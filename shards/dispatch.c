/* dispatch.c: the handler column of commands.def. The prototypes come from the table as well, so a row whose handler does
 * not exist does not link. */
#include "shards/dispatch.h"

#define COMMAND(id, name, handler, ...)            exec_handler handler;
#define SUBCOMMAND(parent, id, name, handler, ...) exec_handler handler;
#include "core/command/commands.def"
#undef COMMAND
#undef SUBCOMMAND

static exec_handler *const dispatch_table[COMMAND_COUNT] = {
#define COMMAND(id, name, handler, ...)            [COMMAND_##id] = handler,
#define SUBCOMMAND(parent, id, name, handler, ...) [COMMAND_##parent##_##id] = handler,
#include "core/command/commands.def"
#undef COMMAND
#undef SUBCOMMAND
};

exec_handler *const *dispatch_handlers(void) {
    return dispatch_table;
}
