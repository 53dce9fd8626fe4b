/* evict.c: sampling with a memory.
 *
 * The problem: the least recently used of millions of keys, without a list that costs 16 bytes per key and a write to
 * two neighbours per access. Comparing five random keys finds one that is among the oldest fifth; remembering
 * the best candidates of earlier samples brings that close to the true order, because what was nearly chosen last time is
 * compared again with fresh samples.
 *
 * I1  The pool is ascending by score and holds each hash once.
 * I2  The pool holds hashes, not entries: an entry may have gone, moved, or been used since. A candidate is looked up
 *     and its score computed again before it is given up; if it has become younger it is dropped from the pool.
 *
 * Scores: the higher the better a victim. Idle seconds for lru and lrm, 255 - counter for lfu, the nearer expiry for
 * ttl. Two keys with the same hash are told apart by neither pool nor lookup: whichever is found first is given up, which is
 * as good a victim. Random policies use no pool. */
#include "core/keyspace/evict.h"

#include "core/keyspace/keyspace_internal.h"

#define EVICT_CLOCK_MASK  0xffffffu
#define EVICT_MINUTE_MASK 0xffffu

enum { EVICT_TRIES_MAX = 8 /* rounds of sampling until nothing is said to be there */ };

static const char *const policy_names[EVICT_POLICY_COUNT] = {
    [EVICT_NOEVICTION] = "noeviction",           [EVICT_ALLKEYS_LRU] = "allkeys-lru",
    [EVICT_ALLKEYS_LFU] = "allkeys-lfu",         [EVICT_ALLKEYS_LRM] = "allkeys-lrm",
    [EVICT_ALLKEYS_RANDOM] = "allkeys-random",   [EVICT_VOLATILE_LRU] = "volatile-lru",
    [EVICT_VOLATILE_LFU] = "volatile-lfu",       [EVICT_VOLATILE_LRM] = "volatile-lrm",
    [EVICT_VOLATILE_RANDOM] = "volatile-random", [EVICT_VOLATILE_TTL] = "volatile-ttl",
};

const char *evict_policy_name(enum evict_policy policy) {
    must(policy < EVICT_POLICY_COUNT);
    return policy_names[policy];
}

bool evict_policy_parse(struct bytes word, enum evict_policy *policy_out) {
    for (uint32_t i = 0; i < EVICT_POLICY_COUNT; i++) {
        if (bytes_is_word(word, policy_names[i])) {
            *policy_out = (enum evict_policy)i;
            return true;
        }
    }
    return false;
}

static uint32_t clock_seconds(int64_t now_ms) {
    return (uint32_t)(now_ms / 1000) & EVICT_CLOCK_MASK;
}

static uint32_t clock_minutes(int64_t now_ms) {
    return (uint32_t)(now_ms / 60000) & EVICT_MINUTE_MASK;
}

uint32_t evict_from_idle(int64_t idle_ms, int64_t now_ms) {
    return clock_seconds(now_ms > idle_ms ? now_ms - idle_ms : 0);
}

uint32_t evict_from_frequency(uint8_t frequency, int64_t now_ms) {
    return clock_minutes(now_ms) << 8 | frequency;
}

uint32_t evict_fresh(const struct evict_rules *rules) {
    if (evict_policy_is_lfu(rules->policy))
        return evict_from_frequency(EVICT_LFU_START, rules->now_ms);
    return clock_seconds(rules->now_ms);
}

int64_t evict_idle_ms(const struct entry *e, int64_t now_ms) {
    return (int64_t)((clock_seconds(now_ms) - entry_lru(e)) & EVICT_CLOCK_MASK) * 1000;
}

uint8_t evict_frequency(const struct entry *e, const struct evict_rules *rules) {
    uint32_t lru = entry_lru(e);
    uint32_t counter = lru & 0xff;
    if (rules->lfu_decay_min == 0)
        return (uint8_t)counter;
    uint32_t periods =
        ((clock_minutes(rules->now_ms) - (lru >> 8)) & EVICT_MINUTE_MASK) / rules->lfu_decay_min;
    return (uint8_t)(periods < counter ? counter - periods : 0);
}

/* Raises the counter with a probability that falls with its height, so that 8 bits tell millions from thousands. */
static uint8_t frequency_raised(uint8_t counter, const struct evict_rules *rules, struct rng *rng) {
    if (counter == UINT8_MAX)
        return counter;
    uint64_t height = counter > EVICT_LFU_START ? counter - (uint64_t)EVICT_LFU_START : 0;
    return (uint8_t)(counter + (rng_below(rng, height * rules->lfu_log_factor + 1) == 0));
}

static void touch(struct entry *e, const struct evict_rules *rules, struct rng *rng) {
    if (evict_policy_is_lfu(rules->policy)) {
        uint8_t counter = frequency_raised(evict_frequency(e, rules), rules, rng);
        entry_set_lru(e, evict_from_frequency(counter, rules->now_ms));
        return;
    }
    uint32_t now = clock_seconds(rules->now_ms);
    if (entry_lru(e) != now) /* a line that is only read stays clean */
        entry_set_lru(e, now);
}

void evict_touch_read(struct entry *e, const struct evict_rules *rules, struct rng *rng) {
    if (!evict_policy_is_lrm(rules->policy))
        touch(e, rules, rng);
}

void evict_touch_write(struct entry *e, const struct evict_rules *rules, struct rng *rng) {
    touch(e, rules, rng);
}

static uint64_t score_of(const struct entry *e, const struct evict_rules *rules) {
    if (rules->policy == EVICT_VOLATILE_TTL)
        return UINT64_MAX - (uint64_t)entry_expire_ms(e);
    if (evict_policy_is_lfu(rules->policy))
        return UINT8_MAX - (uint64_t)evict_frequency(e, rules);
    return (uint64_t)evict_idle_ms(e, rules->now_ms) / 1000;
}

static void pool_remove(struct evict_pool *pool, uint32_t at) {
    memmove(&pool->best[at], &pool->best[at + 1], (pool->count - at - 1) * sizeof(pool->best[0]));
    pool->count--;
}

/* Remembers a candidate if it is better than one that is there, or if there is room. */
static void pool_add(struct evict_pool *pool, uint64_t hash, uint64_t score) {
    for (uint32_t i = 0; i < pool->count; i++) {
        if (pool->best[i].hash == hash) {
            pool_remove(pool, i); /* I1 */
            break;
        }
    }
    uint32_t at = pool->count;
    while (at > 0 && pool->best[at - 1].score > score)
        at--;
    if (pool->count == EVICT_POOL_MAX) {
        if (at == 0)
            return;
        pool_remove(pool, 0);
        at--;
    }
    memmove(&pool->best[at + 1], &pool->best[at], (pool->count - at) * sizeof(pool->best[0]));
    pool->best[at] = (struct evict_candidate){hash, score};
    pool->count++;
}

static struct entry *sample_one(const struct keyspace *ks, const struct evict_rules *rules, struct rng *rng) {
    return evict_policy_is_volatile(rules->policy) ? keyspace_random_expiring(ks, rng)
                                                   : keyspace_random(ks, rng);
}

static struct evict_victim victim_of(const struct keyspace *ks, struct entry *e,
                                     const struct evict_rules *rules) {
    if (!e)
        return (struct evict_victim){NULL, 0, 0};
    return (struct evict_victim){e, keyspace_hash(ks, entry_key(e)), score_of(e, rules)};
}

/* The best candidate that is still what it was; worse ones stay for the next time. */
static struct evict_victim pool_take(const struct keyspace *ks, struct evict_pool *pool,
                                     const struct evict_rules *rules) {
    while (pool->count > 0) {
        struct evict_candidate best = pool->best[--pool->count];
        struct entry *e = keyspace__find_hash(ks, best.hash);
        if (!e || (evict_policy_is_volatile(rules->policy) && !entry_has_expire(e)))
            continue;
        uint64_t score = score_of(e, rules);
        if (score >= best.score) /* I2 */
            return (struct evict_victim){e, best.hash, score};
    }
    return (struct evict_victim){NULL, 0, 0};
}

struct evict_victim evict_pick(struct keyspace *ks, struct evict_pool *pool, const struct evict_rules *rules,
                               struct rng *rng) {
    enum evict_policy policy = rules->policy;
    size_t eligible = evict_policy_is_volatile(policy) ? keyspace_expiring_count(ks) : keyspace_count(ks);
    if (policy == EVICT_NOEVICTION || eligible == 0)
        return (struct evict_victim){NULL, 0, 0};
    if (policy == EVICT_ALLKEYS_RANDOM || policy == EVICT_VOLATILE_RANDOM)
        return victim_of(ks, sample_one(ks, rules, rng), rules);

    if (pool->policy != policy) {
        pool->count = 0;
        pool->policy = policy;
    }
    for (uint32_t round = 0; round < EVICT_TRIES_MAX; round++) {
        for (uint32_t i = 0; i < rules->samples; i++) {
            struct entry *e = sample_one(ks, rules, rng);
            pool_add(pool, keyspace_hash(ks, entry_key(e)), score_of(e, rules));
        }
        struct evict_victim victim = pool_take(ks, pool, rules);
        if (victim.entry)
            return victim;
    }
    return victim_of(ks, sample_one(ks, rules, rng), rules);
}
