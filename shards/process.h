/* process.h: what the program is for the operating system: in the background or not, its process id in a file, its
 * title in the process list, and its word to the service manager that started it.
 *
 * All of it is for the main thread, and process_daemonize for a time when there is no other thread yet; only
 * process_notify is for any thread. */
#pragma once

#include "core/config/config.h"

struct logger;

/* Where the process list reads the title from. */
struct process_title {
    char *start;
    size_t bytes;
    char *name; /* a copy of argv[0] */
};

/* Raises the limit of open files to what maxclients needs; where that is not allowed, lowers maxclients instead. Notes
 * what happened, in lines for the log. False: there is no room for a single client. */
bool process_raise_files(struct config *config, struct buf *notes);

/* Goes to the background: the caller goes on in a child of the first process, which ends. False: errno tells why. */
bool process_daemonize(void);

/* What `supervised` means here and now: "auto" looks for the marks that service managers leave. */
enum supervised_mode process_supervisor(const struct config *config);

/* Tells systemd, e.g. "READY=1"; nothing happens where nobody listens. */
void process_notify(const char *text);

/* Tells upstart, by stopping: it lets us go on. */
void process_stop_for_upstart(void);

/* The path of the file with the process id, or NULL when there is to be none. */
const char *process_pid_path(const struct config *config, bool is_background);

/* Writes the file; a failure goes to the log. */
void process_write_pid(const char *path, const struct logger *logger);

/* Prepares argv and the environment for titles; both have moved or are clobbered afterwards, and only *title may be
 * used. The copies live as long as the process. */
void process_title_init(struct process_title *title, int argc, char **argv);
void process_title_deinit(struct process_title *title);

/* Appends the title that the configuration asks for. */
void process_title_expand(const struct config *config, const char *name, struct buf *text);

/* Shows it. */
void process_title_set(const struct process_title *title, struct bytes text);
