/* bytes.c: comparisons of byte views. */
#include "core/base/bytes.h"

static unsigned char bytes_lower(char c) {
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

int bytes_compare(struct bytes a, struct bytes b) {
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common ? memcmp(a.ptr, b.ptr, common) : 0;
    if (order != 0)
        return order;
    return a.len < b.len ? -1 : a.len > b.len;
}

bool bytes_equal_nocase(struct bytes a, struct bytes b) {
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (bytes_lower(a.ptr[i]) != bytes_lower(b.ptr[i]))
            return false;
    return true;
}

bool bytes_is_word(struct bytes a, const char *word) {
    return bytes_equal_nocase(a, bytes_cstr(word));
}

bool bytes_equal_secret(struct bytes a, struct bytes b) {
    unsigned char diff = a.len != b.len;
    for (size_t i = 0; i < a.len; i++)
        diff |= (unsigned char)(a.ptr[i] ^ (b.len ? b.ptr[i % b.len] : 1));
    return diff == 0;
}
