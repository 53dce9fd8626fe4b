/* str.h: string values: reading and changing the value of an entry whose type is VALUE_STRING.
 *
 * Changes keep the key, the expiry and the lru bits. Those that say "takes e, gives" may move the entry; when they
 * return NULL there was no memory for a size that a client chose, and e is untouched and still the caller's. A value
 * that fits the block it has is changed there, without an allocation. */
#pragma once

#include "core/base/num.h"
#include "core/value/entry.h"

/* The text of the value; valid until the entry changes. A number is written into `scratch`. */
struct bytes str_view(const struct entry *e, char scratch[NUM_INT_TEXT_MAX]);

/* Length of the text. */
size_t str_len(const struct entry *e);

/* The value as an integer: stored as one, or a text that reads as one. False if it is none; *out is then untouched. */
bool str_int(const struct entry *e, int64_t *out);

/* Takes e, gives it with another value, stored as entry_new_str would. `value` must not point into e. */
struct entry *str_replace(struct entry *e, struct bytes value) ATTR_MUST_USE;

/* Takes e, gives it with a number as its value. Never NULL. In place when it was a number before. */
struct entry *str_set_int(struct entry *e, int64_t value) ATTR_MUST_USE;

/* Takes e, gives it with `tail` behind its text. `tail` must not point into e. */
struct entry *str_append(struct entry *e, struct bytes tail) ATTR_MUST_USE;

/* Takes e, gives it with `patch` written over its text from `offset` on, filled with zero bytes up to there. An empty
 * patch changes nothing. `patch` must not point into e. */
struct entry *str_set_range(struct entry *e, size_t offset, struct bytes patch) ATTR_MUST_USE;

/* The text of *e as bytes that may be written in place, at least `min_len` long (filled up with zero bytes), for bit
 * operations. *e is replaced by where the entry is now; *len_out is the text's length. NULL when there is no memory:
 * *e and *len_out then tell the old state. */
char *str_mutable(struct entry **e, size_t min_len, size_t *len_out);
