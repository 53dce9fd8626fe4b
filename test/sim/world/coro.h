/* coro.h: coroutines: functions with a stack of their own that hand control to and fro with the main stack, all in one
 * thread. */
#pragma once

#include <stdbool.h>

struct coro;

/* Makes one; `body` begins at the first resume. */
struct coro *coro_new(void (*body)(void *ctx), void *ctx);

/* Frees it, wherever it stands: what its stack owned is lost. Not from inside itself. */
void coro_free(struct coro *coro);

/* From the main stack: runs it until it yields or ends. */
void coro_resume(struct coro *coro);

/* From inside a coroutine: goes on behind coro_resume. */
void coro_yield(void);

bool coro_is_over(const struct coro *coro);
