/* process.c: daemon, pid file, title, supervisor.
 *
 * The title: the kernel shows, as a process's command line, the bytes between the first argument and the end of the last
 * one; if these are not terminated, it reads on into the environment, which lies right behind. So the environment is
 * copied elsewhere, and both areas are one room for the title. */
#include "shards/process.h"

#include "core/base/mem.h"
#include "shards/logger.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

extern char **environ;

enum { PROCESS_SPARE_FILES_MIN = 32 };

bool process_daemonize(void) {
    pid_t child = fork();
    if (child < 0)
        return false;
    if (child > 0)
        _exit(0);
    setsid();
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return false;
    bool is_done =
        dup2(null, STDIN_FILENO) >= 0 && dup2(null, STDOUT_FILENO) >= 0 && dup2(null, STDERR_FILENO) >= 0;
    if (null > STDERR_FILENO)
        close(null);
    return is_done;
}

/* ---- open files ---- */

/* Open files besides those of clients: as many as Redis keeps, and what each shard needs. */
static rlim_t process_spare_files(const struct config *config) {
    long shards = config->shards ? config->shards : sysconf(_SC_NPROCESSORS_ONLN);
    return PROCESS_SPARE_FILES_MIN + (shards > 8 ? 4 * (rlim_t)shards : 0);
}

/* Raises the limit as far as it goes; returns what it is now, at most `wanted`. */
static rlim_t process_try_raise(rlim_t wanted, struct rlimit limit) {
    struct rlimit raised = {wanted, limit.rlim_max > wanted ? limit.rlim_max : wanted};
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
        return wanted;
    int why = errno;
    raised = (struct rlimit){limit.rlim_max < wanted ? limit.rlim_max : wanted, limit.rlim_max};
    if (raised.rlim_cur > limit.rlim_cur && setrlimit(RLIMIT_NOFILE, &raised) == 0)
        return raised.rlim_cur;
    errno = why;
    return limit.rlim_cur;
}

bool process_raise_files(struct config *config, struct buf *notes) {
    struct rlimit limit;
    rlim_t spare = process_spare_files(config);
    rlim_t wanted = (rlim_t)config->maxclients + spare;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return true;
    rlim_t now = process_try_raise(wanted, limit);
    if (now >= wanted)
        return true;
    if (now <= spare)
        return false;
    int64_t asked = config->maxclients;
    config->maxclients = (int64_t)(now - spare);
    buf_printf(
        notes,
        "You requested maxclients of %lld requiring at least %llu max file descriptors. Current maximum open "
        "files is %llu. maxclients has been reduced to %lld to compensate for low ulimit. If you need higher "
        "maxclients increase 'ulimit -n'.",
        (long long)asked, (unsigned long long)wanted, (unsigned long long)now, (long long)config->maxclients);
    return true;
}

/* ---- service managers ---- */

enum supervised_mode process_supervisor(const struct config *config) {
    bool is_auto = config->supervised == SUPERVISED_AUTO;
    if (getenv("UPSTART_JOB") && (is_auto || config->supervised == SUPERVISED_UPSTART))
        return SUPERVISED_UPSTART;
    if (getenv("NOTIFY_SOCKET") && (is_auto || config->supervised == SUPERVISED_SYSTEMD))
        return SUPERVISED_SYSTEMD;
    return SUPERVISED_NONE;
}

void process_notify(const char *text) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = path ? strlen(path) : 0;
    if (len == 0 || len >= sizeof to.sun_path || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(to.sun_path, path, len + 1);
    if (path[0] == '@')
        to.sun_path[0] = '\0'; /* a name outside the file system */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    socklen_t to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    ssize_t sent = sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&to, to_len);
    (void)sent;
    close(fd);
}

void process_stop_for_upstart(void) {
    unsetenv("UPSTART_JOB");
    raise(SIGSTOP);
}

/* ---- pid file ---- */

const char *process_pid_path(const struct config *config, bool is_background) {
    if (config->pidfile && config->pidfile[0])
        return config->pidfile;
    return is_background ? "/var/run/basalt.pid" : NULL;
}

void process_write_pid(const char *path, const struct logger *logger) {
    FILE *file = fopen(path, "we");
    if (!file) {
        logger_say(logger, LOGLEVEL_WARNING, "Failed to write PID file: %s", strerror(errno));
        return;
    }
    fprintf(file, "%d\n", (int)getpid());
    fclose(file);
}

/* ---- title ---- */

static char *process_copy(const char *text) {
    size_t len = strlen(text) + 1;
    return memcpy(mem_alloc(len), text, len);
}

void process_title_init(struct process_title *title, int argc, char **argv) {
    *title = (struct process_title){.start = argv[0], .name = process_copy(argv[0])};
    char *end = argv[0];
    for (int i = 0; i < argc; i++)
        if (argv[i] == end)
            end += strlen(argv[i]) + 1;
    size_t count = 0;
    while (environ && environ[count])
        count++;
    char **copies = mem_zalloc((count + 1) * sizeof *copies);
    for (size_t i = 0; i < count; i++) {
        if (environ[i] == end)
            end += strlen(environ[i]) + 1;
        copies[i] = process_copy(environ[i]);
    }
    environ = copies;
    title->bytes = (size_t)(end - title->start);
}

void process_title_deinit(struct process_title *title) {
    mem_free(title->name);
    title->name = NULL;
}

static void process_put_variable(const struct config *config, const char *name, struct bytes variable,
                                 struct buf *text) {
    bool has_unix = config->unixsocket && config->unixsocket[0];
    if (bytes_equal(variable, BYTES_LIT("title"))) {
        buf_put_bytes(text, bytes_cstr(name));
    } else if (bytes_equal(variable, BYTES_LIT("listen-addr"))) {
        if (config->port || !has_unix)
            buf_printf(text, "%s:%d", config->bind.count ? config->bind.items[0] : "*", config->port);
        else
            buf_put_bytes(text, bytes_cstr(config->unixsocket));
    } else if (bytes_equal(variable, BYTES_LIT("port"))) {
        buf_printf(text, "%d", config->port);
    } else if (bytes_equal(variable, BYTES_LIT("tls-port"))) {
        buf_put_char(text, '0');
    } else if (bytes_equal(variable, BYTES_LIT("unixsocket"))) {
        if (has_unix)
            buf_put_bytes(text, bytes_cstr(config->unixsocket));
    } else if (bytes_equal(variable, BYTES_LIT("config-file"))) {
        if (config->config_file)
            buf_put_bytes(text, bytes_cstr(config->config_file));
    }
}

void process_title_expand(const struct config *config, const char *name, struct buf *text) {
    const char *at = config->proc_title_template;
    while (*at) {
        const char *close = *at == '{' ? strchr(at, '}') : NULL;
        if (close) {
            process_put_variable(config, name, bytes_of(at + 1, (size_t)(close - at - 1)), text);
            at = close + 1;
        } else {
            buf_put_char(text, *at++);
        }
    }
    while (text->len && text->ptr[text->len - 1] == ' ')
        text->len--;
}

void process_title_set(const struct process_title *title, struct bytes text) {
    if (title->bytes < 2)
        return;
    size_t len = text.len < title->bytes - 1 ? text.len : title->bytes - 1;
    memset(title->start, 0, title->bytes);
    if (len)
        memcpy(title->start, text.ptr, len);
}
