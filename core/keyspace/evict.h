/* evict.h: which entry to give up when memory is short, and the 24 bits per entry that decide it.
 *
 * Meaning of entry_lru under a policy:
 *   *-lru           seconds of the last access, modulo 2^24 (half a year)
 *   *-lrm           the same for the last modification
 *   *-lfu           bits 8..23: minutes of the last decay, modulo 2^16; bits 0..7: a logarithmic access counter
 *   others          seconds of the last access, so that OBJECT IDLETIME works
 *
 * Victims are found by sampling: a few random entries are compared, and the best candidates are remembered in a small
 * pool for the next time, which comes close to true LRU at no cost per key. The pool remembers keys by hash, never
 * by pointer. Thread: the shard's. */
#pragma once

#include "core/keyspace/keyspace.h"

enum evict_policy {
    EVICT_NOEVICTION,
    EVICT_ALLKEYS_LRU,
    EVICT_ALLKEYS_LFU,
    EVICT_ALLKEYS_LRM,
    EVICT_ALLKEYS_RANDOM,
    EVICT_VOLATILE_LRU,
    EVICT_VOLATILE_LFU,
    EVICT_VOLATILE_LRM,
    EVICT_VOLATILE_RANDOM,
    EVICT_VOLATILE_TTL,
    EVICT_POLICY_COUNT,
};

enum {
    EVICT_POOL_MAX = 16,
    EVICT_LFU_START = 5, /* counter of a new entry, so that it is not the first victim */
};

/* The settings and the clock; the owner refreshes `now_ms` once per turn. */
struct evict_rules {
    enum evict_policy policy;
    uint32_t samples;        /* maxmemory-samples */
    uint32_t lfu_log_factor; /* lfu-log-factor */
    uint32_t lfu_decay_min;  /* lfu-decay-time: minutes per point lost; 0 = never */
    int64_t now_ms;
};

/* The word of maxmemory-policy, and back; false if there is no such word. */
const char *evict_policy_name(enum evict_policy policy);
bool evict_policy_parse(struct bytes word, enum evict_policy *policy_out);

static inline bool evict_policy_is_lfu(enum evict_policy p) {
    return p == EVICT_ALLKEYS_LFU || p == EVICT_VOLATILE_LFU;
}

static inline bool evict_policy_is_lrm(enum evict_policy p) {
    return p == EVICT_ALLKEYS_LRM || p == EVICT_VOLATILE_LRM;
}

/* True for policies that give up expiring entries only. */
static inline bool evict_policy_is_volatile(enum evict_policy p) {
    return p >= EVICT_VOLATILE_LRU && p <= EVICT_VOLATILE_TTL;
}

/* The bits of a new entry. */
uint32_t evict_fresh(const struct evict_rules *rules);

/* Notes a read of the entry, or a write of it. */
void evict_touch_read(struct entry *e, const struct evict_rules *rules, struct rng *rng);
void evict_touch_write(struct entry *e, const struct evict_rules *rules, struct rng *rng);

/* OBJECT IDLETIME: milliseconds since the last noted access, whole seconds. Not under LFU. */
int64_t evict_idle_ms(const struct entry *e, int64_t now_ms);

/* OBJECT FREQ: the counter after decay. Under LFU only. */
uint8_t evict_frequency(const struct entry *e, const struct evict_rules *rules);

/* The bits for an entry loaded with a known idle time or frequency (RESTORE IDLETIME, FREQ; RDB). */
uint32_t evict_from_idle(int64_t idle_ms, int64_t now_ms);
uint32_t evict_from_frequency(uint8_t frequency, int64_t now_ms);

/* Candidates seen so far, one pool per table; all zero is empty. */
struct evict_candidate {
    uint64_t hash;
    uint64_t score; /* the higher the better a victim */
};

struct evict_pool {
    struct evict_candidate best[EVICT_POOL_MAX]; /* ascending by score */
    uint32_t count;
    enum evict_policy policy; /* the one that the scores were made under */
};

struct evict_victim {
    struct entry *entry; /* NULL: the policy allows none */
    uint64_t hash;
    uint64_t score; /* comparable between tables under one policy */
};

/* Points out the entry of `ks` to give up; removing it is the caller's business. */
struct evict_victim evict_pick(struct keyspace *ks, struct evict_pool *pool, const struct evict_rules *rules,
                               struct rng *rng);
