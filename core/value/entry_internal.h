/* entry_internal.h: the layout of an entry, for the modules of this folder that change string values. */
#pragma once

#include "core/value/entry.h"

/* Length of the inline value; the payload must be ENTRY_INLINE. */
static inline size_t entry__inline_len(const struct entry *e) {
    dcheck(entry_payload(e) == ENTRY_INLINE);
    if (LIKELY(e->val_len != ENTRY_VALUE_WIDE || !(e->flags & ENTRY_FLAG_WIDE)))
        return e->val_len;
    uint32_t wide;
    memcpy(&wide, e->parts + entry_wide_offset(e) + 4, sizeof(wide));
    return wide;
}

/* Where the inline value begins: right behind the key. */
static inline char *entry__inline_ptr(struct entry *e) {
    struct bytes key = entry_key(e);
    return (char *)e->parts + ((const unsigned char *)key.ptr - e->parts) + key.len;
}

static inline int64_t entry__int(const struct entry *e) {
    int64_t value;
    dcheck(entry_payload(e) == ENTRY_INT);
    memcpy(&value, e->parts + entry_payload_offset(e), sizeof(value));
    return value;
}

static inline void entry__put_int(struct entry *e, int64_t value) {
    dcheck(entry_payload(e) == ENTRY_INT);
    memcpy(e->parts + entry_payload_offset(e), &value, sizeof(value));
}

static inline struct entry_big entry__big(const struct entry *e) {
    struct entry_big big;
    dcheck(entry_payload(e) == ENTRY_BIG);
    memcpy(&big, e->parts + entry_payload_offset(e), sizeof(big));
    return big;
}

static inline void entry__put_big(struct entry *e, struct entry_big big) {
    dcheck(entry_payload(e) == ENTRY_BIG);
    memcpy(e->parts + entry_payload_offset(e), &big, sizeof(big));
}

/* Bytes of the entry itself as it is laid out now. */
size_t entry__size(const struct entry *e);

/* Gives an entry of type string with header, expiry and key; the payload is left to be written. `inline_len` counts for
 * ENTRY_INLINE only. */
struct entry *entry__make(struct bytes key, enum entry_payload payload, size_t inline_len, int64_t expire_ms);

/* Takes e, gives it laid out for another payload or expiry: same key, type, encoding and lru. From ENTRY_INLINE to
 * ENTRY_INLINE the beginning of the value is kept; any other payload is left to be written, and what hung on the old one
 * is not freed: the caller has saved it. Uses the same block when the size class is the same. */
struct entry *entry__reform(struct entry *e, enum entry_payload payload, size_t inline_len,
                            int64_t expire_ms) ATTR_MUST_USE;
