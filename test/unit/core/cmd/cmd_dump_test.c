/* DUMP and RESTORE. Payloads hold zero bytes, so they are made here and not written as lines. */
#include "core/base/crc64.h"
#include "core/rdb/rdb_dump.h"
#include "test/unit/core/cmd/cmd_harness.h"

/* Runs RESTORE with a payload, in quotes and escaped as an inline command takes it. */
static const char *restore(struct harness *h, const char *before, struct bytes payload, const char *after,
                           struct buf *effects) {
    struct buf line;
    buf_init(&line);
    buf_printf(&line, "%s \"", before);
    for (size_t i = 0; i < payload.len; i++)
        buf_printf(&line, "\\x%02x", (unsigned char)payload.ptr[i]);
    buf_printf(&line, "\"%s", after);
    buf_put_char(&line, '\0');
    buf_clear(effects, SIZE_MAX);
    const char *reply = harness_run(h, line.ptr, effects);
    buf_deinit(&line);
    return reply;
}

static struct bytes dump_of(struct buf *to, const char *value) {
    struct entry *e = entry_new_str(BYTES_LIT("x"), bytes_cstr(value), ENTRY_NO_EXPIRE);
    buf_clear(to, SIZE_MAX);
    rdb_dump(e, RDB_FOR_ALL, true, to);
    entry_free(e);
    return buf_bytes(to);
}

Test(cmd_dump, a_missing_key_has_no_dump) {
    struct harness h;
    harness_init(&h);
    static const struct step steps[] = {
        {"DUMP missing", "$-1", "", "keymiss"},
        {"@proto 3"},
        {"DUMP missing", "_", "", "keymiss"},
    };
    harness_steps(&h, steps, COUNT_OF(steps));
    harness_deinit(&h);
}

Test(cmd_dump, options_are_checked_in_the_order_of_redis) {
    static const struct {
        const char *before, *after, *reply;
    } rows[] = {
        {"RESTORE taken 0", "", "-BUSYKEY Target key name already exists."},
        {"RESTORE taken x", "", "-BUSYKEY Target key name already exists."},
        {"RESTORE taken 0", " NONSENSE", "-ERR syntax error"},
        {"RESTORE k x", "", "-ERR value is not an integer or out of range"},
        {"RESTORE k -1", "", "-ERR Invalid TTL value, must be >= 0"},
        {"RESTORE k 0", " IDLETIME -1", "-ERR Invalid IDLETIME value, must be >= 0"},
        {"RESTORE k 0", " IDLETIME x", "-ERR value is not an integer or out of range"},
        {"RESTORE k 0", " IDLETIME", "-ERR syntax error"},
        {"RESTORE k 0", " FREQ 256", "-ERR Invalid FREQ value, must be >= 0 and <= 255"},
        {"RESTORE k 0", " FREQ -1", "-ERR Invalid FREQ value, must be >= 0 and <= 255"},
        {"RESTORE k 0", " FREQ 1 IDLETIME 1", "-ERR syntax error"},
        {"RESTORE k 9223372036854775807", "", "-ERR invalid expire time in 'restore' command"},
    };
    struct harness h;
    struct buf dump;
    struct buf effects;
    harness_init(&h);
    buf_init(&dump);
    buf_init(&effects);
    harness_run(&h, "SET taken 1", &effects);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        cr_expect_str_eq(restore(&h, rows[i].before, dump_of(&dump, "v"), rows[i].after, &effects),
                         rows[i].reply, "row %zu", i);
        cr_expect_eq(effects.len, 0);
    }
    buf_deinit(&dump);
    buf_deinit(&effects);
    harness_deinit(&h);
}

Test(cmd_dump, a_restored_key_is_logged_with_an_absolute_time) {
    struct harness h;
    struct buf dump;
    struct buf effects;
    harness_init(&h);
    buf_init(&dump);
    buf_init(&effects);
    cr_expect_str_eq(restore(&h, "RESTORE k 0", dump_of(&dump, "v"), "", &effects), "+OK");
    cr_expect(effects.len > 12 && memcmp(effects.ptr, "RESTORE k 0 ", 12) == 0);
    cr_expect_str_eq(h.events.ptr ? (buf_put_char(&h.events, '\0'), h.events.ptr) : "", "restore");
    cr_expect_str_eq(harness_run(&h, "GET k", &effects), "$1 v");
    cr_expect_str_eq(restore(&h, "RESTORE k 500", dump_of(&dump, "w"), " REPLACE", &effects), "+OK");
    cr_expect(memcmp(effects.ptr, "RESTORE k 1000500 ", 18) == 0, "%.*s", (int)effects.len, effects.ptr);
    cr_expect_str_eq(harness_run(&h, "PTTL k", &effects), ":500");
    cr_expect_str_eq(restore(&h, "RESTORE k 1000600", dump_of(&dump, "w"), " REPLACE ABSTTL", &effects),
                     "+OK");
    cr_expect_str_eq(harness_run(&h, "PTTL k", &effects), ":600");
    buf_deinit(&dump);
    buf_deinit(&effects);
    harness_deinit(&h);
}

Test(cmd_dump, a_time_that_has_passed_leaves_no_key) {
    struct harness h;
    struct buf dump;
    struct buf effects;
    harness_init(&h);
    buf_init(&dump);
    buf_init(&effects);
    cr_expect_str_eq(restore(&h, "RESTORE k 5", dump_of(&dump, "v"), " ABSTTL", &effects), "+OK");
    cr_expect_eq(effects.len, 0);
    cr_expect_eq(h.events.len, 0);
    harness_run(&h, "SET k 1", &effects);
    cr_expect_str_eq(restore(&h, "RESTORE k 5", dump_of(&dump, "v"), " ABSTTL REPLACE", &effects), "+OK");
    cr_expect(bytes_equal(buf_bytes(&effects), BYTES_LIT("DEL k")));
    cr_expect_str_eq(harness_run(&h, "EXISTS k", &effects), ":0");
    buf_deinit(&dump);
    buf_deinit(&effects);
    harness_deinit(&h);
}

Test(cmd_dump, idle_time_and_frequency_are_kept_where_the_policy_has_them) {
    struct harness h;
    struct buf dump;
    struct buf effects;
    harness_init(&h);
    buf_init(&dump);
    buf_init(&effects);
    engine_set_clock(&h.engine, INT64_C(1700000000000000));
    restore(&h, "RESTORE k 0", dump_of(&dump, "v"), " IDLETIME 1000", &effects);
    cr_expect_str_eq(harness_run(&h, "OBJECT IDLETIME k", &effects), ":1000");
    h.engine.evict.policy = EVICT_ALLKEYS_LFU;
    restore(&h, "RESTORE l 0", dump_of(&dump, "v"), " FREQ 100", &effects);
    cr_expect_str_eq(harness_run(&h, "OBJECT FREQ l", &effects), ":100");
    buf_deinit(&dump);
    buf_deinit(&effects);
    harness_deinit(&h);
}

Test(cmd_dump, payloads_that_are_none_change_nothing) {
    struct harness h;
    struct buf dump;
    struct buf effects;
    harness_init(&h);
    buf_init(&dump);
    buf_init(&effects);
    harness_run(&h, "SET k old", &effects);
    dump_of(&dump, "v");
    dump.ptr[1] ^= 1;
    cr_expect_str_eq(restore(&h, "RESTORE k 0", buf_bytes(&dump), " REPLACE", &effects),
                     "-ERR DUMP payload version or checksum are wrong");
    cr_expect_str_eq(restore(&h, "RESTORE k 0", BYTES_LIT("x"), " REPLACE", &effects),
                     "-ERR DUMP payload version or checksum are wrong");
    buf_clear(&dump, SIZE_MAX);
    buf_put(&dump, "\x00\x05shor\x0a\x00", 8);
    uint64_t crc = crc64_feed(0, dump.ptr, dump.len);
    buf_put(&dump, &crc, sizeof crc);
    cr_expect_str_eq(restore(&h, "RESTORE k 0", buf_bytes(&dump), " REPLACE", &effects),
                     "-ERR Bad data format");
    cr_expect_str_eq(harness_run(&h, "GET k", &effects), "$3 old");
    buf_deinit(&dump);
    buf_deinit(&effects);
    harness_deinit(&h);
}
