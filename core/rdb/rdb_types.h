/* rdb_types.h: what each type of value brings to rdb_value.c; for this folder only. */
#pragma once

#include "core/rdb/rdb_value.h"

struct rdb_type_ops {
    /* The number that the value is written with. */
    enum rdb_type (*type_of)(const struct entry *e, enum rdb_reach reach);

    /* As rdb_saver_step. */
    bool (*save_step)(struct rdb_saver *saver, struct rdb_writer *w, size_t bytes_max);

    /* Reads a body of any number that the type has had. The reader may be broken afterwards; then, and when *result_out
     * was changed from RDB_LOADED, the caller frees what came back. NULL only in these cases. */
    struct entry *(*load)(struct rdb_reader *r, enum rdb_type type, const struct rdb_load *how,
                          enum rdb_loaded *result_out);
};

extern const struct rdb_type_ops rdb_str_ops;
extern const struct rdb_type_ops rdb_list_ops;
extern const struct rdb_type_ops rdb_set_ops;
extern const struct rdb_type_ops rdb_hash_ops;
extern const struct rdb_type_ops rdb_stream_ops;
extern const struct rdb_type_ops rdb_zset_ops;
