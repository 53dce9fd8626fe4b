/* outbox.c: one arena, one send per connection and turn, and the rule for short sends.
 *
 * Sends carry MSG_DONTWAIT and CQE_SKIP_SUCCESS: a complete one is over when io_uring_enter returns and leaves no
 * event, so that the arena is free again.
 *   I1. A connection has at most one send in a submission. Two would be reordered when the first is short.
 *   I2. After an enter, and before the arena is written again, every new event is looked at; a short send's
 *       remainder is copied to `rest` then. The owner may still have older events to take: looking ahead does
 *       not take anything.
 *   I3. While `rest` is in flight it does not move, and later bytes go to `queued`, never to the arena.
 *   I4. The last conn that reserved lies at the end of the arena; another one that comes back in the same turn is
 *       moved there first. That is rare: a turn's events of one connection usually follow each other. */
#include "bench/wire/outbox.h"

#include "core/base/attr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

static const size_t arena_bytes = (size_t)1 << 32; /* address space only; pages come with use */

void outbox_init(struct outbox *o, void *owner, struct out_conn *(*conn_find)(void *, uint32_t, uint32_t)) {
    *o = (struct outbox){.owner = owner, .conn_find = conn_find};
    o->arena =
        mmap(NULL, arena_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (o->arena == MAP_FAILED)
        ring_die("mmap", errno);
}

void outbox_deinit(struct outbox *o) {
    munmap(o->arena, arena_bytes);
    free(o->dirty);
}

static void dirty_push(struct outbox *o, struct out_conn *c) {
    if (o->dirty_count == o->dirty_cap) {
        o->dirty_cap = o->dirty_cap ? o->dirty_cap * 2 : 256;
        o->dirty = realloc(o->dirty, o->dirty_cap * sizeof(struct out_conn *));
        must(o->dirty != NULL);
    }
    o->dirty[o->dirty_count++] = c;
    c->is_dirty = true;
}

char *outbox_reserve(struct outbox *o, struct out_conn *c, size_t bytes) {
    if (!c->is_dirty) {
        dirty_push(o, c);
        c->start = o->used;
        c->len = 0;
    } else if (c->start + c->len != o->used) { /* I4 */
        must(o->used + c->len <= arena_bytes);
        memcpy(o->arena + o->used, o->arena + c->start, c->len);
        c->start = o->used;
        o->used += c->len;
    }
    must(o->used + bytes <= arena_bytes);
    return o->arena + o->used;
}

void outbox_commit(struct outbox *o, struct out_conn *c, size_t bytes) {
    c->len += bytes;
    o->used += bytes;
}

static void append(char **text, size_t *len, const char *more, size_t more_len) {
    char *grown = realloc(*text, *len + more_len);
    must(grown != NULL);
    memcpy(grown + *len, more, more_len);
    *text = grown;
    *len += more_len;
}

static void rest_send(struct ring *r, struct out_conn *c) {
    struct io_uring_sqe *sqe =
        ring_sqe(r, (struct ring_token){.op = RING_SEND_REST, .gen = c->gen, .id = c->id});
    sqe->opcode = IORING_OP_SEND;
    sqe->fd = c->fd;
    sqe->addr = (uint64_t)(uintptr_t)c->rest;
    sqe->len = (uint32_t)c->rest_len;
    sqe->msg_flags = MSG_WAITALL | MSG_NOSIGNAL;
}

void outbox_flush(struct outbox *o, struct ring *r) {
    for (size_t i = 0; i < o->dirty_count; i++) {
        struct out_conn *c = o->dirty[i];
        if (c == NULL)
            continue;
        c->is_dirty = false;
        if (c->len == 0 || c->is_failed)
            continue;
        if (c->rest != NULL) { /* I3 */
            append(&c->queued, &c->queued_len, o->arena + c->start, c->len);
            continue;
        }
        struct io_uring_sqe *sqe =
            ring_sqe(r, (struct ring_token){.op = RING_SEND, .gen = c->gen, .id = c->id});
        sqe->opcode = IORING_OP_SEND;
        sqe->fd = c->fd;
        sqe->addr = (uint64_t)(uintptr_t)(o->arena + c->start);
        sqe->len = (uint32_t)c->len;
        sqe->msg_flags = MSG_DONTWAIT | MSG_WAITALL | MSG_NOSIGNAL;
        sqe->flags = IOSQE_CQE_SKIP_SUCCESS; /* I1 */
    }
    o->dirty_count = 0;
}

static void rescue(struct outbox *o, struct ring *r, struct out_conn *c, int32_t res) {
    if (res < 0 && res != -EAGAIN) {
        c->is_failed = true;
        return;
    }
    size_t sent = res < 0 ? 0 : (size_t)res;
    must(sent < c->len && c->rest == NULL);
    append(&c->rest, &c->rest_len, o->arena + c->start + sent, c->len - sent);
    rest_send(r, c);
}

void outbox_settle(struct outbox *o, struct ring *r) {
    must(!io_uring_cq_has_overflow(
        &r->uring)); /* I2: an event in the kernel's overflow list would be missed */
    uint32_t tail = ring_tail(r);
    for (; o->seen_tail != tail; o->seen_tail++) {
        struct ring_event event = ring_at(r, o->seen_tail);
        if (event.token.op != RING_SEND)
            continue;
        struct out_conn *c = o->conn_find(o->owner, event.token.gen, event.token.id);
        if (c != NULL)
            rescue(o, r, c, event.res);
    }
    o->used = 0;
}

void outbox_rest_sent(struct outbox *o, struct ring *r, struct out_conn *c, int32_t res) {
    (void)o;
    if (res < 0 || (size_t)res < c->rest_len) {
        c->is_failed = true;
        return;
    }
    free(c->rest);
    c->rest = c->queued;
    c->rest_len = c->queued_len;
    c->queued = NULL;
    c->queued_len = 0;
    if (c->rest != NULL)
        rest_send(r, c);
}

void outbox_conn_deinit(struct outbox *o, struct out_conn *c) {
    for (size_t i = 0; c->is_dirty && i < o->dirty_count; i++)
        if (o->dirty[i] == c)
            o->dirty[i] = NULL;
    free(c->queued);
    /* The kernel may still be reading `rest`: it is left to the end of the program. Connections that die with a
     * send in flight are rare in a benchmark. */
    c->rest = c->queued = NULL;
    c->rest_len = c->queued_len = 0;
    c->is_dirty = false;
}
