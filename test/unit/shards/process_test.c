/* The process title and the rules of pid files. */
#include "shards/process.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static void set(struct config *config, enum config_id id, const char *value) {
    struct buf error;
    buf_init(&error);
    cr_assert(config_put(config, id, bytes_cstr(value), &error), "%.*s", (int)error.len, error.ptr);
    buf_deinit(&error);
}

static void expect_title(const struct config *config, const char *title) {
    struct buf text;
    buf_init(&text);
    process_title_expand(config, "/bin/basalt", &text);
    cr_assert(bytes_equal(buf_bytes(&text), bytes_cstr(title)), "'%.*s', not '%s'", (int)text.len, text.ptr,
              title);
    buf_deinit(&text);
}

Test(process, titles_are_made_from_their_template) {
    struct config config;
    config_init_defaults(&config);
    set(&config, CONFIG_bind, "127.0.0.1 ::1");
    expect_title(&config, "/bin/basalt 127.0.0.1:6379");
    set(&config, CONFIG_port, "7000");
    set(&config, CONFIG_proc_title_template, "a{port}b {title} {config-file}{server-mode}  ");
    expect_title(&config, "a7000b /bin/basalt");
    set(&config, CONFIG_port, "0");
    set(&config, CONFIG_unixsocket, "/tmp/sock");
    set(&config, CONFIG_proc_title_template, "{listen-addr} {unixsocket} {tls-port}");
    expect_title(&config, "/tmp/sock /tmp/sock 0");
    config_deinit(&config);
}

Test(process, a_pid_file_is_written_where_asked_for_or_in_the_background) {
    struct config config;
    config_init_defaults(&config);
    cr_assert_null(process_pid_path(&config, false));
    cr_assert_str_eq(process_pid_path(&config, true), "/var/run/basalt.pid");
    set(&config, CONFIG_pidfile, "/tmp/x.pid");
    cr_assert_str_eq(process_pid_path(&config, false), "/tmp/x.pid");
    cr_assert_str_eq(process_pid_path(&config, true), "/tmp/x.pid");
    config_deinit(&config);
}

Test(process, the_supervisor_is_found_by_the_marks_it_leaves) {
    static const struct {
        enum supervised_mode wish;
        bool has_upstart, has_systemd;
        enum supervised_mode found;
    } rows[] = {
        {SUPERVISED_NONE, true, true, SUPERVISED_NONE},
        {SUPERVISED_AUTO, false, false, SUPERVISED_NONE},
        {SUPERVISED_AUTO, true, false, SUPERVISED_UPSTART},
        {SUPERVISED_AUTO, false, true, SUPERVISED_SYSTEMD},
        {SUPERVISED_SYSTEMD, true, false, SUPERVISED_NONE},
        {SUPERVISED_SYSTEMD, true, true, SUPERVISED_SYSTEMD},
        {SUPERVISED_UPSTART, false, true, SUPERVISED_NONE},
        {SUPERVISED_UPSTART, true, true, SUPERVISED_UPSTART},
    };
    struct config config;
    config_init_defaults(&config);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        unsetenv("UPSTART_JOB");
        unsetenv("NOTIFY_SOCKET");
        if (rows[i].has_upstart)
            setenv("UPSTART_JOB", "x", 1);
        if (rows[i].has_systemd)
            setenv("NOTIFY_SOCKET", "/nowhere", 1);
        config.supervised = rows[i].wish;
        cr_assert_eq(process_supervisor(&config), rows[i].found, "row %zu", i);
    }
    config_deinit(&config);
}
