/* hll.c: registers dense and sparse, and the estimate.
 *
 * A sparse one is changed by looking for the run that has the register, writing what takes its place (at most five
 * bytes: zeros, value, zeros), and joining neighbours that now say the same. The joining looks at five runs from the
 * one before, as Redis does: what is stored is then the same, byte for byte, for the same history.
 *
 * The estimate is Otmar Ertl's improved raw estimator ("New cardinality estimation algorithms for HyperLogLog sketches",
 * arXiv:1702.01284): it needs only how many registers have each value, no tables, and no switch between ranges.
 *
 * Cost: dense add O(1). Sparse add walks up to sparse_max bytes. Count walks all registers: some 10 microseconds. */
#include "core/ds/hll.h"

#include <math.h>

enum {
    DENSE = 0,
    SPARSE = 1,
    INDEX_BITS = 14,
    VALUE_BITS = 64 - INDEX_BITS, /* of the hash that make the value: 1 .. VALUE_BITS + 1 */
    ZERO_MAX = 64,
    XZERO_MAX = 16384,
    RUN_VALUE_MAX = 32,
    RUN_LENGTH_MAX = 4,
    JOIN_LOOK = 5, /* runs looked at for joining */
};

/* ---- hash ---- */

/* MurmurHash64A (Austin Appleby, public domain), with the seed that the format prescribes. */
static uint64_t murmur(struct bytes data) {
    const uint64_t m = UINT64_C(0xc6a4a7935bd1e995);
    const unsigned char *at = (const unsigned char *)data.ptr;
    size_t left = data.len;
    uint64_t h = UINT64_C(0xadc83b19) ^ (data.len * m);
    for (; left >= 8; left -= 8, at += 8) {
        uint64_t k;
        memcpy(&k, at, sizeof(k));
        k *= m;
        k ^= k >> 47;
        h = (h ^ k * m) * m;
    }
    if (left > 0) {
        uint64_t tail = 0;
        memcpy(&tail, at, left); /* little endian: the first byte is the lowest */
        h = (h ^ tail) * m;
    }
    h = (h ^ h >> 47) * m;
    return h ^ h >> 47;
}

/* The element's register and the value for it: the number of zeros below the lowest one bit, plus 1. */
static unsigned element_value(struct bytes element, unsigned *index_out) {
    uint64_t hash = murmur(element);
    *index_out = (unsigned)(hash & (HLL_REGISTERS - 1));
    return (unsigned)__builtin_ctzll(hash >> INDEX_BITS | UINT64_C(1) << VALUE_BITS) + 1;
}

/* ---- header ---- */

bool hll_is_sound_header(struct bytes hll) {
    if (hll.len < HLL_HEADER_BYTES || memcmp(hll.ptr, "HYLL", 4) != 0)
        return false;
    return hll.ptr[4] == SPARSE || (hll.ptr[4] == DENSE && hll.len == HLL_DENSE_BYTES);
}

bool hll_is_dense(struct bytes hll) {
    return hll.ptr[4] == DENSE;
}

bool hll_cached_count(struct bytes hll, uint64_t *count_out) {
    memcpy(count_out, hll.ptr + 8, sizeof(*count_out));
    return *count_out >> 63 == 0;
}

void hll_set_cached_count(char *hll, uint64_t count) {
    memcpy(hll + 8, &count, sizeof(count));
}

void hll_drop_cached_count(char *hll) {
    hll[15] = (char)(hll[15] | 0x80);
}

void hll_put_empty(struct buf *hll) {
    static const char bytes[HLL_HEADER_BYTES + 2] = {
        'H', 'Y', 'L', 'L', SPARSE, [HLL_HEADER_BYTES] = 0x7f, (char)0xff};
    buf_put(hll, bytes, sizeof(bytes)); /* one run of 16384 zeros; the estimate 0 is right */
}

/* ---- dense registers: four of them in three bytes ---- */

static uint32_t read_group(const unsigned char *registers, unsigned group) {
    const unsigned char *at = registers + (size_t)group * 3;
    return (uint32_t)(at[0] | at[1] << 8 | at[2] << 16);
}

static unsigned dense_get(const unsigned char *registers, unsigned index) {
    return read_group(registers, index / 4) >> index % 4 * 6 & 63;
}

static void dense_set(unsigned char *registers, unsigned index, unsigned value) {
    unsigned char *at = registers + (size_t)(index / 4) * 3;
    unsigned shift = index % 4 * 6;
    uint32_t group = (read_group(registers, index / 4) & ~(UINT32_C(63) << shift)) | (uint32_t)value << shift;
    at[0] = (unsigned char)group;
    at[1] = (unsigned char)(group >> 8);
    at[2] = (unsigned char)(group >> 16);
}

static enum hll_added dense_raise(char *hll, unsigned index, unsigned value) {
    unsigned char *registers = (unsigned char *)hll + HLL_HEADER_BYTES;
    if (dense_get(registers, index) >= value)
        return HLL_SAME;
    dense_set(registers, index, value);
    hll_drop_cached_count(hll);
    return HLL_CHANGED;
}

/* ---- runs ---- */

struct run {
    unsigned value;
    unsigned length;
    size_t bytes;
};

/* Reads the run at `at`; false at the end, or if it is cut off there. */
static bool read_run(const unsigned char *at, const unsigned char *end, struct run *run_out) {
    if (at >= end)
        return false;
    if (at[0] & 0x80)
        *run_out = (struct run){(at[0] >> 2 & 31u) + 1, (at[0] & 3u) + 1, 1};
    else if ((at[0] & 0x40) == 0)
        *run_out = (struct run){0, at[0] + 1u, 1};
    else if (end - at >= 2)
        *run_out = (struct run){0, (unsigned)((at[0] & 63) << 8 | at[1]) + 1, 2};
    else
        return false;
    return true;
}

/* Writes a run, if it is not empty; gives the place behind it. */
static unsigned char *write_run(unsigned char *at, unsigned value, unsigned length) {
    if (length == 0)
        return at;
    if (value > 0) {
        *at++ = (unsigned char)(0x80 | (value - 1) << 2 | (length - 1));
    } else if (length <= ZERO_MAX) {
        *at++ = (unsigned char)(length - 1);
    } else {
        *at++ = (unsigned char)(0x40 | (length - 1) >> 8);
        *at++ = (unsigned char)(length - 1);
    }
    return at;
}

static unsigned char *runs_of(const struct buf *hll) {
    return (unsigned char *)hll->ptr + HLL_HEADER_BYTES;
}

static unsigned char *end_of(const struct buf *hll) {
    return (unsigned char *)hll->ptr + hll->len;
}

/* Replaces old_len bytes at `at` by `len` others. */
static void splice(struct buf *hll, size_t at, size_t old_len, const unsigned char *bytes, size_t len) {
    size_t tail = hll->len - at - old_len;
    (void)buf_room(hll, len);
    memmove(hll->ptr + at + len, hll->ptr + at + old_len, tail);
    memcpy(hll->ptr + at, bytes, len);
    hll->len = at + len + tail;
}

/* Joins runs of the same value, from the one at `at` on. */
static void join_runs(struct buf *hll, size_t at) {
    struct run run;
    struct run next;
    for (int look = 0; look < JOIN_LOOK && read_run((unsigned char *)hll->ptr + at, end_of(hll), &run);
         look++) {
        bool is_joined = run.value > 0 && read_run((unsigned char *)hll->ptr + at + 1, end_of(hll), &next) &&
                         next.value == run.value && next.length + run.length <= RUN_LENGTH_MAX;
        if (is_joined) {
            unsigned char joined[1];
            write_run(joined, run.value, run.length + next.length);
            splice(hll, at, 2, joined, sizeof(joined));
        } else {
            at += run.bytes;
        }
    }
}

enum hll_added hll_raise(struct buf *hll, unsigned index, unsigned value, size_t sparse_max) {
    if (hll_is_dense(buf_bytes(hll)))
        return dense_raise(hll->ptr, index, value);
    unsigned char text[5];
    unsigned first = 0; /* register where the run begins */
    struct run run = {0, 0, 0};
    const unsigned char *at = runs_of(hll);
    const unsigned char *before = at;
    while (read_run(at, end_of(hll), &run) && first + run.length <= index) {
        before = at;
        at += run.bytes;
        first += run.length;
    }
    if (at >= end_of(hll) || first + run.length <= index)
        return HLL_CORRUPT;
    if (run.value >= value)
        return HLL_SAME;
    unsigned char *to = write_run(text, run.value, index - first);
    to = write_run(to, value <= RUN_VALUE_MAX ? value : RUN_VALUE_MAX, 1);
    to = write_run(to, run.value, first + run.length - 1 - index);
    size_t len = (size_t)(to - text);
    if (value > RUN_VALUE_MAX || (len > run.bytes && hll->len + len - run.bytes > sparse_max)) {
        if (!hll_make_dense(hll))
            return HLL_CORRUPT;
        return dense_raise(hll->ptr, index, value);
    }
    size_t join_at = (size_t)(before - (unsigned char *)hll->ptr);
    splice(hll, (size_t)(at - (unsigned char *)hll->ptr), run.bytes, text, len);
    join_runs(hll, join_at);
    hll_drop_cached_count(hll->ptr);
    return HLL_CHANGED;
}

enum hll_added hll_add(struct buf *hll, struct bytes element, size_t sparse_max) {
    unsigned index;
    unsigned value = element_value(element, &index);
    return hll_raise(hll, index, value, sparse_max);
}

enum hll_added hll_add_dense(char *hll, struct bytes element) {
    unsigned index;
    unsigned value = element_value(element, &index);
    return dense_raise(hll, index, value);
}

bool hll_make_dense(struct buf *hll) {
    if (hll_is_dense(buf_bytes(hll)))
        return true;
    struct buf dense;
    struct run run;
    unsigned index = 0;
    buf_init(&dense);
    memset(buf_room(&dense, HLL_DENSE_BYTES), 0, HLL_DENSE_BYTES);
    buf_commit(&dense, HLL_DENSE_BYTES);
    memcpy(dense.ptr, hll->ptr, HLL_HEADER_BYTES);
    dense.ptr[4] = DENSE;
    for (const unsigned char *at = runs_of(hll); read_run(at, end_of(hll), &run); at += run.bytes) {
        if (run.length > HLL_REGISTERS - index) {
            index = HLL_REGISTERS + 1;
            break;
        }
        for (unsigned i = 0; run.value > 0 && i < run.length; i++)
            dense_set(runs_of(&dense), index + i, run.value);
        index += run.length;
    }
    if (index != HLL_REGISTERS) {
        buf_deinit(&dense);
        return false;
    }
    buf_deinit(hll);
    *hll = dense;
    return true;
}

/* ---- all registers ---- */

bool hll_merge(uint8_t *registers, struct bytes hll) {
    const unsigned char *at = (const unsigned char *)hll.ptr + HLL_HEADER_BYTES;
    const unsigned char *end = (const unsigned char *)hll.ptr + hll.len;
    unsigned index = 0;
    struct run run;
    if (hll_is_dense(hll)) {
        for (unsigned group = 0; group < HLL_REGISTERS / 4; group++) {
            uint32_t four = read_group(at, group);
            for (unsigned i = 0; i < 4; i++, four >>= 6)
                if ((four & 63) > registers[group * 4 + i])
                    registers[group * 4 + i] = four & 63;
        }
        return true;
    }
    for (; read_run(at, end, &run); at += run.bytes) {
        if (run.length > HLL_REGISTERS - index)
            return false;
        for (unsigned i = 0; run.value > 0 && i < run.length; i++)
            if (run.value > registers[index + i])
                registers[index + i] = (uint8_t)run.value;
        index += run.length;
    }
    return index == HLL_REGISTERS;
}

/* Ertl's sigma: x + sum over k of x^(2^k) * 2^(k-1), until it no longer grows. */
static double sigma(double x) {
    double y = 1;
    double sum = x;
    double before;
    if (x == 1.0)
        return INFINITY;
    do {
        before = sum;
        x *= x;
        sum += x * y;
        y += y;
    } while (sum != before);
    return sum;
}

/* Ertl's tau: a third of 1 - x - sum over k of (1 - x^(2^-k))^2 * 2^-k. */
static double tau(double x) {
    double y = 1;
    double sum = 1 - x;
    double before;
    if (x == 0.0 || x == 1.0)
        return 0;
    do {
        before = sum;
        x = sqrt(x);
        y *= 0.5;
        sum -= (1 - x) * (1 - x) * y;
    } while (sum != before);
    return sum / 3;
}

/* The estimate, from how many registers have each value. */
static uint64_t estimate(const unsigned counts[64]) {
    const double alpha_infinity = 0.721347520444481703680; /* 0.5 / ln 2 */
    const double m = HLL_REGISTERS;
    double z = m * tau((m - counts[VALUE_BITS + 1]) / m);
    for (int value = VALUE_BITS; value >= 1; value--)
        z = (z + counts[value]) * 0.5;
    z += m * sigma(counts[0] / m);
    return (uint64_t)llroundl((long double)(alpha_infinity * m * m / z));
}

bool hll_count(struct bytes hll, uint64_t *count_out) {
    const unsigned char *at = (const unsigned char *)hll.ptr + HLL_HEADER_BYTES;
    const unsigned char *end = (const unsigned char *)hll.ptr + hll.len;
    unsigned counts[64] = {0};
    uint64_t total = 0;
    struct run run;
    *count_out = 0;
    if (hll_is_dense(hll)) {
        for (unsigned group = 0; group < HLL_REGISTERS / 4; group++) {
            uint32_t four = read_group(at, group);
            counts[four & 63]++;
            counts[four >> 6 & 63]++;
            counts[four >> 12 & 63]++;
            counts[four >> 18 & 63]++;
        }
    } else {
        for (; read_run(at, end, &run); at += run.bytes) {
            counts[run.value] += run.length;
            total += run.length;
        }
        if (total != HLL_REGISTERS)
            return false;
    }
    *count_out = estimate(counts);
    return true;
}

void hll_registers_add(uint8_t *registers, struct bytes element) {
    unsigned index;
    unsigned value = element_value(element, &index);
    if (value > registers[index])
        registers[index] = (uint8_t)value;
}

uint64_t hll_registers_count(const uint8_t *registers) {
    unsigned counts[64] = {0};
    for (unsigned i = 0; i < HLL_REGISTERS; i++)
        counts[registers[i] & 63]++;
    return estimate(counts);
}

void hll_put_runs(struct bytes hll, struct buf *out) {
    const unsigned char *at = (const unsigned char *)hll.ptr + HLL_HEADER_BYTES;
    const unsigned char *end = (const unsigned char *)hll.ptr + hll.len;
    struct run run;
    for (bool is_first = true; read_run(at, end, &run); at += run.bytes, is_first = false) {
        if (!is_first)
            buf_put_char(out, ' ');
        if (run.value > 0)
            buf_printf(out, "v:%u,%u", run.value, run.length);
        else
            buf_printf(out, "%c:%u", run.bytes == 1 ? 'z' : 'Z', run.length);
    }
}
