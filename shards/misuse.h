/* misuse.h: what strangers do wrong, and the line about it in the log. */
#pragma once

#include "net/conn.h"

struct server;

/* conn_host.on_misuse. */
void misuse_report(struct conn *conn, enum conn_misuse what, const char *detail);

/* A browser that was tricked into talking to us: the first word of an HTTP request's line. Closes the connection, and
 * says so in the log at most once a minute. True when it was one. */
bool misuse_is_http(struct conn *conn, struct bytes word);

/* io_listener.on_accept_error. */
void misuse_accept_failed(struct io_listener *listener, int errno_value);
