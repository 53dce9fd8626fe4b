/* rdb_value.c: the table of types, for saving and for loading.
 *
 * One file per type of value knows its bodies (rdb_str, rdb_list ...); here they meet. Saving looks at the value's type
 * and encoding and picks the number; loading goes by the number alone, since one type of value has had many. */
#include "core/rdb/rdb_value.h"

#include "core/rdb/rdb_types.h"

static const struct rdb_type_ops *const ops_by_value[VALUE_TYPE_COUNT] = {
    [VALUE_STRING] = &rdb_str_ops, [VALUE_LIST] = &rdb_list_ops, [VALUE_SET] = &rdb_set_ops,
    [VALUE_ZSET] = &rdb_zset_ops,  [VALUE_HASH] = &rdb_hash_ops, [VALUE_STREAM] = &rdb_stream_ops,
};

/* By type number; the empty rows are numbers that nobody has given, or types of modules. */
static const struct {
    const struct rdb_type_ops *ops;
    unsigned version; /* the first RDB version that has it */
} rows[] = {
    [RDB_STRING] = {&rdb_str_ops, RDB_VERSION_OLDEST},
    [RDB_LIST] = {&rdb_list_ops, RDB_VERSION_OLDEST},
    [RDB_SET] = {&rdb_set_ops, RDB_VERSION_OLDEST},
    [RDB_ZSET] = {&rdb_zset_ops, RDB_VERSION_OLDEST},
    [RDB_HASH] = {&rdb_hash_ops, RDB_VERSION_OLDEST},
    [RDB_ZSET_2] = {&rdb_zset_ops, 8},
    [RDB_HASH_ZIPMAP] = {&rdb_hash_ops, RDB_VERSION_OLDEST},
    [RDB_LIST_ZIPLIST] = {&rdb_list_ops, RDB_VERSION_OLDEST},
    [RDB_SET_INTSET] = {&rdb_set_ops, RDB_VERSION_OLDEST},
    [RDB_ZSET_ZIPLIST] = {&rdb_zset_ops, RDB_VERSION_OLDEST},
    [RDB_HASH_ZIPLIST] = {&rdb_hash_ops, RDB_VERSION_OLDEST},
    [RDB_LIST_QUICKLIST] = {&rdb_list_ops, 7},
    [RDB_HASH_LISTPACK] = {&rdb_hash_ops, 10},
    [RDB_ZSET_LISTPACK] = {&rdb_zset_ops, 10},
    [RDB_LIST_QUICKLIST_2] = {&rdb_list_ops, 10},
    [RDB_SET_LISTPACK] = {&rdb_set_ops, 11},
    [RDB_STREAM_LISTPACKS] = {&rdb_stream_ops, 9},
    [RDB_STREAM_LISTPACKS_2] = {&rdb_stream_ops, 10},
    [RDB_STREAM_LISTPACKS_3] = {&rdb_stream_ops, 11},
    [RDB_HASH_METADATA] = {&rdb_hash_ops, RDB_VERSION_FIELD_TTL},
    [RDB_HASH_LISTPACK_EX] = {&rdb_hash_ops, RDB_VERSION_FIELD_TTL},
    [RDB_STREAM_OWN] = {&rdb_stream_ops, RDB_VERSION_NEWEST},
};

unsigned rdb_version_of(enum rdb_type type) {
    must((unsigned)type < COUNT_OF(rows) && rows[type].ops != NULL);
    return rows[type].version;
}

void rdb_saver_begin(struct rdb_saver *saver, const struct entry *e, enum rdb_reach reach) {
    *saver = (struct rdb_saver){.entry = e, .type = ops_by_value[entry_type(e)]->type_of(e, reach)};
}

bool rdb_saver_step(struct rdb_saver *saver, struct rdb_writer *w, size_t bytes_max) {
    return ops_by_value[entry_type(saver->entry)]->save_step(saver, w, bytes_max);
}

struct entry *rdb_load_value(struct rdb_reader *r, unsigned type, const struct rdb_load *how,
                             enum rdb_loaded *result_out) {
    if (type >= COUNT_OF(rows) || rows[type].ops == NULL) {
        *result_out = RDB_LOAD_UNKNOWN;
        return NULL;
    }
    *result_out = RDB_LOADED;
    struct entry *e = rows[type].ops->load(r, (enum rdb_type)type, how, result_out);
    if (rdb_reader_is_broken(r) && *result_out == RDB_LOADED)
        *result_out = RDB_LOAD_BROKEN;
    if (*result_out != RDB_LOADED) {
        entry_free(e);
        return NULL;
    }
    must(e != NULL);
    return e;
}
