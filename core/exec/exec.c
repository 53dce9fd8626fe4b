/* exec.c: running one command's handler.
 *
 * The check that a handler wrote exactly one reply is a debug check: it walks the reply. */
#include "core/exec/exec.h"

#include "core/resp/resp_read.h"

void exec_part_note(struct exec_part *part, const struct entry *e, int64_t now_ms) {
    struct exec_soon soon = {.nth = part->seen++};
    if (e == NULL || !entry_has_expire(e))
        return;
    soon.expire_ms = entry_expire_ms(e);
    if (soon.expire_ms > now_ms && soon.expire_ms - now_ms <= EXEC_SOON_MS)
        buf_put(&part->soon, (const char *)&soon, sizeof soon);
}

void exec_block(struct exec *x, const struct exec_block *how) {
    struct engine_ops *ops = &x->engine->ops;
    if (ops->block != NULL && ops->block(ops->ctx, x, how)) {
        x->is_deferred = true;
        x->is_waiting = true;
        return;
    }
    if (how->is_null_array && !how->is_null_at_once)
        resp_null_array(x->out);
    else
        resp_null(x->out);
}

void exec_run(struct exec *x) {
    struct engine *engine = x->engine;
    struct buf *buf = x->out->buf;
    size_t before = buf->len;
    uint64_t errors_before = x->out->errors;
    exec_handler *handler = engine->handlers[x->command->id];
    must(handler != NULL);
    handler(x);
    dcheck(x->is_deferred == (buf->len == before));
#ifndef NDEBUG
    if (!x->is_deferred && x->argc > 0 && !x->conn)
        dcheck(resp_reply_skip(bytes_of(buf->ptr + before, buf->len - before)) == buf->len - before);
#endif
    engine->stats.commands++;
    engine->stats.errors += x->out->errors - errors_before;
}
