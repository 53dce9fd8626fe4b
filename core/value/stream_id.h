/* stream_id.h: the ID of a stream's entry, <milliseconds>-<sequence>: numbers, order and text. Pure functions. */
#pragma once

#include "core/base/bytes.h"

/* The two numbers lie as struct ordset wants a key. */
struct stream_id {
    uint64_t ms;
    uint64_t seq;
};

enum { STREAM_ID_TEXT_MAX = 41 }; /* two 64-bit numbers and a dash */

#define STREAM_ID_MIN ((struct stream_id){0, 0})
#define STREAM_ID_MAX ((struct stream_id){UINT64_MAX, UINT64_MAX})

/* <0, 0, >0 */
static inline int stream_id_compare(struct stream_id a, struct stream_id b) {
    if (a.ms != b.ms)
        return a.ms < b.ms ? -1 : 1;
    return a.seq < b.seq ? -1 : a.seq > b.seq ? 1 : 0;
}

static inline bool stream_id_is_zero(struct stream_id id) {
    return id.ms == 0 && id.seq == 0;
}

/* The ID behind or before this one; false, and nothing changed, at the last or the first of all. */
bool stream_id_increment(struct stream_id *id);
bool stream_id_decrement(struct stream_id *id);

/* Reads "ms-seq" or "ms", which means ms-missing_seq. False when it is neither. */
bool stream_id_parse(struct bytes text, uint64_t missing_seq, struct stream_id *id_out);

/* The same, and "-" and "+" for the first and the last of all IDs. */
bool stream_id_parse_bound(struct bytes text, uint64_t missing_seq, struct stream_id *id_out);

/* The same as stream_id_parse, and "ms-*": *has_seq_out is then false and the sequence 0. */
bool stream_id_parse_new(struct bytes text, struct stream_id *id_out, bool *has_seq_out);

/* Writes "ms-seq" without a NUL; returns its length. */
size_t stream_id_text(struct stream_id id, char text[STREAM_ID_TEXT_MAX]);
