/* rdb_dump.c: putting the frame of a dump around a body, and taking it off.
 *
 * The checksum guards against damage, not against malice: anybody can compute it. What is behind it is therefore read as
 * suspiciously as if it were not there. */
#include "core/rdb/rdb_dump.h"

#include "core/base/crc64.h"

#include <endian.h>

enum { FOOTER_BYTES = 10, VERSION_BYTES = 2 };

void rdb_dump(const struct entry *e, enum rdb_reach reach, bool is_compressing, struct buf *out) {
    struct rdb_writer w;
    struct rdb_saver saver;
    size_t from = out->len;
    rdb_writer_init(&w, out, is_compressing);
    rdb_saver_begin(&saver, e, reach);
    rdb_writer_byte(&w, saver.type);
    while (!rdb_saver_step(&saver, &w, SIZE_MAX)) {
    }
    unsigned needed = rdb_version_of(saver.type);
    uint16_t version = htole16((uint16_t)(needed > RDB_VERSION_COMMON ? needed : RDB_VERSION_COMMON));
    rdb_writer_raw(&w, &version, sizeof version);
    rdb_writer_u64(&w, crc64_feed(0, out->ptr + from, out->len - from));
}

bool rdb_dump_is_whole(struct bytes dump) {
    if (dump.len < FOOTER_BYTES + 1)
        return false;
    struct rdb_reader r;
    rdb_reader_init(&r, bytes_of(dump.ptr + dump.len - FOOTER_BYTES, FOOTER_BYTES));
    unsigned version = rdb_reader_byte(&r);
    version |= (unsigned)rdb_reader_byte(&r) << 8;
    return version <= RDB_VERSION_NEWEST &&
           rdb_reader_u64(&r) == crc64_feed(0, dump.ptr, dump.len - FOOTER_BYTES + VERSION_BYTES);
}

struct entry *rdb_undump(struct bytes dump, const struct rdb_load *how, enum rdb_loaded *result_out) {
    struct rdb_reader r;
    must(dump.len > FOOTER_BYTES);
    rdb_reader_init(&r, bytes_of(dump.ptr, dump.len - FOOTER_BYTES));
    unsigned type = rdb_reader_byte(&r);
    struct entry *e = rdb_load_value(&r, type, how, result_out);
    if (e != NULL && rdb_reader_left(&r) != 0) {
        entry_free(e);
        *result_out = RDB_LOAD_BROKEN;
        return NULL;
    }
    return e;
}
