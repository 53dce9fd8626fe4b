/* inbox.h: a shard's one queue of incoming messages: many producers, one consumer, first in first out over all
 * producers. A push never blocks and never fails; whoever routes commands has bounded them before.
 *
 * Any thread may push. Only the holder of the shard's baton may take. */
#pragma once

#include "shards/message.h"

#include <stdbool.h>

struct inbox;

struct inbox *inbox_new(void);
void inbox_free(struct inbox *inbox);

/* Takes the message. Lock-free: one compare-and-swap, retried when another producer was faster. Full fence. */
void inbox_push(struct inbox *inbox, struct message *message);

/* Gives everything that was pushed, oldest first, linked by `next`; NULL when empty. Wait-free. */
struct message *inbox_take(struct inbox *inbox);

/* A look that may be outdated at once. */
bool inbox_is_empty(const struct inbox *inbox);
