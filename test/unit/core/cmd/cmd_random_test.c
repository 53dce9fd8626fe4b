/* Random commands: whatever a client sends, the reply is well-formed, the table stays sound, and replaying the effects
 * gives the same data (the harness checks that after every command). Also when allocations of large values fail. */
#include "core/base/rng.h"
#include "test/unit/core/cmd/cmd_harness.h"

#include <time.h>

/* %k a key, %v a value, %V a long value, %i an integer, %n a small one, %t an expiry option, %o a bit offset */
static const char *const templates[] = {
    "SET %k %v",
    "SET %k %V",
    "SET %k %v %t",
    "SET %k %v NX %t",
    "SET %k %v XX KEEPTTL",
    "SET %k %v GET",
    "SET %k %v IFEQ %v",
    "SET %k %v IFNE %v %t",
    "SETNX %k %v",
    "SETEX %k %n %v",
    "PSETEX %k %i %v",
    "GETSET %k %v",
    "GETDEL %k",
    "GETEX %k %t",
    "GETEX %k PERSIST",
    "GET %k",
    "MSET %k %v %k %v %k %V",
    "MSETNX %k %v %k %v",
    "MSETEX 2 %k %v %k %v %t",
    "MSETEX 2 %k %v %k %v NX",
    "MSETEX 1 %k %v KEEPTTL XX",
    "MGET %k %k %k",
    "DELEX %k IFEQ %v",
    "DELEX %k",
    "DIGEST %k",
    "APPEND %k %v",
    "APPEND %k %V",
    "SETRANGE %k %n %v",
    "SETRANGE %k %i %v",
    "GETRANGE %k %i %i",
    "STRLEN %k",
    "INCR %k",
    "DECR %k",
    "INCRBY %k %i",
    "DECRBY %k %i",
    "INCRBYFLOAT %k %v",
    "INCRBYFLOAT %k 0.5",
    "INCREX %k",
    "INCREX %k BYINT %i UBOUND 20 %t",
    "INCREX %k BYINT %i LBOUND 0 SATURATE PERSIST",
    "INCREX %k BYFLOAT 1.5 %t ENX",
    "INCREX %k BYFLOAT %n UBOUND 9 SATURATE",
    "SETBIT %k %o 1",
    "SETBIT %k %o 0",
    "GETBIT %k %o",
    "BITCOUNT %k %i %i BIT",
    "BITPOS %k 1 %i %i",
    "BITFIELD %k SET u7 %o %i INCRBY i33 %o %i",
    "BITFIELD %k OVERFLOW FAIL INCRBY u3 %o %i GET u9 %o",
    "BITFIELD %k OVERFLOW SAT INCRBY i64 %o %i",
    "BITOP AND %k %k %k",
    "BITOP XOR %k %k %k %k",
    "BITOP NOT %k %k",
    "BITOP DIFF %k %k %k",
    "BITOP ONE %k %k %k %k",
    "LCS %k %k IDX",
    "DEL %k %k",
    "UNLINK %k",
    "EXISTS %k %k",
    "TOUCH %k",
    "TYPE %k",
    "RENAME %k %k",
    "RENAMENX %k %k",
    "COPY %k %k",
    "COPY %k %k REPLACE",
    "COPY %k %k DB 1 REPLACE",
    "MOVE %k 1",
    "EXPIRE %k %n",
    "PEXPIRE %k %i NX",
    "EXPIREAT %k %i GT",
    "PEXPIREAT %k 1000500 LT",
    "PERSIST %k",
    "TTL %k",
    "OBJECT ENCODING %k",
    "MEMORY USAGE %k",
    "SCAN 0",
    "KEYS *",
    "DBSIZE",
    "RANDOMKEY",
};

static void put_value(struct buf *line, struct rng *rng) {
    static const char *const values[] = {
        "\"\"", "0", "-1", "42", "3.25", "hello", "aXbXc", "9223372036854775807", "1e3"};
    if (rng_below(rng, 3) == 0)
        buf_printf(line, "%lld", (long long)rng_below(rng, 200) - 100);
    else
        buf_printf(line, "%s", values[rng_below(rng, COUNT_OF(values))]);
}

static void put_integer(struct buf *line, struct rng *rng) {
    static const char *const extremes[] = {
        "9223372036854775807", "-9223372036854775808", "4294967296", "-1", "0", "x"};
    if (rng_below(rng, 6) == 0)
        buf_printf(line, "%s", extremes[rng_below(rng, COUNT_OF(extremes))]);
    else
        buf_printf(line, "%lld", (long long)rng_below(rng, 90) - 30);
}

static void put_time(struct buf *line, struct rng *rng) {
    switch (rng_below(rng, 4)) {
    case 0: buf_printf(line, "EX %d", (int)rng_below(rng, 3)); break;
    case 1: buf_printf(line, "PX %d", 1 + (int)rng_below(rng, 400)); break;
    case 2: buf_printf(line, "PXAT %d", HARNESS_START_MS - 100 + (int)rng_below(rng, 40000)); break;
    default: buf_printf(line, "EXAT %d", HARNESS_START_MS / 1000 - 1 + (int)rng_below(rng, 40)); break;
    }
}

static void make_line(struct buf *line, struct rng *rng) {
    line->len = 0;
    for (const char *p = templates[rng_below(rng, COUNT_OF(templates))]; *p != '\0'; p++) {
        if (*p != '%') {
            buf_put_char(line, *p);
            continue;
        }
        switch (*++p) {
        case 'k': buf_printf(line, "k%d", (int)rng_below(rng, 6)); break;
        case 'v': put_value(line, rng); break;
        case 'V':
            for (uint64_t left = rng_below(rng, 6000); left > 0; left--)
                buf_put_char(line, (char)('a' + left % 26));
            buf_put_char(line, 'z');
            break;
        case 'i': put_integer(line, rng); break;
        case 'n': buf_printf(line, "%d", (int)rng_below(rng, 50)); break;
        case 'o': buf_printf(line, "%d", (int)rng_below(rng, rng_below(rng, 10) == 0 ? 30000 : 100)); break;
        case 't': put_time(line, rng); break;
        default: cr_assert_fail("%s", p);
        }
    }
    buf_put_char(line, '\0');
}

static void play(bool with_failures) {
    struct harness h;
    struct rng rng;
    struct buf line;
    struct buf effects;
    uint64_t seed = (uint64_t)time(NULL);
    int64_t now_ms = HARNESS_START_MS;
    printf("seed %llu\n", (unsigned long long)seed);
    rng_init(&rng, seed);
    harness_init(&h);
    buf_init(&line);
    buf_init(&effects);
    for (int i = 0; i < 30000; i++) {
        now_ms += (int64_t)rng_below(&rng, 3);
        engine_set_clock(&h.engine, now_ms * 1000);
        h.db = rng_below(&rng, 20) == 0 ? 1 : 0;
        h.proto = (uint8_t)(2 + rng_below(&rng, 2));
        make_line(&line, &rng);
        h.fail_nth = with_failures ? 1 + rng_below(&rng, 3) : 0;
        effects.len = 0;
        const char *reply = harness_run(&h, line.ptr, &effects);
        cr_assert(reply[0] != '\0', "%s", line.ptr);
        if (i % 64 == 0)
            keyspace_check(engine_get_db(&h.engine, 0));
    }
    buf_deinit(&line);
    buf_deinit(&effects);
    harness_deinit(&h);
}

Test(cmd_random, effects_of_any_command_replay_into_the_same_data) {
    play(false);
}

Test(cmd_random, data_and_log_agree_when_there_is_no_memory) {
    play(true);
}
