/* recovery_test.c: starts over logs that are whole, torn, of other numbers of shards, incomplete or exchanged. */
#include "shards/recovery.h"

#include "persist/manifest.h"
#include "persist/segment.h"
#include "test/unit/shards/log_site.h"

#include <fcntl.h>

static void put_file(struct site *site, const char *path, struct bytes text) {
    int fd;
    cr_assert_eq(io_fs_open(site->fs, path, O_RDWR | O_CREAT | O_TRUNC, 0644, &fd), ERR_OK);
    cr_assert_eq(io_fs_write(site->fs, fd, text, 0), ERR_OK);
    cr_assert_eq(io_fs_close(site->fs, fd), ERR_OK);
}

static struct buf get_file(struct site *site, const char *path) {
    struct buf text = {0};
    uint64_t size;
    size_t got;
    int fd;
    cr_assert_eq(io_fs_open(site->fs, path, O_RDONLY, 0, &fd), ERR_OK);
    cr_assert_eq(io_fs_size(site->fs, fd, &size), ERR_OK);
    cr_assert_eq(io_fs_read(site->fs, fd, buf_room(&text, (size_t)size + 1), (size_t)size, 0, &got), ERR_OK);
    buf_commit(&text, got);
    cr_assert_eq(io_fs_close(site->fs, fd), ERR_OK);
    return text;
}

#define SEGMENT_0 "appendonlydir/appendonly.aof.1.0-of-2.seg"
#define SEGMENT_1 "appendonlydir/appendonly.aof.1.1-of-2.seg"
#define MANIFEST  "appendonlydir/appendonly.aof.manifest"

/* A log of two shards with keys on both, and marks that all have. */
static void site_fill(struct site *site) {
    site_begin(site);
    cr_assert(site_start(site, 2));
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 20; i++) {
            char key[32], value[32];
            snprintf(key, sizeof key, "key%d", i);
            snprintf(value, sizeof value, "v%d-%d", round, i);
            RUN(site, 0, "SET", key, value);
        }
        for (int i = 0; i < 4; i++)
            site_turn(site);
    }
    site_kill(site);
}

Test(recovery, two_starts_with_writes_between_keep_all) {
    struct site site;
    site_begin(&site);
    cr_assert(site_start(&site, 2));
    RUN(&site, 0, "SET", "a", "1");
    RUN(&site, 3, "SET", "a", "3");
    site_turn(&site);
    site_kill(&site);
    cr_assert(site_start(&site, 2));
    cr_assert_value(&site, 0, "a", "1");
    RUN(&site, 0, "APPEND", "a", "1");
    site_turn(&site);
    site_kill(&site);
    cr_assert(site_start(&site, 2));
    cr_assert_value(&site, 0, "a", "11");
    cr_assert_value(&site, 3, "a", "3");
    site_kill(&site);
    site_end(&site);
}

/* The repair of a torn tail must not hide what is written after it: cut, write, start again. */
Test(recovery, what_is_written_behind_a_cut_tail_is_found) {
    for (size_t lost = 1; lost < 60; lost++) {
        struct site site;
        site_begin(&site);
        cr_assert(site_start(&site, 1));
        RUN(&site, 0, "SET", "a", "1");
        site_turn(&site);
        site_kill(&site);
        static const char path[] = "appendonlydir/appendonly.aof.1.0-of-1.seg";
        struct buf text = get_file(&site, path);
        /* A frame that had begun to be written. */
        segment_put_frame(&text, 1, &(struct segment_frame){.kind = SEGMENT_EFFECTS, .seq = 99},
                          BYTES_LIT("*1\r\n$4\r\nPING\r\n"));
        put_file(&site, path, bytes_of(text.ptr, text.len - (lost < 40 ? lost : 0)));
        buf_deinit(&text);
        cr_assert(site_start(&site, 1));
        RUN(&site, 0, "SET", "b", "2");
        site_turn(&site);
        site_kill(&site);
        cr_assert(site_start(&site, 1));
        cr_assert_value(&site, 0, "a", "1");
        cr_assert_value(&site, 0, "b", "2");
        site_kill(&site);
        site_end(&site);
    }
}

Test(recovery, a_torn_tail_is_refused_where_the_configuration_says_so) {
    struct site site;
    static const char path[] = "appendonlydir/appendonly.aof.1.0-of-1.seg";
    site_begin(&site);
    cr_assert(site_start(&site, 1));
    site_kill(&site);
    struct buf text = get_file(&site, path);
    BUF_PUT_LIT(&text, "#e 2 ");
    put_file(&site, path, buf_bytes(&text));
    site.refuses_tails = true;
    cr_assert_not(site_start(&site, 1));
    site_kill(&site);
    site.refuses_tails = false;
    cr_assert(site_start(&site, 1));
    site_kill(&site);
    buf_deinit(&text);
    site_end(&site);
}

Test(recovery, other_numbers_of_shards_keep_all_keys_and_what_flushes_meant) {
    static const int counts[] = {2, 3, 1, 4, 4, 2};
    struct site site;
    site_begin(&site);
    for (size_t n = 0; n < COUNT_OF(counts); n++) {
        cr_assert(site_start(&site, counts[n]));
        for (size_t i = 0; i < 50 * n; i++) {
            char key[32], value[32];
            snprintf(key, sizeof key, "key%zu", i);
            snprintf(value, sizeof value, "%zu", i % 7 == 0 ? n - 1 : i / 50);
            cr_assert_value(&site, 0, key, value);
            cr_assert_value(&site, 1, key, NULL);
        }
        for (size_t i = 0; i < 50 * (n + 1); i++) {
            char key[32], value[32];
            snprintf(key, sizeof key, "key%zu", i);
            snprintf(value, sizeof value, "%zu", n);
            if (i % 7 == 0 || i >= 50 * n)
                RUN(&site, 0, "SET", key, value);
            RUN(&site, 1, "SET", key, value);
        }
        for (int k = 0; k < counts[n]; k++) { /* FLUSHDB of database 1, part by part */
            struct shard *shard = site.server->shards[k];
            struct bytes argv[1] = {BYTES_LIT("FLUSHDB")};
            struct request r = {
                .command = command_find(1, argv), .argv = argv, .argc = 1, .db = 1, .proto = 2};
            struct buf reply = {0};
            uint64_t ticket;
            cr_assert(run_request(shard, &r, &reply, &ticket));
            buf_deinit(&reply);
        }
        site_turn(&site);
        site_kill(&site);
    }
    site_end(&site);
}

static void cr_assert_refused(struct site *site, int shards, const char *what) {
    cr_assert_not(site_start(site, shards), "a log with %s was loaded", what);
    for (unsigned k = 0; k < site->server->shard_count; k++)
        cr_assert(site->server->shards[k]->log == NULL);
    site_kill(site);
}

Test(recovery, missing_exchanged_and_stale_files_are_refused) {
    struct site site;
    site_fill(&site);
    struct buf zero = get_file(&site, SEGMENT_0), one = get_file(&site, SEGMENT_1),
               manifest = get_file(&site, MANIFEST);

    cr_assert_eq(io_fs_unlink(site.fs, SEGMENT_1), ERR_OK);
    cr_assert_refused(&site, 2, "a missing segment");
    put_file(&site, SEGMENT_1, buf_bytes(&zero));
    cr_assert_refused(&site, 2, "a segment twice");
    put_file(&site, SEGMENT_0, buf_bytes(&one));
    cr_assert_refused(&site, 2, "exchanged segments");
    put_file(&site, SEGMENT_0, buf_bytes(&zero));
    put_file(&site, SEGMENT_1, bytes_of(one.ptr, one.len / 2));
    cr_assert_refused(&site, 2, "half a segment, of which all had been on the disk");
    put_file(&site, SEGMENT_1, BYTES_NONE);
    cr_assert_refused(&site, 2, "an empty file");
    put_file(&site, SEGMENT_1, buf_bytes(&one));
    cr_assert_eq(io_fs_unlink(site.fs, MANIFEST), ERR_OK);
    cr_assert_refused(&site, 2, "segments and no manifest");
    put_file(&site, MANIFEST, BYTES_LIT("file appendonly.aof.1.base.rdb seq 1 type b\n"));
    cr_assert_refused(&site, 2, "a manifest of Redis");
    put_file(&site, MANIFEST, buf_bytes(&manifest));
    put_file(&site, "appendonlydir/appendonly.aof.9.0-of-1.seg", BYTES_LIT("unknown"));
    put_file(&site, "appendonlydir/something.else", BYTES_LIT("unknown"));
    cr_assert(site_start(&site, 2), "nothing of all this has changed the files");
    cr_assert_value(&site, 0, "key7", "v3-7");
    cr_assert_value(&site, 0, "key8", "v3-8");
    site_kill(&site);
    buf_deinit(&zero);
    buf_deinit(&one);
    buf_deinit(&manifest);
    site_end(&site);
}

Test(recovery, a_log_of_redis_is_not_taken_for_none) {
    struct site site;
    site_begin(&site);
    put_file(&site, "appendonly.aof", BYTES_LIT("*1\r\n$4\r\nPING\r\n"));
    cr_assert_refused(&site, 1, "a single file of Redis");
    cr_assert_eq(io_fs_unlink(site.fs, "appendonly.aof"), ERR_OK);
    cr_assert(site_start(&site, 1));
    site_kill(&site);
    site_end(&site);
}

Test(recovery, an_interrupted_first_start_is_begun_again) {
    struct site site;
    struct buf head = {0};
    site_begin(&site);
    cr_assert_eq(io_fs_mkdir(site.fs, "appendonlydir"), ERR_OK);
    segment_put_header(&head,
                       &(struct segment_header){.id = 5, .generation = 1, .shard = 0, .shard_count = 2});
    put_file(&site, SEGMENT_0, buf_bytes(&head));
    put_file(&site, SEGMENT_1, BYTES_NONE);
    put_file(&site, MANIFEST ".tmp", BYTES_LIT("file"));
    cr_assert(site_start(&site, 2));
    site_kill(&site);
    buf_deinit(&head);
    site_end(&site);
}

Test(recovery, effects_that_cannot_be_repeated_are_refused) {
    static const char *const payloads[] = {
        "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n",          /* no effect */
        "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*1\r\n$7\r\nNOTHING\r\n",                 /* unknown */
        "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*2\r\n$3\r\nSET\r\n$1\r\na\r\n",          /* arity */
        "*2\r\n$6\r\nSELECT\r\n$2\r\n99\r\n",                                       /* database */
        "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n",                                /* no database */
        "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r", /* cut */
        "hello\r\n",
    };
    for (size_t i = 0; i < COUNT_OF(payloads); i++) {
        struct site site;
        struct buf text = {0};
        struct manifest m = {0};
        site_begin(&site);
        cr_assert_eq(io_fs_mkdir(site.fs, "appendonlydir"), ERR_OK);
        manifest_add(&m, 1, (const uint64_t[]){5});
        cr_assert_eq(manifest_write(&(struct manifest_place){site.fs, "appendonlydir", "appendonly.aof"}, &m),
                     ERR_OK);
        segment_put_header(&text,
                           &(struct segment_header){.id = 5, .generation = 1, .shard = 0, .shard_count = 1});
        segment_put_frame(&text, 5,
                          &(struct segment_frame){.kind = SEGMENT_EFFECTS, .seq = 1, .is_always = true},
                          bytes_cstr(payloads[i]));
        put_file(&site, "appendonlydir/appendonly.aof.1.0-of-1.seg", buf_bytes(&text));
        cr_assert_refused(&site, 1, payloads[i]);
        buf_deinit(&text);
        manifest_deinit(&m);
        site_end(&site);
    }
}
