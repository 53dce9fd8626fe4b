/* reply_order.h: replies leave a connection in the order of its requests, whichever shard answers first.
 *
 * Every command takes a numbered slot when it is routed. A command that runs at once while nothing older is
 * outstanding writes straight into the connection's output and never has a slot (reply_order_is_idle). Otherwise its
 * reply is filled in later; when the oldest slot is ready, it and all ready ones behind it move to the output.
 *
 * A slot may also be *held*: its reply is known but must not leave before something is durable (appendfsync always).
 * reply_order_fill tells how many such promises are still open; each is settled by one reply_order_settle.
 *
 * Owner: the connection, on its own shard's thread. Memory: a ring of slots, grown to a power of two, at most the
 * connection's limit of commands in flight; a reply that comes early is copied into its slot. */
#pragma once

#include "core/base/buf.h"

enum { REPLY_SLOT_SMALL = 48 };

/* One cache line. */
struct reply_slot {
    uint32_t open_promises;
    bool is_filled;
    bool is_muted; /* CLIENT REPLY OFF or SKIP: drop the text */
    uint8_t small_len;
    char small[REPLY_SLOT_SMALL]; /* a short text; a long one is in `large` */
    struct buf *large;            /* NULL until the first long text */
};

_Static_assert(sizeof(struct reply_slot) <= 64, "a slot is a cache line");

struct reply_order {
    uint64_t head; /* oldest slot that has not left */
    uint64_t next; /* number of the next slot */
    struct reply_slot *ring;
    uint32_t cap; /* power of two, or 0 */
    size_t stored_bytes;
};

void reply_order_init(struct reply_order *ro);
void reply_order_deinit(struct reply_order *ro);

/* Frees the ring; nothing may be outstanding. */
void reply_order_trim(struct reply_order *ro);

/* True when nothing is outstanding: a reply may go straight to the output. */
static inline bool reply_order_is_idle(const struct reply_order *ro) {
    return ro->head == ro->next;
}

static inline uint64_t reply_order_outstanding(const struct reply_order *ro) {
    return ro->next - ro->head;
}

/* Takes the next slot and returns its number. */
uint64_t reply_order_open(struct reply_order *ro, bool is_muted);

/* Copies the reply of slot `number`, which may leave when `promises` settlements have come (0: at once), and moves what is
 * ready to `out`. Returns true when `out` grew. Each slot is filled exactly once. */
bool reply_order_fill(struct reply_order *ro, uint64_t number, struct bytes reply, uint32_t promises,
                      struct buf *out);

/* One promise of slot `number` is kept. Returns true when `out` grew. */
bool reply_order_settle(struct reply_order *ro, uint64_t number, struct buf *out);
