/* sort_elements.c: the elements of lists, sets and sorted sets, one after the other.
 *
 * Sorting takes the elements of a sorted set in the order of their scores, which matters only where nothing is sorted, or
 * weights are equal. */
#include "core/cmd/sort_elements.h"

#include "core/value/set.h"
#include "core/value/zset.h"

bool sort_elements_has(enum value_type type) {
    return type == VALUE_LIST || type == VALUE_SET || type == VALUE_ZSET;
}

size_t sort_elements_count(const struct entry *e) {
    if (entry_type(e) == VALUE_SET)
        return set_count(set_of(e));
    if (entry_type(e) == VALUE_ZSET) {
        struct zset zset = zset_of(e);
        return zset_count(&zset);
    }
    struct list list = list_of(e);
    return list_count(&list);
}

static void visit_list(const struct entry *e, const struct sort_elements *how) {
    struct list list = list_of(e);
    struct list_iter it;
    char scratch[NUM_INT_TEXT_MAX];
    struct bytes text;
    size_t from = how->is_reverse ? list_count(&list) - 1 - how->first : how->first;
    list_iter_init(&it, &list, from, how->is_reverse);
    for (size_t i = 0; i < how->count && list_iter_next(&it, scratch, &text); i++)
        how->add(how->ctx, text);
    list_iter_deinit(&it);
}

static void visit_set(const struct entry *e, const struct sort_elements *how) {
    struct set_iter it = {0};
    struct set_member member;
    char scratch[NUM_INT_TEXT_MAX];
    while (set_next(set_of(e), &it, &member))
        how->add(how->ctx, set_member_bytes(&member, scratch));
}

static void visit_zset(const struct entry *e, const struct sort_elements *how) {
    struct zset zset = zset_of(e);
    struct zset_walk walk;
    zset_walk_begin(&walk, &zset, how->is_reverse ? zset_count(&zset) - 1 - how->first : how->first,
                    how->is_reverse);
    for (size_t i = 0; i < how->count && zset_walk_next(&walk); i++)
        how->add(how->ctx, walk.name);
}

void sort_elements_visit(const struct entry *e, const struct sort_elements *how) {
    if (how->count == 0)
        return;
    if (entry_type(e) == VALUE_SET)
        visit_set(e, how);
    else if (entry_type(e) == VALUE_ZSET)
        visit_zset(e, how);
    else
        visit_list(e, how);
}

/* ---- results ---- */

void sort_elements_list_begin(struct sort_elements_list *l, const struct exec *x) {
    const struct config *config = x->engine->config;
    *l = (struct sort_elements_list){
        .list = list_new(),
        .rules = {.max_listpack_size = config->list_max_listpack_size,
                  .compress_depth = config->list_compress_depth},
    };
}

void sort_elements_list_add(void *list, bool is_there, struct bytes text) {
    struct sort_elements_list *l = list;
    struct bytes value = is_there ? text : BYTES_LIT("");
    list_grow(&l->list, &l->rules, &value, 1);
    l->has_failed = !list_push(&l->list, LIST_TAIL, value) || l->has_failed;
}

struct entry *sort_elements_list_end(struct sort_elements_list *l, struct bytes key) {
    if (!l->has_failed)
        return list_entry(&l->list, key);
    list_free(&l->list);
    return NULL;
}
