/* accept.h: new connections: shard 0 accepts, the least loaded shard keeps them. */
#pragma once

#include "net/conn.h"
#include "net/listener.h"

struct server;
struct shard;

/* io_listener.on_accept: runs on shard 0. */
void accept_take(struct io_listener *listener, int fd);

/* Opens the connections that were handed to this shard; on its own thread, once a turn. */
void accept_newcomers(struct shard *shard);

/* conn_host.on_gone: the connection is closed and nothing points to it. */
void accept_gone(struct conn *conn);
