/* log_ack.h: up to which frame a shard may acknowledge, when transactions over several shards stand in its log.
 *
 * A crash keeps a transaction only if all its parts are on their disks, and what stands behind a dropped part is dropped
 * with it. So a frame may be acknowledged when it is durable and every part up to it is *resolved*: durable in all
 * participants, each of which has nothing unresolved in front of it.
 *
 * Participants tell each other. Parts that two shards have in common stand in the same order in both logs (they are
 * logged in the order of arrival, which the order locks make the same everywhere), so a shard tells each other one a
 * single rising number: how many of their common parts are ready as far as it is concerned.
 *
 * Pure bookkeeping; owner: whoever acts as the shard. */
#pragma once

#include "core/base/shard_set.h"

struct log_ack_part {
    uint64_t seq;
    struct shard_set participants;
};

struct log_ack {
    unsigned self;
    unsigned shard_count;
    uint64_t durable;
    struct log_ack_part *ring; /* unresolved parts, a power of two of places */
    uint32_t cap;
    uint64_t head, tail;
    uint64_t *resolved; /* per shard: common parts that are resolved here */
    uint64_t *heard;    /* per shard: common parts that it has told to be ready there */
    uint64_t *told;     /* per shard: common parts that we have told */
};

void log_ack_init(struct log_ack *ack, unsigned self, unsigned shard_count);
void log_ack_deinit(struct log_ack *ack);

/* A part was logged as frame `seq`; seqs rise. `participants` include this shard. */
void log_ack_add(struct log_ack *ack, uint64_t seq, const struct shard_set *participants);

/* Our frames up to `seq` are on the disk. */
void log_ack_note_durable(struct log_ack *ack, uint64_t seq);

/* Shard `from` has told that `count` common parts are ready there. */
void log_ack_note_heard(struct log_ack *ack, unsigned from, uint64_t count);

/* The last frame that may be acknowledged. */
uint64_t log_ack_limit(const struct log_ack *ack);

/* Which shards must be told something new: each member's number is in ack->told[]. */
struct shard_set log_ack_news(struct log_ack *ack);
