/* fanout_clock.c: the trailer of a part's reply. Nearly always it is empty: 12 bytes. */
#include "shards/fanout_clock.h"

enum { CLOCK_TRAILER_BYTES = sizeof(int64_t) + sizeof(uint32_t) };

void fanout_clock_close(struct exec_part *part, int64_t now_ms, struct buf *reply) {
    uint32_t count = (uint32_t)(part->soon.len / sizeof(struct exec_soon));
    buf_put_bytes(reply, buf_bytes(&part->soon));
    buf_put(reply, (const char *)&count, sizeof count);
    buf_put(reply, (const char *)&now_ms, sizeof now_ms);
    buf_deinit(&part->soon);
}

struct bytes fanout_clock_split(struct bytes reply, struct fanout_clock *clock) {
    must(reply.len >= CLOCK_TRAILER_BYTES);
    const char *tail = reply.ptr + reply.len - CLOCK_TRAILER_BYTES;
    memcpy(&clock->soon_count, tail, sizeof clock->soon_count);
    memcpy(&clock->now_ms, tail + sizeof clock->soon_count, sizeof clock->now_ms);
    size_t soon_bytes = clock->soon_count * sizeof(struct exec_soon);
    must(reply.len >= CLOCK_TRAILER_BYTES + soon_bytes);
    clock->soon = tail - soon_bytes;
    return bytes_of(reply.ptr, reply.len - CLOCK_TRAILER_BYTES - soon_bytes);
}

static struct exec_soon clock_soon(const struct fanout_clock *clock, uint32_t i) {
    struct exec_soon soon;
    memcpy(&soon, clock->soon + i * sizeof soon, sizeof soon);
    return soon;
}

bool fanout_clock_is_gone(const struct fanout_clock *clock, uint32_t nth, int64_t now_ms) {
    uint32_t from = 0; /* entries are in ascending order of nth */
    uint32_t to = clock->soon_count;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        struct exec_soon soon = clock_soon(clock, middle);
        if (soon.nth == nth)
            return soon.expire_ms <= now_ms;
        if (soon.nth < nth)
            from = middle + 1;
        else
            to = middle;
    }
    return false;
}

uint32_t fanout_clock_gone_count(const struct fanout_clock *clock, int64_t now_ms) {
    uint32_t gone = 0;
    for (uint32_t i = 0; i < clock->soon_count; i++)
        gone += clock_soon(clock, i).expire_ms <= now_ms;
    return gone;
}
