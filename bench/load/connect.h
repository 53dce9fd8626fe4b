/* connect.h: a connected stream socket, or the end of the program. */
#pragma once

#include <stdint.h>

/* TCP to host:port (an IPv4 or IPv6 address or a name), without Nagle's delay. */
int connect_tcp(const char *host, uint16_t port);

/* The UNIX socket at `path`. */
int connect_unix(const char *path);
