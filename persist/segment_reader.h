/* segment_reader.h: walking the frames of a segment file from front to back.
 *
 * The file is read in large pieces into one buffer, which grows only for a frame that is larger than it, and never beyond
 * what the file holds. Views are valid until the next call. Owner: one thread. */
#pragma once

#include "core/base/err.h"
#include "core/io/io.h"
#include "persist/segment.h"

struct segment_reader {
    struct io_fs *fs;
    int fd;
    uint64_t size;  /* of the file */
    uint64_t limit; /* frames beyond it are not read; the size unless narrowed */
    struct segment_header header;
    uint64_t first; /* offset of the first frame */
    uint64_t next;  /* offset of the next frame */

    /* The last frame. */
    struct segment_frame frame;
    uint64_t at; /* its offset */
    struct bytes payload;

    /* May be set after opening; called before another piece of the file is read. Anything but ERR_OK becomes a fault, and
     * ends the reading. */
    enum err (*on_piece)(void *ctx);
    void *ctx;

    /* Private: a window of the file. */
    char *window;
    size_t window_cap;
    size_t window_len;
    uint64_t window_at; /* offset of its first byte */
};

enum segment_read {
    SEGMENT_READ_FRAME,
    SEGMENT_READ_END,     /* the limit was reached at the end of a frame */
    SEGMENT_READ_DAMAGED, /* what stands at `next` is no valid frame; it may be torn */
    SEGMENT_READ_FAULT,   /* the file cannot be read: `fault` of the call */
};

/* Opens the file for reading and writing and reads its header. ERR_CORRUPT when there is no valid header. After a
 * failure nothing is open. */
enum err segment_reader_open(struct segment_reader *r, struct io_fs *fs, const char *path) ATTR_MUST_USE;
void segment_reader_close(struct segment_reader *r);

/* Goes to an offset: that of a frame, or one to search from. */
void segment_reader_seek(struct segment_reader *r, uint64_t offset);

/* Reads the next frame; checks its checksum if `is_checked`. *fault_out says more after SEGMENT_READ_FAULT. */
enum segment_read segment_reader_next(struct segment_reader *r, bool is_checked, enum err *fault_out);

/* Looks for a valid frame at or behind `next`, at any offset. True when there is one: it is the last frame
 * then. *gave_up_out: so many false traces were found that the search was ended. */
bool segment_reader_search(struct segment_reader *r, bool *gave_up_out, enum err *fault_out);
