/* cmd_cluster.c: the commands of Redis Cluster, while there is no cluster.
 *
 * Basalt's shards are not nodes: one process on one port serves all slots, and a client needs to know nothing of them. So
 * a client or tool that asks for a cluster is told, in the words of a Redis that runs without one, that there is none;
 * clients that can do both then go on without. The arity is checked before, so that a mistake is told first, as there. */
#include "core/exec/exec.h"

/* CLUSTER and its subcommands, ASKING, READONLY, READWRITE */
void cmd_cluster_disabled(struct exec *x) {
    resp_error(x->out, BYTES_LIT("ERR This instance has cluster support disabled"));
}
