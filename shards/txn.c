/* txn.c: lending, running, returning.
 *
 * Invariants:
 *   I1  between lend and return the keys are locked at their owner: commands on them wait, others go on.
 *   I2  an entry is in exactly one place: the owner's table, or the coordinator's lent set.
 *   I3  tables, expiry, accounting and the log are touched by the owner alone.
 *   I4  every lend is returned, also when the handler answered an error, or has begun to wait, or the client has gone.
 *   I5  the handler's clock is not before any owner's at the time it lent: keys that expire together are seen together.
 *
 * The alternative, shipping values by copy and installing results blindly, would copy every big value twice. */
#include "shards/txn.h"

#include "core/base/keyhash.h"
#include "core/base/mem.h"
#include "core/exec/key_view.h"
#include "core/exec/lent.h"
#include "shards/admission.h"
#include "shards/cycles.h"
#include "shards/planted.h"
#include "shards/reply.h"
#include "shards/route.h"
#include "shards/server.h"
#include "shards/shard_log.h"
#include "shards/waiters.h"
#include "shards/waiting.h"

/* One owner's share of a transaction. */
struct lend {
    struct message message;
    struct lock_waiter waiter;
    struct txn *txn; /* followed by the coordinator only */
    unsigned owner;
    unsigned coordinator;
    unsigned part; /* index of this owner in the transaction */
    unsigned key_count;
    struct lent_key *keys; /* names point into `names` */
    struct buf names;
    struct buf effects; /* coming home */
    uint64_t dirty;
    int64_t clock_ms; /* the owner's, when it lent */
    bool is_write;
    struct log_slot *log_slot; /* kept for our share of its effects; NULL: nothing is logged */
    struct waiter_part
        *waits;      /* coming home: who waits for our keys from now on, or waits on; NULL: nobody */
    bool wants_done; /* the coordinator holds the reply until it knows our ticket */
    uint64_t ticket;
};

struct txn {
    struct conn *conn;
    uint64_t slot;
    struct request request; /* argv is txn->argv */
    struct buf args;
    struct bytes *argv;
    uint64_t id;
    struct shard_set participants;
    unsigned lend_count;
    unsigned pending;
    struct lend **lends;
    struct buf reply;
    struct reply_source *sources;
    struct waiter *waiter; /* this is another run of a command that has waited; NULL: the first run */
};

/* ---- coordinator: beginning ---- */

static void txn_copy_args(struct txn *txn, const struct request *request) {
    size_t bytes = 0;
    for (int i = 0; i < request->argc; i++)
        bytes += request->argv[i].len;
    char *at = buf_room(&txn->args, bytes + 1);
    txn->argv = mem_alloc((size_t)request->argc * sizeof *txn->argv);
    for (int i = 0; i < request->argc; i++) {
        if (request->argv[i].len)
            memcpy(at, request->argv[i].ptr, request->argv[i].len);
        txn->argv[i] = bytes_of(at, request->argv[i].len);
        at += request->argv[i].len;
    }
    txn->request = *request;
    txn->request.argv = txn->argv;
}

/* The database of the n-th key: the connection's, except for the destination of COPY ... DB n. */
static int txn_key_db(const struct request *r, int nth) {
    int64_t db = r->db;
    if (r->command->id == COMMAND_COPY && nth == 1)
        for (int i = 3; i + 1 < r->argc; i++)
            if (bytes_is_word(r->argv[i], "DB") && !num_parse_int(r->argv[i + 1], &db))
                db = r->db;
    return (int)db;
}

/* Sends owner `owner` the databases and names of its keys, as pairs of arguments. */
static void txn_send(struct shard *shard, struct txn *txn, unsigned owner, unsigned part,
                     const struct command_keys *keys, const unsigned *key_owner) {
    struct bytes *argv = mem_alloc((size_t)keys->count * 2 * sizeof *argv);
    int *dbs = mem_alloc((size_t)keys->count * sizeof *dbs);
    int argc = 0;
    for (int k = 0; k < keys->count; k++) {
        if (key_owner[k] != owner)
            continue;
        dbs[k] = txn_key_db(&txn->request, k);
        argv[argc++] = bytes_of(&dbs[k], sizeof dbs[k]);
        argv[argc++] = txn->argv[keys->index[k]];
    }
    struct request r = txn->request;
    r.argv = argv;
    r.argc = argc;
    r.hash = 0;
    r.flags |= REQUEST_LEND;
    r.txn = txn;
    r.to = (struct reply_to){
        .conn = txn->conn, .slot = txn->slot, .part = (uint16_t)part, .coordinator = (uint16_t)shard->index};
    flush_add(shard, owner, &r);
    flush_order(&shard->flush, owner);
    mem_free(argv);
    mem_free(dbs);
}

static void txn_start(struct shard *shard, struct conn *conn, uint64_t slot, const struct request *request,
                      const struct command_keys *keys, struct waiter *waiter) {
    struct txn *txn = mem_zalloc(sizeof *txn);
    txn->waiter = waiter;
    txn->conn = conn;
    txn->slot = slot;
    txn->id = shard_next_txn_id(shard);
    txn_copy_args(txn, request);
    unsigned *key_owner = mem_alloc((size_t)keys->count * sizeof *key_owner);
    for (int k = 0; k < keys->count; k++) {
        key_owner[k] = shard_of_key(shard->server, request->argv[keys->index[k]]);
        shard_set_add(&txn->participants, key_owner[k]);
    }
    txn->lend_count = txn->pending = shard_set_count(&txn->participants);
    txn->lends = mem_zalloc(txn->lend_count * sizeof *txn->lends);
    shard->stats.txns++;
    unsigned part = 0;
    for (unsigned owner = shard_set_next(&txn->participants, 0); owner < SHARDS_MAX;
         owner = shard_set_next(&txn->participants, owner + 1))
        txn_send(shard, txn, owner, part++, keys, key_owner);
    mem_free(key_owner);
}

void txn_begin(struct shard *shard, struct conn *conn, uint64_t slot, const struct request *request,
               const struct command_keys *keys) {
    txn_start(shard, conn, slot, request, keys, NULL);
}

void txn_begin_again(struct shard *shard, struct waiter *waiter) {
    const struct request *r = &waiter->request;
    struct command_keys keys;
    command_keys_init(&keys);
    must(command_keys_find(r->command, r->argc, r->argv, &keys));
    txn_start(shard, r->to.conn, r->to.slot, r, &keys, waiter);
    command_keys_deinit(&keys);
}

/* ---- owner: lending ---- */

static void txn_lend_arrive(struct shard *shard, struct message *message);
static void txn_return_arrive(struct shard *shard, struct message *message);
static void txn_done_arrive(struct shard *shard, struct message *message);

/* Moves one key's entry out of the table; an expired one is deleted first, or, for a transaction that only reads, stays
 * where it is and is not lent. */
static void txn_take_key(struct shard *shard, const struct lend *lend, struct lent_key *key) {
    struct engine *engine = &shard->engine;
    struct keyspace *ks = engine_find_db(engine, key->db);
    if (!ks)
        return;
    struct entry *e = keyspace_find(ks, key->key, key->hash);
    if (!e)
        return;
    bool is_expired = entry_is_expired(e, engine->now_ms);
    if (is_expired && !lend->is_write)
        return;
    key->entry = keyspace_take(ks, key->key, key->hash); /* I2 */
    if (!is_expired)
        return;
    struct exec x = {.engine = engine, .db = key->db};
    struct key_view kv = {.x = &x, .key = key->key, .hash = key->hash, .db = key->db};
    engine->stats.expired++;
    effect_put_del(&kv);
    exec_event(&kv, EVENT_EXPIRED, "expired");
    entry_bin_put(&engine->bin, key->entry);
    key->entry = NULL;
    key->is_ready = true;
}

static void txn_lend_ready(struct shard *shard, struct lock_waiter *waiter) {
    struct lend *lend = CONTAINER_OF(waiter, struct lend, waiter);
    if (shard->log)
        shard_log_begin_place(shard, lend->log_slot);
    for (unsigned i = 0; i < lend->key_count; i++)
        txn_take_key(shard, lend, &lend->keys[i]);
    if (shard->log)
        shard_log_end_place(shard, lend->log_slot);
    if (PLANTED(EARLY_UNLOCK))
        locks_leave(&shard->locks, &lend->waiter);
    lend->clock_ms = shard->engine.now_ms;
    lend->message.run = txn_lend_arrive;
    shard_send(shard, lend->coordinator, &lend->message);
}

/* True when (db, key) was already put into the lend: RENAME a a lends one key. */
static bool txn_lend_has(const struct lend *lend, int db, struct bytes key) {
    for (unsigned i = 0; i < lend->key_count; i++)
        if (lend->keys[i].db == db && bytes_equal(lend->keys[i].key, key))
            return true;
    return false;
}

static void txn_lend_add(struct shard *shard, struct lend *lend, int db, struct bytes key, char **name_at) {
    if (db < 0 || db >= shard->engine.db_count || txn_lend_has(lend, db, key))
        return;
    if (key.len)
        memcpy(*name_at, key.ptr, key.len);
    lend->keys[lend->key_count++] = (struct lent_key){
        .key = bytes_of(*name_at, key.len),
        .hash = keyhash_hash(key, shard->engine.hash_seed),
        .db = db,
        .owner = lend->part,
    };
    *name_at += key.len;
}

void txn_lend(struct shard *shard, const struct request *r) {
    struct lend *lend = mem_zalloc(sizeof *lend);
    lend->txn = r->txn;
    lend->owner = shard->index;
    lend->coordinator = r->to.coordinator;
    lend->part = r->to.part;
    lend->is_write = (r->command->flags & CMD_WRITE) != 0;
    if (lend->is_write)
        lend->log_slot = shard_log_keep_txn_place(shard, r->txn->id, &r->txn->participants);
    lend->keys = mem_zalloc((size_t)r->argc / 2 * sizeof *lend->keys);
    size_t name_bytes = 0;
    for (int i = 1; i < r->argc; i += 2)
        name_bytes += r->argv[i].len;
    char *name_at = buf_room(&lend->names, name_bytes + 1);
    uint64_t *hashes = mem_alloc((size_t)r->argc * sizeof *hashes);
    unsigned hash_count = 0;
    for (int i = 0; i + 1 < r->argc; i += 2) {
        int db;
        memcpy(&db, r->argv[i].ptr, sizeof db);
        txn_lend_add(shard, lend, db, r->argv[i + 1], &name_at);
        hashes[hash_count++] = keyhash_hash(r->argv[i + 1], shard->engine.hash_seed);
    }
    lend->waiter.on_ready = txn_lend_ready;
    locks_enter(&shard->locks, &lend->waiter, hashes, hash_count, shard->engine.now_ms); /* I1 */
    mem_free(hashes);
    locks_run_ready(shard, &shard->locks);
}

/* ---- coordinator: running ---- */

static void txn_gather(struct txn *txn, struct lent_set *set) {
    unsigned count = 0;
    for (unsigned i = 0; i < txn->lend_count; i++)
        count += txn->lends[i]->key_count;
    lent_set_init(set, count, txn->lend_count);
    unsigned at = 0;
    for (unsigned i = 0; i < txn->lend_count; i++)
        for (unsigned k = 0; k < txn->lends[i]->key_count; k++)
            set->keys[at++] = txn->lends[i]->keys[k];
}

/* Gives every owner its entries and effects (I4). */
static void txn_give_back(struct shard *shard, struct txn *txn, struct lent_set *set, bool wants_done) {
    unsigned at = 0;
    for (unsigned i = 0; i < txn->lend_count; i++) {
        struct lend *lend = txn->lends[i];
        for (unsigned k = 0; k < lend->key_count; k++) {
            struct bytes name = lend->keys[k].key;
            lend->keys[k] = set->keys[at];
            lend->keys[k].key = name;
            set->keys[at++].entry = NULL; /* I2 */
        }
        lend->effects = set->effects[i].text;
        buf_init(&set->effects[i].text);
        lend->dirty = set->effects[i].dirty;
        lend->wants_done = wants_done;
        lend->message.run = txn_return_arrive;
        shard_send(shard, lend->owner, &lend->message);
    }
}

static void txn_free(struct txn *txn) {
    buf_deinit(&txn->args);
    buf_deinit(&txn->reply);
    mem_free(txn->argv);
    mem_free(txn->lends);
    mem_free(txn->sources);
    mem_free(txn);
}

/* The handler's clock is the latest of all owners': a key that one of them found expired, and every key that expired
 * with it on another, is then gone for all (I5). */
static void txn_set_clock(struct shard *shard, const struct txn *txn) {
    int64_t clock_ms = shard->engine.now_ms;
    for (unsigned i = 0; i < txn->lend_count; i++)
        clock_ms = txn->lends[i]->clock_ms > clock_ms ? txn->lends[i]->clock_ms : clock_ms;
    if (clock_ms > shard->engine.now_ms)
        shard_set_clock(shard, clock_ms * 1000);
}

/* Names to each owner its part of the waiter. In a new waiter, parts know their owners by the order of the lends. */
static void txn_attach_parts(struct txn *txn, struct waiter *w, bool is_new) {
    for (unsigned p = 0; p < w->part_count; p++) {
        struct waiter_part *part = &w->parts[p];
        for (unsigned i = 0; i < txn->lend_count; i++) {
            struct lend *lend = txn->lends[i];
            if (lend->waits || (is_new ? part->owner != i : part->owner != lend->owner))
                continue;
            part->owner = lend->owner;
            lend->waits = part;
            break;
        }
    }
}

/* Runs the handler. False: it waits, or has waited in vain and is not run any more, so there is no reply. */
static bool txn_exec(struct shard *shard, struct txn *txn, struct lent_set *set) {
    struct resp_out reply;
    resp_out_init(&reply, &txn->reply, txn->request.proto);
    struct exec x = {
        .engine = &shard->engine,
        .command = txn->request.command,
        .argc = txn->request.argc,
        .argv = txn->request.argv,
        .out = &reply,
        .db = txn->request.db,
        .is_no_touch = (txn->request.flags & REQUEST_NO_TOUCH) != 0,
        .is_block_retry = txn->waiter != NULL,
        .block_deadline_ms = txn->waiter ? txn->waiter->deadline_ms : 0,
        .lent = set,
        .host = shard,
    };
    uint64_t begun = cycles_now();
    const struct request *outer = shard->current;
    shard->current = &txn->request;
    exec_run(&x);
    shard->current = outer;
    if (!x.is_waiting)
        stats_note(shard, &txn->request, &reply, cycles_now() - begun, true);
    return !x.is_waiting;
}

/* The same for a command that has waited, if its client still does. */
static bool txn_exec_again(struct shard *shard, struct txn *txn, struct lent_set *set,
                           bool *was_claimed_out) {
    struct waiter *w = txn->waiter;
    *was_claimed_out = waiter_claim(w);
    if (!*was_claimed_out)
        return false;
    txn_attach_parts(txn, w, false);
    struct buf error;
    buf_init(&error);
    bool is_served = true;
    if (admission_again(shard, w->request.command, &error)) {
        is_served = txn_exec(shard, txn, set);
    } else {
        struct resp_out reply;
        resp_out_init(&reply, &txn->reply, txn->request.proto);
        resp_error(&reply, buf_bytes(&error));
        stats_note_rejected(shard, w->request.command, buf_bytes(&error));
        buf_deinit(&error);
    }
    if (!is_served)
        must(!waiter_release(w)); /* all its keys are lent to us: nobody can have wanted it */
    return is_served;
}

static void txn_run(struct shard *shard, struct txn *txn) {
    struct lent_set set;
    struct waiter *waiter = txn->waiter;
    bool was_claimed = false;
    txn_gather(txn, &set);
    txn_set_clock(shard, txn);
    bool is_answered = waiter ? txn_exec_again(shard, txn, &set, &was_claimed) : txn_exec(shard, txn, &set);
    struct waiter *fresh = !waiter && !is_answered ? waiters_take_fresh(&shard->waiters) : NULL;
    if (fresh) {
        fresh->request.to =
            (struct reply_to){.conn = txn->conn, .slot = txn->slot, .coordinator = (uint16_t)shard->index};
        txn_attach_parts(txn, fresh, true);
    }
    bool wants_done = is_answered && shard_log_is_always(shard);
    txn->pending =
        txn->lend_count; /* with wants_done: owners that have not told where their log has its share */
    txn->sources = mem_zalloc(txn->lend_count * sizeof *txn->sources);
    txn_give_back(shard, txn, &set, wants_done);
    lent_set_deinit(&set);
    if (fresh)
        waiting_begin(shard, fresh); /* its end may send messages about its parts: behind the parts */
    if (waiter)
        waiting_txn_ran(shard, waiter, was_claimed && is_answered);
    if (wants_done)
        return;
    if (is_answered)
        reply_deliver_merged(shard, txn->conn, txn->slot, buf_bytes(&txn->reply), NULL, 0);
    txn_free(txn);
}

static void txn_lend_arrive(struct shard *shard, struct message *message) {
    struct lend *lend = CONTAINER_OF(message, struct lend, message);
    struct txn *txn = lend->txn;
    must(txn->pending > 0 && !txn->lends[lend->part]);
    txn->lends[lend->part] = lend;
    if (--txn->pending == 0)
        txn_run(shard, txn);
}

/* ---- owner: taking back ---- */

static void txn_lend_free(struct lend *lend) {
    buf_deinit(&lend->names);
    buf_deinit(&lend->effects);
    mem_free(lend->keys);
    mem_free(lend);
}

/* The share's effects go to the place that was kept for them, and behind them those of the commands that had waited for
 * its keys; a share that only reads stands on what its keys hold. */
static void txn_log_share(struct shard *shard, struct lend *lend) {
    if (lend->log_slot)
        lend->ticket = shard_log_fill_place(shard, lend->log_slot);
    for (unsigned i = 0; i < lend->key_count; i++) {
        uint64_t hash = lend->keys[i].hash;
        if (lend->log_slot && lend->ticket)
            shard_log_note_write(shard, hash, lend->ticket);
        else if (!lend->log_slot && shard_log_read_ticket(shard, hash) > lend->ticket)
            lend->ticket = shard_log_read_ticket(shard, hash);
    }
}

/* Those who wait for the keys that have come home. New ones take their places before the keys are unlocked. */
static void txn_serve(struct shard *shard, struct lend *lend) {
    if (lend->waits && !PLANTED(LATE_TICKET))
        waiters_stand(shard, lend->waits);
    for (unsigned i = 0; i < lend->key_count; i++) {
        const struct lent_key *key = &lend->keys[i];
        if (key->is_ready)
            waiters_note_ready(shard, key->db, key->key, key->hash);
        else
            waiters_note_home(shard, key->db, key->key, key->hash);
    }
    if (LIKELY(!waiters_are_due(&shard->waiters)))
        return;
    if (!lend->log_slot) {
        waiters_serve_apart(shard, true);
        return;
    }
    shard_log_begin_place(shard, lend->log_slot);
    waiters_serve(shard, true);
    shard_log_end_place(shard, lend->log_slot);
}

static void txn_return_arrive(struct shard *shard, struct message *message) {
    struct lend *lend = CONTAINER_OF(message, struct lend, message);
    struct engine *engine = &shard->engine;
    for (unsigned i = 0; i < lend->key_count; i++) {
        struct lent_key *key = &lend->keys[i];
        if (key->entry)
            keyspace_put(engine_get_db(engine, key->db), key->hash, key->entry); /* I3 */
    }
    engine->stats.dirty += lend->dirty;
    if (shard->log && lend->log_slot)
        shard_log_put_place(lend->log_slot, buf_bytes(&lend->effects));
    txn_serve(shard, lend);
    if (shard->log)
        txn_log_share(shard, lend);
    waiters_answer(shard, lend->ticket);
    if (!PLANTED(EARLY_UNLOCK))
        locks_leave(&shard->locks, &lend->waiter);
    if (lend->waits && PLANTED(LATE_TICKET)) {
        locks_run_ready(shard, &shard->locks);
        waiters_stand(shard, lend->waits);
    }
    if (lend->wants_done) {
        if (lend->ticket)
            shard_log_note_interest(shard, lend->coordinator);
        lend->message.run = txn_done_arrive;
        shard_send(shard, lend->coordinator, &lend->message);
    } else {
        txn_lend_free(lend);
    }
    locks_run_ready(shard, &shard->locks);
}

/* Coordinator, appendfsync always: one owner has logged its share. */
static void txn_done_arrive(struct shard *shard, struct message *message) {
    struct lend *lend = CONTAINER_OF(message, struct lend, message);
    struct txn *txn = lend->txn;
    txn->sources[lend->part] = (struct reply_source){lend->owner, lend->ticket};
    txn_lend_free(lend);
    if (--txn->pending != 0)
        return;
    reply_deliver_merged(shard, txn->conn, txn->slot, buf_bytes(&txn->reply), txn->sources, txn->lend_count);
    txn_free(txn);
}
