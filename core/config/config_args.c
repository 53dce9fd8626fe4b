/* config_args.c: the command line, read as redis-server reads it.
 *
 *   basalt-server [file] [-] [--directive value...]...
 *
 * The options are not interpreted here. They are turned into lines of a configuration file, `--port 7000` into
 * `port "7000"`, and read behind the file and standard input as one text. So options win over the file, obey the
 * same rules, and a mistake is reported with its line.
 *
 * A word with two leading minus signs begins a directive only where a value is not awaited: --requirepass --secret
 * sets a password. `--save --port 7000` is the one exception: its missing value is the empty one. */
#include "core/config/config_internal.h"

#include "core/base/mem.h"

#include <errno.h>
#include <unistd.h>

static bool is_either(const char *text, const char *a, const char *b) {
    return strcmp(text, a) == 0 || strcmp(text, b) == 0;
}

static bool begins_directive(const char *word) {
    return word[0] == '-' && word[1] == '-';
}

/* True if the word is a name alone, not a name and its value in one word as in "--port 7000". */
static bool is_name_only(const char *word) {
    struct config__words words;
    bool is_only = config__words_cut_quoted(bytes_cstr(word), &words) && words.count == 1;
    config__words_deinit(&words);
    return is_only;
}

/* Turns the words from argv[first] on into lines; true in *wants_input_out if one is a lone minus sign. */
static void lines_of_options(int argc, char *const argv[], int first, struct buf *lines_out,
                             bool *wants_input_out) {
    *wants_input_out = false;
    bool awaits_value = false;
    for (int i = first; i < argc; i++) {
        if (strcmp(argv[i], "-") == 0 && (i == 1 || i == argc - 1)) {
            *wants_input_out = true;
            continue;
        }
        if (awaits_value || !begins_directive(argv[i])) {
            config__put_quoted(lines_out, bytes_cstr(argv[i]));
            buf_put_char(lines_out, ' ');
            awaits_value = false;
            continue;
        }
        buf_printf(lines_out, "%s%s ", lines_out->len ? "\n" : "", argv[i] + 2);
        awaits_value = is_name_only(argv[i]);
        bool is_value_missing = i == argc - 1 || begins_directive(argv[i + 1]);
        if (awaits_value && is_value_missing && bytes_is_word(bytes_cstr(argv[i]), "--save")) {
            BUF_PUT_LIT(lines_out, "\"\"");
            awaits_value = false;
        }
    }
}

/* The path from the root, without resolving links. */
static char *absolute_path(const char *path) {
    if (path[0] == '/')
        return config__dup(bytes_cstr(path));
    char folder[4096];
    if (!getcwd(folder, sizeof(folder)))
        return config__dup(bytes_cstr(path));
    while (path[0] == '.' && path[1] == '/')
        path += 2;
    struct buf text;
    buf_init(&text);
    buf_printf(&text, "%s%s%s", folder, strcmp(folder, "/") == 0 ? "" : "/", path);
    char *copy = config__dup(buf_bytes(&text));
    buf_deinit(&text);
    return copy;
}

enum config_args config_load_args(struct config *cfg, int argc, char *const argv[], FILE *standard_input,
                                  struct buf *error_out) {
    if (argc >= 2 && is_either(argv[1], "-v", "--version"))
        return CONFIG_ARGS_VERSION;
    if (argc >= 2 && is_either(argv[1], "-h", "--help"))
        return CONFIG_ARGS_HELP;
    struct buf text, lines;
    buf_init(&text);
    buf_init(&lines);
    bool has_file = argc > 1 && argv[1][0] != '-';
    bool wants_input = false, is_read = true;
    lines_of_options(argc, argv, has_file ? 2 : 1, &lines, &wants_input);
    if (has_file) {
        mem_free(cfg->config_file);
        cfg->config_file = absolute_path(argv[1]);
        is_read = config__read_file(cfg->config_file, &text, error_out);
    }
    if (is_read && wants_input && !config__read_stream(standard_input, &text)) {
        buf_printf(error_out, "Fatal error, can't read the configuration from standard input: %s\n",
                   strerror(errno));
        is_read = false;
    }
    if (lines.len) {
        buf_put_char(&text, '\n');
        buf_put_bytes(&text, buf_bytes(&lines));
    }
    bool is_done = is_read && config_load_text(cfg, buf_bytes(&text), error_out);
    buf_deinit(&text);
    buf_deinit(&lines);
    return is_done ? CONFIG_ARGS_RUN : CONFIG_ARGS_ERROR;
}
