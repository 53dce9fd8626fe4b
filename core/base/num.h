/* num.h: numbers as text, exactly as Redis reads and prints them. All functions are pure; none allocates. */
#pragma once

#include "core/base/bytes.h"

enum {
    NUM_INT_TEXT_MAX = 21, /* bytes that a 64-bit integer's text needs at most, sign included */

    /* Bytes that num_from_longdouble needs at most: the largest long double has 4933 digits
     * before the point. A float text to be read must be shorter than this, too. */
    NUM_DOUBLE_TEXT_MAX = 5120,

    /* Bytes that num_from_double needs at most: a sign, "0.000", 17 digits; or 17 digits, 6 zeros; or an exponent. */
    NUM_DOUBLE_SHORT_MAX = 32,
};

/* Reads a canonical decimal 64-bit integer: no spaces, no plus sign, no leading zeros, no "-0". False otherwise
 * or on overflow; *value_out is written only on success. */
bool num_parse_int(struct bytes text, int64_t *value_out);
bool num_parse_uint(struct bytes text, uint64_t *value_out);

/* Reads a floating point number as strtod does: whole text, no leading space, hexadecimal and "inf" words
 * allowed. NaN refused, and so is what overflows or vanishes to zero. Texts of NUM_DOUBLE_TEXT_MAX bytes or
 * more are refused. */
bool num_parse_double(struct bytes text, double *value_out);
bool num_parse_longdouble(struct bytes text, long double *value_out);

/* Reads "100", "64kb", "1g", "10mb": Redis's memory units (k = 1000, kb = 1024). */
bool num_parse_memory(struct bytes text, uint64_t *bytes_out);

/* Writes decimal text without a NUL; returns its length (at most NUM_INT_TEXT_MAX). */
size_t num_from_int(char *text, int64_t value);
size_t num_from_uint(char *text, uint64_t value);

/* The shortest text that reads back as `value`, laid out as Redis since 7.2 does: "3", "0.1", "1e-7", "1.5e+300",
 * "100000000000000000", "inf", "-inf", "nan", "-0". Writes at most NUM_DOUBLE_SHORT_MAX bytes, no NUL; returns the
 * length. */
size_t num_from_double(char *text, double value);

/* Human form of INCRBYFLOAT: 17 digits after the point, trailing zeros cut, no exponent. Writes at most
 * NUM_DOUBLE_TEXT_MAX bytes, no NUL; returns the length. */
size_t num_from_longdouble(char *text, long double value);

/* Checked arithmetic: false on overflow, *out untouched. */
static inline bool num_add(int64_t a, int64_t b, int64_t *out) {
    int64_t sum;
    if (__builtin_add_overflow(a, b, &sum))
        return false;
    *out = sum;
    return true;
}

static inline bool num_mul(int64_t a, int64_t b, int64_t *out) {
    int64_t product;
    if (__builtin_mul_overflow(a, b, &product))
        return false;
    *out = product;
    return true;
}
