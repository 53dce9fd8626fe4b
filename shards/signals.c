/* signals.c: signals are waited for by a thread of their own (sigtimedwait), so that no handler ever interrupts a shard.
 * A second SIGINT while stopping ends the process at once. */
#include "shards/signals.h"

#include "shards/server.h"
#include "shards/shutdown.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static void signals_set(sigset_t *set) {
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGUSR2); /* signals_stop */
}

static void *signals_main(void *context) {
    struct server *server = context;
    sigset_t set;
    signals_set(&set);
    for (;;) {
        int number = 0;
        if (sigwait(&set, &number) != 0 || number == SIGUSR2)
            return NULL;
        if (atomic_load(&server->is_stopping))
            _exit(1);
        logger_say(&server->logger, LOGLEVEL_WARNING, "Received %s, scheduling shutdown...",
                   number == SIGTERM ? "SIGTERM" : "SIGINT");
        unsigned options =
            number == SIGTERM ? atomic_load(&server->on_sigterm) : atomic_load(&server->on_sigint);
        if (!shutdown_begin(server, options))
            logger_say(&server->logger, LOGLEVEL_WARNING,
                       "%s received but errors trying to shut down the server, check the logs for more "
                       "information",
                       number == SIGTERM ? "SIGTERM" : "SIGINT");
    }
}

void signals_start(struct server *server) {
    sigset_t set;
    signals_set(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    if (pthread_create(&server->signal_thread, NULL, signals_main, server) == 0)
        server->has_signal_thread = true;
}

void signals_stop(struct server *server) {
    if (!server->has_signal_thread)
        return;
    pthread_kill(server->signal_thread, SIGUSR2);
    pthread_join(server->signal_thread, NULL);
}
