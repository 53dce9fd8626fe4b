/* outbox.h: the bytes that a turn sends, at most one send per connection.
 *
 * Bytes for all connections of a turn are written into one arena that is reused from its start in the next turn,
 * and so stays in the processor's cache. A send that the socket takes whole makes no event. One that it takes in
 * part is rescued: the remainder is copied aside and sent again before anything that follows on that connection.
 *
 * A turn: outbox_reserve / outbox_commit as often as needed, outbox_flush, ring_enter, outbox_settle. The
 * owner passes RING_SEND_REST events to outbox_rest_sent and ignores RING_SEND events: settle has seen them. */
#pragma once

#include "bench/wire/ring.h"

enum {
    OUTBOX_SOFT_BYTES = 512 << 10, /* a turn that has this much to send should end */
};

/* A connection's sending side. Zero-initialise, then set fd, gen and id. */
struct out_conn {
    int fd;
    uint32_t gen;
    uint32_t id;
    bool is_dirty;  /* has bytes in the arena in this turn */
    bool is_failed; /* a send failed: the connection is to be closed */
    size_t start;   /* of its bytes in the arena */
    size_t len;
    char *rest; /* in flight, to be sent completely */
    size_t rest_len;
    char *queued; /* follows `rest` */
    size_t queued_len;
};

struct outbox {
    char *arena;
    size_t used;
    uint32_t seen_tail; /* events up to here have been looked at for short sends */
    struct out_conn **dirty;
    size_t dirty_count;
    size_t dirty_cap;
    struct out_conn *(*conn_find)(void *owner, uint32_t gen, uint32_t id); /* NULL when it is gone */
    void *owner;
};

void outbox_init(struct outbox *o, void *owner, struct out_conn *(*conn_find)(void *, uint32_t, uint32_t));
void outbox_deinit(struct outbox *o);

/* Gives room for `bytes` more bytes of `c`, behind those it has in this turn. Valid until the next reserve. */
char *outbox_reserve(struct outbox *o, struct out_conn *c, size_t bytes);
void outbox_commit(struct outbox *o, struct out_conn *c, size_t bytes);

static inline bool outbox_is_full(const struct outbox *o) {
    return o->used >= OUTBOX_SOFT_BYTES;
}

/* Prepares the turn's sends. */
void outbox_flush(struct outbox *o, struct ring *r);

/* After ring_enter: rescues short sends, then empties the arena. */
void outbox_settle(struct outbox *o, struct ring *r);

/* A RING_SEND_REST event of `c` with result `res`. */
void outbox_rest_sent(struct outbox *o, struct ring *r, struct out_conn *c, int32_t res);

/* Forgets what `c` still had to send; the caller closes its descriptor. */
void outbox_conn_deinit(struct outbox *o, struct out_conn *c);
