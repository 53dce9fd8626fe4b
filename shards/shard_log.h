/* shard_log.h: what a shard's commands leave in its segment of the append-only file, and which replies wait for it.
 *
 * Effects of a turn are collected in the engine and become records of the segment: one per turn, and one of its own for
 * each part of a transaction over several shards, tagged with its number and participants. Under appendfsync always a
 * reply carries the number of the record that it depends on (its ticket): a write's own, or, for a read, that of the last
 * write of the same key (by a small table of hashes) if that is not on disk yet.
 *
 * All functions but shard_log_is_always want shard->log to be set. Owner: whoever acts as the shard; shard_log_flush
 * needs the shard's own thread. */
#pragma once

#include "core/base/bytes.h"
#include "core/base/shard_set.h"
#include "shards/request.h"

struct shard;

bool shard_log_is_always(const struct shard *shard);

/* Around a write command. A part of a transaction gets a record of its own. */
void shard_log_begin(struct shard *shard, const struct request *request);

/* After any command: the ticket its reply stands on, 0 when none is needed. Notes which coordinator wants to hear. */
uint64_t shard_log_end(struct shard *shard, const struct request *request);

/* A transaction's share for this log; gives its ticket (0 unless always). */
uint64_t shard_log_txn(struct shard *shard, uint64_t txn_id, const struct shard_set *participants,
                       struct bytes effects);

void shard_log_note_write(struct shard *shard, uint64_t hash, uint64_t ticket);

/* `coordinator` holds a reply that stands on our log. */
void shard_log_note_interest(struct shard *shard, unsigned coordinator);

/* True when the shard's own thread must write or fsync soon. */
bool shard_needs_log_flush(const struct shard *shard);

/* End of a turn: hands the turn's records to the segment. */
void shard_log_flush(struct shard *shard);
