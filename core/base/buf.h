/* buf.h: a growing byte buffer: replies, effects, log frames, texts are built in it.
 *
 * Owner: whoever initialised it; the content moves when it grows, so no pointer into it survives an append. The
 * first `head` bytes may be consumed from the front cheaply (buf_consume). Growth doubles up to 1 MiB steps. */
#pragma once

#include "core/base/bytes.h"

#include <stdarg.h>

struct buf {
    char *ptr;  /* start of the block, NULL while nothing was stored */
    size_t len; /* bytes stored, counted from ptr */
    size_t cap; /* bytes of the block */
};

static inline void buf_init(struct buf *b) {
    *b = (struct buf){NULL, 0, 0};
}

/* Frees the block; the buffer is empty and usable afterwards. */
void buf_deinit(struct buf *b);

/* Makes room for `more` bytes beyond len (slow path of buf_room). */
void buf_grow(struct buf *b, size_t more);

/* Room for `more` bytes at the end; the pointer is valid until the next growth. Commit with buf_commit. */
static inline char *buf_room(struct buf *b, size_t more) {
    if (UNLIKELY(b->cap - b->len < more))
        buf_grow(b, more);
    return b->ptr + b->len;
}

static inline void buf_commit(struct buf *b, size_t written) {
    dcheck(b->cap - b->len >= written);
    b->len += written;
}

static inline void buf_put(struct buf *b, const void *data, size_t len) {
    if (len == 0)
        return;
    memcpy(buf_room(b, len), data, len);
    b->len += len;
}

static inline void buf_put_bytes(struct buf *b, struct bytes data) {
    buf_put(b, data.ptr, data.len);
}

static inline void buf_put_char(struct buf *b, char c) {
    *buf_room(b, 1) = c;
    b->len += 1;
}

#define BUF_PUT_LIT(b, text) buf_put((b), (text), sizeof(text) - 1)

/* Appends formatted text. */
void buf_printf(struct buf *b, const char *format, ...) ATTR_PRINTF(2, 3);
void buf_vprintf(struct buf *b, const char *format, va_list args) ATTR_PRINTF(2, 0);

/* Drops the first `count` bytes and moves the rest to the front. */
void buf_consume(struct buf *b, size_t count);

/* Empties it and keeps the block, unless that is larger than `keep_bytes`. */
void buf_clear(struct buf *b, size_t keep_bytes);

static inline struct bytes buf_bytes(const struct buf *b) {
    return (struct bytes){b->ptr, b->len};
}
