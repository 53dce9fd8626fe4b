/* ranking.c: one set of elements under a tree and an index.
 *
 * I1  The tree and the index hold the same elements.
 * I2  element_bytes is the sum of ranked_bytes over them.
 *
 * Each element is one block, at which both point: score and name are stored once. Together 8 bytes for the score, the name
 * with one byte of length, some 10 bytes for the index and 8 to 12 for the tree. */
#include "core/ds/ranking.h"

struct ranking *ranking_new(uint64_t seed) {
    struct ranking *r = mem_alloc(sizeof(*r));
    rank_tree_init(&r->tree);
    rank_index_init(&r->index, seed);
    r->element_bytes = 0;
    return r;
}

void ranking_free(struct ranking *r) {
    while (!ranking_free_step(r, SIZE_MAX))
        continue;
}

bool ranking_free_step(struct ranking *r, size_t pieces_max) {
    if (!rank_tree_free_step(&r->tree, pieces_max))
        return false;
    if (r->index.directory != NULL && !rank_index_free_step(&r->index, pieces_max))
        return false;
    mem_free(r);
    return true;
}

struct ranking *ranking_dup(const struct ranking *r) {
    struct ranking *copy = ranking_new(r->index.seed);
    for (struct rank_cursor c = rank_tree_at(&r->tree, 0); c.leaf != NULL; rank_cursor_next(&c)) {
        const struct ranked *e = rank_cursor_get(&c);
        must(ranking_add(copy, ranked_name(e), e->score));
    }
    return copy;
}

size_t ranking_bytes(const struct ranking *r) {
    return mem_good_size(sizeof(*r)) + r->element_bytes + r->tree.bytes + r->index.bytes;
}

struct ranked *ranking_find(const struct ranking *r, struct bytes name) {
    return rank_index_find(&r->index, name, rank_index_hash(&r->index, name));
}

bool ranking_add(struct ranking *r, struct bytes name, double score) {
    struct ranked *e = ranked_new(name, score);
    if (UNLIKELY(e == NULL))
        return false;
    rank_index_add(&r->index, e, rank_index_hash(&r->index, name));
    rank_tree_add(&r->tree, e);
    r->element_bytes += ranked_block_bytes(name.len); /* I2 */
    return true;
}

void ranking_rescore(struct ranking *r, struct ranked *e, double score) {
    rank_tree_rescore(&r->tree, e, score);
}

/* Takes an element that the tree does not hold any more. */
static void drop(void *ctx, struct ranked *e) {
    struct ranking *r = ctx;
    struct bytes name = ranked_name(e);
    rank_index_remove(&r->index, e, rank_index_hash(&r->index, name));
    r->element_bytes -= ranked_block_bytes(name.len);
    mem_free(e);
}

void ranking_remove(struct ranking *r, struct ranked *e) {
    rank_tree_remove(&r->tree, e);
    drop(r, e);
}

void ranking_remove_range(struct ranking *r, size_t from, size_t count) {
    rank_tree_remove_range(&r->tree, from, count, drop, r);
}

void ranking_check(const struct ranking *r) {
    rank_tree_check(&r->tree);
    rank_index_check(&r->index);
    must(r->tree.count == r->index.count); /* I1 */
    size_t bytes = 0;
    for (struct rank_cursor c = rank_tree_at(&r->tree, 0); c.leaf != NULL; rank_cursor_next(&c)) {
        const struct ranked *e = rank_cursor_get(&c);
        must(ranking_find(r, ranked_name(e)) == e); /* I1 */
        bytes += ranked_bytes(e);
    }
    must(bytes == r->element_bytes); /* I2 */
}

void ranking_dump(const struct ranking *r) {
    rank_tree_dump(&r->tree);
    rank_index_dump(&r->index);
}
