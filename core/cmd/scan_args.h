/* scan_args.h: the arguments that the commands of the SCAN family share.
 *
 * Functions that read write the error reply themselves and answer false. */
#pragma once

#include "core/cmd/opts.h"

struct scan_args {
    uint64_t cursor;
    size_t count;
    struct bytes pattern; /* ptr NULL: everything */
    bool has_no_values;   /* NOVALUES, of HSCAN */
};

/* Reads a cursor as generously as Redis does: nothing is 0, a sign is allowed and wraps. */
bool scan_args_cursor(struct exec *x, int i, uint64_t *cursor_out) ATTR_MUST_USE;

/* Reads argv[from..]: MATCH, COUNT, and NOVALUES, which only HSCAN may have. The cursor is left alone. */
bool scan_args_options(struct exec *x, int from, bool may_no_values, struct scan_args *args) ATTR_MUST_USE;

/* True if the pattern lets `text` through. */
bool scan_args_match(const struct scan_args *args, struct bytes text);

/* The pattern as struct scan_args keeps it: what matches everything costs nothing. */
struct bytes scan_args_pattern(struct bytes pattern);

/* Writes the two halves of the reply: the next cursor, and the header of `count` elements that follow. */
void scan_args_reply(struct exec *x, uint64_t cursor, size_t count);
