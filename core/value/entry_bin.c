/* entry_bin.c: freeing in steps. The last entry that came is taken apart first, so the list is a stack: no entry waits for
 * another, and none is looked at twice in a step. */
#include "core/value/entry_bin.h"

#include "core/base/mem.h"

void entry_bin_deinit(struct entry_bin *bin) {
    while (!entry_bin_step(bin, SIZE_MAX))
        ;
    mem_free(bin->items);
    *bin = (struct entry_bin){0};
}

void entry_bin_put(struct entry_bin *bin, struct entry *e) {
    if (e == NULL || bin == NULL || LIKELY(entry_pieces(e) <= ENTRY_BIN_AT_ONCE)) {
        entry_free(e);
        return;
    }
    if (bin->count == bin->cap) {
        bin->cap = bin->cap == 0 ? 8 : 2 * bin->cap;
        bin->items = mem_realloc(bin->items, bin->cap * sizeof *bin->items);
    }
    size_t bytes = entry_bytes(e);
    bin->items[bin->count++] = (struct entry_bin_item){e, bytes};
    bin->bytes += bytes;
}

bool entry_bin_step(struct entry_bin *bin, size_t pieces_max) {
    size_t freed = 0;
    while (bin->count > 0 && freed < pieces_max) {
        struct entry_bin_item *last = &bin->items[bin->count - 1];
        if (!entry_free_step(last->entry, pieces_max - freed))
            return false;
        bin->bytes -= last->bytes;
        bin->count--;
        freed++;
    }
    return bin->count == 0;
}
