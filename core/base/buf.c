/* buf.c: the slow paths of struct buf.
 *
 * Policy: capacity doubles until 1 MiB and then grows in steps of 1 MiB or a quarter, whichever is more, so that
 * appending n bytes costs O(n) in all and a big reply does not waste half its block. */
#include "core/base/buf.h"

#include "core/base/mem.h"

#include <stdio.h>

enum { BUF_FIRST_BYTES = 64, BUF_DOUBLE_MAX_BYTES = 1 << 20 };

void buf_deinit(struct buf *b) {
    mem_free(b->ptr);
    buf_init(b);
}

void buf_grow(struct buf *b, size_t more) {
    size_t need = b->len + more;
    must(need >= more);
    size_t cap = b->cap ? b->cap : BUF_FIRST_BYTES;
    while (cap < need) {
        size_t step = cap < BUF_DOUBLE_MAX_BYTES ? cap : cap / 4;
        if (cap >= BUF_DOUBLE_MAX_BYTES && step < BUF_DOUBLE_MAX_BYTES)
            step = BUF_DOUBLE_MAX_BYTES;
        cap += step;
    }
    b->ptr = mem_realloc(b->ptr, cap);
    b->cap = cap;
}

void buf_vprintf(struct buf *b, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    char *room = buf_room(b, 128);
    int n = vsnprintf(room, 128, format, args);
    must(n >= 0);
    if ((size_t)n >= 128) {
        room = buf_room(b, (size_t)n + 1);
        n = vsnprintf(room, (size_t)n + 1, format, again);
        must(n >= 0);
    }
    va_end(again);
    b->len += (size_t)n;
}

void buf_printf(struct buf *b, const char *format, ...) {
    va_list args;
    va_start(args, format);
    buf_vprintf(b, format, args);
    va_end(args);
}

void buf_consume(struct buf *b, size_t count) {
    must(count <= b->len);
    b->len -= count;
    if (b->len && count)
        memmove(b->ptr, b->ptr + count, b->len);
}

void buf_clear(struct buf *b, size_t keep_bytes) {
    b->len = 0;
    if (b->cap > keep_bytes)
        buf_deinit(b);
}
