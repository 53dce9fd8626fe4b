/* config_internal.h: what the files of this folder share: the row table, words of a line, and setting one row. */
#pragma once

#include "core/config/config.h"

/* ---- words of a line */

/* A line cut into words. The views point into `storage`, or into what was cut. */
struct config__words {
    struct bytes *items;
    size_t count;
    size_t cap;
    char *storage;
};

/* Cuts at blanks and takes quotes off: "..." with \n \r \t \b \a \xHH and \ before any other byte, '...' with \' only. A
 * closing quote must end its word. False if a quote is not closed; `words_out` is then empty. */
bool config__words_cut_quoted(struct bytes line, struct config__words *words_out);

/* Cuts at each single space, so that two spaces enclose an empty word; the empty text has no words. */
void config__words_cut_spaces(struct bytes text, struct config__words *words_out);

void config__words_deinit(struct config__words *words);

/* Appends `text` in double quotes so that config__words_cut_quoted gives it back. */
void config__put_quoted(struct buf *out, struct bytes text);

/* Appends a number of bytes with the largest unit that divides it: 100mb, 1536kb, 7. */
void config__put_memory(struct buf *out, uint64_t bytes);

/* A line without the blanks around it. */
struct bytes config__trim(struct bytes line);

/* A copy with a NUL behind it, for mem_free. */
char *config__dup(struct bytes text);

/* ---- files */

/* Appends all that can still be read. False: errno says why. */
bool config__read_stream(FILE *stream, struct buf *text_out);

/* Appends the file. False: error_out has a line that says why. */
bool config__read_file(const char *path, struct buf *text_out, struct buf *error_out);

/* ---- rows */

enum config__kind {
    CONFIG__BOOL,
    CONFIG__INT,
    CONFIG__INT64,
    CONFIG__MEMORY,
    CONFIG__ENUM,
    CONFIG__STRING,
    CONFIG__SPECIAL,
};

/* Where a value comes from. */
enum config__source {
    CONFIG__FILE,    /* a line of a file or the command line: `save` lines add up */
    CONFIG__COMMAND, /* CONFIG SET */
    CONFIG__RESTORE, /* a text that config_print gave: the world outside is not asked whether it fits */
};

/* How a special row is read and shown. `field` is the row's field. */
struct config__special {
    /* Replaces the field, or leaves it as it is and appends why. */
    bool (*set)(struct config *cfg, void *field, const struct bytes *args, size_t count,
                enum config__source source, struct buf *error_out);
    void (*print)(const void *field, struct buf *out);
    void (*deinit)(void *field); /* NULL if the field owns nothing; leaves zeros */
};

struct config__word {
    const char *text;
    int value;
};

struct config__row {
    const char *name;
    const char *alias;
    enum config__kind kind;
    unsigned flags;
    size_t offset;                    /* of the field in struct config */
    uint64_t min;                     /* int64_t in the signed kinds */
    uint64_t max;                     /* the same */
    uint64_t number;                  /* default of a bool, a number or an enum */
    const char *text;                 /* default of a string or a special row */
    const struct config__word *words; /* of an enum; ends with a NULL text */
    const struct config__special *special;
    const char *help;
};

extern const struct config__row config__rows[CONFIG_COUNT];

extern const struct config__special config__special_bind;
extern const struct config__special config__special_unixsocketperm;
extern const struct config__special config__special_oom_score_adj_values;
extern const struct config__special config__special_shutdown_on_sigint;
extern const struct config__special config__special_shutdown_on_sigterm;
extern const struct config__special config__special_client_output_buffer_limit;
extern const struct config__special config__special_maxmemory_clients;
extern const struct config__special config__special_save;
extern const struct config__special config__special_latency_tracking_info_percentiles;
extern const struct config__special config__special_notify_keyspace_events;
extern const struct config__special config__special_replicaof;

/* The row's field. */
void *config__field(struct config *cfg, const struct config__row *row);
const void *config__field_const(const struct config *cfg, const struct config__row *row);

/* Sets one row from a line's words; all rules but immutability hold. False: the row is unchanged, and why is appended. */
bool config__set_words(struct config *cfg, enum config_id id, const struct bytes *args, size_t count,
                       enum config__source source, struct buf *error_out);

/* The same from one text, as CONFIG SET gives it. */
bool config__set_text(struct config *cfg, enum config_id id, struct bytes value, enum config__source source,
                      struct buf *error_out);

/* Sets the row to its default, and frees what its field owns. */
void config__set_default(struct config *cfg, enum config_id id);
void config__free_field(struct config *cfg, enum config_id id);

/* True if the row has its default value. */
bool config__is_default(const struct config *cfg, enum config_id id);

/* The row called so, and the name in the table's spelling; CONFIG_COUNT if there is none. */
enum config_id config__find_spelled(struct bytes name, const char **spelled_out);

/* Empties and frees the list. */
void config__list_deinit(struct config_list *list);

/* A list of copies. */
struct config_list config__list_of(const struct bytes *items, size_t count);
