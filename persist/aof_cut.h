/* aof_cut.h: which part of every segment survives a crash: the greatest consistent cut.
 *
 * Segments are written in the order in which commands arrived at their shards, which is the serial order; marks stand at
 * consistent cuts of it, and each transaction over several shards stands on the same side of a mark in all of them. So
 * the cut is
 *   1. in each segment no more than what is valid;
 *   2. the last mark that all segments have, and behind it, in each segment, the frames written under appendfsync always,
 *      up to the first one that was not: those were acknowledged one by one;
 *   3. of these, nothing from a part of a transaction on whose other parts are not all kept.
 *
 * Acknowledged work never falls behind the cut; if it would, because a segment was damaged or exchanged, the cut is
 * refused. Owner: one thread. */
#pragma once

#include "persist/segment_scan.h"

/* A transaction's part behind the last common mark. */
struct aof_cut_part {
    uint64_t at;  /* offset of its frame */
    uint64_t seq; /* of its frame */
    uint64_t txn_id;
    struct shard_set participants;
};

/* One segment's frames behind the last common mark. */
struct aof_cut_tail {
    uint64_t end; /* the cut: offset behind the last frame to keep */
    uint64_t seq; /* of that frame; 0: none */
    struct aof_cut_part *parts;
    size_t part_count;
    size_t part_cap;
};

/* Rule 2, first half: the greatest epoch that has a mark in all segments; 0 when there is none. */
uint64_t aof_cut_epoch(const struct segment_scan *scans, unsigned count);

/* Rule 3: lowers ends until every part kept is kept by all its participants. Parts stand in the order of the file. */
void aof_cut_drop_torn(struct aof_cut_tail *tails, unsigned count);

/* All rules. `readers` and `scans` are of the segments 0 .. count - 1 of one generation; tails_out has room for as many.
 * ERR_CORRUPT: `why` says which acknowledged work is missing where; *segment_out is the segment meant. Free each tail
 * with aof_cut_tail_deinit in any case. */
enum err aof_cut(struct segment_reader *readers, const struct segment_scan *scans, unsigned count,
                 struct aof_cut_tail *tails_out, unsigned *segment_out, char *why,
                 size_t why_size) ATTR_MUST_USE;
void aof_cut_tail_deinit(struct aof_cut_tail *tail);
