/* segment_reader.c: a window that slides over the file.
 *
 *   I1  window_at <= offset of what is looked at; bytes [window_at, window_at + window_len) of the file are in it.
 *   I2  window_cap exceeds SEGMENT_READER_BYTES only for a frame that is that large and lies whole inside the file, so a
 *       damaged length cannot make us allocate more than the file has.
 *
 * Reading, not mapping: a mapped file that shrinks or has a bad sector kills the process with SIGBUS, and the simulated
 * disk of the tests has no pages to map. */
#include "persist/segment_reader.h"

#include "core/base/mem.h"

#include <fcntl.h>

enum {
    SEGMENT_READER_BYTES = 1 << 20,
    /* A search ends when it has hashed this many times the bytes that were left: payloads may imitate frames. */
    SEGMENT_SEARCH_FACTOR = 16,
};

/* Makes [offset, offset + len) of the file readable in the window, or as much as the limit allows; gives it. */
static enum err reader_view(struct segment_reader *r, uint64_t offset, size_t len, struct bytes *view_out) {
    *view_out = BYTES_NONE;
    if (offset >= r->limit)
        return ERR_OK;
    if (len > r->limit - offset)
        len = (size_t)(r->limit - offset);
    if (offset < r->window_at || offset + len > r->window_at + r->window_len) {
        size_t want = len > SEGMENT_READER_BYTES ? len : SEGMENT_READER_BYTES;
        if (want > r->window_cap) { /* I2 */
            mem_free(r->window);
            r->window = mem_alloc(want);
            r->window_cap = want;
        }
        size_t got;
        r->window_len = 0;
        enum err e = r->on_piece ? r->on_piece(r->ctx) : ERR_OK;
        if (e == ERR_OK)
            e = io_fs_read(r->fs, r->fd, r->window, want, offset, &got);
        if (e != ERR_OK)
            return e;
        r->window_at = offset; /* I1 */
        r->window_len = got;
        if (got < len)
            len = got;
    }
    *view_out = bytes_of(r->window + (offset - r->window_at), len);
    return ERR_OK;
}

enum err segment_reader_open(struct segment_reader *r, struct io_fs *fs, const char *path) {
    *r = (struct segment_reader){.fs = fs};
    enum err e = io_fs_open(fs, path, O_RDWR, 0, &r->fd);
    if (e != ERR_OK)
        return e;
    struct bytes head = BYTES_NONE;
    size_t line_bytes = 0;
    e = io_fs_size(fs, r->fd, &r->size);
    r->limit = r->size;
    if (e == ERR_OK)
        e = reader_view(r, 0, SEGMENT_HEADER_MAX, &head);
    if (e == ERR_OK && !segment_parse_header(head, &r->header, &line_bytes))
        e = ERR_CORRUPT;
    if (e != ERR_OK) {
        segment_reader_close(r);
        return e;
    }
    r->first = r->next = line_bytes;
    return ERR_OK;
}

void segment_reader_close(struct segment_reader *r) {
    mem_free(r->window);
    io_fs_close(r->fs, r->fd);
    *r = (struct segment_reader){.fd = -1};
}

void segment_reader_seek(struct segment_reader *r, uint64_t offset) {
    dcheck(offset >= r->first && offset <= r->limit);
    r->next = offset;
}

enum segment_read segment_reader_next(struct segment_reader *r, bool is_checked, enum err *fault_out) {
    *fault_out = ERR_OK;
    if (r->next >= r->limit)
        return SEGMENT_READ_END;
    struct bytes view;
    struct segment_frame frame;
    size_t line_bytes;
    *fault_out = reader_view(r, r->next, SEGMENT_LINE_MAX, &view);
    if (*fault_out != ERR_OK)
        return SEGMENT_READ_FAULT;
    if (segment_parse_frame(view, &frame, &line_bytes) != SEGMENT_LINE)
        return SEGMENT_READ_DAMAGED;
    if (frame.payload_bytes > r->limit - r->next - line_bytes)
        return SEGMENT_READ_DAMAGED;
    size_t whole = line_bytes + (size_t)frame.payload_bytes;
    *fault_out = reader_view(r, r->next, whole, &view);
    if (*fault_out != ERR_OK)
        return SEGMENT_READ_FAULT;
    if (view.len < whole)
        return SEGMENT_READ_DAMAGED;
    struct bytes payload = bytes_of(view.ptr + line_bytes, (size_t)frame.payload_bytes);
    if (is_checked && !segment_verify(r->header.id, bytes_of(view.ptr, line_bytes), payload))
        return SEGMENT_READ_DAMAGED;
    r->frame = frame;
    r->payload = payload;
    r->at = r->next;
    r->next += whole;
    return SEGMENT_READ_FRAME;
}

/* The next '#' at or behind `at`; the limit when there is none. */
static enum err reader_find_mark(struct segment_reader *r, uint64_t at, uint64_t *at_out) {
    *at_out = r->limit;
    while (at < r->limit) {
        struct bytes view;
        enum err e = reader_view(r, at, 1, &view);
        if (e != ERR_OK || view.len == 0)
            return e;
        view.len = (size_t)(r->window_at + r->window_len - at);
        const char *mark = memchr(view.ptr, '#', view.len);
        if (mark) {
            *at_out = at + (uint64_t)(mark - view.ptr);
            return ERR_OK;
        }
        at += view.len;
    }
    return ERR_OK;
}

bool segment_reader_search(struct segment_reader *r, bool *gave_up_out, enum err *fault_out) {
    uint64_t budget = (r->limit - r->next) * SEGMENT_SEARCH_FACTOR;
    *gave_up_out = false;
    for (uint64_t at = r->next;; at++) {
        struct bytes view;
        struct segment_frame frame;
        size_t line_bytes;
        *fault_out = reader_find_mark(r, at, &at);
        if (*fault_out != ERR_OK || at >= r->limit)
            return false;
        *fault_out = reader_view(r, at, SEGMENT_LINE_MAX, &view);
        if (*fault_out != ERR_OK)
            return false;
        if (segment_parse_frame(view, &frame, &line_bytes) != SEGMENT_LINE ||
            frame.payload_bytes > r->limit - at - line_bytes)
            continue;
        if (frame.payload_bytes > budget) {
            *gave_up_out = true;
            return false;
        }
        budget -= frame.payload_bytes;
        r->next = at;
        enum segment_read found = segment_reader_next(r, true, fault_out);
        if (found != SEGMENT_READ_DAMAGED)
            return found == SEGMENT_READ_FRAME;
    }
}
