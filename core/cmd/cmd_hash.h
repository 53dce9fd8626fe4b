/* cmd_hash.h: what the commands on hashes share.
 *
 * Fields that have expired: a command that comes across one by name deletes it (field_expiry.h), and when that was the last
 * one the key is gone and kv->entry is NULL; commands that walk over a hash pass over them. */
#pragma once

#include "core/cmd/opts.h"
#include "core/exec/field_expiry.h"

/* Where a hash becomes a table, by the configuration. */
struct hash_limits cmd_hash_limits(const struct key_view *kv);

/* How cmd_hash_find treats a field that has expired. */
enum cmd_hash_access {
    CMD_HASH_READ,  /* the key was opened for reading */
    CMD_HASH_WRITE, /* it was opened for writing */
};

/* The field as a command sees it; kv->entry may be NULL. An expired one is deleted and told, where that is allowed. */
bool cmd_hash_find(struct key_view *kv, struct bytes field, enum cmd_hash_access access,
                   struct hash_item *item_out);

/* The same for commands over several fields: an expired one is deleted, *expired_out counts it, and the caller calls
 * cmd_hash_settle when it has seen all fields. Until then the hash may be empty. */
bool cmd_hash_find_one(struct key_view *kv, struct bytes field, enum cmd_hash_access access,
                       size_t *expired_out, struct hash_item *item_out);

/* Ends a change of an open hash, which may have become empty: tells "hexpired" if so asked, then `event` unless it is NULL, and
 * deletes the key if nothing is left of it. */
void cmd_hash_settle(struct key_view *kv, bool has_expired, const char *event);

/* The pairs of a command, argv[first], argv[first + 1], ... */
struct cmd_hash_pairs {
    int first;
    size_t count;
};

/* Sets the pairs in an open hash, which is made when there is none. Gives the number of pairs that were set; if that is not
 * all of them, there was no memory, and the error is the caller's to reply. *added_out says how many fields are new. */
size_t cmd_hash_put_pairs(struct key_view *kv, const struct cmd_hash_pairs *pairs, int64_t expire_ms,
                          size_t *added_out);

/* An effect of a name, the key, some words and a list of fields: HDEL, HPEXPIREAT ... */
struct cmd_hash_effect {
    struct bytes *argv;
    int argc;
};

/* Begins one with room for `count` more words. */
void cmd_hash_effect_begin(struct cmd_hash_effect *effect, struct key_view *kv, const char *name,
                           size_t count);

static inline void cmd_hash_effect_add(struct cmd_hash_effect *effect, struct bytes word) {
    effect->argv[effect->argc++] = word;
}

/* Emits it if it is wanted, and frees it. */
void cmd_hash_effect_end(struct cmd_hash_effect *effect, struct key_view *kv, bool is_wanted);
