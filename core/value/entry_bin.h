/* entry_bin.h: entries that are to be freed, little by little.
 *
 * Freeing a set of ten million elements takes a second, and nobody shall wait for it. Whoever removes an entry from the
 * data puts it in the bin of its shard: a small one is freed at once, a large one waits until the shard's background
 * work takes it apart in steps.
 *
 * The bin owns what is in it. Thread: the shard's. */
#pragma once

#include "core/value/entry.h"

enum { ENTRY_BIN_AT_ONCE = 64 }; /* pieces up to which an entry is freed at once */

struct entry_bin_item {
    struct entry *entry;
    size_t bytes; /* accounted when it came */
};

struct entry_bin {
    struct entry_bin_item *items;
    size_t count;
    size_t cap;
    size_t bytes; /* the sum over the items */
};

/* A zeroed bin is an empty one. Frees everything now. */
void entry_bin_deinit(struct entry_bin *bin);

/* Takes e; NULL is allowed. A bin of NULL frees at once, whatever the size. */
void entry_bin_put(struct entry_bin *bin, struct entry *e);

/* Frees about `pieces_max` pieces; true when the bin is empty. */
bool entry_bin_step(struct entry_bin *bin, size_t pieces_max);
