/* rdb_stream.c: streams.
 *
 *   body      count of nodes, nodes; length; last ID; [2: first ID, greatest deleted ID, entries ever added]
 *             count of groups, groups
 *   node      a string of 16 bytes, the ID that its entries are relative to; a string, the listpack
 *   group     name; last ID; [2: entries read, or -1 as 64 bits]
 *             count, (16 bytes of ID, time of delivery, deliveries): all pending messages
 *             count of consumers, consumers
 *   consumer  name; time when seen; [3: time when active]; count, (16 bytes of ID): its pending messages
 *
 * An ID is two lengths, in 16 bytes two big-endian numbers; [2] and [3] are from RDB_STREAM_LISTPACKS_2 and _3 on. Nodes,
 * pending messages and what belongs to consumers are in ascending order.
 *
 * For others the form of Redis 7.0 is written. It cannot say that a pending message has no consumer (XNACK), so such
 * messages are left out there, as 7.0 would crash on them; our own log has a form that says everything.
 *
 * Loading: a message is pending for one consumer, every consumer's messages are the group's, and what is said twice about
 * lengths and IDs must agree. So the loaded stream passes stream_check whatever the bytes were. */
#include "core/base/mem.h"
#include "core/ds/listpack.h"
#include "core/rdb/rdb_types.h"
#include "core/value/stream_group.h"

#include <endian.h>

enum {
    ID_BYTES = 16,
    NODE_BYTES_MIN = 1 + ID_BYTES + 1,
    PENDING_BYTES_MIN = ID_BYTES + 8 + 1,
    CONSUMER_BYTES_MIN = 1 + 8 + 1,
    GROUP_BYTES_MIN = 1 + 2 + 1 + 1,
};

static struct stream *stream_of(const struct entry *e) {
    return entry_object(e);
}

/* ---- saving ---- */

static void id_raw(struct stream_id id, unsigned char raw[ID_BYTES]) {
    uint64_t parts[2] = {htobe64(id.ms), htobe64(id.seq)};
    memcpy(raw, parts, sizeof parts);
}

static void write_raw_id(struct rdb_writer *w, struct stream_id id) {
    unsigned char raw[ID_BYTES];
    id_raw(id, raw);
    rdb_writer_raw(w, raw, sizeof raw);
}

static void write_id(struct rdb_writer *w, struct stream_id id) {
    rdb_writer_length(w, id.ms);
    rdb_writer_length(w, id.seq);
}

static void write_node(struct rdb_writer *w, const struct stream_node *node) {
    unsigned char raw[ID_BYTES];
    id_raw(node->first, raw);
    rdb_writer_string(w, bytes_of(raw, sizeof raw));
    rdb_writer_string(w, bytes_of(node->lp, listpack_bytes(node->lp)));
}

static void write_counts(struct rdb_writer *w, const struct stream *s) {
    rdb_writer_length(w, s->length);
    write_id(w, s->last_id);
    write_id(w, s->first_id);
    write_id(w, s->max_deleted_id);
    rdb_writer_length(w, s->entries_added);
    rdb_writer_length(w, s->groups.count);
}

static void write_group_head(struct rdb_writer *w, const struct stream_group *g, bool has_released) {
    rdb_writer_string(w, g->name);
    write_id(w, g->last_id);
    rdb_writer_length(w, (uint64_t)g->entries_read);
    rdb_writer_length(w, g->pel.count - (has_released ? 0 : g->released_count));
}

static void write_pending(struct rdb_writer *w, const struct stream_pending *p) {
    write_raw_id(w, p->id);
    rdb_writer_time(w, p->delivery_ms);
    rdb_writer_length(w, (uint64_t)p->deliveries);
}

static void write_consumer_head(struct rdb_writer *w, const struct stream_consumer *c, enum rdb_type type) {
    rdb_writer_string(w, c->name);
    rdb_writer_time(w, c->seen_ms);
    if (type == RDB_STREAM_OWN)
        rdb_writer_time(w, c->active_ms);
    rdb_writer_length(w, c->pel.count);
}

/* Where a saver stands: which of the sets it walks, and its places in them. */
enum stage {
    STAGE_BEGIN,
    STAGE_NODES,
    STAGE_GROUPS,
    STAGE_PENDING,
    STAGE_CONSUMERS,
    STAGE_OF_CONSUMER,
    STAGE_END
};

static void begin_groups(struct rdb_stream_cursor *at, const struct stream *s, struct rdb_writer *w) {
    write_counts(w, s);
    at->outer_item = ordset_seek_first(&s->groups, &at->outer);
    at->stage = STAGE_GROUPS;
}

static void begin_group(struct rdb_stream_cursor *at, struct rdb_saver *saver, struct rdb_writer *w) {
    if (at->outer_item == NULL) {
        at->stage = STAGE_END;
        return;
    }
    const struct stream_group *g = stream_group_at(at->outer_item);
    write_group_head(w, g, saver->type == RDB_STREAM_OWN);
    at->middle_item = ordset_seek_first(&g->pel, &at->middle);
    at->stage = STAGE_PENDING;
}

static void put_pending(struct rdb_stream_cursor *at, struct rdb_saver *saver, struct rdb_writer *w) {
    const struct stream_group *g = stream_group_at(at->outer_item);
    const struct stream_pending *p = at->middle_item;
    if (p != NULL) {
        if (p->consumer != NULL || saver->type == RDB_STREAM_OWN)
            write_pending(w, p);
        at->middle_item = ordset_next(&at->middle);
        return;
    }
    rdb_writer_length(w, g->consumers.count);
    at->middle_item = ordset_seek_first(&g->consumers, &at->middle);
    at->stage = STAGE_CONSUMERS;
}

static void begin_consumer(struct rdb_stream_cursor *at, struct rdb_saver *saver, struct rdb_writer *w) {
    if (at->middle_item == NULL) {
        at->outer_item = ordset_next(&at->outer);
        at->stage = STAGE_GROUPS;
        return;
    }
    const struct stream_consumer *c = stream_consumer_at(at->middle_item);
    write_consumer_head(w, c, saver->type);
    at->inner_item = ordset_seek_first(&c->pel, &at->inner);
    at->stage = STAGE_OF_CONSUMER;
}

static void put_of_consumer(struct rdb_stream_cursor *at, struct rdb_writer *w) {
    if (at->inner_item == NULL) {
        at->middle_item = ordset_next(&at->middle);
        at->stage = STAGE_CONSUMERS;
        return;
    }
    write_raw_id(w, *(const struct stream_id *)at->inner_item);
    at->inner_item = ordset_next(&at->inner);
}

/* Writes one piece. */
static void advance(struct rdb_saver *saver, struct rdb_writer *w) {
    struct rdb_stream_cursor *at = &saver->at.stream;
    const struct stream *s = stream_of(saver->entry);
    switch ((enum stage)at->stage) {
    case STAGE_BEGIN:
        rdb_writer_length(w, s->log.count);
        at->outer_item = ordset_seek_first(&s->log, &at->outer);
        at->stage = STAGE_NODES;
        return;
    case STAGE_NODES:
        if (at->outer_item == NULL) {
            begin_groups(at, s, w);
            return;
        }
        write_node(w, at->outer_item);
        at->outer_item = ordset_next(&at->outer);
        return;
    case STAGE_GROUPS: begin_group(at, saver, w); return;
    case STAGE_PENDING: put_pending(at, saver, w); return;
    case STAGE_CONSUMERS: begin_consumer(at, saver, w); return;
    case STAGE_OF_CONSUMER: put_of_consumer(at, w); return;
    case STAGE_END: return;
    }
}

static bool stream_save_step(struct rdb_saver *saver, struct rdb_writer *w, size_t bytes_max) {
    size_t before = w->out->len;
    while (saver->at.stream.stage != STAGE_END && w->out->len - before < bytes_max)
        advance(saver, w);
    return saver->at.stream.stage == STAGE_END;
}

static enum rdb_type stream_type_of(const struct entry *e, enum rdb_reach reach) {
    (void)e;
    return reach == RDB_FOR_US ? RDB_STREAM_OWN : RDB_STREAM_LISTPACKS_2;
}

/* ---- loading ---- */

static struct stream_id id_from_raw(const unsigned char *raw) {
    uint64_t parts[2];
    memcpy(parts, raw, sizeof parts);
    return (struct stream_id){be64toh(parts[0]), be64toh(parts[1])};
}

static struct stream_id read_raw_id(struct rdb_reader *r) {
    const unsigned char *raw = rdb_reader_raw(r, ID_BYTES);
    return raw == NULL ? STREAM_ID_MIN : id_from_raw(raw);
}

static struct stream_id read_id(struct rdb_reader *r) {
    uint64_t ms = rdb_reader_length(r);
    return (struct stream_id){ms, rdb_reader_length(r)};
}

/* A time that clocks can be reckoned with, `least` or later. */
static int64_t read_time(struct rdb_reader *r, int64_t least) {
    int64_t ms = rdb_reader_time(r);
    if (ms < least)
        rdb_reader_break(r);
    return rdb_reader_is_broken(r) ? 0 : ms;
}

/* A number that fits a signed one. */
static int64_t read_number(struct rdb_reader *r) {
    uint64_t n = rdb_reader_length(r);
    if (n > INT64_MAX)
        rdb_reader_break(r);
    return rdb_reader_is_broken(r) ? 0 : (int64_t)n;
}

/* Reads a node and puts it behind `last`, the last ID of the node before. */
static void load_node(struct rdb_reader *r, struct stream *s, struct stream_id *last) {
    struct rdb_text id;
    struct rdb_text lp;
    uint64_t live;
    rdb_reader_string(r, &id);
    rdb_reader_string(r, &lp);
    struct stream_id first =
        id.bytes.len == ID_BYTES ? id_from_raw((const unsigned char *)id.bytes.ptr) : STREAM_ID_MIN;
    bool is_behind = s->log.count == 0 || stream_id_compare(first, *last) > 0;
    if (rdb_reader_is_broken(r) || id.bytes.len != ID_BYTES || !is_behind ||
        !stream_node_is_sound((const unsigned char *)lp.bytes.ptr, lp.bytes.len, first, &live, last))
        rdb_reader_break(r);
    else
        stream_put_node(s, first, listpack_dup((const unsigned char *)lp.bytes.ptr), live);
    rdb_text_deinit(&id);
    rdb_text_deinit(&lp);
}

static void load_counts(struct rdb_reader *r, struct stream *s, enum rdb_type type, struct stream_id last) {
    uint64_t length = rdb_reader_length(r);
    s->last_id = read_id(r);
    s->entries_added = s->length;
    if (type != RDB_STREAM_LISTPACKS) {
        (void)read_id(r); /* the first ID: found anew */
        s->max_deleted_id = read_id(r);
        s->entries_added = (uint64_t)read_number(r);
    }
    if (length != s->length || s->entries_added < s->length || stream_id_compare(s->last_id, last) < 0 ||
        stream_id_compare(s->max_deleted_id, s->last_id) > 0)
        rdb_reader_break(r);
    else
        stream_settle(s);
}

struct pending {
    struct stream_id id;
    int64_t delivery_ms;
    int64_t deliveries;
    bool is_taken; /* by a consumer */
};

/* Reads a consumer and gives it those of `pending` that are its. */
static void load_consumer(struct rdb_reader *r, struct stream *s, struct stream_group *g, enum rdb_type type,
                          struct pending *pending, uint64_t pending_count) {
    struct rdb_text name;
    rdb_reader_string(r, &name);
    int64_t seen_ms = read_time(r, 0);
    bool has_active = type == RDB_STREAM_LISTPACKS_3 || type == RDB_STREAM_OWN;
    int64_t active_ms = has_active ? read_time(r, STREAM_NEVER_ACTIVE) : seen_ms;
    uint64_t count = rdb_reader_count(r, ID_BYTES);
    bool is_new = !rdb_reader_is_broken(r) && stream_find_consumer(g, name.bytes) == NULL;
    struct stream_consumer *c = is_new ? stream_add_consumer(s, g, name.bytes, seen_ms) : NULL;
    rdb_text_deinit(&name);
    if (c == NULL) {
        rdb_reader_break(r);
        return;
    }
    c->active_ms = active_ms;
    for (uint64_t i = 0, at = 0; i < count; i++) {
        struct stream_id id = read_raw_id(r);
        while (at < pending_count && stream_id_compare(pending[at].id, id) < 0)
            at++;
        if (rdb_reader_is_broken(r) || at == pending_count || stream_id_compare(pending[at].id, id) != 0 ||
            pending[at].is_taken) {
            rdb_reader_break(r);
            return;
        }
        pending[at].is_taken = true;
        stream_pend(g, id, c, pending[at].delivery_ms, pending[at].deliveries);
    }
}

/* Reads the group's list of pending messages. Gives a block, also when the reader breaks. */
static struct pending *load_pending(struct rdb_reader *r, uint64_t *count_out) {
    *count_out = rdb_reader_count(r, PENDING_BYTES_MIN);
    struct pending *pending = mem_alloc((size_t)(*count_out + 1) * sizeof *pending);
    for (uint64_t i = 0; i < *count_out; i++) {
        struct stream_id id = read_raw_id(r);
        int64_t delivery_ms = read_time(r, 0);
        pending[i] = (struct pending){id, delivery_ms, read_number(r), false};
        if (i > 0 && stream_id_compare(pending[i - 1].id, id) >= 0)
            rdb_reader_break(r);
    }
    return pending;
}

/* -1 for unknown is written as the largest length. */
static int64_t read_entries_read(struct rdb_reader *r) {
    uint64_t n = rdb_reader_length(r);
    if (n == UINT64_MAX)
        return STREAM_ENTRIES_READ_UNKNOWN;
    if (n > INT64_MAX)
        rdb_reader_break(r);
    return rdb_reader_is_broken(r) ? 0 : (int64_t)n;
}

static void load_group(struct rdb_reader *r, struct stream *s, enum rdb_type type) {
    struct rdb_text name;
    rdb_reader_string(r, &name);
    struct stream_id last_id = read_id(r);
    int64_t entries_read =
        type == RDB_STREAM_LISTPACKS ? stream_count_until(s, last_id) : read_entries_read(r);
    bool is_new = !rdb_reader_is_broken(r) && stream_find_group(s, name.bytes) == NULL;
    struct stream_group *g = is_new ? stream_add_group(s, name.bytes, last_id, entries_read) : NULL;
    rdb_text_deinit(&name);
    if (g == NULL) {
        rdb_reader_break(r);
        return;
    }
    uint64_t pending_count;
    struct pending *pending = load_pending(r, &pending_count);
    uint64_t consumers = rdb_reader_count(r, CONSUMER_BYTES_MIN);
    for (uint64_t i = 0; i < consumers && !rdb_reader_is_broken(r); i++)
        load_consumer(r, s, g, type, pending, pending_count);
    for (uint64_t i = 0; i < pending_count && !rdb_reader_is_broken(r); i++) {
        if (pending[i].is_taken)
            continue;
        if (type == RDB_STREAM_OWN)
            stream_pend(g, pending[i].id, NULL, STREAM_RELEASED_MS, pending[i].deliveries);
        else
            rdb_reader_break(r);
    }
    mem_free(pending);
}

static struct entry *stream_load(struct rdb_reader *r, enum rdb_type type, const struct rdb_load *how,
                                 enum rdb_loaded *result_out) {
    struct stream *s = stream_new();
    struct stream_id last = STREAM_ID_MIN;
    uint64_t nodes = rdb_reader_count(r, NODE_BYTES_MIN);
    (void)result_out;
    for (uint64_t i = 0; i < nodes && !rdb_reader_is_broken(r); i++)
        load_node(r, s, &last);
    load_counts(r, s, type, last);
    uint64_t groups = rdb_reader_count(r, GROUP_BYTES_MIN);
    for (uint64_t i = 0; i < groups && !rdb_reader_is_broken(r); i++)
        load_group(r, s, type);
    if (rdb_reader_is_broken(r)) {
        stream_free(s);
        return NULL;
    }
    return entry_set_expire(entry_new_object(how->key, VALUE_STREAM, STREAM_ENCODING, s), how->expire_ms);
}

const struct rdb_type_ops rdb_stream_ops = {stream_type_of, stream_save_step, stream_load};
