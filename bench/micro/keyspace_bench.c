/* keyspace_bench.c: bytes per key, nanoseconds per operation, and the longest single put of the keyspace.
 *
 *   basalt-micro-keyspace_bench                    the table below for 1, 2 and 5 million keys
 *   basalt-micro-keyspace_bench COUNT              the same for a number of your choice
 *   basalt-micro-keyspace_bench pauses COUNT       the times of single puts only
 *   basalt-micro-keyspace_bench saw COUNT          one line per growth of 5 per cent up to COUNT keys
 *
 * Keys are 16 bytes, values 32. "entry" is what the keyspace accounts for entries, "table" for itself, "rss" the
 * growth of the resident set per key since the start. Times are of a single thread with random keys. */
#include "core/base/mem.h"
#include "core/keyspace/keyspace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { KEY_BYTES = 16, VALUE_BYTES = 32, BATCH = 16 };

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
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

static struct bytes make_key(char key[KEY_BYTES + 1], uint64_t n) {
    snprintf(key, KEY_BYTES + 1, "key:%012" PRIu64, n % UINT64_C(1000000000000));
    return bytes_of(key, KEY_BYTES);
}

static struct entry *make_entry(struct bytes key) {
    char value[VALUE_BYTES];
    memset(value, 'v', sizeof(value));
    return entry_new_str(key, bytes_of(value, sizeof(value)), ENTRY_NO_EXPIRE);
}

static void put_key(struct keyspace *ks, uint64_t n) {
    char text[KEY_BYTES + 1];
    struct bytes key = make_key(text, n);
    keyspace_put(ks, keyspace_hash(ks, key), make_entry(key));
}

static void print_sizes(const struct keyspace *ks, size_t rss_before) {
    double count = (double)keyspace_count(ks);
    double entry = (double)keyspace_bytes(ks) / count;
    double table = (double)keyspace_table_bytes(ks) / count;
    double rss = (double)(rss_bytes() - rss_before) / count;
    printf("%9.0f keys  entry %.2f  table %.2f  sum %.2f  rss %.2f B/key\n", count, entry, table,
           entry + table, rss);
    fflush(stdout);
}

/* Finds `count` random keys, in batches that are prefetched if `prefetch`; returns nanoseconds per key. */
static double time_finds(const struct keyspace *ks, size_t count, uint64_t base, uint64_t range,
                         bool prefetch) {
    struct rng rng;
    rng_init(&rng, 7);
    char text[BATCH][KEY_BYTES + 1];
    uint64_t spent = 0;
    size_t hits = 0;
    for (size_t done = 0; done < count; done += BATCH) {
        for (size_t i = 0; i < BATCH; i++)
            make_key(text[i], base + rng_below(&rng, range));
        uint64_t begin = now_ns();
        uint64_t hash[BATCH];
        for (size_t i = 0; i < BATCH; i++) {
            hash[i] = keyspace_hash(ks, bytes_of(text[i], KEY_BYTES));
            if (prefetch)
                keyspace_prefetch(ks, hash[i]);
        }
        for (size_t i = 0; prefetch && i < BATCH; i++)
            __builtin_prefetch(keyspace_probable(ks, hash[i]));
        for (size_t i = 0; i < BATCH; i++)
            hits += keyspace_find(ks, bytes_of(text[i], KEY_BYTES), hash[i]) != NULL;
        spent += now_ns() - begin;
    }
    must(base ? hits == 0 : hits == count);
    return (double)spent / (double)count;
}

/* Puts keys 0 .. count - 1 into an empty table; lowers took_ns[n] to the time of the n-th put. Returns the sum. */
static uint64_t time_puts(struct keyspace *ks, size_t count, uint32_t *took_ns) {
    uint64_t total = 0;
    for (size_t n = 0; n < count; n++) {
        char text[KEY_BYTES + 1];
        struct bytes key = make_key(text, n);
        struct entry *e = make_entry(key);
        uint64_t begin = now_ns();
        keyspace_put(ks, keyspace_hash(ks, key), e);
        uint64_t took = now_ns() - begin;
        total += took;
        if (took_ns[n] > took)
            took_ns[n] = (uint32_t)took;
    }
    return total;
}

/* The same puts three times: what took long each time was the table, the rest was the machine. */
static void pauses(size_t count) {
    uint32_t *took_ns = mem_alloc(count * sizeof(*took_ns));
    memset(took_ns, 0xff, count * sizeof(*took_ns));
    uint64_t best = UINT64_MAX;
    for (int run = 0; run < 3; run++) {
        struct keyspace *ks = keyspace_new(&(struct keyspace_options){.hash_seed = 42});
        uint64_t total = time_puts(ks, count, took_ns);
        best = total < best ? total : best;
        keyspace_free(ks);
    }
    uint32_t longest = 0;
    uint32_t over[3] = {0};
    for (size_t n = 0; n < count; n++) {
        longest = took_ns[n] > longest ? took_ns[n] : longest;
        over[0] += took_ns[n] > 10000;
        over[1] += took_ns[n] > 50000;
        over[2] += took_ns[n] > 100000;
    }
    printf("  %zu puts, %.0f ns each (two clock readings included); longest %.1f us; %u over 10 us, %u over "
           "50, %u over 100\n",
           count, (double)best / (double)count, (double)longest / 1000, over[0], over[1], over[2]);
    fflush(stdout);
    mem_free(took_ns);
}

static void measure(size_t count) {
    size_t rss_before = rss_bytes();
    struct keyspace *ks = keyspace_new(&(struct keyspace_options){.hash_seed = 42});
    for (size_t n = 0; n < count; n++)
        put_key(ks, n);
    print_sizes(ks, rss_before);
    size_t finds = 2000000 / BATCH * BATCH;
    printf("  find hit %.0f ns, prefetched %.0f ns; miss %.0f ns\n", time_finds(ks, finds, 0, count, false),
           time_finds(ks, finds, 0, count, true),
           time_finds(ks, finds, UINT64_C(500000000000), count, false));
    uint64_t begin = now_ns();
    keyspace_free(ks);
    printf("  free %.0f ns per key\n", (double)(now_ns() - begin) / (double)count);
    fflush(stdout);
    pauses(count);
}

static void saw(size_t count_max) {
    size_t rss_before = rss_bytes();
    struct keyspace *ks = keyspace_new(&(struct keyspace_options){.hash_seed = 42});
    double next = 1000;
    for (size_t n = 0; n < count_max; n++) {
        put_key(ks, n);
        if ((double)n + 1 >= next) {
            print_sizes(ks, rss_before);
            next *= 1.05;
        }
    }
    keyspace_free(ks);
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "saw") == 0) {
        saw(strtoull(argv[2], NULL, 10));
        return 0;
    }
    if (argc == 3 && strcmp(argv[1], "pauses") == 0) {
        pauses(strtoull(argv[2], NULL, 10));
        return 0;
    }
    if (argc == 2) {
        measure(strtoull(argv[1], NULL, 10));
        return 0;
    }
    /* A process of its own each, so that no resident memory is left from the one before. */
    static const size_t counts[] = {1000000, 2000000, 5000000};
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        pid_t child = fork();
        if (child == 0) {
            measure(counts[i]);
            return 0;
        }
        int status = 1;
        must(child > 0 && waitpid(child, &status, 0) == child);
        if (status != 0)
            return 1;
    }
    return 0;
}
