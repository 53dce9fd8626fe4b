/* field_expiry.h: fields of hashes whose time has come.
 *
 * A field expires as a key does: lazily, when a command comes across it, and actively, when the tick does. Whoever removes
 * it says so: an HDEL effect, the event "hexpired", and "del" when it was the last field and the key is gone with it. */
#pragma once

#include "core/exec/key_view.h"
#include "core/value/hash.h"

/* True if a field with this expiry does not exist any more for the commands of this engine. While the log is replayed all
 * exist: their deletions are in the log. */
static inline bool field_expiry_is_past(const struct engine *engine, int64_t expire_ms) {
    return UNLIKELY(expire_ms != HASH_NO_EXPIRE) && expire_ms <= engine->now_ms && !engine->is_replaying;
}

/* True if commands that only read may delete what has expired in this key; else they just do not see it (a lent key
 * belongs to its owner; requests that wait for keys have kept earlier places in the log). */
bool field_expiry_reader_may_delete(const struct key_view *kv);

/* Removes one field of an open hash that is past, and emits its effect; kv must have been opened for writing, or the edit
 * begun (key_edit). No event is told, and the key stays, even empty: that is the caller's. */
void field_expiry_remove(struct key_view *kv, struct bytes field);

/* Removes all fields of an open hash that are past, tells the events, and deletes the key if nothing is left of it. */
void field_expiry_purge(struct key_view *kv);

/* One step of active expiry: removes some dozen fields that are past from an entry that hangs in a table, with effect and
 * events. True if the hash is empty now: the caller removes the entry. */
bool field_expiry_step(struct exec *x, int db, struct entry *e, uint64_t hash);
