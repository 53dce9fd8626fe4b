/* packed_table_bench.c: bytes per item, nanoseconds per operation, and the longest single add of the packed table; and
 * the same of the intset.
 *
 *   basalt-micro-packed_table_bench            half a million and a million items, intsets of 512 and 10000
 *   basalt-micro-packed_table_bench COUNT      a number of your choice
 *
 * Fields are 16 bytes, in the hash 15 with values of 15. "bytes" is what the table accounts for itself, "rss" the growth of
 * the resident set, both per item. Times are processor time of a single thread,
 * with random fields. */
#include "core/base/mem.h"
#include "core/ds/intset.h"
#include "core/ds/packed_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

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

/* Digits by hand: printf would cost more than what is measured. */
static struct bytes make_field(char room[16], uint64_t n, bool has_values) {
    size_t len = has_values ? 15 : 16;
    memcpy(room, "field:", 6);
    for (size_t at = len; at-- > 6; n /= 10)
        room[at] = (char)('0' + n % 10);
    return bytes_of(room, len);
}

/* Every number below `count` once, in an order that looks like chance; count is odd or even, any. */
static uint64_t shuffled(uint64_t i, uint64_t count) {
    return i * UINT64_C(2654435761) % count;
}

static void bench_table(uint64_t count, bool has_values) {
    char room[16];
    struct packed_at at;
    struct rng rng;
    size_t rss = rss_bytes();
    uint64_t longest = 0;
    uint64_t sum = 0;
    struct packed_table *t = packed_table_new(has_values, 1);
    rng_init(&rng, 1);
    uint64_t begun = now_ns();
    for (uint64_t i = 0; i < count; i++)
        sum += packed_table_add(t, make_field(room, i, has_values), BYTES_LIT("a value of some"), &at);
    uint64_t added = now_ns();
    double bytes = (double)packed_table_bytes(t) / (double)count;
    double grown = (double)(rss_bytes() - rss) / (double)count;
    uint64_t find_begun = now_ns();
    for (uint64_t i = 0; i < count; i++)
        sum += packed_table_find(t, make_field(room, shuffled(i, count), has_values), &at);
    uint64_t found = now_ns();
    for (uint64_t i = 0; i < count; i++)
        sum += packed_table_find(t, make_field(room, count + shuffled(i, count), has_values), &at);
    uint64_t missed = now_ns();
    for (uint64_t i = 0; i < count; i++)
        sum += packed_table_random(t, &rng).slot;
    uint64_t drawn = now_ns();
    for (at = PACKED_AT_START; packed_table_next(t, &at);)
        sum += packed_table_get(t, at).field.len;
    uint64_t walked = now_ns();
    for (uint64_t i = 0; i < count; i++) {
        uint64_t one = now_ns();
        sum +=
            packed_table_add(t, make_field(room, count + i, has_values), BYTES_LIT("a value of some"), &at);
        one = now_ns() - one;
        longest = one > longest ? one : longest;
    }
    uint64_t remove_begun = now_ns();
    for (uint64_t i = 0; i < 2 * count; i++)
        sum += packed_table_remove_field(t, make_field(room, i, has_values));
    uint64_t removed = now_ns();
    double n = (double)count;
    printf("%-5s %9" PRIu64 " %8.2f %8.2f %8.0f %8.0f %8.0f %8.0f %8.0f %8.0f %8" PRIu64 "\n",
           has_values ? "hash" : "set", count, bytes, grown, (double)(added - begun) / n,
           (double)(found - find_begun) / n, (double)(missed - found) / n, (double)(drawn - missed) / n,
           (double)(walked - drawn) / n, (double)(removed - remove_begun) / (2 * n), longest / 1000);
    must(sum != 0);
    packed_table_free(t);
}

static void bench_intset(uint64_t count) {
    bool is_added;
    size_t place;
    uint64_t sum = 0;
    enum { ROUNDS = 20 };
    uint64_t add_ns = 0;
    uint64_t find_ns = 0;
    for (int round = 0; round < ROUNDS; round++) {
        unsigned char *is = intset_new();
        uint64_t begun = now_ns();
        for (uint64_t i = 0; i < count; i++)
            is = intset_add(is, (int64_t)shuffled(i, count), &is_added);
        uint64_t added = now_ns();
        for (uint64_t i = 0; i < count; i++)
            sum += intset_find(is, (int64_t)shuffled(i * 7, count), &place);
        find_ns += now_ns() - added;
        add_ns += added - begun;
        intset_free(is);
    }
    double n = (double)count * ROUNDS;
    printf("%-5s %9" PRIu64 " %8s %8s %8.0f %8.0f\n", "ints", count, "", "", (double)add_ns / n,
           (double)find_ns / n);
    must(sum != 0);
}

int main(int argc, char **argv) {
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
    printf("%-5s %9s %8s %8s %8s %8s %8s %8s %8s %8s %8s\n", "", "items", "bytes", "rss", "add ns", "find ns",
           "miss ns", "random ns", "walk ns", "remove ns", "longest us");
    for (int i = 0; i < (count == 0 ? 2 : 1); i++) {
        bench_table(count == 0 ? 500000u * (unsigned)(i + 1) : count, false);
        bench_table(count == 0 ? 500000u * (unsigned)(i + 1) : count, true);
    }
    bench_intset(512);
    bench_intset(10000);
    return 0;
}
