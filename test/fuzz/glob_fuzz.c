/* Fuzz target: the glob matcher against plain recursion that asks the matcher itself about single elements only.
 *
 * The first byte says how long the pattern is and whether case counts; pattern and text follow. */
#include "core/base/mem.h"
#include "core/ds/glob.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PATTERN_MAX = 64, TEXT_MAX = 24 };

/* Length of the element at the front of a pattern. */
static size_t element_len(struct bytes p) {
    if (p.ptr[0] == '\\')
        return p.len > 1 ? 2 : 1;
    if (p.ptr[0] != '[')
        return 1;
    size_t i = 1;
    i += i < p.len && p.ptr[i] == '^';
    while (i < p.len && p.ptr[i] != ']') {
        if (p.ptr[i] == '\\' && p.len - i >= 2)
            i += 2;
        else
            i += p.len - i >= 3 && p.ptr[i + 1] == '-' ? 3 : 1;
    }
    return i < p.len ? i + 1 : i;
}

/* can[i][j]: the pattern from i on matches the text from j on. Filled from the back, so that nothing grows. */
static bool model_match(struct bytes pattern, struct bytes text, enum glob_flags flags) {
    static const bool none[PATTERN_MAX + 1][TEXT_MAX + 1];
    bool can[PATTERN_MAX + 1][TEXT_MAX + 1];
    memcpy(can, none, sizeof can);
    can[pattern.len][text.len] = true;
    for (size_t i = pattern.len; i-- > 0;) {
        struct bytes rest = bytes_of(pattern.ptr + i, pattern.len - i);
        size_t len = element_len(rest);
        for (size_t j = text.len + 1; j-- > 0;) {
            if (rest.ptr[0] == '*')
                can[i][j] = can[i + 1][j] || (j < text.len && can[i][j + 1]);
            else
                can[i][j] = j < text.len && can[i + len][j + 1] &&
                            glob_match(bytes_of(rest.ptr, len), bytes_of(text.ptr + j, 1), flags);
        }
    }
    return can[0][0];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2)
        return 0;
    enum glob_flags flags = data[0] & 1 ? GLOB_NOCASE : GLOB_CASE;
    size_t pattern_len = data[0] >> 1;
    if (pattern_len > PATTERN_MAX || pattern_len > size - 1)
        return 0;
    size_t text_len = size - 1 - pattern_len;
    if (text_len == 0)
        return 0;
    if (text_len > TEXT_MAX)
        text_len = TEXT_MAX;

    char *pattern = mem_alloc(pattern_len ? pattern_len : 1);
    memcpy(pattern, data + 1, pattern_len);
    char *text = mem_alloc(text_len);
    memcpy(text, data + 1 + pattern_len, text_len);
    struct bytes p = bytes_of(pattern, pattern_len), t = bytes_of(text, text_len);
    bool want = model_match(p, t, flags);
    must(glob_match(p, t, flags) == want);
    uint64_t steps = 64;
    must(!glob_match_within(p, t, flags, &steps) || want);
    mem_free(pattern);
    mem_free(text);
    return 0;
}
