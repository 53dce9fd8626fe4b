/* cmd.h: what the command handlers of this folder share: reading arguments, replying with strings, storing strings,
 * and the effects that several commands have in common.
 *
 * Functions that read an argument or store a value write the error reply themselves and answer false; the handler then
 * returns at once. */
#pragma once

#include "core/exec/key_view.h"
#include "core/value/str.h"

/* ---- arguments ---- */

/* Reads argv[i] as a 64-bit integer; false: `err` was replied. */
bool cmd_arg_int_or(struct exec *x, int i, int64_t *value_out, enum reply_err err) ATTR_MUST_USE;

/* The same with "value is not an integer or out of range". */
bool cmd_arg_int(struct exec *x, int i, int64_t *value_out) ATTR_MUST_USE;

/* Reads argv[i] as a database index; false: an error was replied. */
bool cmd_arg_db(struct exec *x, int i, int *db_out) ATTR_MUST_USE;

/* True if there is such a database; else the error was replied. */
bool cmd_db_exists(struct exec *x, int64_t db) ATTR_MUST_USE;

/* Reads argv[i] as how long a blocking command waits, in seconds, and gives the unix time in milliseconds at which it has
 * waited long enough; 0: for ever. A command that is run again keeps the deadline of its first run. False: an error was
 * replied. */
bool cmd_arg_deadline(struct exec *x, int i, int64_t *deadline_ms_out) ATTR_MUST_USE;

/* ---- replies ---- */

/* The string of an entry as a bulk string. */
void cmd_reply_str(struct exec *x, const struct entry *e);

/* "wrong number of arguments for 'name' command", for the commands whose arity does not say all. */
void cmd_reply_arity(struct exec *x);

/* There is no memory for a value of the size that the client asked for. */
void cmd_reply_no_memory(struct exec *x);

/* A reply of simple strings, as HELP subcommands give: `title` is "NAME <subcommand> ...", lines come from the handler,
 * the lines about HELP itself are added. */
void cmd_reply_help(struct exec *x, const char *name, const char *const *lines, size_t count);

/* Handler of containers: reached when the subcommand is missing or unknown. */
void cmd_container(struct exec *x);

/* ---- keys ---- */

/* Opens for writing and counts hit or miss as a read does, for commands that answer the old value. */
bool cmd_open_counted(struct exec *x, struct bytes key, struct key_view *kv_out);

/* Opens for reading and leaves the access time alone (EXISTS, TTL, TYPE). */
bool cmd_open_untouched(struct exec *x, struct bytes key, struct key_view *kv_out);

/* Stores a string in an open key, whatever was there. False: no memory, nothing changed, nothing was replied. */
bool cmd_str_try_store(struct key_view *kv, struct bytes value, int64_t expire_ms) ATTR_MUST_USE;

/* The same, but the error was replied. */
bool cmd_str_store(struct key_view *kv, struct bytes value, int64_t expire_ms) ATTR_MUST_USE;

/* The same after a value function: `now` is what it gave, NULL for no memory. */
bool cmd_str_swap(struct key_view *kv, struct entry *now) ATTR_MUST_USE;

/* True if a string of offset + len bytes is allowed; else the error was replied. */
bool cmd_str_fits(struct exec *x, uint64_t offset, uint64_t len) ATTR_MUST_USE;

/* The expiry of the present entry, or ENTRY_NO_EXPIRE. */
static inline int64_t cmd_expire_ms(const struct key_view *kv) {
    return kv->entry == NULL ? ENTRY_NO_EXPIRE : entry_expire_ms(kv->entry);
}

/* Changes the expiry of the present entry. */
void cmd_set_expire(struct key_view *kv, int64_t expire_ms);

/* Deletes the present entry, with its effect and the event "del". */
void cmd_delete(struct key_view *kv);

/* ---- effects ---- */

/* SET key value [PXAT ms]. */
void cmd_effect_set(struct key_view *kv, struct bytes value, int64_t expire_ms);

/* SET key value KEEPTTL. */
void cmd_effect_set_keepttl(struct key_view *kv, struct bytes value);

/* PEXPIREAT key ms. */
void cmd_effect_expire(struct key_view *kv, int64_t expire_ms);

/* PERSIST key. */
void cmd_effect_persist(struct key_view *kv);

/* One effect that makes the key from nothing as it is now, for commands that bring a whole key to a place where its
 * history is unknown (RENAME, COPY, MOVE): SET for a string, else RESTORE. */
void cmd_effect_whole(struct key_view *kv);
