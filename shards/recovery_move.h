/* recovery_move.h: bringing all keys of one set of engines to another set with another number of shards.
 *
 * Two steps with a barrier of the caller between them; in each, thread t works on the engines whose number is t modulo the
 * number of threads. The sources are empty afterwards. */
#pragma once

#include "core/exec/exec.h"

struct recovery_move;

/* Borrows the arrays until recovery_move_free. */
struct recovery_move *recovery_move_new(struct engine **from, unsigned from_count, struct engine **to,
                                        unsigned to_count, unsigned threads);
void recovery_move_free(struct recovery_move *move);

/* Step 1: takes the entries out of this thread's sources. */
void recovery_move_take(struct recovery_move *move, unsigned thread);

/* Step 2: puts the entries of this thread's targets where they belong. */
void recovery_move_put(struct recovery_move *move, unsigned thread);
