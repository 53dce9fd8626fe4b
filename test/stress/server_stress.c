/* server_stress.c: the whole server in this process, with its real threads, under clients that do everything at once: for
 * ThreadSanitizer above all. Commands of all scopes, settings that change, connections that come and go, marks of the log;
 * then the server stops under load, starts again with another number of shards, and what one MSET wrote must be whole. */
#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/resp/resp_read.h"
#include "shards/server.h"
#include "test/stress/stress.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS = 6, LIFE_MS = STRESS_IS_TSAN ? 1500 : 1000, PIPELINE_MAX = 40 };

struct life {
    const char *socket;
    const char *backend;
    struct config config;
    struct server *server;
    pthread_t thread;
    atomic_bool is_over;
    atomic_bool is_wrong;
    atomic_uint commands;
};

struct guest {
    struct life *life;
    struct rng rng;
    unsigned index;
    int fd;
    unsigned due;
    bool is_checking; /* the operation is an MGET of the registers */
    struct buf out, in;
};

static void guest_say(struct guest *g, const char *format, ...) {
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    buf_put(&g->out, text, strlen(text));
    buf_put(&g->out, "\r\n", 2);
    g->due++;
}

static unsigned guest_pick(struct guest *g, unsigned bound) {
    return (unsigned)rng_below(&g->rng, bound);
}

static void guest_ask_rarely(struct guest *g) {
    static const char *const commands[] = {
        "INFO",
        "CLIENT LIST",
        "CONFIG SET hz 50",
        "CONFIG SET hz 10",
        "SLOWLOG GET",
        "CONFIG GET *",
        "CONFIG SET visiting no",
        "CONFIG SET visiting yes",
        "DBSIZE",
        "SCAN 0",
        "RANDOMKEY",
        "FLUSHDB",
        "SWAPDB 1 2",
        "LATENCY LATEST",
        "CONFIG RESETSTAT",
        "CONFIG SET appendfsync always",
        "CONFIG SET appendfsync everysec",
    };
    const char *command = commands[guest_pick(g, COUNT_OF(commands))];
    if (strcmp(command, "FLUSHDB") == 0) {
        guest_say(g, "SELECT 2");
        guest_say(g, "FLUSHDB");
        guest_say(g, "SELECT 0");
    } else {
        guest_say(g, "%s", command);
    }
}

static void guest_ask(struct guest *g) {
    unsigned a = guest_pick(g, 30), b = guest_pick(g, 30), n = guest_pick(g, 100000);
    switch (guest_pick(g, 12)) {
    case 0: guest_say(g, "GET k%u", a); return;
    case 1: guest_say(g, "SET k%u %u", a, n); return;
    case 2: guest_say(g, "SET k%u %u PX %u", a, n, 1 + n % 20); return;
    case 3: guest_say(g, "RENAME k%u k%u", a, b); return;
    case 4: guest_say(g, "COPY k%u k%u REPLACE", a, b); return;
    case 5: guest_say(g, "MSETNX k%u 1 k%u 2 k%u 3", a, b, n % 30); return;
    case 6: guest_say(g, "DEL k%u k%u", a, b); return;
    case 7: guest_say(g, "APPEND k%u x", a); return;
    case 8: guest_say(g, "MGET k%u k%u k%u", a, b, n % 30); return;
    case 9: guest_say(g, "BITOP OR k%u k%u k%u", a, b, n % 30); return;
    case 10: guest_say(g, "MSET r1 %u r2 %u r3 %u r4 %u", n, n, n, n); return;
    default:
        if (guest_pick(g, 10) == 0)
            guest_ask_rarely(g);
        else
            guest_say(g, "PING");
    }
}

static bool guest_connect(struct guest *g) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", g->life->socket);
    g->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (g->fd < 0 || connect(g->fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(g->fd);
        g->fd = -1;
        return false;
    }
    return true;
}

static bool guest_hears_loading(struct bytes reply) {
    return reply.len > 8 && memcmp(reply.ptr, "-LOADING", 8) == 0;
}

/* The registers, one MGET's reply: all the same? */
static bool guest_is_whole(struct bytes reply) {
    if (guest_hears_loading(reply))
        return true;
    const char *first = memchr(reply.ptr, '\n', reply.len);
    if (!first)
        return false;
    struct bytes rest = bytes_of(first + 1, reply.len - (size_t)(first + 1 - reply.ptr));
    size_t len = resp_reply_skip(rest);
    if (len == 0 || len == RESP_REPLY_BROKEN || rest.len != 4 * len)
        return false;
    for (int i = 1; i < 4; i++)
        if (memcmp(rest.ptr, rest.ptr + (size_t)i * len, len) != 0)
            return false;
    return true;
}

/* Sends the operation and reads all its replies. False: the connection has ended. */
static bool guest_exchange(struct guest *g) {
    size_t sent = 0, at = 0;
    buf_clear(&g->in, SIZE_MAX);
    while (g->due) {
        if (sent < g->out.len) {
            ssize_t n = send(g->fd, g->out.ptr + sent, g->out.len - sent, MSG_NOSIGNAL);
            if (n <= 0)
                return false;
            sent += (size_t)n;
        }
        ssize_t n = recv(g->fd, buf_room(&g->in, 65536), 65536, 0);
        if (n <= 0)
            return false;
        buf_commit(&g->in, (size_t)n);
        for (size_t len; g->due && (len = resp_reply_skip(bytes_of(g->in.ptr + at, g->in.len - at))) != 0;
             g->due--) {
            must(len != RESP_REPLY_BROKEN);
            if (g->is_checking && !guest_is_whole(bytes_of(g->in.ptr + at, len)))
                atomic_store(&g->life->is_wrong, true);
            at += len;
            atomic_fetch_add_explicit(&g->life->commands, 1, memory_order_relaxed);
        }
    }
    return true;
}

static void *guest_live(void *ctx) {
    struct guest *g = ctx;
    rng_init(&g->rng, g->index + 1);
    g->fd = -1;
    while (!atomic_load(&g->life->is_over)) {
        if (g->fd < 0 && !guest_connect(g)) {
            stress_pause();
            continue;
        }
        buf_clear(&g->out, SIZE_MAX);
        g->due = 0;
        g->is_checking = guest_pick(g, 4) == 0;
        if (g->is_checking)
            guest_say(g, "MGET r1 r2 r3 r4");
        for (unsigned i = guest_pick(g, PIPELINE_MAX) + 1; i > 0 && !g->is_checking; i--)
            guest_ask(g);
        bool leaves = guest_pick(g, 50) == 0;
        if (leaves)
            (void)!send(g->fd, g->out.ptr, g->out.len, MSG_NOSIGNAL);
        if (leaves || !guest_exchange(g)) {
            close(g->fd);
            g->fd = -1;
        }
    }
    if (g->fd >= 0)
        close(g->fd);
    buf_deinit(&g->in);
    buf_deinit(&g->out);
    return NULL;
}

static void *life_serve(void *ctx) {
    struct life *life = ctx;
    must(server_run(life->server) == 0);
    return NULL;
}

static void life_begin(struct life *life, const char *shards) {
    char why[256] = "";
    char *argv[] = {"server",
                    "--port",
                    "0",
                    "--unixsocket",
                    (char *)(uintptr_t)life->socket,
                    "--shards",
                    (char *)(uintptr_t)shards,
                    "--appendonly",
                    "yes",
                    "--io-backend",
                    (char *)(uintptr_t)life->backend};
    struct buf error = {0};
    config_init_defaults(&life->config);
    must(config_load_args(&life->config, COUNT_OF(argv), argv, stdin, &error) == CONFIG_ARGS_RUN);
    buf_deinit(&error);
    life->server = server_new(&life->config, "server", why, sizeof why);
    must(life->server != NULL);
    life->server->logger.fd = -1;
    must(pthread_create(&life->thread, NULL, life_serve, life) == 0);
}

static void life_end(struct life *life) {
    server_stop(life->server);
    pthread_join(life->thread, NULL);
    server_free(life->server);
    config_deinit(&life->config);
}

/* One life under load, one more to look at what is left. */
static bool life_holds(const char *socket, const char *backend, const char *shards, const char *then) {
    struct life life = {.socket = socket, .backend = STRESS_IS_TSAN ? "epoll" : backend};
    struct guest guests[CLIENTS];
    struct stress_threads threads = {0};
    life_begin(&life, shards);
    for (unsigned i = 0; i < CLIENTS; i++) {
        guests[i] = (struct guest){.life = &life, .index = i};
        stress_start(&threads, guest_live, &guests[i]);
    }
    nanosleep(&(struct timespec){LIFE_MS / 1000, LIFE_MS % 1000 * 1000000}, NULL);
    life_end(&life); /* under load */
    atomic_store(&life.is_over, true);
    stress_join(&threads);
    printf("%u commands; ", atomic_load(&life.commands));
    life_begin(&life, then);
    struct guest g = {.life = &life, .is_checking = true};
    while (!guest_connect(&g))
        stress_pause();
    bool ok;
    do {
        buf_clear(&g.out, SIZE_MAX);
        guest_say(&g, "MGET r1 r2 r3 r4");
        ok = guest_exchange(&g);
    } while (ok && guest_hears_loading(buf_bytes(&g.in)));
    close(g.fd);
    life_end(&life);
    buf_deinit(&g.in);
    buf_deinit(&g.out);
    return ok && !atomic_load(&life.is_wrong);
}

static int remove_one(const char *path, const struct stat *facts, int type, struct FTW *at) {
    (void)facts;
    (void)type;
    (void)at;
    return remove(path);
}

int main(void) {
    struct stress_tally tally = {0};
    char folder[] = "/tmp/server-stress-XXXXXX";
    char socket[64];
    must(mkdtemp(folder) != NULL && chdir(folder) == 0);
    snprintf(socket, sizeof socket, "%s/socket", folder);
    stress_expect(&tally, "three shards, then two", life_holds(socket, "auto", "3", "2"), true);
    stress_expect(&tally, "two shards, then four", life_holds(socket, "epoll", "2", "4"), true);
    must(nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0);
    return stress_end(&tally);
}
