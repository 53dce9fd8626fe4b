/* rdb_samples.h: random values of each type, and the verification of whatever came out of a loader. */
#pragma once

#include "core/base/rng.h"
#include "core/rdb/rdb_value.h"
#include "core/value/digest.h"
#include "core/value/str.h"
#include "core/value/stream_group.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define SAMPLE_KEY BYTES_LIT("key")

struct sample_text {
    char room[400];
    struct bytes bytes;
};

/* A short text, often a number, sometimes repetitive. */
static inline struct bytes sample_text(struct rng *rng, struct sample_text *t) {
    size_t len = 0;
    switch (rng_below(rng, 6)) {
    case 0: len = num_from_int(t->room, (int64_t)(rng_next(rng) >> rng_below(rng, 64))); break;
    case 1: len = num_from_int(t->room, -(int64_t)(rng_next(rng) >> (1 + rng_below(rng, 63)))); break;
    case 2:
        len = rng_below(rng, sizeof t->room);
        memset(t->room, 'a' + (int)rng_below(rng, 26), len);
        break;
    default:
        len = rng_below(rng, 20);
        for (size_t i = 0; i < len; i++)
            t->room[i] = (char)rng_below(rng, 256);
        break;
    }
    t->bytes = bytes_of(t->room, len);
    return t->bytes;
}

static inline struct entry *sample_str(struct rng *rng) {
    struct sample_text t;
    return entry_new_str(SAMPLE_KEY, sample_text(rng, &t), ENTRY_NO_EXPIRE);
}

static inline void sample_stream_group(struct rng *rng, struct stream *s, int number) {
    char name[16];
    size_t len = (size_t)snprintf(name, sizeof name, "group%d", number);
    struct stream_id last = {rng_below(rng, 300), rng_below(rng, 5)};
    struct stream_group *g = stream_add_group(s, bytes_of(name, len), last, (int64_t)rng_below(rng, 4) - 1);
    struct stream_consumer *consumers[3] = {NULL, NULL, NULL}; /* [0]: released */
    for (int c = 1; c < 3; c++) {
        len = (size_t)snprintf(name, sizeof name, "c%d", c);
        consumers[c] = stream_add_consumer(s, g, bytes_of(name, len), (int64_t)rng_below(rng, 1000));
        consumers[c]->active_ms = rng_below(rng, 2) ? STREAM_NEVER_ACTIVE : (int64_t)rng_below(rng, 1000);
    }
    size_t count = rng_below(rng, 30);
    for (size_t i = 0; i < count; i++) {
        struct stream_consumer *c = consumers[rng_below(rng, 8) == 0 ? 0 : 1 + rng_below(rng, 2)];
        struct stream_id id = {rng_below(rng, 300), rng_below(rng, 3)};
        stream_pend(g, id, c, c == NULL ? STREAM_RELEASED_MS : (int64_t)rng_below(rng, 5000),
                    (int64_t)rng_below(rng, 9));
    }
}

static inline struct entry *sample_stream(struct rng *rng) {
    struct stream *s = stream_new();
    struct stream_node_limits limits = {.bytes = 4096, .entries = 1 + rng_below(rng, 20)};
    struct stream_id id = {0, 0};
    size_t count = rng_below(rng, 100);
    for (size_t i = 0; i < count; i++) {
        struct sample_text texts[6];
        struct bytes pairs[6];
        size_t pair_count = 1 + rng_below(rng, 3);
        for (size_t p = 0; p < 2 * pair_count; p++)
            pairs[p] = p % 2 == 0 && rng_below(rng, 4) ? BYTES_LIT("field") : sample_text(rng, &texts[p]);
        id.ms += rng_below(rng, 4);
        id.seq += 1 + rng_below(rng, 3);
        cr_assert_eq(stream_append(s, id, pairs, pair_count, limits), STREAM_APPENDED);
    }
    for (size_t i = 0; i < count / 4; i++)
        (void)stream_delete(s, (struct stream_id){rng_below(rng, id.ms + 1), rng_below(rng, id.seq + 1)});
    int groups = (int)rng_below(rng, 3);
    for (int g = 0; g < groups; g++)
        sample_stream_group(rng, s, g);
    return entry_new_object(SAMPLE_KEY, VALUE_STREAM, STREAM_ENCODING, s);
}

/* Rules small enough that samples of every encoding are made. */
static const struct rdb_rules sample_rules = {
    .list = {.max_listpack_size = 16, .compress_depth = 1},
    .set = {.intset_max = 20, .listpack_max = 20, .listpack_value_max = 40, .seed = 17},
    .zset = {.entries_max = 20, .value_max = 40, .seed = 19},
    .hash = {.fields_max = 20, .string_bytes_max = 40, .seed = 18},
};

static inline struct entry *sample_zset(struct rng *rng) {
    struct zset zset = zset_new(&sample_rules.zset, 1, 0);
    size_t count = 1 + rng_below(rng, 50);
    for (size_t i = 0; i < count; i++) {
        struct sample_text name;
        double score = (double)(int64_t)rng_below(rng, 100) / (double)(1 + rng_below(rng, 10));
        struct zset_spot spot = zset_look(&zset, sample_text(rng, &name));
        cr_assert(zset_set(&zset, &sample_rules.zset, &spot, name.bytes, score));
    }
    return zset_entry(SAMPLE_KEY, &zset);
}

static inline struct entry *sample_hash(struct rng *rng) {
    struct entry *e = hash_new_entry(SAMPLE_KEY);
    size_t count = 1 + rng_below(rng, 50);
    bool is_timed = rng_below(rng, 2) != 0;
    for (size_t i = 0; i < count; i++) {
        struct sample_text field;
        struct sample_text value;
        int64_t expire_ms =
            is_timed && rng_below(rng, 2) ? (int64_t)(1 + rng_below(rng, 1000000)) : HASH_NO_EXPIRE;
        cr_assert_neq(
            hash_put(e, &sample_rules.hash, sample_text(rng, &field), sample_text(rng, &value), expire_ms),
            HASH_NO_MEMORY);
    }
    return e;
}

static inline struct entry *sample_list(struct rng *rng) {
    struct list list = list_new();
    size_t count = 1 + rng_below(rng, 80);
    for (size_t i = 0; i < count; i++) {
        struct sample_text t;
        struct bytes text = sample_text(rng, &t);
        list_grow(&list, &sample_rules.list, &text, 1);
        cr_assert(list_push(&list, rng_below(rng, 2) ? LIST_TAIL : LIST_HEAD, text));
    }
    return list_entry(&list, SAMPLE_KEY);
}

static inline struct entry *sample_set(struct rng *rng) {
    struct set set;
    size_t count = 1 + rng_below(rng, 50);
    bool is_numeric = rng_below(rng, 3) == 0;
    for (size_t i = 0; i < count; i++) {
        struct sample_text t;
        struct set_member member = is_numeric
                                       ? set_member_number((int64_t)(rng_next(rng) >> rng_below(rng, 64)))
                                       : set_member_text(sample_text(rng, &t));
        if (i == 0)
            set = set_new(&member, 1, &sample_rules.set);
        cr_assert_neq(set_add(&set, &member, &sample_rules.set), SET_NO_MEMORY);
    }
    return entry_new_object(SAMPLE_KEY, VALUE_SET, (uint8_t)set.encoding, set.object);
}

static const struct {
    const char *name;
    struct entry *(*make)(struct rng *rng);
    bool is_ordered; /* equal values are saved as equal bytes */
} samples[] = {
    {"str", sample_str, true},   {"list", sample_list, true},  {"set", sample_set, false},
    {"zset", sample_zset, true}, {"hash", sample_hash, false}, {"stream", sample_stream, true},
};

/* Verifies every invariant of the value. */
static inline void sample_check(const struct entry *e) {
    entry_check(e);
    switch (entry_type(e)) {
    case VALUE_LIST: {
        struct list list = list_of(e);
        list_check(&list);
        break;
    }
    case VALUE_SET: set_check(set_of(e)); break;
    case VALUE_ZSET: {
        struct zset zset = zset_of(e);
        zset_check(&zset);
        break;
    }
    case VALUE_HASH: hash_check(e); break;
    case VALUE_STREAM: stream_check(entry_object(e)); break;
    case VALUE_STRING:
    case VALUE_TYPE_COUNT: break;
    }
    (void)entry_bytes(e);
}

static inline struct digest sample_digest(const struct entry *e) {
    struct digest digest = {{0}};
    digest_put_value(&digest, e);
    return digest;
}
