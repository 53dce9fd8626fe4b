/* stream_idmp.c: messages that producers may send twice.
 *
 * Two ways lead to a remembered message: its producer's set, by name, and its producer's list, by age. Both are made of
 * the same object, one allocation with its name.
 *
 *   I1  An iid stands in its producer's set and list, or nowhere; iids_count is the number of all.
 *   I2  No producer is without iids.
 *   I3  No producer has more than max_size iids.
 *
 * What is too old goes when its producer is asked for; so that producers that never come back are forgotten too, every
 * new message also looks at the next producer in the order of names.
 *
 * Why the age is that of the entry's ID and not the time of the command: a replayed log then forgets the same. */
#include "core/value/stream_idmp.h"

#include "core/base/mem.h"

static int name_compare(const void *wanted, const void *key) {
    const struct bytes *const *named = key;
    return bytes_compare(*(const struct bytes *)wanted, **named);
}

static const struct ordset_type named_type = {sizeof(void *), sizeof(void *), name_compare};

_Static_assert(offsetof(struct stream_producer, name) == 0, "found by the name it begins with");
_Static_assert(offsetof(struct stream_iid, name) == 0, "found by the name it begins with");

struct stream_producer *stream_producer_at(const void *item) {
    struct stream_producer *p;
    memcpy(&p, item, sizeof(p));
    return p;
}

struct stream_iid *stream_iid_at(const void *item) {
    struct stream_iid *iid;
    memcpy(&iid, item, sizeof(iid));
    return iid;
}

static void *counted_alloc(struct stream *s, size_t bytes) {
    void *block = mem_zalloc(bytes);
    s->bytes += mem_usable(block);
    return block;
}

static void counted_free(struct stream *s, void *block) {
    s->bytes -= mem_usable(block);
    mem_free(block);
}

static struct stream_idmp *get_idmp(struct stream *s) {
    if (s->idmp == NULL) {
        s->idmp = counted_alloc(s, sizeof(*s->idmp));
        s->idmp->duration_s = STREAM_IDMP_DURATION_S;
        s->idmp->max_size = STREAM_IDMP_MAX_SIZE;
        ordset_init(&s->idmp->producers, &named_type, &s->bytes);
    }
    return s->idmp;
}

/* ---- producers and iids ---- */

static struct stream_producer *find_producer(const struct stream *s, struct bytes name) {
    void *item = s->idmp == NULL ? NULL : ordset_find(&s->idmp->producers, &name);
    return item == NULL ? NULL : stream_producer_at(item);
}

static struct stream_producer *add_producer(struct stream *s, struct bytes name) {
    struct stream_producer *p = counted_alloc(s, sizeof(*p) + name.len);
    if (name.len > 0)
        memcpy(p->name_text, name.ptr, name.len);
    p->name = bytes_of(p->name_text, name.len);
    ordset_init(&p->iids, &named_type, &s->bytes);
    link_init_head(&p->oldest);
    ordset_add(&s->idmp->producers, &p->name, &p);
    return p;
}

static void add_iid(struct stream *s, struct stream_producer *p, struct bytes name, struct stream_id id) {
    struct stream_iid *iid = counted_alloc(s, sizeof(*iid) + name.len);
    if (name.len > 0)
        memcpy(iid->name_text, name.ptr, name.len);
    iid->name = bytes_of(iid->name_text, name.len);
    iid->id = id;
    ordset_add(&p->iids, &iid->name, &iid);
    link_push_back(&p->oldest, &iid->link); /* I1 */
    s->idmp->iids_count++;
}

static void remove_iid(struct stream *s, struct stream_producer *p, struct stream_iid *iid) {
    link_remove(&iid->link);
    ordset_remove(&p->iids, &iid->name, NULL); /* I1 */
    counted_free(s, iid);
    s->idmp->iids_count--;
}

static void remove_oldest(struct stream *s, struct stream_producer *p) {
    remove_iid(s, p, CONTAINER_OF(p->oldest.next, struct stream_iid, link));
}

static void remove_producer(struct stream *s, struct stream_producer *p) {
    if (s->idmp->swept == p)
        s->idmp->swept = NULL;
    ordset_remove(&s->idmp->producers, &p->name, NULL);
    counted_free(s, p);
}

/* Forgets what is too old of the producer; true when nothing is left, and the producer neither. */
static bool forget_old(struct stream *s, struct stream_producer *p, int64_t now_ms) {
    while (!link_is_empty(&p->oldest)) {
        const struct stream_iid *iid = CONTAINER_OF(p->oldest.next, struct stream_iid, link);
        uint64_t limit_ms = (uint64_t)s->idmp->duration_s * 1000;
        if (iid->id.ms >= (uint64_t)now_ms || (uint64_t)now_ms - iid->id.ms <= limit_ms)
            return false;
        remove_oldest(s, p);
    }
    remove_producer(s, p); /* I2 */
    return true;
}

/* Looks at the next producer in the order of names. */
static void sweep(struct stream *s, int64_t now_ms) {
    struct stream_idmp *idmp = s->idmp;
    struct ordset_place place;
    void *item = NULL;
    if (idmp->swept != NULL && ordset_seek_ge(&idmp->producers, &idmp->swept->name, &place) != NULL)
        item = ordset_next(&place);
    if (item == NULL)
        item = ordset_first(&idmp->producers);
    if (item == NULL)
        return;
    idmp->swept = stream_producer_at(item);
    forget_old(s, idmp->swept, now_ms);
}

/* ---- messages ---- */

bool stream_idmp_find(struct stream *s, struct bytes producer, struct bytes name, int64_t now_ms,
                      struct stream_id *id_out) {
    struct stream_producer *p = find_producer(s, producer);
    *id_out = STREAM_ID_MIN;
    if (p == NULL || forget_old(s, p, now_ms))
        return false;
    void *item = ordset_find(&p->iids, &name);
    if (item == NULL)
        return false;
    *id_out = stream_iid_at(item)->id;
    return true;
}

void stream_idmp_put(struct stream *s, struct bytes producer, struct bytes name, struct stream_id id,
                     int64_t now_ms) {
    struct stream_idmp *idmp = get_idmp(s);
    struct stream_producer *p = find_producer(s, producer);
    if (p == NULL)
        p = add_producer(s, producer);
    void *known = ordset_find(&p->iids, &name);
    if (known != NULL)
        remove_iid(s, p, stream_iid_at(known));
    add_iid(s, p, name, id);
    idmp->iids_added++;
    while (p->iids.count > idmp->max_size) /* I3 */
        remove_oldest(s, p);
    sweep(s, now_ms);
}

void stream_idmp_configure(struct stream *s, int64_t duration_s, uint64_t max_size) {
    size_t pieces = SIZE_MAX;
    struct stream_idmp before = *get_idmp(s);
    bool is_gone = stream_idmp_free_step(s, &pieces);
    must(is_gone);
    struct stream_idmp *idmp = get_idmp(s);
    idmp->duration_s = duration_s;
    idmp->max_size = max_size;
    idmp->iids_added = before.iids_added;
    idmp->duplicates = before.duplicates;
}

/* ---- the whole ---- */

bool stream_idmp_free_step(struct stream *s, size_t *pieces) {
    if (s->idmp == NULL)
        return true;
    while (s->idmp->producers.count > 0) {
        struct stream_producer *p = stream_producer_at(ordset_last(&s->idmp->producers));
        for (; *pieces > 0 && !link_is_empty(&p->oldest); --*pieces)
            remove_oldest(s, p);
        if (*pieces == 0)
            return false;
        remove_producer(s, p);
        --*pieces;
    }
    counted_free(s, s->idmp);
    s->idmp = NULL;
    return true;
}

void stream_idmp_dup(const struct stream *from, struct stream *to) {
    struct ordset_place place;
    if (from->idmp == NULL)
        return;
    struct stream_idmp *idmp = get_idmp(to);
    idmp->duration_s = from->idmp->duration_s;
    idmp->max_size = from->idmp->max_size;
    idmp->iids_added = from->idmp->iids_added;
    idmp->duplicates = from->idmp->duplicates;
    for (void *item = ordset_seek_first(&from->idmp->producers, &place); item != NULL;
         item = ordset_next(&place)) {
        const struct stream_producer *p = stream_producer_at(item);
        struct stream_producer *twin = add_producer(to, p->name);
        for (const struct link *l = p->oldest.next; l != &p->oldest; l = l->next) {
            const struct stream_iid *iid = CONTAINER_OF(l, struct stream_iid, link);
            add_iid(to, twin, iid->name, iid->id);
        }
    }
}

size_t stream_idmp_check(const struct stream *s) {
    struct ordset_place place;
    uint64_t count = 0;
    if (s->idmp == NULL)
        return 0;
    size_t bytes = mem_usable(s->idmp) + ordset_check(&s->idmp->producers);
    for (void *item = ordset_seek_first(&s->idmp->producers, &place); item != NULL;
         item = ordset_next(&place)) {
        const struct stream_producer *p = stream_producer_at(item);
        size_t listed = 0;
        bytes += mem_usable(p) + ordset_check(&p->iids);
        must(p->iids.count > 0);                  /* I2 */
        must(p->iids.count <= s->idmp->max_size); /* I3 */
        for (const struct link *l = p->oldest.next; l != &p->oldest; l = l->next) {
            const struct stream_iid *iid = CONTAINER_OF(l, struct stream_iid, link);
            must(ordset_find(&p->iids, &iid->name) != NULL); /* I1 */
            bytes += mem_usable(iid);
            listed++;
        }
        must(listed == p->iids.count); /* I1 */
        count += listed;
    }
    must(count == s->idmp->iids_count); /* I1 */
    return bytes;
}
