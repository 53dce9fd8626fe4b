/* listener.c: making listening sockets. TCP_NODELAY is set on the listener; accepted sockets inherit it, which saves a
 * system call per connection. */
#include "net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static enum err listener_fail(int fd, const char *what, const char *where, int port, char *why,
                              size_t why_size) {
    int e = errno;
    snprintf(why, why_size, "%s %s:%d: %s", what, where, port, strerror(e));
    if (fd >= 0)
        close(fd);
    return e == EADDRNOTAVAIL || e == EAFNOSUPPORT ? ERR_NOTFOUND : err_from_errno(e);
}

static void listener_set(int fd, int level, int name, int value) {
    (void)setsockopt(fd, level, name, &value, sizeof value);
}

static bool listener_address(const char *text, int port, struct sockaddr_storage *address, socklen_t *len) {
    memset(address, 0, sizeof *address);
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)address;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)address;
    const char *v4 = strcmp(text, "*") == 0 ? "0.0.0.0" : text;
    const char *v6 = strcmp(text, "::*") == 0 ? "::" : text;
    if (inet_pton(AF_INET, v4, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        in->sin_port = htons((uint16_t)port);
        *len = sizeof *in;
        return true;
    }
    if (inet_pton(AF_INET6, v6, &in6->sin6_addr) == 1) {
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons((uint16_t)port);
        *len = sizeof *in6;
        return true;
    }
    return false;
}

enum err listener_open_tcp(struct listener *listener, const char *address, int port, int backlog, char *why,
                           size_t why_size) {
    struct sockaddr_storage where;
    socklen_t len;
    bool is_optional = address[0] == '-';
    if (is_optional)
        address++;
    if (strcmp(address, "localhost") == 0)
        address = "127.0.0.1";
    if (!listener_address(address, port, &where, &len)) {
        snprintf(why, why_size, "'%s' is not an IP address", address);
        return ERR_INVALID;
    }
    int fd = socket(where.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return listener_fail(fd, "socket for", address, port, why, why_size);
    listener_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    listener_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (where.ss_family == AF_INET6)
        listener_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (bind(fd, (struct sockaddr *)&where, len) != 0)
        return listener_fail(fd, "bind", address, port, why, why_size);
    if (listen(fd, backlog) != 0)
        return listener_fail(fd, "listen on", address, port, why, why_size);
    listener->io.fd = fd;
    listener->is_unix = false;
    return ERR_OK;
}

enum err listener_open_unix(struct listener *listener, const char *path, unsigned mode, int backlog,
                            char *why, size_t why_size) {
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof where.sun_path) {
        snprintf(why, why_size, "unixsocket path '%s' is too long", path);
        return ERR_INVALID;
    }
    memcpy(where.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return listener_fail(fd, "socket for", path, 0, why, why_size);
    unlink(path);
    if (bind(fd, (struct sockaddr *)&where, sizeof where) != 0)
        return listener_fail(fd, "bind", path, 0, why, why_size);
    if (mode && chmod(path, (mode_t)mode) != 0)
        return listener_fail(fd, "chmod", path, 0, why, why_size);
    if (listen(fd, backlog) != 0)
        return listener_fail(fd, "listen on", path, 0, why, why_size);
    listener->io.fd = fd;
    listener->is_unix = true;
    return ERR_OK;
}

void listener_close(struct listener *listener) {
    if (listener->io.fd >= 0)
        close(listener->io.fd);
    listener->io.fd = -1;
}

void listener_tune(int fd, int keepalive_s) {
    if (keepalive_s <= 0)
        return;
    int third = keepalive_s / 3 > 0 ? keepalive_s / 3 : 1;
    listener_set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    listener_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, keepalive_s);
    listener_set(fd, IPPROTO_TCP, TCP_KEEPINTVL, third);
    listener_set(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
}
