/* stream_group.c: who has read what.
 *
 * A pending message stands in up to three ordered sets: the group's list, whose item holds everything; its
 * consumer's list, which holds the ID only; and the list by time, if the group has one. What a message costs is the sum
 * of the items, some 70 bytes, and no allocation of its own.
 *
 *   I1  A message with a consumer stands in that consumer's list, a released one in nobody's; every ID in a consumer's
 *       list is pending in the group with that consumer.
 *   I2  If has_by_time, every pending message stands in by_time with its time and serial, and nothing else does.
 *   I3  released_count is the number of messages without a consumer; their delivery time is STREAM_RELEASED_MS.
 *   I4  serials are unique in a group, and later changes have greater ones.
 *
 * Why the consumer's list holds no pointers to the group's items: these move when a leaf changes. A consumer that reads
 * its history looks each message up again, which is what reading history may cost.
 *
 * Cost: O(log pending) per message, nothing allocated but nodes of the sets. */
#include "core/value/stream_group.h"

#include "core/base/mem.h"

static int name_compare(const void *wanted, const void *key) {
    const struct bytes *const *named = key;
    return bytes_compare(*(const struct bytes *)wanted, **named);
}

static const struct ordset_type named_type = {sizeof(void *), sizeof(void *), name_compare};
static const struct ordset_type pending_type = {sizeof(struct stream_pending), sizeof(struct stream_id),
                                                NULL};
static const struct ordset_type id_type = {sizeof(struct stream_id), sizeof(struct stream_id), NULL};
static const struct ordset_type due_type = {sizeof(struct stream_due), 2 * sizeof(uint64_t), NULL};

_Static_assert(offsetof(struct stream_group, name) == 0, "found by the name it begins with");
_Static_assert(offsetof(struct stream_consumer, name) == 0, "found by the name it begins with");

/* ---- groups ---- */

void stream_groups_init(struct stream *s) {
    ordset_init(&s->groups, &named_type, &s->bytes);
}

struct stream_group *stream_group_at(const void *item) {
    struct stream_group *g;
    memcpy(&g, item, sizeof(g));
    return g;
}

struct stream_consumer *stream_consumer_at(const void *item) {
    struct stream_consumer *c;
    memcpy(&c, item, sizeof(c));
    return c;
}

struct stream_group *stream_find_group(const struct stream *s, struct bytes name) {
    void *item = ordset_find(&s->groups, &name);
    return item == NULL ? NULL : stream_group_at(item);
}

struct stream_group *stream_add_group(struct stream *s, struct bytes name, struct stream_id last_id,
                                      int64_t entries_read) {
    struct stream_group *g = mem_zalloc(sizeof(*g) + name.len);
    s->bytes += mem_usable(g);
    if (name.len > 0)
        memcpy(g->name_text, name.ptr, name.len);
    g->name = bytes_of(g->name_text, name.len);
    g->last_id = last_id;
    g->entries_read = entries_read;
    ordset_init(&g->pel, &pending_type, &s->bytes);
    ordset_init(&g->consumers, &named_type, &s->bytes);
    ordset_init(&g->by_time, &due_type, &s->bytes);
    ordset_add(&s->groups, &g->name, &g);
    return g;
}

/* Frees a part of the group; true when all of it is gone. */
static bool group_free_step(struct stream *s, struct stream_group *g, size_t *pieces) {
    struct stream_consumer *c;
    while (g->consumers.count > 0) {
        c = stream_consumer_at(ordset_last(&g->consumers));
        while (*pieces > 0 && !ordset_clear_step(&c->pel, 1))
            --*pieces;
        if (c->pel.count > 0 || *pieces == 0)
            return false;
        ordset_pop_last(&g->consumers, NULL);
        s->bytes -= mem_usable(c);
        mem_free(c);
        --*pieces;
    }
    while (*pieces > 0 && !ordset_clear_step(&g->by_time, 1))
        --*pieces;
    while (*pieces > 0 && !ordset_clear_step(&g->pel, 1))
        --*pieces;
    if (g->pel.count > 0 || g->by_time.count > 0 || *pieces == 0)
        return false;
    s->bytes -= mem_usable(g);
    mem_free(g);
    --*pieces;
    return true;
}

void stream_remove_group(struct stream *s, struct stream_group *g) {
    size_t pieces = SIZE_MAX;
    bool was_there = ordset_remove(&s->groups, &g->name, NULL);
    must(was_there);
    bool is_gone = group_free_step(s, g, &pieces);
    must(is_gone);
}

bool stream_groups_free_step(struct stream *s, size_t pieces_max) {
    while (s->groups.count > 0) {
        if (!group_free_step(s, stream_group_at(ordset_last(&s->groups)), &pieces_max))
            return false;
        ordset_pop_last(&s->groups, NULL);
    }
    return true;
}

bool stream_group_deliver(const struct stream *s, struct stream_group *g, struct stream_id id) {
    if (stream_id_compare(id, g->last_id) <= 0)
        return false;
    if (g->entries_read != STREAM_ENTRIES_READ_UNKNOWN && !stream_has_holes_from(s, g->last_id))
        g->entries_read++;
    else if (s->entries_added != 0)
        g->entries_read = stream_count_until(s, id);
    g->last_id = id;
    return true;
}

int64_t stream_group_lag(const struct stream *s, const struct stream_group *g) {
    if (s->entries_added == 0 || s->length == 0)
        return 0;
    if (stream_id_compare(g->last_id, s->first_id) < 0 &&
        stream_id_compare(s->max_deleted_id, s->first_id) < 0)
        return (int64_t)s->length;
    int64_t read = g->entries_read;
    if (read == STREAM_ENTRIES_READ_UNKNOWN || stream_has_holes_from(s, g->last_id))
        read = stream_count_until(s, g->last_id);
    return read == STREAM_ENTRIES_READ_UNKNOWN ? -1 : (int64_t)s->entries_added - read;
}

/* ---- consumers ---- */

struct stream_consumer *stream_find_consumer(const struct stream_group *g, struct bytes name) {
    void *item = ordset_find(&g->consumers, &name);
    return item == NULL ? NULL : stream_consumer_at(item);
}

struct stream_consumer *stream_add_consumer(struct stream *s, struct stream_group *g, struct bytes name,
                                            int64_t now_ms) {
    struct stream_consumer *c = mem_zalloc(sizeof(*c) + name.len);
    s->bytes += mem_usable(c);
    if (name.len > 0)
        memcpy(c->name_text, name.ptr, name.len);
    c->name = bytes_of(c->name_text, name.len);
    c->seen_ms = now_ms;
    c->active_ms = STREAM_NEVER_ACTIVE;
    ordset_init(&c->pel, &id_type, &s->bytes);
    ordset_add(&g->consumers, &c->name, &c);
    return c;
}

size_t stream_remove_consumer(struct stream *s, struct stream_group *g, struct stream_consumer *c) {
    size_t pending = c->pel.count;
    while (c->pel.count > 0) {
        struct stream_id id;
        memcpy(&id, ordset_last(&c->pel), sizeof(id));
        stream_ack(g, id);
    }
    bool was_there = ordset_remove(&g->consumers, &c->name, NULL);
    must(was_there);
    s->bytes -= mem_usable(c);
    mem_free(c);
    return pending;
}

/* ---- pending messages ---- */

struct stream_pending *stream_find_pending(const struct stream_group *g, struct stream_id id) {
    return ordset_find(&g->pel, &id);
}

static struct stream_due due_of(const struct stream_pending *p) {
    return (struct stream_due){(uint64_t)p->delivery_ms, p->serial, p->id};
}

/* Takes the message out of all lists but the group's. */
static void detach(struct stream_group *g, const struct stream_pending *p) {
    if (p->consumer != NULL)
        ordset_remove(&p->consumer->pel, &p->id, NULL); /* I1 */
    else
        g->released_count--; /* I3 */
    if (g->has_by_time) {
        struct stream_due due = due_of(p);
        ordset_remove(&g->by_time, &due, NULL); /* I2 */
    }
}

void stream_pend(struct stream_group *g, struct stream_id id, struct stream_consumer *c, int64_t delivery_ms,
                 int64_t deliveries) {
    struct stream_pending now = {id, delivery_ms, deliveries, c, g->next_serial++};
    struct stream_pending *p = g->pel.count == 0 ? NULL : ordset_find(&g->pel, &id);
    bool has_id = p != NULL && p->consumer == c && c != NULL;
    if (p == NULL) {
        ordset_add(&g->pel, &now, &now);
    } else if (has_id && !g->has_by_time) {
        *p = now;
    } else {
        has_id = false;
        detach(g, p);
        *p = now;
    }
    if (c == NULL)
        g->released_count++; /* I3 */
    else if (!has_id)
        ordset_add(&c->pel, &id, &id); /* I1 */
    if (g->has_by_time) {
        struct stream_due due = due_of(&now);
        ordset_add(&g->by_time, &due, &due); /* I2 */
    }
}

bool stream_ack(struct stream_group *g, struct stream_id id) {
    struct stream_pending p;
    if (!ordset_remove(&g->pel, &id, &p))
        return false;
    detach(g, &p);
    return true;
}

const struct ordset *stream_by_time(struct stream_group *g) {
    struct ordset_place place;
    if (g->has_by_time)
        return &g->by_time;
    for (struct stream_pending *p = ordset_seek_first(&g->pel, &place); p != NULL; p = ordset_next(&place)) {
        struct stream_due due = due_of(p);
        ordset_add(&g->by_time, &due, &due); /* I2 */
    }
    g->has_by_time = true;
    return &g->by_time;
}

/* ---- entries and groups ---- */

bool stream_is_needed(const struct stream *s, struct stream_id id) {
    struct ordset_place place;
    for (void *item = ordset_seek_first(&s->groups, &place); item != NULL; item = ordset_next(&place)) {
        const struct stream_group *g = stream_group_at(item);
        if (stream_id_compare(id, g->last_id) > 0 || stream_find_pending(g, id) != NULL)
            return true;
    }
    return false;
}

void stream_forget(struct stream *s, struct stream_id id) {
    struct ordset_place place;
    for (void *item = ordset_seek_first(&s->groups, &place); item != NULL; item = ordset_next(&place))
        stream_ack(stream_group_at(item), id);
}

/* ---- the whole ---- */

static void group_dup(const struct stream_group *from, struct stream *s) {
    struct stream_group *to = stream_add_group(s, from->name, from->last_id, from->entries_read);
    struct ordset_place place;
    for (void *item = ordset_seek_first(&from->consumers, &place); item != NULL; item = ordset_next(&place)) {
        const struct stream_consumer *c = stream_consumer_at(item);
        stream_add_consumer(s, to, c->name, c->seen_ms)->active_ms = c->active_ms;
    }
    const struct stream_consumer *last = NULL; /* neighbours mostly have one consumer */
    struct stream_consumer *twin = NULL;
    for (struct stream_pending *p = ordset_seek_first(&from->pel, &place); p != NULL;
         p = ordset_next(&place)) {
        if (p->consumer != last && p->consumer != NULL)
            twin = stream_find_consumer(to, p->consumer->name);
        if (p->consumer != NULL)
            last = p->consumer;
        to->next_serial = p->serial; /* I4: as it was */
        stream_pend(to, p->id, p->consumer == NULL ? NULL : twin, p->delivery_ms, p->deliveries);
    }
    to->next_serial = from->next_serial;
}

void stream_groups_dup(const struct stream *from, struct stream *to) {
    struct ordset_place place;
    for (void *item = ordset_seek_first(&from->groups, &place); item != NULL; item = ordset_next(&place))
        group_dup(stream_group_at(item), to);
}

static size_t group_check(const struct stream_group *g) {
    struct ordset_place place;
    size_t bytes =
        mem_usable(g) + ordset_check(&g->pel) + ordset_check(&g->consumers) + ordset_check(&g->by_time);
    size_t owned = 0;
    size_t released = 0;
    for (void *item = ordset_seek_first(&g->consumers, &place); item != NULL; item = ordset_next(&place)) {
        const struct stream_consumer *c = stream_consumer_at(item);
        bytes += mem_usable(c) + ordset_check(&c->pel);
        owned += c->pel.count;
    }
    for (struct stream_pending *p = ordset_seek_first(&g->pel, &place); p != NULL; p = ordset_next(&place)) {
        struct stream_due due = due_of(p);
        released += p->consumer == NULL ? 1 : 0;
        must(p->consumer == NULL || ordset_find(&p->consumer->pel, &p->id) != NULL); /* I1 */
        must(p->consumer != NULL || p->delivery_ms == STREAM_RELEASED_MS);           /* I3 */
        must(p->serial < g->next_serial);                                            /* I4 */
        must(!g->has_by_time || ordset_find(&g->by_time, &due) != NULL);             /* I2 */
    }
    must(owned + released == g->pel.count); /* I1 */
    must(released == g->released_count);    /* I3 */
    must(g->by_time.count == (g->has_by_time ? g->pel.count : 0));
    return bytes;
}

size_t stream_groups_check(const struct stream *s) {
    struct ordset_place place;
    size_t bytes = ordset_check(&s->groups);
    for (void *item = ordset_seek_first(&s->groups, &place); item != NULL; item = ordset_next(&place))
        bytes += group_check(stream_group_at(item));
    return bytes;
}
