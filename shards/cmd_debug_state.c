/* cmd_debug_state.c: DEBUG SHARDS and DEBUG LOCKS, for finding out why something hangs.
 *
 * Both ask every shard. A shard that is awake but does not come to its messages would not answer, and neither would these
 * commands; the crash report (crash.c), which SIGABRT brings about, looks from outside. */
#include "shards/cmd_debug_state.h"

#include "shards/gather.h"
#include "shards/server.h"

#include <inttypes.h>

/* ---- SHARDS ---- */

struct debug_shard_answer {
    uint64_t turn, outstanding, waiters, locked_keys, conns, effects_bytes, keys;
    bool is_awake;
};

static void debug_shards_ask(struct shard *shard, const void *question, void *answer) {
    struct debug_shard_answer *a = answer;
    (void)question;
    *a = (struct debug_shard_answer){
        .turn = shard->turn,
        .outstanding = shard->flush.outstanding,
        .waiters = shard->locks.waiters,
        .locked_keys = shard->locks.count,
        .conns = shard->conn_count,
        .effects_bytes = shard->engine.effects.len,
        .is_awake = pthread_equal(pthread_self(), shard->thread) != 0,
    };
    for (int db = 0; db < shard->engine.db_count; db++) {
        const struct keyspace *ks = engine_find_db(&shard->engine, db);
        a->keys += ks ? keyspace_count(ks) : 0;
    }
    locks_check(&shard->locks);
}

static void debug_shards_finish(struct shard *shard, struct gather *gather, struct resp_out *out) {
    struct buf text;
    (void)shard;
    buf_init(&text);
    for (unsigned s = 0; s < gather_count(gather); s++) {
        const struct debug_shard_answer *a = gather_answer(gather, s);
        buf_printf(&text,
                   "shard %u: %s, turn %" PRIu64 ", %" PRIu64 " keys, %" PRIu64 " clients, %" PRIu64
                   " batches under way, %" PRIu64 " keys lent, %" PRIu64 " waiters, %" PRIu64
                   " bytes of effects\n",
                   s, a->is_awake ? "awake" : "visited", a->turn, a->keys, a->conns, a->outstanding,
                   a->locked_keys, a->waiters, a->effects_bytes);
    }
    resp_verbatim(out, "txt", buf_bytes(&text));
    buf_deinit(&text);
}

static const struct gather_how debug_shards_how = {.answer_bytes = sizeof(struct debug_shard_answer),
                                                   .ask = debug_shards_ask,
                                                   .finish = debug_shards_finish};

void cmd_debug_state_shards(struct exec *x) {
    gather_start(x, &debug_shards_how, NULL);
}

/* ---- LOCKS ---- */

struct debug_locks_answer {
    struct buf text; /* a line per locked key */
};

static void debug_locks_ask(struct shard *shard, const void *question, void *answer) {
    struct debug_locks_answer *a = answer;
    (void)question;
    buf_init(&a->text);
    locks_check(&shard->locks);
    locks_describe(&shard->locks, shard->engine.now_ms, &a->text);
}

static void debug_locks_finish(struct shard *shard, struct gather *gather, struct resp_out *out) {
    struct buf text;
    (void)shard;
    buf_init(&text);
    for (unsigned s = 0; s < gather_count(gather); s++) {
        struct debug_locks_answer *a = gather_answer(gather, s);
        buf_printf(&text, "shard %u:\n", s);
        buf_put_bytes(&text, buf_bytes(&a->text));
        buf_deinit(&a->text);
    }
    resp_verbatim(out, "txt", buf_bytes(&text));
    buf_deinit(&text);
}

static const struct gather_how debug_locks_how = {
    .answer_bytes = sizeof(struct debug_locks_answer), .ask = debug_locks_ask, .finish = debug_locks_finish};

void cmd_debug_state_locks(struct exec *x) {
    gather_start(x, &debug_locks_how, NULL);
}
