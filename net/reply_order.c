/* reply_order.c: the ring of reply slots.
 *
 * Invariants:
 *   I1  head <= next, next - head <= cap; slot n lives at ring[n & (cap - 1)].
 *   I2  the slot `head`, if any, is not ready (unfilled, or with open promises): ready ones leave at once.
 *   I3  stored_bytes is the sum of the texts' lengths, for the output-buffer limit.
 *   I4  at most one of small_len and large->len is not 0.
 *
 * A text that arrives for the head slot is appended to the output without a stop in the slot; only early replies are
 * copied twice. */
#include "net/reply_order.h"

#include "core/base/mem.h"

enum { REPLY_ORDER_FIRST_CAP = 16, REPLY_ORDER_KEEP_BYTES = 1024 };

void reply_order_init(struct reply_order *ro) {
    *ro = (struct reply_order){0};
}

void reply_order_deinit(struct reply_order *ro) {
    for (uint32_t i = 0; i < ro->cap; i++) {
        if (ro->ring[i].large) {
            buf_deinit(ro->ring[i].large);
            mem_free(ro->ring[i].large);
        }
    }
    mem_free(ro->ring);
    reply_order_init(ro);
}

void reply_order_trim(struct reply_order *ro) {
    must(reply_order_is_idle(ro));
    uint64_t next = ro->next;
    reply_order_deinit(ro);
    ro->head = ro->next = next;
}

static struct reply_slot *reply_order_slot(struct reply_order *ro, uint64_t number) {
    dcheck(number >= ro->head && number < ro->next); /* I1 */
    return &ro->ring[number & (ro->cap - 1)];
}

static void reply_order_grow(struct reply_order *ro) {
    uint32_t cap = ro->cap ? ro->cap * 2 : REPLY_ORDER_FIRST_CAP;
    struct reply_slot *ring = mem_zalloc(cap * sizeof *ring);
    must(ro->next - ro->head == ro->cap); /* every old slot is live, so every block moves along */
    for (uint64_t n = ro->head; n < ro->next; n++)
        ring[n & (cap - 1)] = ro->ring[n & (ro->cap - 1)];
    mem_free(ro->ring);
    ro->ring = ring;
    ro->cap = cap;
}

uint64_t reply_order_open(struct reply_order *ro, bool is_muted) {
    if (ro->next - ro->head == ro->cap)
        reply_order_grow(ro);
    uint64_t number = ro->next++;
    struct reply_slot *slot = reply_order_slot(ro, number);
    slot->open_promises = 0;
    slot->is_filled = false;
    slot->is_muted = is_muted;
    dcheck(slot->small_len == 0 && (slot->large == NULL || slot->large->len == 0));
    return number;
}

static void reply_slot_store(struct reply_slot *slot, struct bytes text) {
    if (text.len == 0)
        return;
    if (LIKELY(text.len <= REPLY_SLOT_SMALL)) { /* I4 */
        memcpy(slot->small, text.ptr, text.len);
        slot->small_len = (uint8_t)text.len;
        return;
    }
    if (slot->large == NULL)
        slot->large = mem_zalloc(sizeof *slot->large);
    buf_put_bytes(slot->large, text);
}

/* Moves the slot's text to `out`; returns its length. */
static size_t reply_slot_move(struct reply_slot *slot, struct buf *out) {
    size_t len = slot->small_len;
    if (LIKELY(len != 0)) {
        buf_put(out, slot->small, len);
        slot->small_len = 0;
    } else if (slot->large != NULL && slot->large->len != 0) {
        len = slot->large->len;
        buf_put_bytes(out, buf_bytes(slot->large));
        buf_clear(slot->large, REPLY_ORDER_KEEP_BYTES);
    }
    return len;
}

/* Moves every ready slot at the front to the output (I2). */
static bool reply_order_release(struct reply_order *ro, struct buf *out) {
    bool grew = false;
    while (ro->head != ro->next) {
        struct reply_slot *slot = reply_order_slot(ro, ro->head);
        if (!slot->is_filled || slot->open_promises != 0)
            break;
        size_t len = reply_slot_move(slot, out);
        ro->stored_bytes -= len;
        grew |= len != 0;
        ro->head++;
    }
    return grew;
}

bool reply_order_fill(struct reply_order *ro, uint64_t number, struct bytes reply, uint32_t promises,
                      struct buf *out) {
    struct reply_slot *slot = reply_order_slot(ro, number);
    must(!slot->is_filled);
    slot->is_filled = true;
    slot->open_promises = promises;
    if (slot->is_muted)
        reply.len = 0;
    if (number == ro->head && promises == 0) {
        buf_put_bytes(out, reply);
        ro->head++;
        bool grew = reply_order_release(ro, out);
        return grew || reply.len != 0;
    }
    reply_slot_store(slot, reply);
    ro->stored_bytes += reply.len;
    return false;
}

bool reply_order_settle(struct reply_order *ro, uint64_t number, struct buf *out) {
    struct reply_slot *slot = reply_order_slot(ro, number);
    must(slot->open_promises > 0);
    slot->open_promises--;
    return number == ro->head && reply_order_release(ro, out);
}
