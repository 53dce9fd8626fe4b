/* segment_scan.h: what a segment file holds, found by reading it once: how far it is valid, its marks, and what its
 * frames say about what had been on the disk.
 *
 * A scan judges damage: behind the last valid frame there may be a torn tail, which a crash leaves and which is cut; but
 * damage to what was known to be on the disk is refused. Owner: one thread. */
#pragma once

#include "core/base/err.h"
#include "persist/segment_reader.h"

struct segment_mark {
    uint64_t epoch;
    uint64_t end; /* offset behind the mark */
    uint64_t seq;
};

struct segment_scan {
    uint64_t size;         /* of the file */
    uint64_t first;        /* offset of the first frame */
    uint64_t end;          /* offset behind the last valid frame */
    uint64_t seq;          /* of the last valid frame; 0: there is none */
    uint64_t acknowledged; /* highest `known` that a frame under appendfsync always told */
    uint64_t settled;      /* highest epoch known to be on the disks of all shards */
    uint64_t txn_count;    /* highest transaction number without its shard part (txn_id >> 8) */
    struct segment_mark *marks;
    size_t mark_count;
    size_t mark_cap;
};

/* Reads all frames. ERR_OK: `scan_out` tells (scan->end < scan->size: there is a torn tail). ERR_CORRUPT: frames that were
 * on the disk are damaged; `why` says where. Other faults: the file cannot be read. Free with segment_scan_deinit in any
 * case. */
enum err segment_scan(struct segment_reader *r, struct segment_scan *scan_out, char *why,
                      size_t why_size) ATTR_MUST_USE;
void segment_scan_deinit(struct segment_scan *scan);

/* The greatest mark with an epoch of at most `epoch`; NULL when there is none. */
const struct segment_mark *segment_scan_mark(const struct segment_scan *scan, uint64_t epoch);
