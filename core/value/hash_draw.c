/* hash_draw.c: fields at random.
 *
 * With repetition each draw stands for itself. A table draws an item; in a listpack, where reaching the n-th row means
 * walking, the places of all rows are noted first if more than a few are wanted.
 *
 * Without repetition there are two ways. Few out of many: draw, and draw again what came before (a small set remembers). Else:
 * go through all fields and take each with probability wanted / left, which gives every subset the same chance and needs no
 * memory. The first costs about 1.1 draws per field when a third of the fields is wanted, so that is the border. */
#include "core/value/hash_internal.h"

#include "core/base/mem.h"
#include "core/ds/packed_table.h"

enum {
    DRAW_FEW = 4, /* draws from a listpack without noting the places */
    DRAW_SPARSE_TIMES =
        3, /* fields per field wanted, from which on draws are repeated rather than all fields seen */
};

static void visit_packed(const struct packed_table *t, struct packed_at at, struct hash_visitor visitor) {
    struct packed_item packed = packed_table_get(t, at);
    struct hash_item item = {.field = packed.field, .value = packed.value};
    item.expire_ms = packed.expire_ms == PACKED_NO_EXPIRE ? HASH_NO_EXPIRE : packed.expire_ms;
    visitor.visit(visitor.ctx, &item);
}

static void draw_rows(const unsigned char *lp, bool is_timed, size_t rows, size_t count, struct rng *rng,
                      struct hash_visitor visitor) {
    struct hash_item item;
    unsigned char **places = NULL;
    if (count > DRAW_FEW) {
        places = mem_alloc(rows * sizeof *places);
        unsigned char *row = listpack_first(lp);
        for (size_t i = 0; i < rows; i++) {
            places[i] = row;
            row = hash__row_read(lp, row, is_timed, &item);
        }
    }
    for (size_t i = 0; i < count; i++) {
        size_t nth = rng_below(rng, rows);
        unsigned char *row =
            places != NULL ? places[nth] : listpack_at(lp, (int64_t)(nth * hash__width(is_timed)));
        hash__row_read(lp, row, is_timed, &item);
        visitor.visit(visitor.ctx, &item);
    }
    mem_free(places);
}

void hash_draw(const struct entry *e, size_t count, struct rng *rng, struct hash_visitor visitor) {
    must(hash_count(e) > 0);
    if (!hash__is_table(entry_object_encoding(e))) {
        draw_rows(entry_object(e), hash_is_timed(e), hash_count(e), count, rng, visitor);
        return;
    }
    const struct packed_table *t = entry_object(e);
    for (size_t i = 0; i < count; i++)
        visit_packed(t, packed_table_random(t, rng), visitor);
}

/* Remembers a place; false if it was remembered already. The set has 2^bits places, is at most half full, and holds place + 1,
 * 0 being empty. */
static bool remember(uint64_t *set, unsigned bits, struct packed_at at) {
    uint64_t mark = ((uint64_t)at.node << 16 | at.slot) + 1;
    size_t mask = ((size_t)1 << bits) - 1;
    size_t i = (size_t)(mark * UINT64_C(0x9e3779b97f4a7c15) >> (64 - bits));
    for (; set[i] != 0; i = (i + 1) & mask)
        if (set[i] == mark)
            return false;
    set[i] = mark;
    return true;
}

static void draw_sparse(const struct packed_table *t, size_t count, struct rng *rng,
                        struct hash_visitor visitor) {
    unsigned bits = 4;
    while (((size_t)1 << bits) < count * 2)
        bits++;
    uint64_t *set = mem_zalloc(sizeof *set << bits);
    while (count > 0) {
        struct packed_at at = packed_table_random(t, rng);
        if (!remember(set, bits, at))
            continue;
        visit_packed(t, at, visitor);
        count--;
    }
    mem_free(set);
}

void hash_draw_distinct(const struct entry *e, size_t count, struct rng *rng, struct hash_visitor visitor) {
    size_t left = hash_count(e);
    must(count <= left);
    if (hash__is_table(entry_object_encoding(e)) && count < left / DRAW_SPARSE_TIMES) {
        draw_sparse(entry_object(e), count, rng, visitor);
        return;
    }
    struct hash_walk walk = hash_walk_begin(e);
    struct hash_item item;
    for (; count > 0 && hash_walk_next(&walk, &item); left--) {
        if (rng_below(rng, left) >= count)
            continue;
        visitor.visit(visitor.ctx, &item);
        count--;
    }
}
