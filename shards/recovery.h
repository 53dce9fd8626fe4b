/* recovery.h: from the files of the append-only log to shards that have their data and an open log.
 *
 * All shards' threads run it together at the start: they scan the segments side by side, one of them computes the cut,
 * then each replays what it can on its own thread, into its own engine where the number of shards is still the same.
 * Nothing is guessed: whatever cannot be explained by a crash is refused with a line that says which file, where and
 * what to do, and no file is changed before all of a generation have been understood. */
#pragma once

#include <stdbool.h>

struct recovery;
struct server;
struct shard;

/* Before the shards' threads start. The server's configuration says where the files are (its working directory is
 * `dir`). */
struct recovery *recovery_new(struct server *server);
void recovery_free(struct recovery *recovery);

/* Lets the shards serve while they load (loading.h); before recovery_run. */
void recovery_serve(struct recovery *recovery);

/* On each shard's thread, after its io has been opened: returns when all are done. True: the data is in the engines and
 * every shard has its log. False, on all of them: the start has failed or was interrupted by a stop, the reason was
 * logged. */
bool recovery_run(struct recovery *recovery, struct shard *shard);

/* The same for all shards from one thread, for a simulation. */
bool recovery_run_alone(struct recovery *recovery);
