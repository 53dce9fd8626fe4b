/* sort_txn.c: the stages of a SORT that holds all shards; sort_txn.h says why.
 *
 * Invariants:
 *   I1  the transaction and each of its parts are touched by one shard at a time; a message hands them on. A part is with
 *       its shard from hold to release, except while the coordinator reads its answers.
 *   I2  every shard that was held is released, whatever the reply is.
 *   I3  one clock, the latest of all shards at the time they were held, decides what has expired, in every stage.
 *   I4  with STORE every shard keeps a place in its log when the command arrives there and fills it when it is
 *       released: what is stored stands on what others hold, and recovery keeps all or nothing. Without STORE nothing is
 *       logged, and under appendfsync always the reply stands on the last writes of the keys that were read. */
#include "shards/sort_txn.h"

#include "core/base/keyhash.h"
#include "core/base/mem.h"
#include "core/cmd/sort_job.h"
#include "core/exec/key_view.h"
#include "shards/cycles.h"
#include "shards/reply.h"
#include "shards/route.h"
#include "shards/server.h"
#include "shards/shard_log.h"
#include "shards/waiters.h"

/* One shard's part. */
struct sort_part {
    struct message message;
    struct lock_waiter waiter;
    struct sort_txn *txn;
    unsigned shard;
    int64_t clock_ms; /* when it was held */
    struct log_slot *log_slot;
    uint64_t ticket;
    bool is_free;    /* was held, and goes on */
    uint32_t *asked; /* numbers of the job's questions for this shard */
    size_t asked_count;
    size_t asked_cap;
    struct buf answers; /* for each: its length, or ANSWER_NONE, in 32 bits, and the text */
};

enum { ANSWER_NONE = -1 };

struct sort_txn {
    struct conn *conn;
    uint64_t slot;
    struct request request; /* argv is txn->argv */
    struct buf args;
    struct bytes *argv;
    uint64_t id;
    struct shard_set everybody;
    unsigned coordinator;
    unsigned key_owner;
    unsigned store_owner; /* part_count: nothing is stored */
    unsigned part_count;
    unsigned pending;
    struct sort_part *parts;
    struct sort_job job;
    int64_t clock_ms; /* I3 */
    struct buf reply;
    struct resp_out out;
    uint64_t ticks;
    /* What comes when all questions have been answered. */
    void (*next)(struct shard *shard, struct sort_txn *txn);
};

/* ---- beginning ---- */

static bool has_keys(struct bytes pattern_text) {
    struct sort_pattern pattern = sort_pattern_of(pattern_text);
    return sort_pattern_has_keys(&pattern);
}

bool sort_txn_wants(const struct shard *shard, const struct request *r) {
    if (LIKELY(r->command->id != COMMAND_SORT && r->command->id != COMMAND_SORT_RO))
        return false;
    if (shard->server->shard_count == 1)
        return false;
    struct sort_plan plan;
    bool wants = false;
    if (sort_plan_read(&plan, r->command, r->argc, r->argv, NULL)) {
        wants = plan.by_at != 0;
        for (int i = 0; i < plan.get_count; i++)
            wants = wants || has_keys(r->argv[plan.gets[i]]);
    }
    sort_plan_deinit(&plan);
    return wants;
}

static void copy_args(struct sort_txn *txn, const struct request *request) {
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

static void find_owners(struct shard *shard, struct sort_txn *txn) {
    struct sort_plan plan;
    const struct request *r = &txn->request;
    must(sort_plan_read(&plan, r->command, r->argc, r->argv, NULL));
    txn->key_owner = shard_of_key(shard->server, r->argv[1]);
    txn->store_owner = plan.store_at ? shard_of_key(shard->server, r->argv[plan.store_at]) : txn->part_count;
    sort_plan_deinit(&plan);
}

void sort_txn_begin(struct shard *shard, struct conn *conn, uint64_t slot, const struct request *request) {
    struct sort_txn *txn = mem_zalloc(sizeof *txn);
    txn->conn = conn;
    txn->slot = slot;
    txn->id = shard_next_txn_id(shard);
    txn->coordinator = shard->index;
    txn->part_count = txn->pending = shard->server->shard_count;
    txn->parts = mem_zalloc(txn->part_count * sizeof *txn->parts);
    copy_args(txn, request);
    find_owners(shard, txn);
    resp_out_init(&txn->out, &txn->reply, request->proto);
    shard->stats.txns++;
    for (unsigned i = 0; i < txn->part_count; i++)
        shard_set_add(&txn->everybody, i);
    for (unsigned i = 0; i < txn->part_count; i++) {
        struct sort_part *part = &txn->parts[i];
        struct bytes arg = bytes_of(&part, sizeof part);
        struct request r = txn->request;
        part->txn = txn;
        part->shard = i;
        r.argv = &arg;
        r.argc = 1;
        r.hash = 0;
        r.flags |= REQUEST_HOLD;
        r.to = (struct reply_to){
            .conn = conn, .slot = slot, .part = (uint16_t)i, .coordinator = (uint16_t)shard->index};
        flush_add(shard, i, &r);
        flush_order(&shard->flush, i);
    }
}

/* ---- on every shard: being held ---- */

/* Sends the part to a shard, to go on there with `run` (I1). */
static void go_to(struct shard *shard, struct sort_part *part, unsigned to,
                  void (*run)(struct shard *shard, struct message *message)) {
    part->message.run = run;
    shard_send(shard, to, &part->message);
}

static void held_arrive(struct shard *shard, struct message *message);

static void hold_ready(struct shard *shard, struct lock_waiter *waiter) {
    struct sort_part *part = CONTAINER_OF(waiter, struct sort_part, waiter);
    part->clock_ms = shard->engine.now_ms;
    go_to(shard, part, part->txn->coordinator, held_arrive);
}

void sort_txn_hold(struct shard *shard, const struct request *r) {
    struct sort_part *part;
    must(r->argc == 1 && r->argv[0].len == sizeof part);
    memcpy(&part, r->argv[0].ptr, sizeof part);
    struct sort_txn *txn = part->txn;
    if (txn->store_owner < txn->part_count) /* I4 */
        part->log_slot = shard_log_keep_txn_place(shard, txn->id, &txn->everybody);
    part->waiter.on_ready = hold_ready;
    locks_enter(&shard->locks, &part->waiter, NULL, 0, shard->engine.now_ms);
    locks_run_ready(shard, &shard->locks);
}

/* ---- running a stage on a shard ---- */

/* Sets up to run on this shard with the transaction's clock; leave_stage undoes it. Gives the shard's own clock. */
static int64_t enter_stage(struct shard *shard, struct sort_txn *txn, struct exec *x_out) {
    int64_t own_ms = shard->engine.now_ms;
    shard->engine.now_ms = txn->clock_ms; /* I3 */
    *x_out = (struct exec){
        .engine = &shard->engine,
        .command = txn->request.command,
        .argc = txn->request.argc,
        .argv = txn->request.argv,
        .out = &txn->out,
        .db = txn->request.db,
        .is_no_touch = (txn->request.flags & REQUEST_NO_TOUCH) != 0,
        .is_expiry_held = true,
        .host = shard,
    };
    return own_ms;
}

static void leave_stage(struct shard *shard, int64_t own_ms) {
    shard->engine.now_ms = own_ms;
}

static void note_read(struct shard *shard, struct sort_part *part, struct bytes key) {
    if (!shard->log)
        return;
    uint64_t ticket = shard_log_read_ticket(shard, keyhash_hash(key, shard->engine.hash_seed));
    part->ticket = ticket > part->ticket ? ticket : part->ticket;
}

/* ---- questions ---- */

static void answers_arrive(struct shard *shard, struct message *message);

/* On the shard that was asked. */
static void questions_arrive(struct shard *shard, struct message *message) {
    struct sort_part *part = CONTAINER_OF(message, struct sort_part, message);
    struct sort_txn *txn = part->txn;
    struct exec x;
    int64_t own_ms = enter_stage(shard, txn, &x);
    for (size_t i = 0; i < part->asked_count; i++) {
        const struct sort_question *question = &txn->job.asked[part->asked[i]];
        char scratch[NUM_INT_TEXT_MAX];
        struct bytes text;
        bool is_there = sort_look(&x, question, scratch, &text);
        int64_t len = is_there ? (int64_t)text.len : ANSWER_NONE;
        note_read(shard, part, question->key);
        buf_put(&part->answers, &len, sizeof len);
        buf_put_bytes(&part->answers, text);
    }
    leave_stage(shard, own_ms);
    go_to(shard, part, txn->coordinator, answers_arrive);
}

/* Asks every shard for what it owns of job->asked, then goes on with `next`. On the coordinator. */
static void ask_all(struct shard *shard, struct sort_txn *txn,
                    void (*next)(struct shard *shard, struct sort_txn *txn)) {
    txn->next = next;
    txn->pending = 0;
    for (size_t q = 0; q < txn->job.asked_count; q++) {
        struct sort_part *part = &txn->parts[shard_of_key(shard->server, txn->job.asked[q].key)];
        if (part->asked_count == part->asked_cap) {
            part->asked_cap = part->asked_cap == 0 ? 16 : part->asked_cap * 2;
            part->asked = mem_realloc(part->asked, part->asked_cap * sizeof *part->asked);
        }
        txn->pending += part->asked_count == 0;
        part->asked[part->asked_count++] = (uint32_t)q;
    }
    if (txn->pending == 0) {
        next(shard, txn);
        return;
    }
    for (unsigned i = 0; i < txn->part_count; i++)
        if (txn->parts[i].asked_count != 0)
            go_to(shard, &txn->parts[i], i, questions_arrive);
}

/* Back on the coordinator. */
static void answers_arrive(struct shard *shard, struct message *message) {
    struct sort_part *part = CONTAINER_OF(message, struct sort_part, message);
    struct sort_txn *txn = part->txn;
    const char *at = part->answers.ptr;
    for (size_t i = 0; i < part->asked_count; i++) {
        int64_t len;
        memcpy(&len, at, sizeof len);
        at += sizeof len;
        if (len == ANSWER_NONE)
            continue;
        sort_job_answer(&txn->job, &txn->job.asked[part->asked[i]], bytes_of(at, (size_t)len));
        at += len;
    }
    part->asked_count = 0;
    buf_clear(&part->answers, SIZE_MAX);
    if (--txn->pending == 0)
        txn->next(shard, txn);
}

/* ---- the stages ---- */

static void release_all(struct shard *shard, struct sort_txn *txn);

static void finished_arrive(struct shard *shard, struct message *message) {
    release_all(shard, CONTAINER_OF(message, struct sort_part, message)->txn);
}

static void let_go(struct shard *shard, struct sort_part *part);

/* On the owner of the destination, which may go on at once: the command has all that it wants from the others. Whoever waits for
 * the list is served inside the command's place in the log. */
static void store_arrive(struct shard *shard, struct message *message) {
    struct sort_part *part = CONTAINER_OF(message, struct sort_part, message);
    struct sort_txn *txn = part->txn;
    struct exec x;
    if (shard->log)
        shard_log_begin_place(shard, part->log_slot);
    int64_t own_ms = enter_stage(shard, txn, &x);
    sort_job_finish(&txn->job, &x);
    leave_stage(shard, own_ms);
    if (waiters_are_due(&shard->waiters))
        waiters_serve(shard, true);
    if (shard->log)
        shard_log_end_place(shard, part->log_slot);
    let_go(shard, part);
    go_to(shard, part, txn->coordinator, finished_arrive);
    locks_run_ready(shard, &shard->locks);
}

static void finish(struct shard *shard, struct sort_txn *txn) {
    if (txn->store_owner < txn->part_count) {
        go_to(shard, &txn->parts[txn->store_owner], txn->store_owner, store_arrive);
        return;
    }
    struct exec x;
    int64_t own_ms = enter_stage(shard, txn, &x);
    sort_job_finish(&txn->job, &x);
    leave_stage(shard, own_ms);
    release_all(shard, txn);
}

static void sort(struct shard *shard, struct sort_txn *txn) {
    struct exec x;
    uint64_t begun = cycles_now();
    int64_t own_ms = enter_stage(shard, txn, &x);
    bool is_good = sort_job_sort(&txn->job, &x);
    leave_stage(shard, own_ms);
    txn->ticks += cycles_now() - begun;
    if (is_good)
        ask_all(shard, txn, finish);
    else
        release_all(shard, txn);
}

static void begun_arrive(struct shard *shard, struct message *message) {
    struct sort_txn *txn = CONTAINER_OF(message, struct sort_part, message)->txn;
    if (txn->reply.len == 0)
        ask_all(shard, txn, sort);
    else
        release_all(shard, txn); /* the error was replied */
}

/* On the owner of the sorted key. */
static void begin_arrive(struct shard *shard, struct message *message) {
    struct sort_part *part = CONTAINER_OF(message, struct sort_part, message);
    struct sort_txn *txn = part->txn;
    struct exec x;
    uint64_t begun = cycles_now();
    int64_t own_ms = enter_stage(shard, txn, &x);
    bool is_good = sort_job_begin(&txn->job, &x);
    leave_stage(shard, own_ms);
    must(is_good == (txn->reply.len == 0));
    note_read(shard, part, txn->argv[1]);
    txn->ticks += cycles_now() - begun;
    go_to(shard, part, txn->coordinator, begun_arrive);
}

static void held_arrive(struct shard *shard, struct message *message) {
    struct sort_part *part = CONTAINER_OF(message, struct sort_part, message);
    struct sort_txn *txn = part->txn;
    txn->clock_ms = part->clock_ms > txn->clock_ms ? part->clock_ms : txn->clock_ms;
    if (--txn->pending == 0)
        go_to(shard, &txn->parts[txn->key_owner], txn->key_owner, begin_arrive);
}

/* ---- releasing ---- */

static void sort_txn_free(struct sort_txn *txn) {
    for (unsigned i = 0; i < txn->part_count; i++) {
        buf_deinit(&txn->parts[i].answers);
        mem_free(txn->parts[i].asked);
    }
    sort_job_deinit(&txn->job);
    buf_deinit(&txn->args);
    buf_deinit(&txn->reply);
    mem_free(txn->argv);
    mem_free(txn->parts);
    mem_free(txn);
}

/* On the coordinator: one shard goes on. The reply leaves when all do, and what it stands on is known. */
static void released_arrive(struct shard *shard, struct message *message) {
    struct sort_txn *txn = CONTAINER_OF(message, struct sort_part, message)->txn;
    if (--txn->pending != 0)
        return;
    struct reply_source *sources = mem_alloc(txn->part_count * sizeof *sources);
    for (unsigned i = 0; i < txn->part_count; i++)
        sources[i] = (struct reply_source){i, txn->parts[i].ticket};
    stats_note(shard, &txn->request, &txn->out, txn->ticks, true);
    reply_deliver_merged(shard, txn->conn, txn->slot, buf_bytes(&txn->reply), sources, txn->part_count);
    mem_free(sources);
    sort_txn_free(txn);
}

/* On every shard: ends the hold. locks_run_ready is the caller's, when it needs the part no longer. */
static void let_go(struct shard *shard, struct sort_part *part) {
    struct sort_txn *txn = part->txn;
    if (part->log_slot) {
        part->ticket = shard_log_fill_place(shard, part->log_slot);
        if (part->ticket && part->shard == txn->store_owner)
            shard_log_note_write(shard,
                                 keyhash_hash(txn->argv[txn->job.plan.store_at], shard->engine.hash_seed),
                                 part->ticket);
    }
    waiters_answer(shard, part->ticket);
    if (part->ticket)
        shard_log_note_interest(shard, txn->coordinator);
    part->is_free = true;
    locks_leave(&shard->locks, &part->waiter);
}

/* On every shard that was not let go before (I2). */
static void release_arrive(struct shard *shard, struct message *message) {
    struct sort_part *part = CONTAINER_OF(message, struct sort_part, message);
    let_go(shard, part);
    go_to(shard, part, part->txn->coordinator, released_arrive);
    locks_run_ready(shard, &shard->locks);
}

/* On the coordinator: lets all shards go on that are still held. There is one at least. */
static void release_all(struct shard *shard, struct sort_txn *txn) {
    unsigned count = txn->part_count; /* the last message may end the transaction */
    txn->pending = 0;
    for (unsigned i = 0; i < count; i++)
        txn->pending += !txn->parts[i].is_free;
    unsigned last = txn->parts[count - 1].is_free ? count - 2 : count - 1;
    for (unsigned i = 0; i <= last; i++)
        if (!txn->parts[i].is_free)
            go_to(shard, &txn->parts[i], i, release_arrive);
}
