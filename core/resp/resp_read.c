/* resp_read.c: where a reply ends.
 *
 * Replies nest, but to find the end no stack is needed: it is enough to count how many values are still to
 * come. A plain value takes one away, an aggregate takes one away and adds its elements, an attribute only adds
 * its pairs, because the value it belongs to is still to come.
 *
 *   I1  pending <= bytes left, for every value has at least three bytes: checked when elements are added, so
 *       that an announced length can neither overflow nor cost time. */
#include "core/resp/resp_read.h"

#include "core/base/num.h"
#include "core/resp/resp.h"

/* What a type byte says about the rest. */
enum reply_shape {
    SHAPE_NONE,      /* no type byte */
    SHAPE_LINE,      /* the value is the line itself */
    SHAPE_TEXT,      /* a length, then so many bytes and CR LF */
    SHAPE_LIST,      /* a count, then so many values */
    SHAPE_PAIRS,     /* a count, then twice as many values */
    SHAPE_ATTRIBUTE, /* pairs that stand before a value */
};

static enum reply_shape shape_of(char type) {
    switch (type) {
    case RESP_SIMPLE:
    case RESP_FAILURE:
    case RESP_INT:
    case RESP_NULL:
    case RESP_BOOL:
    case RESP_DOUBLE:
    case RESP_BIGNUM: return SHAPE_LINE;
    case RESP_BULK:
    case RESP_BLOB_ERROR:
    case RESP_VERBATIM: return SHAPE_TEXT;
    case RESP_ARRAY:
    case RESP_SET:
    case RESP_PUSH: return SHAPE_LIST;
    case RESP_MAP: return SHAPE_PAIRS;
    case RESP_ATTRIBUTE: return SHAPE_ATTRIBUTE;
    default: return SHAPE_NONE;
    }
}

/* The line at `at`: its content without type byte and CR LF. Returns the position behind it, 0 when it is
 * incomplete, RESP_REPLY_BROKEN when a CR stands alone. */
static size_t read_line(struct bytes data, size_t at, struct bytes *content_out) {
    *content_out = BYTES_NONE;
    const char *cr = memchr(data.ptr + at, '\r', data.len - at);
    if (!cr || cr + 1 == data.ptr + data.len)
        return 0;
    if (cr[1] != '\n')
        return RESP_REPLY_BROKEN;
    size_t cr_at = (size_t)(cr - data.ptr);
    *content_out = bytes_of(data.ptr + at + 1, cr_at - at - 1);
    return cr_at + 2;
}

size_t resp_reply_skip(struct bytes data) {
    size_t at = 0;
    uint64_t pending = 1;
    while (pending != 0) {
        if (at == data.len)
            return 0;
        enum reply_shape shape = shape_of(data.ptr[at]);
        if (shape == SHAPE_NONE)
            return RESP_REPLY_BROKEN;
        bool is_nullable = data.ptr[at] == RESP_BULK || data.ptr[at] == RESP_ARRAY;
        struct bytes content;
        size_t next = read_line(data, at, &content);
        if (next == 0 || next == RESP_REPLY_BROKEN)
            return next;
        at = next;
        pending -= shape != SHAPE_ATTRIBUTE;
        if (shape == SHAPE_LINE)
            continue;

        int64_t length;
        if (!num_parse_int(content, &length) || length < (is_nullable ? -1 : 0))
            return RESP_REPLY_BROKEN;
        if (length == -1)
            continue;
        size_t left = data.len - at;
        if ((uint64_t)length > left)
            return 0;
        if (shape == SHAPE_TEXT) {
            if (left - (size_t)length < 2)
                return 0;
            at += (size_t)length;
            if (memcmp(data.ptr + at, "\r\n", 2) != 0)
                return RESP_REPLY_BROKEN;
            at += 2;
        } else {
            pending += (uint64_t)length * (shape == SHAPE_LIST ? 1 : 2);
            if (pending > left) /* I1 */
                return 0;
        }
    }
    return at;
}
