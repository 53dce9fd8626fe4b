/* mem.c: mimalloc behind mem.h; the sole file that knows which allocator serves us.
 *
 * Sanitizer builds use the C library's allocator instead, so that ASan and LeakSanitizer see every block. The
 * failure counter of the hostile build is thread-local: one test thread's plan never hits another. */
#include "core/base/mem.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(BASALT_LIBC_MALLOC)
#define MEM_LIBC 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define MEM_LIBC 1
#endif
#endif
#ifndef MEM_LIBC
#define MEM_LIBC 0
#endif

#if !MEM_LIBC
#include <mimalloc.h>
#endif

static _Thread_local uint64_t mem_fail_countdown;

void mem_fail_nth(uint64_t n) {
    mem_fail_countdown = n;
}

static bool mem_should_fail(void) {
    return UNLIKELY(mem_fail_countdown != 0) && --mem_fail_countdown == 0;
}

ATTR_NORETURN ATTR_COLD static void mem_exhausted(size_t bytes) {
    fprintf(stderr, "basalt: out of memory allocating %zu bytes; lower maxmemory or add memory\n", bytes);
    abort();
}

static void *mem_raw_alloc(size_t bytes) {
#if MEM_LIBC
    return malloc(bytes ? bytes : 1);
#else
    return mi_malloc(bytes);
#endif
}

static void *mem_raw_realloc(void *block, size_t bytes) {
#if MEM_LIBC
    return realloc(block, bytes ? bytes : 1);
#else
    return mi_realloc(block, bytes);
#endif
}

void *mem_alloc(size_t bytes) {
    void *block = mem_raw_alloc(bytes);
    if (UNLIKELY(!block))
        mem_exhausted(bytes);
    return block;
}

void *mem_zalloc(size_t bytes) {
#if MEM_LIBC
    void *block = calloc(1, bytes ? bytes : 1);
#else
    void *block = mi_zalloc(bytes);
#endif
    if (UNLIKELY(!block))
        mem_exhausted(bytes);
    return block;
}

void *mem_realloc(void *block, size_t bytes) {
    void *moved = mem_raw_realloc(block, bytes);
    if (UNLIKELY(!moved))
        mem_exhausted(bytes);
    return moved;
}

void *mem_zalloc_aligned(size_t bytes, size_t alignment) {
#if MEM_LIBC
    void *block = NULL;
    if (posix_memalign(&block, alignment, bytes) != 0)
        block = NULL;
    if (block)
        memset(block, 0, bytes);
#else
    void *block = mi_zalloc_aligned(bytes, alignment);
#endif
    if (UNLIKELY(!block))
        mem_exhausted(bytes);
    return block;
}

void *mem_try_alloc(size_t bytes) {
    return mem_should_fail() ? NULL : mem_raw_alloc(bytes);
}

void *mem_try_realloc(void *block, size_t bytes) {
    return mem_should_fail() ? NULL : mem_raw_realloc(block, bytes);
}

void mem_free(void *block) {
#if MEM_LIBC
    free(block);
#else
    mi_free(block);
#endif
}

size_t mem_usable(const void *block) {
#if MEM_LIBC
    /* glibc declares its parameter without const; the block is only looked at. */
    union {
        const void *in;
        void *out;
    } pun = {.in = block};
    return malloc_usable_size(pun.out);
#else
    return mi_usable_size(block);
#endif
}

size_t mem_good_size(size_t bytes) {
#if MEM_LIBC
    return (bytes + 15u) & ~(size_t)15u;
#else
    return mi_good_size(bytes);
#endif
}

void mem_purge(void) {
#if MEM_LIBC
    malloc_trim(0);
#else
    mi_collect(true);
#endif
}

void mem_allocator_name(char *text, size_t size) {
#if MEM_LIBC
    snprintf(text, size, "libc");
#else
    int v = mi_version();
    snprintf(text, size, "mimalloc-%d.%d.%d", v / 100, v / 10 % 10, v % 10);
#endif
}

void mem_process_info(size_t *rss_bytes_out, size_t *rss_peak_bytes_out, size_t *committed_bytes_out) {
    *rss_bytes_out = *rss_peak_bytes_out = *committed_bytes_out = 0;
#if !MEM_LIBC
    size_t elapsed, user, sys, faults, peak_commit;
    mi_process_info(&elapsed, &user, &sys, rss_bytes_out, rss_peak_bytes_out, committed_bytes_out,
                    &peak_commit, &faults);
#endif
}

void mem_report(void (*put)(const char *text, void *ctx), void *ctx) {
#if MEM_LIBC
    char *text = NULL;
    size_t len = 0;
    FILE *file = open_memstream(&text, &len);
    if (!file)
        return;
    malloc_info(0, file);
    fclose(file);
    put(text, ctx);
    free(text);
#else
    mi_stats_print_out(put, ctx);
#endif
}
