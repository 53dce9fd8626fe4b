/* pause.h: CLIENT PAUSE: for a while clients' commands, or only those that write, wait where they are.
 *
 * Each shard has its own copy of the pause, set and ended by a message. A command that must wait is not taken: its
 * connection keeps it in its input and stands in a list until the pause is over. Replies to what was taken before still
 * leave. Nothing expires actively while a pause is on, so that a copy made meanwhile stays equal.
 *
 * Owner: whoever acts as the shard. */
#pragma once

#include "core/base/link.h"
#include "core/command/command.h"

#include <stdint.h>

struct shard;
struct conn;

struct pause {
    int64_t until_ms;    /* wall clock; 0: no pause */
    bool is_for_all;     /* else for commands that write */
    struct link waiting; /* connections, by paused_link */
};

void pause_init(struct pause *pause);

/* Must this command of this connection wait? */
bool pause_holds(const struct shard *shard, const struct conn *conn, const struct command *command);

/* The connection's next command waits: its host is told to take it again when the pause is over. */
void pause_wait(struct shard *shard, struct conn *conn);

/* Begins a pause, or replaces the one that is on; who waits is asked again under the new one. */
void pause_begin(struct shard *shard, int64_t until_ms, bool is_for_all);

/* Ends it; harmless when there is none. */
void pause_end(struct shard *shard);

/* Ends a pause whose time is over; once a turn. */
void pause_check(struct shard *shard);

/* The number of connections that wait. */
unsigned pause_count(const struct shard *shard);
