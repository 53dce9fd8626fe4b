/* hll.h: HyperLogLog: how many different elements have been seen, nearly, in at most 12 KiB.
 *
 * Each element's hash names one of 16384 registers and a small number; a register keeps the largest number it was given.
 * The estimate's standard error is 0.81 per cent. The bytes are those of Redis's format, with the same hash, so that they can
 * be merged with what Redis has counted:
 *
 *   offset  bytes  field
 *        0      4  "HYLL"
 *        4      1  encoding: 0 dense, 1 sparse
 *        5      3  zero
 *        8      8  estimate of the last count, little endian; highest bit set: registers have changed since
 *       16         dense: 16384 registers of 6 bits, the lowest bits of a byte first
 *                  sparse: runs of registers, in order
 *
 *   00LLLLLL            1..64 registers that are 0                                 (length less 1)
 *   01LLLLLL LLLLLLLL   1..16384 registers that are 0, high bits first             (length less 1)
 *   1VVVVVLL            1..4 registers with the same value 1..32                   (value less 1, length less 1)
 *
 * A HyperLogLog here is a struct buf or a view of such bytes; functions that take one expect hll_is_sound_header. Bytes from
 * a stranger may still have runs that do not make 16384 registers: functions that find that out say "corrupt". */
#pragma once

#include "core/base/buf.h"

enum {
    HLL_REGISTERS = 16384,
    HLL_HEADER_BYTES = 16,
    HLL_DENSE_BYTES = HLL_HEADER_BYTES + HLL_REGISTERS * 6 / 8,
};

enum hll_added {
    HLL_CHANGED,
    HLL_SAME, /* the registers are what they were */
    HLL_CORRUPT,
};

/* True if the bytes begin as a HyperLogLog and, if dense, have its length. */
bool hll_is_sound_header(struct bytes hll);

bool hll_is_dense(struct bytes hll);

/* Appends an empty sparse HyperLogLog to an empty buffer. */
void hll_put_empty(struct buf *hll);

/* Counts an element. A sparse one that would need more than `sparse_max` bytes, or cannot hold the value, becomes
 * dense. The estimate is marked as old if anything changed. */
enum hll_added hll_add(struct buf *hll, struct bytes element, size_t sparse_max);

/* The same in place, for a dense one. */
enum hll_added hll_add_dense(char *hll, struct bytes element);

/* Raises a register to at least `value`, as hll_add does. */
enum hll_added hll_raise(struct buf *hll, unsigned index, unsigned value, size_t sparse_max);

/* Makes it dense; false: corrupt, nothing has changed. */
bool hll_make_dense(struct buf *hll);

/* Raises each of HLL_REGISTERS registers, a byte each, to what the HyperLogLog has; false: corrupt. */
bool hll_merge(uint8_t *registers, struct bytes hll);

/* Estimates; false: corrupt. */
bool hll_count(struct bytes hll, uint64_t *count_out);

/* The estimate of the last count; false: registers have changed since. */
bool hll_cached_count(struct bytes hll, uint64_t *count_out);
void hll_set_cached_count(char *hll, uint64_t count);
void hll_drop_cached_count(char *hll);

/* The same algorithm over registers of a byte each, for counting without bytes of the format. */
void hll_registers_add(uint8_t *registers, struct bytes element);
uint64_t hll_registers_count(const uint8_t *registers);

/* Appends the runs of a sparse one as text: "z:LEN", "Z:LEN" for the two kinds of zeros, "v:VALUE,LEN". */
void hll_put_runs(struct bytes hll, struct buf *out);
