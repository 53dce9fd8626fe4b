/* key_view.h: one key as a handler sees it, wherever the key lives.
 *
 * Opening a key looks it up in the database (or among the lent keys), deletes what has expired, with its DEL effect and
 * event, counts hits and misses, and notes the access for LRU or LFU. So opening a key, for reading too, may free the
 * entry of that key and of no other; and since time stands still in a handler, never one that it has seen. The entry
 * itself is then read and changed with core/value functions; since those may move it, every change ends with one of
 * key_put, key_swap or key_delete, which keep table, expiry index, accounting, WATCH marks and lent bookkeeping true.
 *
 *     struct key_view kv;
 *     if (!key_open_write(x, x->argv[1], &kv)) key_put(&kv, entry_new_str(x->argv[1], value, -1));
 *     else key_swap(&kv, str_append(kv.entry, value));
 *     effect_put_same(&kv);
 *     exec_event(&kv, EVENT_STRING, "append");
 *
 * A view lives on the handler's stack and borrows the key's bytes. Two views of one key may not be open at once for
 * writing; after a change through one view, others of the same key must be opened again.
 */
#pragma once

#include "core/exec/exec.h"
#include "core/value/entry.h"

struct lent_key;

struct key_view {
    struct exec *x;
    struct bytes key;
    uint64_t hash;
    int db;
    struct entry *entry;       /* NULL: no such key */
    struct keyspace *ks;       /* NULL: database has no keys yet, or the key is lent */
    struct lent_key *lent;     /* NULL: the key is in ks */
    struct keyspace_edit edit; /* begun when an existing entry was opened for writing */
};

/* Opens for reading: counts a hit or a miss, notes the access. True when the key exists. */
bool key_open_read(struct exec *x, struct bytes key, struct key_view *kv_out);

/* Opens for writing (no hit or miss is counted; the access is noted). True when the key exists. */
bool key_open_write(struct exec *x, struct bytes key, struct key_view *kv_out);

/* As key_open_read, but leaves access time and events alone (OBJECT). */
bool key_open_quiet(struct exec *x, struct bytes key, struct key_view *kv_out);

/* Opens without a trace: no counters, no access time; what has expired is hidden (DEBUG, MEMORY USAGE). */
bool key_open_peek(struct exec *x, struct bytes key, struct key_view *kv_out);

/* As key_open_write in another database (MOVE, COPY). */
bool key_open_write_db(struct exec *x, int db, struct bytes key, struct key_view *kv_out);

/* Deletes the key if it has expired, as opening it for reading does. */
void key_expire_due(struct exec *x, struct bytes key);

/* Begins the change of an entry that was opened for reading, for the one change that reads make: removing what has
 * expired. key_swap ends it. */
void key_edit(struct key_view *kv);

/* Takes e: inserts it, or replaces and frees the present entry. kv->entry is e afterwards. */
void key_put(struct key_view *kv, struct entry *e);

/* The present entry was changed by a value function that took it and gave `now` (perhaps the same address). */
void key_swap(struct key_view *kv, struct entry *now);

/* Deletes the present entry; false if there is none. Emits nothing: the caller emits the effect and the event. */
bool key_delete(struct key_view *kv);

/* Gives the entry, detached (RENAME, MOVE); the key is gone afterwards. NULL if there is none. */
struct entry *key_take(struct key_view *kv);

/* True if the entry is absent or a string; else writes the WRONGTYPE error and returns false. */
bool key_check_type(struct key_view *kv, enum value_type type);
