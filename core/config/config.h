/* config.h: the server's configuration: what redis.conf, the command line and CONFIG SET say.
 *
 * Every directive is a row of config.def, and its value a field of struct config named as the directive, with
 * underscores. Three ways lead in: config_load_args (a start), config_set (CONFIG SET, all or nothing) and config_put
 * (the server corrects itself). Two lead out: config_get (CONFIG GET) and config_rewrite (CONFIG REWRITE).
 *
 * Owner: the start-up object owns the one instance and its thread alone writes it; threads that need their own copy
 * get one by config_copy. All texts in a struct config belong to it and die with the next change of their row.
 * Errors of users are texts, appended to `error_out` without a line end; the function then answers false.
 *
 * Terms: a *row* is a directive; its *name* is what users write; an *alias* is a second name that CONFIG GET shows too. */
#pragma once

#include "core/base/buf.h"
#include "core/base/bytes.h"

#include <limits.h>
#include <stdio.h>

/* ---- types of the enum rows */

/* clang-format off */
#define CONFIG_ENUM(type) enum type {
#define CONFIG_WORD(enumerator, word) enumerator,
#define CONFIG_ENUM_END };
#include "core/config/config_enum.def"
/* clang-format on */

/* ---- field types of the special rows */

/* Texts in order, for instance the addresses of bind. */
struct config_list {
    char **items;
    size_t count;
};

/* Save a snapshot when `changes` keys changed within `seconds`. */
struct config_save_point {
    int64_t seconds;
    int changes;
};

struct config_save {
    struct config_save_point *points;
    size_t count;
};

/* Classes of clients with their own output limits. */
enum config_client_class {
    CONFIG_CLASS_NORMAL,
    CONFIG_CLASS_REPLICA,
    CONFIG_CLASS_PUBSUB,
    CONFIG_CLASS_COUNT
};

struct config_output_limit {
    uint64_t hard_bytes; /* 0 is no limit */
    uint64_t soft_bytes; /* 0 is no limit */
    int64_t soft_seconds;
};

struct config_output_limits {
    struct config_output_limit of[CONFIG_CLASS_COUNT];
};

struct config_oom_values {
    int of[3]; /* primary, replica, background child */
};

struct config_percentiles {
    double *values;
    size_t count;
};

/* Bits of notify_keyspace_events, with their letters. */
enum config_notify {
    CONFIG_NOTIFY_KEYSPACE = 1 << 0,  /* K */
    CONFIG_NOTIFY_KEYEVENT = 1 << 1,  /* E */
    CONFIG_NOTIFY_GENERIC = 1 << 2,   /* g */
    CONFIG_NOTIFY_STRING = 1 << 3,    /* $ */
    CONFIG_NOTIFY_LIST = 1 << 4,      /* l */
    CONFIG_NOTIFY_SET = 1 << 5,       /* s */
    CONFIG_NOTIFY_HASH = 1 << 6,      /* h */
    CONFIG_NOTIFY_ZSET = 1 << 7,      /* z */
    CONFIG_NOTIFY_EXPIRED = 1 << 8,   /* x */
    CONFIG_NOTIFY_EVICTED = 1 << 9,   /* e */
    CONFIG_NOTIFY_STREAM = 1 << 10,   /* t */
    CONFIG_NOTIFY_KEY_MISS = 1 << 11, /* m, not part of A */
    CONFIG_NOTIFY_MODULE = 1 << 13,   /* d */
    CONFIG_NOTIFY_NEW = 1 << 14,      /* n, not part of A */
    /* A: all but m and n */
    CONFIG_NOTIFY_ALL = CONFIG_NOTIFY_GENERIC | CONFIG_NOTIFY_STRING | CONFIG_NOTIFY_LIST |
                        CONFIG_NOTIFY_SET | CONFIG_NOTIFY_HASH | CONFIG_NOTIFY_ZSET | CONFIG_NOTIFY_EXPIRED |
                        CONFIG_NOTIFY_EVICTED | CONFIG_NOTIFY_STREAM | CONFIG_NOTIFY_MODULE,
};

/* Bits of shutdown_on_sigint and shutdown_on_sigterm; 0 is "default". */
enum config_shutdown {
    CONFIG_SHUTDOWN_SAVE = 1,
    CONFIG_SHUTDOWN_NOSAVE = 2,
    CONFIG_SHUTDOWN_NOW = 4,
    CONFIG_SHUTDOWN_FORCE = 8,
};

/* rename-command FROM TO; an empty `to` removes the command. */
struct config_rename {
    char *from;
    char *to;
};

/* ---- the configuration */

struct config {
#define ROW_BOOL(id, name, alias, value, flags, help)                bool id;
#define ROW_INT(id, name, alias, min, max, value, flags, help)       int id;
#define ROW_INT64(id, name, alias, min, max, value, flags, help)     int64_t id;
#define ROW_MEMORY(id, name, alias, min, max, value, flags, help)    uint64_t id;
#define ROW_ENUM(id, name, alias, type, value, flags, help)          enum type id;
#define ROW_STRING(id, name, alias, value, flags, help)              char *id;
#define ROW_SPECIAL(id, name, alias, field_type, value, flags, help) field_type id;
#include "core/config/config.def"

    /* Directives that only a file or the command line can give, and that CONFIG GET does not show. */
    struct config_rename *renames;
    size_t rename_count;
    struct config_list
        *users; /* of each line `user NAME RULE...`: name and rules, for the access control list */
    size_t user_count;

    char *config_file;  /* absolute path of the file given at the start, or NULL */
    bool save_is_given; /* a file has named save points, so the next `save` line adds to them */
};

enum config_id {
#define ROW_BOOL(id, name, alias, value, flags, help)                CONFIG_##id,
#define ROW_INT(id, name, alias, min, max, value, flags, help)       CONFIG_##id,
#define ROW_INT64(id, name, alias, min, max, value, flags, help)     CONFIG_##id,
#define ROW_MEMORY(id, name, alias, min, max, value, flags, help)    CONFIG_##id,
#define ROW_ENUM(id, name, alias, type, value, flags, help)          CONFIG_##id,
#define ROW_STRING(id, name, alias, value, flags, help)              CONFIG_##id,
#define ROW_SPECIAL(id, name, alias, field_type, value, flags, help) CONFIG_##id,
#include "core/config/config.def"
    CONFIG_COUNT
};

enum config_flag {
    CONFIG_IMMUTABLE = 1 << 0,               /* only at the start, not by CONFIG SET */
    CONFIG_PROTECTED = 1 << 1,               /* CONFIG SET only as enable-protected-configs allows */
    CONFIG_SENSITIVE = 1 << 2,               /* the value must not appear in logs */
    CONFIG_MULTI_ARG = 1 << 3,               /* several arguments in a file's line */
    CONFIG_ACCEPTED = 1 << 4,                /* kept and shown, but has no effect */
    CONFIG_ONLY_DEFAULT = 1 << 5,            /* any other value is refused: the feature is not there */
    CONFIG_OWN = 1 << 6,                     /* not a directive of Redis */
    CONFIG_LATER = 1 << 7 | CONFIG_ACCEPTED, /* no effect yet: what it is about is not built */
};

/* A set of rows. */
struct config_ids {
    uint64_t words[(CONFIG_COUNT + 63) / 64];
};

static inline bool config_ids_has(const struct config_ids *ids, enum config_id id) {
    return (ids->words[id / 64] >> (id % 64)) & 1;
}

/* ---- life */

/* Fills `cfg` with the defaults; config_deinit frees what it then owns. */
void config_init_defaults(struct config *cfg);
void config_deinit(struct config *cfg);

/* Makes `copy_out` (not initialised) an independent copy. */
void config_copy(const struct config *cfg, struct config *copy_out);

/* ---- loading, before the server starts */

enum config_args {
    CONFIG_ARGS_RUN,     /* cfg is ready */
    CONFIG_ARGS_VERSION, /* --version or -v was asked for; cfg untouched */
    CONFIG_ARGS_HELP,    /* --help or -h; cfg untouched */
    CONFIG_ARGS_ERROR, /* error_out has a text of several lines for standard error; cfg must be thrown away */
};

/* Reads the command line as redis-server does: [file] [-] [--directive value...]... The file comes first, then what
 * stands on `standard_input` if a lone `-` is the last argument, then the options; the last word wins. */
enum config_args config_load_args(struct config *cfg, int argc, char *const argv[], FILE *standard_input,
                                  struct buf *error_out);

/* Reads one file, or text in its format. False: error_out has the whole report ("*** FATAL CONFIG FILE ERROR ..."). */
bool config_load_file(struct config *cfg, const char *path, struct buf *error_out);
bool config_load_text(struct config *cfg, struct bytes text, struct buf *error_out);

/* ---- CONFIG GET */

typedef void config_get_fn(void *context, struct bytes name, struct bytes value);

/* Calls `fn` for each row that one of the patterns matches, once per name. A pattern without wildcards is a name, and is
 * given back as the client wrote it. Views end with the callback. */
void config_get(const struct config *cfg, const struct bytes *patterns, size_t count, config_get_fn *fn,
                void *context);

/* Appends one row's value as CONFIG GET shows it. */
void config_print(const struct config *cfg, enum config_id id, struct buf *text_out);

/* ---- CONFIG SET */

struct config_pair {
    struct bytes name;
    struct bytes value;
};

/* How the server puts a new value to work. Called once per changed row after all fields have been written; false, with
 * a text, undoes the whole CONFIG SET: fields are restored, and apply is called again for the rows done so far. */
struct config_apply {
    void *owner;
    bool (*apply)(void *owner, const struct config *cfg, enum config_id id, struct buf *error_out);
    bool caller_is_local; /* for protected rows under `enable-protected-configs local` */
};

/* Sets all pairs or none. False: error_out has the reply, from "ERR" on. True: changed_out has the rows whose value is
 * another one now. `apply` may be NULL, and so may its function. */
bool config_set(struct config *cfg, const struct config_pair *pairs, size_t count,
                const struct config_apply *apply, struct config_ids *changed_out, struct buf *error_out);

/* Sets one row from the text that config_print gives, whatever its flags; for the server's own corrections (the real
 * working folder, a lowered maxclients). False and a text if the row does not take it. */
bool config_put(struct config *cfg, enum config_id id, struct bytes value, struct buf *error_out);

/* ---- CONFIG REWRITE */

/* Replaces all lines `user ...` by copies of these, each a name and rules; for rewriting what ACL SETUSER changed. */
void config_put_users(struct config *cfg, const struct config_list *users, size_t count);

/* Appends to `text_out` the file `old_text` with cfg's present values: comments and order stay, directives that changed
 * are rewritten in place, new ones that differ from their default go to the end, and surplus lines vanish. */
void config_rewrite(const struct config *cfg, struct bytes old_text, struct buf *text_out);

/* ---- facts about rows */

/* The row with this name or alias, in any case; CONFIG_COUNT if there is none. */
enum config_id config_find(struct bytes name);

const char *config_name(enum config_id id);
unsigned config_flags(enum config_id id);

/* Appends a line for each directive that was changed from its default but has no effect in this server, so that the
 * start can log it. */
void config_print_notes(const struct config *cfg, struct buf *lines_out);

/* The text of --help. */
void config_print_help(FILE *out);
