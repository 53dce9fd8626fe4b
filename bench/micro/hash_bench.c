/* hash_bench.c: bytes per field and nanoseconds per operation of hashes of several sizes.
 *
 *   basalt-micro-hash_bench             the table below
 *   basalt-micro-hash_bench FIELDS      one line, for hashes of that many fields
 *
 * Fields and values are 16 bytes. Small hashes are measured on many of them, so that their memory is cold as it is in a
 * server; "find+" is a search whose reads were asked for beforehand, sixteen at a time (value_ops.prefetch). Times are of a
 * single thread, with fields and hashes chosen at random. */
#include "core/base/mem.h"
#include "core/value/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { TEXT_BYTES = 16, TOTAL_FIELDS = 1000000, OPERATIONS = 500000, BATCH = 16 };

struct bench {
    struct entry **hashes;
    size_t hash_count;
    size_t fields; /* of each */
    struct hash_limits limits;
    struct rng rng;
};

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); /* others may use the processor meanwhile */
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static struct bytes text_of(char room[TEXT_BYTES + 1], const char *word, uint64_t n) {
    snprintf(room, TEXT_BYTES + 1, "%s:%010" PRIu64, word, n % UINT64_C(10000000000));
    return bytes_of(room, TEXT_BYTES);
}

static void put(struct bench *b, struct entry *e, uint64_t field, uint64_t value) {
    char field_room[TEXT_BYTES + 1];
    char value_room[TEXT_BYTES + 1];
    if (hash_put(e, &b->limits, text_of(field_room, "field", field), text_of(value_room, "value", value),
                 HASH_NO_EXPIRE) == HASH_NO_MEMORY)
        abort();
}

static double fill(struct bench *b) {
    uint64_t begin = now_ns();
    for (size_t field = 0; field < b->fields; field++)
        for (size_t i = 0; i < b->hash_count; i++)
            put(b, b->hashes[i], field, i);
    return (double)(now_ns() - begin) / (double)(b->fields * b->hash_count);
}

static double replace(struct bench *b) {
    uint64_t begin = now_ns();
    for (size_t i = 0; i < OPERATIONS; i++)
        put(b, b->hashes[rng_below(&b->rng, b->hash_count)], rng_below(&b->rng, b->fields), i);
    return (double)(now_ns() - begin) / OPERATIONS;
}

static double find(struct bench *b, bool has_prefetch) {
    char rooms[BATCH][TEXT_BYTES + 1];
    struct bytes fields[BATCH];
    const struct entry *hashes[BATCH];
    struct hash_item item;
    uint64_t spent = 0;
    for (size_t done = 0; done < OPERATIONS; done += BATCH) {
        for (size_t i = 0; i < BATCH; i++) {
            hashes[i] = b->hashes[rng_below(&b->rng, b->hash_count)];
            fields[i] = text_of(rooms[i], "field", rng_below(&b->rng, b->fields));
        }
        uint64_t begin = now_ns();
        for (unsigned stage = 0; has_prefetch && stage < VALUE_PREFETCH_STAGES; stage++)
            for (size_t i = 0; i < BATCH; i++)
                hash_ops.prefetch(entry_object(hashes[i]), entry_object_encoding(hashes[i]), fields[i],
                                  stage);
        for (size_t i = 0; i < BATCH; i++)
            if (!hash_find(hashes[i], fields[i], &item))
                abort();
        spent += now_ns() - begin;
    }
    return (double)spent / OPERATIONS;
}

static double walk(const struct bench *b) {
    struct hash_item item;
    size_t seen = 0;
    uint64_t begin = now_ns();
    for (size_t i = 0; i < b->hash_count; i++) {
        struct hash_walk w = hash_walk_begin(b->hashes[i]);
        while (hash_walk_next(&w, &item))
            seen += item.value.len > 0;
    }
    return (double)(now_ns() - begin) / (double)seen;
}

static void run(size_t fields) {
    struct bench b = {.fields = fields, .hash_count = fields < TOTAL_FIELDS ? TOTAL_FIELDS / fields : 1};
    size_t bytes = 0;
    b.limits = (struct hash_limits){.fields_max = 512, .string_bytes_max = 64, .seed = 7};
    rng_init(&b.rng, 1);
    b.hashes = mem_alloc(b.hash_count * sizeof *b.hashes);
    for (size_t i = 0; i < b.hash_count; i++)
        b.hashes[i] = hash_new_entry(BYTES_LIT("hash:00000000001"));
    double fill_ns = fill(&b);
    for (size_t i = 0; i < b.hash_count; i++)
        bytes += entry_bytes(b.hashes[i]);
    double find_ns = find(&b, false);
    double prefetched_ns = find(&b, true);
    double replace_ns = replace(&b);
    printf("%8zu fields  %-9s  %6.1f B/field  add %5.0f  find %5.0f  find+ %5.0f  replace %5.0f  walk %4.0f "
           "ns\n",
           fields, entry_encoding_name(b.hashes[0]), (double)bytes / (double)(fields * b.hash_count), fill_ns,
           find_ns, prefetched_ns, replace_ns, walk(&b));
    fflush(stdout);
    for (size_t i = 0; i < b.hash_count; i++)
        entry_free(b.hashes[i]);
    mem_free(b.hashes);
}

int main(int argc, char **argv) {
    static const size_t sizes[] = {1, 5, 20, 100, 512, 1000, 100000, 1000000};
    int64_t fields;
    if (argc > 1 && num_parse_int(bytes_cstr(argv[1]), &fields) && fields > 0) {
        run((size_t)fields);
        return 0;
    }
    for (size_t i = 0; i < COUNT_OF(sizes); i++)
        run(sizes[i]);
    return 0;
}
