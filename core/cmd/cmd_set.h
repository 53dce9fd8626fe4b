/* cmd_set.h: what the handlers of set commands share. */
#pragma once

#include "core/cmd/cmd.h"
#include "core/value/set.h"

/* The thresholds as configured now, with a fresh seed for a table. */
struct set_rules cmd_set_rules(struct exec *x);

/* Opens for reading; false: no such key, or another type, and then *is_error_out says that the error was replied.
 * set_out->object is NULL when false. */
bool cmd_set_open_read(struct exec *x, struct bytes key, struct set *set_out, bool *is_error_out);

/* Writes a member as a bulk string. */
void cmd_set_reply(struct resp_out *out, const struct set_member *member);

/* Puts the changed set back into the open entry and ends the edit; deletes the key if the set is empty (effects and events are
 * the caller's). True: it was deleted. */
bool cmd_set_put_back(struct key_view *kv, struct set set);
