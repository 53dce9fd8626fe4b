/* keyspace.h: the table of one database of one shard: key -> entry.
 *
 * A hash table that grows in small steps: no operation takes much longer than the others, memory never doubles, and
 * 0.8 to 0.92 of all places are used whatever the number of keys (theory in directory.h, segment.h, bucket.h).
 *
 * Terms
 *   hash      keyhash_hash(key, seed), computed once per command and handed in
 *   position  the upper 40 bits of a hash; the table is walked in ascending order of positions
 *   expiring  an entry that has an expiry
 *   due       when an entry expires, or the first part of it (a field of a hash)
 *
 * The table owns its entries. An entry pointer from here is valid until the next call that changes the table or the
 * entry. Expired entries are found like all others: judging the clock is the caller's business (entry_is_expired).
 * Accounting: keyspace_bytes is the sum of entry_bytes of all entries, so every change of an entry that hangs in a
 * table must stand between keyspace_edit_begin and keyspace_edit_end.
 * Thread: the shard's. */
#pragma once

#include "core/base/rng.h"
#include "core/value/entry.h"

struct entry_bin;
struct keyspace;

struct keyspace_options {
    uint64_t hash_seed;
    /* The hash function; NULL means keyhash_hash. Tests put a bad one here. */
    uint64_t (*hash)(struct bytes key, uint64_t seed);
    /* Where entries go that the table removes and frees; NULL: they are freed at once. Outlives the table. */
    struct entry_bin *bin;
};

/* Gives an empty table; some hundred bytes. */
struct keyspace *keyspace_new(const struct keyspace_options *options);

/* Takes the table with all entries; NULL is allowed. Takes as long as it takes: see keyspace_clear_step. */
void keyspace_free(struct keyspace *ks);

/* The hash of a key under this table's seed. */
uint64_t keyspace_hash(const struct keyspace *ks, struct bytes key);

/* Single keys */

/* The entry of a key, or NULL. `hash` is keyspace_hash(ks, key), here and below. */
struct entry *keyspace_find(const struct keyspace *ks, struct bytes key, uint64_t hash);

/* Starts loading the cache line where the search for a hash begins. */
void keyspace_prefetch(const struct keyspace *ks, uint64_t hash);

/* The entry that a search for the hash will probably compare, or NULL; call it a while after keyspace_prefetch. It is only
 * good for prefetching, until the table changes; its memory is not read here. */
const struct entry *keyspace_probable(const struct keyspace *ks, uint64_t hash);

/* Starts loading the rest of a probable entry (not NULL) if its value is long; prefetch the entry itself a while before. It
 * reads the entry's header: done for several keys in a row, these reads overlap, which measured better than the prefetch
 * before them alone. */
void keyspace_prefetch_value(const struct entry *e);

/* Starts loading what a search for an element of a probable entry's value (not NULL) will read, stage by stage; see
 * value_ops.prefetch. */
void keyspace_prefetch_element(const struct entry *e, struct bytes element, unsigned stage);

/* Takes e; an older entry with the same key is freed. True if there was one. */
bool keyspace_put(struct keyspace *ks, uint64_t hash, struct entry *e);

/* Gives the entry of a key, which leaves the table; NULL if there is none. */
struct entry *keyspace_take(struct keyspace *ks, struct bytes key, uint64_t hash);

/* Removes and frees the entry of a key. False if there is none. */
bool keyspace_delete(struct keyspace *ks, struct bytes key, uint64_t hash);

/* Changing an entry that stays in the table:
 *
 *     struct keyspace_edit edit = keyspace_edit_begin(e, hash);
 *     e = str_append(e, tail);
 *     keyspace_edit_end(ks, &edit, e);
 *
 * The key must not change, and no other call on the table may come in between. */
struct keyspace_edit {
    const struct entry *before; /* compared only, never followed */
    uint64_t hash;
    size_t bytes;
    int64_t expire_ms;
    int64_t parts_due_ms;
};

static inline struct keyspace_edit keyspace_edit_begin(const struct entry *e, uint64_t hash) {
    return (struct keyspace_edit){e, hash, entry_bytes(e), entry_expire_ms(e), entry_parts_due_ms(e)};
}

/* Tells the table where the entry is now, and settles bytes and expiry. Costs no table access when the entry has
 * neither moved nor become due earlier. */
void keyspace_edit_end(struct keyspace *ks, const struct keyspace_edit *edit, struct entry *now);

/* Adds to keyspace_bytes, for a change in size that is known without looking (a node more in a list). */
void keyspace_account(struct keyspace *ks, int64_t delta_bytes);

/* All keys */

size_t keyspace_count(const struct keyspace *ks);
size_t keyspace_expiring_count(const struct keyspace *ks);

/* Entries of which a part expires by itself (hashes with fields that do). */
size_t keyspace_subexpiring_count(const struct keyspace *ks);

/* Bytes of all entries, and of the table itself. */
size_t keyspace_bytes(const struct keyspace *ks);
size_t keyspace_table_bytes(const struct keyspace *ks);

/* A random entry, each with the same probability; NULL if there is none. Of many expired keys some are skipped only by
 * asking again. */
struct entry *keyspace_random(const struct keyspace *ks, struct rng *rng);

/* The same among expiring entries; when these are few among very many, nearly the same probability. */
struct entry *keyspace_random_expiring(const struct keyspace *ks, struct rng *rng);

#define KEYSPACE_POSITION_BITS 40
#define KEYSPACE_POSITION_END  (UINT64_C(1) << KEYSPACE_POSITION_BITS)

static inline uint64_t keyspace_position(uint64_t hash) {
    return hash >> (64 - KEYSPACE_POSITION_BITS);
}

/* What a walk calls for each entry. It must not change the table, nor move the entry (keyspace_scan collects nothing). */
struct keyspace_visitor {
    void (*visit)(void *ctx, struct entry *e, uint64_t hash);
    void *ctx;
};

/* Visits the entries at `position` and behind, until about `count` were visited or as many places seen empty, and
 * returns the position to go on from; KEYSPACE_POSITION_END when the walk is over. What is promised, whatever happens to
 * the table between two calls: each entry that is there during the call with position <= its position < result was
 * visited, and no other. So a walk from 0 to the end visits a key that is there all the time exactly once. */
uint64_t keyspace_scan(const struct keyspace *ks, uint64_t position, size_t count,
                       struct keyspace_visitor visitor);

/* Removes and frees about `count_max` entries; true when the table is empty and small again. */
bool keyspace_clear_step(struct keyspace *ks, size_t count_max);

/* Verifies every invariant, O(n); a bug if one is broken. */
void keyspace_check(const struct keyspace *ks);

/* Prints the shape of the table to stderr, for debugging. */
void keyspace_dump(const struct keyspace *ks);
