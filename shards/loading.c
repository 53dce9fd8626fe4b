/* loading.c: turns between pieces of loading.
 *
 * A thread that works runs a turn that does not sleep, and keeps its baton: nobody acts as a shard whose engine is being
 * filled. A thread that waits may sleep in its turn, and be visited: its engine is at rest then. The last one to come
 * wakes the others.
 *
 * Meeting: `met` is set back before `round` rises, and nobody can come to the next meeting before he has seen it rise. */
#include "shards/loading.h"

#include "shards/loop.h"
#include "shards/server.h"

bool loading_pause(struct shard *shard) {
    loop_turn(shard, false);
    return !atomic_load_explicit(&shard->server->is_stopping, memory_order_relaxed);
}

void loading_meet(struct shard *shard) {
    struct server *server = shard->server;
    struct loading *loading = &server->loading;
    unsigned round = atomic_load_explicit(&loading->round, memory_order_acquire);
    if (atomic_fetch_add_explicit(&loading->met, 1, memory_order_acq_rel) + 1 < server->shard_count) {
        while (atomic_load_explicit(&loading->round, memory_order_acquire) == round)
            loop_turn(shard, true);
        return;
    }
    atomic_store_explicit(&loading->met, 0, memory_order_relaxed);
    atomic_fetch_add_explicit(&loading->round, 1, memory_order_release);
    for (unsigned i = 0; i < server->shard_count; i++)
        if (i != shard->index)
            io_wake(server->shards[i]->io);
}
