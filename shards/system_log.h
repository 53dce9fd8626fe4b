/* system_log.h: lines for the machine's log service (syslog), one datagram each:
 *
 *     <133>Nov 22 16:01:02 redis[12345]: Ready to accept connections
 *
 * The number is facility * 8 + severity. The C library's syslog() keeps its socket and its name in globals, which two
 * servers in one process would share; and a service that is restarted must be found again, so every line is sent to the
 * service's path anew. A line that cannot be delivered is lost: the server waits for nobody's log. Any thread. */
#pragma once

#include "core/config/config.h"

struct system_log;

/* Prepares sending to the socket at `path`, under the name `ident` (both copied). NULL when there is no socket to be had.
 * Nobody needs to listen there yet. */
struct system_log *system_log_open(const char *path, const char *ident, enum syslog_facility facility);

/* Takes it; NULL is nothing. */
void system_log_close(struct system_log *log);

void system_log_say(const struct system_log *log, enum loglevel level, struct bytes text);
