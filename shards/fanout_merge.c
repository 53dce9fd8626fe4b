/* fanout_merge.c: joining part replies, as the merge column of commands.def says.
 *
 * Part replies are well-formed RESP of our own making, so they are cut with resp_reply_skip and copied, never decoded. */
#include "shards/fanout_merge.h"

#include "core/base/mem.h"
#include "core/resp/resp_read.h"

/* The number in a ":n" or "*n" header, and the bytes of that header line. */
static int64_t merge_number(struct bytes reply, size_t *header_bytes_out) {
    const char *end = memchr(reply.ptr, '\r', reply.len);
    must(end != NULL && reply.len > 1);
    int64_t value = 0;
    bool is_number = num_parse_int(bytes_of(reply.ptr + 1, (size_t)(end - reply.ptr) - 1), &value);
    must(is_number);
    *header_bytes_out = (size_t)(end - reply.ptr) + 2;
    return value;
}

static void merge_sum(const struct fanout *f, struct resp_out *out) {
    int64_t sum = 0;
    size_t header;
    for (unsigned i = 0; i < f->part_count; i++)
        sum += merge_number(buf_bytes(&f->parts[i].reply), &header);
    resp_int(out, sum);
}

static void merge_concat(const struct fanout *f, struct resp_out *out) {
    int64_t count = 0;
    size_t header;
    for (unsigned i = 0; i < f->part_count; i++)
        count += merge_number(buf_bytes(&f->parts[i].reply), &header);
    resp_array(out, (size_t)count);
    for (unsigned i = 0; i < f->part_count; i++) {
        const struct buf *reply = &f->parts[i].reply;
        merge_number(buf_bytes(reply), &header);
        resp_raw(out, bytes_of(reply->ptr + header, reply->len - header));
    }
}

/* One element per key: the n-th element of the command is the next one of the part that holds the n-th key. */
static void merge_keys(const struct fanout *f, struct resp_out *out) {
    size_t *at = mem_alloc(f->part_count * sizeof *at);
    for (unsigned i = 0; i < f->part_count; i++)
        merge_number(buf_bytes(&f->parts[i].reply), &at[i]);
    resp_array(out, (size_t)f->key_count);
    for (int k = 0; k < f->key_count; k++) {
        unsigned part = f->key_part[k];
        const struct buf *reply = &f->parts[part].reply;
        struct bytes rest = bytes_of(reply->ptr + at[part], reply->len - at[part]);
        size_t len = resp_reply_skip(rest);
        must(len != 0 && len != RESP_REPLY_BROKEN);
        resp_raw(out, bytes_of(rest.ptr, len));
        at[part] += len;
    }
    mem_free(at);
}

/* RANDOMKEY: each part answered [number of its keys, a random one or null]; choose by weight. */
static void merge_random(const struct fanout *f, struct resp_out *out, struct rng *rng) {
    uint64_t total = 0;
    for (unsigned i = 0; i < f->part_count; i++) {
        const struct buf *reply = &f->parts[i].reply;
        size_t header;
        must(reply->len > 4);
        total += (uint64_t)merge_number(bytes_of(reply->ptr + 4, reply->len - 4), &header);
    }
    if (total == 0) {
        resp_null(out);
        return;
    }
    uint64_t pick = rng_below(rng, total);
    for (unsigned i = 0; i < f->part_count; i++) {
        const struct buf *reply = &f->parts[i].reply;
        size_t header;
        uint64_t keys = (uint64_t)merge_number(bytes_of(reply->ptr + 4, reply->len - 4), &header);
        if (pick < keys) {
            resp_raw(out, bytes_of(reply->ptr + 4 + header, reply->len - 4 - header));
            return;
        }
        pick -= keys;
    }
    must(false);
}

void fanout_merge(const struct fanout *f, struct resp_out *out, struct rng *rng) {
    for (unsigned i = 0; i < f->part_count; i++) {
        struct bytes reply = buf_bytes(&f->parts[i].reply);
        if (resp_reply_is_error(reply)) {
            resp_raw(out, reply);
            return;
        }
    }
    switch ((enum command_merge)f->command->merge) {
    case MERGE_OK: resp_raw(out, buf_bytes(&f->parts[0].reply)); return;
    case MERGE_SUM: merge_sum(f, out); return;
    case MERGE_KEYS: merge_keys(f, out); return;
    case MERGE_CONCAT: merge_concat(f, out); return;
    case MERGE_RANDOM: merge_random(f, out, rng); return;
    case MERGE_NONE:
    case MERGE_CURSOR: break;
    }
    must(false); /* not a command of several parts */
}
