/* Reading configuration files. */
#include "core/config/config_internal.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct config cfg;
static struct buf error;
static char folder[64];

static void setup(void) {
    config_init_defaults(&cfg);
    buf_init(&error);
    snprintf(folder, sizeof(folder), "/tmp/config_file_test.XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
}

static void teardown(void) {
    config_deinit(&cfg);
    buf_deinit(&error);
    static const char *const names[] = {"a.conf", "b1.inc", "b2.inc", "self.conf"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

TestSuite(config_file, .init = setup, .fini = teardown);

static const char *write_file(const char *name, const char *text) {
    static char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
    return path;
}

static void expect_error(const char *text, unsigned line, const char *shown, const char *why) {
    struct config fresh;
    config_init_defaults(&fresh);
    struct buf expected;
    buf_init(&expected);
    buf_printf(&expected,
               "\n*** FATAL CONFIG FILE ERROR (Basalt) ***\nReading the configuration file, at line %u\n>>> "
               "'%s'\n%s\n",
               line, shown, why);
    error.len = 0;
    cr_expect(!config_load_text(&fresh, bytes_cstr(text), &error), "%s", text);
    cr_expect(bytes_equal(buf_bytes(&error), buf_bytes(&expected)), "%.*s", (int)error.len, error.ptr);
    buf_deinit(&expected);
    config_deinit(&fresh);
}

Test(config_file, comments_blanks_case_and_quotes_are_as_in_redis_conf) {
    cr_assert(
        config_load_text(&cfg,
                         BYTES_LIT("# comment\r\n\r\n  PORT 7000\r\n\trequirepass \"a b\\x41\"\n"
                                   "maxmemory 2gb\nslave-read-only no\nuser alice on >x\n"
                                   "bind 127.0.0.1 -::1\nunixsocketperm 700\nlua-replicate-commands yes\n"
                                   "rename-command CONFIG \"\"\nslaveof no one\nloglevel Debug"),
                         &error));
    cr_expect_eq(cfg.port, 7000);
    cr_expect_str_eq(cfg.requirepass, "a bA");
    cr_expect_eq(cfg.maxmemory, (uint64_t)2 << 30);
    cr_expect(!cfg.replica_read_only);
    cr_expect_eq(cfg.bind.count, 2);
    cr_expect_eq(cfg.unixsocketperm, 0700);
    cr_expect_eq(cfg.rename_count, 1);
    cr_expect_eq(cfg.user_count, 1);
    cr_expect_str_eq(cfg.users[0].items[2], ">x");
    cr_expect_eq(cfg.loglevel, LOGLEVEL_DEBUG);
}

Test(config_file, save_lines_add_up_behind_the_first) {
    cr_assert(config_load_text(&cfg, BYTES_LIT("save 900 1\nsave 300 10 60 1000\n"), &error));
    cr_expect_eq(cfg.save.count, 3);
    cr_expect_eq(cfg.save.points[0].seconds, 900);
    cr_assert(config_load_text(&cfg, BYTES_LIT("save \"\"\nsave \"5 6\""), &error));
    cr_expect_eq(cfg.save.count, 1);
    cr_expect_eq(cfg.save.points[0].changes, 6);
    cr_assert(config_load_text(&cfg, BYTES_LIT("save"), &error));
    cr_expect_eq(cfg.save.count, 0);
}

Test(config_file, a_mistake_is_reported_with_its_line) {
    static const char bad[] = "Bad directive or wrong number of arguments",
                      wrong[] = "wrong number of arguments";
    expect_error("port 1\n\n  nosuch 1  \n", 3, "nosuch 1", bad);
    expect_error("port 1 2", 1, "port 1 2", wrong);
    expect_error("port", 1, "port", wrong);
    expect_error("requirepass", 1, "requirepass", wrong);
    expect_error("#\nsave \"1 2", 2, "save \"1 2", "Unbalanced quotes in configuration line");
    expect_error("save \"1 2\" \"3 4\"", 1, "save \"1 2\" \"3 4\"", "Invalid save parameters");
    expect_error("unixsocketperm 999", 1, "unixsocketperm 999",
                 "argument couldn't be parsed as an octal number");
    expect_error("unixsocketperm 1777", 1, "unixsocketperm 1777",
                 "argument must be between 0 and 777 inclusive");
    expect_error("appendfilename \"\"", 1, "appendfilename \"\"", "appendfilename can't be empty");
    expect_error("appenddirname a/b", 1, "appenddirname a/b",
                 "appenddirname can't be a path, just a dirname");
    expect_error("slaveof a b", 1, "slaveof a b", "Invalid master port");
    expect_error("slaveof a 6379", 1, "slaveof a 6379",
                 "this server does not have the feature behind 'replicaof'; leave it at its default");
    expect_error("cluster-enabled yes", 1, "cluster-enabled yes",
                 "this server does not have the feature behind 'cluster-enabled'; leave it at its default");
    expect_error("rename-command a", 1, "rename-command a", bad);
    expect_error("loadmodule /x.so", 1, "loadmodule /x.so", "this server cannot load modules");
    expect_error("sentinel x", 1, "sentinel x", "sentinel directive while not in sentinel mode");
    expect_error("include", 1, "include", bad);
    expect_error("user", 1, "user", bad);
}

Test(config_file, includes_are_read_in_place_and_patterns_may_match_nothing) {
    write_file("b1.inc", "hz 20\nport 2");
    write_file("b2.inc", "hz 30\n");
    char text[200];
    snprintf(text, sizeof(text), "port 1\ninclude %s/b?.inc\nmaxmemory 5\ninclude %s/no*\n", folder, folder);
    const char *path = write_file("a.conf", text);
    cr_assert(config_load_file(&cfg, path, &error));
    cr_expect_eq(cfg.hz, 30);
    cr_expect_eq(cfg.port, 2);
    cr_expect_eq(cfg.maxmemory, 5);
}

Test(config_file, a_mistake_in_an_include_is_reported_once_with_its_own_line) {
    char text[200];
    snprintf(text, sizeof(text), "\n\ninclude %s/b1.inc\n", folder);
    write_file("b1.inc", "hz 20\nhz x");
    cr_expect(!config_load_text(&cfg, bytes_cstr(text), &error));
    cr_expect(
        bytes_equal(
            buf_bytes(&error),
            BYTES_LIT("\n*** FATAL CONFIG FILE ERROR (Basalt) ***\nReading the configuration file, at line "
                      "2\n>>> 'hz x'\nargument couldn't be parsed into an integer\n")),
        "%.*s", (int)error.len, error.ptr);
}

Test(config_file, a_file_that_includes_itself_is_refused) {
    char text[200];
    snprintf(text, sizeof(text), "include %s/self.conf\n", folder);
    const char *path = write_file("self.conf", text);
    cr_expect(!config_load_file(&cfg, path, &error));
    buf_put_char(&error, 0);
    cr_expect_not_null(strstr(error.ptr, "include directives are nested too deeply\n"));
}

Test(config_file, a_missing_file_is_named) {
    cr_expect(!config_load_file(&cfg, "/nonexistent-folder/x.conf", &error));
    cr_expect(
        bytes_equal(buf_bytes(&error), BYTES_LIT("Fatal error, can't open config file '/nonexistent-folder/"
                                                 "x.conf': No such file or directory\n")));
}
