/* lent.c: a transaction's lent keys. There are few of them (a command's keys), so a linear search is the fastest. */
#include "core/exec/lent.h"

#include "core/base/mem.h"

void lent_set_init(struct lent_set *set, unsigned key_count, unsigned owner_count) {
    set->keys = mem_zalloc(key_count * sizeof *set->keys);
    set->key_count = key_count;
    set->effects = mem_zalloc(owner_count * sizeof *set->effects);
    set->owner_count = owner_count;
    set->alone = NULL;
    for (unsigned i = 0; i < owner_count; i++)
        set->effects[i].db = -1;
}

void lent_set_deinit(struct lent_set *set) {
    for (unsigned i = 0; i < set->key_count; i++)
        entry_free(set->keys[i].entry);
    for (unsigned i = 0; i < set->owner_count; i++)
        buf_deinit(&set->effects[i].text);
    mem_free(set->keys);
    mem_free(set->effects);
    *set = (struct lent_set){0};
}

struct lent_key *lent_set_find(struct lent_set *set, int db, struct bytes key) {
    for (unsigned i = 0; i < set->key_count; i++)
        if (set->keys[i].db == db && bytes_equal(set->keys[i].key, key))
            return &set->keys[i];
    return NULL;
}
