/* value.c: the one table that knows all types.
 *
 * A constant table instead of registration at start: the linker then proves that a type that has a row has its
 * operations, and nothing in the engine is a mutable global. A row that is still empty belongs to a type that
 * nobody can create; asking for it is a bug. */
#include "core/value/value.h"

#include "core/value/hash.h"
#include "core/value/list.h"
#include "core/value/set.h"
#include "core/value/stream.h"
#include "core/value/zset.h"

/* clang-format off */
static const struct {
    const char *name;
    const struct value_ops *ops;
} value_rows[VALUE_TYPE_COUNT] = {
    [VALUE_STRING] = {"string", NULL},
    [VALUE_LIST] = {"list", &list_ops},
    [VALUE_SET] = {"set", &set_ops},
    [VALUE_ZSET] = {"zset", &zset_ops},
    [VALUE_HASH] = {"hash", &hash_ops},
    [VALUE_STREAM] = {"stream", &stream_value_ops},
};
/* clang-format on */

const char *value_type_name(enum value_type type) {
    must(type < VALUE_TYPE_COUNT);
    return value_rows[type].name;
}

const struct value_ops *value_ops(enum value_type type) {
    must(type < VALUE_TYPE_COUNT);
    must(value_rows[type].ops != NULL);
    return value_rows[type].ops;
}
