/* The command line. */
#include "core/config/config_internal.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

static struct config cfg;
static struct buf error;

static void setup(void) {
    config_init_defaults(&cfg);
    buf_init(&error);
}

static void teardown(void) {
    config_deinit(&cfg);
    buf_deinit(&error);
}

TestSuite(config_args, .init = setup, .fini = teardown);

static enum config_args load(const char *input, int argc, const char *const *words) {
    char *argv[16] = {(char *)"basalt-server"};
    for (int i = 0; i < argc; i++)
        argv[i + 1] = (char *)(uintptr_t)words[i];
    char none[1] = "";
    FILE *stream = input ? fmemopen((char *)(uintptr_t)input, strlen(input), "r") : fmemopen(none, 1, "r");
    enum config_args result = config_load_args(&cfg, argc + 1, argv, stream, &error);
    fclose(stream);
    return result;
}

#define LOAD(input, ...)                                                                                     \
    load((input), (int)COUNT_OF(((const char *const[]){__VA_ARGS__})), (const char *const[]){__VA_ARGS__})

/* The value of one row as text. */
static void expect(const char *name, const char *value) {
    struct buf text;
    buf_init(&text);
    config_print(&cfg, config_find(bytes_cstr(name)), &text);
    cr_expect(bytes_equal(buf_bytes(&text), bytes_cstr(value)), "%s is %.*s, not %s", name, (int)text.len,
              text.ptr ? text.ptr : "", value);
    buf_deinit(&text);
}

static void expect_why(const char *tail) {
    buf_put_char(&error, 0);
    cr_expect_not_null(strstr(error.ptr, tail), "%s", error.ptr);
}

Test(config_args, no_words_leave_the_defaults) {
    cr_expect_eq(load(NULL, 0, NULL), CONFIG_ARGS_RUN);
    cr_expect_null(cfg.config_file);
    cr_expect_eq(cfg.port, 6379);
}

Test(config_args, options_take_one_or_more_values) {
    cr_expect_eq(LOAD(NULL, "--port", "7000", "--loglevel", "debug", "--bind", "127.0.0.1", "-::1", "--save",
                      "900", "1", "--oom-score-adj-values", "1", "2", "3"),
                 CONFIG_ARGS_RUN);
    expect("port", "7000");
    expect("loglevel", "debug");
    expect("bind", "127.0.0.1 -::1");
    expect("save", "900 1");
    expect("oom-score-adj-values", "1 2 3");
}

Test(config_args, a_word_may_hold_a_name_and_its_value) {
    cr_expect_eq(LOAD(NULL, "--port 7000", "--save 1 2", "--hz", "20"), CONFIG_ARGS_RUN);
    expect("port", "7000");
    expect("save", "1 2");
    expect("hz", "20");
}

Test(config_args, an_equals_sign_is_part_of_the_name) {
    cr_expect_eq(LOAD(NULL, "--port=7000"), CONFIG_ARGS_ERROR);
    expect_why("at line 2\n>>> 'port=7000'\nBad directive or wrong number of arguments\n");
}

Test(config_args, save_may_lack_its_value) {
    cr_expect_eq(LOAD(NULL, "--save", "--port", "7000"), CONFIG_ARGS_RUN);
    expect("save", "");
    expect("port", "7000");
    teardown();
    setup();
    cr_expect_eq(LOAD(NULL, "--port", "1", "--save"), CONFIG_ARGS_RUN);
    expect("save", "");
    teardown();
    setup();
    cr_expect_eq(LOAD(NULL, "--save", ""), CONFIG_ARGS_RUN);
    expect("save", "");
    teardown();
    setup();
    cr_expect_eq(LOAD(NULL, "--save", "1 2", "--save", "3", "4"), CONFIG_ARGS_RUN);
    expect("save", "1 2 3 4");
}

Test(config_args, a_value_may_look_like_an_option) {
    cr_expect_eq(LOAD(NULL, "--requirepass", "--secret", "--port", "7000"), CONFIG_ARGS_RUN);
    expect("requirepass", "--secret");
    expect("port", "7000");
}

Test(config_args, a_missing_value_is_reported) {
    cr_expect_eq(LOAD(NULL, "--port", "1", "--loglevel", "--save", ""), CONFIG_ARGS_ERROR);
    expect_why("at line 3\n>>> 'loglevel \"--save\" \"\"'\nwrong number of arguments\n");
}

Test(config_args, values_are_quoted_safely) {
    cr_expect_eq(LOAD(NULL, "--requirepass", "a \"b\n'c\\"), CONFIG_ARGS_RUN);
    expect("requirepass", "a \"b\n'c\\");
}

Test(config_args, a_minus_sign_reads_standard_input_before_the_options) {
    static const char input[] = "port 1\nhz 20\n";
    cr_expect_eq(LOAD(input, "--port", "7000", "-"), CONFIG_ARGS_RUN);
    expect("port", "7000");
    expect("hz", "20");
    teardown();
    setup();
    cr_expect_eq(LOAD(input, "-", "--port", "8000"), CONFIG_ARGS_RUN);
    expect("port", "8000");
    expect("hz", "20");
    teardown();
    setup();
    cr_expect_eq(LOAD(input, "--port", "7000", "-", "--hz", "30"), CONFIG_ARGS_ERROR);
    expect_why(">>> 'port \"7000\" \"-\"'\nwrong number of arguments\n");
}

Test(config_args, the_file_comes_first_and_is_remembered_from_the_root) {
    char path[] = "/tmp/config_args_test.XXXXXX";
    int fd = mkstemp(path);
    cr_assert(fd >= 0);
    cr_assert_eq(write(fd, "port 1\nhz 20\n", 13), 13);
    close(fd);
    cr_assert_eq(chdir("/tmp"), 0);
    const char *relative = path + strlen("/tmp/");
    cr_expect_eq(LOAD(NULL, relative, "--port", "7000"), CONFIG_ARGS_RUN);
    unlink(path);
    expect("port", "7000");
    expect("hz", "20");
    cr_expect_str_eq(cfg.config_file, path);
}

Test(config_args, a_missing_file_stops_the_start) {
    cr_expect_eq(LOAD(NULL, "/nonexistent-folder/x"), CONFIG_ARGS_ERROR);
    expect_why("Fatal error, can't open config file '/nonexistent-folder/x': No such file or directory\n");
}

Test(config_args, version_and_help_count_as_the_first_word_only) {
    cr_expect_eq(LOAD(NULL, "-v"), CONFIG_ARGS_VERSION);
    cr_expect_eq(LOAD(NULL, "--version", "--port", "1"), CONFIG_ARGS_VERSION);
    cr_expect_eq(LOAD(NULL, "-h"), CONFIG_ARGS_HELP);
    cr_expect_eq(LOAD(NULL, "--help"), CONFIG_ARGS_HELP);
    cr_expect_eq(LOAD(NULL, "--port", "3", "-v"), CONFIG_ARGS_ERROR);
}
