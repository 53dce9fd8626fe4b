/* log_ack_test.c: what shards acknowledge is never more than what brute force finds safe, and in the end it is all. */
#include "shards/log_ack.h"

#include "core/base/rng.h"

#include <criterion/criterion.h>

enum { SHARDS = 4, TXNS = 24, FRAMES = 80 };

/* What stands in a shard's log: 0 for a plain frame, else the number of a transaction. */
struct model_log {
    unsigned frames[FRAMES];
    unsigned count;
    uint64_t durable;
    struct log_ack ack;
    uint64_t limit; /* highest seen */
};

struct model_message {
    unsigned from, to;
    uint64_t count;
};

struct model {
    struct rng rng;
    unsigned shard_count;
    struct model_log logs[SHARDS];
    struct shard_set participants[TXNS + 1];
    struct model_message messages[1000]; /* under way */
    unsigned message_count;
};

static void model_tell(struct model *m, unsigned k) {
    struct model_log *log = &m->logs[k];
    struct shard_set news = log_ack_news(&log->ack);
    for (unsigned q = shard_set_next(&news, 0); q < SHARDS_MAX; q = shard_set_next(&news, q + 1)) {
        cr_assert_neq(q, k);
        cr_assert_lt(m->message_count, COUNT_OF(m->messages));
        m->messages[m->message_count++] = (struct model_message){k, q, log->ack.told[q]};
    }
}

/* How much of each log survives if power fails now and what is not durable is lost: the greatest consistent cut. */
static void model_cut(const struct model *m, uint64_t *kept) {
    for (unsigned k = 0; k < m->shard_count; k++)
        kept[k] = m->logs[k].durable;
    for (bool has_changed = true; has_changed;) {
        has_changed = false;
        for (unsigned k = 0; k < m->shard_count; k++)
            for (unsigned i = 0; i < kept[k]; i++)
                for (unsigned q = 0; q < m->shard_count; q++) {
                    unsigned txn = m->logs[k].frames[i];
                    if (txn == 0 || !shard_set_has(&m->participants[txn], q))
                        continue;
                    bool has = false;
                    for (unsigned j = 0; j < kept[q]; j++)
                        has |= m->logs[q].frames[j] == txn;
                    if (!has) {
                        kept[k] = i;
                        has_changed = true;
                    }
                }
    }
}

static void model_check(struct model *m) {
    uint64_t kept[SHARDS];
    model_cut(m, kept);
    for (unsigned k = 0; k < m->shard_count; k++) {
        uint64_t limit = log_ack_limit(&m->logs[k].ack);
        cr_assert(limit >= m->logs[k].limit, "what may be acknowledged only rises");
        cr_assert(limit <= kept[k], "shard %u acknowledges frame %zu, but only %zu would survive", k,
                  (size_t)limit, (size_t)kept[k]);
        m->logs[k].limit = limit;
    }
}

/* Deals transactions and plain frames to the logs, in one order for all. */
static void model_deal(struct model *m) {
    for (unsigned txn = 1; txn <= TXNS; txn++) {
        uint64_t who = 1 + rng_below(&m->rng, (1u << m->shard_count) - 1);
        m->participants[txn].words[0] = who;
        for (unsigned k = 0; k < m->shard_count; k++) {
            struct model_log *log = &m->logs[k];
            if (rng_below(&m->rng, 2))
                log->frames[log->count++] = 0;
            if (who >> k & 1)
                log->frames[log->count++] = txn;
        }
    }
}

/* One random thing: a log grows, gets durable, or a message arrives. Messages of one pair keep their order. */
static void model_step(struct model *m, unsigned *appended) {
    unsigned k = (unsigned)rng_below(&m->rng, m->shard_count);
    struct model_log *log = &m->logs[k];
    switch (rng_below(&m->rng, 3)) {
    case 0:
        if (appended[k] < log->count) {
            unsigned txn = log->frames[appended[k]++];
            if (txn)
                log_ack_add(&log->ack, appended[k], &m->participants[txn]);
        }
        break;
    case 1:
        log->durable += rng_below(&m->rng, appended[k] - log->durable + 1);
        log_ack_note_durable(&log->ack, log->durable);
        model_tell(m, k);
        break;
    default:
        if (m->message_count > 0) {
            struct model_message message = m->messages[0];
            memmove(m->messages, m->messages + 1, --m->message_count * sizeof *m->messages);
            log_ack_note_heard(&m->logs[message.to].ack, message.from, message.count);
            model_tell(m, message.to);
        }
    }
}

static bool model_is_over(const struct model *m) {
    for (unsigned k = 0; k < m->shard_count; k++)
        if (log_ack_limit(&m->logs[k].ack) < m->logs[k].count)
            return false;
    return true;
}

Test(log_ack, acknowledges_only_what_survives_and_in_the_end_everything, .timeout = 120) {
    for (uint64_t seed = 1; seed <= 500; seed++) {
        struct model m = {0};
        unsigned appended[SHARDS] = {0};
        unsigned steps = 0;
        rng_init(&m.rng, seed);
        m.shard_count = 1 + (unsigned)rng_below(&m.rng, SHARDS);
        for (unsigned k = 0; k < m.shard_count; k++)
            log_ack_init(&m.logs[k].ack, k, m.shard_count);
        model_deal(&m);
        while (!model_is_over(&m)) {
            cr_assert_lt(steps++, 100000, "seed %zu: somebody waits for ever", (size_t)seed);
            model_step(&m, appended);
            model_check(&m);
        }
        for (unsigned k = 0; k < m.shard_count; k++)
            log_ack_deinit(&m.logs[k].ack);
    }
}

Test(log_ack, a_log_without_parts_may_acknowledge_what_is_durable) {
    struct log_ack ack;
    log_ack_init(&ack, 1, 3);
    log_ack_note_durable(&ack, 17);
    cr_assert_eq(log_ack_limit(&ack), 17);
    struct shard_set news = log_ack_news(&ack);
    cr_assert(shard_set_is_empty(&news));
    log_ack_deinit(&ack);
}

Test(log_ack, many_common_parts_need_one_message) {
    struct log_ack ack;
    struct shard_set both = {{3}};
    log_ack_init(&ack, 0, 2);
    for (uint64_t seq = 1; seq <= 100; seq++)
        log_ack_add(&ack, seq, &both);
    log_ack_note_durable(&ack, 100);
    struct shard_set news = log_ack_news(&ack);
    cr_assert(shard_set_has(&news, 1) && ack.told[1] == 100);
    cr_assert_eq(log_ack_limit(&ack), 0);
    log_ack_note_heard(&ack, 1, 60);
    cr_assert_eq(log_ack_limit(&ack), 60);
    log_ack_note_heard(&ack, 1, 100);
    cr_assert_eq(log_ack_limit(&ack), 100);
    news = log_ack_news(&ack);
    cr_assert(shard_set_is_empty(&news));
    log_ack_deinit(&ack);
}
