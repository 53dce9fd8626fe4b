/* expire.h: active expiry: finding entries whose time has come without an index of them.
 *
 * The table keeps, per group of a few hundred entries, when that group must be visited next. A step visits the groups
 * whose time has come, and only expiring entries in it. When nothing is due a step costs a comparison. So that groups in which keys
 * expire one by one are not walked for each of them, an entry may stay past its time by up to EXPIRE_LATENESS_MS in a
 * full group, less in smaller ones (lazy expiry hides it meanwhile: entry_is_expired).
 *
 * An entry is also visited when a part of it is due: fields of a hash expire one by one. */
#pragma once

#include "core/keyspace/keyspace.h"

enum { EXPIRE_LATENESS_MS = 1000 };

struct expire_job {
    int64_t now_ms;
    /* Called for each entry that is due, before it is removed and freed: for the effect, the event, the statistics. It
     * must not change the table. NULL: nobody wants to know. */
    void (*on_expired)(void *ctx, struct entry *e, uint64_t hash);
    /* Takes away some of the parts of an entry that are due (a few dozen; it is called again), or finds that none is; true
     * when the entry has become empty, which then is removed and freed like one that expired, without on_expired. It may
     * change the entry's object in place but neither the entry nor the table. NULL: parts stay. */
    bool (*expire_parts)(void *ctx, struct entry *e, uint64_t hash);
    /* Asked before: false leaves the entry for a later step. NULL: all may go. */
    bool (*may_remove)(void *ctx, uint64_t hash);
    /* Asked every few dozen entries; true ends the step. NULL: no limit. */
    bool (*is_over)(void *ctx);
    void *ctx;
};

/* Removes entries that are due until none is or the job is over. Returns how many were removed. The next step goes on
 * where this one stopped. */
size_t expire_step(struct keyspace *ks, const struct expire_job *job);

/* The time from which on a step may find something; INT64_MAX when there are no expiring entries. */
int64_t expire_next_ms(const struct keyspace *ks);
