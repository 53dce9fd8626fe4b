/* Fuzz target: a segment file and its replay, and the manifest.
 *
 * The first byte chooses: the rest is a manifest; or the bytes behind a valid header; or a list of frames, made with
 * correct checksums so that the fuzzer gets past them, with payloads from the input and a few bytes damaged afterwards.
 * Whatever stands in a file, reading ends, does not crash, keeps its promises about offsets and gives the same result
 * twice; what it finds intact is replayed into an engine. */
#include "core/base/mem.h"
#include "core/io/io_sim.h"
#include "persist/aof_cut.h"
#include "persist/aof_load.h"
#include "persist/manifest.h"
#include "shards/dispatch.h"

#include <fcntl.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SEGMENT_ID = 7 };

struct input {
    const uint8_t *at;
    size_t left;
};

static unsigned take(struct input *in) {
    if (in->left == 0)
        return 0;
    in->left--;
    return *in->at++;
}

static void fuzz_manifest(struct bytes text) {
    struct manifest m, again;
    char why[256];
    if (manifest_parse(text, "a", &m, why, sizeof why)) {
        struct buf printed = {0};
        manifest_print(&m, "a", &printed);
        must(bytes_equal(buf_bytes(&printed), text)); /* one way to write each */
        must(manifest_parse(buf_bytes(&printed), "a", &again, why, sizeof why));
        manifest_deinit(&again);
        buf_deinit(&printed);
    }
    manifest_deinit(&m);
}

static void put_frame(struct input *in, struct buf *text, uint64_t seq) {
    unsigned kind = take(in);
    struct segment_frame f = {
        .kind = (enum segment_kind)(kind % 3),
        .is_always = kind & 4,
        .seq = kind & 8 ? take(in) : seq,
        .known = take(in),
        .txn_id = take(in),
        .participants = {{take(in)}},
        .epoch = take(in),
        .settled = take(in),
    };
    size_t len = f.kind == SEGMENT_MARK ? 0 : take(in);
    if (len > in->left)
        len = in->left;
    struct buf payload = {0};
    if (f.kind != SEGMENT_MARK && kind & 16)
        BUF_PUT_LIT(&payload, "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n");
    buf_put(&payload, in->at, len);
    in->at += len;
    in->left -= len;
    segment_put_frame(text, SEGMENT_ID, &f, buf_bytes(&payload));
    buf_deinit(&payload);
}

static void replay(struct segment_reader *r, uint64_t end) {
    struct config config;
    struct engine engine;
    struct aof_load_stats stats;
    char why[256];
    config_init_defaults(&config);
    engine_init(&engine, &config, 1, 0, 1, dispatch_handlers());
    engine_set_clock(&engine, 1000000);
    enum err e = aof_load(r, end, &engine, NULL, NULL, &stats, why, sizeof why);
    must(e == ERR_OK || e == ERR_CORRUPT);
    must(e != ERR_OK || r->next == end);
    for (int db = 0; db < engine.db_count; db++)
        if (engine_find_db(&engine, db))
            keyspace_check(engine_find_db(&engine, db));
    engine_deinit(&engine);
    config_deinit(&config);
}

static void fuzz_file(struct io_fs *fs) {
    struct segment_reader r;
    struct segment_scan scan, again;
    struct aof_cut_tail tail;
    char why[256];
    unsigned bad;
    if (segment_reader_open(&r, fs, "s") != ERR_OK)
        return;
    enum err e = segment_scan(&r, &scan, why, sizeof why);
    must(scan.first <= scan.end && scan.end <= scan.size);
    segment_reader_seek(&r, r.first);
    must(segment_scan(&r, &again, why, sizeof why) == e && again.end == scan.end && again.seq == scan.seq);
    if (e == ERR_OK) {
        enum err cut = aof_cut(&r, &scan, 1, &tail, &bad, why, sizeof why);
        must(tail.end <= scan.end || cut != ERR_OK);
        if (cut == ERR_OK)
            replay(&r, tail.end);
        aof_cut_tail_deinit(&tail);
    }
    segment_scan_deinit(&scan);
    segment_scan_deinit(&again);
    segment_reader_close(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input in = {data, size};
    unsigned what = take(&in);
    if (what % 4 == 0) {
        fuzz_manifest(bytes_of(in.at, in.left));
        return 0;
    }
    struct buf text = {0};
    segment_put_header(&text, &(struct segment_header){.id = SEGMENT_ID, .generation = 1, .shard_count = 1});
    if (what % 4 == 1) {
        buf_put(&text, in.at, in.left);
    } else {
        unsigned damages = what % 4 == 3 ? take(&in) % 4 : 0;
        unsigned places[8];
        for (unsigned i = 0; i < damages * 2; i++)
            places[i] = take(&in);
        for (uint64_t seq = 1; in.left > 0; seq++)
            put_frame(&in, &text, seq);
        for (unsigned i = 0; i < damages; i++)
            text.ptr[(places[2 * i] * 256 + places[2 * i + 1]) % text.len] ^=
                (char)(1 << (places[2 * i] % 8));
    }
    struct io_sim *sim = io_sim_new(&(struct io_sim_options){.seed = 1});
    struct io_fs *fs = io_sim_fs(sim, 0);
    int fd;
    must(io_fs_open(fs, "s", O_RDWR | O_CREAT, 0644, &fd) == ERR_OK);
    must(io_fs_write(fs, fd, buf_bytes(&text), 0) == ERR_OK);
    must(io_fs_close(fs, fd) == ERR_OK);
    fuzz_file(fs);
    buf_deinit(&text);
    io_sim_free(sim);
    return 0;
}
