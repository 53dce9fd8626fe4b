/* log_ack.c: resolving parts in the order of the log.
 *
 *   I1  the ring holds the parts not resolved, in the order of the log; resolved[q] counts the resolved ones common with q.
 *       So the first part's ordinal among those common with q is resolved[q] + 1.
 *   I2  we tell q that a common part is ready when it is durable here and every unresolved part in front of it has q as a
 *       participant too: then q has all of those in front of it as well, and resolves them first.
 *   I3  the first part is resolved when it is durable and every other participant has told its ordinal.
 *
 * Why I3 suffices: a resolved part is durable everywhere, and what stands in front of it at participant q was resolved by
 * somebody (q itself, or us, by I2). By induction over the order of arrival, nothing unresolved stands in front of it
 * anywhere, so no cut that recovery can compute drops it.
 * Why nobody waits for ever: the order of arrival has no cycles (order_lock.h: flushes that share an inbox hold its lock
 * one after the other). Take the first unresolved part in that order: in front of it everything is resolved, so each
 * participant tells it as soon as it is durable.
 *
 * Telling only about resolved predecessors would be right too, but a hundred MSETs in one fsync would need a hundred
 * messages one after the other; by I2 two shards need one. */
#include "shards/log_ack.h"

#include "core/base/mem.h"
#include "shards/planted.h"

void log_ack_init(struct log_ack *ack, unsigned self, unsigned shard_count) {
    *ack = (struct log_ack){.self = self, .shard_count = shard_count};
    ack->resolved = mem_zalloc(shard_count * sizeof *ack->resolved);
    ack->heard = mem_zalloc(shard_count * sizeof *ack->heard);
    ack->told = mem_zalloc(shard_count * sizeof *ack->told);
}

void log_ack_deinit(struct log_ack *ack) {
    mem_free(ack->ring);
    mem_free(ack->resolved);
    mem_free(ack->heard);
    mem_free(ack->told);
    *ack = (struct log_ack){0};
}

static struct log_ack_part *log_ack_at(const struct log_ack *ack, uint64_t i) {
    return &ack->ring[i & (ack->cap - 1)];
}

void log_ack_add(struct log_ack *ack, uint64_t seq, const struct shard_set *participants) {
    dcheck(shard_set_has(participants, ack->self));
    dcheck(ack->head == ack->tail || log_ack_at(ack, ack->tail - 1)->seq < seq);
    if (ack->tail - ack->head == ack->cap) {
        uint32_t cap = ack->cap ? ack->cap * 2 : 16;
        struct log_ack_part *ring = mem_alloc(cap * sizeof *ring);
        for (uint64_t i = ack->head; i < ack->tail; i++)
            ring[i & (cap - 1)] = *log_ack_at(ack, i);
        mem_free(ack->ring);
        ack->ring = ring;
        ack->cap = cap;
    }
    *log_ack_at(ack, ack->tail++) = (struct log_ack_part){seq, *participants};
}

/* Is the first part resolved (I3)? */
static bool log_ack_first_is_resolved(const struct log_ack *ack) {
    const struct log_ack_part *part = log_ack_at(ack, ack->head);
    if (part->seq > ack->durable)
        return false;
    if (PLANTED(NO_PART_WAIT))
        return true;
    for (unsigned q = shard_set_next(&part->participants, 0); q < ack->shard_count;
         q = shard_set_next(&part->participants, q + 1))
        if (q != ack->self && ack->heard[q] <= ack->resolved[q]) /* I1 */
            return false;
    return true;
}

static void log_ack_resolve(struct log_ack *ack) {
    while (ack->head != ack->tail && log_ack_first_is_resolved(ack)) {
        const struct log_ack_part *part = log_ack_at(ack, ack->head++);
        for (unsigned q = shard_set_next(&part->participants, 0); q < ack->shard_count;
             q = shard_set_next(&part->participants, q + 1))
            ack->resolved[q]++;
    }
}

void log_ack_note_durable(struct log_ack *ack, uint64_t seq) {
    if (seq > ack->durable)
        ack->durable = seq;
    log_ack_resolve(ack);
}

void log_ack_note_heard(struct log_ack *ack, unsigned from, uint64_t count) {
    must(from < ack->shard_count && from != ack->self);
    if (count > ack->heard[from])
        ack->heard[from] = count;
    log_ack_resolve(ack);
}

uint64_t log_ack_limit(const struct log_ack *ack) {
    if (ack->head == ack->tail)
        return ack->durable;
    uint64_t before = log_ack_at(ack, ack->head)->seq - 1;
    return before < ack->durable ? before : ack->durable;
}

struct shard_set log_ack_news(struct log_ack *ack) {
    struct shard_set news = {{0}};
    struct shard_set open = {{0}}; /* shards that no part so far keeps us from telling more (I2) */
    uint64_t ready[SHARDS_MAX];
    for (unsigned q = 0; q < ack->shard_count; q++) {
        ready[q] = ack->resolved[q];
        shard_set_add(&open, q);
    }
    shard_set_remove(&open, ack->self);
    for (uint64_t i = ack->head; i < ack->tail; i++) {
        const struct log_ack_part *part = log_ack_at(ack, i);
        for (unsigned w = 0; w < SHARD_SET_WORDS; w++)
            open.words[w] &= part->participants.words[w];
        if (part->seq > ack->durable || shard_set_is_empty(&open))
            break;
        for (unsigned q = shard_set_next(&open, 0); q < ack->shard_count; q = shard_set_next(&open, q + 1))
            ready[q]++;
    }
    for (unsigned q = 0; q < ack->shard_count; q++) {
        if (q == ack->self || ready[q] <= ack->told[q])
            continue;
        ack->told[q] = ready[q];
        shard_set_add(&news, q);
    }
    return news;
}
