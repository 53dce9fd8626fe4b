/* bytes.h: a view of bytes: pointer and length, owning nothing. The word for every key, value and argument that is
 * passed around. Not NUL-terminated. An empty view may have a NULL pointer. */
#pragma once

#include "core/base/attr.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const char *ptr;
    size_t len;
};

#define BYTES_LIT(text) ((struct bytes){(text), sizeof(text) - 1})
#define BYTES_NONE      ((struct bytes){NULL, 0})

static inline struct bytes bytes_of(const void *ptr, size_t len) {
    return (struct bytes){ptr, len};
}

static inline struct bytes bytes_cstr(const char *text) {
    return (struct bytes){text, strlen(text)};
}

static inline bool bytes_equal(struct bytes a, struct bytes b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Bytewise order; a prefix sorts before what it begins. Returns <0, 0, >0. */
int bytes_compare(struct bytes a, struct bytes b) ATTR_PURE;

/* Equality with ASCII letters folded, e.g. for option words. */
bool bytes_equal_nocase(struct bytes a, struct bytes b) ATTR_PURE;

/* The same against a C string. */
bool bytes_is_word(struct bytes a, const char *word) ATTR_PURE;

/* Equality in time that depends on the lengths only, for secrets. */
bool bytes_equal_secret(struct bytes a, struct bytes b) ATTR_PURE;
