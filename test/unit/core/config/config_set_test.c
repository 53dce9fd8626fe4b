/* CONFIG SET: its error texts, all or nothing, and what the server is told. */
#include "core/config/config_internal.h"

#include <criterion/criterion.h>

static struct config cfg;

static void setup(void) {
    config_init_defaults(&cfg);
}

static void teardown(void) {
    config_deinit(&cfg);
}

TestSuite(config_set, .init = setup, .fini = teardown);

/* Calls config_set with words "name", "value", ...; `expected` is the error, or NULL for success. */
static struct config_ids set(const struct config_apply *apply, const char *const *words, size_t count,
                             const char *expected) {
    struct config_pair pairs[8];
    for (size_t i = 0; i < count; i += 2)
        pairs[i / 2] = (struct config_pair){bytes_cstr(words[i]), bytes_cstr(words[i + 1])};
    struct config_ids changed;
    struct buf error;
    buf_init(&error);
    bool is_done = config_set(&cfg, pairs, count / 2, apply, &changed, &error);
    struct bytes wanted = expected ? bytes_cstr(expected) : BYTES_NONE;
    cr_expect_eq(is_done, expected == NULL, "%s %s: %.*s", words[0], words[1], (int)error.len,
                 error.ptr ? error.ptr : "");
    cr_expect(bytes_equal(buf_bytes(&error), wanted), "%s %s says: %.*s", words[0], words[1], (int)error.len,
              error.ptr ? error.ptr : "");
    buf_deinit(&error);
    return changed;
}

#define SET(apply, expected, ...)                                                                            \
    set((apply), (const char *const[]){__VA_ARGS__}, COUNT_OF(((const char *const[]){__VA_ARGS__})),         \
        (expected))

#define FAILED(name, why) "ERR CONFIG SET failed (possibly related to argument '" name "') - " why
#define BETWEEN(min, max) "argument must be between " min " and " max " inclusive"

Test(config_set, errors_read_as_those_of_redis) {
    static const struct {
        const char *name, *value, *error;
    } table[] = {
        {"port", "abc", FAILED("port", "argument couldn't be parsed into an integer")},
        {"PORT", "70000", FAILED("port", BETWEEN("0", "65535"))},
        {"hz", "05", FAILED("hz", "argument couldn't be parsed into an integer")},
        {"slave-priority", "-1", FAILED("slave-priority", BETWEEN("0", "2147483647"))},
        {"maxclients", "0", FAILED("maxclients", BETWEEN("1", "4294967295"))},
        {"slowlog-log-slower-than", "-2",
         FAILED("slowlog-log-slower-than", BETWEEN("-1", "9223372036854775807"))},
        {"list-max-listpack-size", "-9999999999",
         FAILED("list-max-listpack-size", BETWEEN("-2147483648", "2147483647"))},
        {"appendonly", "maybe", FAILED("appendonly", "argument must be 'yes' or 'no'")},
        {"maxmemory", "10xx", FAILED("maxmemory", "argument must be a memory value")},
        {"maxmemory", "-1", FAILED("maxmemory", "argument must be a memory value")},
        {"proto-max-bulk-len", "100",
         FAILED("proto-max-bulk-len", BETWEEN("1048576", "9223372036854775807"))},
        {"appendfsync", "x",
         FAILED("appendfsync", "argument(s) must be one of the following: everysec, always, no")},
        {"databases", "3", FAILED("databases", "can't set immutable config")},
        {"dir", "/", FAILED("dir", "can't set protected config")},
        {"nosuch", "1", "ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'"},
        {"save", "10", FAILED("save", "Invalid save parameters")},
        {"save", "-1 5", FAILED("save", "Invalid save parameters")},
        {"save", " 1 2", FAILED("save", "Invalid save parameters")},
        {"maxmemory-clients", "101%",
         FAILED("maxmemory-clients", "percentage argument must be less or equal to 100")},
        {"maxmemory-clients", "-5%",
         FAILED("maxmemory-clients", "argument must be a memory or percent value")},
        {"notify-keyspace-events", "xyz",
         FAILED("notify-keyspace-events", "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")},
        {"oom-score-adj-values", "1 2", FAILED("oom-score-adj-values", "wrong number of arguments")},
        {"oom-score-adj-values", "5000 2 3",
         FAILED("oom-score-adj-values",
                "Invalid oom-score-adj-values, elements must be between -2000 and 2000.")},
        {"latency-tracking-info-percentiles", "50 200",
         FAILED("latency-tracking-info-percentiles",
                "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]")},
        {"latency-tracking-info-percentiles", "nan",
         FAILED("latency-tracking-info-percentiles", "Invalid latency-tracking-info-percentiles parameters")},
        {"client-output-buffer-limit", "normal 1 2",
         FAILED("client-output-buffer-limit", "Wrong number of arguments in buffer limit configuration.")},
        {"client-output-buffer-limit", "master 0 0 0",
         FAILED("client-output-buffer-limit",
                "Invalid client class specified in buffer limit configuration.")},
        {"client-output-buffer-limit", "normal 1 2 -3",
         FAILED("client-output-buffer-limit",
                "Error in hard, soft or soft_seconds setting in buffer limit configuration.")},
        {"proc-title-template", "{foo}",
         FAILED("proc-title-template", "template format is invalid or contains unknown variables")},
        {"shutdown-on-sigterm", "",
         FAILED("shutdown-on-sigterm",
                "argument(s) must be one of the following: default, save, nosave, now, force")},
        {"shutdown-on-sigterm", "save nosave",
         FAILED("shutdown-on-sigterm", "shutdown options SAVE and NOSAVE can't be used simultaneously")},
        {"tls-port", "1",
         FAILED("tls-port",
                "this server does not have the feature behind 'tls-port'; leave it at its default")},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++)
        SET(NULL, table[i].error, table[i].name, table[i].value);
    for (unsigned id = 0; id < CONFIG_COUNT; id++)
        cr_expect(config__is_default(&cfg, (enum config_id)id), "%s was changed",
                  config_name((enum config_id)id));
}

Test(config_set, values_are_shown_in_their_canonical_form) {
    static const struct {
        const char *name, *value, *shown;
    } table[] = {
        {"port", "7000", "7000"},
        {"hz", "99999", "500"},
        {"hz", "0", "1"},
        {"appendonly", "YES", "yes"},
        {"maxmemory", "1gB", "1073741824"},
        {"maxmemory", "1k", "1000"},
        {"maxmemory", "007", "7"},
        {"maxmemory", "", "0"},
        {"maxmemory-clients", "10%", "10%"},
        {"maxmemory-clients", "1kb", "1024"},
        {"appendfsync", "ALWAYS", "always"},
        {"maxmemory-policy", "allkeys-lrm", "allkeys-lrm"},
        {"requirepass", "a b", "a b"},
        {"requirepass", "", ""},
        {"save", "60 1000 30 5", "60 1000 30 5"},
        {"save", "", ""},
        {"bind", "127.0.0.1 -::1", "127.0.0.1 -::1"},
        {"notify-keyspace-events", "KEA", "AKE"},
        {"notify-keyspace-events", "AKEmn", "AnKEm"},
        {"notify-keyspace-events", "g$lshzxetd", "A"},
        {"notify-keyspace-events", "lK", "lK"},
        {"notify-keyspace-events", "nE", "nE"},
        {"client-output-buffer-limit", "slave 1mb 2 3",
         "normal 0 0 0 slave 1048576 2 3 pubsub 33554432 8388608 60"},
        {"client-output-buffer-limit", "", "normal 0 0 0 slave 1048576 2 3 pubsub 33554432 8388608 60"},
        {"oom-score-adj-values", "3 2 1", "3 2 1"},
        {"oom-score-adj-values", "+1 02 3", "1 2 3"},
        {"repl-backlog-size", "1", "16384"},
        {"proc-title-template", "a{port}b{{c}", "a{port}b{{c}"},
        {"latency-tracking-info-percentiles", "99.990 0.001 100", "99.99 0.001 100"},
        {"latency-tracking-info-percentiles", "99.99999999999 1e1", "100 10"},
        {"latency-tracking-info-percentiles", "", ""},
        {"shutdown-on-sigint", "now save", "save now"},
        {"shutdown-on-sigint", "default", "default"},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        SET(NULL, NULL, table[i].name, table[i].value);
        struct buf text;
        buf_init(&text);
        config_print(&cfg, config_find(bytes_cstr(table[i].name)), &text);
        cr_expect(bytes_equal(buf_bytes(&text), bytes_cstr(table[i].shown)), "%s %s shows %.*s",
                  table[i].name, table[i].value, (int)text.len, text.ptr ? text.ptr : "");
        buf_deinit(&text);
    }
}

Test(config_set, duplicates_are_refused_by_name) {
    SET(NULL, FAILED("hz", "duplicate parameter"), "hz", "30", "HZ", "40");
    SET(NULL, NULL, "slave-priority", "5", "replica-priority", "6");
    cr_expect_eq(cfg.replica_priority, 6);
}

Test(config_set, one_wrong_pair_leaves_everything_as_it_was) {
    SET(NULL, FAILED("maxmemory", "argument must be a memory value"), "hz", "20", "save", "1 2",
        "requirepass", "x", "maxmemory", "x");
    cr_expect_eq(cfg.hz, 10);
    cr_expect_eq(cfg.save.count, 3);
    cr_expect_null(cfg.requirepass);
    SET(NULL, "ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'", "hz", "20", "nosuch",
        "3");
    cr_expect_eq(cfg.hz, 10);
    SET(NULL, FAILED("port", BETWEEN("0", "65535")), "slave-priority", "5", "replica-priority", "6", "port",
        "-1");
    cr_expect_eq(cfg.replica_priority, 100);
}

Test(config_set, changed_rows_are_those_with_another_value) {
    struct config_ids changed = SET(NULL, NULL, "hz", "10", "port", "1", "maxmemory", "0", "save", "1 2");
    for (unsigned id = 0; id < CONFIG_COUNT; id++)
        cr_expect_eq(config_ids_has(&changed, (enum config_id)id), id == CONFIG_port || id == CONFIG_save,
                     "%s", config_name((enum config_id)id));
}

/* A server that writes down what it is told and refuses one row. */
struct server {
    enum config_id refused;
    char calls[200];
};

static bool server_apply(void *owner, const struct config *config, enum config_id id, struct buf *error_out) {
    struct server *server = owner;
    struct buf value;
    buf_init(&value);
    config_print(config, id, &value);
    size_t used = strlen(server->calls);
    snprintf(server->calls + used, sizeof(server->calls) - used, "%s=%.*s ", config_name(id), (int)value.len,
             value.ptr);
    buf_deinit(&value);
    if (id != server->refused)
        return true;
    BUF_PUT_LIT(error_out, "no way");
    return false;
}

Test(config_set, the_server_is_told_each_change_once) {
    struct server server = {CONFIG_COUNT, ""};
    struct config_apply apply = {&server, server_apply, false};
    SET(&apply, NULL, "hz", "10", "slave-priority", "1", "port", "1", "replica-priority", "2");
    cr_expect_str_eq(server.calls, "replica-priority=2 port=1 ");
}

Test(config_set, what_the_server_refuses_is_undone_there_too) {
    struct server server = {CONFIG_port, ""};
    struct config_apply apply = {&server, server_apply, false};
    struct config_ids changed =
        SET(&apply, FAILED("port", "no way"), "hz", "20", "port", "1", "maxmemory", "5");
    cr_expect_str_eq(server.calls, "hz=20 port=1 hz=10 port=6379 ");
    cr_expect_eq(cfg.maxmemory, 0);
    cr_expect(!config_ids_has(&changed, CONFIG_hz));
}

Test(config_set, protected_rows_open_as_the_configuration_says) {
    struct config_apply local = {NULL, NULL, true}, remote = {NULL, NULL, false};
    const char *refused = FAILED("dbfilename", "can't set protected config");
    SET(&local, refused, "dbfilename", "a");
    cfg.enable_protected_configs = PROTECTED_ACTION_LOCAL;
    SET(&remote, refused, "dbfilename", "a");
    SET(&local, NULL, "dbfilename", "a");
    cfg.enable_protected_configs = PROTECTED_ACTION_YES;
    SET(&remote, NULL, "dbfilename", "b");
    cr_expect_str_eq(cfg.dbfilename, "b");
    SET(&remote, FAILED("dbfilename", "dbfilename can't be a path, just a filename"), "dbfilename", "a/b");
    SET(&remote, FAILED("dir", "No such file or directory"), "dir", "/nonexistent-folder");
}

Test(config_set, a_zero_byte_in_a_text_is_refused) {
    struct config_pair pair = {BYTES_LIT("requirepass"), bytes_of("a\0b", 3)};
    struct config_ids changed;
    struct buf error;
    buf_init(&error);
    cr_expect(!config_set(&cfg, &pair, 1, NULL, &changed, &error));
    cr_expect_null(cfg.requirepass);
    buf_deinit(&error);
}
