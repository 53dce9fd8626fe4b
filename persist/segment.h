/* segment.h: the format of a shard's append-only log file (docs/FORMATS.md, "Segments").
 *
 * A segment is a header line and then frames. A frame is an annotation line, which begins with '#', and a payload of
 * `payload_bytes` bytes: effects, that is, ordinary RESP commands, which select their database themselves. A frame is
 * valid as a whole or not at all: one checksum, seeded by the segment's id, covers its line and its payload.
 *
 * Words: seq    the number of a frame in its segment: 1, 2, 3 ... without gaps, over restarts too
 *        known  a seq that was known to be on the disk when this frame was made
 *        epoch  the number of a mark; the marks with one epoch stand at one consistent cut of all segments
 *
 * Pure functions on bytes; any thread. */
#pragma once

#include "core/base/buf.h"
#include "core/base/shard_set.h"

enum {
    SEGMENT_HEADER_MAX = 160, /* bytes that a header line needs at most */
    SEGMENT_LINE_MAX = 256,   /* bytes that an annotation line needs at most */
};

struct segment_header {
    uint64_t id;         /* random; seeds the checksums */
    uint64_t generation; /* number in the manifest */
    unsigned shard;
    unsigned shard_count;
};

enum segment_kind {
    SEGMENT_EFFECTS, /* what one turn of the shard changed */
    SEGMENT_PART,    /* this shard's share of a transaction over several shards, perhaps empty */
    SEGMENT_MARK,    /* an epoch; no payload */
};

struct segment_frame {
    enum segment_kind kind;
    bool is_always; /* written under appendfsync always: acknowledged by its own fsync, not by an epoch */
    uint64_t seq;
    uint64_t payload_bytes;
    uint64_t known;
    uint64_t txn_id;               /* SEGMENT_PART */
    struct shard_set participants; /* SEGMENT_PART */
    uint64_t epoch;                /* SEGMENT_MARK */
    uint64_t settled;              /* SEGMENT_MARK: an epoch that was on the disks of all shards */
};

/* Appends the header line. */
void segment_put_header(struct buf *to, const struct segment_header *header);

/* Reads the header line at the front of `data`; false when there is none, or its checksum is wrong. */
bool segment_parse_header(struct bytes data, struct segment_header *header_out, size_t *line_bytes_out);

/* Appends a frame; frame->payload_bytes is taken from `payload`. Copies. */
void segment_put_frame(struct buf *to, uint64_t segment_id, const struct segment_frame *frame,
                       struct bytes payload);

enum segment_parse_result {
    SEGMENT_LINE, /* the line reads well; whether it is true, segment_verify tells */
    SEGMENT_MORE, /* the line's end is not in the data */
    SEGMENT_BAD,  /* no annotation line of ours */
};

/* Reads the annotation line at the front of `data`. */
enum segment_parse_result segment_parse_frame(struct bytes data, struct segment_frame *frame_out,
                                              size_t *line_bytes_out);

/* Whether a line that segment_parse_frame has read, and the payload behind it, are what was written to this segment. */
bool segment_verify(uint64_t segment_id, struct bytes line, struct bytes payload);
