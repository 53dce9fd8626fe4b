/* config.c: the life of a configuration, and reading it out.
 *
 * A struct config is plain fields; what they mean stands in the row table. Copying goes through the rows too: numbers
 * are copied as they are, everything that owns memory is printed and set again, so that a new kind of row needs no
 * copy function of its own. A copy costs a few microseconds and happens when CONFIG SET has changed something. */
#include "core/config/config.h"

#include "core/base/mem.h"
#include "core/config/config_internal.h"
#include "core/ds/glob.h"

void config_init_defaults(struct config *cfg) {
    memset(cfg, 0, sizeof(*cfg));
    for (unsigned id = 0; id < CONFIG_COUNT; id++)
        config__set_default(cfg, (enum config_id)id);
}

static void free_renames(struct config *cfg) {
    for (size_t i = 0; i < cfg->rename_count; i++) {
        mem_free(cfg->renames[i].from);
        mem_free(cfg->renames[i].to);
    }
    mem_free(cfg->renames);
    cfg->renames = NULL;
    cfg->rename_count = 0;
}

static void free_users(struct config *cfg) {
    for (size_t i = 0; i < cfg->user_count; i++)
        config__list_deinit(&cfg->users[i]);
    mem_free(cfg->users);
    cfg->users = NULL;
    cfg->user_count = 0;
}

void config_deinit(struct config *cfg) {
    for (unsigned id = 0; id < CONFIG_COUNT; id++)
        config__free_field(cfg, (enum config_id)id);
    free_renames(cfg);
    free_users(cfg);
    mem_free(cfg->config_file);
    memset(cfg, 0, sizeof(*cfg));
}

static struct config_list list_copy(const struct config_list *list) {
    struct config_list copy = {list->count ? mem_alloc(list->count * sizeof(*copy.items)) : NULL,
                               list->count};
    for (size_t i = 0; i < list->count; i++)
        copy.items[i] = config__dup(bytes_cstr(list->items[i]));
    return copy;
}

void config_put_users(struct config *cfg, const struct config_list *users, size_t count) {
    struct config_list *copies = count ? mem_alloc(count * sizeof(*copies)) : NULL;
    for (size_t i = 0; i < count; i++)
        copies[i] = list_copy(&users[i]);
    free_users(cfg);
    cfg->users = copies;
    cfg->user_count = count;
}

static void copy_row(const struct config *cfg, enum config_id id, struct config *copy_out, struct buf *text) {
    const struct config__row *row = &config__rows[id];
    text->len = 0;
    config_print(cfg, id, text);
    if (row->kind == CONFIG__STRING) {
        *(char **)config__field(copy_out, row) = text->len ? config__dup(buf_bytes(text)) : NULL;
        return;
    }
    struct buf error;
    buf_init(&error);
    bool is_set = config__set_text(copy_out, id, buf_bytes(text), CONFIG__RESTORE, &error);
    must(is_set);
    buf_deinit(&error);
}

void config_copy(const struct config *cfg, struct config *copy_out) {
    memset(copy_out, 0, sizeof(*copy_out));
    struct buf text;
    buf_init(&text);
    for (unsigned id = 0; id < CONFIG_COUNT; id++)
        copy_row(cfg, (enum config_id)id, copy_out, &text);
    buf_deinit(&text);
    copy_out->renames = cfg->rename_count ? mem_alloc(cfg->rename_count * sizeof(*cfg->renames)) : NULL;
    copy_out->rename_count = cfg->rename_count;
    for (size_t i = 0; i < cfg->rename_count; i++)
        copy_out->renames[i] = (struct config_rename){config__dup(bytes_cstr(cfg->renames[i].from)),
                                                      config__dup(bytes_cstr(cfg->renames[i].to))};
    config_put_users(copy_out, cfg->users, cfg->user_count);
    copy_out->config_file = cfg->config_file ? config__dup(bytes_cstr(cfg->config_file)) : NULL;
    copy_out->save_is_given = cfg->save_is_given;
}

bool config_put(struct config *cfg, enum config_id id, struct bytes value, struct buf *error_out) {
    must(id < CONFIG_COUNT);
    return config__set_text(cfg, id, value, CONFIG__RESTORE, error_out);
}

/* ---- CONFIG GET */

/* What one CONFIG GET has shown already: names and aliases apart. */
struct getter {
    const struct config *cfg;
    config_get_fn *fn;
    void *context;
    struct buf text;
    bool is_shown[CONFIG_COUNT][2];
};

static void show(struct getter *get, enum config_id id, bool is_alias, struct bytes name) {
    if (get->is_shown[id][is_alias])
        return;
    get->is_shown[id][is_alias] = true;
    get->text.len = 0;
    config_print(get->cfg, id, &get->text);
    get->fn(get->context, name, buf_bytes(&get->text));
}

static void show_matching(struct getter *get, struct bytes pattern) {
    for (unsigned i = 0; i < CONFIG_COUNT; i++) {
        const struct config__row *row = &config__rows[i];
        struct bytes name = bytes_cstr(row->name);
        if (glob_match(pattern, name, GLOB_NOCASE))
            show(get, (enum config_id)i, false, name);
        struct bytes alias = row->alias ? bytes_cstr(row->alias) : BYTES_NONE;
        if (row->alias && glob_match(pattern, alias, GLOB_NOCASE))
            show(get, (enum config_id)i, true, alias);
    }
}

void config_get(const struct config *cfg, const struct bytes *patterns, size_t count, config_get_fn *fn,
                void *context) {
    struct getter get = {.cfg = cfg, .fn = fn, .context = context};
    buf_init(&get.text);
    for (size_t i = 0; i < count; i++) {
        if (!glob_is_literal(patterns[i])) {
            show_matching(&get, patterns[i]);
            continue;
        }
        const char *spelled;
        enum config_id id = config__find_spelled(patterns[i], &spelled);
        if (id != CONFIG_COUNT)
            show(&get, id, spelled != config__rows[id].name, patterns[i]);
    }
    buf_deinit(&get.text);
}

void config_print_notes(const struct config *cfg, struct buf *lines_out) {
    for (unsigned i = 0; i < CONFIG_COUNT; i++) {
        enum config_id id = (enum config_id)i;
        bool is_later = (config__rows[id].flags & CONFIG_LATER) == CONFIG_LATER;
        bool is_true = id == CONFIG_save && cfg->save.count == 0; /* no snapshots: so it is */
        if ((config__rows[id].flags & CONFIG_ACCEPTED) && !config__is_default(cfg, id) && !is_true)
            buf_printf(lines_out, "The directive '%s' is accepted but has no effect in this server%s%s\n",
                       config_name(id), is_later ? " yet" : "",
                       id == CONFIG_io_threads ? "; set 'shards' instead" : "");
    }
}
