/* entry.c: laying out, moving and freeing entries.
 *
 * The problem: a key-value store of small values is mostly overhead. A table node, a key string, a value object and an
 * expiry index cost some 60 to 100 bytes around a payload of 48. Here one block holds all of it behind an 8-byte header,
 * and parts that a key does not need are not there; they are told by flags and found by adding up (entry.h).
 *
 * I1  The block of an entry has mem_good_size(entry__size(e)) bytes. It is therefore known without asking the
 *     allocator, a change within the size class needs no allocation, and accounting is a pure function of the header.
 * I2  The wide part is there exactly when the key or the inline value is too long for its field in the header. A field
 *     that is not too long holds the length even when the wide part is there.
 * I3  Parts that hold words come first, so that they are aligned to 8 bytes; key and inline value end the block and are
 *     neighbours, so that both move in one memmove.
 * I4  Type string has one of the payloads INT, INLINE, BIG; any other type has OBJECT.
 *
 * Why integers are stored in 8 bytes even where the text is shorter: counters change all the time, and so change in place.
 * Cost: reading the key adds two or three dependent instructions compared to fixed offsets, all in one cache line. */
#include "core/value/entry_internal.h"

#include "core/base/mem.h"
#include "core/base/num.h"

static const uint8_t payload_bytes[4] = {
    [ENTRY_INT] = 8, [ENTRY_INLINE] = 0, [ENTRY_BIG] = 24, [ENTRY_OBJECT] = 8};

/* What determines an entry's size. */
struct entry_shape {
    enum entry_payload payload;
    bool expires;
    size_t key_len;
    size_t inline_len;
};

static bool shape_is_wide(const struct entry_shape *s) {
    return s->key_len >= ENTRY_KEY_WIDE || s->inline_len >= ENTRY_VALUE_WIDE; /* I2 */
}

/* Offset of the key from the start of the entry. */
static size_t shape_key_offset(const struct entry_shape *s) {
    return ENTRY_HEADER_BYTES + (s->expires ? 8u : 0u) + payload_bytes[s->payload] +
           (shape_is_wide(s) ? 8u : 0u);
}

static size_t shape_size(const struct entry_shape *s) {
    size_t size = shape_key_offset(s) + s->key_len + s->inline_len;
    return size < ENTRY_ALIGNMENT ? ENTRY_ALIGNMENT
                                  : size; /* the allocator aligns no better than to the size */
}

static struct entry_shape shape_of(const struct entry *e) {
    struct entry_shape s = {entry_payload(e), entry_has_expire(e), entry_key(e).len, 0};
    if (s.payload == ENTRY_INLINE)
        s.inline_len = entry__inline_len(e);
    return s;
}

/* The block for a shape, in its whole size class (I1). */
static struct entry *shape_alloc(const struct entry_shape *s) {
    return mem_alloc(mem_good_size(shape_size(s)));
}

/* Writes lengths, flags and expiry; meta and the RAW flag are the caller's. */
static void shape_write(const struct entry_shape *s, struct entry *e, int64_t expire_ms) {
    bool wide = shape_is_wide(s);
    e->flags = (uint8_t)((unsigned)s->payload | (s->expires ? ENTRY_FLAG_EXPIRES : 0u) |
                         (wide ? ENTRY_FLAG_WIDE : 0u));
    e->key_len = (uint16_t)(s->key_len < ENTRY_KEY_WIDE ? s->key_len : ENTRY_KEY_WIDE);
    e->val_len = (uint8_t)(s->inline_len < ENTRY_VALUE_WIDE ? s->inline_len : ENTRY_VALUE_WIDE);
    if (s->expires)
        memcpy(e->parts, &expire_ms, sizeof(expire_ms));
    if (wide) {
        uint32_t lengths[2] = {(uint32_t)s->key_len, (uint32_t)s->inline_len};
        memcpy(e->parts + entry_wide_offset(e), lengths, sizeof(lengths));
    }
}

size_t entry__size(const struct entry *e) {
    struct entry_shape s = shape_of(e);
    return shape_size(&s);
}

struct entry *entry__make(struct bytes key, enum entry_payload payload, size_t inline_len,
                          int64_t expire_ms) {
    must(key.len <= UINT32_MAX);
    struct entry_shape s = {payload, expire_ms != ENTRY_NO_EXPIRE, key.len,
                            payload == ENTRY_INLINE ? inline_len : 0};
    struct entry *e = shape_alloc(&s);
    e->meta = 0;
    shape_write(&s, e, expire_ms);
    if (key.len > 0)
        memcpy((char *)e + shape_key_offset(&s), key.ptr, key.len);
    return e;
}

struct entry *entry__reform(struct entry *e, enum entry_payload payload, size_t inline_len,
                            int64_t expire_ms) {
    struct entry_shape was = shape_of(e);
    struct entry_shape now = {payload, expire_ms != ENTRY_NO_EXPIRE, was.key_len,
                              payload == ENTRY_INLINE ? inline_len : 0};
    size_t kept = was.key_len; /* I3: the key, and as much of an inline value as both have */
    if (was.payload == ENTRY_INLINE && now.payload == ENTRY_INLINE)
        kept += was.inline_len < now.inline_len ? was.inline_len : now.inline_len;

    struct entry *moved = e;
    if (mem_good_size(shape_size(&now)) != mem_good_size(shape_size(&was))) /* I1 */
        moved = shape_alloc(&now);
    memmove((char *)moved + shape_key_offset(&now), (char *)e + shape_key_offset(&was), kept);
    moved->meta = e->meta;
    shape_write(&now, moved, expire_ms);
    if (moved != e)
        mem_free(e);
    return moved;
}

struct entry *entry_new_int(struct bytes key, int64_t value, int64_t expire_ms) {
    struct entry *e = entry__make(key, ENTRY_INT, 0, expire_ms);
    entry__put_int(e, value);
    return e;
}

struct entry *entry_new_big(struct bytes key, char *block, size_t len, int64_t expire_ms) {
    struct entry *e = entry__make(key, ENTRY_BIG, 0, expire_ms);
    entry__put_big(e, (struct entry_big){block, len, mem_usable(block)});
    return e;
}

struct entry *entry_new_str(struct bytes key, struct bytes value, int64_t expire_ms) {
    int64_t number;
    if (value.len < NUM_INT_TEXT_MAX && num_parse_int(value, &number))
        return entry_new_int(key, number, expire_ms);
    if (LIKELY(value.len <= ENTRY_INLINE_MAX)) {
        struct entry *e = entry__make(key, ENTRY_INLINE, value.len, expire_ms);
        if (value.len > 0)
            memcpy(entry__inline_ptr(e), value.ptr, value.len);
        return e;
    }
    char *block = mem_try_alloc(value.len);
    if (!block)
        return NULL;
    memcpy(block, value.ptr, value.len);
    return entry_new_big(key, block, value.len, expire_ms);
}

static void entry_put_object(struct entry *e, uint8_t encoding, void *object) {
    must(encoding < 16);
    e->meta = (e->meta & 0x0fffffffu) | (uint32_t)encoding << 28;
    memcpy(e->parts + entry_payload_offset(e), &object, sizeof(object));
}

struct entry *entry_new_object(struct bytes key, enum value_type type, uint8_t encoding, void *object) {
    must(type != VALUE_STRING);
    must(type < VALUE_TYPE_COUNT);
    struct entry *e = entry__make(key, ENTRY_OBJECT, 0, ENTRY_NO_EXPIRE);
    e->meta = (uint32_t)type << 24;
    entry_put_object(e, encoding, object);
    return e;
}

void *entry_object(const struct entry *e) {
    must(entry_payload(e) == ENTRY_OBJECT);
    void *object;
    memcpy(&object, e->parts + entry_payload_offset(e), sizeof(object));
    return object;
}

int64_t entry_parts_due_ms(const struct entry *e) {
    if (!entry_has_timed_parts(e))
        return ENTRY_NO_EXPIRE;
    return value_ops(entry_type(e))->due_ms(entry_object(e), entry_object_encoding(e));
}

uint8_t entry_object_encoding(const struct entry *e) {
    return (uint8_t)(e->meta >> 28);
}

void entry_set_object(struct entry *e, uint8_t encoding, void *object) {
    must(entry_payload(e) == ENTRY_OBJECT);
    entry_put_object(e, encoding, object);
}

void entry_free(struct entry *e) {
    if (!e)
        return;
    if (entry_payload(e) == ENTRY_BIG)
        mem_free(entry__big(e).ptr);
    else if (entry_payload(e) == ENTRY_OBJECT)
        value_ops(entry_type(e))->free(entry_object(e), entry_object_encoding(e));
    mem_free(e);
}

bool entry_free_step(struct entry *e, size_t pieces_max) {
    const struct value_ops *ops = entry_payload(e) == ENTRY_OBJECT ? value_ops(entry_type(e)) : NULL;
    if (!ops || !ops->free_step) {
        entry_free(e);
        return true;
    }
    if (!ops->free_step(entry_object(e), entry_object_encoding(e), pieces_max))
        return false;
    mem_free(e);
    return true;
}

size_t entry_pieces(const struct entry *e) {
    if (entry_payload(e) == ENTRY_OBJECT)
        return 1 + value_ops(entry_type(e))->pieces(entry_object(e), entry_object_encoding(e));
    return entry_payload(e) == ENTRY_BIG ? 2 : 1;
}

struct entry *entry_dup(const struct entry *e, struct bytes key) {
    enum entry_payload payload = entry_payload(e);
    size_t inline_len = payload == ENTRY_INLINE ? entry__inline_len(e) : 0;
    struct entry_big big = {NULL, 0, 0};
    if (payload == ENTRY_BIG) {
        big = entry__big(e);
        char *block = mem_try_alloc(big.len);
        if (!block)
            return NULL;
        memcpy(block, big.ptr, big.len);
        big.ptr = block;
        big.cap = mem_usable(block);
    }

    struct entry *copy = entry__make(key, payload, inline_len, entry_expire_ms(e));
    copy->meta = e->meta;
    copy->flags |= e->flags & ENTRY_FLAG_RAW;
    switch (payload) {
    case ENTRY_INT: entry__put_int(copy, entry__int(e)); break;
    case ENTRY_INLINE: {
        struct bytes from = entry_key(e);
        memcpy(entry__inline_ptr(copy), from.ptr + from.len, inline_len);
        break;
    }
    case ENTRY_BIG: entry__put_big(copy, big); break;
    case ENTRY_OBJECT: {
        uint8_t encoding = entry_object_encoding(e);
        entry_put_object(copy, encoding, value_ops(entry_type(e))->dup(entry_object(e), encoding));
        break;
    }
    }
    return copy;
}

struct entry *entry_rekey(struct entry *e, struct bytes key) {
    enum entry_payload payload = entry_payload(e);
    size_t inline_len = payload == ENTRY_INLINE ? entry__inline_len(e) : 0;
    struct entry *renamed = entry__make(key, payload, inline_len, entry_expire_ms(e));
    renamed->meta = e->meta;
    renamed->flags |= e->flags & ENTRY_FLAG_RAW;
    if (payload == ENTRY_INLINE)
        memcpy(entry__inline_ptr(renamed), entry__inline_ptr(e), inline_len);
    else
        memcpy(renamed->parts + entry_payload_offset(renamed), e->parts + entry_payload_offset(e),
               payload_bytes[payload]);
    mem_free(e);
    return renamed;
}

size_t entry_bytes(const struct entry *e) {
    size_t bytes = mem_good_size(entry__size(e)); /* I1 */
    if (UNLIKELY(entry_payload(e) == ENTRY_BIG))
        bytes += entry__big(e).cap;
    else if (UNLIKELY(entry_payload(e) == ENTRY_OBJECT))
        bytes += value_ops(entry_type(e))->bytes(entry_object(e), entry_object_encoding(e));
    return bytes;
}

const char *entry_encoding_name(const struct entry *e) {
    switch (entry_payload(e)) {
    case ENTRY_INT: return "int";
    case ENTRY_INLINE:
        return !(e->flags & ENTRY_FLAG_RAW) && entry__inline_len(e) <= ENTRY_EMBSTR_MAX ? "embstr" : "raw";
    case ENTRY_BIG: return "raw";
    case ENTRY_OBJECT:
        return value_ops(entry_type(e))->encoding_name(entry_object(e), entry_object_encoding(e));
    }
    must(false);
}

struct entry *entry_set_expire(struct entry *e, int64_t expire_ms) {
    if (entry_has_expire(e) == (expire_ms != ENTRY_NO_EXPIRE)) {
        if (entry_has_expire(e))
            memcpy(e->parts, &expire_ms, sizeof(expire_ms));
        return e;
    }
    unsigned char saved[24];
    enum entry_payload payload = entry_payload(e);
    uint8_t raw = e->flags & ENTRY_FLAG_RAW;
    memcpy(saved, e->parts + entry_payload_offset(e), payload_bytes[payload]);
    e = entry__reform(e, payload, payload == ENTRY_INLINE ? entry__inline_len(e) : 0, expire_ms);
    memcpy(e->parts + entry_payload_offset(e), saved, payload_bytes[payload]);
    e->flags |= raw;
    return e;
}

void entry_check(const struct entry *e) {
    struct entry_shape s = shape_of(e);
    must(((uintptr_t)e & (ENTRY_ALIGNMENT - 1)) == 0);
    must(entry_type(e) < VALUE_TYPE_COUNT);
    must((entry_type(e) == VALUE_STRING) == (s.payload != ENTRY_OBJECT)); /* I4 */
    must(shape_is_wide(&s) == ((e->flags & ENTRY_FLAG_WIDE) != 0));       /* I2 */
    must(s.inline_len <= ENTRY_INLINE_MAX);
    must(shape_size(&s) <= mem_usable(e)); /* I1 */
    if (s.payload == ENTRY_BIG) {
        struct entry_big big = entry__big(e);
        must(big.len <= big.cap);
        must(big.cap == mem_usable(big.ptr));
    }
    if (s.payload == ENTRY_OBJECT)
        must(entry_object(e) != NULL);
}
