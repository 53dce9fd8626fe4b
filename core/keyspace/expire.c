/* expire.c: active expiry by segments.
 *
 * The problem: expired keys that nobody asks for must go, without an index that costs every expiring key some 24 bytes
 * (a second table, a heap, a wheel), and without sampling that keeps a core busy when nothing is due.
 *
 * Each segment knows when it must be visited (info->visit_ms), each table the earliest of its segments, the directory
 * the earliest of all: three levels of lower bounds. A step descends only where time has come. A visit reads the
 * segment's buckets, looks into expiring entries only (they are marked in the bucket), removes those that are due, and
 * computes the next visit from the ones that remain.
 *
 * A visit costs as much as there are expiring entries in the segment, so it should find more than one that is due. Hence a
 * segment is visited a little late: two milliseconds per entry, at most EXPIRE_LATENESS_MS, after its
 * earliest expiry. A database of ten keys expires on time to 20 ms; one of ten million spends at most some per cent.
 *
 * Entries of which parts expire are marked and visited in the same way; the visit takes away the parts that are due and
 * leaves the rest. That costs no memory at all, and is right whatever happens to the entry (renamed, copied, lent):
 * it stands where the table says.
 *
 * I1  No expiring entry is ever missed: visit_ms of its segment is at most its expiry plus the lateness.
 * I2  A visit that was interrupted leaves visit_ms as it was, so that the next step comes back. */
#include "core/keyspace/expire.h"

#include "core/keyspace/keyspace_internal.h"

#include "core/value/entry_bin.h"

enum { EXPIRE_ASK_EVERY = 32 /* entries looked at between two questions whether time is over */ };

struct expire_visit {
    const struct expire_job *job;
    size_t removed;
    uint32_t looked; /* since the last question */
    bool is_over;
};

static bool visit_is_over(struct expire_visit *v) {
    if (!v->is_over && v->job->is_over && v->looked >= EXPIRE_ASK_EVERY) {
        v->looked = 0;
        v->is_over = v->job->is_over(v->job->ctx);
    }
    return v->is_over;
}

static void lower(int64_t *earliest_ms, int64_t due_ms) {
    if (due_ms != ENTRY_NO_EXPIRE && due_ms < *earliest_ms)
        *earliest_ms = due_ms;
}

static bool has_due_parts(const struct entry *e, int64_t now_ms) {
    int64_t due_ms = entry_parts_due_ms(e);
    return due_ms != ENTRY_NO_EXPIRE && due_ms <= now_ms;
}

/* Takes the parts of an entry away that are due, as far as time allows. True if nothing is left of it. */
static bool visit_parts(struct keyspace *ks, struct expire_visit *v, struct directory_spot *spot,
                        uint32_t choice, struct entry *e, uint64_t hash) {
    if (!v->job->expire_parts)
        return false;
    size_t bytes = entry_bytes(e);
    bool is_empty = false;
    while (!is_empty && has_due_parts(e, v->job->now_ms) && !visit_is_over(v)) {
        is_empty = v->job->expire_parts(v->job->ctx, e, hash);
        v->looked += EXPIRE_ASK_EVERY;
    }
    ks->bytes += entry_bytes(e) - bytes;
    if (entry_parts_due_ms(e) == ENTRY_NO_EXPIRE) {
        ks->subexpiring--;
        segment_replace(&spot->segment, segment_site_of_choice(&spot->segment, choice), e);
    }
    return is_empty;
}

/* Removes the entry at a site if it is due; else lowers *earliest_ms to the time it will be. */
static bool visit_entry(struct keyspace *ks, struct expire_visit *v, struct directory_spot *spot,
                        uint32_t choice, int64_t *earliest_ms) {
    uint64_t word = segment_choice(&spot->segment, choice);
    if (!bucket_word_expiring(word))
        return false;
    struct entry *e = bucket_word_entry(word);
    int64_t due_ms = entry_due_ms(e);
    v->looked++;
    if (due_ms > v->job->now_ms) {
        lower(earliest_ms, due_ms);
        return false;
    }
    uint64_t hash = keyspace_hash(ks, entry_key(e));
    if (v->job->may_remove && !v->job->may_remove(v->job->ctx, hash)) {
        lower(earliest_ms, due_ms);
        return false;
    }
    if (!entry_is_expired(e, v->job->now_ms)) {
        if (!visit_parts(ks, v, spot, choice, e, hash)) {
            lower(earliest_ms, entry_due_ms(e));
            return false;
        }
    } else if (v->job->on_expired) {
        v->job->on_expired(v->job->ctx, e, hash);
    }
    entry_bin_put(ks->bin, keyspace__remove(ks, spot, segment_site_of_choice(&spot->segment, choice)));
    v->removed++;
    return true;
}

/* Visits one segment whose time has come. False if time was over before the end. */
static bool visit_segment(struct keyspace *ks, struct expire_visit *v, uint64_t hash) {
    struct directory_spot spot = directory_open(&ks->directory, hash);
    struct segment *s = &spot.segment;
    int64_t earliest_ms = INT64_MAX;
    uint32_t removed = 0;
    segment_prefetch(s, true);
    for (uint32_t i = 0; i < segment_choice_count(s) && !visit_is_over(v);) {
        /* Removing brings another entry to this place only from places that were looked at already, or from the stash's end. */
        bool gone = visit_entry(ks, v, &spot, i, &earliest_ms);
        removed += gone;
        if (!gone || i < s->bucket_count * BUCKET_SLOTS)
            i++;
    }
    if (!v->is_over) {
        s->info->visit_ms = INT64_MAX;
        if (s->info->expiring > 0)
            keyspace__note_expiry(ks, &spot, earliest_ms); /* I1 */
    } else if (s->info->expiring == 0) {
        s->info->visit_ms = INT64_MAX;
    }
    if (removed > 0)
        keyspace__settle(ks, &spot, hash);
    return !v->is_over;
}

size_t expire_step(struct keyspace *ks, const struct expire_job *job) {
    struct directory *d = &ks->directory;
    struct expire_visit v = {job, 0, 0, false};
    if (d->visit_ms > job->now_ms)
        return 0;

    uint64_t start = ks->expire_hash;
    uint64_t hash = start;
    bool wrapped = false;
    while (!v.is_over) {
        const struct directory_root *r = directory_root(d, hash);
        uint64_t next;
        if (r->table->visit_ms > job->now_ms) {
            next = directory_table_end(r, hash);
        } else {
            struct directory_spot spot = directory_open(d, hash);
            bool is_due = spot.segment.info->visit_ms <= job->now_ms;
            next = directory_next_hash(&spot, hash);
            uint64_t end = directory_table_end(r, hash);
            if (is_due && !visit_segment(ks, &v, hash))
                break; /* I2 */
            if (next == end)
                directory_refresh_table(d, hash);
        }
        bool wraps = next <= hash;
        hash = next;
        if ((wrapped && wraps) || ((wrapped || wraps) && hash >= start))
            break;
        wrapped = wrapped || wraps;
    }
    ks->expire_hash = hash;
    if (!v.is_over)
        directory_refresh(d);
    return v.removed;
}

int64_t expire_next_ms(const struct keyspace *ks) {
    return ks->expiring + ks->subexpiring > 0 ? ks->directory.visit_ms : INT64_MAX;
}
