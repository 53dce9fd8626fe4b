/* signals.h: SIGTERM and SIGINT end the server in order. */
#pragma once

struct server;

/* Blocks the signals in all threads made from now on and starts a thread that waits for them. */
void signals_start(struct server *server);

/* Ends that thread. */
void signals_stop(struct server *server);
