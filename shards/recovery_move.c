/* recovery_move.c: entries change hands as pointers, through one list per (thread that takes, target).
 *
 *   I1  an entry is in exactly one of: its source's table, a list, its target's table. */
#include "shards/recovery_move.h"

#include "core/base/keyhash.h"
#include "core/base/mem.h"

struct move_item {
    struct entry *entry;
    uint64_t hash;
    int db;
};

struct move_list {
    struct move_item *items;
    size_t count;
    size_t cap;
};

struct recovery_move {
    struct engine **from;
    struct engine **to;
    unsigned from_count;
    unsigned to_count;
    unsigned threads;
    struct move_list *lists; /* threads * to_count */
};

struct recovery_move *recovery_move_new(struct engine **from, unsigned from_count, struct engine **to,
                                        unsigned to_count, unsigned threads) {
    struct recovery_move *move = mem_zalloc(sizeof *move);
    *move = (struct recovery_move){from, to, from_count, to_count, threads, NULL};
    move->lists = mem_zalloc((size_t)threads * to_count * sizeof *move->lists);
    return move;
}

void recovery_move_free(struct recovery_move *move) {
    for (size_t i = 0; i < (size_t)move->threads * move->to_count; i++)
        mem_free(move->lists[i].items);
    mem_free(move->lists);
    mem_free(move);
}

static void move_add(struct move_list *list, const struct move_item *item) {
    if (list->count == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 1024;
        list->items = mem_realloc(list->items, list->cap * sizeof *list->items);
    }
    list->items[list->count++] = *item;
}

/* What the walk over one table needs. */
struct move_walk {
    struct recovery_move *move;
    unsigned thread;
    int db;
};

static void move_visit(void *ctx, struct entry *e, uint64_t hash) {
    struct move_walk *walk = ctx;
    unsigned to = keyhash_slot(entry_key(e)) * walk->move->to_count / KEYHASH_SLOT_COUNT;
    struct move_item item = {e, hash, walk->db};
    move_add(&walk->move->lists[(size_t)walk->thread * walk->move->to_count + to], &item);
}

/* The tables may not change under a walk, so all entries are listed first and taken after. */
static void move_take_db(struct recovery_move *move, unsigned thread, struct engine *engine, int db) {
    struct keyspace *ks = engine_find_db(engine, db);
    if (!ks)
        return;
    struct move_list *lists = &move->lists[(size_t)thread * move->to_count];
    size_t *before = mem_alloc(move->to_count * sizeof *before);
    for (unsigned to = 0; to < move->to_count; to++)
        before[to] = lists[to].count;
    struct move_walk walk = {move, thread, db};
    for (uint64_t at = 0; at != KEYSPACE_POSITION_END;)
        at = keyspace_scan(ks, at, 1000, (struct keyspace_visitor){move_visit, &walk});
    for (unsigned to = 0; to < move->to_count; to++)
        for (size_t i = before[to]; i < lists[to].count; i++) {
            struct move_item *item = &lists[to].items[i];
            struct entry *taken = keyspace_take(ks, entry_key(item->entry), item->hash);
            must(taken == item->entry); /* I1 */
        }
    mem_free(before);
}

void recovery_move_take(struct recovery_move *move, unsigned thread) {
    for (unsigned k = thread; k < move->from_count; k += move->threads)
        for (int db = 0; db < move->from[k]->db_count; db++)
            move_take_db(move, thread, move->from[k], db);
}

void recovery_move_put(struct recovery_move *move, unsigned thread) {
    for (unsigned k = thread; k < move->to_count; k += move->threads)
        for (unsigned t = 0; t < move->threads; t++) {
            struct move_list *list = &move->lists[(size_t)t * move->to_count + k];
            for (size_t i = 0; i < list->count; i++)
                keyspace_put(engine_get_db(move->to[k], list->items[i].db), list->items[i].hash,
                             list->items[i].entry);
        }
}
