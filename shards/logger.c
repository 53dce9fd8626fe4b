/* logger.c: formatting a line on the stack and writing it at once, so that lines of several threads never mix. */
#include "shards/logger.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LOGGER_LINE_MAX = 2048 };

static const char LOGGER_SYSTEM_SOCKET[] = "/dev/log";

void logger_set_level(struct logger *logger, enum loglevel level) {
    atomic_store_explicit(&logger->level, (int)level, memory_order_relaxed);
}

bool logger_open(struct logger *logger, const struct config *config) {
    const char *path = config->logfile;
    logger_set_level(logger, config->loglevel);
    if (config->syslog_enabled)
        logger->system = system_log_open(LOGGER_SYSTEM_SOCKET, config->syslog_ident, config->syslog_facility);
    logger->fd = STDOUT_FILENO;
    if (path && path[0])
        logger->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    return logger->fd >= 0;
}

void logger_close(struct logger *logger) {
    if (logger->fd > STDERR_FILENO)
        close(logger->fd);
    logger->fd = -1;
    system_log_close(logger->system);
    logger->system = NULL;
}

static char logger_mark(enum loglevel level) {
    switch (level) {
    case LOGLEVEL_DEBUG: return '.';
    case LOGLEVEL_VERBOSE: return '-';
    case LOGLEVEL_NOTICE: return '*';
    case LOGLEVEL_WARNING: return '#';
    }
    return ' ';
}

void logger_say(const struct logger *logger, enum loglevel level, const char *format, ...) {
    if ((int)level < atomic_load_explicit(&logger->level, memory_order_relaxed) || logger->fd < 0)
        return;
    char line[LOGGER_LINE_MAX];
    struct timespec now;
    struct tm local;
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &local);
    char date[32];
    strftime(date, sizeof date, "%d %b %Y %H:%M:%S", &local);
    int at = snprintf(line, sizeof line, "%d:M %s.%03ld %c ", (int)getpid(), date, now.tv_nsec / 1000000,
                      logger_mark(level));
    va_list args;
    va_start(args, format);
    int more = vsnprintf(line + at, sizeof line - (size_t)at - 1, format, args);
    va_end(args);
    size_t len = strnlen(line, sizeof line - 2);
    if (logger->system)
        system_log_say(logger->system, level, bytes_of(line + at, len - (size_t)at));
    (void)more;
    line[len++] = '\n';
    ssize_t written = write(logger->fd, line, len);
    (void)written;
}
