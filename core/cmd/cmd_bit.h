/* cmd_bit.h: what SETBIT and BITFIELD share. */
#pragma once

#include "core/cmd/cmd.h"

/* Reads argv[i] as a bit offset. With width > 0, "#n" means n * width. False: the error was replied. */
bool cmd_bit_offset(struct exec *x, int i, unsigned width, uint64_t *offset_out) ATTR_MUST_USE;

/* Opens the key for writing, with a string long enough for the bit `last_bit`. Gives its bytes, valid until the entry
 * changes; *grew_out tells that the key is new or its string became longer. NULL: an error was replied. */
char *cmd_bit_open(struct key_view *kv, struct bytes key, struct exec *x, uint64_t last_bit, bool *grew_out);
