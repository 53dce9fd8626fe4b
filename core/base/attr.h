/* attr.h: compiler attributes and the two kinds of assertion.
 *
 * must(c)    a bug if false; always compiled; prints where and aborts (the crash handler adds its report).
 * dcheck(c)  the same in debug builds only; for checks that would cost on a hot path.
 */
#pragma once

#include <stddef.h>

#define ATTR_MUST_USE          __attribute__((warn_unused_result))
#define ATTR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define ATTR_NORETURN          __attribute__((noreturn))
#define ATTR_UNUSED            __attribute__((unused))
#define ATTR_PURE              __attribute__((pure))
#define ATTR_COLD              __attribute__((cold, noinline))
#define ATTR_HOT_INLINE        static inline __attribute__((always_inline))

#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

#define CACHE_LINE_BYTES 64

/* Number of elements of a true array. */
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The object that holds `member` at address `ptr`. */
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Reports a broken invariant and aborts. */
ATTR_NORETURN ATTR_COLD void attr_must_failed(const char *condition, const char *file, int line);

#define must(condition)                                                                                      \
    do {                                                                                                     \
        if (UNLIKELY(!(condition)))                                                                          \
            attr_must_failed(#condition, __FILE__, __LINE__);                                                \
    } while (0)

#ifdef NDEBUG
#define dcheck(condition) ((void)sizeof((condition) ? 1 : 0))
#else
#define dcheck(condition) must(condition)
#endif
