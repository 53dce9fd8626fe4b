/* Configuration files of any bytes: reading never crashes, and what was read comes back from the rewritten file.
 *
 * Texts with the word "include" are left out: they would read the machine's own files. */
#include "core/config/config.h"

#include <strings.h>

static bool has_include(const char *text, size_t len) {
    static const char word[] = "include";
    for (size_t i = 0; i + sizeof(word) - 1 <= len; i++)
        if (strncasecmp(text + i, word, sizeof(word) - 1) == 0)
            return true;
    return false;
}

static void print_all(const struct config *cfg, struct buf *out) {
    for (unsigned id = 0; id < CONFIG_COUNT; id++) {
        config_print(cfg, (enum config_id)id, out);
        buf_put_char(out, '\n');
    }
    for (size_t i = 0; i < cfg->user_count; i++)
        for (size_t k = 0; k < cfg->users[i].count; k++)
            buf_printf(out, "%s|", cfg->users[i].items[k]);
}

/* `cfg` was read from `text`. */
static void check_rewrite(const struct config *cfg, struct bytes text) {
    struct buf once, twice, shown, shown_again, error;
    buf_init(&once);
    buf_init(&twice);
    buf_init(&shown);
    buf_init(&shown_again);
    buf_init(&error);
    config_rewrite(cfg, text, &once);
    config_rewrite(cfg, buf_bytes(&once), &twice);
    must(bytes_equal(buf_bytes(&once), buf_bytes(&twice)));

    struct config again, copy;
    config_init_defaults(&again);
    must(config_load_text(&again, buf_bytes(&once), &error));
    print_all(cfg, &shown);
    print_all(&again, &shown_again);
    must(bytes_equal(buf_bytes(&shown), buf_bytes(&shown_again)));
    config_copy(&again, &copy);
    shown_again.len = 0;
    print_all(&copy, &shown_again);
    must(bytes_equal(buf_bytes(&shown), buf_bytes(&shown_again)));

    config_deinit(&again);
    config_deinit(&copy);
    buf_deinit(&once);
    buf_deinit(&twice);
    buf_deinit(&shown);
    buf_deinit(&shown_again);
    buf_deinit(&error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct bytes text = bytes_of(data, size);
    if (has_include(text.ptr, size))
        return 0;
    struct config cfg;
    struct buf out;
    buf_init(&out);
    config_init_defaults(&cfg);
    if (config_load_text(&cfg, text, &out)) {
        check_rewrite(&cfg, text);
    } else {
        must(out.len != 0);
        config_rewrite(&cfg, text, &out);
    }
    config_deinit(&cfg);
    buf_deinit(&out);
    return 0;
}
