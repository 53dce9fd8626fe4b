/* main.c: basalt-load, a load generator that costs less than the servers it drives.
 *
 * It starts the workers, lets them begin together, samples the clock and the CPU time of the watched servers at both
 * ends of the measured span, and prints what came of it. With --requests everything sent is measured; with
 * --seconds the warm-up before and the draining after are not. */
#include "bench/load/proc_cpu.h"
#include "bench/load/worker.h"
#include "core/base/attr.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

struct sample {
    uint64_t time_ns;
    uint64_t own_cpu_ns;
    struct proc_cpu servers;
};

struct result {
    uint64_t ops;
    double seconds;
    double own_cpu_us; /* per operation, like the next */
    double server_cpu_us;
    double server_cpu_s; /* in all */
    double server_wait;  /* share of the span for which the servers' threads were denied a processor */
    double server_switches;
    uint64_t sent_bytes;
    uint64_t received_bytes;
    uint64_t closed;
    struct reply_counts counts;
    struct histogram latency;
};

static struct sample sample_take(const struct options *o) {
    struct sample s = {.time_ns = worker_now_ns()};
    struct rusage own;
    getrusage(RUSAGE_SELF, &own);
    s.own_cpu_ns = (uint64_t)(own.ru_utime.tv_sec + own.ru_stime.tv_sec) * 1000000000 +
                   (uint64_t)(own.ru_utime.tv_usec + own.ru_stime.tv_usec) * 1000;
    for (uint32_t i = 0; i < o->pid_count; i++)
        proc_cpu_add(o->pids[i], &s.servers);
    return s;
}

static void sleep_until(uint64_t time_ns) {
    struct timespec t = {.tv_sec = (time_t)(time_ns / 1000000000), .tv_nsec = (long)(time_ns % 1000000000)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
        continue;
}

static void result_add(struct result *r, const struct worker *w) {
    r->ops += w->measured;
    r->sent_bytes += w->bytes_sent;
    r->received_bytes += w->bytes_received;
    r->closed += w->closed_count;
    histogram_merge(&r->latency, &w->latency);
    if (r->counts.first_error_len == 0)
        memcpy(r->counts.first_error, w->counts.first_error, sizeof r->counts.first_error);
    if (w->counts.first_error_len > r->counts.first_error_len)
        r->counts.first_error_len = w->counts.first_error_len;
    r->counts.replies += w->counts.replies;
    r->counts.errors += w->counts.errors;
    r->counts.nils += w->counts.nils;
}

static void result_span(struct result *r, const struct sample *begin, const struct sample *end) {
    double ops = r->ops ? (double)r->ops : 1;
    double span_ns = (double)(end->time_ns - begin->time_ns);
    r->seconds = span_ns / 1e9;
    r->own_cpu_us = (double)(end->own_cpu_ns - begin->own_cpu_ns) / 1000 / ops;
    r->server_cpu_us = (double)(end->servers.run_ns - begin->servers.run_ns) / 1000 / ops;
    r->server_cpu_s = (double)(end->servers.run_ns - begin->servers.run_ns) / 1e9;
    r->server_wait = (double)(end->servers.wait_ns - begin->servers.wait_ns) / span_ns;
    r->server_switches = (double)(end->servers.switches - begin->servers.switches) / ops;
}

static double us(const struct result *r, double fraction) {
    return (double)histogram_percentile(&r->latency, fraction) / 1000;
}

static void print_json(const struct result *r, const struct options *o) {
    double mean = r->latency.total ? r->latency.sum_ns / (double)r->latency.total / 1000 : 0;
    printf("{\"ops\": %llu, \"seconds\": %.6f, \"ops_per_s\": %.1f, ", (unsigned long long)r->ops, r->seconds,
           (double)r->ops / r->seconds);
    printf("\"mean_us\": %.2f, \"p50_us\": %.2f, \"p99_us\": %.2f, \"p99_9_us\": %.2f, \"max_us\": %.2f, ",
           mean, us(r, 0.5), us(r, 0.99), us(r, 0.999), (double)r->latency.max_ns / 1000);
    printf("\"load_cpu_us\": %.4f, ", r->own_cpu_us);
    if (o->pid_count > 0)
        printf("\"server_cpu_us\": %.4f, \"server_cpu_s\": %.6f, \"server_wait\": %.4f, \"server_switches\": "
               "%.4f, ",
               r->server_cpu_us, r->server_cpu_s, r->server_wait, r->server_switches);
    printf("\"replies\": %llu, \"errors\": %llu, \"nils\": %llu, \"closed\": %llu, ",
           (unsigned long long)r->counts.replies, (unsigned long long)r->counts.errors,
           (unsigned long long)r->counts.nils, (unsigned long long)r->closed);
    printf("\"bytes_sent\": %llu, \"bytes_received\": %llu, \"first_error\": \"",
           (unsigned long long)r->sent_bytes, (unsigned long long)r->received_bytes);
    for (size_t i = 0; i < r->counts.first_error_len; i++) {
        char c = r->counts.first_error[i];
        putchar(c == '"' || c == '\\' || c < ' ' ? '?' : c);
    }
    printf("\"}\n");
}

static void print_line(const struct result *r, const struct options *o) {
    printf("%.0f op/s  p50 %.0f  p99 %.0f  p99.9 %.0f  max %.0f us  load %.3f us/op",
           (double)r->ops / r->seconds, us(r, 0.5), us(r, 0.99), us(r, 0.999),
           (double)r->latency.max_ns / 1000, r->own_cpu_us);
    if (o->pid_count > 0)
        printf("  server %.3f us/op (denied %.1f %%)", r->server_cpu_us, 100 * r->server_wait);
    if (r->counts.nils > 0)
        printf("  nils %llu", (unsigned long long)r->counts.nils);
    if (r->counts.errors > 0)
        printf("  ERRORS %llu (%.*s)", (unsigned long long)r->counts.errors, (int)r->counts.first_error_len,
               r->counts.first_error);
    if (r->closed > 0)
        printf("  CLOSED %llu", (unsigned long long)r->closed);
    printf("\n");
}

static void schedule_set(struct schedule *s, const struct options *o) {
    s->start_ns = worker_now_ns();
    s->measure_ns = s->start_ns + (uint64_t)(o->warmup_seconds * 1e9);
    s->end_ns = o->requests ? UINT64_MAX : s->measure_ns + (uint64_t)(o->seconds * 1e9);
}

int main(int argc, char **argv) {
    struct options o;
    options_read(&o, argc, argv);
    struct rlimit files = {.rlim_cur = 65536, .rlim_max = 65536};
    setrlimit(RLIMIT_NOFILE, &files); /* fewer are enough for most runs */
    struct cluster_map *map = calloc(1, sizeof *map);
    struct worker *workers = calloc(o.threads, sizeof *workers);
    struct result *result = calloc(1, sizeof *result);
    pthread_t threads[OPTIONS_THREADS_MAX];
    pthread_barrier_t barrier;
    struct schedule schedule = {.start_ns = 0};
    must(map != NULL && workers != NULL && result != NULL);
    if (o.is_cluster)
        cluster_map_read(map, o.host, o.port);
    pthread_barrier_init(&barrier, NULL, o.threads + 1);
    for (uint32_t i = 0; i < o.threads; i++) {
        worker_init(&workers[i], &o, &schedule, o.is_cluster ? map : NULL, &barrier, i);
        must(pthread_create(&threads[i], NULL, worker_main, &workers[i]) == 0);
    }
    pthread_barrier_wait(&barrier);
    schedule_set(&schedule, &o);
    struct sample begin = sample_take(&o), end = begin;
    pthread_barrier_wait(&barrier);
    if (o.requests == 0) {
        sleep_until(schedule.measure_ns);
        begin = sample_take(&o);
        sleep_until(schedule.end_ns);
        end = sample_take(&o);
    }
    for (uint32_t i = 0; i < o.threads; i++) {
        pthread_join(threads[i], NULL);
        result_add(result, &workers[i]);
    }
    if (o.requests != 0) {
        end = sample_take(&o);
        end.time_ns = 0; /* the last reply, not the closing of connections behind it */
        for (uint32_t i = 0; i < o.threads; i++)
            end.time_ns = workers[i].finished_ns > end.time_ns ? workers[i].finished_ns : end.time_ns;
    }
    result_span(result, &begin, &end);
    (o.is_json ? print_json : print_line)(result, &o);
    for (uint32_t i = 0; i < o.threads; i++)
        worker_deinit(&workers[i]);
    bool is_clean = result->counts.errors == 0 && result->closed == 0;
    free(workers);
    free(result);
    free(map);
    return is_clean ? 0 : 1;
}
