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

const struct command *admission_check(struct shard *shard, struct conn *conn,
                                      const struct conn_request *request, struct buf *error) {
    const struct command *command = request->command;
    if (UNLIKELY(!command)) {
        if (conn->is_authenticated)
            admission_unknown(request, error);
        else
            buf_put_bytes(error, reply_err_text(REPLY_ERR_NOAUTH));
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
    if (UNLIKELY(atomic_load_explicit(&shard->server->is_loading, memory_order_relaxed)) &&
        !(command->flags & CMD_LOADING)) {
        buf_put_bytes(error, reply_err_text(REPLY_ERR_LOADING));
        return NULL;
    }
    if ((command->flags & CMD_DENYOOM) && UNLIKELY(!evict_loop_make_room(shard))) {
        buf_put_bytes(error, reply_err_text(REPLY_ERR_OOM));
        return NULL;
    }
    return admission_log(shard, command, error) ? command : NULL;
}
