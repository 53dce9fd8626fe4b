/* run.c: the one place where a command meets a shard's engine.
 *
 * While no transaction is under way (the normal case) a command costs one comparison more than its handler. A key that
 * is lent makes the request wait in that key's queue; a command over the whole keyspace (SCOPE_ALL) waits as a barrier
 * when anything is lent. */
#include "shards/run.h"

#include "core/base/keyhash.h"
#include "shards/cycles.h"
#include "shards/evict_loop.h"
#include "shards/fanout_clock.h"
#include "shards/parked.h"
#include "shards/server.h"
#include "shards/shard_log.h"
#include "shards/sort_txn.h"
#include "shards/txn.h"
#include "shards/waiters.h"

enum { RUN_HASHES = 64 };

unsigned run_key_hashes(const struct shard *shard, const struct request *r, uint64_t *hashes, unsigned max) {
    if (r->command->scope == SCOPE_ALL)
        return 0;
    struct command_keys keys;
    command_keys_init(&keys);
    unsigned count = 0;
    if (command_keys_find(r->command, r->argc, r->argv, &keys))
        for (; count < (unsigned)keys.count; count++)
            if (count < max)
                hashes[count] = keyhash_hash(r->argv[keys.index[count]], shard->engine.hash_seed);
    command_keys_deinit(&keys);
    return count;
}

/* Must the request wait for a lent key? */
static bool run_must_wait(const struct shard *shard, const struct request *r) {
    if (r->command->scope == SCOPE_ALL)
        return true;
    if (r->command->keyspec_count == 0)
        return false;
    uint64_t hashes[RUN_HASHES];
    unsigned count = run_key_hashes(shard, r, hashes, RUN_HASHES);
    if (count > RUN_HASHES)
        return true;
    for (unsigned i = 0; i < count; i++)
        if (locks_is_locked(&shard->locks, hashes[i]))
            return true;
    return false;
}

bool run_request_unlocked(struct shard *shard, const struct request *r, struct buf *out,
                          uint64_t *ticket_out) {
    struct resp_out reply;
    struct exec_part part = {0};
    resp_out_init(&reply, out, r->proto);
    struct exec x = {
        .engine = &shard->engine,
        .command = r->command,
        .argc = r->argc,
        .argv = r->argv,
        .out = &reply,
        .db = r->db,
        .first_key_hash = r->hash,
        .has_first_key_hash = r->hash != 0,
        .is_no_touch = (r->flags & REQUEST_NO_TOUCH) != 0,
        .is_expiry_held = !locks_are_none(&shard->locks) || shard->pause.until_ms != 0,
        .part = r->flags & REQUEST_IS_PART ? &part : NULL,
        .conn = r->command->scope == SCOPE_CONN ? r->to.conn : NULL,
        .host = shard,
    };
    const struct request *outer = shard->current;
    shard->current = r;
    uint64_t begun = shard->ticks;
    bool is_logged = shard->log && (r->command->flags & CMD_WRITE);
    if (UNLIKELY(is_logged))
        shard_log_begin(shard, r);
    exec_run(&x);
    shard->ticks = cycles_now();
    if (LIKELY(!x.is_waiting))
        stats_note(shard, r, &reply, shard->ticks - begun, !x.is_deferred);
    bool has_woken = waiters_are_due(&shard->waiters);
    if (UNLIKELY(has_woken))
        waiters_serve(shard, r->log_slot != NULL);
    *ticket_out = UNLIKELY(shard->log != NULL) ? shard_log_end(shard, r) : 0;
    if (UNLIKELY(has_woken))
        waiters_answer(shard, *ticket_out);
    shard->current = outer;
    if (UNLIKELY(r->flags & REQUEST_IS_PART) && !x.is_deferred)
        fanout_clock_close(&part, shard->engine.now_ms, out);
    return !x.is_deferred;
}

/* Admission has made room on the coordinator, which may have few keys or none; the shard that grows gives up its own. */
static void run_make_room(struct shard *shard, const struct request *r) {
    if ((r->command->flags & CMD_DENYOOM) && r->to.coordinator != shard->index)
        (void)evict_loop_make_room(shard);
}

bool run_request(struct shard *shard, const struct request *r, struct buf *out, uint64_t *ticket_out) {
    *ticket_out = 0;
    if (UNLIKELY(r->flags & (REQUEST_LEND | REQUEST_HOLD))) {
        if (r->flags & REQUEST_LEND)
            txn_lend(shard, r);
        else
            sort_txn_hold(shard, r);
        return false;
    }
    if (UNLIKELY(!locks_are_none(&shard->locks)) && run_must_wait(shard, r)) {
        parked_wait(shard, r);
        return false;
    }
    if (UNLIKELY(shard->engine.config->maxmemory != 0))
        run_make_room(shard, r);
    return run_request_unlocked(shard, r, out, ticket_out);
}
