/* config_table.c: config.def as data: one struct config__row per directive, indexed by enum config_id.
 *
 * Numbers of all kinds share uint64_t slots; the kind says how to read them back. That keeps one table for every kind
 * at the price of casts in config_value.c. Looking a name up is a walk over some 190 rows: it happens at the start and
 * in CONFIG commands only. */
#include "core/config/config_internal.h"

#include <limits.h>

/* One table of words per enum: words_<type>. */
/* clang-format off */
#define CONFIG_ENUM(type) static const struct config__word words_##type[] = {
#define CONFIG_WORD(enumerator, word) {word, enumerator},
#define CONFIG_ENUM_END {NULL, 0}};
#include "core/config/config_enum.def"
/* clang-format on */

#define NUMBER_ROW(row_kind, row_id, row_name, row_alias, row_min, row_max, value, row_flags, row_help)      \
    [CONFIG_##row_id] = {.name = (row_name),                                                                 \
                         .alias = (row_alias),                                                               \
                         .kind = (row_kind),                                                                 \
                         .flags = (row_flags),                                                               \
                         .offset = offsetof(struct config, row_id),                                          \
                         .min = (uint64_t)(row_min),                                                         \
                         .max = (uint64_t)(row_max),                                                         \
                         .number = (uint64_t)(value),                                                        \
                         .help = (row_help)},

const struct config__row config__rows[CONFIG_COUNT] = {
#define ROW_BOOL(id, name, alias, value, flags, help)                                                        \
    NUMBER_ROW(CONFIG__BOOL, id, name, alias, 0, 1, value, flags, help)
#define ROW_INT(id, name, alias, min, max, value, flags, help)                                               \
    NUMBER_ROW(CONFIG__INT, id, name, alias, min, max, value, flags, help)
#define ROW_INT64(id, name, alias, min, max, value, flags, help)                                             \
    NUMBER_ROW(CONFIG__INT64, id, name, alias, min, max, value, flags, help)
#define ROW_MEMORY(id, name, alias, min, max, value, flags, help)                                            \
    NUMBER_ROW(CONFIG__MEMORY, id, name, alias, min, max, value, flags, help)
#define ROW_ENUM(row_id, row_name, row_alias, type, value, row_flags, row_help)                              \
    [CONFIG_##row_id] = {.name = (row_name),                                                                 \
                         .alias = (row_alias),                                                               \
                         .kind = CONFIG__ENUM,                                                               \
                         .flags = (row_flags),                                                               \
                         .offset = offsetof(struct config, row_id),                                          \
                         .number = (uint64_t)(value),                                                        \
                         .words = words_##type,                                                              \
                         .help = (row_help)},
#define ROW_STRING(row_id, row_name, row_alias, value, row_flags, row_help)                                  \
    [CONFIG_##row_id] = {.name = (row_name),                                                                 \
                         .alias = (row_alias),                                                               \
                         .kind = CONFIG__STRING,                                                             \
                         .flags = (row_flags),                                                               \
                         .offset = offsetof(struct config, row_id),                                          \
                         .text = (value),                                                                    \
                         .help = (row_help)},
#define ROW_SPECIAL(row_id, row_name, row_alias, field_type, value, row_flags, row_help)                     \
    [CONFIG_##row_id] = {.name = (row_name),                                                                 \
                         .alias = (row_alias),                                                               \
                         .kind = CONFIG__SPECIAL,                                                            \
                         .flags = (row_flags),                                                               \
                         .offset = offsetof(struct config, row_id),                                          \
                         .text = (value),                                                                    \
                         .special = &config__special_##row_id,                                               \
                         .help = (row_help)},
#include "core/config/config.def"
};

enum config_id config__find_spelled(struct bytes name, const char **spelled_out) {
    for (unsigned i = 0; i < CONFIG_COUNT; i++) {
        const struct config__row *row = &config__rows[i];
        const char *spelled = bytes_is_word(name, row->name)                  ? row->name
                              : row->alias && bytes_is_word(name, row->alias) ? row->alias
                                                                              : NULL;
        if (spelled) {
            *spelled_out = spelled;
            return (enum config_id)i;
        }
    }
    *spelled_out = NULL;
    return CONFIG_COUNT;
}

enum config_id config_find(struct bytes name) {
    const char *spelled;
    return config__find_spelled(name, &spelled);
}

const char *config_name(enum config_id id) {
    must(id < CONFIG_COUNT);
    return config__rows[id].name;
}

unsigned config_flags(enum config_id id) {
    must(id < CONFIG_COUNT);
    return config__rows[id].flags;
}
