/* exec.h: all that a command handler may see.
 *
 * A handler is `void cmd_xyz(struct exec *x)`. It reads x->argv, opens keys (core/exec/key_view.h), writes exactly one
 * reply to x->out, and reports every mutation as an effect. It cannot tell whether its keys are local or were lent by
 * other shards, which protocol the client speaks, or whether a client, a script or the log's replay called it.
 *
 * struct engine is one shard's engine: its keyspaces, clock, configuration and counters. It belongs to whoever acts as
 * the shard (its own thread, or a visitor that holds its baton).
 *
 * Admission (arity, authentication, memory limit, MISCONF) has been decided before a handler runs.
 */
#pragma once

#include "core/base/buf.h"
#include "core/base/rng.h"
#include "core/command/command_names.h"
#include "core/config/config.h"
#include "core/keyspace/evict.h"
#include "core/resp/reply_err.h"
#include "core/resp/resp_write.h"
#include "core/value/entry_bin.h"

struct conn;
struct engine;
struct exec;
struct lent_set;

typedef void exec_handler(struct exec *x);

enum {
    ENGINE_CURSOR_SHARDS = 1024, /* a SCAN cursor is position * this + shard */
};

/* Counters of one engine; the owner adds, INFO sums over shards. */
struct engine_stats {
    uint64_t commands;
    uint64_t hits;
    uint64_t misses;
    uint64_t expired;
    uint64_t expired_fields; /* of hashes */
    uint64_t expired_stale_permille;
    uint64_t evicted;
    uint64_t dirty;  /* changes since the last save */
    uint64_t errors; /* error replies */
    uint64_t lazyfreed;
};

/* One part of a command that several shards run. It collects which of its keys, numbered in the order in which they are
 * opened (KEYS: listed), were found alive but expire within EXEC_SOON_MS: the shards' clocks differ, and who joins the
 * parts judges by one. */
enum { EXEC_SOON_MS = 10000 };

struct exec_soon {
    int64_t expire_ms;
    int64_t nth;
};

struct exec_part {
    int64_t seen;
    struct buf soon; /* struct exec_soon each */
};

/* Counts one more key; `e` is its entry, or NULL. */
void exec_part_note(struct exec_part *part, const struct entry *e, int64_t now_ms);

/* What is left of a command that is too long for one go (KEYS over a large database). It owns what it needs of the
 * arguments; commands of others run between its steps. */
struct exec_rest {
    /* Goes on for some tens of microseconds. True: the reply has been written to `out`, and there is no more to do. */
    bool (*step)(struct engine *engine, struct exec_rest *rest, struct resp_out *out);
    void (*free)(struct exec_rest *rest);
    struct exec_part part; /* of a command that runs in parts; who answers it takes this */
};

/* What a blocking command waits for; see exec_block. */
struct exec_block {
    int first_key; /* argv positions of the keys it waits for: first_key .. first_key + key_count - 1 */
    int key_count;
    int64_t deadline_ms;  /* unix time at which it is answered in vain; 0: it waits for ever */
    bool is_null_array;   /* the answer in vain: a null array, else a null */
    bool is_null_at_once; /* where it may not wait at all the answer is a null instead (BLMOVE) */
    bool
        needs_all_keys; /* it is also run again when one of the keys goes away or changes its type, and never without
                            all of them (XREADGROUP) */
    const struct bytes
        *argv; /* the command as it is to be run again ("$" of XREAD resolved); NULL: as it came */
};

/* Upward calls of the engine, owned by it, filled by the shard. */
struct engine_ops {
    void *ctx;
    /* Takes the rest of the running command, which will be answered later; NULL: handlers do everything at once. */
    void (*put_off)(void *ctx, struct exec *x, struct exec_rest *rest);
    /* The running command waits; see exec_block. NULL, or false: it may not wait here (a transaction, a script). */
    bool (*block)(void *ctx, struct exec *x, const struct exec_block *how);
    /* A key that commands may be waiting for has become ready; see exec_ready. May be NULL. */
    void (*on_ready)(void *ctx, int db, struct bytes key, uint64_t hash);
    /* A key changed (WATCH, tracking) or something happened to it (keyspace notification); may be NULL. */
    void (*on_event)(void *ctx, int db, struct bytes key, unsigned event_class, const char *event);
    /* All keys of a database are gone, or others have come in their place (FLUSHDB, SWAPDB); may be NULL. */
    void (*on_db_replaced)(void *ctx, int db);
};

struct engine {
    struct keyspace **dbs; /* db_count pointers; each NULL until its first key */
    int db_count;
    struct keyspace **dropped; /* dropped_count tables whose entries are still to be freed */
    size_t dropped_count;
    struct entry_bin bin;        /* large values that are still to be freed */
    uint64_t hash_seed;          /* the same in every shard of a server */
    const struct config *config; /* snapshot, replaced by a message; never written here */
    int64_t now_ms;              /* wall clock of this command or transaction: one value for all of it */
    int64_t now_us;              /* the same in microseconds */
    struct rng rng;
    struct engine_stats stats;
    struct engine_ops ops;
    struct buf effects;        /* effects of the turn, RESP commands; see effect.h */
    int effects_db;            /* database that the text in `effects` has selected */
    bool effects_on;           /* false: nobody wants effects (no log, no replica) */
    bool is_replaying;         /* loading: expired keys are kept, effects are off */
    bool is_active_expiry_off; /* DEBUG SET-ACTIVE-EXPIRE 0 */
    struct evict_rules evict;  /* policy and clock for the access bits of entries; refreshed once a turn */
    unsigned shard_index;
    unsigned shard_count;
    exec_handler *const *handlers;     /* by command id */
    const struct command_names *names; /* what clients call commands; NULL: nothing was renamed */
};

void engine_init(struct engine *e, const struct config *config, uint64_t hash_seed, unsigned shard_index,
                 unsigned shard_count, exec_handler *const *handlers);
void engine_deinit(struct engine *e);

/* Sets the clock for the commands to come (wall clock, microseconds since 1970), and what depends on clock and
 * configuration. Once a turn. */
void engine_set_clock(struct engine *e, int64_t wall_us);

/* The keyspace of a database, created when missing (get) or NULL (find). */
struct keyspace *engine_get_db(struct engine *e, int db);
static inline struct keyspace *engine_find_db(const struct engine *e, int db) {
    return e->dbs[db];
}

/* Empties a database at once; its entries are freed later, by engine_free_step. Calls on_db_replaced. */
void engine_drop_db(struct engine *e, int db);

/* Exchanges two databases. Calls on_db_replaced for both. */
void engine_swap_dbs(struct engine *e, int a, int b);

/* True when something is waiting to be freed. */
static inline bool engine_has_garbage(const struct engine *e) {
    return e->dropped_count != 0 || e->bin.count != 0;
}

/* Frees about `pieces_max` pieces of large values and of dropped databases; true when nothing is left. */
bool engine_free_step(struct engine *e, size_t pieces_max);

/* Accounted bytes of all its keyspaces. */
size_t engine_used_bytes(const struct engine *e);

struct exec {
    struct engine *engine;
    const struct command *command;
    int argc;
    const struct bytes *argv; /* argv[0] is the command's name as the client wrote it */
    struct resp_out *out;
    int db;
    uint64_t first_key_hash; /* hash of argv[first key] when has_first_key_hash */
    bool has_first_key_hash;
    bool is_no_touch; /* CLIENT NO-TOUCH: reads leave the access time alone */
    bool
        is_expiry_held; /* reads hide expired keys instead of deleting them: somebody waits for keys, or writes pause */
    struct exec_part *part; /* set: runs as one part of a SCOPE_SPLIT or SCOPE_ALL command */
    bool
        is_deferred; /* set where the reply will come later: it waits, or a handler of the upper layers answers */
    int64_t block_deadline_ms; /* the command has waited and is run again: its deadline; else 0 */
    bool is_block_retry;       /* the same: it has waited */
    bool is_waiting;           /* set by exec_block where the command now waits */
    struct lent_set *lent;     /* NULL: keys are in engine; else: in this set */
    struct conn *conn;         /* only for SCOPE_CONN handlers: the connection itself; else NULL */
    void *host;                /* the shard, for handlers of the upper layers (net, shards); else NULL */
};

/* Runs the command's handler with checks around it (exactly one reply was written; error counters). */
void exec_run(struct exec *x);

/* ---- waiting ----
 *
 * A blocking handler (BLPOP, XREAD BLOCK) first looks whether it can be served, and then does what its non-blocking sister
 * does. When it cannot, it changes nothing and ends with
 *
 *     exec_block(x, &how);
 *
 * which either lets the command wait, or writes the answer in vain. Once one of its keys has become ready the command
 * is run again from its beginning, with x->is_block_retry set and the deadline of the first run in
 * x->block_deadline_ms, over local or lent keys as always; it may call exec_block again, and then waits on in its old
 * place, for the keys and with the arguments of the first time. A command that waits for all its keys and can be served
 * by any one of them may find the others absent although they exist: it is run where one key is ready, and the rest is
 * not asked. A command that waits for some of its keys only (BLMOVE) is always given all.
 *
 * Whoever makes something that can be waited for says so with exec_ready: a list, sorted set or stream that comes into
 * being or goes away (key_put and key_take do that), an element added to a stream, a group that goes away. */
void exec_block(struct exec *x, const struct exec_block *how);

struct key_view;

/* The key has become ready for those who wait for it; call it after the mutation. Cheap when nobody waits. */
void exec_ready(struct key_view *kv);

/* ---- effects: the only way a mutation reaches the log and the replicas (effect.c) ---- */

/* Appends one effect that belongs to the key: a deterministic command that repeats the mutation. */
void effect_put(struct key_view *kv, int argc, const struct bytes *argv);

/* The client's command is deterministic: log it as it came. For a part of a split command, argv is the part's. */
void effect_put_same(struct key_view *kv);

/* DEL key: expiry, eviction and commands that empty a key. */
void effect_put_del(struct key_view *kv);

/* An effect without a key (FLUSHDB, SWAPDB); every shard emits its own. */
void effect_put_global(struct exec *x, int argc, const struct bytes *argv);

/* ---- keyspace events: classes of notify-keyspace-events ---- */
enum event_class {
    EVENT_GENERIC = 1 << 0,
    EVENT_STRING = 1 << 1,
    EVENT_LIST = 1 << 2,
    EVENT_SET = 1 << 3,
    EVENT_HASH = 1 << 4,
    EVENT_ZSET = 1 << 5,
    EVENT_EXPIRED = 1 << 6,
    EVENT_EVICTED = 1 << 7,
    EVENT_STREAM = 1 << 8,
    EVENT_NEW = 1 << 9,
    EVENT_KEY_MISS = 1 << 10,
};

/* Tells the event `name` ("set", "expire", "del" ...) of the key; call it after the mutation. */
void exec_event(struct key_view *kv, enum event_class event_class, const char *name);
