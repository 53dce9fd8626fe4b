/* set.h: sets: different strings without an order.
 *
 * Three encodings, with Redis's thresholds: an intset while all members are integers, a listpack while members are few and
 * short, else a packed table. A set goes that way only, except where set_settle is asked to look for integers again.
 *
 * A struct set is a set outside its entry: the object and its encoding, held by value. Take it from an entry with set_of,
 * change it, and put it back with entry_set_object: a change may give it another object and encoding.
 *
 * Members go in and out as struct set_member: a text or a number, whichever is at hand; "12" and 12 are the same member.
 * What a function gives is valid until the set changes, and what it is given must not lie in the same set.
 * Thread: the owner's. Memory: a table may refuse a long member (packed_table.h); nothing else fails. */
#pragma once

#include "core/base/num.h"
#include "core/base/rng.h"
#include "core/ds/packed_table.h"
#include "core/value/entry.h"

enum set_encoding {
    SET_INTSET,
    SET_LISTPACK,
    SET_TABLE,
};

struct set {
    void *object;
    enum set_encoding encoding;
};

/* When a set changes its encoding, and the secret for the table. */
struct set_rules {
    size_t intset_max;         /* members of an intset */
    size_t listpack_max;       /* members of a listpack */
    size_t listpack_value_max; /* bytes of a member of a listpack */
    uint64_t seed;             /* see packed_table_new */
};

struct set_member {
    struct bytes text; /* ptr NULL: it is a number */
    int64_t number;
};

enum set_added {
    SET_ADDED,
    SET_PRESENT,
    SET_NO_MEMORY, /* nothing has changed */
};

/* Where an iteration stands; `= {0}` is the start. */
struct set_iter {
    const unsigned char *lp; /* element of the listpack that comes next */
    size_t place;            /* members that have been given */
    struct packed_at at;
};

struct set_visitor {
    void (*visit)(const struct set_member *member, void *ctx);
    void *ctx;
};

/* The operations of set objects for entries. */
extern const struct value_ops set_ops;

/* ---- members ---- */

static inline struct set_member set_member_text(struct bytes text) {
    return (struct set_member){{text.ptr == NULL ? "" : text.ptr, text.len}, 0};
}

static inline struct set_member set_member_number(int64_t number) {
    return (struct set_member){BYTES_NONE, number};
}

/* The member as a text; a number is written to scratch. */
struct bytes set_member_bytes(const struct set_member *member, char scratch[NUM_INT_TEXT_MAX]);

/* True if the member is a number or the text of one. */
bool set_member_is_number(const struct set_member *member, int64_t *number_out);

/* ---- making and freeing ---- */

/* Gives an empty set in the encoding that suits `members` members of which the first is `first`. */
struct set set_new(const struct set_member *first, size_t members, const struct set_rules *rules);

/* The set of an entry, which goes on owning it. */
struct set set_of(const struct entry *e);

/* Takes the set. */
void set_free(struct set set);

/* ---- looking ---- */

size_t set_count(struct set set);

bool set_has(struct set set, const struct set_member *member);

/* Every member equally likely; the set must not be empty. */
struct set_member set_random(struct set set, struct rng *rng);

/* The next member; false: there is none. The set must not change meanwhile. */
bool set_next(struct set set, struct set_iter *iter, struct set_member *member_out);

/* One step of a scan, as packed_table_scan. Smaller encodings are visited whole in the first step. */
uint64_t set_scan(struct set set, uint64_t cursor, struct set_visitor visitor);

/* ---- changing ---- */

enum set_added set_add(struct set *set, const struct set_member *member,
                       const struct set_rules *rules) ATTR_MUST_USE;

/* False: it was not there. */
bool set_remove(struct set *set, const struct set_member *member);

/* Makes a table of it if `members` more would not suit its encoding: spares converting it while they are added. */
void set_expect(struct set *set, size_t members, const struct set_rules *rules);

/* For a set that has been put together as a result: makes an intset of it if there are only integers and few enough, and
 * lets a listpack have no spare room. */
void set_settle(struct set *set, const struct set_rules *rules);

/* ---- trust ---- */

/* Verifies the object; a bug if it is broken. */
void set_check(struct set set);
