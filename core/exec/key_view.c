/* key_view.c: opening, changing and closing keys, local or lent.
 *
 * Invariants:
 *   I1  an entry hanging in a keyspace changes only between the edit begun at its opening and key_swap, which ends it.
 *   I2  a lent key's entry belongs to the set: no keyspace, no accounting; the owner does both when it comes home.
 *   I3  an expired entry is never seen: whoever opens it deletes it first, with its DEL effect and event.
 *   I4  a read only hides it where a deletion would come at the wrong place of the log: the key is lent (its owner will
 *       delete it), or requests that wait for keys have kept earlier places (x->is_expiry_held).
 *   I5  where one key is seen alone (lent_set.alone), the command is one that is served by that key and opens the others
 *       only to find them absent: it never puts one.
 *
 * Hiding on every read would be simpler, but then DBSIZE still counts what a client has just been told is not there. */
#include "core/exec/key_view.h"

#include "core/base/keyhash.h"
#include "core/exec/lent.h"

static void key_init(struct exec *x, int db, struct bytes key, struct key_view *kv) {
    kv->x = x;
    kv->key = key;
    kv->db = db;
    kv->lent = NULL;
    if (UNLIKELY(x->lent != NULL) && x->lent->alone != NULL) {
        if (!bytes_equal(*x->lent->alone, key)) { /* I5 */
            kv->ks = NULL;
            kv->hash = 0;
            kv->entry = NULL;
            return;
        }
    } else if (UNLIKELY(x->lent != NULL)) {
        kv->lent = lent_set_find(x->lent, db, key);
        must(kv->lent != NULL);
        kv->ks = NULL;
        kv->hash = kv->lent->hash;
        kv->entry = kv->lent->entry;
        return;
    }
    kv->ks = engine_find_db(x->engine, db);
    if (LIKELY(x->has_first_key_hash && x->argc > 1 && key.ptr == x->argv[1].ptr))
        kv->hash = x->first_key_hash;
    else
        kv->hash = keyhash_hash(key, x->engine->hash_seed);
    kv->entry = kv->ks ? keyspace_find(kv->ks, key, kv->hash) : NULL;
    if (UNLIKELY(x->part != NULL))
        exec_part_note(x->part, kv->entry, x->engine->now_ms);
}

static bool key_is_expired(const struct key_view *kv) {
    return kv->entry && entry_is_expired(kv->entry, kv->x->engine->now_ms) && !kv->x->engine->is_replaying;
}

bool key_open_peek(struct exec *x, struct bytes key, struct key_view *kv) {
    key_init(x, x->db, key, kv);
    if (UNLIKELY(key_is_expired(kv)))
        kv->entry = NULL; /* I3 */
    return kv->entry != NULL;
}

/* Deletes an expired key (I3). */
static void key_expire_now(struct key_view *kv) {
    kv->x->engine->stats.expired++;
    effect_put_del(kv);
    key_delete(kv);
    exec_event(kv, EVENT_EXPIRED, "expired");
}

static void key_expire_for_read(struct key_view *kv) {
    if (kv->lent != NULL || kv->x->is_expiry_held)
        kv->entry = NULL; /* I4 */
    else
        key_expire_now(kv);
}

bool key_open_quiet(struct exec *x, struct bytes key, struct key_view *kv) {
    key_init(x, x->db, key, kv);
    if (UNLIKELY(key_is_expired(kv)))
        key_expire_for_read(kv);
    if (!kv->entry) {
        x->engine->stats.misses++;
        return false;
    }
    x->engine->stats.hits++;
    return true;
}

bool key_open_read(struct exec *x, struct bytes key, struct key_view *kv) {
    if (!key_open_quiet(x, key, kv)) {
        if (UNLIKELY(x->engine->ops.on_event != NULL))
            exec_event(kv, EVENT_KEY_MISS, "keymiss");
        return false;
    }
    if (LIKELY(!x->is_no_touch))
        evict_touch_read(kv->entry, &x->engine->evict, &x->engine->rng);
    return true;
}

void key_expire_due(struct exec *x, struct bytes key) {
    struct key_view kv;
    key_init(x, x->db, key, &kv);
    if (key_is_expired(&kv))
        key_expire_for_read(&kv);
}

bool key_open_write_db(struct exec *x, int db, struct bytes key, struct key_view *kv) {
    key_init(x, db, key, kv);
    if (!kv->entry)
        return false;
    if (kv->ks)
        kv->edit = keyspace_edit_begin(kv->entry, kv->hash);
    if (UNLIKELY(key_is_expired(kv))) {
        key_expire_now(kv);
        return false;
    }
    evict_touch_write(kv->entry, &x->engine->evict, &x->engine->rng);
    return true;
}

bool key_open_write(struct exec *x, struct bytes key, struct key_view *kv) {
    return key_open_write_db(x, x->db, key, kv);
}

void key_edit(struct key_view *kv) {
    if (kv->ks)
        kv->edit = keyspace_edit_begin(kv->entry, kv->hash);
}

void key_put(struct key_view *kv, struct entry *e) {
    dcheck(e != NULL && (kv->x->lent == NULL || kv->x->lent->alone == NULL || kv->hash != 0)); /* I5 */
    bool is_object =
        entry_payload(e) == ENTRY_OBJECT || (kv->entry && entry_payload(kv->entry) == ENTRY_OBJECT);
    entry_set_lru(e, evict_fresh(&kv->x->engine->evict));
    if (kv->lent) { /* I2 */
        entry_bin_put(&kv->x->engine->bin, kv->lent->entry);
        kv->lent->entry = e;
        kv->lent->is_changed = true;
    } else {
        if (!kv->ks)
            kv->ks = engine_get_db(kv->x->engine, kv->db);
        keyspace_put(kv->ks, kv->hash, e);
        kv->edit = keyspace_edit_begin(e, kv->hash);
    }
    kv->entry = e;
    if (UNLIKELY(is_object))
        exec_ready(kv);
}

void key_swap(struct key_view *kv, struct entry *now) {
    dcheck(now != NULL && kv->entry != NULL);
    if (kv->lent) { /* I2 */
        kv->lent->entry = now;
        kv->lent->is_changed = true;
    } else {
        keyspace_edit_end(kv->ks, &kv->edit, now); /* I1 */
        kv->edit = keyspace_edit_begin(now, kv->hash);
    }
    kv->entry = now;
}

struct entry *key_take(struct key_view *kv) {
    struct entry *e = kv->entry;
    kv->entry = NULL;
    if (!e)
        return NULL;
    if (kv->lent) {
        kv->lent->entry = NULL;
        kv->lent->is_changed = true;
    } else {
        struct entry *taken = keyspace_take(kv->ks, kv->key, kv->hash);
        must(taken == e);
    }
    if (UNLIKELY(entry_payload(e) == ENTRY_OBJECT))
        exec_ready(kv);
    return e;
}

bool key_delete(struct key_view *kv) {
    struct entry *e = key_take(kv);
    if (!e)
        return false;
    entry_bin_put(&kv->x->engine->bin, e);
    return true;
}

bool key_check_type(struct key_view *kv, enum value_type type) {
    if (!kv->entry || entry_type(kv->entry) == type)
        return true;
    resp_err(kv->x->out, REPLY_ERR_WRONGTYPE);
    return false;
}

void exec_ready(struct key_view *kv) {
    struct engine *engine = kv->x->engine;
    if (kv->lent != NULL)
        kv->lent->is_ready = true;
    else if (engine->ops.on_ready != NULL)
        engine->ops.on_ready(engine->ops.ctx, kv->db, kv->key, kv->hash);
}

void exec_event(struct key_view *kv, enum event_class event_class, const char *name) {
    struct engine *engine = kv->x->engine;
    if (UNLIKELY(engine->ops.on_event != NULL))
        engine->ops.on_event(engine->ops.ctx, kv->db, kv->key, event_class, name);
}
