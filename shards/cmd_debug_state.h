/* cmd_debug_state.h: subcommands of DEBUG that look at the shards, for cmd_debug.c. */
#pragma once

struct exec;

/* DEBUG SHARDS: what each shard is doing. */
void cmd_debug_state_shards(struct exec *x);

/* DEBUG LOCKS: every key that is lent, and who waits for it. */
void cmd_debug_state_locks(struct exec *x);
