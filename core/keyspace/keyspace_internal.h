/* keyspace_internal.h: the table's inside, for the modules of this folder that walk it. */
#pragma once

#include "core/keyspace/directory.h"
#include "core/keyspace/keyspace.h"

struct keyspace {
    struct directory directory;
    struct segment_env env;
    size_t count;
    size_t expiring;
    size_t subexpiring;
    size_t bytes;
    struct entry_bin *bin; /* not owned; may be NULL */
    struct entry *dying;   /* a large entry that keyspace_clear_step has taken out and not yet freed */
    uint64_t clear_hash;   /* where keyspace_clear_step goes on */
    uint64_t expire_hash;  /* where active expiry goes on */
};

/* Takes the entry at a site out of the table; settling is left to keyspace__settle. */
struct entry *keyspace__remove(struct keyspace *ks, struct directory_spot *spot, struct segment_site site);

/* After removals: shrinks, tidies, merges the opened segment. The spot is void afterwards. */
void keyspace__settle(struct keyspace *ks, struct directory_spot *spot, uint64_t hash);

/* Notes when active expiry must look at the opened segment because of an entry that is due at that time; ENTRY_NO_EXPIRE: it
 * need not. */
void keyspace__note_expiry(struct keyspace *ks, const struct directory_spot *spot, int64_t due_ms);

/* Some entry with that hash, or NULL. */
struct entry *keyspace__find_hash(const struct keyspace *ks, uint64_t hash);
