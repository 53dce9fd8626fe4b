/* route.c: routing by scope.
 *
 * A reply goes straight to the connection's output when nothing older is outstanding; else it takes a slot first
 * (net/reply_order.h), so that replies leave in order of requests whatever shard is faster. */
#include "shards/route.h"

#include "core/base/keyhash.h"
#include "shards/admission.h"
#include "shards/cycles.h"
#include "shards/fanout.h"
#include "shards/misuse.h"
#include "shards/planted.h"
#include "shards/reply.h"
#include "shards/run.h"
#include "shards/server.h"
#include "shards/shard_log.h"
#include "shards/sort_txn.h"
#include "shards/txn.h"

uint64_t shard_next_txn_id(struct shard *shard) {
    return (++shard->txn_count << 8) | shard->index;
}

unsigned shard_of_slot(const struct server *server, unsigned slot) {
    return slot * server->shard_count / KEYHASH_SLOT_COUNT;
}

unsigned shard_of_key(const struct server *server, struct bytes key) {
    return server->shard_count == 1 ? 0 : shard_of_slot(server, keyhash_slot(key));
}

/* CLIENT REPLY OFF and SKIP: is the reply of the command that takes a slot now dropped? */
static bool route_is_muted(struct conn *conn) {
    if (LIKELY(conn->reply_mode == CONN_REPLY_ON))
        return false;
    if (conn->reply_mode == CONN_REPLY_SKIP)
        conn->reply_mode = CONN_REPLY_ON;
    return true;
}

static uint64_t route_open_slot(struct conn *conn) {
    conn->in_flight++;
    return reply_order_open(&conn->order, route_is_muted(conn));
}

/* Answers at once with bytes that are already in `reply`. */
static void route_answer(struct shard *shard, struct conn *conn, struct bytes reply, uint64_t ticket) {
    struct reply_source source = {shard->index, ticket};
    uint64_t slot = route_open_slot(conn);
    reply_deliver_merged(shard, conn, slot, reply, &source, 1);
}

/* Runs the request on this shard, now. */
static void route_run_here(struct shard *shard, struct conn *conn, struct request *r) {
    bool is_direct = reply_order_is_idle(&conn->order) && conn->reply_mode == CONN_REPLY_ON;
    struct buf *out = is_direct ? &conn->out : &shard->scratch;
    if (!is_direct)
        buf_clear(out, ROUTE_SCRATCH_KEEP_BYTES);
    size_t before = out->len;
    uint64_t ticket;
    /* A request that cannot be answered now needs its slot before it is parked. A spare one is taken back below. */
    r->to = (struct reply_to){.conn = conn, .slot = conn->order.next, .coordinator = (uint16_t)shard->index};
    bool is_answered = run_request(shard, r, out, &ticket);
    if (UNLIKELY(conn->reply_mode != CONN_REPLY_ON) &&
        is_direct) { /* that was CLIENT REPLY OFF or SKIP itself */
        out->len = before;
        if (conn->reply_mode == CONN_REPLY_SKIP_NEXT)
            conn->reply_mode = CONN_REPLY_SKIP;
        return;
    }
    if (!is_answered) {
        uint64_t slot = route_open_slot(conn);
        must(slot == r->to.slot);
        return;
    }
    if (is_direct && LIKELY(!promises_must_hold(&shard->promises, shard->index, ticket))) {
        conn_has_output(conn);
        return;
    }
    if (!is_direct) {
        route_answer(shard, conn, buf_bytes(out), ticket);
        if (conn->reply_mode == CONN_REPLY_SKIP_NEXT)
            conn->reply_mode = CONN_REPLY_SKIP;
        return;
    }
    /* Held until it is durable: move it from the output to a slot. */
    buf_clear(&shard->scratch, ROUTE_SCRATCH_KEEP_BYTES);
    buf_put(&shard->scratch, out->ptr + before, out->len - before);
    out->len = before;
    route_answer(shard, conn, buf_bytes(&shard->scratch), ticket);
}

/* Notes that the connection has routed to `owner` this turn; a second destination orders the flush (R1). */
static void route_note_destination(struct shard *shard, struct conn *conn, unsigned owner) {
    if (conn->routed_turn != shard->turn) {
        conn->routed_turn = shard->turn;
        conn->routed_first = (int)owner;
        return;
    }
    if (conn->routed_first == (int)owner)
        return;
    if (!atomic_load_explicit(&shard->server->is_order_strict, memory_order_relaxed))
        return;
    if (conn->routed_first >= 0)
        flush_order(&shard->flush, (unsigned)conn->routed_first);
    flush_order(&shard->flush, owner);
    conn->routed_first = -1;
}

/* Sends the request to one shard, or runs it here if that keeps the order. */
static void route_to(struct shard *shard, struct conn *conn, unsigned owner, struct request *r) {
    if (owner == shard->index && (conn->routed_turn != shard->turn || PLANTED(LOCAL_OVERTAKES))) {
        route_run_here(shard, conn, r);
        return;
    }
    r->to =
        (struct reply_to){.conn = conn, .slot = route_open_slot(conn), .coordinator = (uint16_t)shard->index};
    route_note_destination(shard, conn, owner);
    flush_add(shard, owner, r);
}

/* A command with several keys: whole to their owner if they have one, else in parts or by lending. */
static void route_keys(struct shard *shard, struct conn *conn, struct request *r) {
    struct command_keys keys;
    if (UNLIKELY(sort_txn_wants(shard, r))) {
        conn->routed_turn = shard->turn;
        conn->routed_first = -1;
        sort_txn_begin(shard, conn, route_open_slot(conn), r);
        return;
    }
    command_keys_init(&keys);
    if (!command_keys_find(r->command, r->argc, r->argv, &keys) || keys.count == 0) {
        route_to(shard, conn, shard->index, r); /* the handler answers what is wrong */
        command_keys_deinit(&keys);
        return;
    }
    r->hash = keyhash_hash(r->argv[keys.index[0]], shard->engine.hash_seed);
    unsigned first = shard_of_key(shard->server, r->argv[keys.index[0]]);
    bool is_one = true;
    for (int k = 1; k < keys.count && is_one; k++)
        is_one = shard_of_key(shard->server, r->argv[keys.index[k]]) == first;
    if (is_one) {
        route_to(shard, conn, first, r);
    } else {
        conn->routed_turn = shard->turn;
        conn->routed_first = -1;
        uint64_t slot = route_open_slot(conn);
        if (r->command->scope == SCOPE_SPLIT)
            fanout_split(shard, conn, slot, r, &keys);
        else
            txn_begin(shard, conn, slot, r, &keys);
    }
    command_keys_deinit(&keys);
}

static void route_all(struct shard *shard, struct conn *conn, struct request *r) {
    if (shard->server->shard_count == 1) {
        route_to(shard, conn, 0, r);
        return;
    }
    if (r->command->merge == MERGE_CURSOR) {
        int64_t cursor = 0;
        unsigned owner = 0;
        if (r->argc > 1 && num_parse_int(r->argv[1], &cursor))
            owner = (unsigned)(cursor & (ENGINE_CURSOR_SHARDS - 1));
        route_to(shard, conn, owner < shard->server->shard_count ? owner : 0, r);
        return;
    }
    conn->routed_turn = shard->turn;
    conn->routed_first = -1;
    fanout_all(shard, conn, route_open_slot(conn), r);
}

static void route_key(struct shard *shard, struct conn *conn, struct request *r,
                      const struct conn_request *peeked) {
    if (LIKELY(peeked->has_hash)) {
        r->hash = peeked->hash;
        route_to(shard, conn, peeked->owner, r);
        return;
    }
    int first = r->command->keyspec_count ? r->command->keys[0].first : 0;
    bool has_key = first > 0 && first < r->argc;
    route_to(shard, conn, has_key ? shard_of_key(shard->server, r->argv[first]) : shard->index, r);
}

/* For commands about an element of a value: what the search for it will read, of all of them at a time. */
static void route_prefetch_elements(const struct conn_window *window) {
    bool is_wanted = true;
    for (unsigned stage = 0; stage < VALUE_PREFETCH_STAGES && is_wanted; stage++) {
        is_wanted = false;
        for (int i = 0; i < window->count; i++) {
            const struct conn_request *p = &window->requests[i];
            if (p->probable == NULL || p->argc < 3 ||
                (p->command->group != GROUP_HASH && p->command->group != GROUP_SET))
                continue;
            is_wanted = true;
            keyspace_prefetch_element(p->probable, p->argv[2], stage);
        }
    }
}

void route_peek(struct conn *conn, struct conn_window *window) {
    struct shard *shard = conn->host->ctx;
    const struct keyspace *ks = engine_find_db(&shard->engine, conn->db);
    shard->ticks = cycles_now();
    for (int i = 0; i < window->count; i++) {
        struct conn_request *p = &window->requests[i];
        p->command = command_names_find(shard->engine.names, p->argc, p->argv);
        if (!p->command || p->command->keyspec_count == 0 || p->command->keys[0].first != 1 || p->argc < 2)
            continue;
        p->has_hash = true;
        p->hash = keyhash_hash(p->argv[1], shard->engine.hash_seed);
        p->owner = shard_of_key(shard->server, p->argv[1]);
        if (ks && p->owner == shard->index && window->count > 1)
            keyspace_prefetch(ks, p->hash);
    }
    if (!ks || window->count < ROUTE_PREFETCH_MIN)
        return;
    for (int i = 0; i < window->count; i++) {
        struct conn_request *p = &window->requests[i];
        if (!p->has_hash || p->owner != shard->index)
            continue;
        p->probable = keyspace_probable(ks, p->hash);
        __builtin_prefetch(p->probable);
    }
    for (int i = 0; i < window->count; i++) {
        const struct conn_request *p = &window->requests[i];
        if (p->probable != NULL && !(p->command->flags & CMD_WRITE)) /* those seldom read all */
            keyspace_prefetch_value(p->probable);
    }
    route_prefetch_elements(window);
}

static void route_reject(struct shard *shard, struct conn *conn, const struct command *command,
                         struct buf *error) {
    struct resp_out out;
    buf_clear(&shard->scratch, ROUTE_SCRATCH_KEEP_BYTES);
    resp_out_init(&out, &shard->scratch, conn->proto);
    resp_error(&out, buf_bytes(error));
    stats_note_rejected(shard, command, buf_bytes(error));
    route_answer(shard, conn, buf_bytes(&shard->scratch), 0);
    buf_deinit(error);
}

/* Writes wait while a log cannot take more; the next tick lets the connection try again. */
static bool route_must_stall(struct shard *shard, struct conn *conn, const struct conn_request *peeked) {
    if (peeked->command && !(peeked->command->flags & CMD_WRITE))
        return false;
    if (!link_is_linked(&conn->paused_link))
        link_push_back(&shard->stalled, &conn->paused_link);
    return true;
}

/* Blocking commands are a barrier: nothing behind is routed before they are answered. Those that read streams wait only
 * if they say so. */
static bool route_may_wait(const struct request *r) {
    if (r->command->keyspec_count == 0 || r->command->keys[0].find != KEYFIND_STREAMS)
        return true;
    for (int i = 1; i < r->argc && !bytes_is_word(r->argv[i], "streams"); i++)
        if (bytes_is_word(r->argv[i], "block"))
            return true;
    return false;
}

/* A few bytes of requests may ask for a lot of output. What the socket does not take piles up, in each turn so much that
 * others are served in between. */
static bool route_must_yield(struct shard *shard, struct conn *conn) {
    if (conn->output_turn != shard->turn) {
        conn->output_turn = shard->turn;
        conn->output_before = conn->waiting.bytes;
    }
    if (conn->waiting.bytes < conn->output_before + ROUTE_TURN_OUTPUT_BYTES)
        return false;
    if (!link_is_linked(&conn->paused_link))
        link_push_back(&shard->resume, &conn->paused_link);
    return true;
}

bool route_command(struct conn *conn, const struct conn_request *peeked) {
    struct shard *shard = conn->host->ctx;
    if (UNLIKELY(!reply_may_take(conn)))
        return false;
    if (UNLIKELY(shard_log_is_full(shard)) && route_must_stall(shard, conn, peeked))
        return false;
    if (UNLIKELY(conn->waiting.count) && route_must_yield(shard, conn))
        return false;
    if (UNLIKELY(!peeked->command) && misuse_is_http(conn, peeked->argv[0]))
        return true;
    struct buf error;
    buf_init(&error);
    const struct command *command = admission_check(shard, conn, peeked, &error);
    if (UNLIKELY(!command)) {
        route_reject(shard, conn, peeked->command, &error);
        return true;
    }
    if (UNLIKELY(shard->pause.until_ms) && pause_holds(shard, conn, command)) {
        pause_wait(shard, conn);
        buf_deinit(&error);
        return false;
    }
    if (UNLIKELY(atomic_load_explicit(&shard->server->monitor_count, memory_order_relaxed)))
        monitor_note(shard, conn, command, peeked->argc, peeked->argv);
    conn->last_command = command->fullname;
    conn->commands++;
    struct request r = {
        .command = command,
        .argv = peeked->argv,
        .argc = peeked->argc,
        .db = conn->db,
        .proto = conn->proto,
        .flags = conn->is_no_touch ? REQUEST_NO_TOUCH : 0,
    };
    switch ((enum command_scope)command->scope) {
    case SCOPE_KEY: route_key(shard, conn, &r, peeked); break;
    case SCOPE_SPLIT:
    case SCOPE_LEND: route_keys(shard, conn, &r); break;
    case SCOPE_ALL: route_all(shard, conn, &r); break;
    case SCOPE_CONN: route_run_here(shard, conn, &r); break;
    case SCOPE_NODE: route_to(shard, conn, 0, &r); break;
    }
    if (UNLIKELY(command->flags & CMD_BLOCKING) && route_may_wait(&r))
        conn->barrier = conn->order.next;
    return true;
}
