/* bucket_pool.c: dense pools of equal blocks.
 *
 * The problem: hashes are uniform, so all segments of a table grow from one size to the next within a short
 * while. A general allocator is left with pages of the old size in which a few blocks survive here and there; in the middle of
 * such a wave that is as much memory again as the whole table. A segment's buckets, however, are known by
 * one reference only, so they can be moved: a hole is filled at once from the end.
 *
 * I1  A class of b blocks uses the first b places of its pages, page after page.
 * I2  No page is empty.
 *
 * All classes have pages of one size, so that a page that one class returns to the allocator serves the next one. Up to two
 * per cent at the end of a page are not used (and never touched). Cost: one move of at most 4 KiB per block returned. */
#include "core/keyspace/bucket_pool.h"

#include "core/base/mem.h"

/* Cache-line aligned memory that is not zeroed. */
static void *aligned_alloc_lines(size_t bytes) {
    void *block = mem_alloc(bytes);
    if (LIKELY(((uintptr_t)block & (CACHE_LINE_BYTES - 1)) == 0))
        return block;
    /* Our allocator's classes of such sizes are aligned; this is for others. */
    mem_free(block);
    return mem_zalloc_aligned(bytes, CACHE_LINE_BYTES);
}

static size_t block_bytes(uint32_t bucket_count) {
    return (size_t)bucket_count * sizeof(struct bucket);
}

static uint32_t blocks_per_page(uint32_t bucket_count) {
    return (uint32_t)(BUCKET_POOL_PAGE_BYTES / block_bytes(bucket_count));
}

static uint32_t class_index(uint32_t bucket_count) {
    dcheck(bucket_count % BUCKET_POOL_BLOCK_STEP == 0);
    return (bucket_count - BUCKET_POOL_BLOCK_MIN) / BUCKET_POOL_BLOCK_STEP;
}

void bucket_pool_init(struct bucket_pool *pool, void (*moved)(void *, uint64_t, struct bucket *, uint32_t),
                      void *ctx) {
    *pool = (struct bucket_pool){.moved = moved, .ctx = ctx};
}

static void page_free(struct bucket_pool_class *c) {
    struct bucket_pool_page *page = c->pages[--c->page_count];
    mem_free(page->memory);
    mem_free(page);
}

void bucket_pool_deinit(struct bucket_pool *pool) {
    for (uint32_t i = 0; i < BUCKET_POOL_CLASSES; i++) {
        struct bucket_pool_class *c = &pool->classes[i];
        while (c->page_count > 0)
            page_free(c);
        mem_free(c->pages);
        *c = (struct bucket_pool_class){0};
    }
}

static void page_add(struct bucket_pool_class *c) {
    if (c->page_count == c->page_cap) {
        c->page_cap = c->page_cap ? c->page_cap * 2 : 1;
        c->pages = mem_realloc(c->pages, c->page_cap * sizeof(struct bucket_pool_page *));
    }
    struct bucket_pool_page *page = mem_alloc(sizeof(*page));
    page->memory = aligned_alloc_lines(BUCKET_POOL_PAGE_BYTES);
    c->pages[c->page_count++] = page;
}

struct bucket *bucket_pool_at(const struct bucket_pool *pool, uint32_t bucket_count, uint32_t block) {
    uint32_t per_page = blocks_per_page(bucket_count);
    const struct bucket_pool_class *c = &pool->classes[class_index(bucket_count)];
    char *memory = c->pages[block / per_page]->memory;
    return (struct bucket *)(void *)(memory + block % per_page * block_bytes(bucket_count));
}

uint64_t bucket_pool_owner(const struct bucket_pool *pool, uint32_t bucket_count, uint32_t block) {
    uint32_t per_page = blocks_per_page(bucket_count);
    return pool->classes[class_index(bucket_count)].pages[block / per_page]->owners[block % per_page];
}

struct bucket *bucket_pool_take(struct bucket_pool *pool, uint32_t bucket_count, uint64_t owner,
                                uint32_t *block_out) {
    size_t bytes = block_bytes(bucket_count);
    *block_out = 0;
    if (bucket_count < BUCKET_POOL_BLOCK_MIN)
        return memset(aligned_alloc_lines(bytes), 0, bytes);

    struct bucket_pool_class *c = &pool->classes[class_index(bucket_count)];
    uint32_t per_page = blocks_per_page(bucket_count);
    uint32_t block = c->block_count++;
    if (block / per_page == c->page_count)
        page_add(c);
    c->pages[block / per_page]->owners[block % per_page] = owner;
    *block_out = block;
    return memset(bucket_pool_at(pool, bucket_count, block), 0, bytes);
}

void bucket_pool_put(struct bucket_pool *pool, uint32_t bucket_count, struct bucket *buckets,
                     uint32_t block) {
    if (bucket_count < BUCKET_POOL_BLOCK_MIN) {
        mem_free(buckets);
        return;
    }
    struct bucket_pool_class *c = &pool->classes[class_index(bucket_count)];
    uint32_t per_page = blocks_per_page(bucket_count);
    must(block < c->block_count);
    uint32_t last = --c->block_count;
    if (block != last) { /* I1 */
        uint64_t owner = c->pages[last / per_page]->owners[last % per_page];
        struct bucket *hole = bucket_pool_at(pool, bucket_count, block);
        memcpy(hole, bucket_pool_at(pool, bucket_count, last), block_bytes(bucket_count));
        c->pages[block / per_page]->owners[block % per_page] = owner;
        pool->moved(pool->ctx, owner, hole, block);
    }
    if ((c->page_count - 1) * per_page == c->block_count) /* I2 */
        page_free(c);
}

size_t bucket_pool_spare_bytes(const struct bucket_pool *pool) {
    size_t spare = 0;
    for (uint32_t i = 0; i < BUCKET_POOL_CLASSES; i++) {
        const struct bucket_pool_class *c = &pool->classes[i];
        uint32_t bucket_count = BUCKET_POOL_BLOCK_MIN + i * BUCKET_POOL_BLOCK_STEP;
        spare += c->page_count * (size_t)BUCKET_POOL_PAGE_BYTES - c->block_count * block_bytes(bucket_count);
        spare += c->page_count * mem_good_size(sizeof(struct bucket_pool_page));
    }
    return spare;
}
