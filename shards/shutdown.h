/* shutdown.h: the decision to end, for SHUTDOWN and for signals. */
#pragma once

#include <stdbool.h>

struct server;

/* Begins an orderly stop with `options` (enum config_shutdown), or refuses: the log says why. Any thread. */
bool shutdown_begin(struct server *server, unsigned options);
