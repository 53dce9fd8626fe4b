/* glob.c: pattern matching without recursion.
 *
 * Every pattern element except '*' eats exactly one byte. So when a mismatch comes after a '*', it is enough to
 * let the *last* '*' eat one byte more and to try again from there: an earlier '*' that ate more could only
 * leave less text for the same rest of the pattern. Two saved places replace the recursion, and "a*a*a*a*b"
 * costs at most pattern * text steps instead of growing exponentially.
 *
 * Where Redis is odd, so is this:
 *   - an empty text is matched by the empty pattern only, not by "*";
 *   - in "[a-]" the ']' is the range's upper end, and the class goes on to the end of the pattern;
 *   - a class that is never closed ends with the pattern; "[" alone matches nothing, "[^" alone any byte;
 *   - bytes compare as signed characters in ranges; without case, ranges are folded, an escaped byte in a class
 *     is not. */
#include "core/ds/glob.h"

static int fold(char c, bool nocase) {
    int value = (signed char)c;
    return nocase && value >= 'A' && value <= 'Z' ? value + ('a' - 'A') : value;
}

static bool in_range(char low, char high, char c, bool nocase) {
    bool is_turned = fold(low, false) > fold(high, false);
    int from = fold(is_turned ? high : low, nocase);
    int to = fold(is_turned ? low : high, nocase);
    int value = fold(c, nocase);
    return value >= from && value <= to;
}

/* Matches the class that begins at pattern[at] == '[' against `c`; *next_out is the position behind it. */
static bool match_class(struct bytes pattern, size_t at, char c, bool nocase, size_t *next_out) {
    const char *p = pattern.ptr;
    bool is_hit = false;
    at++;
    bool is_inverted = at < pattern.len && p[at] == '^';
    at += is_inverted;
    while (at < pattern.len && p[at] != ']') {
        size_t left = pattern.len - at;
        if (p[at] == '\\' && left >= 2) {
            is_hit |= p[at + 1] == c;
            at += 2;
        } else if (left >= 3 && p[at + 1] == '-') {
            is_hit |= in_range(p[at], p[at + 2], c, nocase);
            at += 3;
        } else {
            is_hit |= fold(p[at], nocase) == fold(c, nocase);
            at++;
        }
    }
    *next_out = at < pattern.len ? at + 1 : at;
    return is_hit != is_inverted;
}

/* Matches the element at pattern[at], which is not '*', against `c`; *next_out is the position behind it. */
static bool match_one(struct bytes pattern, size_t at, char c, bool nocase, size_t *next_out) {
    switch (pattern.ptr[at]) {
    case '?': *next_out = at + 1; return true;
    case '[': return match_class(pattern, at, c, nocase, next_out);
    case '\\':
        if (at + 1 < pattern.len)
            at++;
        break;
    default: break;
    }
    *next_out = at + 1;
    return fold(pattern.ptr[at], nocase) == fold(c, nocase);
}

bool glob_match_within(struct bytes pattern, struct bytes text, enum glob_flags flags, uint64_t *steps_left) {
    const bool nocase = flags == GLOB_NOCASE;
    if (text.len == 0)
        return pattern.len == 0;

    size_t at = 0;             /* in the pattern */
    size_t done = 0;           /* bytes of the text that are matched */
    size_t star_at = SIZE_MAX; /* behind the last '*', if there was one */
    size_t star_done = 0;      /* bytes of the text that were matched up to there, with what that '*' ate */
    while (done < text.len) {
        if (at < pattern.len && pattern.ptr[at] == '*') {
            star_at = ++at;
            star_done = done;
            if (at == pattern.len)
                return true;
            continue;
        }
        size_t next = at + 1;
        bool is_match = at < pattern.len && match_one(pattern, at, text.ptr[done], nocase, &next);
        if (*steps_left < next - at) {
            *steps_left = 0;
            return false;
        }
        *steps_left -= next - at;
        if (is_match) {
            at = next;
            done++;
        } else if (star_at != SIZE_MAX) {
            at = star_at;
            done = ++star_done;
        } else {
            return false;
        }
    }
    while (at < pattern.len && pattern.ptr[at] == '*')
        at++;
    return at == pattern.len;
}

bool glob_match(struct bytes pattern, struct bytes text, enum glob_flags flags) {
    uint64_t steps = UINT64_MAX;
    return glob_match_within(pattern, text, flags, &steps);
}

bool glob_is_literal(struct bytes pattern) {
    for (size_t i = 0; i < pattern.len; i++)
        if (strchr("*?[\\", pattern.ptr[i]) && pattern.ptr[i] != '\0')
            return false;
    return true;
}
