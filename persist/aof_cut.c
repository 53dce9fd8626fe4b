/* aof_cut.c: computing the cut.
 *
 * Rule 3 is a fixpoint: dropping a part drops everything behind it in that segment, other parts among it, whose partners
 * must then go as well. It terminates because ends only fall, and its result is unique and the greatest, because each
 * step drops only what no consistent cut below the start can hold. Only frames behind the last common mark are looked at:
 * before it, parts are complete by the meaning of a mark. There are about a second's worth of them.
 *
 *   I1  transaction numbers are unique in a generation (recovery goes on counting above the highest one seen). */
#include "persist/aof_cut.h"

#include "core/base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

uint64_t aof_cut_epoch(const struct segment_scan *scans, unsigned count) {
    uint64_t epoch = UINT64_MAX;
    for (unsigned agreed = 0; agreed < count;) {
        agreed = 0;
        for (unsigned k = 0; k < count; k++) {
            const struct segment_mark *mark = segment_scan_mark(&scans[k], epoch);
            if (!mark)
                return 0;
            agreed += mark->epoch == epoch;
            epoch = mark->epoch;
        }
    }
    return epoch;
}

/* ---- rule 3 ---- */

struct cut_entry {
    uint64_t txn_id;
    uint64_t seq;
};

/* One segment's parts by transaction number. */
struct cut_index {
    struct cut_entry *entries;
    size_t count;
};

static int cut_compare(const void *a, const void *b) {
    const struct cut_entry *x = a, *y = b;
    return (x->txn_id > y->txn_id) - (x->txn_id < y->txn_id);
}

static struct cut_index cut_index_of(const struct aof_cut_tail *tail) {
    struct cut_index index = {mem_alloc((tail->part_count + 1) * sizeof *index.entries), tail->part_count};
    for (size_t i = 0; i < tail->part_count; i++)
        index.entries[i] = (struct cut_entry){tail->parts[i].txn_id, tail->parts[i].seq};
    qsort(index.entries, index.count, sizeof *index.entries, cut_compare);
    return index;
}

static bool cut_has(const struct cut_index *index, const struct aof_cut_tail *tail, uint64_t txn_id) {
    struct cut_entry key = {txn_id, 0};
    const struct cut_entry *found =
        index->count ? bsearch(&key, index->entries, index->count, sizeof key, cut_compare) : NULL;
    return found && found->seq <= tail->seq;
}

/* Lowers tail k before its first part that a participant lacks; true if there was one. */
static bool cut_lower(struct aof_cut_tail *tails, const struct cut_index *indexes, unsigned count,
                      unsigned k) {
    struct aof_cut_tail *tail = &tails[k];
    for (size_t i = 0; i < tail->part_count && tail->parts[i].seq <= tail->seq; i++) {
        const struct aof_cut_part *part = &tail->parts[i];
        for (unsigned q = shard_set_next(&part->participants, 0); q < count;
             q = shard_set_next(&part->participants, q + 1)) {
            if (cut_has(&indexes[q], &tails[q], part->txn_id))
                continue;
            tail->end = part->at;
            tail->seq = part->seq - 1;
            tail->part_count = i;
            return true;
        }
    }
    return false;
}

void aof_cut_drop_torn(struct aof_cut_tail *tails, unsigned count) {
    struct cut_index *indexes = mem_alloc((count + 1) * sizeof *indexes);
    for (unsigned k = 0; k < count; k++)
        indexes[k] = cut_index_of(&tails[k]);
    for (bool has_changed = true; has_changed;) {
        has_changed = false;
        for (unsigned k = 0; k < count; k++)
            has_changed |= cut_lower(tails, indexes, count, k);
    }
    for (unsigned k = 0; k < count; k++)
        mem_free(indexes[k].entries);
    mem_free(indexes);
}

/* ---- the tails ---- */

static void cut_add_part(struct aof_cut_tail *tail, const struct segment_reader *r) {
    if (tail->part_count == tail->part_cap) {
        tail->part_cap = tail->part_cap ? tail->part_cap * 2 : 64;
        tail->parts = mem_realloc(tail->parts, tail->part_cap * sizeof *tail->parts);
    }
    tail->parts[tail->part_count++] = (struct aof_cut_part){
        .at = r->at,
        .seq = r->frame.seq,
        .txn_id = r->frame.txn_id,
        .participants = r->frame.participants,
    };
}

/* Rule 2, second half: from the mark on, as long as frames were written under always. The scan has found them valid. */
static enum err cut_read_tail(struct segment_reader *r, const struct segment_scan *scan, uint64_t epoch,
                              struct aof_cut_tail *tail) {
    const struct segment_mark *mark = epoch ? segment_scan_mark(scan, epoch) : NULL;
    tail->end = mark ? mark->end : scan->first;
    tail->seq = mark ? mark->seq : 0;
    segment_reader_seek(r, tail->end);
    while (r->next < scan->end) {
        enum err fault;
        enum segment_read found = segment_reader_next(r, false, &fault);
        if (found != SEGMENT_READ_FRAME)
            return found == SEGMENT_READ_FAULT ? fault : ERR_CORRUPT;
        if (!r->frame.is_always)
            return ERR_OK;
        if (r->frame.kind == SEGMENT_PART)
            cut_add_part(tail, r);
        tail->end = r->next;
        tail->seq = r->frame.seq;
    }
    return ERR_OK;
}

/* The epoch that all shards had on their disks must be there. */
static bool cut_has_settled(const struct segment_scan *scans, unsigned count, uint64_t epoch,
                            unsigned *segment_out, char *why, size_t why_size) {
    uint64_t settled = 0;
    for (unsigned k = 0; k < count; k++)
        settled = scans[k].settled > settled ? scans[k].settled : settled;
    if (settled <= epoch)
        return true;
    for (unsigned k = 0; k < count; k++) {
        const struct segment_mark *mark = segment_scan_mark(&scans[k], settled);
        if (mark && mark->epoch == settled)
            continue;
        *segment_out = k;
        snprintf(why, why_size,
                 "mark %" PRIu64
                 " is missing, though all segments had it on their disks: frames are lost behind "
                 "frame %" PRIu64 " at offset %" PRIu64,
                 settled, scans[k].seq, scans[k].end);
        return false;
    }
    return true;
}

enum err aof_cut(struct segment_reader *readers, const struct segment_scan *scans, unsigned count,
                 struct aof_cut_tail *tails, unsigned *segment_out, char *why, size_t why_size) {
    for (unsigned k = 0; k < count; k++)
        tails[k] = (struct aof_cut_tail){0};
    uint64_t epoch = aof_cut_epoch(scans, count);
    *segment_out = 0;
    if (!cut_has_settled(scans, count, epoch, segment_out, why, why_size))
        return ERR_CORRUPT;
    for (unsigned k = 0; k < count; k++) {
        enum err e = cut_read_tail(&readers[k], &scans[k], epoch, &tails[k]);
        if (e != ERR_OK) {
            *segment_out = k;
            snprintf(why, why_size, "cannot be read again at offset %" PRIu64 ": %s", readers[k].next,
                     err_text(e));
            return e;
        }
    }
    aof_cut_drop_torn(tails, count);
    for (unsigned k = 0; k < count; k++) {
        if (tails[k].seq >= scans[k].acknowledged)
            continue;
        *segment_out = k;
        snprintf(why, why_size,
                 "frames up to number %" PRIu64
                 " were acknowledged, but what they depend on in other segments is "
                 "missing: only %" PRIu64 " frames could be kept",
                 scans[k].acknowledged, tails[k].seq);
        return ERR_CORRUPT;
    }
    return ERR_OK;
}

void aof_cut_tail_deinit(struct aof_cut_tail *tail) {
    mem_free(tail->parts);
    *tail = (struct aof_cut_tail){0};
}
