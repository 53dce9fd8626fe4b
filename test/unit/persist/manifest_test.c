/* manifest_test.c: the manifest's text, its refusals, and replacing it. */
#include "persist/manifest.h"

#include "test/unit/persist/segment_rig.h"

static const char golden[] =
    "file a.aof.1.0-of-2.seg seq 1 type s shard 0 of 2 id 00000000000000ff end 100 frames 3\n"
    "file a.aof.1.1-of-2.seg seq 1 type s shard 1 of 2 id 7d6600111370d9bb end 61 frames 0\n"
    "file a.aof.2.0-of-1.seg seq 2 type s shard 0 of 1 id 0000000000000001\n"
    "check 17e6be5a3bd9da46\n";

static struct manifest sample(void) {
    struct manifest m = {0};
    struct manifest_generation *g = manifest_add(&m, 2, (const uint64_t[]){0xff, 0x7d6600111370d9bb});
    g->segments[0].is_closed = g->segments[1].is_closed = true;
    g->segments[0].end_bytes = 100;
    g->segments[0].end_frames = 3;
    g->segments[1].end_bytes = 61;
    manifest_add(&m, 1, (const uint64_t[]){1});
    return m;
}

Test(manifest, golden_text) {
    struct manifest m = sample();
    struct buf text = {0};
    manifest_print(&m, "a.aof", &text);
    cr_assert(bytes_equal(buf_bytes(&text), bytes_cstr(golden)), "%.*s", (int)text.len, text.ptr);
    buf_deinit(&text);
    manifest_deinit(&m);
}

Test(manifest, reads_back_what_it_printed) {
    struct manifest m;
    char why[512];
    cr_assert(manifest_parse(bytes_cstr(golden), "a.aof", &m, why, sizeof why), "%s", why);
    cr_assert_eq(m.count, 2);
    cr_assert(m.generations[0].shard_count == 2 && m.generations[0].segments[0].is_closed);
    cr_assert(m.generations[0].segments[0].end_bytes == 100 && m.generations[0].segments[0].end_frames == 3);
    cr_assert(m.generations[1].number == 2 && !m.generations[1].segments[0].is_closed);
    manifest_deinit(&m);
}

Test(manifest, any_flipped_bit_and_any_cut_is_refused) {
    char text[sizeof golden];
    memcpy(text, golden, sizeof golden);
    size_t len = sizeof golden - 1;
    for (size_t bit = 0; bit < len * 8; bit++) {
        struct manifest m;
        char why[512] = "";
        text[bit / 8] = (char)(text[bit / 8] ^ (1 << (bit % 8)));
        cr_assert_not(manifest_parse(bytes_of(text, len), "a.aof", &m, why, sizeof why), "bit %zu", bit);
        cr_assert(why[0] != '\0');
        manifest_deinit(&m);
        text[bit / 8] = (char)(text[bit / 8] ^ (1 << (bit % 8)));
    }
    for (size_t cut = 0; cut < len; cut++) {
        struct manifest m;
        char why[512];
        cr_assert_not(manifest_parse(bytes_of(text, cut), "a.aof", &m, why, sizeof why), "cut at %zu", cut);
        manifest_deinit(&m);
    }
}

Test(manifest, lines_out_of_place_and_foreign_ones_are_refused) {
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"file a.aof.1.base.rdb seq 1 type b\n", "written by Redis"},
        {"file a.aof.1.incr.aof seq 1 type i\n", "written by Redis"},
        {"file b.aof.1.0-of-1.seg seq 1 type s shard 0 of 1 id 0000000000000001\n", "understood"},
        {"file a.aof.2.0-of-1.seg seq 2 type s shard 0 of 1 id 0000000000000001\n", "understood"},
        {"file a.aof.1.1-of-2.seg seq 1 type s shard 1 of 2 id 0000000000000001\n", "understood"},
        {"file a.aof.1.0-of-300.seg seq 1 type s shard 0 of 300 id 0000000000000001\n", "understood"},
        {"", "without its checksum"},
        {"check 2d06800538d394c2\n", "checksum"},
        {"hello\n", "understood"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct manifest m;
        char why[512] = "";
        cr_assert_not(manifest_parse(bytes_cstr(cases[i].text), "a.aof", &m, why, sizeof why));
        cr_assert(strstr(why, cases[i].why) != NULL, "%s", why);
        manifest_deinit(&m);
    }
}

Test(manifest, what_was_written_survives_a_power_cut_and_a_failure_leaves_the_old_one) {
    for (uint64_t seed = 1; seed < 50; seed++) {
        struct io_sim *sim = io_sim_new(&(struct io_sim_options){.seed = seed});
        struct io_fs *fs = io_sim_fs(sim, 0);
        struct manifest_place place = {fs, "d", "a.aof"};
        struct manifest m = {0}, got;
        char why[512];
        bool fails = seed % 2 == 0;
        cr_assert_eq(io_fs_mkdir(fs, "d"), ERR_OK);
        cr_assert_eq(manifest_read(&place, &got, why, sizeof why), ERR_NOTFOUND);
        manifest_add(&m, 1, (const uint64_t[]){1});
        cr_assert_eq(manifest_write(&place, &m), ERR_OK);
        m.generations[0].segments[0].is_closed = true;
        manifest_add(&m, 1, (const uint64_t[]){2});
        io_sim_faults(sim, 0)->fail_fsyncs = fails;
        cr_assert_eq(manifest_write(&place, &m), fails ? ERR_IO : ERR_OK);
        io_sim_power_cut(sim, 0);
        cr_assert_eq(manifest_read(&place, &got, why, sizeof why), ERR_OK, "%s", why);
        cr_assert_eq(got.count, fails ? 1u : 2u);
        manifest_deinit(&got);
        manifest_deinit(&m);
        io_sim_free(sim);
    }
}
