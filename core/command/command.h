/* command.h: the facts of every command, from commands.def.
 *
 * commands.def is the single table: each command and subcommand is one row, and everything that must know about
 * commands expands it: this module (facts), shards/dispatch (handlers), COMMAND's replies, the documentation and the
 * test that every row is exercised. The router switches on `scope` only, so adding a command never edits it.
 *
 * All facts are constant data; any thread may read them.
 */
#pragma once

#include "core/base/bytes.h"

#include <stdint.h>

/* Where and how a command runs. */
enum command_scope {
    SCOPE_KEY, /* one key: runs whole on the key's owner */
    SCOPE_SPLIT, /* several keys, parts independent: every owner runs the same handler over its own keys; see merge */
    SCOPE_LEND, /* several keys, parts dependent: owners lend their keys to the coordinator, which runs the handler */
    SCOPE_ALL,  /* every shard runs the handler over its own part of the keyspace; replies are merged */
    SCOPE_CONN, /* about the connection: runs on its own shard, outside the keyspace */
    SCOPE_NODE, /* about the server: runs on shard 0, which is the only writer of process-wide state */
};

/* How the replies of the parts of a SCOPE_SPLIT or SCOPE_ALL command become one. */
enum command_merge {
    MERGE_NONE,
    MERGE_OK,     /* every part answers +OK; the first error wins */
    MERGE_SUM,    /* integers are added up */
    MERGE_KEYS,   /* arrays with one element per key, put back in the order of the keys */
    MERGE_CONCAT, /* arrays are joined */
    MERGE_CURSOR, /* SCAN: only the shard that the cursor names runs it */
    MERGE_RANDOM, /* RANDOMKEY: shards answer their size first */
};

/* Flags, with the names that COMMAND prints. */
#define COMMAND_FLAGS(X)                                                                                     \
    X(WRITE, "write")                                                                                        \
    X(READONLY, "readonly")                                                                                  \
    X(DENYOOM, "denyoom")                                                                                    \
    X(ADMIN, "admin")                                                                                        \
    X(PUBSUB, "pubsub")                                                                                      \
    X(NOSCRIPT, "noscript")                                                                                  \
    X(BLOCKING, "blocking")                                                                                  \
    X(LOADING, "loading")                                                                                    \
    X(STALE, "stale")                                                                                        \
    X(SKIP_MONITOR, "skip_monitor")                                                                          \
    X(SKIP_SLOWLOG, "skip_slowlog")                                                                          \
    X(ASKING, "asking")                                                                                      \
    X(FAST, "fast")                                                                                          \
    X(NO_AUTH, "no_auth")                                                                                    \
    X(MAY_REPLICATE, "may_replicate")                                                                        \
    X(SENTINEL, "sentinel")                                                                                  \
    X(ONLY_SENTINEL, "only_sentinel")                                                                        \
    X(NO_MANDATORY_KEYS, "no_mandatory_keys")                                                                \
    X(NO_ASYNC_LOADING, "no_async_loading")                                                                  \
    X(NO_MULTI, "no_multi")                                                                                  \
    X(MOVABLEKEYS, "movablekeys")                                                                            \
    X(ALLOW_BUSY, "allow_busy")

enum command_flag_bit {
#define X(name, text) COMMAND_BIT_##name,
    COMMAND_FLAGS(X)
#undef X
        COMMAND_BIT_COUNT
};

enum command_flag {
#define X(name, text) CMD_##name = 1 << COMMAND_BIT_##name,
    COMMAND_FLAGS(X)
#undef X
        CMD_INTERNAL =
            1 << COMMAND_BIT_COUNT, /* a row for routing only: COMMAND does not show it (DEBUG OBJECT) */
};

/* What a command does with a key, with the names of COMMAND GETKEYSANDFLAGS. */
#define COMMAND_KEY_FLAGS(X)                                                                                 \
    X(RO, "RO")                                                                                              \
    X(RW, "RW")                                                                                              \
    X(OW, "OW")                                                                                              \
    X(RM, "RM")                                                                                              \
    X(ACCESS, "access")                                                                                      \
    X(INSERT, "insert")                                                                                      \
    X(UPDATE, "update")                                                                                      \
    X(DELETE, "delete")                                                                                      \
    X(NOT_KEY, "not_key")                                                                                    \
    X(INCOMPLETE, "incomplete")                                                                              \
    X(VARIABLE_FLAGS, "variable_flags")

enum command_key_flag_bit {
#define X(name, text) COMMAND_KEY_BIT_##name,
    COMMAND_KEY_FLAGS(X)
#undef X
        COMMAND_KEY_BIT_COUNT
};

enum command_key_flag {
#define X(name, text) KEY_##name = 1 << COMMAND_KEY_BIT_##name,
    COMMAND_KEY_FLAGS(X)
#undef X
};

/* Groups, with the names of COMMAND DOCS. */
enum command_group {
    GROUP_STRING,
    GROUP_BITMAP,
    GROUP_GENERIC,
    GROUP_CONNECTION,
    GROUP_SERVER,
    GROUP_LIST,
    GROUP_SET,
    GROUP_HASH,
    GROUP_SORTED_SET,
    GROUP_GEO,
    GROUP_HYPERLOGLOG,
    GROUP_STREAM,
    GROUP_PUBSUB,
    GROUP_SCRIPTING,
    GROUP_TRANSACTIONS,
    GROUP_CLUSTER,
    GROUP_COUNT
};

/* How a key specification finds its keys. */
enum command_keyfind {
    KEYFIND_RANGE,   /* at `first`, first + step, ... up to `last` (negative: counted from the end) */
    KEYFIND_NUMKEYS, /* their number stands at `numkeys`; at `first`, first + step, ... */
    KEYFIND_OPTION, /* one key behind the last of the words `word` (of this and the next OPTION specification) */
    KEYFIND_STREAMS, /* behind the first `word`, the first half of all that follows */
};

/* One key specification. */
struct command_keyspec {
    int16_t first; /* KEYFIND_OPTION and KEYFIND_STREAMS: the first position where the word may stand */
    int16_t last;
    int16_t step;
    int16_t numkeys;
    uint16_t flags; /* enum command_key_flag */
    uint8_t find;   /* enum command_keyfind */
    const char *word;
};

enum command_id {
    COMMAND_NONE,
#define COMMAND(id, ...)            COMMAND_##id,
#define SUBCOMMAND(parent, id, ...) COMMAND_##parent##_##id,
#include "core/command/commands.def"
#undef COMMAND
#undef SUBCOMMAND
    COMMAND_COUNT
};

enum { COMMAND_KEYSPECS_MAX = 3 };

struct command {
    const char *name;     /* lower case; a subcommand's own word, e.g. "get" of CONFIG GET */
    const char *fullname; /* "get", "config|get" */
    const char *since;
    const char *complexity;
    const char *summary;
    uint32_t flags; /* enum command_flag */
    int16_t arity;  /* as Redis: counts the name; negative: at least */
    uint16_t id;
    uint16_t parent; /* COMMAND_NONE for a top-level command */
    uint8_t scope;   /* enum command_scope */
    uint8_t merge;   /* enum command_merge */
    uint8_t group;   /* enum command_group */
    uint8_t keyspec_count;
    uint8_t name_len;
    struct command_keyspec keys[COMMAND_KEYSPECS_MAX];
};

/* The row with this id; id must be valid. */
const struct command *command_get(enum command_id id);

/* The rows of a container's subcommands: the first after `previous`, or the first of all for NULL; NULL at the end. */
const struct command *command_sub_next(const struct command *container, const struct command *previous);

/* The command that argv names (for a container the subcommand's row when argv[1] names one, else the container's own
 * row), or NULL when argv[0] is unknown. Names are matched without regard to case. */
const struct command *command_find(int argc, const struct bytes *argv);

/* A top-level command by name, or "config|get" form; NULL if unknown. */
const struct command *command_find_name(struct bytes name);

/* True when argc suits the command's arity. */
static inline bool command_arity_ok(const struct command *c, int argc) {
    return c->arity >= 0 ? argc == c->arity : argc >= -c->arity;
}

/* Positions of the keys in argv. */
struct command_keys {
    int count;
    int *index;      /* argv positions, in order of argv */
    uint16_t *flags; /* enum command_key_flag of each */
    int cap;
    int inline_index[16];
    uint16_t inline_flags[16];
};

void command_keys_init(struct command_keys *keys);
void command_keys_deinit(struct command_keys *keys);

/* Fills `keys` for these arguments; false (and count 0) when they do not fit the command's key specification ("Invalid
 * arguments specified for command"). count may be 0. Flags are made exact where the arguments decide about them
 * (SET with GET, BITFIELD with GET only). */
bool command_keys_find(const struct command *c, int argc, const struct bytes *argv,
                       struct command_keys *keys) ATTR_MUST_USE;

/* The ACL categories of a command, from its flags and group, as a NULL-terminated list written to `names` ("read",
 * "fast", "string" ...; at most `max` entries). Returns their number. */
int command_categories(const struct command *c, const char **names, int max);

const char *command_group_name(enum command_group group);
