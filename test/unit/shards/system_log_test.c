/* What the log service receives. */
#include "shards/system_log.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int service; /* a log service of our own */
static char folder[] = "/tmp/system_log_XXXXXX";
static char path[64];

static void service_start(void) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    service = socket(AF_UNIX, SOCK_DGRAM, 0);
    memcpy(at.sun_path, path, strlen(path) + 1);
    cr_assert_eq(bind(service, (struct sockaddr *)&at, sizeof at), 0);
}

static void setup(void) {
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/log", folder);
}

static void teardown(void) {
    close(service);
    unlink(path);
    rmdir(folder);
}

TestSuite(system_log, .init = setup, .fini = teardown);

/* The next line, or an empty one when there is none. */
static void service_read(char *line, size_t size) {
    ssize_t len = recv(service, line, size - 1, MSG_DONTWAIT);
    line[len < 0 ? 0 : len] = '\0';
}

Test(system_log, a_line_has_priority_date_name_process_and_text) {
    char line[256];
    char expected_end[128];
    int priority = 0;
    service_start();
    struct system_log *log = system_log_open(path, "basalt", SYSLOG_LOCAL3);
    cr_assert_not_null(log);
    system_log_say(log, LOGLEVEL_WARNING, BYTES_LIT("disk is full"));
    service_read(line, sizeof line);
    snprintf(expected_end, sizeof expected_end, " basalt[%d]: disk is full", (int)getpid());
    cr_assert_eq(sscanf(line, "<%d>", &priority), 1, "%s", line);
    cr_expect_eq(priority, 19 * 8 + 4);
    size_t head = strlen("<156>") + strlen("Nov 22 16:01:02");
    cr_assert_gt(strlen(line), head);
    cr_expect_str_eq(line + head, expected_end);
    system_log_close(log);
}

Test(system_log, the_severity_follows_the_level) {
    static const struct {
        enum loglevel level;
        int severity;
    } rows[] = {{LOGLEVEL_DEBUG, 7}, {LOGLEVEL_VERBOSE, 6}, {LOGLEVEL_NOTICE, 5}, {LOGLEVEL_WARNING, 4}};
    service_start();
    struct system_log *log = system_log_open(path, "b", SYSLOG_USER);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char line[256];
        int priority = 0;
        system_log_say(log, rows[i].level, BYTES_LIT("x"));
        service_read(line, sizeof line);
        cr_assert_eq(sscanf(line, "<%d>", &priority), 1);
        cr_expect_eq(priority, 8 + rows[i].severity);
    }
    system_log_close(log);
}

Test(system_log, a_service_that_comes_later_or_again_is_found) {
    char line[256];
    struct system_log *log = system_log_open(path, "b", SYSLOG_USER);
    cr_assert_not_null(log);
    system_log_say(log, LOGLEVEL_NOTICE, BYTES_LIT("lost"));
    for (int round = 0; round < 2; round++) {
        service_start();
        service_read(line, sizeof line);
        cr_expect_str_empty(line);
        system_log_say(log, LOGLEVEL_NOTICE, BYTES_LIT("heard"));
        service_read(line, sizeof line);
        cr_expect_not_null(strstr(line, "heard"));
        close(service);
        unlink(path);
    }
    service = -1;
    system_log_close(log);
}

Test(system_log, a_path_too_long_for_a_socket_gives_nothing) {
    char longest[256];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    service = -1;
    cr_expect_null(system_log_open(longest, "b", SYSLOG_USER));
}

Test(system_log, long_lines_are_cut) {
    static char text[5000];
    char line[4096];
    service_start();
    memset(text, 'y', sizeof text);
    struct system_log *log = system_log_open(path, "b", SYSLOG_USER);
    system_log_say(log, LOGLEVEL_NOTICE, bytes_of(text, sizeof text));
    service_read(line, sizeof line);
    cr_expect_gt(strlen(line), 1000);
    cr_expect_lt(strlen(line), 2048);
    system_log_close(log);
}
