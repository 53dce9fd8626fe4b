/* ranking_bench.c: bytes per element and nanoseconds per operation of rankings (large sorted sets).
 *
 *   basalt-micro-ranking_bench            100 thousand, one million, and five million elements
 *   basalt-micro-ranking_bench COUNT      another number
 *
 * Names are 16 bytes, scores random; "rss" is the growth of the resident set per element, which includes what an earlier,
 * freed one has left behind. "pause" is the longest single add. Times are processor times, with random names. */
#include "core/base/rng.h"
#include "core/ds/ranking.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { NAME_BYTES = 16, LOOKUPS = 1000000 };

/* Processor time of this thread: what others do on the machine does not count. */
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

static struct bytes make_name(char name[NAME_BYTES + 8], uint64_t n) {
    snprintf(name, NAME_BYTES + 8, "member:%09" PRIu64, n % UINT64_C(1000000000));
    return bytes_of(name, NAME_BYTES);
}

/* Adds `count` elements; with `longest_out` the clock is read around each of them. */
static struct ranking *fill(size_t count, uint64_t *longest_out) {
    struct rng rng;
    rng_init(&rng, 1);
    struct ranking *r = ranking_new(1);
    char text[NAME_BYTES + 8];
    for (size_t i = 0; i < count; i++) {
        struct bytes name = make_name(text, i * 7919 % count);
        double score = rng_unit(&rng);
        uint64_t begin = longest_out != NULL ? now_ns() : 0;
        if (ranking_find(r, name) == NULL && !ranking_add(r, name, score))
            abort();
        uint64_t took = longest_out != NULL ? now_ns() - begin : 0;
        if (longest_out != NULL && took > *longest_out)
            *longest_out = took;
    }
    return r;
}

/* The times of adding: the mean of all, and the longest single one. */
static struct ranking *time_fill(size_t count) {
    uint64_t longest = 0;
    ranking_free(fill(count, &longest));
    uint64_t begin = now_ns();
    struct ranking *r = fill(count, NULL);
    printf("  find and add %.0f ns, pause %.0f us\n", (double)(now_ns() - begin) / (double)count,
           (double)longest / 1000);
    return r;
}

static void time_lookups(struct ranking *r, size_t count) {
    struct rng rng;
    rng_init(&rng, 2);
    char text[NAME_BYTES + 8];
    size_t ranks = 0;
    uint64_t begin = now_ns();
    for (size_t i = 0; i < LOOKUPS; i++)
        ranks += make_name(text, rng_below(&rng, count)).len;
    uint64_t name_ns = now_ns() - begin;
    begin = now_ns();
    for (size_t i = 0; i < LOOKUPS; i++)
        ranks += ranking_find(r, make_name(text, rng_below(&rng, count))) != NULL;
    uint64_t find_ns = now_ns() - begin - name_ns;
    begin = now_ns();
    for (size_t i = 0; i < LOOKUPS; i++)
        ranks += rank_tree_rank(&r->tree, ranking_find(r, make_name(text, rng_below(&rng, count))));
    uint64_t rank_ns = now_ns() - begin - name_ns;
    begin = now_ns();
    for (size_t i = 0; i < LOOKUPS; i++)
        ranking_rescore(r, ranking_find(r, make_name(text, rng_below(&rng, count))), rng_unit(&rng));
    uint64_t rescore_ns = now_ns() - begin - name_ns;
    begin = now_ns();
    double sum = 0;
    for (struct rank_cursor c = rank_tree_at(&r->tree, 0); c.leaf != NULL; rank_cursor_next(&c))
        sum += rank_cursor_get(&c)->score;
    uint64_t walk_ns = now_ns() - begin;
    printf("  find %.0f ns, find and rank %.0f ns, find and rescore %.0f ns, walk %.1f ns (%zu, %g)\n",
           (double)find_ns / LOOKUPS, (double)rank_ns / LOOKUPS, (double)rescore_ns / LOOKUPS,
           (double)walk_ns / (double)count, ranks, sum);
}

static void measure(size_t count) {
    size_t rss = rss_bytes();
    printf("%zu elements\n", count);
    struct ranking *r = time_fill(count);
    double n = (double)count;
    printf("  bytes: elements %.2f, tree %.2f, index %.2f, all %.2f, rss %.2f\n",
           (double)r->element_bytes / n, (double)r->tree.bytes / n, (double)r->index.bytes / n,
           (double)ranking_bytes(r) / n, (double)(rss_bytes() - rss) / n);
    time_lookups(r, count);
    uint64_t begin = now_ns();
    uint64_t longest = 0;
    bool is_gone;
    do {
        uint64_t step = now_ns();
        is_gone = ranking_free_step(r, 1000);
        uint64_t took = now_ns() - step;
        longest = took > longest ? took : longest;
    } while (!is_gone);
    printf("  free %.1f ns per element, longest step of 1000 %.0f us\n", (double)(now_ns() - begin) / n,
           (double)longest / 1000);
}

int main(int argc, char **argv) {
    if (argc > 1) {
        measure(strtoull(argv[1], NULL, 10));
        return 0;
    }
    measure(100000);
    measure(1000000);
    measure(5000000);
    return 0;
}
