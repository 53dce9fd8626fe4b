/* worker.h: one thread of the load: its ring, its connections, its share of the requests, what it measured.
 *
 * Life: worker_init (any thread), then worker_main on the thread itself, which connects, waits at the barrier twice
 * (when it is ready; when the schedule has been set), runs, and disconnects. The results may be read after the join. */
#pragma once

#include "bench/load/cluster_map.h"
#include "bench/load/histogram.h"
#include "bench/load/keys.h"
#include "bench/load/options.h"
#include "bench/load/reply.h"
#include "bench/load/template.h"
#include "bench/wire/outbox.h"
#include "bench/wire/ring.h"

#include <pthread.h>

/* When things happen, on the monotonic clock. Set once, between the two waits at the barrier. */
struct schedule {
    uint64_t start_ns;
    uint64_t measure_ns;
    uint64_t end_ns; /* UINT64_MAX: when the requests are done */
};

struct load_conn {
    struct out_conn out;
    struct reply_state reply;
    uint32_t outstanding;
    uint8_t endpoint;
    bool is_open;
    uint64_t start_ns; /* of the batch in flight: when it was sent, or in an open loop should have been */
};

struct worker {
    const struct options *options;
    const struct schedule *schedule;
    const struct cluster_map *map; /* NULL outside a cluster */
    pthread_barrier_t *barrier;
    uint32_t index;
    uint32_t conn_count;
    uint64_t requests;      /* to issue; UINT64_MAX: until the end */
    uint64_t first_request; /* how many the threads before this one issue */

    struct ring ring;
    struct outbox outbox;
    struct load_conn *conns;
    uint32_t *idle; /* open loop: stack of connections with nothing in flight */
    uint32_t idle_count;
    uint32_t open_count;
    struct keys keys;
    struct key_form form;
    struct template templates[OPTIONS_COMMANDS_MAX];
    uint32_t weight_total;
    uint64_t issued;
    uint64_t outstanding;
    double batch_interval_ns;
    uint64_t batches_due; /* open loop: batches begun so far */
    uint8_t key_endpoint; /* cluster: where the command being rendered goes */

    struct reply_counts counts;
    struct histogram latency;
    uint64_t measured; /* replies within the measured time */
    uint64_t finished_ns;
    uint64_t bytes_sent;
    uint64_t bytes_received;
    uint64_t closed_count; /* connections that the server closed */
};

void worker_init(struct worker *w, const struct options *o, const struct schedule *schedule,
                 const struct cluster_map *map, pthread_barrier_t *barrier, uint32_t index);
void worker_deinit(struct worker *w);

/* The thread's function; `worker` is a struct worker. */
void *worker_main(void *worker);

/* Nanoseconds of the monotonic clock. */
uint64_t worker_now_ns(void);
