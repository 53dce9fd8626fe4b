/* Fuzz target: a type number and the body of a value, from a stranger. What is loaded must be sound, must come back from what
 * it is saved as, and must be as it was then. */
#include "core/base/mem.h"
#include "core/rdb/rdb_value.h"
#include "core/value/digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct rdb_rules rules = {
    .list = {.max_listpack_size = 16, .compress_depth = 1},
    .set = {.intset_max = 20, .listpack_max = 20, .listpack_value_max = 40, .seed = 17},
    .zset = {.entries_max = 20, .value_max = 40, .seed = 19},
    .hash = {.fields_max = 20, .string_bytes_max = 40, .seed = 18},
};

static struct entry *load(struct bytes body) {
    struct rdb_load how = {.key = BYTES_LIT("key"), .expire_ms = ENTRY_NO_EXPIRE, .rules = &rules};
    struct rdb_reader r;
    enum rdb_loaded result;
    rdb_reader_init(&r, body);
    return rdb_load_value(&r, rdb_reader_byte(&r), &how, &result);
}

static void check(const struct entry *e) {
    entry_check(e);
    switch (entry_type(e)) {
    case VALUE_LIST: {
        struct list list = list_of(e);
        list_check(&list);
        return;
    }
    case VALUE_SET: set_check(set_of(e)); return;
    case VALUE_ZSET: {
        struct zset zset = zset_of(e);
        zset_check(&zset);
        return;
    }
    case VALUE_HASH: hash_check(e); return;
    case VALUE_STREAM: stream_check(entry_object(e)); return;
    case VALUE_STRING:
    case VALUE_TYPE_COUNT: return;
    }
}

static struct digest digest_of(const struct entry *e) {
    struct digest digest = {{0}};
    digest_put_value(&digest, e);
    return digest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct entry *e = load(bytes_of(data, size));
    if (e == NULL)
        return 0;
    check(e);
    struct buf body;
    struct rdb_writer w;
    struct rdb_saver saver;
    buf_init(&body);
    rdb_writer_init(&w, &body, true);
    rdb_saver_begin(&saver, e, RDB_FOR_US);
    rdb_writer_byte(&w, saver.type);
    while (!rdb_saver_step(&saver, &w, 64)) {
    }
    struct entry *again = load(buf_bytes(&body));
    must(again != NULL);
    check(again);
    struct digest before = digest_of(e);
    struct digest after = digest_of(again);
    must(memcmp(&before, &after, sizeof before) == 0);
    entry_free(e);
    entry_free(again);
    buf_deinit(&body);
    return 0;
}
