/* segment.c: frames as text.
 *
 * The annotation line is text so that a person with a pager can read a log, and tools that skip lines beginning with '#'
 * see nothing but commands. Numbers are lower-case hexadecimal without leading zeros, and the line of a plain frame
 * costs about 35 bytes for a whole turn of the loop.
 *
 *   #e SEQ BYTES KNOWN SUM                          effects
 *   #t SEQ BYTES KNOWN TXN PARTICIPANTS SUM         part of a transaction
 *   #m SEQ BYTES KNOWN EPOCH SETTLED SUM            mark
 *
 * The letter is upper case when the frame was written under appendfsync always. SUM has 16 digits.
 *
 *   I1  SUM = XXH3(line up to and including the space before SUM, seed XXH3(payload, seed segment id)).
 *
 * A checksum rather than a length alone, because a crash may leave a file whose size is right and whose blocks are not;
 * seeded by the id, because a recycled block may hold a frame that was valid in another file. */
#include "persist/segment.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define SEGMENT_MAGIC "#BASALT-SEGMENT 1 "

enum { SEGMENT_SUM_DIGITS = 16 };

static const char segment_digits[] = "0123456789abcdef";

/* ---- writing ---- */

static char *segment_write_fixed(char *to, uint64_t value) {
    for (int shift = 60; shift >= 0; shift -= 4)
        *to++ = segment_digits[(value >> shift) & 15];
    return to;
}

static char *segment_write_hex(char *to, uint64_t value) {
    int shift = value ? (63 - __builtin_clzll(value)) & ~3 : 0;
    for (; shift >= 0; shift -= 4)
        *to++ = segment_digits[(value >> shift) & 15];
    *to++ = ' ';
    return to;
}

/* One hexadecimal number whose bit k stands for shard k. */
static char *segment_write_set(char *to, const struct shard_set *set) {
    int w = SHARD_SET_WORDS - 1;
    while (w > 0 && set->words[w] == 0)
        w--;
    to = segment_write_hex(to, set->words[w]);
    for (w--; w >= 0; w--) {
        to = segment_write_fixed(to - 1, set->words[w]);
        *to++ = ' ';
    }
    return to;
}

static uint64_t segment_sum(uint64_t seed, struct bytes line, struct bytes payload) {
    XXH64_hash_t inner = XXH3_64bits_withSeed(payload.len ? payload.ptr : "", payload.len, seed);
    return XXH3_64bits_withSeed(line.ptr, line.len, inner); /* I1 */
}

static void segment_end_line(struct buf *to, char *line, char *at, uint64_t seed, struct bytes payload) {
    at = segment_write_fixed(at, segment_sum(seed, bytes_of(line, (size_t)(at - line)), payload));
    *at++ = '\r';
    *at++ = '\n';
    buf_commit(to, (size_t)(at - line));
}

void segment_put_header(struct buf *to, const struct segment_header *header) {
    char *line = buf_room(to, SEGMENT_HEADER_MAX);
    char *at = line + sizeof SEGMENT_MAGIC - 1;
    memcpy(line, SEGMENT_MAGIC, sizeof SEGMENT_MAGIC - 1);
    at = segment_write_hex(at, header->id);
    at = segment_write_hex(at, header->generation);
    at = segment_write_hex(at, header->shard);
    at = segment_write_hex(at, header->shard_count);
    segment_end_line(to, line, at, header->id, BYTES_NONE);
}

void segment_put_frame(struct buf *to, uint64_t segment_id, const struct segment_frame *frame,
                       struct bytes payload) {
    static const char letters[] = {[SEGMENT_EFFECTS] = 'e', [SEGMENT_PART] = 't', [SEGMENT_MARK] = 'm'};
    char *line = buf_room(to, SEGMENT_LINE_MAX + payload.len);
    char *at = line;
    *at++ = '#';
    *at++ = (char)(letters[frame->kind] - (frame->is_always ? 'a' - 'A' : 0));
    *at++ = ' ';
    at = segment_write_hex(at, frame->seq);
    at = segment_write_hex(at, payload.len);
    at = segment_write_hex(at, frame->known);
    switch (frame->kind) {
    case SEGMENT_EFFECTS: break;
    case SEGMENT_PART:
        at = segment_write_hex(at, frame->txn_id);
        at = segment_write_set(at, &frame->participants);
        break;
    case SEGMENT_MARK:
        at = segment_write_hex(at, frame->epoch);
        at = segment_write_hex(at, frame->settled);
        break;
    }
    segment_end_line(to, line, at, segment_id, payload);
    buf_put_bytes(to, payload);
}

/* ---- reading ---- */

struct segment_cursor {
    const char *at;
    const char *end;
};

static int segment_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Reads one number and the space behind it. */
static bool segment_read_hex(struct segment_cursor *c, uint64_t *value_out) {
    uint64_t value = 0;
    int digits = 0;
    for (; c->at < c->end && segment_digit(*c->at) >= 0; c->at++, digits++)
        value = value << 4 | (uint64_t)segment_digit(*c->at);
    *value_out = value;
    return digits > 0 && digits <= 16 && c->at < c->end && *c->at++ == ' ';
}

static bool segment_read_set(struct segment_cursor *c, struct shard_set *set_out) {
    *set_out = (struct shard_set){{0}};
    const char *from = c->at;
    while (c->at < c->end && segment_digit(*c->at) >= 0)
        c->at++;
    size_t digits = (size_t)(c->at - from);
    if (digits == 0 || digits > SHARDS_MAX / 4 || c->at == c->end || *c->at++ != ' ')
        return false;
    for (size_t i = 0; i < digits; i++) {
        size_t bit = (digits - 1 - i) * 4;
        set_out->words[bit / 64] |= (uint64_t)segment_digit(from[i]) << (bit % 64);
    }
    return true;
}

/* Finds the line's end; the cursor then spans the line up to its checksum. */
static enum segment_parse_result segment_open_line(struct bytes data, size_t line_max,
                                                   struct segment_cursor *cursor_out,
                                                   size_t *line_bytes_out) {
    size_t limit = data.len < line_max ? data.len : line_max;
    const char *newline = limit ? memchr(data.ptr, '\n', limit) : NULL;
    if (!newline)
        return limit < line_max ? SEGMENT_MORE : SEGMENT_BAD;
    size_t len = (size_t)(newline + 1 - data.ptr);
    if (len < SEGMENT_SUM_DIGITS + 3 || newline[-1] != '\r')
        return SEGMENT_BAD;
    *cursor_out = (struct segment_cursor){data.ptr, newline - 1 - SEGMENT_SUM_DIGITS};
    *line_bytes_out = len;
    return SEGMENT_LINE;
}

bool segment_parse_header(struct bytes data, struct segment_header *header_out, size_t *line_bytes_out) {
    *header_out = (struct segment_header){0};
    *line_bytes_out = 0;
    struct segment_cursor c;
    size_t line_bytes;
    if (segment_open_line(data, SEGMENT_HEADER_MAX, &c, &line_bytes) != SEGMENT_LINE)
        return false;
    size_t magic = sizeof SEGMENT_MAGIC - 1;
    if ((size_t)(c.end - c.at) < magic || memcmp(c.at, SEGMENT_MAGIC, magic) != 0)
        return false;
    c.at += magic;
    uint64_t shard, shard_count;
    struct segment_header h = {0};
    if (!segment_read_hex(&c, &h.id) || !segment_read_hex(&c, &h.generation) ||
        !segment_read_hex(&c, &shard) || !segment_read_hex(&c, &shard_count) || c.at != c.end ||
        shard_count > SHARDS_MAX || shard >= shard_count)
        return false;
    h.shard = (unsigned)shard;
    h.shard_count = (unsigned)shard_count;
    if (!segment_verify(h.id, bytes_of(data.ptr, line_bytes), BYTES_NONE))
        return false;
    *header_out = h;
    *line_bytes_out = line_bytes;
    return true;
}

static bool segment_read_kind(struct segment_cursor *c, struct segment_frame *f) {
    if (c->end - c->at < 3 || c->at[0] != '#' || c->at[2] != ' ')
        return false;
    char letter = c->at[1];
    f->is_always = letter >= 'A' && letter <= 'Z';
    switch (f->is_always ? letter - 'A' + 'a' : letter) {
    case 'e': f->kind = SEGMENT_EFFECTS; break;
    case 't': f->kind = SEGMENT_PART; break;
    case 'm': f->kind = SEGMENT_MARK; break;
    default: return false;
    }
    c->at += 3;
    return true;
}

enum segment_parse_result segment_parse_frame(struct bytes data, struct segment_frame *frame_out,
                                              size_t *line_bytes_out) {
    struct segment_frame f = {0};
    struct segment_cursor c;
    *frame_out = f;
    *line_bytes_out = 0;
    enum segment_parse_result found = segment_open_line(data, SEGMENT_LINE_MAX, &c, line_bytes_out);
    if (found != SEGMENT_LINE)
        return found;
    if (!segment_read_kind(&c, &f) || !segment_read_hex(&c, &f.seq) ||
        !segment_read_hex(&c, &f.payload_bytes) || !segment_read_hex(&c, &f.known))
        return SEGMENT_BAD;
    bool ok = true;
    if (f.kind == SEGMENT_PART)
        ok = segment_read_hex(&c, &f.txn_id) && segment_read_set(&c, &f.participants);
    if (f.kind == SEGMENT_MARK)
        ok = segment_read_hex(&c, &f.epoch) && segment_read_hex(&c, &f.settled) && f.payload_bytes == 0;
    if (!ok || c.at != c.end)
        return SEGMENT_BAD;
    *frame_out = f;
    return SEGMENT_LINE;
}

bool segment_verify(uint64_t segment_id, struct bytes line, struct bytes payload) {
    dcheck(line.len >= SEGMENT_SUM_DIGITS + 2);
    size_t covered = line.len - 2 - SEGMENT_SUM_DIGITS;
    char sum[SEGMENT_SUM_DIGITS];
    segment_write_fixed(sum, segment_sum(segment_id, bytes_of(line.ptr, covered), payload));
    return memcmp(sum, line.ptr + covered, sizeof sum) == 0;
}
