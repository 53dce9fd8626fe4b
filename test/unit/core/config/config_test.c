/* Defaults, CONFIG GET, copies, and every row once through text and back. */
#include "core/config/config_internal.h"

#include "core/base/mem.h"

#include <criterion/criterion.h>

/* Collects "name=value\n". */
static void collect(void *context, struct bytes name, struct bytes value) {
    struct buf *out = context;
    buf_put_bytes(out, name);
    buf_put_char(out, '=');
    buf_put_bytes(out, value);
    buf_put_char(out, '\n');
}

static void expect_get(const struct config *cfg, const char *const *patterns, size_t count,
                       const char *expected) {
    struct bytes views[8];
    for (size_t i = 0; i < count; i++)
        views[i] = bytes_cstr(patterns[i]);
    struct buf out;
    buf_init(&out);
    config_get(cfg, views, count, collect, &out);
    cr_expect(bytes_equal(buf_bytes(&out), bytes_cstr(expected)), "%s gives:\n%.*s", patterns[0],
              (int)out.len, out.ptr ? out.ptr : "");
    buf_deinit(&out);
}

#define EXPECT_GET(cfg, expected, ...)                                                                       \
    do {                                                                                                     \
        static const char *const patterns_[] = {__VA_ARGS__};                                                \
        expect_get((cfg), patterns_, COUNT_OF(patterns_), (expected));                                       \
    } while (0)

static struct config cfg;

static void setup(void) {
    config_init_defaults(&cfg);
}

static void teardown(void) {
    config_deinit(&cfg);
}

TestSuite(config, .init = setup, .fini = teardown);

Test(config, fields_carry_the_defaults) {
    cr_expect_eq(cfg.port, 6379);
    cr_expect_eq(cfg.maxclients, 10000);
    cr_expect_eq(cfg.appendfsync, APPENDFSYNC_EVERYSEC);
    cr_expect_eq(cfg.maxmemory_policy, MAXMEMORY_NOEVICTION);
    cr_expect_eq(cfg.proto_max_bulk_len, 512u << 20);
    cr_expect_str_eq(cfg.dbfilename, "dump.rdb");
    cr_expect_null(cfg.requirepass);
    cr_expect_eq(cfg.save.count, 3);
    cr_expect_eq(cfg.save.points[2].seconds, 60);
    cr_expect_eq(cfg.save.points[2].changes, 10000);
    cr_expect_eq(cfg.bind.count, 2);
    cr_expect_str_eq(cfg.bind.items[1], "-::*");
    cr_expect_eq(cfg.client_output_buffer_limit.of[CONFIG_CLASS_PUBSUB].soft_bytes, 8u << 20);
}

Test(config, names_and_aliases_are_unique_and_found_in_any_case) {
    for (unsigned i = 0; i < CONFIG_COUNT; i++) {
        const struct config__row *row = &config__rows[i];
        cr_expect_eq(config_find(bytes_cstr(row->name)), (enum config_id)i, "%s", row->name);
        if (row->alias)
            cr_expect_eq(config_find(bytes_cstr(row->alias)), (enum config_id)i, "%s", row->alias);
        cr_expect(strlen(row->help) > 10 && row->help[strlen(row->help) - 1] == '.', "%s needs a sentence",
                  row->name);
    }
    cr_expect_eq(config_find(BYTES_LIT("MaxMemory")), CONFIG_maxmemory);
    cr_expect_eq(config_find(BYTES_LIT("lua-time-limit")), CONFIG_busy_reply_threshold);
    cr_expect_eq(config_find(BYTES_LIT("maxmemor")), CONFIG_COUNT);
}

Test(config, every_default_survives_being_printed_and_set) {
    for (unsigned i = 0; i < CONFIG_COUNT; i++) {
        enum config_id id = (enum config_id)i;
        struct buf text, again, error;
        buf_init(&text);
        buf_init(&again);
        buf_init(&error);
        cr_expect(config__is_default(&cfg, id), "%s", config_name(id));
        config_print(&cfg, id, &text);
        cr_expect(config_put(&cfg, id, buf_bytes(&text), &error), "%s: %.*s", config_name(id), (int)error.len,
                  error.ptr);
        config_print(&cfg, id, &again);
        cr_expect(bytes_equal(buf_bytes(&text), buf_bytes(&again)), "%s", config_name(id));
        cr_expect(config__is_default(&cfg, id), "%s", config_name(id));
        buf_deinit(&text);
        buf_deinit(&again);
        buf_deinit(&error);
    }
}

Test(config, get_shows_a_literal_name_as_it_was_written_and_each_name_once) {
    EXPECT_GET(&cfg, "PORT=6379\n", "PORT", "port", "por[t]");
    EXPECT_GET(&cfg, "slave-priority=100\nreplica-priority=100\n", "slave-priority", "replica-priority");
    EXPECT_GET(&cfg, "MAXMEMORY=0\nmaxmemory-samples=5\n", "MAXMEMORY", "*memory-S*", "maxmemory");
    EXPECT_GET(&cfg, "", "nosuch", "nosuch*");
}

Test(config, get_shows_special_rows_as_redis_does) {
    EXPECT_GET(&cfg, "save=3600 1 300 100 60 10000\n", "save");
    EXPECT_GET(
        &cfg,
        "client-output-buffer-limit=normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60\n",
        "client-output-buffer-limit");
    EXPECT_GET(&cfg, "latency-tracking-info-percentiles=50 99 99.9\n", "latency-tracking-info*");
    EXPECT_GET(&cfg, "unixsocketperm=0\nnotify-keyspace-events=\n", "unixsocketperm",
               "notify-keyspace-events");
}

Test(config, a_copy_is_equal_and_independent) {
    struct buf error;
    buf_init(&error);
    cr_assert(config_load_text(&cfg,
                               BYTES_LIT("requirepass abc\nsave 1 2\nbind 1.1.1.1\nmaxmemory-clients 5%\n"
                                         "latency-tracking-info-percentiles 33.33333333\n"
                                         "user alice on \"a b\"\nrename-command GET \"\"\nport 1"),
                               &error));
    struct config copy;
    config_copy(&cfg, &copy);
    for (unsigned i = 0; i < CONFIG_COUNT; i++) {
        struct buf a, b;
        buf_init(&a);
        buf_init(&b);
        config_print(&cfg, (enum config_id)i, &a);
        config_print(&copy, (enum config_id)i, &b);
        cr_expect(bytes_equal(buf_bytes(&a), buf_bytes(&b)), "%s", config_name((enum config_id)i));
        buf_deinit(&a);
        buf_deinit(&b);
    }
    cr_expect_eq(copy.latency_tracking_info_percentiles.values[0],
                 cfg.latency_tracking_info_percentiles.values[0]);
    config_deinit(&cfg);
    config_init_defaults(&cfg);
    cr_expect_str_eq(copy.requirepass, "abc");
    cr_expect_eq(copy.save.count, 1);
    cr_expect_str_eq(copy.users[0].items[2], "a b");
    cr_expect_str_eq(copy.renames[0].from, "GET");
    cr_expect_str_eq(copy.renames[0].to, "");
    config_deinit(&copy);
    buf_deinit(&error);
}

Test(config, notes_name_changed_directives_without_effect_only) {
    struct buf lines, error;
    buf_init(&lines);
    buf_init(&error);
    config_print_notes(&cfg, &lines);
    cr_expect_eq(lines.len, 0);
    cr_assert(config_load_text(
        &cfg, BYTES_LIT("io-threads 4\nport 1\nrepl-timeout 60\nacllog-max-len 5\nsave \"\""), &error));
    config_print_notes(&cfg, &lines);
    cr_expect(bytes_equal(buf_bytes(&lines),
                          BYTES_LIT("The directive 'io-threads' is accepted but has no effect in "
                                    "this server; set 'shards' instead\n"
                                    "The directive 'acllog-max-len' is accepted but has no effect in "
                                    "this server yet\n")),
              "%.*s", (int)lines.len, lines.ptr);
    buf_deinit(&lines);
    buf_deinit(&error);
}
