/* logger.h: the server's log: one line per event, in the form that people and tools know from Redis:
 *
 *     12345:M 22 Nov 2026 16:01:02.345 * Ready to accept connections
 *
 * The mark stands for the level: . debug, - verbose, * notice, # warning. Any thread; each line is one write. Where the
 * configuration asks for it, the machine's log service gets each line too (system_log.h). */
#pragma once

#include "core/base/attr.h"
#include "core/config/config.h"
#include "shards/system_log.h"

#include <stdarg.h>
#include <stdatomic.h>

struct logger {
    int fd;
    atomic_int level;          /* enum loglevel */
    struct system_log *system; /* NULL: the log service gets nothing */
};

/* As logfile, loglevel and the syslog directives say; standard output when logfile is empty. False when the file cannot
 * be opened (errno tells why). */
bool logger_open(struct logger *logger, const struct config *config);
void logger_close(struct logger *logger);

/* Any thread. */
void logger_set_level(struct logger *logger, enum loglevel level);

/* Writes the line if `level` is at least the logger's. */
void logger_say(const struct logger *logger, enum loglevel level, const char *format, ...) ATTR_PRINTF(3, 4);
