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

static void merge_sum(const struct fanout *f, int64_t now_ms, struct resp_out *out) {
    int64_t sum = 0;
    size_t header;
    for (unsigned i = 0; i < f->part_count; i++) {
        sum += merge_number(f->parts[i].text, &header);
        sum -= fanout_clock_gone_count(&f->parts[i].clock, now_ms);
    }
    resp_int(out, sum);
}

/* Copies the elements of a part's array, except those that are gone. */
static void merge_elements(const struct fanout_part *part, int64_t now_ms, struct resp_out *out) {
    size_t at;
    int64_t count = merge_number(part->text, &at);
    if (LIKELY(part->clock.soon_count == 0)) {
        resp_raw(out, bytes_of(part->text.ptr + at, part->text.len - at));
        return;
    }
    for (uint32_t nth = 0; nth < count; nth++) {
        struct bytes rest = bytes_of(part->text.ptr + at, part->text.len - at);
        size_t len = resp_reply_skip(rest);
        must(len != 0 && len != RESP_REPLY_BROKEN);
        if (!fanout_clock_is_gone(&part->clock, nth, now_ms))
            resp_raw(out, bytes_of(rest.ptr, len));
        at += len;
    }
}

static void merge_concat(const struct fanout *f, int64_t now_ms, struct resp_out *out) {
    int64_t count = 0;
    size_t header;
    for (unsigned i = 0; i < f->part_count; i++) {
        count += merge_number(f->parts[i].text, &header);
        count -= fanout_clock_gone_count(&f->parts[i].clock, now_ms);
    }
    resp_array(out, (size_t)count);
    for (unsigned i = 0; i < f->part_count; i++)
        merge_elements(&f->parts[i], now_ms, out);
}

/* One element per key: the n-th element of the command is the next one of the part that holds the n-th key. */
static void merge_keys(const struct fanout *f, int64_t now_ms, struct resp_out *out) {
    struct cursor {
        size_t at;
        uint32_t nth;
    } *cursors = mem_zalloc(f->part_count * sizeof *cursors);
    for (unsigned i = 0; i < f->part_count; i++)
        merge_number(f->parts[i].text, &cursors[i].at);
    resp_array(out, (size_t)f->key_count);
    for (int k = 0; k < f->key_count; k++) {
        const struct fanout_part *part = &f->parts[f->key_part[k]];
        struct cursor *cursor = &cursors[f->key_part[k]];
        struct bytes rest = bytes_of(part->text.ptr + cursor->at, part->text.len - cursor->at);
        size_t len = resp_reply_skip(rest);
        must(len != 0 && len != RESP_REPLY_BROKEN);
        if (UNLIKELY(fanout_clock_is_gone(&part->clock, cursor->nth, now_ms)))
            resp_null(out);
        else
            resp_raw(out, bytes_of(rest.ptr, len));
        cursor->at += len;
        cursor->nth++;
    }
    mem_free(cursors);
}

/* RANDOMKEY: each part answered [number of its keys, a random one or null]; choose by weight. */
static void merge_random(const struct fanout *f, struct resp_out *out, struct rng *rng) {
    uint64_t total = 0;
    for (unsigned i = 0; i < f->part_count; i++) {
        struct bytes reply = f->parts[i].text;
        size_t header;
        must(reply.len > 4);
        total += (uint64_t)merge_number(bytes_of(reply.ptr + 4, reply.len - 4), &header);
    }
    if (total == 0) {
        resp_null(out);
        return;
    }
    uint64_t pick = rng_below(rng, total);
    for (unsigned i = 0; i < f->part_count; i++) {
        struct bytes reply = f->parts[i].text;
        size_t header;
        uint64_t keys = (uint64_t)merge_number(bytes_of(reply.ptr + 4, reply.len - 4), &header);
        if (pick < keys) {
            resp_raw(out, bytes_of(reply.ptr + 4 + header, reply.len - 4 - header));
            return;
        }
        pick -= keys;
    }
    must(false);
}

/* Fills each part's text and clock; returns the latest clock. */
static int64_t merge_split(struct fanout *f) {
    int64_t now_ms = 0;
    for (unsigned i = 0; i < f->part_count; i++) {
        struct fanout_part *part = &f->parts[i];
        part->text = buf_bytes(&part->reply);
        part->text = fanout_clock_split(part->text, &part->clock);
        now_ms = part->clock.now_ms > now_ms ? part->clock.now_ms : now_ms;
    }
    return now_ms;
}

void fanout_merge(struct fanout *f, struct resp_out *out, struct rng *rng) {
    int64_t now_ms = merge_split(f);
    for (unsigned i = 0; i < f->part_count; i++) {
        if (resp_reply_is_error(f->parts[i].text)) {
            resp_raw(out, f->parts[i].text);
            return;
        }
    }
    switch ((enum command_merge)f->command->merge) {
    case MERGE_OK: resp_raw(out, f->parts[0].text); return;
    case MERGE_SUM: merge_sum(f, now_ms, out); return;
    case MERGE_KEYS: merge_keys(f, now_ms, out); return;
    case MERGE_CONCAT: merge_concat(f, now_ms, out); return;
    case MERGE_RANDOM: merge_random(f, out, rng); return;
    case MERGE_NONE:
    case MERGE_CURSOR: break;
    }
    must(false); /* not a command of several parts */
}
