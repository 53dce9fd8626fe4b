/* listener.h: listening sockets: TCP (IPv4 and IPv6) and UNIX. */
#pragma once

#include "core/base/err.h"
#include "core/io/io.h"

enum { LISTENERS_MAX = 32 };

struct listener {
    struct io_listener io; /* first field */
    bool is_unix;
    void *ctx; /* of whoever accepts */
};

/* Opens a listening socket on `address` ("*", "::", "127.0.0.1", a host's name is not resolved) and port. An address
 * with a leading '-' that is not available here gives ERR_NOTFOUND and is to be skipped, as in Redis. On any other
 * failure `why` says what happened. */
enum err listener_open_tcp(struct listener *listener, const char *address, int port, int backlog, char *why,
                           size_t why_size) ATTR_MUST_USE;

/* Opens a UNIX socket, replacing an old socket file; `mode` 0 leaves the permissions as they come. */
enum err listener_open_unix(struct listener *listener, const char *path, unsigned mode, int backlog,
                            char *why, size_t why_size) ATTR_MUST_USE;

/* Closes the socket. */
void listener_close(struct listener *listener);

/* Sets what connected TCP sockets need that they do not inherit: keep-alive in seconds (0: off). */
void listener_tune(int fd, int keepalive_s);
