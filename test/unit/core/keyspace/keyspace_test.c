/* The keyspace against a naive twin: an array with one record per possible key. */
#include "core/base/mem.h"
#include "core/keyspace/expire.h"
#include "core/keyspace/keyspace.h"
#include "core/value/str.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { WALKS = 4, KEY_TEXT_MAX = 24 };

struct twin_key {
    bool present;
    int64_t value;
    int64_t expire_ms;
    bool owed[WALKS]; /* there since before the walk began */
    uint8_t visited[WALKS];
};

struct model {
    struct keyspace *ks;
    struct rng rng;
    struct twin_key *twin;
    size_t universe;
    size_t count;
    size_t expiring;
    int64_t now_ms;
    bool walking[WALKS];
    uint64_t position[WALKS];
};

static struct bytes key_of(char text[KEY_TEXT_MAX], size_t id) {
    return bytes_of(text, (size_t)snprintf(text, KEY_TEXT_MAX, "key:%zu", id));
}

static size_t id_of(const struct entry *e) {
    char text[KEY_TEXT_MAX] = {0};
    struct bytes key = entry_key(e);
    memcpy(text, key.ptr, key.len);
    return (size_t)strtoull(text + 4, NULL, 10);
}

static struct entry *entry_for(struct bytes key, int64_t value, int64_t expire_ms) {
    char text[80];
    if (value % 3 == 0)
        return entry_new_int(key, value, expire_ms);
    int len = snprintf(text, sizeof(text), "value %" PRId64 "%s", value,
                       value % 3 == 1 ? "" : " with a longer tail of text");
    return entry_new_str(key, bytes_of(text, (size_t)len), expire_ms);
}

static int64_t value_of(const struct entry *e) {
    char scratch[NUM_INT_TEXT_MAX];
    char text[80] = {0};
    struct bytes view = str_view(e, scratch);
    memcpy(text, view.ptr, view.len < 79 ? view.len : 79);
    return strtoll(text[0] == 'v' ? text + 6 : text, NULL, 10);
}

static void twin_set(struct model *m, size_t id, int64_t value, int64_t expire_ms) {
    struct twin_key *t = &m->twin[id];
    m->count += !t->present;
    if (t->present)
        m->expiring -= t->expire_ms != ENTRY_NO_EXPIRE;
    m->expiring += expire_ms != ENTRY_NO_EXPIRE;
    t->present = true;
    t->value = value;
    t->expire_ms = expire_ms;
}

static void twin_remove(struct model *m, size_t id) {
    struct twin_key *t = &m->twin[id];
    m->count--;
    m->expiring -= t->expire_ms != ENTRY_NO_EXPIRE;
    t->present = false;
    for (size_t w = 0; w < WALKS; w++)
        t->owed[w] = false;
}

static void step_put(struct model *m, size_t id) {
    char text[KEY_TEXT_MAX];
    struct bytes key = key_of(text, id);
    int64_t value = (int64_t)rng_below(&m->rng, 1000000);
    int64_t expire_ms =
        rng_below(&m->rng, 3) ? ENTRY_NO_EXPIRE : m->now_ms + (int64_t)rng_below(&m->rng, 5000);
    bool replaced = keyspace_put(m->ks, keyspace_hash(m->ks, key), entry_for(key, value, expire_ms));
    cr_assert_eq(replaced, m->twin[id].present);
    twin_set(m, id, value, expire_ms);
}

static void step_remove(struct model *m, size_t id) {
    char text[KEY_TEXT_MAX];
    struct bytes key = key_of(text, id);
    uint64_t hash = keyspace_hash(m->ks, key);
    if (rng_below(&m->rng, 2)) {
        cr_assert_eq(keyspace_delete(m->ks, key, hash), m->twin[id].present);
    } else {
        struct entry *e = keyspace_take(m->ks, key, hash);
        cr_assert_eq(e != NULL, m->twin[id].present);
        if (e)
            cr_assert_eq(value_of(e), m->twin[id].value);
        entry_free(e);
    }
    if (m->twin[id].present)
        twin_remove(m, id);
}

static void step_edit(struct model *m, size_t id) {
    char text[KEY_TEXT_MAX];
    struct bytes key = key_of(text, id);
    uint64_t hash = keyspace_hash(m->ks, key);
    struct entry *e = keyspace_find(m->ks, key, hash);
    cr_assert_eq(e != NULL, m->twin[id].present);
    if (!e)
        return;
    struct keyspace_edit edit = keyspace_edit_begin(e, hash);
    int64_t value = m->twin[id].value;
    int64_t expire_ms = m->twin[id].expire_ms;
    if (rng_below(&m->rng, 2)) {
        value = (int64_t)rng_below(&m->rng, 1000000);
        e = str_set_int(e, value);
    } else {
        expire_ms = rng_below(&m->rng, 2) ? ENTRY_NO_EXPIRE : m->now_ms + (int64_t)rng_below(&m->rng, 5000);
        e = entry_set_expire(e, expire_ms);
    }
    keyspace_edit_end(m->ks, &edit, e);
    twin_set(m, id, value, expire_ms);
}

static void step_find(struct model *m, size_t id) {
    char text[KEY_TEXT_MAX];
    struct bytes key = key_of(text, id);
    uint64_t hash = keyspace_hash(m->ks, key);
    keyspace_prefetch(m->ks, hash);
    (void)keyspace_probable(m->ks, hash);
    struct entry *e = keyspace_find(m->ks, key, hash);
    cr_assert_eq(e != NULL, m->twin[id].present);
    if (!e)
        return;
    cr_assert_eq(value_of(e), m->twin[id].value);
    cr_assert_eq(entry_expire_ms(e), m->twin[id].expire_ms);
}

static void model_expired(void *ctx, struct entry *e, uint64_t hash) {
    struct model *m = ctx;
    size_t id = id_of(e);
    cr_assert_eq(hash, keyspace_hash(m->ks, entry_key(e)));
    cr_assert(m->twin[id].present);
    cr_assert_eq(entry_expire_ms(e), m->twin[id].expire_ms);
    cr_assert_leq(m->twin[id].expire_ms, m->now_ms);
    twin_remove(m, id);
}

static bool model_is_over(void *ctx) {
    struct model *m = ctx;
    return rng_below(&m->rng, 20) == 0;
}

static void step_expire(struct model *m) {
    m->now_ms += (int64_t)rng_below(&m->rng, 400);
    struct expire_job job = {.now_ms = m->now_ms,
                             .on_expired = model_expired,
                             .is_over = rng_below(&m->rng, 2) ? model_is_over : NULL,
                             .ctx = m};
    size_t before = m->count;
    size_t removed = expire_step(m->ks, &job);
    cr_assert_eq(before - m->count, removed);

    int64_t earliest_ms = INT64_MAX;
    for (size_t id = 0; id < m->universe; id++)
        if (m->twin[id].present && m->twin[id].expire_ms != ENTRY_NO_EXPIRE &&
            m->twin[id].expire_ms < earliest_ms)
            earliest_ms = m->twin[id].expire_ms;
    if (!job.is_over)
        cr_assert_gt(earliest_ms, m->now_ms - EXPIRE_LATENESS_MS);
    if (m->expiring > 0)
        cr_assert_leq(expire_next_ms(m->ks), earliest_ms + EXPIRE_LATENESS_MS);
    else
        cr_assert_eq(expire_next_ms(m->ks), INT64_MAX);
}

struct model_walk {
    struct model *m;
    size_t w;
    uint64_t from;
    uint64_t last;
};

static void walk_seen(void *ctx, struct entry *e, uint64_t hash) {
    struct model_walk *walk = ctx;
    struct twin_key *t = &walk->m->twin[id_of(e)];
    cr_assert(t->present);
    cr_assert_eq(hash, keyspace_hash(walk->m->ks, entry_key(e)));
    cr_assert_geq(keyspace_position(hash), walk->from);
    if (keyspace_position(hash) > walk->last)
        walk->last = keyspace_position(hash);
    t->visited[walk->w]++;
}

/* Advances one of several walks that run while the table changes. */
static void step_walk(struct model *m, size_t w) {
    if (!m->walking[w]) {
        for (size_t id = 0; id < m->universe; id++) {
            m->twin[id].owed[w] = m->twin[id].present;
            m->twin[id].visited[w] = 0;
        }
        m->walking[w] = true;
        m->position[w] = 0;
    }
    struct model_walk walk = {m, w, m->position[w], 0};
    uint64_t next = keyspace_scan(m->ks, m->position[w], 1 + rng_below(&m->rng, 200),
                                  (struct keyspace_visitor){walk_seen, &walk});
    cr_assert_gt(next, m->position[w]);
    cr_assert_lt(walk.last, next);
    m->position[w] = next;
    if (next != KEYSPACE_POSITION_END)
        return;
    m->walking[w] = false;
    for (size_t id = 0; id < m->universe; id++) {
        if (m->twin[id].owed[w])
            cr_assert_eq(m->twin[id].visited[w], 1, "key %zu visited %u times", id, m->twin[id].visited[w]);
        cr_assert_leq(m->twin[id].visited[w], 1);
    }
}

static void count_bytes(void *ctx, struct entry *e, uint64_t hash) {
    (void)hash;
    *(size_t *)ctx += entry_bytes(e);
}

static void model_check(const struct model *m) {
    keyspace_check(m->ks);
    cr_assert_eq(keyspace_count(m->ks), m->count);
    cr_assert_eq(keyspace_expiring_count(m->ks), m->expiring);
    size_t bytes = 0;
    keyspace_scan(m->ks, 0, SIZE_MAX, (struct keyspace_visitor){count_bytes, &bytes});
    cr_assert_eq(keyspace_bytes(m->ks), bytes);
}

/* Walks through phases in which the table grows, churns and shrinks. */
static void run_model(uint64_t (*hash)(struct bytes, uint64_t), size_t universe, size_t steps,
                      uint64_t seed) {
    struct model m = {.universe = universe, .now_ms = 1000000};
    rng_init(&m.rng, seed);
    m.ks = keyspace_new(&(struct keyspace_options){.hash_seed = seed, .hash = hash});
    m.twin = mem_zalloc(universe * sizeof(*m.twin));
    static const unsigned put_share[] = {80, 40, 10, 60, 0};
    size_t phase_steps = steps / COUNT_OF(put_share);
    for (size_t step = 0; step < steps; step++) {
        size_t id = rng_below(&m.rng, universe);
        size_t phase =
            step / phase_steps < COUNT_OF(put_share) ? step / phase_steps : COUNT_OF(put_share) - 1;
        uint64_t dice = rng_below(&m.rng, 100);
        if (dice < put_share[phase])
            step_put(&m, id);
        else if (dice < 85)
            step_remove(&m, id);
        else if (dice < 95)
            step_edit(&m, id);
        step_find(&m, rng_below(&m.rng, universe));
        if (rng_below(&m.rng, 50) == 0)
            step_walk(&m, rng_below(&m.rng, WALKS));
        if (rng_below(&m.rng, 500) == 0)
            step_expire(&m);
        struct entry *any = keyspace_random(m.ks, &m.rng);
        cr_assert_eq(any != NULL, m.count > 0);
        if (step % (steps / 40) == 0)
            model_check(&m);
    }
    model_check(&m);
    while (!keyspace_clear_step(m.ks, 37))
        keyspace_check(m.ks);
    cr_assert_eq(keyspace_count(m.ks), 0);
    cr_assert_eq(keyspace_bytes(m.ks), 0);
    keyspace_free(m.ks);
    mem_free(m.twin);
}

/* A new one each run; TEST_SEED=number repeats a run. */
static uint64_t new_seed(void) {
    const char *given = getenv("TEST_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    fprintf(stderr, "seed %" PRIu64 "\n", seed);
    return seed;
}

Test(keyspace, follows_its_twin_with_a_good_hash) {
    uint64_t seed = new_seed();
    run_model(NULL, 10, 20000, seed);
    run_model(NULL, 300, 30000, seed);
    run_model(NULL, 20000, 200000, seed);
}

static uint64_t all_equal(struct bytes key, uint64_t seed) {
    (void)key;
    return seed;
}

static uint64_t few_values(struct bytes key, uint64_t seed) {
    return (uint64_t)(key.ptr[key.len - 1] & 3) << 62 | (seed & 0xffff);
}

static uint64_t lower_bits_only(struct bytes key, uint64_t seed) {
    uint64_t sum = seed & 0xff;
    for (size_t i = 0; i < key.len; i++)
        sum = sum * 31 + (unsigned char)key.ptr[i];
    return sum & 0xffffffff;
}

static uint64_t tags_equal(struct bytes key, uint64_t seed) {
    uint64_t hash = 0xcbf29ce484222325u ^ seed;
    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ (unsigned char)key.ptr[i]) * 0x100000001b3u;
    return hash >> 60 << 60 | 0x0123456789abcdu;
}

Test(keyspace, follows_its_twin_with_bad_hashes) {
    uint64_t seed = new_seed();
    run_model(all_equal, 800, 8000, seed);
    run_model(few_values, 2000, 10000, seed);
    run_model(lower_bits_only, 3000, 20000, seed);
    run_model(tags_equal, 4000, 20000, seed);
}

Test(keyspace, is_small_when_empty) {
    struct keyspace *ks = keyspace_new(&(struct keyspace_options){.hash_seed = 1});
    cr_assert_lt(keyspace_table_bytes(ks), 1200);
    cr_assert_null(keyspace_find(ks, BYTES_LIT("a"), keyspace_hash(ks, BYTES_LIT("a"))));
    cr_assert_not(keyspace_delete(ks, BYTES_LIT("a"), keyspace_hash(ks, BYTES_LIT("a"))));
    cr_assert_null(keyspace_random(ks, &(struct rng){{1, 2, 3, 4}}));
    cr_assert(keyspace_clear_step(ks, 1));
    keyspace_free(ks);
}

static void put_number(struct keyspace *ks, size_t id, int64_t expire_ms) {
    char text[KEY_TEXT_MAX];
    struct bytes key = key_of(text, id);
    keyspace_put(ks, keyspace_hash(ks, key), entry_new_int(key, (int64_t)id, expire_ms));
}

#if defined(__SANITIZE_ADDRESS__)
enum { SOAK_KEYS = 300000 };
#else
enum { SOAK_KEYS = 1500000 };
#endif

Test(keyspace, grows_to_millions_and_shrinks_back) {
    struct keyspace *ks = keyspace_new(&(struct keyspace_options){.hash_seed = 99});
    for (size_t id = 0; id < SOAK_KEYS; id++)
        put_number(ks, id, ENTRY_NO_EXPIRE);
    keyspace_check(ks);
    cr_assert_eq(keyspace_count(ks), SOAK_KEYS);
    cr_assert_leq((double)keyspace_table_bytes(ks) / SOAK_KEYS, 11.0);
    for (size_t id = 0; id < SOAK_KEYS; id += 7) {
        char text[KEY_TEXT_MAX];
        struct bytes key = key_of(text, id);
        struct entry *e = keyspace_find(ks, key, keyspace_hash(ks, key));
        cr_assert_not_null(e);
        cr_assert_eq(value_of(e), (int64_t)id);
    }
    for (size_t id = 0; id < SOAK_KEYS - 1000; id++) {
        char text[KEY_TEXT_MAX];
        struct bytes key = key_of(text, id);
        cr_assert(keyspace_delete(ks, key, keyspace_hash(ks, key)));
    }
    keyspace_check(ks);
    cr_assert_lt(keyspace_table_bytes(ks), 600000);
    for (size_t id = SOAK_KEYS - 1000; id < SOAK_KEYS; id++) {
        char text[KEY_TEXT_MAX];
        struct bytes key = key_of(text, id);
        cr_assert(keyspace_delete(ks, key, keyspace_hash(ks, key)));
    }
    keyspace_check(ks);
    cr_assert_lt(keyspace_table_bytes(ks), 1200);
    keyspace_free(ks);
}

Test(keyspace, chooses_every_key_equally_often) {
    enum { KEYS = 3000, DRAWS = 300000 };
    struct keyspace *ks = keyspace_new(&(struct keyspace_options){.hash_seed = 5});
    for (size_t id = 0; id < KEYS; id++)
        put_number(ks, id, id % 10 ? ENTRY_NO_EXPIRE : 1000);
    struct rng rng;
    rng_init(&rng, 77);
    static uint32_t drawn[KEYS];
    static uint32_t drawn_expiring[KEYS];
    for (size_t i = 0; i < DRAWS; i++) {
        drawn[id_of(keyspace_random(ks, &rng))]++;
        drawn_expiring[id_of(keyspace_random_expiring(ks, &rng))]++;
    }
    /* Chi square over 3000 cells has mean 2999 and deviation 77; over 300 cells, 299 and 24. */
    double chi = 0;
    double chi_expiring = 0;
    for (size_t id = 0; id < KEYS; id++) {
        double d = drawn[id] - (double)DRAWS / KEYS;
        chi += d * d / ((double)DRAWS / KEYS);
        double x = drawn_expiring[id] - (double)DRAWS / (KEYS / 10);
        if (id % 10 == 0)
            chi_expiring += x * x / ((double)DRAWS / (KEYS / 10));
        else
            cr_assert_eq(drawn_expiring[id], 0);
    }
    cr_assert_lt(chi, 2999 + 5 * 77);
    cr_assert_lt(chi_expiring, 299 + 5 * 25);
    keyspace_free(ks);
}
