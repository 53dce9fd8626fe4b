/* resp_parse_bench.c: nanoseconds per command of the request parser and per reply of the writer.
 *
 *   basalt-micro-resp_parse_bench [seconds per case]
 *
 * Each case is a buffer of 64 equal commands, which is parsed over and over: what a pipeline costs, everything in the
 * cache. The best of several rounds is printed, because every disturbance only adds time. For instruction counts run it
 * under `valgrind --tool=callgrind` with a small number of seconds. */
#include "core/base/buf.h"
#include "core/resp/resp_parse.h"
#include "core/resp/resp_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { COMMANDS = 64, ROUNDS = 10 };

static const struct resp_limits limits = {
    .bulk_max_bytes = 512 << 20, .args_max = 1 << 20, .inline_max_bytes = 64 << 10, .authenticated = true};

static double now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Parses the whole buffer once; returns a number that depends on all results. */
static size_t parse_all(struct resp_parser *p, struct bytes data) {
    size_t sum = 0, used;
    while (data.len && resp_parse(p, &limits, data, &used) == RESP_COMMAND) {
        sum += (size_t)p->argc + p->argv[p->argc - 1].len;
        data = bytes_of(data.ptr + used, data.len - used);
    }
    must(data.len == 0);
    return sum;
}

static void bench_parse(const char *name, struct bytes command, double seconds) {
    struct buf b;
    buf_init(&b);
    for (int i = 0; i < COMMANDS; i++)
        buf_put_bytes(&b, command);
    struct resp_parser p;
    resp_parser_init(&p);
    double best = 1e9;
    volatile size_t sink = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double begin = now_ns(), end;
        size_t commands = 0;
        do {
            for (int i = 0; i < 100; i++)
                sink += parse_all(&p, buf_bytes(&b));
            commands += 100 * COMMANDS;
            end = now_ns();
        } while (end - begin < seconds * 1e9 / ROUNDS);
        double each = (end - begin) / (double)commands;
        best = each < best ? each : best;
    }
    (void)sink; /* What keeps the parser from being optimised away. */
    printf("%-28s %8.1f ns per command  %7zu bytes\n", name, best, command.len);
    resp_parser_deinit(&p);
    buf_deinit(&b);
}

static void write_bulk(struct resp_out *o) {
    resp_bulk(o, BYTES_LIT("0123456789abcdef"));
}

static void write_int(struct resp_out *o) {
    resp_int(o, 1234567);
}

static void write_double(struct resp_out *o) {
    resp_double(o, 3.14159);
}

static void write_error(struct resp_out *o) {
    resp_err(o, REPLY_ERR_WRONGTYPE);
}

static void bench_write(const char *name, void (*write)(struct resp_out *), double seconds) {
    struct buf b;
    buf_init(&b);
    struct resp_out o;
    resp_out_init(&o, &b, 3);
    double best = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        double begin = now_ns(), end;
        size_t replies = 0;
        do {
            for (int i = 0; i < 100; i++) {
                buf_clear(&b, SIZE_MAX);
                for (int j = 0; j < COMMANDS; j++)
                    write(&o);
            }
            replies += 100 * COMMANDS;
            end = now_ns();
        } while (end - begin < seconds * 1e9 / ROUNDS);
        double each = (end - begin) / (double)replies;
        best = each < best ? each : best;
    }
    printf("%-28s %8.1f ns per reply\n", name, best);
    buf_deinit(&b);
}

int main(int argc, char **argv) {
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 0.5;
    bench_parse("PING", BYTES_LIT("*1\r\n$4\r\nPING\r\n"), seconds);
    bench_parse("PING, inline", BYTES_LIT("PING\r\n"), seconds);
    bench_parse("GET k", BYTES_LIT("*2\r\n$3\r\nGET\r\n$16\r\nkey:000000000001\r\n"), seconds);
    bench_parse("SET k v",
                BYTES_LIT("*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000001\r\n$16\r\n0123456789abcdef\r\n"),
                seconds);
    bench_parse(
        "SET k v EX t",
        BYTES_LIT("*5\r\n$3\r\nSET\r\n$16\r\nkey:000000000001\r\n$16\r\n0123456789abcdef\r\n$2\r\nEX\r\n"
                  "$3\r\n100\r\n"),
        seconds);

    struct buf b;
    buf_init(&b);
    BUF_PUT_LIT(&b, "*101\r\n$4\r\nMGET\r\n");
    for (int i = 0; i < 100; i++)
        buf_printf(&b, "$16\r\nkey:%012d\r\n", i);
    bench_parse("MGET of 100 keys", buf_bytes(&b), seconds);
    buf_clear(&b, SIZE_MAX);
    BUF_PUT_LIT(&b, "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$65536\r\n");
    memset(buf_room(&b, 65536), 'x', 65536);
    buf_commit(&b, 65536);
    BUF_PUT_LIT(&b, "\r\n");
    bench_parse("SET k of 64 KiB", buf_bytes(&b), seconds);
    buf_deinit(&b);

    bench_write("bulk string of 16", write_bulk, seconds);
    bench_write("integer", write_int, seconds);
    bench_write("double", write_double, seconds);
    bench_write("error", write_error, seconds);
    return 0;
}
