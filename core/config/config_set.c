/* config_set.c: CONFIG SET: several directives at once, all or none.
 *
 * Three passes. First every name is judged, so that a typing error changes nothing. Then the fields are written one
 * after the other, each row's old text put by. Then the server applies the rows whose text is another one now. A
 * failure in the second or third pass writes the old texts back, and whatever was applied is applied again with them.
 *
 * I1  After a false answer every field is as it was before the call. */
#include "core/config/config_internal.h"

#include "core/base/mem.h"

struct setting {
    enum config_id id;
    const char *spelled; /* name or alias, from the table */
    struct buf old_text;
    bool is_written;
    bool is_applied;
};

static bool fail(const char *name, struct bytes why, struct buf *error_out) {
    buf_printf(error_out, "ERR CONFIG SET failed (possibly related to argument '%s') - %.*s", name,
               (int)why.len, why.ptr ? why.ptr : "");
    return false;
}

static bool may_set_protected(const struct config *cfg, const struct config_apply *apply) {
    switch (cfg->enable_protected_configs) {
    case PROTECTED_ACTION_NO: return false;
    case PROTECTED_ACTION_YES: return true;
    case PROTECTED_ACTION_LOCAL: return apply && apply->caller_is_local;
    }
    return false;
}

/* First pass: which rows are meant, and may they be set? */
static bool judge(const struct config *cfg, const struct config_pair *pairs, struct setting *settings,
                  size_t count, const struct config_apply *apply, struct buf *error_out) {
    for (size_t i = 0; i < count; i++) {
        struct setting *setting = &settings[i];
        setting->id = config__find_spelled(pairs[i].name, &setting->spelled);
        if (setting->id == CONFIG_COUNT) {
            BUF_PUT_LIT(error_out, "ERR Unknown option or number of arguments for CONFIG SET - '");
            buf_put_bytes(error_out, pairs[i].name);
            buf_put_char(error_out, '\'');
            return false;
        }
        unsigned flags = config__rows[setting->id].flags;
        if (flags & CONFIG_IMMUTABLE)
            return fail(setting->spelled, BYTES_LIT("can't set immutable config"), error_out);
        if ((flags & CONFIG_PROTECTED) && !may_set_protected(cfg, apply))
            return fail(setting->spelled, BYTES_LIT("can't set protected config"), error_out);
        for (size_t k = 0; k < i; k++)
            if (settings[k].spelled == setting->spelled)
                return fail(setting->spelled, BYTES_LIT("duplicate parameter"), error_out);
    }
    return true;
}

static bool differs(const struct config *cfg, const struct setting *setting) {
    struct buf text;
    buf_init(&text);
    config_print(cfg, setting->id, &text);
    bool is_other = !bytes_equal(buf_bytes(&text), buf_bytes(&setting->old_text));
    buf_deinit(&text);
    return is_other;
}

/* Writes the old texts back, the last first, so that a row given under both its names ends with its oldest. */
static void restore(struct config *cfg, struct setting *settings, size_t count,
                    const struct config_apply *apply) {
    struct buf error;
    buf_init(&error);
    for (size_t i = count; i-- > 0;) {
        if (!settings[i].is_written)
            continue;
        bool is_set =
            config__set_text(cfg, settings[i].id, buf_bytes(&settings[i].old_text), CONFIG__RESTORE, &error);
        must(is_set);
    }
    /* The server applied the old values once already, so doing it again is expected to work; its text has no reader. */
    for (size_t i = 0; i < count; i++)
        if (settings[i].is_applied)
            (void)apply->apply(apply->owner, cfg, settings[i].id, &error);
    buf_deinit(&error);
}

/* Second and third pass. On failure *culprit_out is the setting to blame. */
static bool write_and_apply(struct config *cfg, const struct config_pair *pairs, struct setting *settings,
                            size_t count, const struct config_apply *apply, struct config_ids *changed_out,
                            size_t *culprit_out, struct buf *why) {
    for (size_t i = 0; i < count; i++) {
        *culprit_out = i;
        config_print(cfg, settings[i].id, &settings[i].old_text);
        if (!config__set_text(cfg, settings[i].id, pairs[i].value, CONFIG__COMMAND, why))
            return false;
        settings[i].is_written = true;
    }
    for (size_t i = 0; i < count; i++) {
        enum config_id id = settings[i].id;
        *culprit_out = i;
        if (config_ids_has(changed_out, id) || !differs(cfg, &settings[i]))
            continue;
        changed_out->words[id / 64] |= (uint64_t)1 << (id % 64);
        if (!apply || !apply->apply)
            continue;
        settings[i].is_applied = true;
        if (!apply->apply(apply->owner, cfg, id, why))
            return false;
    }
    return true;
}

bool config_set(struct config *cfg, const struct config_pair *pairs, size_t count,
                const struct config_apply *apply, struct config_ids *changed_out, struct buf *error_out) {
    *changed_out = (struct config_ids){{0}};
    struct setting *settings = mem_zalloc((count ? count : 1) * sizeof(*settings));
    struct buf why;
    buf_init(&why);
    bool is_done = judge(cfg, pairs, settings, count, apply, error_out);
    if (is_done) {
        size_t culprit = 0;
        is_done = write_and_apply(cfg, pairs, settings, count, apply, changed_out, &culprit, &why);
        if (!is_done) {
            restore(cfg, settings, count, apply); /* I1 */
            *changed_out = (struct config_ids){{0}};
            fail(settings[culprit].spelled, buf_bytes(&why), error_out);
        }
    }
    for (size_t i = 0; i < count; i++)
        buf_deinit(&settings[i].old_text);
    mem_free(settings);
    buf_deinit(&why);
    return is_done;
}
