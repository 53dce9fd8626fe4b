/* main.c: the program basalt-server: reads the configuration, makes one server, runs it. */
#include "core/base/mem.h"
#include "shards/crash.h"
#include "shards/server.h"
#include "shards/signals.h"
#include "shards/version.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int main_run(struct config *config, const char *executable) {
    char why[512] = "";
    if (config->dir && chdir(config->dir) != 0) {
        fprintf(stderr, "Can't chdir to '%s': %s\n", config->dir, strerror(errno));
        return 1;
    }
    struct server *server = server_new(config, executable, why, sizeof why);
    if (!server) {
        fprintf(stderr, "basalt-server: %s\n", why);
        return 1;
    }
    if (!logger_open(&server->logger, config->logfile, config->loglevel)) {
        fprintf(stderr, "Can't open the log file '%s': %s\n", config->logfile, strerror(errno));
        return 1;
    }
    logger_say(&server->logger, LOGLEVEL_NOTICE, "Basalt %s starting, %u shards, pid %d", BASALT_VERSION,
               server->shard_count, (int)getpid());
    if (config->crash_log_enabled)
        crash_start(server);
    signals_start(server);
    int code = server_run(server);
    signals_stop(server);
    crash_stop();
    logger_say(&server->logger, LOGLEVEL_NOTICE, "Basalt is now ready to exit, bye bye...");
    logger_close(&server->logger);
    server_free(server);
    return code;
}

int main(int argc, char **argv) {
    struct config config;
    struct buf error;
    buf_init(&error);
    config_init_defaults(&config);
    int code = 1;
    switch (config_load_args(&config, argc, argv, stdin, &error)) {
    case CONFIG_ARGS_RUN: code = main_run(&config, argv[0]); break;
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
