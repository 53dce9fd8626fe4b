/* crash.h: the report that a dying server leaves in its log: what happened where, and what its shards were doing.
 *
 * Values of users are never in it: of the command that was running, its name and the lengths of its arguments. */
#pragma once

struct server;

/* From now on SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT write a report for this server before the process ends as it
 * would have. Signals belong to the process, so there is one such server; a later call takes its place. */
void crash_start(struct server *server);

/* Back to ending without a report. */
void crash_stop(void);
