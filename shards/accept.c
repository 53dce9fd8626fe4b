/* accept.c: handing new connections to shards.
 *
 * The number of connections per shard is an atomic that only moves here, so the choice is a scan of a few words. A socket
 * travels to its shard as a message; the shard's own thread opens it (its ring must), so a visitor puts the message back
 * and asks for the thread. */
#include "shards/accept.h"

#include "core/base/mem.h"
#include "shards/route.h"
#include "shards/server.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

struct newcomer {
    struct message message;
    struct link link;
    int fd;
    uint64_t id; /* of the connection: given here, so that ids rise in the order of arrival */
};

static void accept_refuse(struct server *server, int fd, const char *text) {
    server->shards[0]->stats.rejected_connections++;
    ssize_t written = write(fd, text, strlen(text));
    (void)written;
    close(fd);
}

/* Protected mode: without a password only this machine may connect. */
static bool accept_is_protected(const struct server *server, int fd) {
    const struct config *config = server->config;
    if (!config->protected_mode || (config->requirepass && config->requirepass[0]))
        return false;
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    if (getpeername(fd, (struct sockaddr *)&peer, &len) != 0)
        return false;
    if (peer.ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)&peer;
        return (ntohl(in->sin_addr.s_addr) >> 24) != 127;
    }
    if (peer.ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)&peer;
        return !IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
    }
    return false;
}

static void accept_open(struct shard *shard, int fd, uint64_t id) {
    struct server *server = shard->server;
    listener_tune(fd, shard->engine.config->tcp_keepalive);
    struct conn *conn = conn_open(&shard->host, fd, id);
    if (!conn) {
        atomic_fetch_sub(&server->conn_count, 1);
        atomic_fetch_sub(&shard->load, 1);
        return;
    }
    const char *password = shard->engine.config->requirepass;
    conn->is_authenticated = !password || !password[0];
    link_push_back(&shard->conns, &conn->all_link);
    shard->conn_count++;
    shard->stats.connections++;
}

static void accept_arrive(struct shard *shard, struct message *message) {
    struct newcomer *newcomer = CONTAINER_OF(message, struct newcomer, message);
    link_push_back(&shard->newcomers, &newcomer->link);
    atomic_store_explicit(&shard->wants_owner, true, memory_order_release);
}

void accept_newcomers(struct shard *shard) {
    struct link *node;
    while ((node = link_pop_front(&shard->newcomers)) != NULL) {
        struct newcomer *newcomer = CONTAINER_OF(node, struct newcomer, link);
        if (atomic_load_explicit(&shard->server->is_stopping, memory_order_relaxed)) {
            close(newcomer->fd);
            atomic_fetch_sub(&shard->server->conn_count, 1);
            atomic_fetch_sub(&shard->load, 1);
        } else {
            accept_open(shard, newcomer->fd, newcomer->id);
        }
        mem_free(newcomer);
    }
}

static struct shard *accept_choose(struct server *server) {
    struct shard *best = server->shards[0];
    unsigned best_load = atomic_load_explicit(&best->load, memory_order_relaxed);
    for (unsigned i = 1; i < server->shard_count; i++) {
        unsigned load = atomic_load_explicit(&server->shards[i]->load, memory_order_relaxed);
        if (load < best_load) {
            best = server->shards[i];
            best_load = load;
        }
    }
    return best;
}

void accept_take(struct io_listener *listener, int fd) {
    struct shard *self = ((struct listener *)(void *)listener)->ctx;
    struct server *server = self->server;
    if (atomic_fetch_add(&server->conn_count, 1) >= (unsigned)server->config->maxclients) {
        atomic_fetch_sub(&server->conn_count, 1);
        accept_refuse(server, fd, "-ERR max number of clients reached\r\n");
        return;
    }
    if (accept_is_protected(server, fd)) {
        atomic_fetch_sub(&server->conn_count, 1);
        accept_refuse(
            server, fd,
            "-DENIED Basalt is running in protected mode because protected mode is enabled and no "
            "password is set for the default user. Connections are accepted from the loopback "
            "interface only. Set a password with 'requirepass', or bind to the interfaces you trust "
            "and set 'protected-mode no'.\r\n");
        return;
    }
    struct shard *target = accept_choose(server);
    atomic_fetch_add(&target->load, 1);
    uint64_t id = atomic_fetch_add_explicit(&server->next_conn_id, 1, memory_order_relaxed) + 1;
    if (target == self) {
        accept_open(self, fd, id);
        return;
    }
    struct newcomer *newcomer = mem_zalloc(sizeof *newcomer);
    newcomer->message.run = accept_arrive;
    newcomer->fd = fd;
    newcomer->id = id;
    shard_send(self, target->index, &newcomer->message);
}

void accept_gone(struct conn *conn) {
    struct shard *shard = conn->host->ctx;
    shard->conn_count--;
    atomic_fetch_sub(&shard->load, 1);
    atomic_fetch_sub(&shard->server->conn_count, 1);
    conn_free(conn);
}
