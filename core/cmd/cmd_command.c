/* cmd_command.c: COMMAND and its subcommands: the table of commands, told to clients.
 *
 * Clients route by it (which arguments are keys), redis-cli completes and hints by it. Rows marked CMD_INTERNAL exist for
 * routing only and are not shown. */
#include "core/cmd/cmd_docs.h"
#include "core/command/command_docs.h"
#include "core/ds/glob.h"

enum { CATEGORIES_MAX = 24 };

/* ---- walking over the table ---- */

static bool is_shown(const struct command *c) {
    return (c->flags & CMD_INTERNAL) == 0;
}

static bool is_top(const struct command *c) {
    return c->parent == COMMAND_NONE && is_shown(c);
}

static size_t count_top(void) {
    size_t count = 0;
    for (int id = COMMAND_NONE + 1; id < COMMAND_COUNT; id++)
        count += is_top(command_get((enum command_id)id)) ? 1 : 0;
    return count;
}

static size_t count_subs(const struct command *c) {
    size_t count = 0;
    const struct command *sub = NULL;
    while ((sub = command_sub_next(c, sub)) != NULL)
        count += is_shown(sub) ? 1 : 0;
    return count;
}

/* ---- COMMAND INFO ---- */

static void reply_command_flags(struct exec *x, uint32_t flags) {
    static const char *const names[COMMAND_BIT_COUNT] = {
#define X(name, text) "+" text "\r\n",
        COMMAND_FLAGS(X)
#undef X
    };
    flags &= (UINT32_C(1) << COMMAND_BIT_COUNT) - 1;
    resp_set(x->out, (size_t)__builtin_popcount(flags));
    for (int bit = 0; bit < COMMAND_BIT_COUNT; bit++) {
        if (flags >> bit & 1)
            resp_raw(x->out, bytes_cstr(names[bit]));
    }
}

static void reply_key_flags(struct exec *x, uint32_t flags) {
    static const char *const names[COMMAND_KEY_BIT_COUNT] = {
#define X(name, text) "+" text "\r\n",
        COMMAND_KEY_FLAGS(X)
#undef X
    };
    resp_set(x->out, (size_t)__builtin_popcount(flags));
    for (int bit = 0; bit < COMMAND_KEY_BIT_COUNT; bit++) {
        if (flags >> bit & 1)
            resp_raw(x->out, bytes_cstr(names[bit]));
    }
}

static void reply_categories(struct exec *x, const struct command *c) {
    const char *names[CATEGORIES_MAX];
    int count = command_categories(c, names, CATEGORIES_MAX);
    resp_set(x->out, (size_t)count);
    for (int i = 0; i < count; i++) {
        BUF_PUT_LIT(x->out->buf, "+@");
        resp_raw(x->out, bytes_cstr(names[i]));
        BUF_PUT_LIT(x->out->buf, "\r\n");
    }
}

static void reply_tips(struct exec *x, const struct command *c) {
    size_t mark = resp_defer(x->out);
    size_t count = 0;
    for (const char *p = command_docs_get(c)->tips; *p != '\0'; count++) {
        size_t len = strcspn(p, " ");
        resp_bulk(x->out, bytes_of(p, len));
        p += len;
        p += *p == ' ' ? 1 : 0;
    }
    resp_defer_set(x->out, mark, count);
}

/* First, last and step as clients before key specifications knew them: the span over all specifications. */
static void reply_legacy_range(struct exec *x, const struct command *c) {
    int first = 0;
    int last = 0;
    int step = 0;
    for (int i = 0; i < c->keyspec_count; i++) {
        const struct command_keyspec *spec = &c->keys[i];
        if (spec->find != KEYFIND_RANGE)
            continue;
        if (first == 0 || spec->first < first)
            first = spec->first;
        if (step == 0 || spec->last < 0 || (last >= 0 && spec->last > last))
            last = spec->last;
        step = spec->step;
    }
    resp_int(x->out, first);
    resp_int(x->out, last);
    resp_int(x->out, step);
}

static void reply_named_int(struct exec *x, const char *name, int64_t value) {
    resp_bulk_cstr(x->out, name);
    resp_int(x->out, value);
}

static void reply_typed(struct exec *x, const char *name, const char *type, size_t spec_pairs) {
    resp_bulk_cstr(x->out, name);
    resp_map(x->out, 2);
    resp_bulk_cstr(x->out, "type");
    resp_bulk_cstr(x->out, type);
    resp_bulk_cstr(x->out, "spec");
    resp_map(x->out, spec_pairs);
}

static void reply_begin(struct exec *x, const struct command_keyspec *spec) {
    if (spec->word == NULL) {
        reply_typed(x, "begin_search", "index", 1);
        reply_named_int(x, "index", spec->find == KEYFIND_NUMKEYS ? spec->numkeys : spec->first);
        return;
    }
    reply_typed(x, "begin_search", "keyword", 2);
    resp_bulk_cstr(x->out, "keyword");
    resp_bulk_cstr(x->out, spec->word);
    reply_named_int(x, "startfrom", spec->first);
}

static void reply_range(struct exec *x, int last, int step, int limit) {
    reply_typed(x, "find_keys", "range", 3);
    reply_named_int(x, "lastkey", last);
    reply_named_int(x, "keystep", step);
    reply_named_int(x, "limit", limit);
}

static void reply_keyspec(struct exec *x, const struct command_keyspec *spec) {
    resp_map(x->out, 3);
    resp_bulk_cstr(x->out, "flags");
    reply_key_flags(x, spec->flags);
    reply_begin(x, spec);
    switch ((enum command_keyfind)spec->find) {
    case KEYFIND_RANGE:
        reply_range(x, spec->last < 0 ? spec->last : spec->last - spec->first, spec->step, 0);
        break;
    case KEYFIND_NUMKEYS:
        reply_typed(x, "find_keys", "keynum", 3);
        reply_named_int(x, "keynumidx", 0);
        reply_named_int(x, "firstkey", spec->first - spec->numkeys);
        reply_named_int(x, "keystep", spec->step);
        break;
    case KEYFIND_OPTION: reply_range(x, 0, 1, 0); break;
    case KEYFIND_STREAMS: reply_range(x, -1, 1, 2); break;
    }
}

/* All of a command's facts but its subcommands. */
static void reply_facts(struct exec *x, const struct command *c) {
    resp_array(x->out, 10);
    resp_bulk_cstr(x->out, c->fullname);
    resp_int(x->out, c->arity);
    reply_command_flags(x, c->flags);
    reply_legacy_range(x, c);
    reply_categories(x, c);
    reply_tips(x, c);
    resp_set(x->out, c->keyspec_count);
    for (int i = 0; i < c->keyspec_count; i++)
        reply_keyspec(x, &c->keys[i]);
}

static void reply_info(struct exec *x, const struct command *c) {
    size_t subs = count_subs(c);
    reply_facts(x, c);
    if (subs == 0) {
        resp_set(x->out, 0);
        return;
    }
    resp_array(x->out, subs);
    const struct command *sub = NULL;
    while ((sub = command_sub_next(c, sub)) != NULL) {
        if (!is_shown(sub))
            continue;
        reply_facts(x, sub);
        resp_set(x->out, 0);
    }
}

static void reply_all_infos(struct exec *x) {
    resp_array(x->out, count_top());
    for (int id = COMMAND_NONE + 1; id < COMMAND_COUNT; id++) {
        const struct command *c = command_get((enum command_id)id);
        if (is_top(c))
            reply_info(x, c);
    }
}

/* COMMAND */
void cmd_command(struct exec *x) {
    if (x->argc == 1)
        reply_all_infos(x);
    else
        cmd_container(x);
}

/* COMMAND INFO [name ...] */
void cmd_command_info(struct exec *x) {
    if (x->argc == 2) {
        reply_all_infos(x);
        return;
    }
    resp_array(x->out, (size_t)x->argc - 2);
    for (int i = 2; i < x->argc; i++) {
        const struct command *c = command_find_name(x->argv[i]);
        if (c == NULL || !is_shown(c))
            resp_null(x->out);
        else
            reply_info(x, c);
    }
}

/* COMMAND COUNT */
void cmd_command_count(struct exec *x) {
    resp_int(x->out, (int64_t)count_top());
}

/* COMMAND DOCS [name ...] */
void cmd_command_docs(struct exec *x) {
    size_t mark = resp_defer(x->out);
    size_t count = 0;
    for (int id = COMMAND_NONE + 1; x->argc == 2 && id < COMMAND_COUNT; id++) {
        const struct command *c = command_get((enum command_id)id);
        if (is_top(c)) {
            cmd_docs_reply(x, c);
            count++;
        }
    }
    for (int i = 2; i < x->argc; i++) {
        const struct command *c = command_find_name(x->argv[i]);
        if (c != NULL && is_shown(c)) {
            cmd_docs_reply(x, c);
            count++;
        }
    }
    resp_defer_map(x->out, mark, count);
}

/* ---- COMMAND LIST ---- */

static bool has_category(const struct command *c, struct bytes category) {
    const char *names[CATEGORIES_MAX];
    int count = command_categories(c, names, CATEGORIES_MAX);
    for (int i = 0; i < count; i++) {
        if (bytes_is_word(category, names[i]))
            return true;
    }
    return false;
}

/* COMMAND LIST [FILTERBY MODULE name | ACLCAT category | PATTERN pattern] */
void cmd_command_list(struct exec *x) {
    bool has_filter = x->argc == 5 && bytes_is_word(x->argv[2], "filterby");
    bool by_module = has_filter && bytes_is_word(x->argv[3], "module");
    bool by_category = has_filter && bytes_is_word(x->argv[3], "aclcat");
    bool by_pattern = has_filter && bytes_is_word(x->argv[3], "pattern");
    if (x->argc != 2 && !by_module && !by_category && !by_pattern) {
        resp_err(x->out, REPLY_ERR_SYNTAX);
        return;
    }
    size_t mark = resp_defer(x->out);
    size_t count = 0;
    for (int id = COMMAND_NONE + 1; id < COMMAND_COUNT; id++) {
        const struct command *c = command_get((enum command_id)id);
        bool is_wanted = is_shown(c) && !by_module;
        if (by_category)
            is_wanted = is_wanted && has_category(c, x->argv[4]);
        else if (by_pattern)
            is_wanted = is_wanted && glob_match(x->argv[4], bytes_cstr(c->fullname), GLOB_NOCASE);
        if (is_wanted) {
            resp_bulk_cstr(x->out, c->fullname);
            count++;
        }
    }
    resp_defer_array(x->out, mark, count);
}

/* ---- COMMAND GETKEYS ---- */

static void reply_keys(struct exec *x, bool with_flags) {
    int argc = x->argc - 2;
    const struct bytes *argv = x->argv + 2;
    const struct command *c = command_find(argc, argv);
    struct command_keys keys;
    if (c == NULL) {
        resp_error(x->out, BYTES_LIT("ERR Invalid command specified"));
        return;
    }
    if (c->keyspec_count == 0) {
        resp_error(x->out, BYTES_LIT("ERR The command has no key arguments"));
        return;
    }
    if (!command_arity_ok(c, argc)) {
        resp_error(x->out, BYTES_LIT("ERR Invalid number of arguments specified for command"));
        return;
    }
    command_keys_init(&keys);
    if (!command_keys_find(c, argc, argv, &keys) && !(c->flags & CMD_NO_MANDATORY_KEYS)) {
        resp_error(x->out, BYTES_LIT("ERR Invalid arguments specified for command"));
        command_keys_deinit(&keys);
        return;
    }
    resp_array(x->out, (size_t)keys.count);
    for (int i = 0; i < keys.count; i++) {
        if (with_flags)
            resp_array(x->out, 2);
        resp_bulk(x->out, argv[keys.index[i]]);
        if (with_flags)
            reply_key_flags(x, keys.flags[i]);
    }
    command_keys_deinit(&keys);
}

/* COMMAND GETKEYS command [arg ...] */
void cmd_command_getkeys(struct exec *x) {
    reply_keys(x, false);
}

/* COMMAND GETKEYSANDFLAGS command [arg ...] */
void cmd_command_getkeysandflags(struct exec *x) {
    reply_keys(x, true);
}

/* COMMAND HELP */
void cmd_command_help(struct exec *x) {
    static const char *const lines[] = {
        "(no subcommand)",
        "    Facts of all commands.",
        "COUNT",
        "    The number of commands.",
        "LIST [FILTERBY MODULE <name> | ACLCAT <category> | PATTERN <pattern>]",
        "    The names of the commands.",
        "INFO [<command> ...]",
        "    Facts of the named commands, or of all.",
        "DOCS [<command> ...]",
        "    Documentation of the named commands, or of all.",
        "GETKEYS <command> [<arg> ...]",
        "    The keys among the arguments of a command.",
        "GETKEYSANDFLAGS <command> [<arg> ...]",
        "    The same, with what is done to each key.",
    };
    cmd_reply_help(x, "COMMAND", lines, COUNT_OF(lines));
}
