/* stream_ops.c: a stream as an object: freeing, copying, measuring, digest, and the check of all invariants. */
#include "core/value/stream.h"

#include "core/base/mem.h"
#include "core/value/digest.h"
#include "core/value/stream_group.h"
#include "core/value/stream_idmp.h"
#include "core/value/stream_iter.h"
#include "core/value/stream_node.h"

#include <inttypes.h>
#include <stdio.h>

static bool stream_free_step(void *object, uint8_t encoding, size_t pieces_max) {
    struct stream *s = object;
    struct stream_node node;
    (void)encoding;
    for (size_t i = 0; i < pieces_max && ordset_pop_last(&s->log, &node); i++)
        listpack_free(node.lp);
    if (s->log.count > 0 || !stream_groups_free_step(s, pieces_max) || !stream_idmp_free_step(s, &pieces_max))
        return false;
    mem_free(s);
    return true;
}

void stream_free(struct stream *s) {
    bool is_gone = stream_free_step(s, STREAM_ENCODING, SIZE_MAX);
    must(is_gone);
}

static void ops_free(void *object, uint8_t encoding) {
    (void)encoding;
    stream_free(object);
}

static size_t ops_bytes(const void *object, uint8_t encoding) {
    const struct stream *s = object;
    (void)encoding;
    return s->bytes;
}

static size_t ops_pieces(const void *object, uint8_t encoding) {
    const struct stream *s = object;
    (void)encoding;
    /* What lies in groups is not counted one by one: its bytes tell enough. */
    return 1 + s->log.count + s->bytes / 2048;
}

static void *ops_dup(const void *object, uint8_t encoding) {
    const struct stream *from = object;
    struct stream *to = stream_new();
    struct ordset_place place;
    (void)encoding;
    for (struct stream_node *node = ordset_seek_first(&from->log, &place); node != NULL;
         node = ordset_next(&place))
        stream_put_node(to, node->first, listpack_dup(node->lp), 0);
    to->length = from->length;
    to->entries_added = from->entries_added;
    to->last_id = from->last_id;
    to->first_id = from->first_id;
    to->max_deleted_id = from->max_deleted_id;
    stream_groups_dup(from, to);
    stream_idmp_dup(from, to);
    return to;
}

static const char *ops_encoding_name(const void *object, uint8_t encoding) {
    (void)object, (void)encoding;
    return "stream";
}

/* Entries in order, the dash of their IDs written as a dot; groups do not count. */
static void ops_digest(const void *object, uint8_t encoding, struct digest *digest) {
    struct stream_iter it;
    struct bytes field;
    struct bytes value;
    (void)encoding;
    stream_iter_init(&it, object, STREAM_ID_MIN, STREAM_ID_MAX, false);
    while (stream_iter_next(&it)) {
        char text[STREAM_ID_TEXT_MAX];
        size_t len = stream_id_text(it.id, text);
        *(char *)memchr(text, '-', len) = '.';
        digest_mix(digest, bytes_of(text, len));
        for (size_t i = 0; i < it.pair_count; i++) {
            stream_iter_pair(&it, &field, &value);
            digest_mix(digest, field);
            digest_mix(digest, value);
        }
    }
}

const struct value_ops stream_value_ops = {
    .free = ops_free,
    .free_step = stream_free_step,
    .bytes = ops_bytes,
    .pieces = ops_pieces,
    .dup = ops_dup,
    .encoding_name = ops_encoding_name,
    .digest = ops_digest,
};

/* ---- inspection ---- */

void stream_check(const struct stream *s) {
    struct ordset_place place;
    struct stream_iter it;
    struct stream_id before = STREAM_ID_MIN;
    size_t bytes = mem_usable(s) + ordset_check(&s->log) + stream_groups_check(s) + stream_idmp_check(s);
    uint64_t length = 0;
    bool is_first = true;
    for (struct stream_node *node = ordset_seek_first(&s->log, &place); node != NULL;
         node = ordset_next(&place)) {
        uint64_t live;
        struct stream_id last;
        must(stream_node_is_sound(node->lp, listpack_bytes(node->lp), node->first, &live, &last));
        must(live > 0);                                               /* I1 */
        must(is_first || stream_id_compare(before, node->first) < 0); /* I2 */
        bytes += mem_usable(node->lp);
        length += live;
        before = last;
        is_first = false;
    }
    must(stream_id_compare(before, s->last_id) <= 0); /* I2 */
    must(length == s->length);                        /* I1 */
    must(bytes == s->bytes);                          /* I4 */
    stream_iter_init(&it, s, STREAM_ID_MIN, STREAM_ID_MAX, false);
    struct stream_id first = stream_iter_next(&it) ? it.id : STREAM_ID_MIN;
    must(stream_id_compare(first, s->first_id) == 0); /* I3 */
}

void stream_dump(const struct stream *s) {
    struct ordset_place place;
    fprintf(stderr, "stream: %" PRIu64 " entries in %zu nodes, %zu bytes, last %" PRIu64 "-%" PRIu64 "\n",
            s->length, s->log.count, s->bytes, s->last_id.ms, s->last_id.seq);
    for (void *item = ordset_seek_first(&s->groups, &place); item != NULL; item = ordset_next(&place)) {
        const struct stream_group *g = stream_group_at(item);
        fprintf(stderr, "  group %.*s: %zu pending, %zu released, %zu consumers\n", (int)g->name.len,
                g->name.ptr, g->pel.count, g->released_count, g->consumers.count);
    }
}
