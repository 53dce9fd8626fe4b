/* command.c: the facts table, and finding things in it.
 *
 * Problem: every command that arrives must be turned from a name of unknown case into its row within some ten
 * nanoseconds, and then into the positions of its keys.
 *
 * Structure: `table` is commands.def spread into constant data, indexed by id. Top-level names are found through
 * command_index, an open-addressing table of ids that a small program computes while the server is being built
 * (command_index_gen.c), because a table filled at run time would be mutable state of the process. Subcommands are few per
 * container and stand behind their container's row, so they are searched one by one.
 *
 * I1  table[id].id == id; row 0 is no command.
 * I2  A container's subcommands follow its row without a gap, and only they name it as their parent.
 * I3  command_index holds the id of every top-level row, reachable by linear probing from its hash.
 *
 * Key positions come from the row's key specifications alone. The few commands whose arguments decide what is done with
 * the key (SET with GET; BITFIELD with nothing but GET) have CMD key flag VARIABLE_FLAGS and are made exact here.
 *
 * Cost: a lookup reads two words of the name, one slot of the index, one row.
 */
#include "core/command/command.h"

#include "command_index.inc"
#include "core/base/mem.h"
#include "core/base/num.h"
#include "core/command/command_hash.h"

/* The keyspecs column of a row, as members of struct command. */
#define NO_KEYS .keyspec_count = 0
#define KEYS__RANGE(first_, last_, step_, flags_)                                                            \
    { .first = first_, .last = last_, .step = step_, .flags = flags_, .find = KEYFIND_RANGE }
#define KEYS__COUNTED(numkeys_, first_, step_, flags_)                                                       \
    { .first = first_, .step = step_, .numkeys = numkeys_, .flags = flags_, .find = KEYFIND_NUMKEYS }
#define KEYS__WORD(word_, from_, flags_, find_)                                                              \
    { .first = from_, .step = 1, .flags = flags_, .find = find_, .word = word_ }

#define KEYS(first_, last_, step_, flags_)                                                                   \
    .keyspec_count = 1, .keys = {KEYS__RANGE(first_, last_, step_, flags_)}
#define KEYS2(first1, last1, step1, flags1, first2, last2, step2, flags2)                                    \
    .keyspec_count = 2,                                                                                      \
    .keys = {KEYS__RANGE(first1, last1, step1, flags1), KEYS__RANGE(first2, last2, step2, flags2)}
#define NUMKEYS(numkeys_, first_, step_, flags_)                                                             \
    .keyspec_count = 1, .keys = {KEYS__COUNTED(numkeys_, first_, step_, flags_)}
#define KEYS_NUMKEYS(first1, last1, step1, flags1, numkeys2, first2, step2, flags2)                          \
    .keyspec_count = 2,                                                                                      \
    .keys = {KEYS__RANGE(first1, last1, step1, flags1), KEYS__COUNTED(numkeys2, first2, step2, flags2)}
#define KEYS_OPTION(first1, last1, step1, flags1, word2, from2, flags2)                                      \
    .keyspec_count = 2,                                                                                      \
    .keys = {KEYS__RANGE(first1, last1, step1, flags1), KEYS__WORD(word2, from2, flags2, KEYFIND_OPTION)}
#define KEYS_OPTION2(first1, last1, step1, flags1, word2, from2, flags2, word3, from3, flags3)               \
    .keyspec_count = 3,                                                                                      \
    .keys = {KEYS__RANGE(first1, last1, step1, flags1), KEYS__WORD(word2, from2, flags2, KEYFIND_OPTION),    \
             KEYS__WORD(word3, from3, flags3, KEYFIND_OPTION)}
#define STREAMS(word_, from_, flags_)                                                                        \
    .keyspec_count = 1, .keys = {KEYS__WORD(word_, from_, flags_, KEYFIND_STREAMS)}

/* A subcommand's full name has its parent's in front, which is as long as the parent's id. */
#define COMMAND(id_, name_, handler_, arity_, flags_, scope_, merge_, group_, keys_, since_, complexity_,    \
                summary_)                                                                                    \
    [COMMAND_##id_] = {.name = name_,                                                                        \
                       .fullname = name_,                                                                    \
                       .name_len = sizeof(name_) - 1,                                                        \
                       .since = since_,                                                                      \
                       .complexity = complexity_,                                                            \
                       .summary = summary_,                                                                  \
                       .flags = flags_,                                                                      \
                       .arity = arity_,                                                                      \
                       .id = COMMAND_##id_,                                                                  \
                       .parent = COMMAND_NONE,                                                               \
                       .scope = scope_,                                                                      \
                       .merge = merge_,                                                                      \
                       .group = group_,                                                                      \
                       keys_},
#define SUBCOMMAND(parent_, id_, name_, handler_, arity_, flags_, scope_, merge_, group_, keys_, since_,     \
                   complexity_, summary_)                                                                    \
    [COMMAND_##parent_##_##id_] = {.name = &name_[sizeof(#parent_)],                                         \
                                   .fullname = name_,                                                        \
                                   .name_len = sizeof(name_) - 1 - sizeof(#parent_),                         \
                                   .since = since_,                                                          \
                                   .complexity = complexity_,                                                \
                                   .summary = summary_,                                                      \
                                   .flags = flags_,                                                          \
                                   .arity = arity_,                                                          \
                                   .id = COMMAND_##parent_##_##id_,                                          \
                                   .parent = COMMAND_##parent_,                                              \
                                   .scope = scope_,                                                          \
                                   .merge = merge_,                                                          \
                                   .group = group_,                                                          \
                                   keys_},

static const struct command table[COMMAND_COUNT] = {
#include "core/command/commands.def"
};
#undef COMMAND
#undef SUBCOMMAND

const struct command *command_get(enum command_id id) {
    must(id > COMMAND_NONE && id < COMMAND_COUNT);
    return &table[id]; /* I1 */
}

/* Equality with ASCII letters folded; `c` has lower case. */
static inline bool is_named(const struct command *c, struct bytes name) {
    if (name.len != c->name_len)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char letter = name.ptr[i];
        if (letter != c->name[i] && !(letter >= 'A' && letter <= 'Z' && letter + ('a' - 'A') == c->name[i]))
            return false;
    }
    return true;
}

static const struct command *find_top(struct bytes name) {
    size_t at = command_hash(name) & (COMMAND_INDEX_SIZE - 1);
    for (; command_index[at] != COMMAND_NONE; at = (at + 1) & (COMMAND_INDEX_SIZE - 1)) { /* I3 */
        const struct command *c = &table[command_index[at]];
        if (LIKELY(is_named(c, name)))
            return c;
    }
    return NULL;
}

const struct command *command_sub_next(const struct command *container, const struct command *previous) {
    size_t at = (previous == NULL ? container->id : previous->id) + (size_t)1;
    return at < COMMAND_COUNT && table[at].parent == container->id ? &table[at] : NULL; /* I2 */
}

static const struct command *find_sub(const struct command *container, struct bytes name) {
    const struct command *sub = NULL;
    while ((sub = command_sub_next(container, sub)) != NULL) {
        if (is_named(sub, name))
            return sub;
    }
    return NULL;
}

const struct command *command_find(int argc, const struct bytes *argv) {
    const struct command *c = find_top(argv[0]);
    if (c == NULL || argc < 2 || command_sub_next(c, NULL) == NULL)
        return c;
    const struct command *sub = find_sub(c, argv[1]);
    return sub == NULL ? c : sub;
}

const struct command *command_find_name(struct bytes name) {
    const char *bar = name.len == 0 ? NULL : memchr(name.ptr, '|', name.len);
    if (bar == NULL)
        return find_top(name);
    size_t parent_len = (size_t)(bar - name.ptr);
    const struct command *parent = find_top(bytes_of(name.ptr, parent_len));
    return parent == NULL ? NULL : find_sub(parent, bytes_of(bar + 1, name.len - parent_len - 1));
}

/* ---- keys ---- */

void command_keys_init(struct command_keys *keys) {
    keys->count = 0;
    keys->index = keys->inline_index;
    keys->flags = keys->inline_flags;
    keys->cap = (int)COUNT_OF(keys->inline_index);
}

void command_keys_deinit(struct command_keys *keys) {
    if (keys->index != keys->inline_index) {
        mem_free(keys->index);
        mem_free(keys->flags);
    }
    command_keys_init(keys);
}

static void keys_reserve(struct command_keys *keys, int cap) {
    if (cap <= keys->cap)
        return;
    int *index = mem_alloc((size_t)cap * sizeof(*index));
    uint16_t *flags = mem_alloc((size_t)cap * sizeof(*flags));
    memcpy(index, keys->index, (size_t)keys->count * sizeof(*index));
    memcpy(flags, keys->flags, (size_t)keys->count * sizeof(*flags));
    int count = keys->count;
    command_keys_deinit(keys);
    keys->count = count;
    keys->index = index;
    keys->flags = flags;
    keys->cap = cap;
}

/* Where the keys of a specification stand, for these arguments. */
struct key_run {
    int first;
    int last; /* less than first: none */
    int step;
};

static bool find_range(const struct command_keyspec *spec, int argc, struct key_run *run) {
    run->last = spec->last >= 0 ? spec->last : argc + spec->last;
    bool is_whole = spec->last >= 0 || (run->last + 1 - spec->first) % spec->step == 0; /* MSET k v k */
    bool is_nothing = spec->last == -1 && spec->first == argc; /* the rest of the line: PFMERGE k */
    return is_nothing || (spec->first < argc && run->last < argc && run->last >= spec->first && is_whole);
}

static bool find_counted(const struct command_keyspec *spec, int argc, const struct bytes *argv,
                         struct key_run *run) {
    int64_t count;
    if (spec->numkeys >= argc || !num_parse_int(argv[spec->numkeys], &count) || count < 0 || count > argc)
        return false;
    int64_t last = spec->first + (count - 1) * spec->step;
    run->last = count == 0 ? spec->first - 1 : (int)last;
    return run->last < argc;
}

/* The key behind the last of the option's words. A word that the arguments lack gives no key and is no fault. */
static void find_option(const struct command_keyspec *spec, int argc, const struct bytes *argv,
                        struct key_run *run) {
    *run = (struct key_run){.first = 0, .last = -1, .step = 1};
    for (int i = spec->first; i + 1 < argc; i++) {
        if (bytes_is_word(argv[i], spec->word))
            *run = (struct key_run){.first = i + 1, .last = i + 1, .step = 1};
    }
}

static bool find_streams(const struct command_keyspec *spec, int argc, const struct bytes *argv,
                         struct key_run *run) {
    for (int i = spec->first; i + 1 < argc; i++) {
        if (bytes_is_word(argv[i], spec->word)) {
            int rest = argc - i - 1;
            *run = (struct key_run){.first = i + 1, .last = i + rest / 2, .step = 1};
            return rest % 2 == 0;
        }
    }
    return false;
}

/* False: the arguments do not fit the specification. */
static bool spec_find(const struct command_keyspec *spec, int argc, const struct bytes *argv,
                      struct key_run *run_out) {
    *run_out = (struct key_run){.first = spec->first, .step = spec->step};
    switch ((enum command_keyfind)spec->find) {
    case KEYFIND_RANGE: return find_range(spec, argc, run_out);
    case KEYFIND_NUMKEYS: return find_counted(spec, argc, argv, run_out);
    case KEYFIND_OPTION: find_option(spec, argc, argv, run_out); return true;
    case KEYFIND_STREAMS: return find_streams(spec, argc, argv, run_out);
    }
    return false;
}

static bool has_word(int argc, const struct bytes *argv, int from, const char *word) {
    for (int i = from; i < argc; i++) {
        if (bytes_is_word(argv[i], word))
            return true;
    }
    return false;
}

static bool bitfield_only_reads(int argc, const struct bytes *argv) {
    int i = 2;
    while (i < argc) {
        if (bytes_is_word(argv[i], "get") && i + 2 < argc)
            i += 3;
        else if (bytes_is_word(argv[i], "overflow") && i + 1 < argc)
            i += 2;
        else
            return false;
    }
    return true;
}

/* What these arguments really do with the key of a row with VARIABLE_FLAGS. */
static uint16_t exact_flags(const struct command *c, int argc, const struct bytes *argv, uint16_t flags) {
    if (c->id == COMMAND_SET) {
        bool is_read = has_word(argc, argv, 3, "get") || has_word(argc, argv, 3, "ifeq") ||
                       has_word(argc, argv, 3, "ifne") || has_word(argc, argv, 3, "ifdeq") ||
                       has_word(argc, argv, 3, "ifdne");
        return is_read ? KEY_RW | KEY_ACCESS | KEY_UPDATE : KEY_OW | KEY_UPDATE;
    }
    if (c->id == COMMAND_BITFIELD) {
        return bitfield_only_reads(argc, argv) ? KEY_RO | KEY_ACCESS : KEY_RW | KEY_ACCESS | KEY_UPDATE;
    }
    return (uint16_t)(flags & ~KEY_VARIABLE_FLAGS);
}

static void keys_add_run(struct command_keys *keys, const struct key_run *run, uint16_t flags) {
    if (run->last < run->first)
        return;
    keys_reserve(keys, keys->count + (run->last - run->first) / run->step + 1);
    for (int i = run->first; i <= run->last; i += run->step) {
        keys->index[keys->count] = i;
        keys->flags[keys->count] = flags;
        keys->count++;
    }
}

bool command_keys_find(const struct command *c, int argc, const struct bytes *argv,
                       struct command_keys *keys) {
    keys->count = 0;
    struct key_run option = {.first = 0, .last = -1, .step = 1};
    uint16_t option_flags = 0;
    for (int s = 0; s < c->keyspec_count; s++) {
        const struct command_keyspec *spec = &c->keys[s];
        struct key_run run;
        if (!spec_find(spec, argc, argv, &run)) {
            keys->count = 0;
            return false;
        }
        uint16_t flags = spec->flags;
        if (UNLIKELY(flags & KEY_VARIABLE_FLAGS))
            flags = exact_flags(c, argc, argv, flags);
        if (UNLIKELY(spec->find == KEYFIND_OPTION)) {
            if (run.first > option.first) {
                option = run;
                option_flags = flags;
            }
            continue;
        }
        keys_add_run(keys, &run, flags);
    }
    keys_add_run(keys, &option, option_flags);
    return true;
}

/* ---- names of things ---- */

const char *command_group_name(enum command_group group) {
    static const char *const names[GROUP_COUNT] = {
        [GROUP_STRING] = "string",
        [GROUP_BITMAP] = "bitmap",
        [GROUP_GENERIC] = "generic",
        [GROUP_CONNECTION] = "connection",
        [GROUP_SERVER] = "server",
        [GROUP_LIST] = "list",
        [GROUP_SET] = "set",
        [GROUP_HASH] = "hash",
        [GROUP_SORTED_SET] = "sorted-set",
        [GROUP_GEO] = "geo",
        [GROUP_HYPERLOGLOG] = "hyperloglog",
        [GROUP_STREAM] = "stream",
        [GROUP_PUBSUB] = "pubsub",
        [GROUP_SCRIPTING] = "scripting",
        [GROUP_TRANSACTIONS] = "transactions",
        [GROUP_CLUSTER] = "cluster",
    };
    return names[group];
}

/* The ACL category that all commands of a group belong to; NULL: none. */
static const char *group_category(enum command_group group) {
    switch (group) {
    case GROUP_GENERIC: return "keyspace";
    case GROUP_SORTED_SET: return "sortedset";
    case GROUP_TRANSACTIONS: return "transaction";
    case GROUP_SERVER:
    case GROUP_CLUSTER: return NULL;
    case GROUP_STRING:
    case GROUP_BITMAP:
    case GROUP_CONNECTION:
    case GROUP_LIST:
    case GROUP_SET:
    case GROUP_HASH:
    case GROUP_GEO:
    case GROUP_HYPERLOGLOG:
    case GROUP_STREAM:
    case GROUP_PUBSUB:
    case GROUP_SCRIPTING: return command_group_name(group);
    case GROUP_COUNT: break;
    }
    return NULL;
}

/* Categories beyond what group and flags imply; a container's name stands for its subcommands too. */
static const struct {
    const char *command;
    const char *category;
} extra_categories[] = {
    {"asking", "connection"},  {"readonly", "connection"}, {"readwrite", "connection"},
    {"command", "connection"}, {"dbsize", "keyspace"},     {"flushall", "keyspace"},
    {"flushall", "dangerous"}, {"flushdb", "keyspace"},    {"flushdb", "dangerous"},
    {"info", "dangerous"},     {"keys", "dangerous"},      {"swapdb", "keyspace"},
    {"swapdb", "dangerous"},
};

static bool has_extra_category(const struct command *c, const char *category) {
    const char *name = c->parent == COMMAND_NONE ? c->name : table[c->parent].name;
    for (size_t i = 0; i < COUNT_OF(extra_categories); i++) {
        if (strcmp(extra_categories[i].command, name) == 0 &&
            strcmp(extra_categories[i].category, category) == 0)
            return true;
    }
    return false;
}

/* Whether the command is in a category. The group's own category does not count for containers, whose subcommands have
 * categories of their own. */
static bool is_in_category(const struct command *c, const char *category) {
    const char *group = group_category((enum command_group)c->group);
    bool is_container = command_sub_next(c, NULL) != NULL;
    if (!is_container && group != NULL && strcmp(group, category) == 0)
        return true;
    return has_extra_category(c, category);
}

int command_categories(const struct command *c, const char **names, int max) {
    /* Categories in Redis's order; those with flags are implied by any of the flags. */
    static const struct {
        const char *name;
        uint32_t flags;
    } categories[] = {
        {"keyspace", 0},
        {"read", CMD_READONLY},
        {"write", CMD_WRITE},
        {"set", 0},
        {"sortedset", 0},
        {"list", 0},
        {"hash", 0},
        {"string", 0},
        {"bitmap", 0},
        {"hyperloglog", 0},
        {"geo", 0},
        {"stream", 0},
        {"pubsub", CMD_PUBSUB},
        {"admin", CMD_ADMIN},
        {"fast", CMD_FAST},
        {"slow", 0},
        {"blocking", CMD_BLOCKING},
        {"dangerous", CMD_ADMIN},
        {"connection", 0},
        {"transaction", 0},
        {"scripting", 0},
    };
    int count = 0;
    for (size_t i = 0; i < COUNT_OF(categories) && count < max; i++) {
        const char *name = categories[i].name;
        bool is_slow = strcmp(name, "slow") == 0 && !(c->flags & CMD_FAST);
        if ((c->flags & categories[i].flags) != 0 || is_slow || is_in_category(c, name))
            names[count++] = name;
    }
    return count;
}
