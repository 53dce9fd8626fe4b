/* entry.h: one key with all that belongs to it, in one allocation.
 *
 * An entry holds the key, the time it expires, what eviction wants to know (24 bits), and the value: a short string
 * itself, or a pointer to a long string or to an object (value.h). It knows nothing of the table it hangs in.
 *
 *   offset  bytes  field
 *        0      4  meta     bits 0..23 lru, 24..27 type, 28..31 encoding of an object
 *        4      2  key_len  0xffff: the length stands in the wide part
 *        6      1  flags    ENTRY_FLAG_*, payload kind
 *        7      1  val_len  length of an inline value; 0xff: the length stands in the wide part
 *        8      8  [expire] unix milliseconds; if ENTRY_FLAG_EXPIRES
 *               8  [number] payload INT
 *              24  [big]    payload BIG: pointer, length, capacity
 *               8  [object] payload OBJECT: pointer
 *               8  [wide]   key length and inline value length, 32 bits each; if ENTRY_FLAG_WIDE
 *                  key
 *                  [value]  payload INLINE
 *
 * Memory: an entry is one mem_alloc block of mem_good_size(its size) bytes, 16-byte aligned, and may move when it is
 * changed: the functions that say "takes e, gives" return where it is now, and the old pointer is void. Whoever keeps
 * entries in a table must tell the table (keyspace_edit_begin).
 * Thread: the one that owns the entry. */
#pragma once

#include "core/value/value.h"

enum {
    ENTRY_INLINE_MAX = 1024, /* longest value stored inside the entry */
    ENTRY_EMBSTR_MAX = 44,   /* longest string that OBJECT ENCODING calls embstr */
    ENTRY_LRU_BITS = 24,     /* width of the eviction field */
    ENTRY_ALIGNMENT = 16,    /* every entry's address is a multiple of it */
    ENTRY_HEADER_BYTES = 8,  /* fixed part */
    ENTRY_KEY_WIDE = 0xffff, /* key_len: see the wide part */
    ENTRY_VALUE_WIDE = 0xff, /* val_len: see the wide part */
};

#define ENTRY_NO_EXPIRE INT64_C(-1)

enum entry_payload {
    ENTRY_INT,    /* a string that is a canonical 64-bit integer, stored as such */
    ENTRY_INLINE, /* a string stored behind the key */
    ENTRY_BIG,    /* a string in a block of its own, which may have room to grow */
    ENTRY_OBJECT, /* any other type */
};

enum {
    ENTRY_FLAG_PAYLOAD = 0x03, /* enum entry_payload */
    ENTRY_FLAG_EXPIRES = 0x04, /* the expire part is there */
    ENTRY_FLAG_WIDE = 0x08,    /* the wide part is there */
    ENTRY_FLAG_RAW = 0x10,     /* a string changed in place: OBJECT ENCODING says raw whatever its length */
};

/* Read it through the functions below only; it is public so that they can be inlined. */
struct entry {
    uint32_t meta;
    uint16_t key_len;
    uint8_t flags;
    uint8_t val_len;
    unsigned char parts[];
};

/* A string in a block of its own. */
struct entry_big {
    char *ptr;
    size_t len;
    size_t cap;
};

/* Making and freeing */

/* Gives an entry holding a copy of key and value. `expire_ms` is a unix time or ENTRY_NO_EXPIRE. Stored as a number when
 * the text is a canonical integer. NULL when there is no memory for a value beyond ENTRY_INLINE_MAX bytes. */
struct entry *entry_new_str(struct bytes key, struct bytes value, int64_t expire_ms);

/* The same for a number. */
struct entry *entry_new_int(struct bytes key, int64_t value, int64_t expire_ms);

/* Gives an entry that takes `block`, a mem_alloc block whose first `len` bytes are the value: a long value received
 * straight into its final place. Whatever the length, nothing is copied and nothing is tried as a number. */
struct entry *entry_new_big(struct bytes key, char *block, size_t len, int64_t expire_ms);

/* Gives an entry that takes `object`. `type` is not VALUE_STRING; `encoding` below 16. */
struct entry *entry_new_object(struct bytes key, enum value_type type, uint8_t encoding, void *object);

/* Takes the entry, its value included; NULL is allowed. */
void entry_free(struct entry *e);

/* Frees a part of a large value, about `pieces_max` allocations; true when the entry is gone. While false, nothing
 * but this may be done with it. */
bool entry_free_step(struct entry *e, size_t pieces_max);

/* How many allocations freeing it takes, roughly; 1 for a short string. */
size_t entry_pieces(const struct entry *e);

/* Gives a copy of the entry, deep, under another key, with the same expiry. NULL as in entry_new_str. */
struct entry *entry_dup(const struct entry *e, struct bytes key);

/* Takes e, gives the same value, expiry and lru under another key. */
struct entry *entry_rekey(struct entry *e, struct bytes key) ATTR_MUST_USE;

/* Looking */

static inline enum entry_payload entry_payload(const struct entry *e) {
    return (enum entry_payload)(e->flags & ENTRY_FLAG_PAYLOAD);
}

static inline enum value_type entry_type(const struct entry *e) {
    return (enum value_type)(e->meta >> 24 & 15);
}

static inline bool entry_has_expire(const struct entry *e) {
    return (e->flags & ENTRY_FLAG_EXPIRES) != 0;
}

/* Unix milliseconds, or ENTRY_NO_EXPIRE. */
static inline int64_t entry_expire_ms(const struct entry *e) {
    int64_t ms = ENTRY_NO_EXPIRE;
    if (entry_has_expire(e))
        memcpy(&ms, e->parts, sizeof(ms));
    return ms;
}

/* True when it has an expiry that is not later than now. */
static inline bool entry_is_expired(const struct entry *e, int64_t now_ms) {
    return UNLIKELY(entry_has_expire(e)) && entry_expire_ms(e) <= now_ms;
}

/* Unix milliseconds at which the first part of the entry's object expires (a field of a hash), or ENTRY_NO_EXPIRE. */
int64_t entry_parts_due_ms(const struct entry *e);

/* True if the object is of an encoding whose parts may expire. */
static inline bool entry_has_timed_parts(const struct entry *e) {
    return (e->meta >> 28 & VALUE_ENCODING_TIMED) != 0;
}

/* When something of the entry expires first: itself, or a part of its object. ENTRY_NO_EXPIRE: nothing ever does. */
static inline int64_t entry_due_ms(const struct entry *e) {
    int64_t expire_ms = entry_expire_ms(e);
    if (LIKELY(!entry_has_timed_parts(e)))
        return expire_ms;
    int64_t parts_ms = entry_parts_due_ms(e);
    return expire_ms == ENTRY_NO_EXPIRE || (parts_ms != ENTRY_NO_EXPIRE && parts_ms < expire_ms) ? parts_ms
                                                                                                 : expire_ms;
}

/* Offset in `parts` of the number, the big string or the object pointer. */
static inline size_t entry_payload_offset(const struct entry *e) {
    return entry_has_expire(e) ? 8 : 0;
}

/* Offset in `parts` of the wide part, or of the key when there is none. */
static inline size_t entry_wide_offset(const struct entry *e) {
    static const uint8_t payload_bytes[4] = {[ENTRY_INT] = 8, [ENTRY_BIG] = 24, [ENTRY_OBJECT] = 8};
    return entry_payload_offset(e) + payload_bytes[e->flags & ENTRY_FLAG_PAYLOAD];
}

/* The key; valid until the entry changes. */
static inline struct bytes entry_key(const struct entry *e) {
    size_t at = entry_wide_offset(e);
    size_t len = e->key_len;
    if (UNLIKELY(e->flags & ENTRY_FLAG_WIDE)) {
        if (len == ENTRY_KEY_WIDE) {
            uint32_t wide;
            memcpy(&wide, e->parts + at, sizeof(wide));
            len = wide;
        }
        at += 8;
    }
    return bytes_of(e->parts + at, len);
}

/* Bytes it occupies by mem_usable's measure, what hangs on it included. */
size_t entry_bytes(const struct entry *e);

/* The word of OBJECT ENCODING. */
const char *entry_encoding_name(const struct entry *e);

/* Eviction's 24 bits; what they mean is said in core/keyspace/evict.h. */
static inline uint32_t entry_lru(const struct entry *e) {
    return e->meta & 0xffffffu;
}

static inline void entry_set_lru(struct entry *e, uint32_t lru) {
    dcheck(lru <= 0xffffffu);
    e->meta = (e->meta & 0xff000000u) | lru;
}

/* Changing */

/* Takes e, gives it with another expiry (ENTRY_NO_EXPIRE removes it). In place when it has one already and gets one. */
struct entry *entry_set_expire(struct entry *e, int64_t expire_ms) ATTR_MUST_USE;

/* The object; the entry goes on owning it. */
void *entry_object(const struct entry *e);
uint8_t entry_object_encoding(const struct entry *e);

/* Puts another object of the same type in its place; the old one is the caller's now. In place. */
void entry_set_object(struct entry *e, uint8_t encoding, void *object);

/* Checks the entry's inner consistency; a bug if it is broken. */
void entry_check(const struct entry *e);
