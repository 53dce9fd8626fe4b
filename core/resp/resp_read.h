/* resp_read.h: finding the end of replies, ours or another node's, in RESP2 and RESP3.
 *
 * Needed where replies are data: parts of an MGET come back from several shards and are merged; tests cut a
 * stream of replies. Nothing is decoded and nothing is allocated. */
#pragma once

#include "core/base/bytes.h"

/* What resp_reply_skip returns for bytes that no reply can begin with. */
#define RESP_REPLY_BROKEN SIZE_MAX

/* Length of the first complete reply in `data`, with everything nested in it; an attribute belongs to the reply
 * it stands before. 0 when the reply is incomplete, RESP_REPLY_BROKEN when the bytes are not a reply. Streamed
 * RESP3 aggregates and strings ("$?", "*?") count as broken: no server of this family sends them. O(bytes), no
 * recursion. */
size_t resp_reply_skip(struct bytes data) ATTR_PURE;

/* True if the reply at the front of `data` is an error ('-' or '!'). */
static inline bool resp_reply_is_error(struct bytes data) {
    return data.len != 0 && (data.ptr[0] == '-' || data.ptr[0] == '!');
}
