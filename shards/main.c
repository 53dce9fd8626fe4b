/* main.c: the program basalt-server: reads the configuration, makes one server, runs it. */
#include "core/base/mem.h"
#include "shards/crash.h"
#include "shards/process.h"
#include "shards/server.h"
#include "shards/signals.h"
#include "shards/version.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Goes to the working folder; from now on CONFIG GET shows where that really is. */
static bool main_enter_dir(struct config *config) {
    char path[PATH_MAX];
    struct buf error;
    if (config->dir && chdir(config->dir) != 0) {
        fprintf(stderr, "Can't chdir to '%s': %s\n", config->dir, strerror(errno));
        return false;
    }
    if (!getcwd(path, sizeof path)) {
        fprintf(stderr, "Can't find out the working folder: %s\n", strerror(errno));
        return false;
    }
    buf_init(&error);
    bool is_put = config_put(config, CONFIG_dir, bytes_cstr(path), &error);
    if (!is_put)
        fprintf(stderr, "Can't work in '%s': %.*s\n", path, (int)error.len, error.ptr);
    buf_deinit(&error);
    return is_put;
}

/* Gives the names of the configuration's rename-command lines, NULL in *names_out when there are none. */
static bool main_rename_commands(const struct config *config, struct command_names **names_out) {
    *names_out = config->rename_count ? command_names_new() : NULL;
    for (size_t i = 0; i < config->rename_count; i++) {
        const struct config_rename *rename = &config->renames[i];
        const char *why;
        if (!command_names_rename(*names_out, bytes_cstr(rename->from), bytes_cstr(rename->to), &why)) {
            fprintf(stderr,
                    "\n*** FATAL CONFIG FILE ERROR (Basalt) ***\n>>> 'rename-command \"%s\" \"%s\"'\n%s\n",
                    rename->from, rename->to, why);
            return false;
        }
    }
    return true;
}

static void main_show_title(const struct config *config, int argc, char **argv, struct process_title *title) {
    struct buf text;
    if (!config->set_proc_title)
        return;
    process_title_init(title, argc, argv);
    buf_init(&text);
    process_title_expand(config, title->name, &text);
    process_title_set(title, buf_bytes(&text));
    buf_deinit(&text);
}

/* Wishes that the kernel may refuse; the server works all the same. */
static void main_ask_kernel(struct server *server) {
    const struct config *config = server->config;
    if (config->disable_thp && prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) != 0)
        logger_say(&server->logger, LOGLEVEL_WARNING, "Transparent huge pages could not be turned off: %s",
                   strerror(errno));
    oom_score_init(&server->oom_score);
    (void)oom_score_apply(&server->oom_score, config, &server->logger);
}

/* Serves until told to stop. */
static int main_serve(struct server *server) {
    const struct config *config = server->config;
    enum supervised_mode supervisor = process_supervisor(config);
    bool is_background = config->daemonize && supervisor == SUPERVISED_NONE;
    if (is_background && !process_daemonize()) {
        fprintf(stderr, "Can't go to the background: %s\n", strerror(errno));
        return 1;
    }
    server->is_notifying = supervisor == SUPERVISED_SYSTEMD;
    if (supervisor == SUPERVISED_UPSTART)
        process_stop_for_upstart();
    const char *pid_path = process_pid_path(config, is_background);
    if (pid_path)
        process_write_pid(pid_path, &server->logger);
    logger_say(&server->logger, LOGLEVEL_NOTICE, "Basalt %s starting, %u shards, pid %d", BASALT_VERSION,
               server->shard_count, (int)getpid());
    main_ask_kernel(server);
    if (config->crash_log_enabled)
        crash_start(server);
    signals_start(server);
    int code = server_run(server);
    signals_stop(server);
    crash_stop();
    if (pid_path)
        unlink(pid_path);
    logger_say(&server->logger, LOGLEVEL_NOTICE, "Basalt is now ready to exit, bye bye...");
    return code;
}

/* A log line for each line of the notes, and for each directive that was given but changes nothing. */
static void main_say_notes(const struct logger *logger, const struct config *config, struct buf *notes) {
    if (notes->len)
        buf_put_char(notes, '\n');
    config_print_notes(config, notes);
    if (notes->len == 0)
        return;
    for (const char *at = notes->ptr, *end = at + notes->len; at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        logger_say(logger, LOGLEVEL_WARNING, "%.*s", (int)(newline - at), at);
        at = newline + 1;
    }
}

static int main_run(struct config *config, int argc, char **argv) {
    char why[512] = "";
    int code = 1;
    struct command_names *names = NULL;
    struct process_title title = {0};
    struct buf notes;
    buf_init(&notes);
    if (!main_enter_dir(config) || !main_rename_commands(config, &names))
        goto out;
    if (!process_raise_files(config, &notes)) {
        fprintf(stderr, "The limit of open files leaves no room for clients: increase 'ulimit -n'.\n");
        goto out;
    }
    struct server *server = server_new(config, argv[0], why, sizeof why);
    if (!server) {
        fprintf(stderr, "basalt-server: %s\n", why);
        goto out;
    }
    server->names = names;
    main_show_title(config, argc, argv, &title);
    if (logger_open(&server->logger, config)) {
        main_say_notes(&server->logger, config, &notes);
        code = main_serve(server);
        logger_close(&server->logger);
    } else {
        fprintf(stderr, "Can't open the log file '%s': %s\n", config->logfile, strerror(errno));
    }
    server_free(server);
out:
    buf_deinit(&notes);
    process_title_deinit(&title);
    command_names_free(names);
    return code;
}

int main(int argc, char **argv) {
    struct config config;
    struct buf error;
    buf_init(&error);
    config_init_defaults(&config);
    int code = 1;
    switch (config_load_args(&config, argc, argv, stdin, &error)) {
    case CONFIG_ARGS_RUN: code = main_run(&config, argc, argv); break;
    case CONFIG_ARGS_VERSION:
        printf("Basalt server v=%s bits=%d\n", BASALT_VERSION, (int)sizeof(void *) * 8);
        code = 0;
        break;
    case CONFIG_ARGS_HELP:
        config_print_help(stdout);
        code = 0;
        break;
    case CONFIG_ARGS_ERROR: fprintf(stderr, "%.*s\n", (int)error.len, error.ptr); break;
    }
    buf_deinit(&error);
    config_deinit(&config);
    return code;
}
