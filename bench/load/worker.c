/* worker.c: the loop that sends batches and counts replies.
 *
 * Closed loop: each connection has one batch (the pipeline) in flight; when its last reply has come the next one is
 * sent in the same turn. Open loop: batch number k is due at start + k * interval whatever the server does. It goes to
 * any connection with nothing in flight; while there is none it waits, and its latency counts from when it was
 * due, so that a server that stalls is charged for the requests that would have come meanwhile.
 *
 * A batch's replies arrive in one or a few pieces; every reply of a piece gets that piece's time.
 *   I1. A connection's batch is written to the outbox only when nothing is outstanding on it.
 *   I2. `outstanding` of the worker is the sum over its open connections. */
#include "bench/load/worker.h"

#include "bench/load/connect.h"
#include "core/base/attr.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const uint64_t drain_ns = 2000000000; /* how long replies are awaited after the end */
static const int64_t sleep_max_ns = 100000000;

uint64_t worker_now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t share(uint64_t total, uint32_t parts, uint32_t index) {
    return total / parts + (index < total % parts ? 1 : 0);
}

void worker_init(struct worker *w, const struct options *o, const struct schedule *schedule,
                 const struct cluster_map *map, pthread_barrier_t *barrier, uint32_t index) {
    *w = (struct worker){.options = o, .schedule = schedule, .map = map, .barrier = barrier, .index = index};
    w->conn_count = (uint32_t)share(o->connections, o->threads, index);
    w->requests = o->requests ? share(o->requests, o->threads, index) : UINT64_MAX;
    for (uint32_t i = 0; i < index && o->requests; i++)
        w->first_request += share(o->requests, o->threads, i);
    /* Without a number of requests a sequential walk starts evenly spread over the keys. */
    uint64_t first = o->requests ? w->first_request : o->keys / o->threads * index;
    keys_init(&w->keys, o, first, o->seed * OPTIONS_THREADS_MAX + index);
    key_form_init(&w->form, o);
    for (uint32_t i = 0; i < o->command_count; i++) {
        template_init(&w->templates[i], o->commands[i], o, &w->form);
        w->weight_total += o->weights[i];
    }
    if (o->rate > 0)
        w->batch_interval_ns = 1e9 * o->pipeline * o->threads / o->rate;
    w->conns = calloc(w->conn_count, sizeof *w->conns);
    w->idle = calloc(w->conn_count, sizeof *w->idle);
    must(w->conns != NULL && w->idle != NULL);
}

void worker_deinit(struct worker *w) {
    for (uint32_t i = 0; i < w->options->command_count; i++)
        template_deinit(&w->templates[i]);
    key_form_deinit(&w->form);
    free(w->conns);
    free(w->idle);
}

static struct out_conn *out_conn_find(void *owner, uint32_t gen, uint32_t id) {
    struct worker *w = owner;
    (void)gen;
    return w->conns[id].is_open ? &w->conns[id].out : NULL;
}

static void connect_all(struct worker *w) {
    const struct options *o = w->options;
    for (uint32_t i = 0; i < w->conn_count; i++) {
        struct load_conn *c = &w->conns[i];
        *c = (struct load_conn){.out = {.id = i}, .is_open = true};
        if (o->unix_path != NULL) {
            c->out.fd = connect_unix(o->unix_path);
        } else if (w->map != NULL) {
            c->endpoint = (uint8_t)((w->index + i * o->threads) % w->map->endpoint_count);
            c->out.fd = connect_tcp(w->map->hosts[c->endpoint], w->map->ports[c->endpoint]);
        } else {
            c->out.fd = connect_tcp(o->host, o->port);
        }
        ring_arm_recv(&w->ring, c->out.fd, 0, i);
        w->idle[w->idle_count++] = i;
    }
    w->open_count = w->conn_count;
    ring_enter(&w->ring, 0);
}

static uint64_t key_draw(void *owner) {
    struct worker *w = owner;
    uint64_t key = keys_next(&w->keys);
    if (w->map == NULL)
        return key;
    char text[256];
    must(w->form.len <= sizeof text);
    for (;; key = keys_next(&w->keys)) {
        key_form_write(&w->form, text, key);
        if (w->map->owner[keyhash_slot((struct bytes){.ptr = text, .len = w->form.len})] == w->key_endpoint)
            return key;
    }
}

static const struct template *template_choose(struct worker *w) {
    if (w->options->command_count == 1)
        return &w->templates[0];
    uint64_t draw = rng_below(&w->keys.rng, w->weight_total);
    uint32_t i = 0;
    while (draw >= w->options->weights[i])
        draw -= w->options->weights[i++];
    return &w->templates[i];
}

static bool may_issue(const struct worker *w, uint64_t now_ns) {
    return w->issued < w->requests && now_ns < w->schedule->end_ns;
}

static void batch_send(struct worker *w, struct load_conn *c, uint64_t start_ns) {
    struct template_source source = {.key = key_draw, .owner = w, .rng = &w->keys.rng};
    uint64_t left = w->requests - w->issued;
    uint32_t count = left < w->options->pipeline ? (uint32_t)left : w->options->pipeline;
    w->key_endpoint = c->endpoint;
    for (uint32_t i = 0; i < count; i++) {
        const struct template *t = template_choose(w);
        char *out = outbox_reserve(&w->outbox, &c->out, t->bytes_max);
        size_t bytes = template_render(t, out, &source);
        outbox_commit(&w->outbox, &c->out, bytes);
        w->bytes_sent += bytes;
    }
    c->outstanding = count; /* I1 */
    c->start_ns = start_ns;
    w->outstanding += count; /* I2 */
    w->issued += count;
}

/* Open loop: begins the batches that are due. Returns nanoseconds until the next one. */
static int64_t issue_due(struct worker *w, uint64_t now_ns) {
    while (!outbox_is_full(&w->outbox) && may_issue(w, now_ns)) {
        uint64_t due = w->schedule->start_ns + (uint64_t)((double)w->batches_due * w->batch_interval_ns);
        if (due > now_ns)
            return (int64_t)(due - now_ns);
        if (w->idle_count == 0)
            return sleep_max_ns; /* a reply will come first */
        w->batches_due++;
        batch_send(w, &w->conns[w->idle[--w->idle_count]], due);
    }
    return may_issue(w, now_ns) ? 0 : sleep_max_ns;
}

static void conn_close(struct worker *w, struct load_conn *c) {
    w->outstanding -= c->outstanding; /* I2 */
    w->open_count--;
    w->closed_count++;
    c->outstanding = 0;
    c->is_open = false;
    outbox_conn_deinit(&w->outbox, &c->out);
    for (uint32_t i = 0; i < w->idle_count; i++)
        if (w->idle[i] == c->out.id)
            w->idle[i--] = w->idle[--w->idle_count];
    shutdown(c->out.fd, SHUT_RDWR);
    close(c->out.fd);
}

static void on_replies(struct worker *w, struct load_conn *c, uint64_t count) {
    uint64_t now_ns = worker_now_ns();
    if (count > c->outstanding) {
        conn_close(w, c); /* more replies than requests: the stream is out of step */
        return;
    }
    if (now_ns >= w->schedule->measure_ns && now_ns < w->schedule->end_ns) {
        w->measured += count;
        histogram_add(&w->latency, now_ns - c->start_ns, count);
    }
    c->outstanding -= (uint32_t)count;
    w->outstanding -= count; /* I2 */
    if (c->outstanding > 0)
        return;
    if (w->options->rate > 0)
        w->idle[w->idle_count++] = c->out.id;
    else if (may_issue(w, now_ns))
        batch_send(w, c, now_ns);
}

static void on_recv(struct worker *w, const struct ring_event *event) {
    struct load_conn *c = &w->conns[event->token.id];
    uint64_t count = 0;
    if (event->res > 0) {
        const char *ptr = ring_recv_begin(&w->ring, event);
        if (c->is_open)
            count = reply_feed(&c->reply, ptr, (size_t)event->res, &w->counts);
        w->bytes_received += (uint64_t)event->res;
        ring_recv_done(&w->ring, event);
    }
    if (!c->is_open)
        return;
    if ((event->res <= 0 && event->res != -ENOBUFS) || c->out.is_failed) {
        conn_close(w, c);
        return;
    }
    if (!(event->flags & IORING_CQE_F_MORE))
        ring_arm_recv(&w->ring, c->out.fd, 0, c->out.id);
    if (count > 0)
        on_replies(w, c, count);
}

static void on_event(struct worker *w, const struct ring_event *event) {
    struct load_conn *c = &w->conns[event->token.id];
    if (event->token.op == RING_RECV)
        on_recv(w, event);
    else if (event->token.op == RING_SEND_REST && c->is_open)
        outbox_rest_sent(&w->outbox, &w->ring, &c->out, event->res);
}

static bool is_done(const struct worker *w, uint64_t now_ns) {
    if (w->open_count == 0)
        return true;
    if (w->outstanding > 0)
        return w->schedule->end_ns != UINT64_MAX && now_ns > w->schedule->end_ns + drain_ns;
    return w->options->is_idle ? now_ns >= w->schedule->end_ns : !may_issue(w, now_ns);
}

/* Begins the closed loop, a full outbox at a time. */
static void kick(struct worker *w) {
    for (uint32_t i = 0; i < w->conn_count && w->issued < w->requests; i++) {
        if (outbox_is_full(&w->outbox)) {
            outbox_flush(&w->outbox, &w->ring);
            ring_enter(&w->ring, 0);
            outbox_settle(&w->outbox, &w->ring);
        }
        batch_send(w, &w->conns[i], worker_now_ns());
    }
}

static void run(struct worker *w) {
    bool is_open_loop = w->options->rate > 0;
    uint64_t now_ns = worker_now_ns();
    if (!is_open_loop && !w->options->is_idle)
        kick(w);
    while (!is_done(w, now_ns)) {
        int64_t wait_ns = is_open_loop ? issue_due(w, now_ns) : sleep_max_ns;
        if (now_ns < w->schedule->end_ns && w->schedule->end_ns - now_ns < (uint64_t)wait_ns)
            wait_ns = (int64_t)(w->schedule->end_ns - now_ns);
        outbox_flush(&w->outbox, &w->ring);
        ring_enter(&w->ring, wait_ns);
        outbox_settle(&w->outbox, &w->ring);
        struct ring_event event;
        while (!outbox_is_full(&w->outbox) && ring_next(&w->ring, &event))
            on_event(w, &event);
        now_ns = worker_now_ns();
    }
    w->finished_ns = now_ns;
}

static void pin(const struct worker *w) {
    const struct options *o = w->options;
    if (o->cpu_count == 0)
        return;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)o->cpus[w->index % o->cpu_count], &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0)
        ring_die("sched_setaffinity", errno);
}

void *worker_main(void *worker) {
    struct worker *w = worker;
    pin(w);
    prctl(PR_SET_TIMERSLACK, 1UL); /* an open loop wakes when a batch is due, not 50 us later */
    ring_init(&w->ring);
    outbox_init(&w->outbox, w, out_conn_find);
    connect_all(w);
    pthread_barrier_wait(w->barrier);
    pthread_barrier_wait(w->barrier);
    run(w);
    uint64_t closed_by_server = w->closed_count;
    for (uint32_t i = 0; i < w->conn_count; i++)
        if (w->conns[i].is_open)
            conn_close(w, &w->conns[i]);
    w->closed_count = closed_by_server;
    ring_deinit(&w->ring);
    outbox_deinit(&w->outbox);
    return NULL;
}
