/* config_value.c: one row's value: from text, to text, to its default.
 *
 * I1  A field changes only after its new value was accepted in full: a false answer leaves it as it was.
 * I2  config_print gives a text from which config__set_text (CONFIG__RESTORE) makes the same value again. Undoing a
 *     CONFIG SET, copying a configuration and the tests rely on it.
 * I3  A string field is NULL if and only if its text is empty. */
#include "core/config/config_internal.h"

#include "core/base/mem.h"
#include "core/base/num.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

/* Values beyond these are moved to them, not refused. */
enum { HZ_MIN = 1, HZ_MAX = 500, BACKLOG_BYTES_MIN = 16384 };

void *config__field(struct config *cfg, const struct config__row *row) {
    return (char *)cfg + row->offset;
}

const void *config__field_const(const struct config *cfg, const struct config__row *row) {
    return (const char *)cfg + row->offset;
}

static bool refuse(struct buf *error_out, const char *why) {
    buf_put(error_out, why, strlen(why));
    return false;
}

/* ---- checks of single string rows, beyond being a text */

/* {variable} stands for its value, {{ for a brace. */
static bool check_title(const char *text) {
    static const char *const variables[] = {"title",    "listen-addr", "server-mode", "port",
                                            "tls-port", "unixsocket",  "config-file"};
    if (*text == 0)
        return false;
    while (*text) {
        if (*text++ != '{')
            continue;
        if (*text == '{') {
            text++;
            continue;
        }
        size_t len = strcspn(text, "}");
        bool is_known = false;
        for (size_t i = 0; i < COUNT_OF(variables); i++)
            is_known |= bytes_equal(bytes_of(text, len), bytes_cstr(variables[i]));
        if (!is_known || text[len] == 0)
            return false;
        text += len + 1;
    }
    return true;
}

static bool check_file_name(enum config_id id, const char *text, struct buf *error_out) {
    const char *name = config_name(id);
    if (*text == 0) {
        buf_printf(error_out, "%s can't be empty", name);
        return false;
    }
    if (strchr(text, '/')) {
        buf_printf(error_out, "%s can't be a path, just a %s", name,
                   id == CONFIG_appenddirname ? "dirname" : "filename");
        return false;
    }
    return true;
}

static bool check_folder(const char *text, struct buf *error_out) {
    struct stat facts;
    if (stat(text, &facts) != 0)
        return refuse(error_out, strerror(errno));
    return S_ISDIR(facts.st_mode) || refuse(error_out, strerror(ENOTDIR));
}

static bool check_hostname(const char *text, struct buf *error_out) {
    if (strlen(text) >= 256)
        return refuse(error_out, "Hostnames must be less than 256 characters");
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
    return text[strspn(text, allowed)] == 0 ||
           refuse(error_out, "Hostnames may only contain alphanumeric characters, hyphens or dots");
}

static bool check_string(enum config_id id, const char *text, enum config__source source,
                         struct buf *error_out) {
    if (id == CONFIG_dbfilename || id == CONFIG_appendfilename || id == CONFIG_appenddirname)
        return check_file_name(id, text, error_out);
    if (id == CONFIG_dir && source != CONFIG__RESTORE)
        return check_folder(text, error_out);
    if (id == CONFIG_cluster_announce_hostname)
        return check_hostname(text, error_out);
    if (id == CONFIG_proc_title_template && !check_title(text))
        return refuse(error_out, "template format is invalid or contains unknown variables");
    return true;
}

/* ---- from text, per kind */

static bool set_bool(bool *field, struct bytes text, struct buf *error_out) {
    bool is_yes = bytes_is_word(text, "yes");
    if (!is_yes && !bytes_is_word(text, "no"))
        return refuse(error_out, "argument must be 'yes' or 'no'");
    *field = is_yes;
    return true;
}

/* Reads a number between the row's bounds. */
static bool read_int(const struct config__row *row, struct bytes text, int64_t *value_out,
                     struct buf *error_out) {
    int64_t value, min = (int64_t)row->min, max = (int64_t)row->max;
    if (!num_parse_int(text, &value))
        return refuse(error_out, "argument couldn't be parsed into an integer");
    if (value < min || value > max) {
        buf_printf(error_out, "argument must be between %" PRId64 " and %" PRId64 " inclusive", min, max);
        return false;
    }
    *value_out = value;
    return true;
}

static bool set_int(enum config_id id, int *field, struct bytes text, struct buf *error_out) {
    int64_t value;
    if (!read_int(&config__rows[id], text, &value, error_out))
        return false;
    if (id == CONFIG_hz)
        value = value < HZ_MIN ? HZ_MIN : value > HZ_MAX ? HZ_MAX : value;
    *field = (int)value;
    return true;
}

static bool set_memory(enum config_id id, uint64_t *field, struct bytes text, struct buf *error_out) {
    const struct config__row *row = &config__rows[id];
    uint64_t value = 0; /* what an empty text means */
    if (text.len && !num_parse_memory(text, &value))
        return refuse(error_out, "argument must be a memory value");
    if (value < row->min || value > row->max) {
        buf_printf(error_out, "argument must be between %" PRIu64 " and %" PRIu64 " inclusive", row->min,
                   row->max);
        return false;
    }
    if (id == CONFIG_repl_backlog_size && value < BACKLOG_BYTES_MIN)
        value = BACKLOG_BYTES_MIN;
    *field = value;
    return true;
}

static bool set_enum(const struct config__row *row, int *field, struct bytes text, struct buf *error_out) {
    for (const struct config__word *word = row->words; word->text; word++)
        if (bytes_is_word(text, word->text)) {
            *field = word->value;
            return true;
        }
    BUF_PUT_LIT(error_out, "argument(s) must be one of the following: ");
    for (const struct config__word *word = row->words; word->text; word++)
        buf_printf(error_out, "%s%s", word == row->words ? "" : ", ", word->text);
    return false;
}

static bool set_string(enum config_id id, char **field, struct bytes text, enum config__source source,
                       struct buf *error_out) {
    if (text.len && memchr(text.ptr, 0, text.len))
        return refuse(error_out, "argument must not contain a zero byte");
    char *copy = config__dup(text);
    if (!check_string(id, copy, source, error_out)) {
        mem_free(copy);
        return false;
    }
    mem_free(*field);
    if (text.len == 0) {
        mem_free(copy);
        copy = NULL; /* I3 */
    }
    *field = copy;
    return true;
}

static bool set_single(struct config *cfg, enum config_id id, struct bytes text, enum config__source source,
                       struct buf *error_out) {
    const struct config__row *row = &config__rows[id];
    void *field = config__field(cfg, row);
    switch (row->kind) {
    case CONFIG__BOOL: return set_bool(field, text, error_out);
    case CONFIG__INT: return set_int(id, field, text, error_out);
    case CONFIG__INT64: return read_int(row, text, field, error_out);
    case CONFIG__MEMORY: return set_memory(id, field, text, error_out);
    case CONFIG__ENUM: return set_enum(row, field, text, error_out);
    case CONFIG__STRING: return set_string(id, field, text, source, error_out);
    case CONFIG__SPECIAL: break;
    }
    must(row->kind != CONFIG__SPECIAL);
    return false;
}

/* Undoes a value that a CONFIG_ONLY_DEFAULT row took, and says why. */
static bool refuse_other_than_default(struct config *cfg, enum config_id id, struct buf *error_out) {
    config__free_field(cfg, id);
    config__set_default(cfg, id);
    buf_printf(error_out, "this server does not have the feature behind '%s'; leave it at its default",
               config_name(id));
    return false;
}

bool config__set_words(struct config *cfg, enum config_id id, const struct bytes *args, size_t count,
                       enum config__source source, struct buf *error_out) {
    const struct config__row *row = &config__rows[id];
    bool is_set;
    if (row->kind == CONFIG__SPECIAL)
        is_set = row->special->set(cfg, config__field(cfg, row), args, count, source, error_out);
    else if (count != 1)
        return refuse(error_out, "wrong number of arguments");
    else
        is_set = set_single(cfg, id, args[0], source, error_out);
    if (is_set && (row->flags & CONFIG_ONLY_DEFAULT) && !config__is_default(cfg, id))
        return refuse_other_than_default(cfg, id, error_out);
    return is_set;
}

bool config__set_text(struct config *cfg, enum config_id id, struct bytes value, enum config__source source,
                      struct buf *error_out) {
    if (!(config__rows[id].flags & CONFIG_MULTI_ARG))
        return config__set_words(cfg, id, &value, 1, source, error_out);
    struct config__words words;
    config__words_cut_spaces(value, &words);
    bool is_set = config__set_words(cfg, id, words.items, words.count, source, error_out);
    config__words_deinit(&words);
    return is_set;
}

/* ---- defaults */

void config__set_default(struct config *cfg, enum config_id id) {
    const struct config__row *row = &config__rows[id];
    void *field = config__field(cfg, row);
    switch (row->kind) {
    case CONFIG__BOOL: *(bool *)field = row->number != 0; break;
    case CONFIG__INT: *(int *)field = (int)(int64_t)row->number; break;
    case CONFIG__INT64: *(int64_t *)field = (int64_t)row->number; break;
    case CONFIG__MEMORY: *(uint64_t *)field = row->number; break;
    case CONFIG__ENUM: *(int *)field = (int)row->number; break;
    case CONFIG__STRING: *(char **)field = row->text ? config__dup(bytes_cstr(row->text)) : NULL; break;
    case CONFIG__SPECIAL: {
        struct buf error;
        buf_init(&error);
        bool is_set = config__set_text(cfg, id, bytes_cstr(row->text), CONFIG__RESTORE, &error);
        must(is_set);
        buf_deinit(&error);
        break;
    }
    }
}

void config__free_field(struct config *cfg, enum config_id id) {
    const struct config__row *row = &config__rows[id];
    void *field = config__field(cfg, row);
    if (row->kind == CONFIG__STRING) {
        mem_free(*(char **)field);
        *(char **)field = NULL;
    } else if (row->kind == CONFIG__SPECIAL && row->special->deinit) {
        row->special->deinit(field);
    }
}

bool config__is_default(const struct config *cfg, enum config_id id) {
    const struct config__row *row = &config__rows[id];
    const void *field = config__field_const(cfg, row);
    switch (row->kind) {
    case CONFIG__BOOL: return *(const bool *)field == (row->number != 0);
    case CONFIG__INT: return *(const int *)field == (int)(int64_t)row->number;
    case CONFIG__INT64: return *(const int64_t *)field == (int64_t)row->number;
    case CONFIG__MEMORY: return *(const uint64_t *)field == row->number;
    case CONFIG__ENUM: return *(const int *)field == (int)row->number;
    case CONFIG__STRING:
    case CONFIG__SPECIAL: break;
    }
    struct buf text;
    buf_init(&text);
    config_print(cfg, id, &text);
    bool is_default = bytes_equal(buf_bytes(&text), row->text ? bytes_cstr(row->text) : BYTES_NONE);
    buf_deinit(&text);
    return is_default;
}

/* ---- to text */

static const char *word_of(const struct config__row *row, int value) {
    const struct config__word *word = row->words;
    while (word->text && word->value != value)
        word++;
    must(word->text);
    return word->text;
}

void config_print(const struct config *cfg, enum config_id id, struct buf *text_out) {
    const struct config__row *row = &config__rows[id];
    const void *field = config__field_const(cfg, row);
    switch (row->kind) {
    case CONFIG__BOOL: buf_printf(text_out, "%s", *(const bool *)field ? "yes" : "no"); break;
    case CONFIG__INT: buf_printf(text_out, "%d", *(const int *)field); break;
    case CONFIG__INT64: buf_printf(text_out, "%" PRId64, *(const int64_t *)field); break;
    case CONFIG__MEMORY: buf_printf(text_out, "%" PRIu64, *(const uint64_t *)field); break;
    case CONFIG__ENUM: buf_printf(text_out, "%s", word_of(row, *(const int *)field)); break;
    case CONFIG__STRING: {
        const char *text = *(char *const *)field;
        buf_put_bytes(text_out, text ? bytes_cstr(text) : BYTES_NONE);
        break;
    }
    case CONFIG__SPECIAL: row->special->print(field, text_out); break;
    }
}
