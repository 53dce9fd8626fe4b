/* Glob patterns: tables, and a model test against a recursive matcher written from the rules. */
#include "core/ds/glob.h"

#include "core/base/mem.h"
#include "core/base/rng.h"

#include <criterion/criterion.h>

struct trial {
    const char *pattern;
    const char *text;
    bool want;
};

static void assert_trials(const struct trial *trials, size_t count, enum glob_flags flags) {
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(glob_match(bytes_cstr(trials[i].pattern), bytes_cstr(trials[i].text), flags),
                     trials[i].want, "'%s' on '%s'", trials[i].pattern, trials[i].text);
}

Test(glob, stars_questions_and_plain_bytes) {
    static const struct trial trials[] = {
        {"abc", "abc", true},
        {"abc", "ab", false},
        {"abc", "abcd", false},
        {"ab", "abc", false},
        {"*", "abc", true},
        {"a*", "a", true},
        {"a*", "abc", true},
        {"*c", "abc", true},
        {"a*c", "ac", true},
        {"a*c", "abbc", true},
        {"a*c", "abcb", false},
        {"a**c", "abc", true},
        {"*b*", "abc", true},
        {"*x*", "abc", false},
        {"?", "a", true},
        {"?", "ab", false},
        {"a?c", "abc", true},
        {"a?c", "ac", false},
        {"*?", "a", true},
        {"?*?", "a", false},
        {"a*b*c", "aXbXbXc", true},
        {"a*b*c", "aXbXbX", false},
        {"user:*:name", "user:1:2:name", true},
        {"*a*a*", "ba", false},
        {"*abab", "abababab", true},
        {"***", "x", true},
        {"a***", "a", true},
    };
    assert_trials(trials, COUNT_OF(trials), GLOB_CASE);
}

Test(glob, classes_ranges_and_escapes) {
    static const struct trial trials[] = {
        {"h[ae]llo", "hello", true},
        {"h[ae]llo", "hillo", false},
        {"h[^e]llo", "hallo", true},
        {"h[^e]llo", "hello", false},
        {"h[a-c]llo", "hbllo", true},
        {"h[a-c]llo", "hdllo", false},
        {"h[c-a]llo", "hbllo", true},
        {"[^a-c]", "b", false},
        {"[^a-c]", "z", true},
        {"[a-cx-z]", "y", true},
        {"[]", "]", false},
        {"[]a]", "]", false},
        {"\\*", "*", true},
        {"\\*", "a", false},
        {"\\?", "?", true},
        {"\\[a]", "[a]", true},
        {"a\\", "a\\", true},
        {"\\\\", "\\", true},
        {"\\a", "a", true},
        {"[\\]]", "]", true},
        {"[\\]]", "\\", false},
        {"[\\-a]", "-", true},
        {"[a\\-z]", "b", false},
        {"*[0-9]", "key7", true},
        {"*[0-9]", "key", false},
        {"[?*]", "?", true},
        {"[?*]", "x", false},
        {"[!a]", "!", true},
        {"[!a]", "b", false},
        {"[^^]", "^", false},
        {"a[b", "ab", true},
        {"a[b", "ac", false},
        {"[", "[", false},
        {"[^", "x", true},
        {"[a-", "a", true},
        {"[a-", "-", true},
        {"[a-]", "^", true},
        {"[a-]", "b", false},
        {"[a-]]", "a", true},
        {"[a-]]", "a]", false},
        {"[abc\\", "\\", true},
        {"[-a]", "-", true},
    };
    assert_trials(trials, COUNT_OF(trials), GLOB_CASE);
}

Test(glob, an_empty_text_is_matched_by_the_empty_pattern_only) {
    static const struct trial trials[] = {
        {"", "", true}, {"*", "", false}, {"**", "", false}, {"?", "", false}, {"", "a", false}};
    assert_trials(trials, COUNT_OF(trials), GLOB_CASE);
}

Test(glob, letters_fold_only_when_asked) {
    static const struct trial folded[] = {
        {"MaxMemory*", "maxmemory-policy", true},
        {"[A-C]x", "bX", true},
        {"[abc]", "B", true},
        {"\\A", "a", true},
        {"[^a]", "A", false},
        {"a_", "A_", true},
        {"@", "`", false},
        {"[", "{", false},
        {"[\\a]", "A", false},
    };
    assert_trials(folded, COUNT_OF(folded), GLOB_NOCASE);
    static const struct trial plain[] = {{"abc", "ABC", false}, {"[a-c]", "B", false}};
    assert_trials(plain, COUNT_OF(plain), GLOB_CASE);
}

Test(glob, zero_and_high_bytes_are_bytes_like_others) {
    cr_assert(glob_match(BYTES_LIT("a\0*"), BYTES_LIT("a\0b"), GLOB_CASE));
    cr_assert_not(glob_match(BYTES_LIT("a\0b"), BYTES_LIT("a\0c"), GLOB_CASE));
    cr_assert(glob_match(BYTES_LIT("[\x80-\xff]"), BYTES_LIT("\xc3"), GLOB_CASE));
    cr_assert_not(glob_match(BYTES_LIT("[\x80-\xff]"), BYTES_LIT("a"), GLOB_CASE));
}

Test(glob, literal_patterns_are_recognised) {
    cr_assert(glob_is_literal(BYTES_LIT("user:1-2^]")));
    cr_assert(glob_is_literal(BYTES_LIT("a\0b")));
    static const char *const special[] = {"*", "a?", "[a", "a\\b"};
    for (size_t i = 0; i < COUNT_OF(special); i++)
        cr_assert_not(glob_is_literal(bytes_cstr(special[i])), "%s", special[i]);
}

Test(glob, many_stars_cost_polynomial_time, .timeout = 20) {
    char text[20000];
    memset(text, 'a', sizeof text);
    cr_assert_not(glob_match(BYTES_LIT("a*a*a*a*a*a*a*a*a*a*a*a*b"), bytes_of(text, sizeof text), GLOB_CASE));
    cr_assert(glob_match(BYTES_LIT("a*a*a*a*a*a*a*a*a*a*a*a*a"), bytes_of(text, sizeof text), GLOB_CASE));
}

Test(glob, a_budget_that_is_used_up_ends_the_matching) {
    uint64_t steps = 3;
    cr_assert(glob_match_within(BYTES_LIT("abc"), BYTES_LIT("abc"), GLOB_CASE, &steps));
    cr_assert_eq(steps, 0);
    steps = 2;
    cr_assert_not(glob_match_within(BYTES_LIT("abc"), BYTES_LIT("abc"), GLOB_CASE, &steps));
    cr_assert_eq(steps, 0);
    steps = 100;
    cr_assert(glob_match_within(BYTES_LIT("a*"), BYTES_LIT("abcdefgh"), GLOB_CASE, &steps));
    cr_assert_eq(steps, 99);
    char text[1000];
    memset(text, 'a', sizeof text);
    steps = 500;
    cr_assert_not(
        glob_match_within(BYTES_LIT("*[abcdefgh]b"), bytes_of(text, sizeof text), GLOB_CASE, &steps));
    cr_assert_eq(steps, 0);
}

/* ---- Model: a set of byte values for each pattern element, and plain recursion over the elements ---- */

struct element {
    bool is_star;
    bool has[256];
};

static int lower(int c) {
    return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

static void set_add(struct element *e, int c, bool nocase) {
    for (int b = 0; b < 256; b++)
        if (b == c || (nocase && lower(b) == lower(c)))
            e->has[b] = true;
}

/* Reads a class that begins behind its '['; returns the position behind it. Only ASCII ranges are generated. */
static size_t read_class(const char *p, size_t len, size_t i, struct element *e, bool nocase) {
    bool is_inverted = i < len && p[i] == '^';
    i += is_inverted;
    while (i < len && p[i] != ']') {
        if (p[i] == '\\' && i + 1 < len) {
            e->has[(unsigned char)p[i + 1]] = true;
            i += 2;
        } else if (i + 2 < len && p[i + 1] == '-') {
            int from = p[i] < p[i + 2] ? p[i] : p[i + 2];
            int to = p[i] < p[i + 2] ? p[i + 2] : p[i];
            for (int b = 0; b < 128; b++)
                if (nocase ? lower(b) >= lower(from) && lower(b) <= lower(to) : b >= from && b <= to)
                    e->has[b] = true;
            i += 3;
        } else {
            set_add(e, p[i++], nocase);
        }
    }
    for (int b = 0; is_inverted && b < 256; b++)
        e->has[b] = !e->has[b];
    return i < len ? i + 1 : i;
}

static size_t read_elements(const char *p, size_t len, struct element *elements, bool nocase) {
    size_t count = 0;
    for (size_t i = 0; i < len;) {
        struct element *e = &elements[count++];
        memset(e, 0, sizeof *e);
        char c = p[i++];
        if (c == '*')
            e->is_star = true;
        else if (c == '?')
            memset(e->has, true, sizeof e->has);
        else if (c == '[')
            i = read_class(p, len, i, e, nocase);
        else
            set_add(e, c == '\\' && i < len ? p[i++] : c, nocase);
    }
    return count;
}

static bool model_match(const struct element *e, size_t count, const char *text, size_t len) {
    if (count == 0)
        return len == 0;
    if (e->is_star)
        return model_match(e + 1, count - 1, text, len) || (len && model_match(e, count, text + 1, len - 1));
    return len && e->has[(unsigned char)*text] && model_match(e + 1, count - 1, text + 1, len - 1);
}

Test(glob, random_patterns_agree_with_a_recursive_matcher) {
    const uint64_t seed = 99;
    struct rng rng;
    rng_init(&rng, seed);
    size_t matches = 0;
    for (int round = 0; round < 300000; round++) {
        size_t pattern_len = (size_t)rng_below(&rng, 9), text_len = 1 + (size_t)rng_below(&rng, 7);
        char *pattern = mem_alloc(pattern_len + 1), *text = mem_alloc(text_len);
        for (size_t i = 0; i < pattern_len; i++)
            pattern[i] = "aabBc**?[]^-\\"[rng_below(&rng, 13)];
        for (size_t i = 0; i < text_len; i++)
            text[i] = "aaabBc]-^\\"[rng_below(&rng, 10)];
        bool nocase = rng_below(&rng, 2);
        struct element elements[8];
        size_t count = read_elements(pattern, pattern_len, elements, nocase);
        bool want = model_match(elements, count, text, text_len);
        pattern = mem_realloc(pattern, pattern_len ? pattern_len : 1); /* a read beyond the end shows */
        bool got = glob_match(bytes_of(pattern, pattern_len), bytes_of(text, text_len),
                              nocase ? GLOB_NOCASE : GLOB_CASE);
        cr_assert_eq(got, want, "seed %llu round %d: '%.*s' on '%.*s'", (unsigned long long)seed, round,
                     (int)pattern_len, pattern, (int)text_len, text);
        matches += got;
        mem_free(pattern);
        mem_free(text);
    }
    cr_assert_gt(matches, 10000, "%zu", matches); /* the generator makes patterns that match, too */
}
