/* mem.h: the one door to the allocator (mimalloc).
 *
 * Memory that must exist for the server to go on comes from mem_alloc and friends, which never return NULL: running
 * out there ends the process with a clear message, as Redis does. Memory whose size a stranger chooses (a big value,
 * a huge bitmap) comes from mem_try_*, which may return NULL and must be turned into a reply error.
 *
 * Accounting is explicit: mem_usable() tells what a block really occupies, and the owner of a structure keeps its
 * own sum (struct keyspace counts its entries, a connection its buffers). Thread: any; a block may be freed on
 * another thread than the one that allocated it. */
#pragma once

#include "core/base/attr.h"

#include <stdbool.h>
#include <stdint.h>

/* Gives a block of at least `bytes` bytes; aborts with a message when there is none. */
void *mem_alloc(size_t bytes) ATTR_MUST_USE;

/* The same, filled with zero. */
void *mem_zalloc(size_t bytes) ATTR_MUST_USE;

/* Takes `block` (may be NULL), gives one of `bytes` bytes with the old content's beginning. */
void *mem_realloc(void *block, size_t bytes) ATTR_MUST_USE;

/* Aligned block (power of two), zero-filled. Freed by mem_free. */
void *mem_zalloc_aligned(size_t bytes, size_t alignment) ATTR_MUST_USE;

/* As mem_alloc and mem_realloc, but NULL when there is no memory (mem_try_realloc then leaves `block` as it was). */
void *mem_try_alloc(size_t bytes) ATTR_MUST_USE;
void *mem_try_realloc(void *block, size_t bytes) ATTR_MUST_USE;

/* Takes `block`; NULL is allowed. */
void mem_free(void *block);

/* Bytes the block really occupies in its size class (at least what was asked for). */
size_t mem_usable(const void *block);

/* What mem_usable would be for a block of `bytes`, without allocating. */
size_t mem_good_size(size_t bytes);

/* Returns unused pages to the system; slow, for MEMORY PURGE. */
void mem_purge(void);

/* Name and version for INFO's mem_allocator, e.g. "mimalloc-2.0.9". Writes at most `size` bytes with a NUL. */
void mem_allocator_name(char *text, size_t size);

/* Resident set size and its peak, in bytes, as the allocator sees the process. */
void mem_process_info(size_t *rss_bytes_out, size_t *rss_peak_bytes_out, size_t *committed_bytes_out);

/* Gives the allocator's own report to `put`, piece by piece, as text with a NUL; for MEMORY MALLOC-STATS. */
void mem_report(void (*put)(const char *text, void *ctx), void *ctx);

/* Hostile builds: the n-th mem_try_* call from now on (1 = the next) by this thread returns NULL; 0 turns that off. */
void mem_fail_nth(uint64_t n);
