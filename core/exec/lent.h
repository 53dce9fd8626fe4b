/* lent.h: keys that other shards have lent to a transaction's coordinator.
 *
 * A command with keys on several shards runs over a lent_set instead of a keyspace: each owner has locked its keys and
 * handed over their entries. Handlers see no difference (key_view.h). What they did stays here until the owners take
 * their shares back: the entries, and the effects, one buffer per owner.
 *
 * The coordinator owns the set and, while they are lent, the entries. Memory: freed by lent_set_deinit, entries that
 * were not given back included. */
#pragma once

#include "core/base/buf.h"
#include "core/exec/exec.h"

struct lent_key {
    struct bytes key; /* borrowed from the transaction's arguments */
    uint64_t hash;
    int db;
    unsigned owner;      /* index into effects[] */
    struct entry *entry; /* NULL: absent or deleted */
    bool is_changed;     /* written: the owner must note it (WATCH, dirty) */
    bool is_ready; /* exec_ready was called: the owner tells those who wait, after the key has come home */
};

/* Effects for one owner's log. */
struct lent_effects {
    struct buf text;
    int db; /* database that the text has selected; -1 at first */
    uint64_t dirty;
};

struct lent_set {
    struct lent_key *keys;
    unsigned key_count;
    struct lent_effects *effects;
    unsigned owner_count;
    const struct bytes
        *alone; /* not NULL: nothing is lent; this key is seen where it is, all others as absent */
};

void lent_set_init(struct lent_set *set, unsigned key_count, unsigned owner_count);
void lent_set_deinit(struct lent_set *set);

/* The lent key with this name and database, or NULL. */
struct lent_key *lent_set_find(struct lent_set *set, int db, struct bytes key);
