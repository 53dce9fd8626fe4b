/* The pool stays dense: whatever is returned, the blocks that are left keep their content and their owners hear of it. */
#include "core/base/rng.h"
#include "core/keyspace/bucket_pool.h"

#include <criterion/criterion.h>

enum { OWNERS = 500 };

struct owner {
    struct bucket *buckets; /* NULL: owns nothing */
    uint32_t bucket_count;
    uint32_t block;
};

static void moved(void *ctx, uint64_t owner, struct bucket *buckets, uint32_t block) {
    struct owner *owners = ctx;
    cr_assert_not_null(owners[owner].buckets);
    owners[owner].buckets = buckets;
    owners[owner].block = block;
}

Test(bucket_pool, moves_the_last_block_into_each_hole) {
    static struct owner owners[OWNERS];
    static const uint32_t sizes[] = {1, 10, 28, 32, 36, 48, 64};
    struct bucket_pool pool;
    struct rng rng;
    rng_init(&rng, 8);
    bucket_pool_init(&pool, moved, owners);
    for (size_t step = 0; step < 40000; step++) {
        size_t at = rng_below(&rng, OWNERS);
        struct owner *o = &owners[at];
        bool shrinking = step / 10000 % 2 == 1;
        if (o->buckets && (shrinking || rng_below(&rng, 2))) {
            bucket_pool_put(&pool, o->bucket_count, o->buckets, o->block);
            o->buckets = NULL;
        } else if (!o->buckets && (!shrinking || rng_below(&rng, 10) == 0)) {
            o->bucket_count = sizes[rng_below(&rng, COUNT_OF(sizes))];
            o->buckets = bucket_pool_take(&pool, o->bucket_count, at, &o->block);
            for (uint32_t b = 0; b < o->bucket_count; b++) {
                cr_assert_eq(o->buckets[b].control, 0);
                bucket_set_reach(&o->buckets[b], (unsigned)(at + b) % 15);
            }
        }
        o = &owners[rng_below(&rng, OWNERS)];
        for (uint32_t b = 0; o->buckets && b < o->bucket_count; b++)
            cr_assert_eq(bucket_reach(&o->buckets[b]), (unsigned)(o - owners + b) % 15);
        if (o->buckets && o->bucket_count >= BUCKET_POOL_BLOCK_MIN) {
            cr_assert_eq(bucket_pool_at(&pool, o->bucket_count, o->block), o->buckets);
            cr_assert_eq(bucket_pool_owner(&pool, o->bucket_count, o->block), (uint64_t)(o - owners));
        }
    }
    for (size_t at = 0; at < OWNERS; at++) {
        if (owners[at].buckets)
            bucket_pool_put(&pool, owners[at].bucket_count, owners[at].buckets, owners[at].block);
        owners[at].buckets = NULL;
    }
    cr_assert_eq(bucket_pool_spare_bytes(&pool), 0);
    bucket_pool_deinit(&pool);
}
