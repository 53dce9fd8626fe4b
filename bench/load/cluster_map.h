/* cluster_map.h: which endpoint owns which slot, as CLUSTER SLOTS of one node says. Read once, before the run. */
#pragma once

#include "core/base/keyhash.h"

#include <stdint.h>

enum { CLUSTER_ENDPOINTS_MAX = 256 };

struct cluster_map {
    uint16_t ports[CLUSTER_ENDPOINTS_MAX];
    char hosts[CLUSTER_ENDPOINTS_MAX][64];
    uint32_t endpoint_count;
    uint8_t owner[KEYHASH_SLOT_COUNT]; /* index of an endpoint */
};

/* Asks host:port. Ends the program when the answer is no slot table or leaves a slot without owner. */
void cluster_map_read(struct cluster_map *map, const char *host, uint16_t port);
