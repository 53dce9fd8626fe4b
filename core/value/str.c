/* str.c: changing string values in place where that is possible.
 *
 * Three forms (entry.h): a number, a text inside the entry, a text in a block of its own. Each change decides anew
 * which form fits: replacing chooses the smallest one; growing goes from number to inline to a block, never back, so that a value
 * that is appended to piece by piece does not swing between forms.
 *
 * I1  A block of its own is grown ahead: doubled below 1 MiB, then by 1 MiB, so that n appends copy O(n) bytes. The
 *     first write into an empty value takes exactly what it needs.
 * I2  A change that fails for want of memory has changed nothing: the new block is there before anything is given up.
 * I3  Every change but str_replace and str_set_int leaves ENTRY_FLAG_RAW or a block: OBJECT ENCODING says raw. */
#include "core/value/str.h"

#include "core/base/copy.h"
#include "core/base/mem.h"
#include "core/value/entry_internal.h"

#define STR_GROW_AHEAD_MAX ((size_t)1 << 20)

struct bytes str_view(const struct entry *e, char scratch[NUM_INT_TEXT_MAX]) {
    enum entry_payload payload = entry_payload(e);
    if (LIKELY(payload == ENTRY_INLINE)) {
        struct bytes key = entry_key(e);
        return bytes_of(key.ptr + key.len, entry__inline_len(e));
    }
    if (payload == ENTRY_INT)
        return bytes_of(scratch, num_from_int(scratch, entry__int(e)));
    must(payload == ENTRY_BIG);
    struct entry_big big = entry__big(e);
    return bytes_of(big.ptr, big.len);
}

size_t str_len(const struct entry *e) {
    char scratch[NUM_INT_TEXT_MAX];
    return str_view(e, scratch).len;
}

bool str_int(const struct entry *e, int64_t *out) {
    if (LIKELY(entry_payload(e) == ENTRY_INT)) {
        *out = entry__int(e);
        return true;
    }
    char scratch[NUM_INT_TEXT_MAX];
    return num_parse_int(str_view(e, scratch), out);
}

/* Frees what hangs on the entry, just before its payload is overwritten. */
static void str_drop_block(struct entry *e) {
    must(entry_payload(e) != ENTRY_OBJECT);
    if (entry_payload(e) == ENTRY_BIG)
        mem_free(entry__big(e).ptr);
}

struct entry *str_set_int(struct entry *e, int64_t value) {
    if (entry_payload(e) != ENTRY_INT) {
        str_drop_block(e);
        e = entry__reform(e, ENTRY_INT, 0, entry_expire_ms(e));
    }
    entry__put_int(e, value);
    return e;
}

/* Replaces by a value that is too long to be inline. */
static struct entry *str_replace_big(struct entry *e, struct bytes value) {
    struct entry_big big = {NULL, 0, 0};
    if (entry_payload(e) == ENTRY_BIG)
        big = entry__big(e);
    bool fits = big.cap >= value.len && big.cap / 2 <= value.len;
    if (!fits) {
        char *block = mem_try_alloc(value.len); /* I2 */
        if (!block)
            return NULL;
        str_drop_block(e);
        big.ptr = block;
        big.cap = mem_usable(block);
        e = entry__reform(e, ENTRY_BIG, 0, entry_expire_ms(e));
    }
    copy_cold(big.ptr, value.ptr, value.len);
    big.len = value.len;
    entry__put_big(e, big);
    return e;
}

struct entry *str_replace(struct entry *e, struct bytes value) {
    int64_t number;
    if (value.len < NUM_INT_TEXT_MAX && num_parse_int(value, &number))
        return str_set_int(e, number);
    if (UNLIKELY(value.len > ENTRY_INLINE_MAX))
        return str_replace_big(e, value);
    if (LIKELY(entry_payload(e) == ENTRY_INLINE && entry__inline_len(e) == value.len)) {
        e->flags &= (uint8_t)~ENTRY_FLAG_RAW;
    } else {
        str_drop_block(e);
        e = entry__reform(e, ENTRY_INLINE, value.len, entry_expire_ms(e));
    }
    if (value.len > 0)
        copy_cold(entry__inline_ptr(e), value.ptr, value.len);
    return e;
}

static size_t str_grow_ahead(size_t len) {
    return len + (len < STR_GROW_AHEAD_MAX ? len : STR_GROW_AHEAD_MAX); /* I1 */
}

/* Gives the value a block of its own with room for `len` bytes, the old text at its beginning. */
static struct entry *str_move_out(struct entry *e, size_t len) {
    char scratch[NUM_INT_TEXT_MAX];
    struct bytes text = str_view(e, scratch);
    char *block = mem_try_alloc(text.len > 0 ? str_grow_ahead(len) : len);
    if (!block)
        return NULL;
    if (text.len > 0)
        memcpy(block, text.ptr, text.len);
    struct entry_big big = {block, text.len, mem_usable(block)};
    e = entry__reform(e, ENTRY_BIG, 0, entry_expire_ms(e));
    entry__put_big(e, big);
    return e;
}

/* Takes e, gives it as bytes of length `len`, which is at least the old length; what is new is zero. NULL: untouched. */
static struct entry *str_grow(struct entry *e, size_t len) {
    if (entry_payload(e) == ENTRY_INT) {
        char scratch[NUM_INT_TEXT_MAX];
        struct bytes text = str_view(e, scratch);
        if (len <= ENTRY_INLINE_MAX) {
            e = entry__reform(e, ENTRY_INLINE, text.len, entry_expire_ms(e));
            memcpy(entry__inline_ptr(e), text.ptr, text.len);
        }
    }
    if (entry_payload(e) == ENTRY_INLINE && len <= ENTRY_INLINE_MAX) {
        size_t old = entry__inline_len(e);
        if (old != len)
            e = entry__reform(e, ENTRY_INLINE, len, entry_expire_ms(e));
        memset(entry__inline_ptr(e) + old, 0, len - old);
        e->flags |= ENTRY_FLAG_RAW; /* I3 */
        return e;
    }

    if (entry_payload(e) != ENTRY_BIG) {
        e = str_move_out(e, len);
        if (!e)
            return NULL;
    }
    struct entry_big big = entry__big(e);
    if (big.cap < len) {
        char *block = mem_try_realloc(big.ptr, str_grow_ahead(len)); /* I2 */
        if (!block)
            return NULL;
        big.ptr = block;
        big.cap = mem_usable(block);
    }
    memset(big.ptr + big.len, 0, len - big.len);
    big.len = len;
    entry__put_big(e, big);
    return e;
}

/* The text of an entry that str_grow has given. */
static char *str_text(struct entry *e) {
    return entry_payload(e) == ENTRY_BIG ? entry__big(e).ptr : entry__inline_ptr(e);
}

struct entry *str_append(struct entry *e, struct bytes tail) {
    size_t len = str_len(e);
    e = str_grow(e, len + tail.len);
    if (e && tail.len > 0)
        memcpy(str_text(e) + len, tail.ptr, tail.len);
    return e;
}

struct entry *str_set_range(struct entry *e, size_t offset, struct bytes patch) {
    if (patch.len == 0)
        return e;
    size_t len = str_len(e);
    size_t end = offset + patch.len;
    e = str_grow(e, end > len ? end : len);
    if (e)
        memcpy(str_text(e) + offset, patch.ptr, patch.len);
    return e;
}

char *str_mutable(struct entry **e, size_t min_len, size_t *len_out) {
    size_t len = str_len(*e);
    *len_out = len;
    if (min_len > len)
        len = min_len;
    struct entry *grown = str_grow(*e, len);
    if (!grown)
        return NULL;
    *e = grown;
    *len_out = len;
    return str_text(grown);
}
