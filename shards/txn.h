/* txn.h: a two-phase command over several shards: the result of one key decides about another.
 *
 *   route     the coordinator sends each owner, under the order locks, the list of its keys to lend
 *   lend      each owner, when the keys are free, locks them and moves their entries out, to the coordinator
 *   run       with all lent, the coordinator runs the ordinary handler over them (core/exec/lent.h)
 *   return    each owner gets its entries and effects back, installs and logs them, and unlocks the keys
 *
 * The reply leaves after `run`: nobody can see the keys before they are unlocked, so it cannot be too early. Under
 * appendfsync always it is held until every owner's log has its share.
 *
 * Memory: struct txn is the coordinator's; each struct lend is made and freed by its owner and travels between. */
#pragma once

#include "shards/request.h"

struct shard;
struct waiter;

/* Routes a SCOPE_LEND command whose keys have several owners. Takes the slot. */
void txn_begin(struct shard *shard, struct conn *conn, uint64_t slot, const struct request *request,
               const struct command_keys *keys);

/* Runs a waiting command again, whose keys have several owners. It holds the keys when it runs, so it may find that somebody
 * was faster; then it waits on. On the shard's own thread. */
void txn_begin_again(struct shard *shard, struct waiter *waiter);

/* On an owner: a REQUEST_LEND item has come. */
void txn_lend(struct shard *shard, const struct request *request);
