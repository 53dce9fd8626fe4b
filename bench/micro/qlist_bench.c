/* qlist_bench.c: bytes per element and nanoseconds per operation of listpacks and long lists.
 *
 *   basalt-micro-qlist_bench            a listpack of 100, and lists of 100 thousand and one million elements
 *   basalt-micro-qlist_bench COUNT      another number
 *
 * Elements are 16 bytes; "rss" is the growth of the resident set per element. "queue" is a push at one end and a pop at
 * the other, on a list of that length. Times are processor time. "rss" of the second fill is what the first one did not leave
 * behind. */
#include "core/base/rng.h"
#include "core/ds/qlist.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { ELEMENT_BYTES = 16, PACKED = 100, ROUNDS = 1000000 };

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static size_t rss_bytes(void) {
    FILE *f = fopen("/proc/self/statm", "r");
    size_t total = 0;
    size_t resident = 0;
    if (f) {
        if (fscanf(f, "%zu %zu", &total, &resident) != 2)
            resident = 0;
        fclose(f);
    }
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static struct bytes make_element(char text[ELEMENT_BYTES + 8], uint64_t n) {
    snprintf(text, ELEMENT_BYTES + 8, "element%09" PRIu64, n % UINT64_C(1000000000));
    return bytes_of(text, ELEMENT_BYTES);
}

static double per(uint64_t begin, size_t count) {
    return (double)(now_ns() - begin) / (double)count;
}

static void bench_listpack(void) {
    char texts[PACKED][ELEMENT_BYTES + 8];
    struct bytes elements[PACKED];
    for (size_t i = 0; i < PACKED; i++)
        elements[i] = make_element(texts[i], i);
    enum { TIMES = 10000 };
    size_t sum = 0;
    uint64_t begin = now_ns();
    unsigned char *lp = NULL;
    for (size_t t = 0; t < TIMES; t++) {
        listpack_free(lp);
        lp = listpack_new(0);
        for (size_t i = 0; i < PACKED; i++)
            lp = listpack_append(lp, elements[i]);
    }
    double append_ns = per(begin, (size_t)TIMES * PACKED);
    begin = now_ns();
    for (size_t t = 0; t < TIMES; t++) {
        char scratch[NUM_INT_TEXT_MAX];
        for (const unsigned char *at = listpack_first(lp); at != NULL; at = listpack_next(lp, at))
            sum += listpack_get(at, scratch).len;
    }
    double walk_ns = per(begin, (size_t)TIMES * PACKED);
    begin = now_ns();
    for (size_t t = 0; t < TIMES; t++)
        sum += listpack_find(lp, lp + LISTPACK_HEADER_BYTES, elements[t % PACKED], 0) != NULL;
    double find_ns = per(begin, TIMES);
    printf("listpack of %d: append %.1f ns, walk %.1f ns an element, find %.0f ns (%zu)\n", PACKED, append_ns,
           walk_ns, find_ns, sum % 10);
    listpack_free(lp);
}

static struct qlist *fill(size_t count, enum qlist_end end) {
    struct qlist_limits limits = {.bytes_max = 8192, .count_max = SIZE_MAX, .depth = 0};
    struct qlist *q = qlist_new(&limits);
    char text[ELEMENT_BYTES + 8];
    size_t rss = rss_bytes();
    uint64_t spent = 0;
    for (size_t i = 0; i < count; i += 1000) {
        uint64_t begin = now_ns();
        struct bytes element = make_element(text, i);
        for (size_t j = 0; j < 1000; j++) {
            text[ELEMENT_BYTES - 1] = (char)('0' + j % 10);
            if (!qlist_push(q, end, element))
                abort();
        }
        spent += now_ns() - begin;
    }
    printf("  push at the %s %.1f ns, %.2f bytes an element, rss %.2f\n", end == QLIST_HEAD ? "head" : "tail",
           (double)spent / (double)count, (double)qlist_bytes(q) / (double)count,
           (double)(rss_bytes() - rss) / (double)count);
    return q;
}

static void time_queue(struct qlist *q, enum qlist_end in, const char *name) {
    char text[ELEMENT_BYTES + 8];
    struct bytes element = make_element(text, 7);
    uint64_t begin = now_ns();
    for (size_t i = 0; i < ROUNDS; i++) {
        if (!qlist_push(q, in, element))
            abort();
        qlist_pop(q, in == QLIST_HEAD ? QLIST_TAIL : QLIST_HEAD);
    }
    printf("  queue %s %.1f ns\n", name, per(begin, ROUNDS));
}

static void time_reads(const struct qlist *q, size_t count) {
    struct rng rng;
    rng_init(&rng, 2);
    char scratch[NUM_INT_TEXT_MAX];
    struct bytes value;
    struct qlist_iter it;
    size_t sum = 0;
    enum { LOOKUPS = 100000 };
    uint64_t begin = now_ns();
    for (size_t i = 0; i < LOOKUPS; i++) {
        qlist_iter_init(&it, q, (size_t)rng_below(&rng, count), false);
        sum += qlist_iter_next(&it, scratch, &value);
        qlist_iter_deinit(&it);
    }
    double index_ns = per(begin, LOOKUPS);
    begin = now_ns();
    qlist_iter_init(&it, q, 0, false);
    while (qlist_iter_next(&it, scratch, &value))
        sum += value.len;
    qlist_iter_deinit(&it);
    printf("  index %.0f ns, walk %.1f ns an element (%zu)\n", index_ns, per(begin, count), sum % 10);
}

static void time_inserts(struct qlist *q, size_t count) {
    struct rng rng;
    rng_init(&rng, 3);
    char text[ELEMENT_BYTES + 8];
    struct bytes element = make_element(text, 5);
    enum { INSERTS = 20000 };
    uint64_t begin = now_ns();
    for (size_t i = 0; i < INSERTS; i++) {
        if (!qlist_insert(q, (size_t)rng_below(&rng, count), element))
            abort();
    }
    printf("  insert %.0f ns\n", per(begin, INSERTS));
}

static void bench(size_t count) {
    printf("qlist of %zu\n", count);
    struct qlist *q = fill(count, QLIST_HEAD);
    qlist_free(q);
    q = fill(count, QLIST_TAIL);
    time_reads(q, count);
    time_queue(q, QLIST_TAIL, "in at the tail");
    time_queue(q, QLIST_HEAD, "in at the head");
    time_inserts(q, count);
    uint64_t begin = now_ns();
    qlist_free(q);
    printf("  free %.1f ns an element\n", per(begin, count));
}

int main(int argc, char **argv) {
    if (argc > 1) {
        bench((size_t)strtoull(argv[1], NULL, 10));
        return 0;
    }
    bench_listpack();
    bench(100000);
    bench(1000000);
    return 0;
}
