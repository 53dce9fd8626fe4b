/* bucket_pool.h: memory for the buckets of segments, without holes.
 *
 * The blocks of one size stand densely in pages: when one is given back, the last one is moved into its place and its
 * owner is told. Owners are named by a number, the first hash of a segment.
 * Thread: the keyspace's. */
#pragma once

#include "core/keyspace/bucket.h"

enum {
    BUCKET_POOL_BLOCK_MIN = 32, /* buckets of the smallest block; fewer come from the allocator directly */
    BUCKET_POOL_BLOCK_STEP = 4,
    BUCKET_POOL_CLASSES = 9, /* 32, 36, 40 .. 64 */
    BUCKET_POOL_PAGE_BYTES = 65536,
    BUCKET_POOL_PAGE_BLOCKS_MAX = BUCKET_POOL_PAGE_BYTES / (BUCKET_POOL_BLOCK_MIN * CACHE_LINE_BYTES),
};

struct bucket_pool_page {
    char *memory;
    uint64_t owners[BUCKET_POOL_PAGE_BLOCKS_MAX];
};

struct bucket_pool_class {
    struct bucket_pool_page **pages;
    uint32_t page_count;
    uint32_t page_cap;
    uint32_t block_count;
};

struct bucket_pool {
    struct bucket_pool_class classes[BUCKET_POOL_CLASSES];
    /* Called when a block was moved; must not call the pool. */
    void (*moved)(void *ctx, uint64_t owner, struct bucket *buckets, uint32_t block);
    void *ctx;
};

/* An empty pool. */
void bucket_pool_init(struct bucket_pool *pool, void (*moved)(void *, uint64_t, struct bucket *, uint32_t),
                      void *ctx);

/* Frees all pages; small blocks must have been put back. */
void bucket_pool_deinit(struct bucket_pool *pool);

/* Gives zeroed memory for `bucket_count` buckets, one of segment.c's sizes. *block_out is needed to give it back. */
struct bucket *bucket_pool_take(struct bucket_pool *pool, uint32_t bucket_count, uint64_t owner,
                                uint32_t *block_out);

/* Takes a block back, and perhaps moves another one. Blocks of the pool are named by `block`; `buckets` matters for
 * small ones only. */
void bucket_pool_put(struct bucket_pool *pool, uint32_t bucket_count, struct bucket *buckets, uint32_t block);

/* Memory of pages beyond that of the blocks in use. */
size_t bucket_pool_spare_bytes(const struct bucket_pool *pool);

/* Where a block stands, and whose it is, for checking. */
struct bucket *bucket_pool_at(const struct bucket_pool *pool, uint32_t bucket_count, uint32_t block);
uint64_t bucket_pool_owner(const struct bucket_pool *pool, uint32_t bucket_count, uint32_t block);
