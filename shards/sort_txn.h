/* sort_txn.h: SORT with patterns over several shards.
 *
 * BY and GET patterns name keys that are known only once the elements are, so they cannot be lent like the keys that a
 * command names. Asking for them later, while others go on, would be torn; locking them later, while the sorted key is
 * locked, could wait for a transaction that waits for that key. So the command holds *all* shards: it takes its place in
 * the order as a barrier (locks.h) on each of them, in one ordered flush, and while it has them
 *
 *   elements   the owner of the sorted key copies the elements
 *   weights    each owner is asked for the keys of BY that are its own
 *   sort       the coordinator sorts and cuts
 *   values     each owner is asked for the keys of GET that are its own
 *   finish     the coordinator writes the reply, or the owner of the destination stores the list
 *   release    every shard goes on
 *
 * Commands that come meanwhile wait behind the barrier, as they would wait for a SORT in Redis. There is nothing to retry and no
 * deadlock: the barrier waits for what is older, and what it asks for it has. The cost is some four hops in which no keys
 * are served, so patterns are for occasions. A SORT without patterns only lends its keys (txn.h), and with one shard
 * everything is inline.
 *
 * The alternative: reading the elements, lending all keys together with the sorted one, and starting again when the elements
 * have changed meanwhile. It holds up fewer commands, but may start again for ever, and gives up the command's place in
 * the order, so that its connection's next commands had to wait for it. */
#pragma once

#include "shards/message.h"
#include "shards/request.h"

struct shard;

/* True if the command is to run this way. */
bool sort_txn_wants(const struct shard *shard, const struct request *request);

/* On the coordinator: begins it; the reply goes to `slot`. Copies the arguments. */
void sort_txn_begin(struct shard *shard, struct conn *conn, uint64_t slot, const struct request *request);

/* On every shard: a REQUEST_HOLD item has come. */
void sort_txn_hold(struct shard *shard, const struct request *request);
