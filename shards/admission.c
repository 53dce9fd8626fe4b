/* admission.c: the checks before a command, in the order in which Redis makes them: known, arity, authenticated, memory,
 * log. After them a part of the command on another shard cannot fail any more for these reasons. */
#include "shards/admission.h"

#include "shards/evict_loop.h"
#include "shards/server.h"

enum { ADMISSION_QUOTE_MAX = 128 };

static void admission_unknown(const struct conn_request *request, struct buf *error) {
    int argc = request->argc;
    const struct bytes *argv = request->argv;
    buf_printf(error, "ERR unknown command '%.*s', with args beginning with: ",
               (int)(argv[0].len < ADMISSION_QUOTE_MAX ? argv[0].len : ADMISSION_QUOTE_MAX), argv[0].ptr);
    size_t from = error->len;
    for (int i = 1; i < argc && error->len - from < ADMISSION_QUOTE_MAX; i++) {
        size_t room = ADMISSION_QUOTE_MAX - (error->len - from);
        buf_printf(error, "'%.*s' ", (int)(argv[i].len < room ? argv[i].len : room), argv[i].ptr);
    }
}

static bool admission_log(struct shard *shard, const struct command *command, struct buf *error) {
    enum err fault = (enum err)atomic_load_explicit(&shard->server->log_fault, memory_order_relaxed);
    if (LIKELY(fault == ERR_OK) || !(command->flags & CMD_WRITE))
        return true;
    buf_printf(error, "MISCONF Errors writing to the AOF file: %s", err_text(fault));
    return false;
}

bool admission_is_local(const struct conn *conn) {
    return conn->is_unix || strncmp(conn->addr, "127.", 4) == 0 || strncmp(conn->addr, "[::1]:", 6) == 0;
}

/* DEBUG is for those whom enable-debug-command names. */
static bool admission_debug(const struct shard *shard, const struct conn *conn, const struct command *command,
                            struct buf *error) {
    if (command->id != COMMAND_DEBUG && command->parent != COMMAND_DEBUG)
        return true;
    switch (shard->engine.config->enable_debug_command) {
    case PROTECTED_ACTION_YES: return true;
    case PROTECTED_ACTION_LOCAL:
        if (admission_is_local(conn))
            return true;
        break;
    case PROTECTED_ACTION_NO: break;
    }
    BUF_PUT_LIT(error,
                "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you "
                "can run it from a local connection, otherwise you need to set this option in the "
                "configuration file, and then restart the server.");
    return false;
}

bool admission_again(struct shard *shard, const struct command *command, struct buf *error) {
    if ((command->flags & CMD_DENYOOM) && UNLIKELY(!evict_loop_make_room(shard))) {
        buf_put_bytes(error, reply_err_text(REPLY_ERR_OOM));
        return false;
    }
    return admission_log(shard, command, error);
}

const struct command *admission_check(struct shard *shard, struct conn *conn,
                                      const struct conn_request *request, struct buf *error) {
    const struct command *command = request->command;
    if (UNLIKELY(!command)) {
        admission_unknown(request,
                          error); /* strangers too, as in Redis: the table of commands is no secret */
        return NULL;
    }
    if (UNLIKELY(!command_arity_ok(command, request->argc))) {
        buf_printf(error, "ERR wrong number of arguments for '%s' command", command->fullname);
        return NULL;
    }
    if (UNLIKELY(!conn->is_authenticated) && !(command->flags & CMD_NO_AUTH)) {
        buf_put_bytes(error, reply_err_text(REPLY_ERR_NOAUTH));
        return NULL;
    }
    if (UNLIKELY(command->flags & CMD_ADMIN) && !admission_debug(shard, conn, command, error))
        return NULL;
    if (UNLIKELY(conn->is_monitor) && (command->flags & (CMD_WRITE | CMD_READONLY | CMD_MAY_REPLICATE))) {
        BUF_PUT_LIT(error, "ERR Replica can't interact with the keyspace");
        return NULL;
    }
    /* acquire: what the loading threads read of this engine, they read before they said that it is over */
    if (UNLIKELY(atomic_load_explicit(&shard->server->is_loading, memory_order_acquire)) &&
        !(command->flags & CMD_LOADING)) {
        buf_put_bytes(error, reply_err_text(REPLY_ERR_LOADING));
        return NULL;
    }
    return admission_again(shard, command, error) ? command : NULL;
}
