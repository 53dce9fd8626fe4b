/* visit.h: looking after a shard that was sent something while it may sleep. */
#pragma once

struct shard;

/* `target` was sent a message by the caller's thread, which acts as `shard`. If the target sleeps: runs its inbox on its
 * behalf (or, with visiting off, wakes its thread). */
void visit(struct shard *shard, struct shard *target);

/* Wakes the target's own thread if a visitor left it work that only the thread can do. */
void visit_wake_owner(struct shard *shard, struct shard *target);
