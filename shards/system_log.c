/* system_log.c: datagrams to the log service. */
#include "shards/system_log.h"

#include "core/base/mem.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { SYSTEM_LOG_LINE_MAX = 2048, SYSTEM_LOG_IDENT_MAX = 64 };

struct system_log {
    int fd;
    int facility;
    struct sockaddr_un to;
    char ident[SYSTEM_LOG_IDENT_MAX];
};

/* Numbers of RFC 3164. */
static int system_log_facility(enum syslog_facility facility) {
    switch (facility) {
    case SYSLOG_USER: return 1;
    case SYSLOG_LOCAL0: return 16;
    case SYSLOG_LOCAL1: return 17;
    case SYSLOG_LOCAL2: return 18;
    case SYSLOG_LOCAL3: return 19;
    case SYSLOG_LOCAL4: return 20;
    case SYSLOG_LOCAL5: return 21;
    case SYSLOG_LOCAL6: return 22;
    case SYSLOG_LOCAL7: return 23;
    }
    return 1;
}

static int system_log_severity(enum loglevel level) {
    switch (level) {
    case LOGLEVEL_DEBUG: return 7;
    case LOGLEVEL_VERBOSE: return 6;
    case LOGLEVEL_NOTICE: return 5;
    case LOGLEVEL_WARNING: return 4;
    }
    return 5;
}

struct system_log *system_log_open(const char *path, const char *ident, enum syslog_facility facility) {
    size_t len = strlen(path) + 1;
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (len > sizeof to.sun_path)
        return NULL;
    memcpy(to.sun_path, path, len);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return NULL;
    struct system_log *log = mem_alloc(sizeof *log);
    *log = (struct system_log){.fd = fd, .facility = system_log_facility(facility), .to = to};
    snprintf(log->ident, sizeof log->ident, "%s", ident ? ident : "");
    return log;
}

void system_log_close(struct system_log *log) {
    if (!log)
        return;
    close(log->fd);
    mem_free(log);
}

void system_log_say(const struct system_log *log, enum loglevel level, struct bytes text) {
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    char line[SYSTEM_LOG_LINE_MAX];
    struct tm local;
    time_t now = time(NULL);
    localtime_r(&now, &local);
    int len = snprintf(line, sizeof line, "<%d>%s %2d %02d:%02d:%02d %s[%d]: %.*s",
                       log->facility * 8 + system_log_severity(level), months[local.tm_mon], local.tm_mday,
                       local.tm_hour, local.tm_min, local.tm_sec, log->ident, (int)getpid(), (int)text.len,
                       text.ptr);
    size_t size = len < (int)sizeof line ? (size_t)len : sizeof line - 1;
    ssize_t sent = sendto(log->fd, line, size, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)&log->to,
                          sizeof log->to);
    (void)sent;
}
