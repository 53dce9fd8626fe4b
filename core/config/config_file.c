/* config_file.c: reading directives from text: a file, standard input, or the command line turned into lines.
 *
 * Lines are independent, except that `include` reads another file in place and that `save` lines add up. The first
 * mistake ends the reading with a report that names the line; a server must not start on half of its configuration.
 *
 * I1  Includes nest at most INCLUDE_DEPTH_MAX deep, so a file that includes itself is reported instead of overflowing. */
#include "core/config/config_internal.h"

#include "core/base/mem.h"

#include <errno.h>
#include <glob.h>

enum { INCLUDE_DEPTH_MAX = 16, READ_BYTES = 16384 };

/* One reading: what is filled, how deep, and the report. */
struct reading {
    struct config *cfg;
    struct buf *error_out;
    int depth;
};

static bool read_text(struct reading *reading, struct bytes text);
static bool read_file(struct reading *reading, const char *path);

static bool refuse(struct buf *why, const char *text) {
    buf_put(why, text, strlen(text));
    return false;
}

/* Directives of the first Redis versions, which no longer mean anything. */
static bool is_forgotten(struct bytes name) {
    return bytes_is_word(name, "list-max-ziplist-entries") || bytes_is_word(name, "list-max-ziplist-value") ||
           bytes_is_word(name, "lua-replicate-commands");
}

/* ---- directives that are no rows. `why` gets a reason; an empty one says that the report was written already. */

static bool add_rename(struct config *cfg, const struct config__words *words, struct buf *why) {
    if (words->items[1].len == 0)
        return refuse(why, "No such command in rename-command");
    cfg->renames = mem_realloc(cfg->renames, (cfg->rename_count + 1) * sizeof(*cfg->renames));
    cfg->renames[cfg->rename_count++] =
        (struct config_rename){config__dup(words->items[1]), config__dup(words->items[2])};
    return true;
}

static void add_user(struct config *cfg, const struct config__words *words) {
    cfg->users = mem_realloc(cfg->users, (cfg->user_count + 1) * sizeof(*cfg->users));
    cfg->users[cfg->user_count++] = config__list_of(words->items + 1, words->count - 1);
}

static bool include(struct reading *reading, struct bytes path_text, struct buf *why) {
    if (reading->depth == INCLUDE_DEPTH_MAX)
        return refuse(why, "include directives are nested too deeply"); /* I1 */
    char *path = config__dup(path_text);
    bool is_read = true;
    if (strpbrk(path, "*?[")) {
        glob_t found;
        if (glob(path, 0, NULL, &found) == 0) {
            for (size_t i = 0; i < found.gl_pathc && is_read; i++)
                is_read = read_file(reading, found.gl_pathv[i]);
            globfree(&found);
        }
    } else {
        is_read = read_file(reading, path);
    }
    mem_free(path);
    return is_read;
}

static bool run_other(struct reading *reading, const struct config__words *words, struct buf *why) {
    struct bytes name = words->items[0];
    if (bytes_is_word(name, "include") && words->count == 2)
        return include(reading, words->items[1], why);
    if (bytes_is_word(name, "rename-command") && words->count == 3)
        return add_rename(reading->cfg, words, why);
    if (bytes_is_word(name, "user") && words->count >= 2) {
        add_user(reading->cfg, words);
        return true;
    }
    if (bytes_is_word(name, "loadmodule") && words->count >= 2)
        return refuse(why, "this server cannot load modules");
    if (bytes_is_word(name, "sentinel"))
        return refuse(why, "sentinel directive while not in sentinel mode");
    if (is_forgotten(name) && words->count == 2)
        return true;
    return refuse(why, "Bad directive or wrong number of arguments");
}

/* ---- lines */

static bool run_words(struct reading *reading, const struct config__words *words, struct buf *why) {
    enum config_id id = config_find(words->items[0]);
    if (id == CONFIG_COUNT)
        return run_other(reading, words, why);
    /* An only argument of a row that takes several may hold them all: --save "900 1". */
    if (words->count == 2)
        return config__set_text(reading->cfg, id, words->items[1], CONFIG__FILE, why);
    return config__set_words(reading->cfg, id, words->items + 1, words->count - 1, CONFIG__FILE, why);
}

static bool run_line(struct reading *reading, struct bytes line, struct buf *why) {
    struct config__words words;
    if (!config__words_cut_quoted(line, &words))
        return refuse(why, "Unbalanced quotes in configuration line");
    bool is_done = words.count == 0 || run_words(reading, &words, why);
    config__words_deinit(&words);
    return is_done;
}

static void report(struct buf *out, unsigned line_number, struct bytes line, struct bytes why) {
    buf_printf(out,
               "\n*** FATAL CONFIG FILE ERROR (Basalt) ***\n"
               "Reading the configuration file, at line %u\n>>> '",
               line_number);
    buf_put_bytes(out, line);
    BUF_PUT_LIT(out, "'\n");
    buf_put_bytes(out, why);
    buf_put_char(out, '\n');
}

static bool read_text(struct reading *reading, struct bytes text) {
    struct buf why;
    buf_init(&why);
    bool is_done = true;
    unsigned number = 0;
    for (size_t begin = 0; begin < text.len && is_done; number++) {
        const char *newline = memchr(text.ptr + begin, '\n', text.len - begin);
        size_t len = newline ? (size_t)(newline - text.ptr) - begin : text.len - begin;
        struct bytes line = config__trim(bytes_of(text.ptr + begin, len));
        begin += len + 1;
        if (line.len == 0 || line.ptr[0] == '#')
            continue;
        is_done = run_line(reading, line, &why);
        if (!is_done && why.len)
            report(reading->error_out, number + 1, line, buf_bytes(&why));
    }
    buf_deinit(&why);
    return is_done;
}

bool config__read_stream(FILE *stream, struct buf *text_out) {
    size_t got;
    do {
        got = fread(buf_room(text_out, READ_BYTES), 1, READ_BYTES, stream);
        buf_commit(text_out, got);
    } while (got > 0);
    return !ferror(stream);
}

bool config__read_file(const char *path, struct buf *text_out, struct buf *error_out) {
    FILE *file = fopen(path, "re");
    bool is_read = file && config__read_stream(file, text_out);
    if (!is_read)
        buf_printf(error_out, "Fatal error, can't open config file '%s': %s\n", path, strerror(errno));
    if (file)
        fclose(file);
    return is_read;
}

static bool read_file(struct reading *reading, const char *path) {
    struct buf text;
    buf_init(&text);
    bool is_read = config__read_file(path, &text, reading->error_out);
    if (is_read) {
        reading->depth++;
        is_read = read_text(reading, buf_bytes(&text));
        reading->depth--;
    }
    buf_deinit(&text);
    return is_read;
}

bool config_load_text(struct config *cfg, struct bytes text, struct buf *error_out) {
    struct reading reading = {cfg, error_out, 0};
    return read_text(&reading, text);
}

bool config_load_file(struct config *cfg, const char *path, struct buf *error_out) {
    struct reading reading = {cfg, error_out, 0};
    return read_file(&reading, path);
}
