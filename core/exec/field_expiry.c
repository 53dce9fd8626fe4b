/* field_expiry.c: removing fields whose time has come.
 *
 * Effects name the fields, never the time, so the log and the replicas follow whatever their clocks say. Active expiry
 * collects the fields of a step into one HDEL: a log of a million expiring fields would otherwise repeat the key a
 * million times.
 *
 *   I1  A field is removed only after its HDEL has been emitted, or together with it in the same step.
 *   I2  The key of an empty hash is deleted before anybody else sees it, without an effect of its own: HDEL of the last
 *       field deletes the key wherever it is replayed. */
#include "core/exec/field_expiry.h"

enum { FIELD_EXPIRY_STEP = 64 };

struct expired_fields {
    struct key_view *kv;
    struct buf text;
    size_t ends[FIELD_EXPIRY_STEP];
    size_t count;
    size_t total;
};

bool field_expiry_reader_may_delete(const struct key_view *kv) {
    return kv->lent == NULL && !kv->x->is_expiry_held;
}

/* Emits one HDEL for what was collected. */
static void flush_expired(struct expired_fields *fields) {
    struct bytes argv[2 + FIELD_EXPIRY_STEP] = {BYTES_LIT("HDEL"), fields->kv->key};
    if (fields->count == 0)
        return;
    size_t from = 0;
    for (size_t i = 0; i < fields->count; i++) {
        argv[2 + i] = bytes_of(fields->text.ptr + from, fields->ends[i] - from);
        from = fields->ends[i];
    }
    effect_put(fields->kv, (int)(2 + fields->count), argv);
    fields->kv->x->engine->stats.expired_fields += fields->count;
    fields->total += fields->count;
    fields->count = 0;
    buf_clear(&fields->text, SIZE_MAX);
}

static void collect_expired(void *ctx, const struct hash_item *item) {
    struct expired_fields *fields = ctx;
    buf_put_bytes(&fields->text, item->field);
    fields->ends[fields->count++] = fields->text.len;
    if (fields->count == FIELD_EXPIRY_STEP)
        flush_expired(fields);
}

/* Removes about `max` fields that are past, with their effects; how many. */
static size_t remove_past(struct key_view *kv, size_t max) {
    struct expired_fields fields = {.kv = kv};
    buf_init(&fields.text);
    (void)hash_remove_due(kv->entry, kv->x->engine->now_ms, max,
                          (struct hash_visitor){collect_expired, &fields});
    flush_expired(&fields); /* I1 */
    buf_deinit(&fields.text);
    return fields.total;
}

void field_expiry_remove(struct key_view *kv, struct bytes field) {
    struct bytes argv[3] = {BYTES_LIT("HDEL"), kv->key, field};
    effect_put(kv, 3, argv);
    kv->x->engine->stats.expired_fields++;
    bool was_there = hash_remove(kv->entry, field);
    must(was_there);
    key_swap(kv, kv->entry);
}

void field_expiry_purge(struct key_view *kv) {
    if (kv->x->engine->is_replaying || remove_past(kv, SIZE_MAX) == 0)
        return;
    key_swap(kv, kv->entry);
    exec_event(kv, EVENT_HASH, "hexpired");
    if (hash_count(kv->entry) > 0)
        return;
    key_delete(kv); /* I2 */
    exec_event(kv, EVENT_GENERIC, "del");
}

bool field_expiry_step(struct exec *x, int db, struct entry *e, uint64_t hash) {
    struct key_view kv = {.x = x, .key = entry_key(e), .hash = hash, .db = db, .entry = e};
    if (remove_past(&kv, FIELD_EXPIRY_STEP) == 0)
        return false;
    exec_event(&kv, EVENT_HASH, "hexpired");
    if (hash_count(e) > 0)
        return false;
    exec_event(&kv, EVENT_GENERIC, "del"); /* I2: the caller removes it at once */
    return true;
}
