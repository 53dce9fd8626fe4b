/* cluster_map.c: reads the slot table with a small recursive walk over the reply.
 *
 * The reply is an array of [first slot, last slot, [host, port, id, ...], replicas ...]. Only the first endpoint of each
 * range, its primary, is used. */
#include "bench/load/cluster_map.h"

#include "bench/load/connect.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NOBODY = 0xff };

static void refuse(const char *why) __attribute__((noreturn));
static void refuse(const char *why) {
    fprintf(stderr, "basalt-load: CLUSTER SLOTS: %s\n", why);
    exit(1);
}

static char *read_line(FILE *f, char *line, int bytes) {
    if (fgets(line, bytes, f) == NULL)
        refuse("the server closed the connection");
    if (line[0] == '-')
        refuse(line);
    return line + 1;
}

static long read_count(FILE *f, char type) {
    char line[512];
    const char *rest = read_line(f, line, sizeof line);
    if (line[0] != type)
        refuse("an answer of another shape");
    return strtol(rest, NULL, 10);
}

/* A bulk string, cut to the room there is. */
static void read_bulk(FILE *f, char *text, size_t room) {
    long len = read_count(f, '$');
    size_t n = 0;
    for (long i = 0; i < len + 2; i++) {
        int c = fgetc(f);
        if (c != EOF && i < len && n + 1 < room)
            text[n++] = (char)c;
    }
    text[n] = '\0';
}

static void skip_value(FILE *f) {
    char line[512];
    const char *rest = read_line(f, line, sizeof line);
    long count = strtol(rest, NULL, 10);
    if (line[0] == '$') {
        for (long i = 0; i < count + 2 && count >= 0; i++)
            (void)fgetc(f);
    } else if (line[0] == '*') {
        for (long i = 0; i < count; i++)
            skip_value(f);
    }
}

static uint8_t endpoint_put(struct cluster_map *map, const char *host, uint16_t port) {
    for (uint32_t e = 0; e < map->endpoint_count; e++)
        if (map->ports[e] == port && strcmp(map->hosts[e], host) == 0)
            return (uint8_t)e;
    if (map->endpoint_count == CLUSTER_ENDPOINTS_MAX - 1)
        refuse("too many endpoints");
    snprintf(map->hosts[map->endpoint_count], sizeof map->hosts[0], "%s", host);
    map->ports[map->endpoint_count] = port;
    return (uint8_t)map->endpoint_count++;
}

static void read_range(FILE *f, struct cluster_map *map, const char *default_host) {
    char host[64];
    long parts = read_count(f, '*');
    long first = read_count(f, ':'), last = read_count(f, ':');
    long fields = read_count(f, '*');
    if (parts < 3 || fields < 2 || first < 0 || last >= KEYHASH_SLOT_COUNT)
        refuse("an answer of another shape");
    read_bulk(f, host, sizeof host);
    long port = read_count(f, ':');
    for (long i = 2; i < fields; i++)
        skip_value(f);
    for (long i = 3; i < parts; i++)
        skip_value(f);
    uint8_t endpoint = endpoint_put(map, host[0] ? host : default_host, (uint16_t)port);
    for (long slot = first; slot <= last; slot++)
        map->owner[slot] = endpoint;
}

void cluster_map_read(struct cluster_map *map, const char *host, uint16_t port) {
    static const char question[] = "*2\r\n$7\r\nCLUSTER\r\n$5\r\nSLOTS\r\n";
    map->endpoint_count = 0;
    memset(map->owner, NOBODY, sizeof map->owner);
    int fd = connect_tcp(host, port);
    if (write(fd, question, sizeof question - 1) != (ssize_t)sizeof question - 1)
        refuse(strerror(errno));
    FILE *f = fdopen(fd, "r");
    if (f == NULL)
        refuse(strerror(errno));
    long ranges = read_count(f, '*');
    for (long i = 0; i < ranges; i++)
        read_range(f, map, host);
    fclose(f);
    if (memchr(map->owner, NOBODY, sizeof map->owner) != NULL)
        refuse("some slots have no owner");
}
