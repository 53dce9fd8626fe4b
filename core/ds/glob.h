/* glob.h: matching a text against a pattern of the kind KEYS, SCAN, PSUBSCRIBE and CONFIG GET take.
 *
 *   *        any bytes, also none            [abc]  one of these bytes; ']' ends the class
 *   ?        any one byte                    [a-z]  a range; [z-a] means the same
 *   \x       the byte x itself               [^..]  any byte but these; \x escapes inside a class too
 *
 * Oddities are Redis's: an empty text is matched by the empty pattern only; a class without ']' ends with the
 * pattern; a '\' at the end stands for itself. Pure, no memory, no recursion: at worst O(pattern * text). */
#pragma once

#include "core/base/bytes.h"

enum glob_flags { GLOB_CASE = 0, GLOB_NOCASE = 1 };

/* True if all of `text` matches all of `pattern`. */
bool glob_match(struct bytes pattern, struct bytes text, enum glob_flags flags) ATTR_PURE;

/* The same with a limit on the time, in pattern bytes looked at, each as often as it is. When *steps_left does
 * not suffice the answer is false and *steps_left is 0; else what is left stays there. For patterns from
 * strangers on long texts. */
bool glob_match_within(struct bytes pattern, struct bytes text, enum glob_flags flags, uint64_t *steps_left);

/* True if the pattern has no special byte, so that it matches exactly its own text. */
bool glob_is_literal(struct bytes pattern) ATTR_PURE;
