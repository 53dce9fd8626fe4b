/* config_words.c: cutting a line into words, and quoting words again.
 *
 * The language of redis.conf is one directive per line: words parted by blanks, with C-like double quotes and plain
 * single quotes. A quote may also open inside a word (a"b c" is one word), but must end it.
 *
 * I1  Unquoting never lengthens a text, so one block of the line's length holds all words, and views into it stay
 *     valid while words are added. */
#include "core/config/config_internal.h"

#include "core/base/mem.h"

#include <inttypes.h>

static bool is_blank(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void words_add(struct config__words *words, struct bytes word) {
    if (words->count == words->cap) {
        words->cap = words->cap ? words->cap * 2 : 8;
        words->items = mem_realloc(words->items, words->cap * sizeof(*words->items));
    }
    words->items[words->count++] = word;
}

void config__words_deinit(struct config__words *words) {
    mem_free(words->items);
    mem_free(words->storage);
    *words = (struct config__words){0};
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Reads the escape at `at`, just behind a backslash inside double quotes; returns the bytes it takes. */
static size_t read_escape(struct bytes line, size_t at, char *byte_out) {
    char c = line.ptr[at];
    if (c == 'x' && at + 2 < line.len) {
        int high = hex_digit(line.ptr[at + 1]), low = hex_digit(line.ptr[at + 2]);
        if (high >= 0 && low >= 0) {
            *byte_out = (char)(high * 16 + low);
            return 3;
        }
    }
    static const char letters[] = "nrtba", bytes[] = "\n\r\t\b\a";
    const char *letter = memchr(letters, c, sizeof(letters) - 1);
    *byte_out = letter ? bytes[letter - letters] : c;
    return 1;
}

/* Unquotes from behind the quote at *at to behind its partner, appending to *to. False if there is no partner or a
 * word goes on behind it. */
static bool read_quoted(struct bytes line, size_t *at, char **to) {
    char quote = line.ptr[*at];
    size_t i = *at + 1;
    while (i < line.len && line.ptr[i] != quote) {
        if (line.ptr[i] == '\\' && i + 1 < line.len && quote == '"') {
            i++;
            i += read_escape(line, i, *to);
            *to += 1;
            continue;
        }
        if (line.ptr[i] == '\\' && i + 1 < line.len && line.ptr[i + 1] == '\'')
            i++;
        *(*to)++ = line.ptr[i++];
    }
    if (i == line.len)
        return false;
    *at = i + 1;
    return *at == line.len || is_blank(line.ptr[*at]);
}

bool config__words_cut_quoted(struct bytes line, struct config__words *words_out) {
    *words_out = (struct config__words){.storage = mem_alloc(line.len + 1)};
    char *to = words_out->storage; /* I1 */
    size_t at = 0;
    for (;;) {
        while (at < line.len && is_blank(line.ptr[at]))
            at++;
        if (at == line.len)
            return true;
        char *begin = to;
        while (at < line.len && !is_blank(line.ptr[at])) {
            if (line.ptr[at] == '"' || line.ptr[at] == '\'') {
                if (!read_quoted(line, &at, &to)) {
                    config__words_deinit(words_out);
                    return false;
                }
                break;
            }
            *to++ = line.ptr[at++];
        }
        words_add(words_out, bytes_of(begin, (size_t)(to - begin)));
    }
}

void config__words_cut_spaces(struct bytes text, struct config__words *words_out) {
    *words_out = (struct config__words){0};
    if (text.len == 0)
        return;
    size_t begin = 0;
    for (size_t i = 0; i <= text.len; i++)
        if (i == text.len || text.ptr[i] == ' ') {
            words_add(words_out, bytes_of(text.ptr + begin, i - begin));
            begin = i + 1;
        }
}

void config__put_quoted(struct buf *out, struct bytes text) {
    static const char letters[] = "nrtba", bytes[] = "\n\r\t\b\a";
    buf_put_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        const char *special = c ? memchr(bytes, c, sizeof(bytes) - 1) : NULL;
        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (special)
            buf_printf(out, "\\%c", letters[special - bytes]);
        else if (c >= ' ' && c <= '~')
            buf_put_char(out, c);
        else
            buf_printf(out, "\\x%02x", (unsigned)(unsigned char)c);
    }
    buf_put_char(out, '"');
}

void config__put_memory(struct buf *out, uint64_t bytes) {
    static const char *const units[] = {"", "kb", "mb", "gb"};
    size_t unit = 0;
    while (bytes != 0 && unit + 1 < COUNT_OF(units) && bytes % 1024 == 0) {
        bytes /= 1024;
        unit++;
    }
    buf_printf(out, "%" PRIu64 "%s", bytes, units[unit]);
}

struct bytes config__trim(struct bytes line) {
    while (line.len && is_blank(line.ptr[0]))
        line = bytes_of(line.ptr + 1, line.len - 1);
    while (line.len && is_blank(line.ptr[line.len - 1]))
        line.len--;
    return line;
}

char *config__dup(struct bytes text) {
    char *copy = mem_alloc(text.len + 1);
    if (text.len)
        memcpy(copy, text.ptr, text.len);
    copy[text.len] = 0;
    return copy;
}
