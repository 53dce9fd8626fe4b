/* segment_scan.c: one pass over a segment, and the judgement of its end.
 *
 * A crash of the process leaves a prefix of what was written. A crash of the machine may leave holes in what had not been
 * synced, with valid frames behind them. Both are torn tails. What must never be taken for one is damage to frames that an
 * fsync had covered: so behind the first bad place we look for a valid frame, and if one of them says "known" about a
 * frame at or behind the damage, we refuse.
 *
 *   I1  frames [first, end) are valid and number themselves 1, 2, 3 ...
 *   I2  marks rise in epoch and offset. */
#include "persist/segment_scan.h"

#include "core/base/mem.h"

#include <inttypes.h>
#include <stdio.h>

static bool scan_add_mark(struct segment_scan *s, const struct segment_reader *r) {
    if (s->mark_count > 0 && s->marks[s->mark_count - 1].epoch >= r->frame.epoch)
        return false; /* I2 */
    if (s->mark_count == s->mark_cap) {
        s->mark_cap = s->mark_cap ? s->mark_cap * 2 : 64;
        s->marks = mem_realloc(s->marks, s->mark_cap * sizeof *s->marks);
    }
    s->marks[s->mark_count++] = (struct segment_mark){r->frame.epoch, r->next, r->frame.seq};
    if (r->frame.settled > s->settled)
        s->settled = r->frame.settled;
    return true;
}

/* Takes a valid frame into the account; false when it contradicts the ones before. */
static bool scan_take(struct segment_scan *s, const struct segment_reader *r) {
    const struct segment_frame *f = &r->frame;
    if (f->seq != s->seq + 1 || f->known >= f->seq) /* I1 */
        return false;
    if (f->is_always && f->known > s->acknowledged)
        s->acknowledged = f->known;
    switch (f->kind) {
    case SEGMENT_EFFECTS: break;
    case SEGMENT_PART:
        if (!shard_set_has(&f->participants, r->header.shard) ||
            shard_set_next(&f->participants, r->header.shard_count) != SHARDS_MAX)
            return false;
        if (f->txn_id >> 8 > s->txn_count)
            s->txn_count = f->txn_id >> 8;
        break;
    case SEGMENT_MARK:
        if (!scan_add_mark(s, r))
            return false;
        break;
    }
    s->seq = f->seq;
    s->end = r->next;
    return true;
}

/* The place at s->end is bad. Is it behind everything that was known to be on the disk? */
static enum err scan_judge(struct segment_reader *r, const struct segment_scan *s, char *why,
                           size_t why_size) {
    enum err fault;
    bool gave_up;
    segment_reader_seek(r, s->end + 1);
    while (segment_reader_search(r, &gave_up, &fault)) {
        if (r->frame.known <= s->seq)
            continue;
        snprintf(why, why_size,
                 "the frame at offset %" PRIu64 " (number %" PRIu64
                 ") is damaged, but the intact frame at offset %" PRIu64
                 " says that it had been written to the disk",
                 s->end, s->seq + 1, r->at);
        return ERR_CORRUPT;
    }
    if (gave_up) {
        snprintf(why, why_size,
                 "the frame at offset %" PRIu64 " is damaged, and what follows cannot be understood", s->end);
        return ERR_CORRUPT;
    }
    return fault;
}

enum err segment_scan(struct segment_reader *r, struct segment_scan *s, char *why, size_t why_size) {
    *s = (struct segment_scan){.size = r->size, .first = r->first, .end = r->first};
    enum err fault;
    for (;;) {
        switch (segment_reader_next(r, true, &fault)) {
        case SEGMENT_READ_FRAME:
            if (scan_take(s, r))
                continue;
            snprintf(why, why_size,
                     "the frame at offset %" PRIu64 " is intact but does not follow frame %" PRIu64, r->at,
                     s->seq);
            return ERR_CORRUPT;
        case SEGMENT_READ_END: return ERR_OK;
        case SEGMENT_READ_DAMAGED: return scan_judge(r, s, why, why_size);
        case SEGMENT_READ_FAULT:
            snprintf(why, why_size, "cannot be read at offset %" PRIu64 ": %s", r->next, err_text(fault));
            return fault;
        }
    }
}

void segment_scan_deinit(struct segment_scan *s) {
    mem_free(s->marks);
    *s = (struct segment_scan){0};
}

const struct segment_mark *segment_scan_mark(const struct segment_scan *s, uint64_t epoch) {
    size_t low = 0, high = s->mark_count; /* marks before `low` have an epoch of at most `epoch` */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->marks[middle].epoch <= epoch)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? &s->marks[low - 1] : NULL;
}
