/* stream_bench.c: nanoseconds per operation and bytes per entry of streams, and of what their groups remember.
 *
 *   basalt-micro-stream_bench            a million entries, a million pending messages
 *   basalt-micro-stream_bench COUNT      the same for a number of your choice
 *
 * An entry has two fields with values of 10 bytes. Times are of the processor, in a single thread. "bytes" is what the stream accounts for
 * itself, divided by the number of entries or of pending messages. */
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/value/stream.h"
#include "core/value/stream_group.h"
#include "core/value/stream_iter.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void print_time(const char *what, uint64_t begun, uint64_t count) {
    printf("%-40s %8.1f ns\n", what, (double)(now_ns() - begun) / (double)count);
}

static struct stream_id id_of(uint64_t i) {
    return (struct stream_id){1700000000000 + i / 3, i % 3};
}

static void bench_append(struct stream *s, uint64_t count) {
    struct stream_node_limits limits = {4096, 100};
    struct bytes pairs[4] = {BYTES_LIT("sensor"), BYTES_LIT("0123456789"), BYTES_LIT("value"),
                             BYTES_LIT("abcdefghij")};
    uint64_t begun = now_ns();
    for (uint64_t i = 0; i < count; i++) {
        if (stream_append(s, id_of(i), pairs, 2, limits) != STREAM_APPENDED)
            abort();
    }
    print_time("append", begun, count);
    printf("%-40s %8.1f bytes\n", "entry", (double)s->bytes / (double)count);
}

static void bench_read(const struct stream *s, uint64_t count) {
    struct rng rng;
    struct stream_iter it;
    struct bytes field;
    struct bytes value;
    size_t sum = 0;
    rng_init(&rng, 1);
    uint64_t begun = now_ns();
    stream_iter_init(&it, s, STREAM_ID_MIN, STREAM_ID_MAX, false);
    while (stream_iter_next(&it)) {
        for (size_t i = 0; i < it.pair_count; i++) {
            stream_iter_pair(&it, &field, &value);
            sum += value.len;
        }
    }
    print_time("walk, with both pairs", begun, count);
    begun = now_ns();
    for (uint64_t i = 0; i < count / 8; i++)
        sum += stream_has(s, id_of(rng_below(&rng, count))) ? 1 : 0;
    print_time("look up one of them", begun, count / 8);
    if (sum == 0)
        abort();
}

static void bench_pending(struct stream *s, uint64_t count) {
    struct stream_group *g = stream_add_group(s, BYTES_LIT("group"), STREAM_ID_MIN, 0);
    struct stream_consumer *consumers[2] = {stream_add_consumer(s, g, BYTES_LIT("a"), 1),
                                            stream_add_consumer(s, g, BYTES_LIT("b"), 1)};
    size_t before = s->bytes;
    uint64_t begun = now_ns();
    for (uint64_t i = 0; i < count; i++)
        stream_pend(g, id_of(i), consumers[i & 1], (int64_t)i, 1);
    print_time("become pending", begun, count);
    printf("%-40s %8.1f bytes\n", "pending message", (double)(s->bytes - before) / (double)count);
    begun = now_ns();
    for (uint64_t i = 0; i < count / 2; i++)
        stream_ack(g, id_of(i));
    print_time("acknowledge the oldest", begun, count / 2);
    struct rng rng;
    rng_init(&rng, 2);
    begun = now_ns();
    for (uint64_t i = 0; i < count / 8; i++)
        stream_ack(g, id_of(count / 2 + rng_below(&rng, count / 2)));
    print_time("acknowledge any", begun, count / 8);
}

int main(int argc, char **argv) {
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    struct stream *s = stream_new();
    bench_append(s, count);
    bench_read(s, count);
    bench_pending(s, count);
    uint64_t begun = now_ns();
    struct stream_trim how = {.by = STREAM_TRIM_MAXLEN, .max_length = 0};
    stream_trim(s, &how);
    print_time("trim all", begun, count);
    stream_free(s);
    return 0;
}
